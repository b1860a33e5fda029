//! What may be the key of a trie: what begins with a `u32`, by whatever name.

#![forbid(private_interfaces, private_bounds)]

use bpfmap::{Be32, BpfEnum, BpfMapKey, Enum, LpmKey, LpmTrie, Pad};

pub type Bits = u32;

#[derive(BpfEnum, Clone, Copy)]
#[repr(u32)]
enum Common {
    Host = 32,
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Inner {
    addr: Be32,
    zone: u32,
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
pub struct Named {
    bits: Bits,
    inner: Inner,
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C, packed)]
pub struct Tuple(pub core::primitive::u32, [u8; 6]);

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
pub struct Of<L, T>
where
    T: Copy,
{
    length: L,
    data: T,
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
pub struct Word {
    length: Enum<Common>,
    mac: [u8; 6],
    pad: Pad<2>,
}

// Of a type that is private, and no key of a trie.
#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
pub struct Other {
    inner: Inner,
    rest: u32,
}

mod from_macro {
    macro_rules! key {
        ($name:ident, $length:ty) => {
            #[derive(::bpfmap::BpfMapKey, Clone, Copy)]
            #[repr(C)]
            pub struct $name {
                length: $length,
                addr: u32,
            }
        };
    }
    key!(Made, u32);
}

fn is_key<K: LpmKey>() {
    let _ = LpmTrie::<K, u64>::from_id;
}

fn main() {
    is_key::<Named>();
    is_key::<Tuple>();
    is_key::<Of<u32, [u8; 16]>>();
    is_key::<Of<Bits, Inner>>();
    is_key::<Word>();
    is_key::<from_macro::Made>();
    let _ = (bpfmap::HashMap::<Other, u32>::from_id, Common::Host);
}
