//! One difference at a time, each the only one of its struct: whether the common
//! case is decided in haste can be seen only where nothing else is wrong.

mod builder;

use bpfmap::MismatchKind::{self, *};
use bpfmap::{Be32, BpfLayout, BpfMapValue, Btf, Error, Kptr, Pad};
use builder::{Builder, Member, kind};

const SIGNED: u32 = 1 << 24;

/// A number of 4 bytes, of which so many bits are used.
fn number(btf: &mut Builder, name: &str, encoding: u32) -> u32 {
    let name = btf.name(name);
    btf.add(name, kind::INT, 0, 4, &[encoding])
}

/// The differences from the type `t`, which is made of what `make` adds.
#[track_caller]
fn found<T: BpfLayout>(make: impl FnOnce(&mut Builder)) -> Vec<(String, MismatchKind)> {
    let mut btf = Builder::new();
    make(&mut btf);
    match Btf::parse(Vec::from(btf)).unwrap().check::<T>("t") {
        Ok(()) => Vec::new(),
        Err(Error::Mismatch(all)) => {
            all.iter().map(|(_, one)| (one.path.clone(), one.kind)).collect()
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// As `found`, for a struct of 8 bytes.
#[track_caller]
fn in_eight<T: BpfLayout>(
    make: impl FnOnce(&mut Builder) -> Vec<Member<'static>>,
) -> Vec<(String, MismatchKind)> {
    found::<T>(|btf| {
        let members = make(btf);
        btf.structure("t", 8, &members);
    })
}

fn expected(all: &[(&str, MismatchKind)]) -> Vec<(String, MismatchKind)> {
    all.iter().map(|(path, kind)| ((*path).to_owned(), *kind)).collect()
}

macro_rules! structs {
    ($($name:ident { $($body:tt)* })*) => {$(
        #[derive(BpfMapValue, Clone, Copy)]
        #[repr(C)]
        struct $name { $($body)* }
    )*};
}

structs! {
    Unsigned { a: u32, b: u32 }
    Signed { a: u32, b: i32 }
    BigEndian { a: u32, b: Be32 }
    Padded { a: u32, pad: Pad<4> }
    Inner { x: u32 }
    Nested { a: u32, b: Inner }
    Numbers { b: [u32; 2] }
    Inners { b: [Inner; 2] }
}

/// The struct `{ a: u32, b: ... }`, of whose `b` is said what it is.
fn b(make: impl FnOnce(&mut Builder) -> u32) -> impl FnOnce(&mut Builder) -> Vec<Member<'static>> {
    |btf| {
        let a = number(btf, "unsigned int", 32);
        let b = make(btf);
        vec![("a", a, 0), ("b", b, 32)]
    }
}

#[test]
fn the_sign_of_a_number() {
    let signed = |btf: &mut Builder| number(btf, "int", 32 | SIGNED);
    let unsigned = |btf: &mut Builder| number(btf, "unsigned int", 32);
    let differs = expected(&[("b", Signedness)]);
    assert_eq!(in_eight::<Unsigned>(b(unsigned)), []);
    assert_eq!(in_eight::<Signed>(b(signed)), []);
    assert_eq!(in_eight::<BigEndian>(b(unsigned)), []);
    assert_eq!(in_eight::<Unsigned>(b(signed)), differs);
    assert_eq!(in_eight::<Signed>(b(unsigned)), differs);
    assert_eq!(in_eight::<BigEndian>(b(signed)), differs);
}

#[test]
fn the_byte_order_of_a_number() {
    let named = |name: &'static str, encoding| {
        move |btf: &mut Builder| {
            let number = number(btf, "number", encoding);
            btf.typedef(name, number)
        }
    };
    let differs = expected(&[("b", ByteOrder)]);
    assert_eq!(in_eight::<Unsigned>(b(named("__be32", 32))), differs);
    assert_eq!(in_eight::<Signed>(b(named("__be32", 32 | SIGNED))), differs);
    assert_eq!(in_eight::<BigEndian>(b(named("__le32", 32))), differs);
    assert_eq!(in_eight::<BigEndian>(b(named("__be32", 32))), []);
}

#[test]
fn the_elements_of_an_array() {
    let array = |encoding, len| {
        move |btf: &mut Builder| {
            let element = number(btf, "number", encoding);
            vec![("b", btf.array(element, len), 0)]
        }
    };
    assert_eq!(in_eight::<Numbers>(array(32, 2)), []);
    assert_eq!(in_eight::<Numbers>(array(32 | SIGNED, 2)), expected(&[("b[]", Signedness)]));
    assert_eq!(in_eight::<Numbers>(array(32, 1)), expected(&[("b", ArrayLength)]));
    // Of structs both are said: the length, and what is in each.
    let inners = |encoding, len| {
        move |btf: &mut Builder| {
            let x = number(btf, "number", encoding);
            let inner = btf.structure("inner", 4, &[("x", x, 0)]);
            vec![("b", btf.array(inner, len), 0)]
        }
    };
    assert_eq!(in_eight::<Inners>(inners(32, 2)), []);
    let both = expected(&[("b", ArrayLength), ("b[].x", Signedness)]);
    assert_eq!(in_eight::<Inners>(inners(32 | SIGNED, 1)), both);
}

#[test]
fn a_union_in_place_of_a_struct() {
    let inner = |kind, encoding| {
        move |btf: &mut Builder| {
            let x = number(btf, "number", encoding);
            btf.composite(kind, "inner", 4, &[("x", x, 0)])
        }
    };
    assert_eq!(in_eight::<Nested>(b(inner(kind::STRUCT, 32))), []);
    assert_eq!(in_eight::<Nested>(b(inner(kind::UNION, 32))), expected(&[("b", Union)]));
    let nested = in_eight::<Nested>(b(inner(kind::STRUCT, 32 | SIGNED)));
    assert_eq!(nested, expected(&[("b.x", Signedness)]));
}

#[test]
fn the_size_of_a_struct() {
    let sized = |size| {
        move |btf: &mut Builder| {
            let a = number(btf, "unsigned int", 32);
            btf.structure("t", size, &[("a", a, 0)]);
        }
    };
    assert_eq!(found::<Padded>(sized(8)), []);
    assert_eq!(found::<Padded>(sized(4)), expected(&[("", Size)]));
    assert_eq!(found::<Padded>(sized(16)), expected(&[("", Size)]));
}

#[test]
fn fields_and_members_too_many() {
    let only_a = |btf: &mut Builder| vec![("a", number(btf, "unsigned int", 32), 0)];
    assert_eq!(in_eight::<Unsigned>(only_a), expected(&[("b", Missing)]));
    let unsigned = |btf: &mut Builder| number(btf, "unsigned int", 32);
    assert_eq!(in_eight::<Padded>(b(unsigned)), expected(&[("b", Unclaimed)]));
    let swapped = |btf: &mut Builder| {
        let number = number(btf, "unsigned int", 32);
        vec![("a", number, 32), ("b", number, 0)]
    };
    assert_eq!(in_eight::<Unsigned>(swapped), expected(&[("a", Moved), ("b", Moved)]));
}

/// Compilers have had two ways to say it, and both may say it of all of the bits.
#[test]
fn bitfields() {
    let new = |btf: &mut Builder| {
        let number = number(btf, "unsigned int", 32);
        let members = [("a", number, 32 << 24), ("b", number, 32 << 24 | 32)];
        btf.composite(kind::STRUCT | kind::FLAG, "t", 8, &members);
    };
    assert_eq!(found::<Unsigned>(new), expected(&[("a", Bitfield), ("b", Bitfield)]));
    let old = |btf: &mut Builder| number(btf, "unsigned int", 20);
    assert_eq!(in_eight::<Unsigned>(b(old)), expected(&[("b", Bitfield)]));
    // In no struct at all.
    assert_eq!(found::<u32>(|btf| _ = number(btf, "t", 20)), expected(&[("", Bitfield)]));
    assert_eq!(found::<u32>(|btf| _ = number(btf, "t", 32)), []);
}

/// A member that is a bitfield is never what a field of another name stands for.
#[test]
fn a_field_of_another_name_is_no_bitfield_and_no_arm() {
    let bitfield = |btf: &mut Builder| {
        let number = number(btf, "unsigned int", 32);
        btf.composite(
            kind::STRUCT | kind::FLAG,
            "t",
            8,
            &[("a", number, 0), ("flags", number, 32 << 24 | 32)],
        );
    };
    let missing = [("b", Missing), ("flags", Bitfield)];
    assert_eq!(found::<Unsigned>(bitfield), expected(&missing));
    let arm = |btf: &mut Builder| {
        let number = number(btf, "unsigned int", 32);
        let union = btf.composite(kind::UNION, "", 4, &[("v4", number, 0), ("id", number, 0)]);
        vec![("a", number, 0), ("", union, 32)]
    };
    assert_eq!(in_eight::<Unsigned>(arm), expected(&[("b", Missing), ("v4", Union)]));
}

#[test]
fn a_number_of_128_bits_is_two_of_64() {
    structs! {
        Halves { b: [u64; 2] }
        SignedHalves { b: [i64; 2] }
        Quarters { b: [u32; 2], pad: Pad<8> }
    }
    let wide = |size: u32| {
        move |btf: &mut Builder| {
            let name = btf.name("number");
            let number = btf.add(name, kind::INT, 0, size, &[size * 8]);
            btf.structure("t", 16, &[("b", number, 0)]);
        }
    };
    assert_eq!(found::<Halves>(wide(16)), []);
    let differs = expected(&[("b", Type)]);
    assert_eq!(found::<Halves>(wide(8)), differs);
    assert_eq!(found::<SignedHalves>(wide(16)), differs);
    assert_eq!(found::<Quarters>(wide(16)), differs);
}

#[test]
fn pads_are_over_nothing_else() {
    structs! { Pads { b: [Pad<4>; 2] } }
    let array = |btf: &mut Builder| {
        let element = number(btf, "unsigned int", 32);
        vec![("b", btf.array(element, 2), 0)]
    };
    assert_ne!(in_eight::<Pads>(array), []);
    // Padding in Rust and in C, whatever its type is there.
    structs! { Reserved { a: u32, _reserved: [u8; 4] } }
    let reserved = |btf: &mut Builder| {
        let number = number(btf, "unsigned int", 32);
        vec![("a", number, 0), ("_reserved", number, 32)]
    };
    assert_eq!(in_eight::<Reserved>(reserved), []);
}

/// A type of the name that linkers write for `Pad<N>`, and what is in it.
#[test]
fn a_pad_of_a_program_in_rust_is_one_by_its_name_and_its_bytes() {
    let pad = |name: &'static str, size: u32| {
        b(move |btf| {
            let element = btf.int(size);
            let bytes = btf.array(element, 4 / size);
            btf.structure(name, 4, &[("__0", bytes, 0)])
        })
    };
    assert_eq!(in_eight::<Padded>(pad("Pad_3C_4_3E_", 1)), []);
    let differs = expected(&[("b", Unclaimed)]);
    assert_eq!(in_eight::<Padded>(pad("Pad_3C_N_3E_", 1)), differs);
    assert_eq!(in_eight::<Padded>(pad("Pad_3C_4_3E_", 4)), differs);
}

