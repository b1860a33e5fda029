use bpfmap::{BpfMapKey, Pad};

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Key {
    a: u32,
    none: [u8; 0],
    pad: Pad<0>,
}

fn main() {}
