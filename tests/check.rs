//! Right and wrong Rust types against the shapes that a C compiler emits: no
//! kernel, only the object file.

use bpfmap::MismatchKind::{self, *};
use bpfmap::{
    Array, Be16, Be32, Be64, BpfEnum, BpfMapKey, BpfMapValue, BtfError, BtfSource, Enum, Error,
    HashMap, Kptr, MapType, Object, Pad, PerCpu, Role, SpinLock, Timer, TypedMap, Unverifiable,
    Verification, Workqueue,
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
    // C does not say whether `char` is signed.
    assert_refused!(Wrong, "integers", [
        "a" Signedness, "b" Signedness, "e" Signedness, "f" Signedness, "g" Signedness,
        "h" Signedness, "i" Signedness, "j" Signedness, "l" Signedness, "m" Signedness,
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
        "more[].z" Moved, "more[].y" Moved, "matrix" ArrayLength,
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
    assert_refused!(Unpacked, "packed", ["b" Moved, "c" Moved, "" Size]);
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
fn what_rust_cannot_express_is_refused_without_a_word() {
    structs! {
        BpfMapValue Union { kind: u32, v6: [u8; 16], named: [u8; 4] }
        BpfMapValue OverUnion { kind: u32, p: Pad<16>, named: u32 }
        BpfMapValue Bits { a: u32, d: u32 }
        BpfMapValue Pointer { address: u64, number: u64, several: [u64; 2] }
    }
    assert_refused!(Union, "unions", ["v6" Union, "named" Union]);
    assert_refused!(OverUnion, "unions", ["v4" Union, "named" Union]);
    assert_refused!(Bits, "bitfields", ["a" Bitfield, "b" Bitfield, "c" Bitfield]);
    assert_refused!(Pointer, "pointers", ["address" Pointer, "several[]" Pointer]);
}

#[test]
fn an_arm_of_a_union_is_taken_by_its_name() {
    structs! {
        BpfMapValue Four {
            kind: u32,
            #[bpf(arm_of_union)]
            v4: Be32,
            rest: Pad<12>,
            #[bpf(arm_of = "named")]
            word: u32,
        }
        BpfMapValue Six {
            kind: u32,
            #[bpf(arm_of_union)]
            v6: [u8; 16],
            #[bpf(arm_of = "named", name = "bytes")]
            named: [u8; 4],
        }
        BpfMapValue Wrong {
            #[bpf(arm_of_union)]
            kind: u32,
            #[bpf(arm_of_union)]
            v4: u32,
            rest: Pad<12>,
            #[bpf(arm_of = "named", name = "letters")]
            named: u32,
        }
        BpfMapValue Inner { x: u32, y: u16, z: u16 }
        BpfMapValue Ports {
            kind: u32,
            #[bpf(arm_of_union)]
            port: u16,
            #[bpf(arm_of_union)]
            zone: u16,
            #[bpf(arm_of = "named")]
            inner: Inner,
        }
        BpfMapValue Mixed {
            kind: u32,
            #[bpf(arm_of_union)]
            port: u16,
            #[bpf(arm_of_union)]
            index: u16,
            #[bpf(arm_of = "named")]
            word: u64,
        }
    }
    accepted::<Four>("unions");
    accepted::<Six>("unions");
    assert_refused!(Wrong, "unions", ["kind" Attribute, "v4" ByteOrder, "named" Attribute]);
    accepted::<Ports>("arms");
    // `index` overlaps `port`: one of the two is not what is there.
    assert_refused!(Mixed, "arms", ["index" Union]);
}

#[test]
fn opaque_bytes_agree_by_place_and_size() {
    structs! {
        BpfMapValue Unions {
            kind: u32,
            #[bpf(opaque)]
            address: [u8; 16],
            #[bpf(opaque)]
            named: [u8; 4],
        }
        BpfMapValue Short {
            kind: u32,
            #[bpf(opaque)]
            address: [u8; 12],
            pad: Pad<4>,
            #[bpf(opaque)]
            named: u32,
        }
        BpfMapValue NamedLikeAnArm {
            kind: u32,
            #[bpf(opaque)]
            v6: [u8; 16],
            #[bpf(opaque)]
            named: [u8; 4],
        }
        BpfMapValue Nested {
            #[bpf(opaque)]
            first: u64,
            #[bpf(opaque)]
            more: [u8; 16],
            #[bpf(opaque)]
            rest: [u8; 8],
        }
        BpfMapValue Shifted {
            #[bpf(opaque)]
            more: [u8; 16],
            #[bpf(opaque)]
            first: u64,
            #[bpf(opaque)]
            rest: [u8; 8],
        }
    }
    accepted::<Unions>("unions");
    accepted::<NamedLikeAnArm>("unions");
    assert_refused!(Short, "unions", ["address" Missing, "v4" Union]);
    accepted::<Nested>("nested");
    assert_refused!(Shifted, "nested", ["more" Moved, "first" Moved]);
}

#[test]
fn bitfields_are_taken_by_the_integer_that_they_are_in() {
    structs! {
        BpfMapValue Whole {
            #[bpf(bitfields)]
            flags: u32,
            d: u32,
        }
        BpfMapValue Bits {
            #[bpf(bitfields)]
            ab: u8,
            whole: u8,
            #[bpf(bitfields)]
            c: u16,
            end: u32,
        }
        BpfMapValue TooMuch {
            #[bpf(bitfields)]
            all: u32,
            end: u32,
        }
        BpfMapValue None {
            #[bpf(bitfields)]
            flags: u32,
            #[bpf(bitfields)]
            d: u32,
        }
    }
    accepted::<Whole>("bitfields");
    accepted::<Bits>("bits");
    assert_refused!(TooMuch, "bits", ["whole" Unclaimed]);
    assert_refused!(None, "bitfields", ["d" Missing, "d" Unclaimed]);
}

#[test]
fn a_pointer_is_a_number_where_that_is_said() {
    structs! {
        BpfMapValue Right {
            #[bpf(pointer)]
            address: u64,
            number: u64,
            #[bpf(pointer)]
            several: [u64; 2],
        }
        BpfMapValue Wrong {
            #[bpf(pointer)]
            address: u64,
            #[bpf(pointer)]
            number: u64,
            #[bpf(pointer)]
            several: [u64; 1],
            more: u64,
        }
    }
    accepted::<Right>("pointers");

    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Address(#[bpf(pointer)] u64);
    structs! {
        BpfMapValue OfNewtypes { address: Address, number: u64, several: [Address; 2] }
        BpfMapValue WrongNewtype { address: Address, number: Address, several: [Address; 2] }
    }
    accepted::<OfNewtypes>("pointers");
    assert_refused!(WrongNewtype, "pointers", ["number" Attribute]);
    assert_refused!(Wrong, "pointers", ["number" Attribute, "several" ArrayLength, "more" Missing]);
}

#[test]
fn a_difference_that_is_allowed_is_no_other() {
    structs! {
        BpfMapValue Orders {
            #[bpf(allow(byte_order))]
            be64: u64,
            be32: Be32,
            #[bpf(allow(byte_order, signedness))]
            be16: i16,
            sum16: Be16,
            #[bpf(allow(byte_order))]
            le32: Be32,
            #[bpf(allow(signedness))]
            host16: i16,
            other16: u16,
        }
        BpfMapValue Wrong {
            #[bpf(allow(signedness))]
            be64: i64,
            be32: Be32,
            #[bpf(allow(byte_order))]
            be16: i16,
            sum16: Be16,
            le32: u32,
            #[bpf(allow(byte_order))]
            host16: i16,
            other16: u16,
        }
    }
    accepted::<Orders>("orders");
    assert_refused!(Wrong, "orders", ["be64" ByteOrder, "be16" Signedness, "host16" Signedness]);
}

#[test]
fn fields_of_the_kernel_agree_by_name() {
    structs! {
        BpfMapValue Right {
            lock: SpinLock,
            count: u32,
            timer: Timer,
            task: Kptr,
            #[bpf(pointer)]
            plain: u64,
        }
        BpfMapValue Wrong {
            lock: u32,
            count: SpinLock,
            timer: Workqueue,
            #[bpf(pointer)]
            task: u64,
            plain: Kptr,
        }
    }
    accepted::<Right>("kernel_owned");
    assert_refused!(Wrong, "kernel_owned", [
        "lock" Type, "count" Type, "timer" Type, "plain" Pointer,
    ]);
    structs! { BpfMapValue Odd { work: Workqueue } }
    assert_refused!(Odd, "odd", ["work" Size, "rest" Unclaimed]);
}

#[test]
fn a_newtype_stands_for_what_is_in_it() {
    #[derive(BpfMapKey, Clone, Copy)]
    #[repr(transparent)]
    struct Port(Be16);

    #[derive(BpfEnum, Clone, Copy)]
    #[repr(u16)]
    enum Zone {
        _Home = 1,
    }

    structs! {
        BpfMapKey Zoned { zone: u16 }
        BpfMapKey Inner { x: u32, y: u16, z: u16 }
        BpfMapKey Outer { only: Inner }
        BpfMapKey Number { number: u16 }
        BpfMapKey Wrong { number: i16 }
        BpfMapValue Right { port: Port, zone: Zoned, inner: Outer, wrapped: Number, end: Enum<Zone> }
        BpfMapValue Others { port: Wrong, zone: Wrong, inner: Zoned, wrapped: u16, end: u16 }
    }
    accepted::<Right>("newtypes");
    let found = refused::<HashMap<u32, Others>>("newtypes");
    let paths: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert!(
        ["port", "zone", "inner", "wrapped"].iter().all(|path| paths.contains(path)),
        "{found:?}"
    );
    check::<HashMap<Outer, Outer>>("an_lru").unwrap();
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
    assert_refused!(Short, "an_inner", ["y" Unclaimed, "z" Unclaimed, "" Size]);
    assert_refused!(Split, "an_inner", ["x" Size, "w" Missing]);
    assert_refused!(Long, "an_inner", ["w" Missing, "" Size]);
    assert_refused!(Wide, "an_inner", ["x" Size, "y" Moved, "z" Moved, "" Size]);
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
        [(String::new(), ArrayLength), (String::new(), ArrayLength)]
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
    // Its name says which of its maps it opens, where the value decides that.
    let said = |error: Error| error.to_string();
    let per_cpu = said(check::<HashMap<u32, PerCpu<u64>>>("scalar").unwrap_err());
    assert!(
        per_cpu.contains("`HashMap<K, PerCpu<V>>` opens maps of type percpu_hash"),
        "{per_cpu}"
    );
    let per_cpu = said(check::<Array<PerCpu<u64>>>("an_array").unwrap_err());
    assert!(per_cpu.contains("`Array<PerCpu<V>>` opens maps of type percpu_array"), "{per_cpu}");
    let plain = said(check::<HashMap<u32, u64>>("an_array").unwrap_err());
    assert!(plain.contains("`HashMap` opens maps of type hash"), "{plain}");
    let Err(Error::Unverifiable { reason, .. }) = check::<HashMap<u32, u64>>("sizes_only") else {
        panic!("verified")
    };
    assert_eq!(reason, Unverifiable::SizesInObject);
}

/// A word needs a field, and there is none where the type is all of a value.
#[test]
fn what_to_do_about_a_whole_value_can_be_done() {
    let whole = check::<HashMap<u32, u64>>("arms").unwrap_err().to_string();
    assert!(whole.contains("`bpfmap layout --rust` writes it"), "{whole}");
    assert!(!whole.contains("on it"), "{whole}");
    let object = Object::parse(include_bytes!("bpf/findings.bpf.o")).unwrap();
    let said = |map: Result<_, Error>| map.map(|_: Verification| ()).unwrap_err().to_string();
    let union = said(object.check::<HashMap<[u8; 16], [u8; 16]>>("addresses"));
    assert!(union.contains("`struct Name(#[bpf(opaque)] [u8; 16]);`"), "{union}");
    let pointer = said(object.check::<HashMap<u64, [u64; 2]>>("pointers"));
    assert!(pointer.contains("`struct Name(#[bpf(pointer)] u64);`"), "{pointer}");
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
    let like = error("event_").to_string();
    assert_eq!(like, "no type `event_` in this BTF: did you mean `event`?");
    let text = error("nonsense").to_string();
    assert!(text.starts_with("no type `nonsense` in this BTF; compilers leave out"), "{text}");
    assert_eq!(error("undefined"), BtfError::Incomplete { name: "undefined".into() });
    assert_eq!(
        error("nonsense"),
        BtfError::NoSuchType {
            name: "nonsense".into(),
            meant: None,
            source_of_btf: BtfSource::Object
        }
    );
}

/// What the message about the first difference advises.
#[track_caller]
fn advice<V: BpfMapValue>(map: &str) -> String {
    match value::<V>(map) {
        Err(Error::Mismatch(mismatches)) => mismatches.iter().next().unwrap().1.advice.clone(),
        other => panic!("not refused for its fields: {other:?}"),
    }
}

#[test]
fn advice_names_what_helps() {
    structs! {
        BpfMapValue Lock { lock: u32, count: u32, timer: Timer, task: Kptr,
            #[bpf(pointer)] plain: u64 }
        BpfMapValue NoLock { p: Pad<4>, count: u32, timer: Timer, task: Kptr,
            #[bpf(pointer)] plain: u64 }
        BpfMapValue NoPointer { p: Pad<8>, number: u64, #[bpf(pointer)] several: [u64; 2] }
        BpfMapValue NoArm { kind: u32, #[bpf(arm_of_union)] v6: [u8; 16], word: u32 }
        BpfMapValue Misspelt {
            kind: u32,
            #[bpf(arm_of_union)]
            v6: [u8; 16],
            #[bpf(arm_of = "name", name = "letters")]
            word: u32,
        }
        BpfMapValue NoBits { #[bpf(bitfields)] x: u32, y: u16, z: u16 }
        BpfMapValue Unpacked { a: u8, p: Pad<3>, b: u32, c: u16, q: Pad<2> }
    }
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C, packed)]
    struct Reordered {
        c: u16,
        a: u8,
        b: u32,
    }
    assert_eq!(advice::<Lock>("kernel_owned"), "declare it `bpfmap::SpinLock` in Rust");
    assert_eq!(advice::<NoLock>("kernel_owned"), "declare it, `lock: bpfmap::SpinLock`");
    assert!(
        advice::<NoPointer>("pointers").starts_with("declare it, `#[bpf(pointer)] address: u64`")
    );
    let arm = "it is an arm of the union `named`: write `#[bpf(arm_of = \"named\")]` on it";
    assert_eq!(advice::<NoArm>("unions"), arm);
    let misspelt = "the C struct has no member `name`: correct the name in `arm_of`";
    assert_eq!(advice::<Misspelt>("unions"), misspelt);
    let no_bits = "the C struct has no bitfields: remove the attribute";
    assert_eq!(advice::<NoBits>("an_inner"), no_bits);
    assert!(advice::<Unpacked>("packed").contains("write `#[repr(C, packed)]`"));
    // It is packed already, and in another order.
    assert_eq!(advice::<Reordered>("packed"), "put it after `b` in Rust, or change the order in C");
}