/// A struct of one field is what is in it only when there is nothing else in it.
#[test]
fn a_newtype_has_no_byte_beside_what_is_in_it() {
    structs! {
        Half { b: u16, pad: Pad<6> }
        Word { b: u32, pad: Pad<4> }
    }
    let newtype = |inner: u32, size: u32, at: u32, field: &'static str| {
        move |btf: &mut Builder| {
            let inner = btf.int(inner);
            vec![("b", btf.structure("Newtype", size, &[(field, inner, at)]), 0)]
        }
    };
    assert_eq!(in_eight::<Half>(newtype(2, 2, 0, "__0")), []);
    let differs = expected(&[("b", Type)]);
    assert_eq!(in_eight::<Half>(newtype(2, 2, 0, "port")), differs);
    assert_eq!(in_eight::<Half>(newtype(2, 8, 0, "__0")), differs);
    assert_eq!(in_eight::<Word>(newtype(4, 8, 32, "__0")), differs);
}

#[test]
fn a_word_on_a_field_is_true_or_is_refused() {
    structs! {
        Opaque { #[bpf(opaque)] b: [u8; 8] }
        Arm { a: u32, #[bpf(arm_of = "addr")] v4: u32 }
        Owned { ptr: Kptr }
    }
    let of_size = |size: u32| {
        move |btf: &mut Builder| {
            let x = btf.int(4);
            vec![("b", btf.structure("inner", size, &[("x", x, 0)]), 0)]
        }
    };
    assert_eq!(in_eight::<Opaque>(of_size(8)), []);
    assert_eq!(in_eight::<Opaque>(of_size(4)), expected(&[("b", Size)]));

    let addr = |kind: u32, bits: u32| {
        move |btf: &mut Builder| {
            let number = number(btf, "unsigned int", 32);
            let addr = btf.composite(kind, "", 4, &[("v4", number, bits << 24)]);
            vec![("a", number, 0), ("addr", addr, 32)]
        }
    };
    assert_eq!(in_eight::<Arm>(addr(kind::UNION, 0)), []);
    let differs = expected(&[("v4", Attribute)]);
    assert_eq!(in_eight::<Arm>(addr(kind::STRUCT, 0)), differs);
    assert_eq!(in_eight::<Arm>(addr(kind::UNION | kind::FLAG, 20)), differs);

    let tagged = |tag: &'static str| {
        move |btf: &mut Builder| {
            let target = btf.structure("task_struct", 8, &[]);
            let name = btf.name(tag);
            let tagged = btf.add(name, kind::TYPE_TAG, 0, target, &[]);
            vec![("ptr", btf.pointer(tagged), 0)]
        }
    };
    assert_eq!(in_eight::<Owned>(tagged("kptr")), []);
    assert_eq!(in_eight::<Owned>(tagged("user")), expected(&[("ptr", Pointer)]));
}

/// A struct of one field whose word is another than `opaque` is none of opaque bytes.
#[test]
fn only_opaque_bytes_stand_for_a_union_that_is_all_there_is() {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Flags(#[bpf(bitfields)] u32);
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Bytes(#[bpf(opaque)] [u8; 4]);
    let union = |btf: &mut Builder| {
        let number = number(btf, "unsigned int", 32);
        btf.composite(kind::UNION, "t", 4, &[("v4", number, 0)]);
    };
    assert_eq!(found::<Bytes>(union), []);
    assert_eq!(found::<Flags>(union), expected(&[("", Union)]));
}
