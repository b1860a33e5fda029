use bpfmap::{
    Array, Be16, Be32, Be64, BpfEnum, BpfMapKey, BpfMapValue, Enum, HashMap, LpmTrie, Pad, PerCpu,
    Queue,
};

/// `struct orders`, 24 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Orders {
    pub be64: Be64,
    pub be32: Be32,
    pub be16: Be16,
    pub sum16: Be16,
    /// Little-endian, whatever the host is.
    #[bpf(allow(byte_order))]
    pub le32: u32,
    pub host16: u16,
    pub other16: u16,
}

/// `struct part`, 8 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Part {
    pub x: u32,
    pub y: [u16; 2],
}

/// `struct tight`, 15 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C, packed)]
pub struct Tight {
    pub a: u8,
    pub b: u32,
    pub c: u16,
    pub d: u64,
}

/// `struct prefix`, 8 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Prefix {
    pub prefixlen: u32,
    pub addr: [u8; 4],
}

/// `enum color`.
#[derive(BpfEnum, Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Color {
    /// `RED`
    Red = 0,
    /// `GREEN`
    Green = 1,
    /// `BLUE`
    Blue = 200,
}

/// `enum sign`.
#[derive(BpfEnum, Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Sign {
    /// `MINUS`
    Minus = -1,
    /// `ZERO`
    Zero = 0,
    /// `PLUS`
    Plus = 1,
}

/// `struct numbers`, 64 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Numbers {
    pub a: u64,
    pub b: i64,
    pub c: u32,
    pub d: i32,
    pub e: u16,
    pub f: i16,
    pub g: u8,
    pub h: i8,
    pub i: u8,
    /// A `bool`: 0 is false, all else true.
    pub j: u8,
    pub k: u32,
    pub color: Enum<Color>,
    pub sign: Enum<Sign>,
    pub _pad13: Pad<4>,
    pub l: i64,
    pub m: u64,
}

/// `struct parts`, 80 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Parts {
    pub first: Part,
    pub more: [Part; 2],
    pub matrix: [[u8; 3]; 2],
    pub name: [u8; 6],
    pub unnamed: u16,
    pub too: u16,
    /// A union: `word: __u32`, `bytes: __u8[4]`; `arm_of_union` is for one of them.
    #[bpf(opaque)]
    pub word_or_bytes: [u8; 4],
    pub _pad7: Pad<4>,
    /// A union: `wide: __u64`, `part: struct part`; `arm_of = "either"` is for one of them.
    #[bpf(opaque)]
    pub either: [u8; 8],
    /// `void *`.
    #[bpf(pointer)]
    pub pointer: u64,
    /// `struct part *`.
    #[bpf(pointer)]
    pub several: [u64; 2],
}

/// `struct bits`, 24 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Bits {
    /// Bitfields: `a` is bits 0 to 2, `b` is bits 3 to 9, `c` is bits 10 to 14, `d` is bits 17 to 31.
    #[bpf(bitfields)]
    pub a_others: u32,
    pub _pad1: Pad<4>,
    /// Bitfields: `e` is bits 0 to 32, `f` is bits 33 to 63.
    #[bpf(bitfields)]
    pub e_f: u64,
    /// Bitfields: `g` is bit 0, `h` is bits 1 to 9.
    #[bpf(bitfields)]
    pub g_h: u16,
    pub whole: u8,
    pub _pad4: Pad<5>,
}

/// `struct wide`, 32 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Wide {
    /// `__int128`, the half that stands first in memory first.
    pub a: [u64; 2],
    /// `unsigned __int128`, the half that stands first in memory first.
    pub b: [u64; 2],
}

/// `struct real`, 16 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Real {
    /// The bits of a `double`.
    pub a: u64,
    /// The bits of a `float`.
    pub b: u32,
    /// The bits of a `float`.
    pub c: u32,
}

/// `struct text`, 24 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Text {
    pub text: [u8; 16],
    pub other: [u8; 4],
    pub bytes: [u8; 4],
}

/// `struct flexible`, 4 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Flexible {
    pub len: u32,
}

/// `numbers`, hash: `NumbersMap::open(&ebpf, "numbers")?`.
pub type NumbersMap = HashMap<u32, Numbers>;

/// `orders`, hash: `OrdersMap::open(&ebpf, "orders")?`.
pub type OrdersMap = HashMap<Orders, Orders>;

/// `parts`, lru_hash: `PartsMap::open(&ebpf, "parts")?`.
pub type PartsMap = HashMap<Part, Parts>;

/// `tight`, hash: `TightMap::open(&ebpf, "tight")?`.
pub type TightMap = HashMap<Tight, Tight>;

/// `bits`, hash: `BitsMap::open(&ebpf, "bits")?`.
pub type BitsMap = HashMap<u64, Bits>;

/// `wide`, hash: `WideMap::open(&ebpf, "wide")?`.
pub type WideMap = HashMap<u32, Wide>;

/// `real`, hash: `RealMap::open(&ebpf, "real")?`.
pub type RealMap = HashMap<u32, Real>;

/// `text`, array: `TextMap::open(&ebpf, "text")?`.
pub type TextMap = Array<Text>;

/// `flexible`, hash: `FlexibleMap::open(&ebpf, "flexible")?`.
pub type FlexibleMap = HashMap<u32, Flexible>;

/// `scalar`, hash: `Scalar::open(&ebpf, "scalar")?`.
pub type Scalar = HashMap<i16, u8>;

/// `per_cpu`, percpu_hash: `PerCpuMap::open(&ebpf, "per_cpu")?`.
pub type PerCpuMap = HashMap<u32, PerCpu<Part>>;

/// `per_cpu_array`, percpu_array: `PerCpuArray::open(&ebpf, "per_cpu_array")?`.
pub type PerCpuArray = Array<PerCpu<u32>>;

/// `name_of_more_than_15_bytes`, array: `NameOfMoreThan15Bytes::open(&ebpf, "name_of_more_than_15_bytes")?`.
pub type NameOfMoreThan15Bytes = Array<u64>;

/// `routes`, lpm_trie: `Routes::open(&ebpf, "routes")?`.
pub type Routes = LpmTrie<Prefix, Enum<Color>>;

/// `untyped`, hash: `OpenOptions::new().allow_sizes_only(true).open::<Untyped>(&ebpf, "untyped")?`.
/// Declared by sizes and not by types, so there is nothing to compare with.
pub type Untyped = HashMap<[u8; 6], [u8; 3]>;

/// `queue`, queue: `QueueMap::open(&ebpf, "queue")?`.
pub type QueueMap = Queue<Part>;
