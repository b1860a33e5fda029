use bpfmap::{
    Array, Be32, BpfMapKey, BpfMapValue, Globals, HashMap, LpmTrie, Pad, PerCpu, SpinLock,
};

/// `struct prefix`, 8 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Prefix {
    pub prefixlen: u32,
    pub addr: Be32,
}

/// `struct opened`, 16 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Opened {
    pub kind: u32,
    pub pid: u32,
    pub inode: u64,
}

/// `struct closed`, 8 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Closed {
    pub kind: u32,
    pub pid: u32,
}

/// `struct count`, 8 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Count {
    pub packets: u32,
    pub last: u16,
    pub _pad2: Pad<2>,
}

/// `struct locked`, 16 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Locked {
    pub lock: SpinLock,
    pub low: u32,
    pub high: u64,
}

/// The variables of `.bss`.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Bss {
    #[bpf(name = "report.pid")]
    pub report_pid: u32,
    pub _pad1: Pad<4>,
    /// `const struct opened *`.
    #[bpf(pointer)]
    pub unused_opened: u64,
    /// `const struct closed *`.
    #[bpf(pointer)]
    pub unused_closed: u64,
}

// `events` (ringbuf): it may hold events of several types: `bpfmap::events!` makes one of them.
// Its events may be of: opened, closed.

/// `percpu_array`, percpu_array: `PercpuArray::open(&ebpf, "percpu_array")?`.
pub type PercpuArray = Array<PerCpu<Count>>;

/// `percpu_hash`, percpu_hash: `PercpuHash::open(&ebpf, "percpu_hash")?`.
pub type PercpuHash = HashMap<u32, PerCpu<Count>>;

/// `mapped`, array: `Mapped::open(&ebpf, "mapped")?`.
pub type Mapped = Array<Count>;

/// `large`, hash: `Large::open(&ebpf, "large")?`.
pub type Large = HashMap<u32, u64>;

/// `lru_percpu_hash`, lru_percpu_hash: `LruPercpuHash::open(&ebpf, "lru_percpu_hash")?`.
pub type LruPercpuHash = HashMap<u32, PerCpu<Count>>;

/// `lru`, lru_hash: `Lru::open(&ebpf, "lru")?`.
pub type Lru = HashMap<u32, u64>;

/// `locked`, hash: `LockedMap::open(&ebpf, "locked")?`.
pub type LockedMap = HashMap<u32, Locked>;

/// `locked_array`, array: `LockedArray::open(&ebpf, "locked_array")?`.
pub type LockedArray = Array<Locked>;

/// `array`, array: `ArrayMap::open(&ebpf, "array")?`.
pub type ArrayMap = Array<Count>;

/// `routes`, lpm_trie: `Routes::open(&ebpf, "routes")?`.
pub type Routes = LpmTrie<Prefix, u32>;

/// `.bss`, array: `BssMap::open(&ebpf, ".bss")?`.
pub type BssMap = Globals<Bss>;
