//! Split BTF: that of a module, which goes on from the kernel's own.

mod builder;

use bpfmap::{BpfMapValue, Btf, BtfError, BtfSource, Error};
use builder::Builder;

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Inner {
    a: u32,
    b: u32,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Outer {
    first: Inner,
    own: Inner,
    number: u64,
}

/// A struct of the base, one of its own, and names of both.
fn base_and_split() -> (Builder, Builder) {
    let mut base = Builder::new();
    let int = base.int(4);
    let inner = base.structure("inner", 8, &[("a", int, 0), ("b", int, 32)]);
    let mut split = Builder::after(&base);
    let long = split.int(8);
    let own = split.structure("own", 8, &[("a", int, 0), ("b", int, 32)]);
    let members = [("first", inner, 0), ("own", own, 64), ("number", long, 128)];
    split.structure("outer", 24, &members);
    (base, split)
}

#[test]
fn types_and_names_of_base_and_split_are_one_space() {
    let (base, split) = base_and_split();
    let base = Btf::parse(Vec::from(base)).unwrap();
    let split = Btf::parse_split(Vec::from(split), &base).unwrap();
    split.check::<Outer>("outer").unwrap();
    split.check::<Inner>("own").unwrap();
    // What the split has not is looked up in the base, and not the other way.
    split.check::<Inner>("inner").unwrap();
    let Err(Error::Btf { error, .. }) = base.check::<Inner>("own") else { panic!("found") };
    assert_eq!(
        error,
        BtfError::NoSuchType { name: "own".into(), meant: None, source_of_btf: BtfSource::Bytes }
    );
    let Err(Error::Mismatch(mismatches)) = split.check::<Inner>("outer") else { panic!("agrees") };
    assert!(mismatches.to_string().contains("first.a: __u32"), "{mismatches}");
}

#[test]
fn a_split_without_names_of_its_own_is_fine() {
    let (base, _) = base_and_split();
    let mut split = Builder::after(&base);
    // Both names are the base's.
    let pointer = split.pointer(2);
    split.structure("inner", 8, &[("a", pointer, 0)]);
    assert!(split.strings.is_empty());
    let base = Btf::parse(Vec::from(base)).unwrap();
    let split = Btf::parse_split(Vec::from(split), &base).unwrap();
    // Its own type of a name comes first.
    let Err(Error::Mismatch(_)) = split.check::<Inner>("inner") else { panic!("agrees") };
}

#[test]
fn a_split_alone_is_not_read() {
    let (_, split) = base_and_split();
    assert!(matches!(Btf::parse(Vec::from(split)), Err(BtfError::Malformed { .. })));
}

#[test]
fn a_split_of_another_byte_order_is_refused() {
    let (base, split) = base_and_split();
    let base = Btf::parse(Vec::from(base)).unwrap();
    let split = split.write([0xeb, 0x9f], u32::to_be_bytes, 24);
    assert!(matches!(Btf::parse_split(split, &base), Err(BtfError::Malformed { .. })));
}
