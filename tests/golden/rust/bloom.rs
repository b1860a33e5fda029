use bpfmap::{Be32, BloomFilter, BpfMapKey};

/// `struct prefix`, 8 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Prefix {
    pub prefixlen: u32,
    pub addr: Be32,
}

/// `seen`, bloom_filter: `Seen::open(&ebpf, "seen")?`.
pub type Seen = BloomFilter<Prefix>;
