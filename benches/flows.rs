//! The types of `examples/bpf/flows.bpf.c`, and the program.

use bpfmap::{Be16, Be32, BpfMapKey, BpfMapValue, Pad};

/// The compiled `flows.bpf.c`: one hash map and one program.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!("../examples/bpf/flows.bpf.o");

/// `struct flow_key` of the C program.
#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
pub struct FlowKey {
    pub saddr: Be32,
    pub daddr: Be32,
    pub sport: Be16,
    pub dport: Be16,
    pub proto: u8,
    pub pad: Pad<3>,
}

/// `struct flow_stats` of the C program.
#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
pub struct FlowStats {
    pub packets: u64,
    pub bytes: u64,
}
