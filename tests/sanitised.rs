//! BTF as loaders rewrite it for kernels that do not know all of it.

mod builder;

use bpfmap::{Be64, BpfMapValue, Btf, Error, MismatchKind};
use builder::{Builder, kind};

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Value {
    state: u64,
    signed: i64,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Wrong {
    state: Be64,
    #[bpf(name = "signed")]
    narrow: u32,
    other: u32,
}

/// For Linux before 6.0 an enum of 64 bits becomes a union whose members, its
/// enumerators, are of a type with a name that says so.
fn enum64(placeholder: &str) -> Btf<'static> {
    let mut btf = Builder::new();
    let name = btf.name(placeholder);
    let byte = btf.add(name, kind::INT, 0, 1, &[8]);
    let state = btf.composite(kind::UNION, "state", 8, &[("IDLE", byte, 0), ("BUSY", byte, 0)]);
    btf.structure("t", 16, &[("state", state, 0), ("signed", state, 64)]);
    Btf::parse(Vec::from(btf)).unwrap()
}

fn differences<T: bpfmap::BpfLayout>(btf: &Btf<'_>) -> Vec<(String, MismatchKind)> {
    match btf.check::<T>("t") {
        Err(Error::Mismatch(all)) => all.iter().map(|(_, it)| (it.path.clone(), it.kind)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_enum_of_64_bits_may_be_a_union_of_placeholders() {
    enum64("enum64_placeholder").check::<Value>("t").unwrap();
    let found = differences::<Wrong>(&enum64("enum64_placeholder"));
    let expected = [
        ("state", MismatchKind::ByteOrder),
        ("narrow", MismatchKind::Size),
        ("other", MismatchKind::Missing),
    ];
    assert_eq!(found, expected.map(|(path, kind)| (path.to_owned(), kind)));
}

#[test]
fn a_newtype_stands_for_what_is_put_in_the_place_of_an_enum() {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct State(u64);
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct OfNewtypes {
        state: State,
        signed: i64,
    }
    enum64("enum64_placeholder").check::<OfNewtypes>("t").unwrap();
}

#[test]
fn any_other_union_is_one() {
    let found = differences::<Value>(&enum64("unsigned char"));
    let expected = [("state", MismatchKind::Union), ("signed", MismatchKind::Union)];
    assert_eq!(found, expected.map(|(path, kind)| (path.to_owned(), kind)));
}
