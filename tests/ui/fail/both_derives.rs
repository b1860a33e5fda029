use bpfmap::{BpfMapKey, BpfMapValue};

#[derive(BpfMapKey, BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Both {
    a: u32,
}

fn main() {}
