use bpfmap::{
    Array, Be16, Be32, Be64, BpfEnum, BpfMapKey, BpfMapValue, Enum, HashMap, Kptr, Pad, SpinLock,
    Timer,
};

/// `struct flexible`, 4 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Flexible {
    /// Not apart: `len: __u32`, `data: __u32[0]`.
    #[bpf(opaque)]
    pub len_and_data: [u8; 4],
}

/// `struct inner`, 8 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Inner {
    pub x: u32,
    pub y: u16,
    pub z: u16,
}

/// `struct integers`, 56 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Integers {
    pub a: u64,
    pub b: i64,
    pub c: u64,
    pub d: i64,
    pub e: u32,
    pub f: i32,
    pub g: u16,
    pub h: i16,
    pub i: u8,
    pub j: i8,
    pub k: u8,
    /// A `bool`: 0 is false, all else true.
    pub l: u8,
    pub m: u32,
    pub _pad13: Pad<4>,
}

/// `struct orders`, 24 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
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

/// `enum color`.
#[derive(BpfEnum, Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Color {
    /// `RED`
    Red = 0,
    /// `GREEN`
    Green = 1,
    /// `BLUE`
    Blue = 2,
}

/// `enum sign`.
#[derive(BpfEnum, Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Sign {
    /// `MINUS`
    Minus = -1,
    /// `PLUS`
    Plus = 1,
}

/// `struct enums`, 8 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Enums {
    pub color: Enum<Color>,
    pub sign: Enum<Sign>,
}

/// `struct nested`, 32 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Nested {
    pub first: Inner,
    pub more: [Inner; 2],
    pub matrix: [[u8; 3]; 2],
    pub end: u16,
}

/// `struct holes`, 12 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Holes {
    pub a: u8,
    pub _pad1: Pad<3>,
    pub b: u32,
    pub c: u16,
    pub _pad3: Pad<2>,
}

/// `struct padding`, 16 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Padding {
    pub a: u8,
    pub __pad1: Pad<3>,
    pub b: u32,
    pub reserved: Pad<4>,
    pub padlock: u32,
}

/// `struct packed`, 7 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C, packed)]
pub struct Packed {
    pub a: u8,
    pub b: u32,
    pub c: u16,
}

/// `struct anonymous`, 16 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Anonymous {
    pub a: u32,
    pub b: u16,
    pub c: u16,
    pub d: u64,
}

/// `struct unions`, 24 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Unions {
    pub kind: u32,
    /// A union: `v4: __be32`, `v6: __u8[16]`; `arm_of_union` is for one of them.
    #[bpf(opaque)]
    pub v4_or_v6: [u8; 16],
    /// A union: `word: __u32`, `bytes: __u8[4]`; `arm_of = "named"` is for one of them.
    #[bpf(opaque)]
    pub named: [u8; 4],
}

/// `struct bitfields`, 8 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Bitfields {
    /// Bitfields: `a` is bits 0 to 3, `b` is bits 4 to 15, `c` is bits 16 to 31.
    #[bpf(bitfields)]
    pub a_b_c: u32,
    pub d: u32,
}

/// `struct pointers`, 32 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Pointers {
    /// `void *`.
    #[bpf(pointer)]
    pub address: u64,
    pub number: u64,
    /// `struct inner *`.
    #[bpf(pointer)]
    pub several: [u64; 2],
}

/// `struct arms`, 16 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Arms {
    pub kind: u32,
    /// A union: `port: __u16`, `zone: __u16`, `index: __u32`; `arm_of_union` is for one of them.
    #[bpf(opaque)]
    pub port_or_zone_or_index: [u8; 4],
    /// A union: `word: __u64`, `inner: struct inner`; `arm_of = "named"` is for one of them.
    #[bpf(opaque)]
    pub named: [u8; 8],
}

/// `struct bits`, 8 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Bits {
    /// Bitfields: `a` is bits 0 to 2, `b` is bits 3 to 7.
    #[bpf(bitfields)]
    pub a_b: u8,
    pub whole: u8,
    /// Bitfields: `c` is bits 0 to 8.
    #[bpf(bitfields)]
    pub c: u16,
    pub end: u32,
}

/// `struct kernel_owned`, 40 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct KernelOwned {
    pub lock: SpinLock,
    pub count: u32,
    pub timer: Timer,
    pub task: Kptr,
    /// `struct task_struct *`.
    #[bpf(pointer)]
    pub plain: u64,
}

