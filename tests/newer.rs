//! BTF of kernels that know more than this crate does.

mod builder;

use bpfmap::{BpfMapValue, Btf, BtfError, Error};
use builder::Builder;

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Value {
    a: u32,
    b: u32,
}

/// A kind that nobody has defined yet: 8 bytes, and 16 for each of what its
/// length counts.
const UNKNOWN: u32 = 25;

/// A struct behind a type of an unknown kind, of the same name.
fn types() -> Builder {
    let mut btf = Builder::new();
    let int = btf.int(4);
    let name = btf.name("value");
    btf.add(name, UNKNOWN, 2, 0, &[0; 2 + 2 * 4]);
    btf.structure("value", 8, &[("a", int, 0), ("b", int, 32)]);
    btf.typedef("alias", 2);
    btf
}

/// With the section that says how long the types of each kind are, which the
/// header names behind its usual 24 bytes.
fn described(btf: &Builder, kinds: u32) -> Vec<u8> {
    let mut layouts = vec![0; kinds as usize * 4];
    if kinds > UNKNOWN {
        layouts[UNKNOWN as usize * 4..][..2].copy_from_slice(&[8, 16]);
    }
    let mut bytes = btf.write([0x9f, 0xeb], u32::to_le_bytes, 32);
    let at = bytes.len() as u32 - 32;
    bytes[24..28].copy_from_slice(&at.to_le_bytes());
    bytes[28..32].copy_from_slice(&(layouts.len() as u32).to_le_bytes());
    bytes.extend(layouts);
    bytes
}

#[test]
fn types_of_an_unknown_kind_are_skipped_when_their_length_is_described() {
    let btf = Btf::parse(described(&types(), UNKNOWN + 1)).unwrap();
    btf.check::<Value>("value").unwrap();
}

#[test]
fn a_type_of_an_unknown_kind_is_not_compared() {
    let btf = Btf::parse(described(&types(), UNKNOWN + 1)).unwrap();
    let Err(Error::Btf { error, .. }) = btf.check::<Value>("alias") else { panic!() };
    assert_eq!(error, BtfError::UnknownKind { id: 2, kind: UNKNOWN });
}

#[test]
fn a_kind_that_is_not_described_ends_the_reading() {
    for bytes in [described(&types(), UNKNOWN), Vec::from(types())] {
        let error = Btf::parse(bytes).unwrap_err();
        assert_eq!(error, BtfError::UnknownKind { id: 2, kind: UNKNOWN });
    }
}

#[test]
fn descriptions_past_the_end_are_malformed() {
    let mut bytes = described(&types(), UNKNOWN + 1);
    bytes.pop();
    assert!(matches!(Btf::parse(bytes), Err(BtfError::Malformed { .. })));
}
