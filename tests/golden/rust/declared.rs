use bpfmap::{ArrayOfMaps, BpfMapKey, BpfMapValue, Globals, HashMap, LpmTrie, Pad, Queue};

/// `struct event`, 16 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Event {
    pub at: u64,
    pub pid: u32,
    pub port: u16,
    pub comm: [u8; 2],
}

/// The key of `routes`, of which only the size is declared.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct RoutesKey {
    pub prefixlen: u32,
    pub data: [u8; 4],
}

/// The variables of `.data`.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Data {
    pub here: u32,
}

/// `struct scheduler_ops`, 16 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct SchedulerOps {
    /// `a function *`.
    #[bpf(pointer)]
    pub pick: u64,
    pub flags: u32,
    pub _pad2: Pad<4>,
}

// `events` (ringbuf): no map declares the types of events: name the struct, with `bpfmap layout --rust --type NAME`, and its Rust type is written.

// `jumps` (prog_array): bpfmap has no typed map for maps of this type.

/// `tenants`, array_of_maps: `Tenants::open(&ebpf, "tenants")?`.
pub type Tenants = ArrayOfMaps<HashMap<u32, u64>>;

// `samples` (perf_event_array): bpfmap has no typed map for maps of this type.

/// `queue`, queue: `QueueMap::open(&ebpf, "queue")?`.
pub type QueueMap = Queue<Event>;

/// `routes`, lpm_trie: `OpenOptions::new().allow_sizes_only(true).open::<Routes>(&ebpf, "routes")?`.
/// Declared by sizes and not by types, so there is nothing to compare with.
pub type Routes = LpmTrie<RoutesKey, u32>;

/// `legacy`, lru_hash: `OpenOptions::new().allow_sizes_only(true).open::<Legacy>(&ebpf, "legacy")?`.
/// Declared by sizes and not by types, so there is nothing to compare with.
pub type Legacy = HashMap<[u8; 4], [u8; 8]>;

/// `.data`, array: `DataMap::open(&ebpf, ".data")?`.
pub type DataMap = Globals<Data>;

// `scheduler` (struct_ops): bpfmap has no typed map for maps of this type.
