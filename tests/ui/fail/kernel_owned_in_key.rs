use bpfmap::{BpfMapKey, SpinLock};

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Key {
    lock: SpinLock,
    id: u32,
}

fn main() {}
