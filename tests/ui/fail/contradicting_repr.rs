use bpfmap::BpfMapKey;

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C, transparent)]
struct Both {
    addr: u32,
}

fn main() {}
