use bpfmap::{Be16, Be32, BpfMapKey, BpfMapValue, HashMap, Pad};

/// `struct flow_key`, 16 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct FlowKey {
    pub saddr: Be32,
    pub daddr: Be32,
    pub sport: Be16,
    pub dport: Be16,
    pub proto: u8,
    pub pad: Pad<3>,
}

/// `struct flow_stats`, 16 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct FlowStats {
    pub packets: u64,
    pub bytes: u64,
}

/// `flows`, hash: `Flows::open(&ebpf, "flows")?`.
pub type Flows = HashMap<FlowKey, FlowStats>;