/// `struct bpf_wq`, 8 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct BpfWq {
    pub half: u64,
}

/// `struct odd`, 16 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Odd {
    pub work: BpfWq,
    pub rest: u64,
}

/// `struct port`, 2 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Port {
    pub number: u16,
}

/// `struct newtypes`, 16 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Newtypes {
    pub port: Be16,
    pub zone: u16,
    pub inner: Inner,
    pub wrapped: Port,
    pub end: u16,
}

/// `integers`, hash: `IntegersMap::open(&ebpf, "integers")?`.
pub type IntegersMap = HashMap<u32, Integers>;

/// `orders`, hash: `OrdersMap::open(&ebpf, "orders")?`.
pub type OrdersMap = HashMap<u32, Orders>;

/// `enums`, hash: `EnumsMap::open(&ebpf, "enums")?`.
pub type EnumsMap = HashMap<u32, Enums>;

/// `nested`, hash: `NestedMap::open(&ebpf, "nested")?`.
pub type NestedMap = HashMap<u32, Nested>;

/// `holes`, hash: `HolesMap::open(&ebpf, "holes")?`.
pub type HolesMap = HashMap<u32, Holes>;

/// `padding`, hash: `PaddingMap::open(&ebpf, "padding")?`.
pub type PaddingMap = HashMap<u32, Padding>;

/// `packed`, hash: `PackedMap::open(&ebpf, "packed")?`.
pub type PackedMap = HashMap<u32, Packed>;

/// `anonymous`, hash: `AnonymousMap::open(&ebpf, "anonymous")?`.
pub type AnonymousMap = HashMap<u32, Anonymous>;

/// `unions`, hash: `UnionsMap::open(&ebpf, "unions")?`.
pub type UnionsMap = HashMap<u32, Unions>;

/// `bitfields`, hash: `BitfieldsMap::open(&ebpf, "bitfields")?`.
pub type BitfieldsMap = HashMap<u32, Bitfields>;

/// `pointers`, hash: `PointersMap::open(&ebpf, "pointers")?`.
pub type PointersMap = HashMap<u32, Pointers>;

/// `arms`, hash: `ArmsMap::open(&ebpf, "arms")?`.
pub type ArmsMap = HashMap<u32, Arms>;

/// `bits`, hash: `BitsMap::open(&ebpf, "bits")?`.
pub type BitsMap = HashMap<u32, Bits>;

/// `kernel_owned`, hash: `KernelOwnedMap::open(&ebpf, "kernel_owned")?`.
pub type KernelOwnedMap = HashMap<u32, KernelOwned>;

/// `odd`, hash: `OddMap::open(&ebpf, "odd")?`.
pub type OddMap = HashMap<u32, Odd>;

/// `newtypes`, hash: `NewtypesMap::open(&ebpf, "newtypes")?`.
pub type NewtypesMap = HashMap<u32, Newtypes>;

/// `flexible`, hash: `FlexibleMap::open(&ebpf, "flexible")?`.
pub type FlexibleMap = HashMap<Flexible, Flexible>;

/// `scalar`, hash: `Scalar::open(&ebpf, "scalar")?`.
pub type Scalar = HashMap<u32, u64>;

/// `bytes`, hash: `Bytes::open(&ebpf, "bytes")?`.
pub type Bytes = HashMap<[u8; 6], [u8; 16]>;

/// `an_inner`, hash: `AnInner::open(&ebpf, "an_inner")?`.
pub type AnInner = HashMap<u32, Inner>;

/// `an_array`, array: `AnArray::open(&ebpf, "an_array")?`.
pub type AnArray = Array<Inner>;

/// `an_lru`, lru_hash: `AnLru::open(&ebpf, "an_lru")?`.
pub type AnLru = HashMap<Inner, Inner>;

/// `a_name_longer_than_the_kernel_keeps`, hash: `ANameLongerThanTheKernelKeeps::open(&ebpf, "a_name_longer_than_the_kernel_keeps")?`.
pub type ANameLongerThanTheKernelKeeps = HashMap<u32, Inner>;

/// `sizes_only`, hash: `OpenOptions::new().allow_sizes_only(true).open::<SizesOnly>(&ebpf, "sizes_only")?`.
/// Declared by sizes and not by types, so there is nothing to compare with.
pub type SizesOnly = HashMap<[u8; 4], [u8; 8]>;

// `.bss` (array): it has no variables but pointers that keep types in the BTF.
