use bpfmap::BpfMapKey;

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
#[bpf(name = "flow_key")]
struct Key {
    #[bpf(rename = "saddr")]
    source: u32,
    #[bpf(name = "daddr", name = "dst")]
    destination: u32,
    #[bpf(name = "")]
    port: u32,
}

fn main() {}
