//! What a user may write.

#![forbid(unsafe_code)]
#![deny(warnings)]
#![allow(dead_code)]

use bpfmap::{Be16, Be32, Be64, BpfLayout, BpfMapKey, BpfMapValue, Pad, zeroed};

#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
struct Inner {
    r#type: u16,
    port: Be16,
}

#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
struct Key {
    v6: [u8; 16],
    matrix: [[u16; 3]; 2],
    inner: [Inner; 2],
    addr: Be32,
    id: Be64,
    a: i8,
    b: u8,
    c: i16,
    d: i32,
    #[bpf(name = "else")]
    other: u64,
    e: i64,
    _reserved: [u8; 5],
    pad: Pad<3>,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C, packed)]
struct Packed {
    a: u8,
    b: u64,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Tuple(u32, u32);

macro_rules! made {
    ($name:ident, $($field:ident: $ty:ty),*) => {
        #[derive(BpfMapKey, Clone, Copy)]
        #[repr(C)]
        struct $name { $($field: $ty),* }
    };
}
made!(Made, a: u32, b: Be32);

mod shadows {
    #![allow(non_camel_case_types, non_upper_case_globals)]

    mod core {}
    mod std {}
    struct Option;
    struct Copy;
    struct u32;
    const None: () = ();
    const value: () = ();
    const a: () = ();

    #[derive(::bpfmap::BpfMapKey, ::core::clone::Clone, ::core::marker::Copy)]
    #[repr(C)]
    struct Key {
        a: u64,
        value: u64,
    }
}

mod renamed {
    use ::bpfmap as maps;

    #[derive(maps::BpfMapKey, Clone, Copy)]
    #[bpf(crate = maps)]
    #[repr(C)]
    struct Key {
        a: u64,
    }
}

const ID: usize = Key::LAYOUT.fields()[4].offset();
const _: () = assert!(ID == 40);

fn main() {
    let key = Key { a: -1, ..zeroed() };
    assert_eq!(key.pad, Pad::default());
    assert_eq!(Key::LAYOUT.fields()[9].c_name(), "else");
    assert_eq!(Inner::LAYOUT.fields()[0].name(), "type");
    assert_eq!(Packed::LAYOUT.fields()[1].offset(), 1);
    assert_eq!(Tuple::LAYOUT.fields()[1].name(), "1");
    assert_eq!(Made::LAYOUT.size(), 8);
}
