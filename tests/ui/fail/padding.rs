//! Every gap is named at its field, all in one run.

use bpfmap::{BpfMapKey, BpfMapValue};

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct FlowKey {
    proto: u8,
    addr: [u32; 4],
    _pad2: u8,
    port: u16,
    zone: u8,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C, align(16))]
struct Aligned {
    count: u64,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C, packed(2))]
struct PackedToTwo {
    flag: u8,
    count: u64,
    last: u8,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Outer {
    first: u8,
    inner: PackedToTwo,
    r#type: u8,
    keys: [FlowKey; 2],
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Tuple(
    u8,
    u64,
    u16,
);

/// The line to insert is as visible as the field, and stands before what
/// belongs to the field; where there is no comma it brings one.
#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
#[rustfmt::skip]
pub struct Public {
    pub kind: u16,
    /// Where it is.
    #[bpf(pointer)]
    pub(crate) next: u64,
    pub last: u8
}

fn main() {}
