//! Unknown and contradicting words are refused where they stand.

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
    #[bpf(ponter)]
    next: u64,
    #[bpf(pointer, opaque)]
    previous: u64,
    #[bpf(opaque)]
    #[bpf(opaque)]
    blob: u64,
    #[bpf(allow)]
    nothing: u32,
    #[bpf(allow(signed))]
    sign: u32,
    #[bpf(allow(signedness, signedness))]
    twice: u32,
    #[bpf(opaque, allow(byte_order))]
    order: u32,
    #[bpf(bitfields, name = "flags")]
    flags: u32,
    #[bpf(arm_of)]
    arm: u32,
    #[bpf(zebra)]
    other: u32,
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
#[bpf(krate = bpfmap)]
struct Renamed {
    a: u32,
}

fn main() {}
