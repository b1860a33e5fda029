//! Rust types that are checked against whatever is read.

#![allow(missing_docs, reason = "the names say it")]

use bpfmap::{
    Be16, Be32, BpfLayout, BpfMapKey, BpfMapValue, Btf, Error, HashMap, Kptr, Object, Pad,
    SpinLock, Verification,
};

macro_rules! structs {
    ($($derive:ident $name:ident { $($body:tt)* })*) => {$(
        #[derive($derive, Clone, Copy)]
        #[repr(C)]
        pub struct $name { $($body)* }
    )*};
}

// Those of the objects that are checked in, so that the whole of a damaged one
// is compared, and one with every word that a field can say.
structs! {
    BpfMapKey Two { a: u32, b: u32 }
    BpfMapKey Inner { x: u32, y: u16, z: u16 }
    BpfMapValue Nested { first: Inner, more: [Inner; 2], matrix: [[u8; 3]; 2], end: u16 }
    BpfMapValue Anonymous { a: u32, b: u16, c: u16, d: u64 }
    BpfMapValue Unions { kind: u32, v6: [u8; 16], named: [u8; 4] }
    BpfMapKey Flexible { len: u32 }
    BpfMapKey FlowKey {
        saddr: Be32, daddr: Be32, sport: Be16, dport: Be16, proto: u8, pad: Pad<3>,
    }
    BpfMapValue FlowStats { packets: u64, bytes: u64 }
    BpfMapValue Words {
        #[bpf(pointer)] a: u64,
        #[bpf(opaque)] b: [u8; 8],
        #[bpf(bitfields)] flags: u32,
        #[bpf(arm_of_union)] x: Be32,
        #[bpf(arm_of = "y")] z: u32,
        lock: SpinLock,
        #[bpf(allow(signedness, byte_order))] value: i32,
        _pad: [u8; 4],
        key: Kptr,
    }
}

/// Compares some types with the type `name`.
pub fn check_types(btf: &Btf<'_>, name: &str, mut each: impl FnMut(Result<(), Error>)) {
    fn one<T: BpfLayout>(btf: &Btf<'_>, name: &str) -> Result<(), Error> {
        btf.check::<T>(name)
    }
    let all = [one::<u32>, one::<[u8; 4]>, one::<Two>, one::<Nested>, one::<Unions>, one::<Words>];
    all.into_iter().for_each(|check| each(check(btf, name)));
}

/// Checks the map `name` as one of some types.
pub fn check_map(
    object: &Object<'_>,
    name: &str,
    mut each: impl FnMut(Result<Verification, Error>),
) {
    fn one<K: BpfMapKey, V: BpfMapValue>(
        object: &Object<'_>,
        name: &str,
    ) -> Result<Verification, Error> {
        object.check::<HashMap<K, V>>(name)
    }
    let all = [
        one::<u32, Nested>,
        one::<u32, Anonymous>,
        one::<u32, Words>,
        one::<Flexible, Flexible>,
        one::<Inner, Inner>,
        one::<FlowKey, FlowStats>,
        one::<Two, u64>,
    ];
    all.into_iter().for_each(|check| each(check(object, name)));
}

/// Names that may stand in a string table, and some that do not: the last
/// words of the bytes, as the table is at their end.
pub fn names_in(bytes: &[u8]) -> Vec<&str> {
    let words = bytes.rsplit(|byte| *byte == 0).filter(|word| (1..64).contains(&word.len()));
    let names = words.filter_map(|word| std::str::from_utf8(word).ok()).take(6);
    names.chain(["t", "\u{1b}[2J"]).collect()
}
