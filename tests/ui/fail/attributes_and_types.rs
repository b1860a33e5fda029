//! Words that the type of the field contradicts.

use bpfmap::{BpfMapValue, Pad};

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Inner {
    a: u32,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Value {
    #[bpf(pointer)]
    next: u32,
    #[bpf(pointer)]
    several: [u8; 8],
    #[bpf(bitfields)]
    flags: i32,
    #[bpf(allow(signedness))]
    inner: Inner,
    #[bpf(allow(byte_order))]
    bytes: [u8; 4],
    #[bpf(allow(signedness))]
    pad: Pad<4>,
}

fn main() {}
