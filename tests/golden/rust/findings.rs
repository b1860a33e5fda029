use bpfmap::{Array, BpfEnum, BpfMapKey, BpfMapValue, Enum, HashMap, LpmTrie, Pad};

/// `struct endpoint`, 4 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Endpoint {
    pub proto: u8,
    pub _pad1: Pad<1>,
    pub port: u16,
}

/// `struct holed`, 24 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Holed {
    pub from: Endpoint,
    pub _pad1: Pad<4>,
    pub cookie: u64,
    pub last: u8,
    pub _pad3: Pad<7>,
}

/// `union address`, 16 bytes.
/// A union: `v4: __be32`, `v6: __be32[4]`.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Address(#[bpf(opaque)] pub [u8; 16]);

/// `void *`, 8 bytes.
/// `void *`.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct PointersKey(#[bpf(pointer)] pub u64);

/// `struct prefix`, 10 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C, packed)]
pub struct Prefix {
    /// `struct header`, the length of the prefix.
    #[bpf(opaque)]
    pub header: u32,
    pub address: [u8; 4],
    pub rest: u16,
}

/// `struct aligned`, 32 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Aligned {
    pub wide: u64,
    pub narrow: u8,
    pub _pad2: Pad<23>,
}

/// `struct packed`, 37 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C, packed)]
pub struct Packed {
    pub first: u8,
    pub aligned: Aligned,
    pub odd: u32,
}

/// `struct flags`, 16 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Flags {
    /// Bitfields: `first` is bit 0, `second` is bits 1 to 7.
    #[bpf(bitfields)]
    pub first_second: u8,
    pub whole: u8,
    pub _pad2: Pad<2>,
    /// Bitfields: `low` is bits 0 to 23.
    #[bpf(bitfields)]
    pub low: u32,
    /// Bitfields: `wide` is bits 0 to 39.
    #[bpf(bitfields)]
    pub wide: [u8; 5],
    pub r#type: u8,
    pub _pad5: Pad<2>,
}

/// `struct Self`, 24 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Self2 {
    #[bpf(name = "self")]
    pub self_: u32,
    pub r#type: u32,
    #[bpf(name = "srcIP")]
    pub src_ip: u32,
    #[bpf(name = "src_ip")]
    pub src_ip2: u32,
    pub _pad0: Pad<4>,
    pub r#gen: u16,
    pub _pad5: Pad<2>,
}

/// `pair`, 32 bytes.
/// A union: `v4: __be32`, `v6: __be32[4]`.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Pair(#[bpf(opaque)] pub [u8; 32]);

/// `enum verdict`.
/// `VERDICT_BLOCK` has the number of `Drop` too.
#[derive(BpfEnum, Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Verdict {
    /// `VERDICT_PASS`
    Pass = 0,
    /// `VERDICT_DROP`
    Drop = 2,
}

/// `enum (anonymous)`.
#[derive(BpfEnum, Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Number {
    /// `ONE`
    One = 1,
}

/// `struct (anonymous)`, 4 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct NamelessHalves {
    pub low: u16,
    pub high: u16,
}

/// `enum (anonymous)`.
#[derive(BpfEnum, Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum NamelessSide {
    /// `LEFT`
    Left = 0,
    /// `RIGHT`
    Right = 1,
}

/// `struct nameless`, 20 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Nameless {
    pub verdict: Enum<Verdict>,
    pub number: Enum<Number>,
    pub halves: [NamelessHalves; 2],
    pub side: Enum<NamelessSide>,
}

/// `struct empty`, 4 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Empty {
    pub _pad0: Pad<4>,
}

/// `holed`, hash: `HoledMap::open(&ebpf, "holed")?`.
pub type HoledMap = HashMap<Holed, u64>;

/// `flags`, hash: `FlagsMap::open(&ebpf, "flags")?`.
pub type FlagsMap = HashMap<u32, Flags>;

/// `hidden`, hash: `Hidden::open(&ebpf, "hidden")?`.
pub type Hidden = HashMap<Endpoint, u64>;

/// `Option`, hash: `OptionMap::open(&ebpf, "Option")?`.
pub type OptionMap = HashMap<u32, Self2>;

/// `HashMap`, array: `HashMapMap::open(&ebpf, "HashMap")?`.
pub type HashMapMap = Array<Self2>;

/// `addresses`, hash: `Addresses::open(&ebpf, "addresses")?`.
pub type Addresses = HashMap<Address, Address>;

/// `pairs`, hash: `Pairs::open(&ebpf, "pairs")?`.
pub type Pairs = HashMap<u32, Pair>;

/// `pointers`, hash: `Pointers::open(&ebpf, "pointers")?`.
pub type Pointers = HashMap<PointersKey, [u64; 2]>;

/// `routes`, lpm_trie: `Routes::open(&ebpf, "routes")?`.
pub type Routes = LpmTrie<Prefix, u64>;

/// `packed`, hash: `PackedMap::open(&ebpf, "packed")?`.
pub type PackedMap = HashMap<Packed, Aligned>;

/// `nameless`, hash: `NamelessMap::open(&ebpf, "nameless")?`.
pub type NamelessMap = HashMap<u32, Nameless>;

/// `empty`, hash: `EmptyMap::open(&ebpf, "empty")?`.
pub type EmptyMap = HashMap<u32, Empty>;
