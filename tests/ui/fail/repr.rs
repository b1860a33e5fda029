use bpfmap::BpfMapKey;

#[derive(BpfMapKey, Clone, Copy)]
struct Unordered {
    addr: u32,
    port: u16,
    zone: u16,
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(packed)]
struct Packed {
    addr: u32,
    zone: u8,
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(Rust)]
struct Rust {
    addr: u32,
}

fn main() {}
