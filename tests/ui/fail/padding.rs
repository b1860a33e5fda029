//! Every gap is named at its field, all in one run.

use bpfmap::{BpfMapKey, BpfMapValue};

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct FlowKey {
    proto: u8,
    addr: [u32; 4],
    _pad1: u8,
    port: u16,
    zone: u8,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C, align(16))]
struct Aligned {
    count: u64,
}

fn main() {}
