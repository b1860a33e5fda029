//! What a user may write.

#![forbid(unsafe_code)]
#![deny(warnings)]
#![allow(dead_code)]

use bpfmap::{
    Be16, Be32, Be64, BpfEnum, BpfLayout, BpfMapKey, BpfMapValue, Enum, Kptr, Pad, SpinLock, Timer,
    assert_layout, zeroed,
};

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
#[repr(C, align(8))]
struct Aligned {
    a: u32,
    b: u32,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Tuple(u32, u32);

/// A field may speak of the struct, and of constants of any name.
#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct SelfReferential {
    a: [u8; Self::LEN],
    b: [u8; padding_before_b],
}

impl SelfReferential {
    const LEN: usize = 3;
}

#[allow(non_upper_case_globals)]
const padding_before_b: usize = 1;

/// It need not be `Copy`; only `aya::Pod` is.
#[derive(BpfMapValue)]
#[repr(C)]
struct NotCopy {
    a: u32,
}

/// A newtype, and one over it.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
struct Port(Be16);

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Listener {
    port: Port,
}

#[derive(BpfEnum, Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
enum Verdict {
    // Of the name that the trait has for the integer.
    Int = -1,
    Pass,
    Drop = 0x7fff_ffff,
}

/// What a value may hold and a key may not, and words for what C has and Rust
/// has not.
#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Value {
    lock: SpinLock,
    verdict: Enum<Verdict>,
    timer: Timer,
    task: Kptr,
    #[bpf(pointer)]
    next: u64,
    #[bpf(pointer)]
    several: [u64; 2],
    #[bpf(bitfields)]
    flags: u32,
    #[bpf(bitfields)]
    more_flags: [u8; 3],
    pad: Pad<1>,
    #[bpf(opaque)]
    blob: [u8; 16],
    #[bpf(arm_of_union)]
    v4: Be32,
    rest: Pad<12>,
    #[bpf(arm_of = "address", name = "v6")]
    address: [u8; 16],
    #[bpf(allow(signedness))]
    sign: i32,
    #[bpf(allow(byte_order, signedness), name = "order")]
    both: Be32,
}

/// Parameters, each instance for itself.
#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Generic<T, const N: usize>
where
    T: PartialEq,
{
    tag: u32,
    inner: [T; N],
    private: Private<T>,
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Private<T = u32>(T);

assert_layout!(Generic<u32, 3>);
assert_layout!(Generic<Be16, 3>);
assert_layout!([Private; 2],);

/// A public struct over private types, and documented in full.
pub mod public {
    #![deny(missing_docs)]

    #[derive(Clone, Copy, bpfmap::BpfMapKey)]
    #[repr(C)]
    struct Hidden {
        a: u32,
    }

    /// Its fields are its own.
    #[derive(Clone, Copy, bpfmap::BpfMapKey)]
    #[repr(C)]
    pub struct Shown {
        hidden: Hidden,
        #[deprecated]
        old: u32,
        #[cfg(any())]
        absent: bool,
        #[cfg(all())]
        present: u32,
    }

    /// So are its parameters.
    #[derive(Clone, Copy, bpfmap::BpfMapKey)]
    #[repr(C)]
    pub struct Parameter<T>(Wrapped<T>);

    #[derive(Clone, Copy, bpfmap::BpfMapKey)]
    #[repr(C)]
    struct Wrapped<T>(T);
}

macro_rules! made {
    ($name:ident, $($field:ident: $ty:ty),*) => {
        #[derive(BpfMapKey, Clone, Copy)]
        #[repr(C)]
        struct $name { $($field: $ty),* }
    };
}
made!(Made, a: u32, b: Be32);

// A macro of another crate, where `$crate` is not this one.
bpfmap_no_std::key!(FromAnotherCrate { a: u32, b: u32 });

mod shadows {
    #![allow(non_camel_case_types, non_upper_case_globals)]

    mod core {}
    mod std {}
    mod bpfmap {}
    struct Option;
    struct Some;
    struct Copy;
    struct u32;
    struct usize;
    struct str;
    const None: () = ();
    const value: () = ();
    const a: () = ();

    #[derive(::bpfmap::BpfMapKey, ::core::clone::Clone, ::core::marker::Copy)]
    #[repr(C)]
    struct Key {
        a: u64,
        value: u64,
    }

    #[derive(::bpfmap::BpfMapKey, ::core::clone::Clone, ::core::marker::Copy)]
    #[repr(C)]
    struct Generic<T> {
        a: u64,
        value: T,
    }

    #[derive(::bpfmap::BpfEnum, ::core::clone::Clone, ::core::marker::Copy)]
    #[repr(u8)]
    enum Enum {
        A = 1,
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

    #[derive(maps::BpfEnum, Clone, Copy)]
    #[bpf(crate = maps)]
    #[repr(u8)]
    enum Enum {
        A = 1,
    }
}

const ID: usize = Key::LAYOUT.fields()[4].offset();
const _: () = assert!(ID == 40);

fn is_pod<T: aya::Pod>(_: T) {}

fn main() {
    let key = Key { a: -1, ..zeroed() };
    assert_eq!(key.pad, Pad::default());
    assert_eq!(Key::LAYOUT.fields()[9].c_name(), "else");
    assert_eq!(Inner::LAYOUT.fields()[0].name(), "type");
    assert_eq!(Packed::LAYOUT.fields()[1].offset(), 1);
    assert_eq!(Tuple::LAYOUT.fields()[1].name(), "1");
    assert_eq!(Made::LAYOUT.size(), 8);
    assert_eq!(Generic::<u32, 3>::LAYOUT.size(), 20);

    let value = Value { verdict: Verdict::Drop.into(), ..zeroed() };
    assert_eq!(value.verdict.get(), Some(Verdict::Drop));
    assert_eq!(Enum::<Verdict>::from_int(0), Verdict::Pass);
    assert_eq!(Enum::<Verdict>::from_int(1).get(), None);
    assert_eq!(format!("{:?} {:?}", value.verdict, Enum::<Verdict>::from_int(1)), "Drop Verdict(1)");

    // aya's own maps take them too.
    is_pod(key);
    is_pod(value);
    is_pod(Port(Be16::from(80)));
}
