use bpfmap::BpfMapKey;

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Key {
    saddr: u32,
    #[bpf(name = "saddr")]
    source: u32,
    #[bpf(name = "port")]
    a: u32,
    #[bpf(name = "port")]
    b: u32,
    // The arms of two unions may have one name.
    #[bpf(arm_of = "first", name = "v4")]
    c: u32,
    #[bpf(arm_of = "second", name = "v4")]
    d: u32,
}

fn main() {}
