use bpfmap::BpfMapKey;

#[derive(BpfMapKey, Clone, Copy)]
struct Unordered {
    addr: u32,
    port: u16,
    zone: u16,
}

fn main() {}
