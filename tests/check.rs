//! Right and wrong Rust types against the shapes that a C compiler emits: no
//! kernel, only the object file.

use bpfmap::MismatchKind::{self, *};
use bpfmap::{
    Be16, Be32, Be64, BpfMapKey, BpfMapValue, BtfError, BtfSource, Error, HashMap, MapType, Object,
    Pad, Role, TypedMap, Unverifiable, Verification,
};

static SHAPES: &[u8] = include_bytes!("bpf/shapes.bpf.o");

fn check<M: TypedMap>(map: &str) -> Result<Verification, Error> {
    Object::parse(SHAPES).unwrap().check::<M>(map)
}

/// Checks the value of the map of that name.
fn value<V: BpfMapValue>(map: &str) -> Result<Verification, Error> {
    check::<HashMap<u32, V>>(map)
}

#[track_caller]
fn accepted<V: BpfMapValue>(map: &str) {
    let verified = Verification::Verified { source: BtfSource::Object };
    assert_eq!(value::<V>(map).unwrap(), verified);
}

/// The paths and kinds of all differences, in order.
#[track_caller]
fn refused<M: TypedMap>(map: &str) -> Vec<(String, MismatchKind)> {
    match check::<M>(map) {
        Err(Error::Mismatch(mismatches)) => {
            mismatches.iter().map(|(_, mismatch)| (mismatch.path.clone(), mismatch.kind)).collect()
        }
        other => panic!("not refused for its fields: {other:?}"),
    }
}

macro_rules! structs {
    ($($derive:ident $name:ident { $($body:tt)* })*) => {$(
        #[derive($derive, Clone, Copy)]
        #[repr(C)]
        struct $name { $($body)* }
    )*};
}

macro_rules! assert_refused {
    ($ty:ty, $map:literal, [$($path:literal $kind:ident),* $(,)?]) => {
        let expected: &[(&str, MismatchKind)] = &[$(($path, $kind)),*];
        let found = refused::<HashMap<u32, $ty>>($map);
        let found: Vec<_> = found.iter().map(|(path, kind)| (path.as_str(), *kind)).collect();
        assert_eq!(found, expected);
    };
}

#[test]
fn integers_agree_by_size_and_sign_whatever_they_are_called() {
    structs! {
        BpfMapValue Right {
            a: u64, b: i64, c: u64, d: i64, e: u32, f: i32, g: u16, h: i16, i: u8, j: i8, k: u8,
            l: u8, m: u32, p: Pad<4>,
        }
        BpfMapValue Wrong {
            a: i64, b: u64, c: u64, d: i64, e: i32, f: u32, g: i16, h: u16, i: i8, j: u8, k: i8,
            l: i8, m: i32, p: Pad<4>,
        }
    }
    accepted::<Right>("integers");
    // A byte is a byte: C does not say whether `char` is signed.
    assert_refused!(Wrong, "integers", [
        "a" Signedness, "b" Signedness, "e" Signedness, "f" Signedness, "g" Signedness,
        "h" Signedness, "m" Signedness,
    ]);
}

#[test]
fn byte_order_is_part_of_the_type() {
    structs! {
        BpfMapValue Right {
            be64: Be64, be32: Be32, be16: Be16, sum16: Be16, le32: u32, host16: u16, other16: Be16,
        }
        BpfMapValue Wrong {
            be64: u64, be32: i32, be16: u16, sum16: u16, le32: Be32, host16: Be16, other16: u16,
        }
    }
    accepted::<Right>("orders");
    assert_refused!(Wrong, "orders", [
        "be64" ByteOrder, "be32" Signedness, "be32" ByteOrder, "be16" ByteOrder, "sum16" ByteOrder,
        "le32" ByteOrder,
    ]);
}

#[test]
fn enums_are_integers_of_their_size() {
    structs! {
        BpfMapValue Right { color: u32, sign: i32 }
        BpfMapValue AlsoRight { color: i32, sign: u32 }
        BpfMapValue Wrong { color: Be32, sign: u16, pad: Pad<2> }
    }
    accepted::<Right>("enums");
    accepted::<AlsoRight>("enums");
    assert_refused!(Wrong, "enums", ["color" ByteOrder, "sign" Size]);
}

