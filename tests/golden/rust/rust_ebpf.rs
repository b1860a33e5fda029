use bpfmap::{
    Array, Be16, Be32, Be64, BpfMapKey, BpfMapValue, Globals, HashMap, Pad, PerCpu, RingBuf,
};

/// `struct Port`, 2 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Port(pub Be16);

/// `struct Endpoint`, 8 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Endpoint {
    pub addr: Be32,
    pub port: Port,
    pub pad: Pad<2>,
}

/// `struct FlowKey`, 20 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct FlowKey {
    pub from: Endpoint,
    pub to: Endpoint,
    pub protocol: u8,
    pub pad: Pad<3>,
}

/// `struct FlowStats`, 32 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct FlowStats {
    pub packets: u64,
    pub bytes: i64,
    pub last: [u16; 4],
    pub wide: Be64,
}

/// `struct Counts`, 8 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Counts(pub u32, pub u32);

/// `struct Gen_3C_u32_2C__20_2_3E_`, 12 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct GenU32_2 {
    pub items: [u32; 2],
    pub one: u32,
}

/// `struct History`, 12 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct History(pub GenU32_2);

/// `struct Event`, 44 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Event {
    pub flow: FlowKey,
    pub counts: Counts,
    pub history: History,
    pub room: Pad<4>,
}

/// The variables of `.bss`.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Bss {
    #[bpf(name = "PACKETS")]
    pub packets: u64,
}

/// The variables of `.data`.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Data {
    #[bpf(name = "LATEST")]
    pub latest: GenU32_2,
}

/// `ARRAY`, array: `ArrayMap::open(&ebpf, "ARRAY")?`.
pub type ArrayMap = Array<FlowStats>;

/// `EVENTS`, ringbuf: `OpenOptions::new().event("Event").open::<Events>(&ebpf, "EVENTS")?`.
pub type Events = RingBuf<Event>;

/// `FLOWS`, hash: `Flows::open(&ebpf, "FLOWS")?`.
pub type Flows = HashMap<FlowKey, FlowStats>;

/// `PERCPU`, percpu_hash: `Percpu::open(&ebpf, "PERCPU")?`.
pub type Percpu = HashMap<u32, PerCpu<FlowStats>>;

/// `PORTS`, lru_hash: `Ports::open(&ebpf, "PORTS")?`.
pub type Ports = HashMap<Port, GenU32_2>;

/// `LEGACY`, hash: `OpenOptions::new().allow_sizes_only(true).open::<Legacy>(&ebpf, "LEGACY")?`.
/// Declared by sizes and not by types, so there is nothing to compare with.
pub type Legacy = HashMap<[u8; 8], [u8; 12]>;

/// `UNSEEN`, hash: `OpenOptions::new().allow_sizes_only(true).open::<Unseen>(&ebpf, "UNSEEN")?`.
/// Declared by sizes and not by types, so there is nothing to compare with.
pub type Unseen = HashMap<[u8; 4], [u8; 4]>;

/// `.bss`, array: `BssMap::open(&ebpf, ".bss")?`.
pub type BssMap = Globals<Bss>;

/// `.data`, array: `DataMap::open(&ebpf, ".data")?`.
pub type DataMap = Globals<Data>;