#[test]
fn structs_and_arrays_are_compared_inside() {
    structs! {
        BpfMapValue Inner { x: u32, y: u16, z: u16 }
        BpfMapValue Right { first: Inner, more: [Inner; 2], matrix: [[u8; 3]; 2], end: u16 }
        BpfMapValue Swapped { x: u32, z: u16, y: u16 }
        BpfMapValue Wrong { first: Inner, more: [Swapped; 2], matrix: [[u8; 2]; 3], end: u16 }
        BpfMapValue Other { first: u64, more: [u64; 2], matrix: Inner, }
    }
    accepted::<Right>("nested");
    assert_refused!(Wrong, "nested", [
        "more[].z" Moved, "more[].y" Moved, "matrix" ArrayLength, "matrix[]" ArrayLength,
    ]);
    assert_refused!(Other, "nested", [
        "first" Type, "more[]" Type, "matrix" Type, "end" Unclaimed,
    ]);
}

#[test]
fn a_pad_stands_over_holes_and_over_members_that_are_padding() {
    structs! {
        BpfMapValue Holes { a: u8, p: Pad<3>, b: u32, c: u16, q: Pad<2> }
        BpfMapValue Underscores { a: u8, _p: [u8; 3], b: u32, c: u16, _q: [u8; 2] }
        BpfMapValue Claimed { a: u8, extra: [u8; 3], b: u32, c: u16, d: u16 }
        BpfMapValue Padded { a: u8, p: Pad<3>, b: u32, q: Pad<4>, padlock: u32 }
        BpfMapValue Named { a: u8, __pad1: [u8; 3], b: u32, reserved: u32, padlock: u32 }
        BpfMapValue Over { a: u8, p: Pad<3>, b: u32, q: Pad<8> }
    }
    accepted::<Holes>("holes");
    accepted::<Underscores>("holes");
    assert_refused!(Claimed, "holes", ["extra" Missing, "d" Missing]);
    accepted::<Padded>("padding");
    accepted::<Named>("padding");
    assert_refused!(Over, "padding", ["padlock" Unclaimed]);
}

#[test]
fn packed_structs_agree_by_offset() {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C, packed)]
    struct Packed {
        a: u8,
        b: u32,
        c: u16,
    }
    structs! { BpfMapValue Unpacked { a: u8, p: Pad<3>, b: u32, c: u16, q: Pad<2> } }
    accepted::<Packed>("packed");
    assert_refused!(Unpacked, "packed", ["" Size, "b" Moved, "c" Moved]);
}

#[test]
fn anonymous_structs_are_open() {
    structs! {
        BpfMapValue Right { a: u32, b: u16, c: u16, d: u64 }
        BpfMapValue Wrong { a: u32, c: u16, b: u16, d: u64 }
    }
    accepted::<Right>("anonymous");
    assert_refused!(Wrong, "anonymous", ["c" Moved, "b" Moved]);
}

#[test]
fn what_rust_cannot_express_is_refused() {
    structs! {
        BpfMapValue Union { kind: u32, v6: [u8; 16], named: [u8; 4] }
        BpfMapValue OverUnion { kind: u32, p: Pad<16>, named: u32 }
        BpfMapValue Bits { a: u32, d: u32 }
        BpfMapValue Pointer { address: u64, number: u64 }
    }
    assert_refused!(Union, "unions", ["v6" Union, "named" Union]);
    assert_refused!(OverUnion, "unions", ["v4" Union, "named" Union]);
    assert_refused!(Bits, "bitfields", ["a" Bitfield, "b" Bitfield, "c" Bitfield]);
    assert_refused!(Pointer, "pointers", ["address" Pointer]);
}

#[test]
fn a_key_with_a_flexible_array_is_refused() {
    structs! { BpfMapKey Flexible { len: u32 } }
    let found = refused::<HashMap<Flexible, Flexible>>("flexible");
    assert_eq!(found, [("data".to_owned(), FlexibleArray)]);
}

#[test]
fn fields_are_moved_renamed_missing_or_unclaimed() {
    structs! {
        BpfMapValue Renamed { x: u32, port: u16, z: u16 }
        BpfMapValue Attribute {
            x: u32,
            #[bpf(name = "y")]
            port: u16,
            z: u16,
        }
        BpfMapValue WrongAttribute {
            x: u32,
            #[bpf(name = "z")]
            y: u16,
            #[bpf(name = "y")]
            z: u16,
        }
        BpfMapValue Short { x: u32 }
        BpfMapValue Split { x: u16, w: u16, y: u16, z: u16 }
        BpfMapValue Long { x: u32, y: u16, z: u16, w: u32 }
        BpfMapValue Wide { x: u64, y: u16, z: u16, p: Pad<4> }
    }
    assert_refused!(Renamed, "an_inner", ["port" Renamed]);
    accepted::<Attribute>("an_inner");
    assert_refused!(WrongAttribute, "an_inner", ["y" Moved, "z" Moved]);
    assert_refused!(Short, "an_inner", ["" Size, "y" Unclaimed, "z" Unclaimed]);
    assert_refused!(Split, "an_inner", ["x" Size, "w" Missing]);
    assert_refused!(Long, "an_inner", ["" Size, "w" Missing]);
    assert_refused!(Wide, "an_inner", ["x" Size, "" Size, "y" Moved, "z" Moved]);
}

#[test]
fn key_and_value_are_refused_in_one_report() {
    structs! { BpfMapKey Swapped { x: u32, z: u16, y: u16 } }
    let Err(Error::Mismatch(mismatches)) = check::<HashMap<Swapped, Swapped>>("an_lru") else {
        panic!("accepted")
    };
    let roles: Vec<_> = mismatches.iter().map(|(role, mismatch)| (role, &*mismatch.path)).collect();
    assert_eq!(roles, [(Role::Key, "z"), (Role::Key, "y"), (Role::Value, "z"), (Role::Value, "y")]);
    let (_, first) = mismatches.iter().next().unwrap();
    let [rust, btf] = [&first.rust, &first.btf].map(|place| place.as_ref().unwrap());
    assert_eq!((rust.bytes.clone(), btf.bytes.clone()), (4..6, 6..8));
    assert_eq!((&*rust.ty, &*btf.ty), ("u16", "__u16"));
}

#[test]
fn numbers_and_arrays_are_keys_and_values_as_they_are() {
    check::<HashMap<u32, u64>>("scalar").unwrap();
    check::<HashMap<[u8; 6], [u8; 16]>>("bytes").unwrap();
    assert_eq!(
        refused::<HashMap<u64, i64>>("scalar"),
        [(String::new(), Size), (String::new(), Signedness)]
    );
    assert_eq!(
        refused::<HashMap<[u8; 8], [u16; 8]>>("bytes"),
        [(String::new(), ArrayLength), (String::new(), ArrayLength), ("[]".to_owned(), Size)]
    );
}

#[test]
fn maps_that_cannot_be_checked_say_why() {
    let Err(Error::UnknownMap { known, .. }) = check::<HashMap<u32, u64>>("scalars") else {
        panic!("found")
    };
    assert!(known.contains(&"scalar".to_owned()));
    let Err(Error::MapType { found, .. }) = check::<HashMap<u32, u64>>("an_array") else {
        panic!("opened")
    };
    assert_eq!(found, MapType::ARRAY);
    let Err(Error::Unverifiable { reason, .. }) = check::<HashMap<u32, u64>>("sizes_only") else {
        panic!("verified")
    };
    assert_eq!(reason, Unverifiable::SizesInObject);
}

#[test]
fn named_types_are_checked_without_a_map() {
    structs! {
        BpfMapValue Event { time: u64, pid: u32, comm: [u8; 12] }
        BpfMapValue Wrong { time: u64, tgid: u32, comm: [u8; 12] }
    }
    let object = Object::parse(SHAPES).unwrap();
    object.btf().check::<Event>("event").unwrap();
    object.btf().check::<u32>("__u32").unwrap();
    let Err(Error::Mismatch(mismatches)) = object.btf().check::<Wrong>("event") else {
        panic!("accepted")
    };
    assert!(mismatches.to_string().starts_with("type `event` does not fit its Rust type, "));
    let error = |name| match object.btf().check::<Event>(name) {
        Err(Error::Btf { error, .. }) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error("undefined"), BtfError::Incomplete { name: "undefined".into() });
    assert_eq!(error("nonsense"), BtfError::NoSuchType { name: "nonsense".into() });
}
