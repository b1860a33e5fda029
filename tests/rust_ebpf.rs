//! A program in Rust that shares its types with user space: no kernel, only the
//! object file.

use bpfmap::MismatchKind::{self, *};
use bpfmap::{
    Be16, Be32, Be64, BpfEnum, BpfLayout, BpfMapKey, BpfMapValue, BtfError, BtfSource, Enum, Error,
    Globals, HashMap, MapType, Object, Pad, TypedMap, Unverifiable, Verification,
};
use bpfmap_test_shared::*;

static MAPS: &[u8] = include_bytes!("rust-ebpf/maps.bpf.o");

const VERIFIED: Verification = Verification::Verified { source: BtfSource::Object };

fn object() -> Object<'static> {
    Object::parse(MAPS).unwrap()
}

fn check<M: TypedMap>(map: &str) -> Result<Verification, Error> {
    object().check::<M>(map)
}

/// The paths and kinds of all differences, in order.
#[track_caller]
fn differences<T>(answer: Result<T, Error>) -> Vec<(String, MismatchKind)> {
    match answer {
        Err(Error::Mismatch(all)) => all.iter().map(|(_, it)| (it.path.clone(), it.kind)).collect(),
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("accepted"),
    }
}

#[track_caller]
fn assert_differ<T>(answer: Result<T, Error>, expected: &[(&str, MismatchKind)]) {
    let found = differences(answer);
    let found: Vec<_> = found.iter().map(|(path, kind)| (path.as_str(), *kind)).collect();
    assert_eq!(found, expected);
}

/// Checks a type by the name that it has in the program.
fn named<T: BpfLayout>(name: &str) -> Result<(), Error> {
    object().btf().check::<T>(name).map(drop)
}

macro_rules! structs {
    ($($derive:ident $name:ident { $($body:tt)* })*) => {$(
        #[derive($derive, Clone, Copy)]
        #[repr(C)]
        struct $name { $($body)* }
    )*};
}

#[test]
fn shared_types_fit() {
    assert_eq!(check::<HashMap<FlowKey, FlowStats>>("FLOWS").unwrap(), VERIFIED);
    assert_eq!(check::<HashMap<Port, Gen<u32, 2>>>("PORTS").unwrap(), VERIFIED);
}

#[test]
fn maps_in_btf_are_known_with_their_types_of_map() {
    for (map, expected) in
        [("ARRAY", MapType::ARRAY), ("PERCPU", MapType::PERCPU_HASH), ("EVENTS", MapType::RINGBUF)]
    {
        match check::<HashMap<u32, FlowStats>>(map) {
            Err(Error::MapType { found, .. }) => assert_eq!(found, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn types_of_bpfmap_have_their_meaning_on_the_other_side_too() {
    structs! {
        BpfMapKey Host { addr: u32, port: u16, pad: Pad<2> }
        BpfMapKey Flow { from: Host, to: Endpoint, protocol: u8, pad: Pad<3> }
        BpfMapValue Stats { packets: u64, bytes: i64, last: [u16; 4], wide: u64 }
    }
    assert_differ(
        check::<HashMap<Flow, Stats>>("FLOWS"),
        &[("from.addr", ByteOrder), ("from.port", ByteOrder), ("wide", ByteOrder)],
    );
    let refusal = check::<HashMap<Flow, FlowStats>>("FLOWS").unwrap_err().to_string();
    let line = "`from.addr` differs in byte order: `u32` at 0..4 in Rust, `struct Be32` at 0..4 in \
                BTF; declare it `Be32` in Rust\n";
    assert!(refusal.contains(line), "{refusal}");
}

#[test]
fn a_newtype_is_one_on_either_side_or_on_both() {
    #[derive(BpfMapKey, Clone, Copy)]
    #[repr(C)]
    struct Twice(Port);
    structs! {
        BpfMapKey Plain { addr: Be32, port: Be16, pad: Pad<2> }
        BpfMapKey Other { addr: Alias, port: Twice, pad: Pad<2> }
    }
    #[derive(BpfMapKey, Clone, Copy)]
    #[repr(transparent)]
    struct Alias(Be32);

    named::<Endpoint>("Endpoint").unwrap();
    named::<Plain>("Endpoint").unwrap();
    named::<Other>("Endpoint").unwrap();
    named::<Be16>("Port").unwrap();
    named::<Gen<u32, 2>>("History").unwrap();
    named::<History>("Gen_3C_u32_2C__20_2_3E_").unwrap();
    named::<Enum<Protocol>>("Enum_3C_bpfmap_test_shared_3A__3A_Protocol_3E_").unwrap();
}

#[test]
fn a_newtype_of_something_else_is_refused() {
    #[derive(BpfMapKey, Clone, Copy)]
    #[repr(transparent)]
    struct Host(u16);
    #[derive(BpfMapKey, Clone, Copy)]
    #[repr(transparent)]
    struct Bytes([u8; 2]);
    #[derive(BpfMapKey, Clone, Copy)]
    #[repr(transparent)]
    struct Wide(Be32);
    #[derive(BpfMapKey, Clone, Copy)]
    #[repr(C)]
    struct Two(u8, u8);
    assert_differ(check::<HashMap<Host, Gen<u32, 2>>>("PORTS"), &[("0", ByteOrder)]);
    assert_differ(check::<HashMap<Bytes, Gen<u32, 2>>>("PORTS"), &[("0", Type)]);
    assert_differ(check::<HashMap<Wide, Gen<u32, 2>>>("PORTS"), &[("0", Size), ("", Size)]);
    assert_differ(check::<HashMap<u16, Gen<u32, 2>>>("PORTS"), &[("", ByteOrder)]);
    assert!(!differences(check::<HashMap<Two, Gen<u32, 2>>>("PORTS")).is_empty());
}

#[test]
fn another_instance_of_a_generic_is_refused() {
    assert_differ(
        check::<HashMap<Port, Gen<u32, 3>>>("PORTS"),
        &[("items", ArrayLength), ("one", Moved), ("", Size)],
    );
    assert_differ(
        check::<HashMap<Port, Gen<i32, 2>>>("PORTS"),
        &[("items[]", Signedness), ("one", Signedness)],
    );
    assert_differ(
        check::<HashMap<Port, Gen<u16, 5>>>("PORTS"),
        &[("items", ArrayLength), ("one", Moved), ("one", Size)],
    );
}

#[test]
fn fields_that_were_exchanged_are_found_however_deep() {
    structs! {
        BpfMapKey Swapped { port: Port, pad: Pad<2>, addr: Be32 }
        BpfMapKey Flow { to: Endpoint, from: Swapped, protocol: Enum<Protocol>, pad: Pad<3> }
        BpfMapValue Stats { bytes: i64, packets: u64, last: [u16; 4], wide: Be64 }
    }
    let found = differences(check::<HashMap<Flow, Stats>>("FLOWS"));
    let paths: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["to", "from", "from.port", "from.addr", "bytes", "packets"]);
}

#[test]
fn an_enum_is_the_integer_that_the_shared_type_has() {
    #[derive(BpfEnum, Clone, Copy)]
    #[repr(u16)]
    enum Wider {
        Tcp = 6,
    }
    let _ = Wider::Tcp;
    structs! {
        BpfMapKey Same { from: Endpoint, to: Endpoint, protocol: u8, pad: Pad<3> }
        BpfMapKey Wide { from: Endpoint, to: Endpoint, protocol: Enum<Wider>, pad: Pad<2> }
    }
    named::<Same>("FlowKey").unwrap();
    assert_differ(named::<Wide>("FlowKey"), &[("protocol", Size)]);
}

#[test]
fn an_event_is_checked_by_the_name_of_its_type() {
    structs! {
        BpfMapValue Wrong { flow: FlowKey, counts: Counts, history: Gen<u32, 1>, len: u32 }
        BpfMapValue Halves { len: u32, number: u32 }
        BpfMapValue Named { flow: FlowKey, counts: Halves, history: History, rest: Pad<4> }
        BpfMapValue Read { flow: FlowKey, counts: Counts, history: History, room: u32 }
    }
    named::<Event>("Event").unwrap();
    assert_differ(
        named::<Wrong>("Event"),
        &[
            ("history.items", ArrayLength),
            ("history", Size),
            ("history.one", Moved),
            ("len", Missing),
            ("", Size),
        ],
    );
    assert_differ(named::<Named>("Event"), &[("counts.len", Renamed), ("counts.number", Renamed)]);
    // What nobody writes is nothing to read.
    assert_differ(named::<Read>("Event"), &[("room", Type)]);
}

#[test]
fn maps_without_types_are_not_verifiable_by_themselves() {
    for answer in
        [check::<HashMap<Endpoint, Gen<u32, 2>>>("LEGACY"), check::<HashMap<Alone, u32>>("UNSEEN")]
    {
        match answer {
            Err(Error::Unverifiable { reason: Unverifiable::SizesInObject, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn globals_are_of_shared_types() {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Bss {
        #[bpf(name = "PACKETS")]
        packets: u64,
    }
    assert_eq!(check::<Globals<Bss>>(".bss").unwrap(), VERIFIED);
    object().check_variable::<u64>("PACKETS").unwrap();
    object().check_variable::<Gen<u32, 2>>("LATEST").unwrap();
    assert_differ(
        object().check_variable::<Gen<u32, 1>>("LATEST"),
        &[("items", ArrayLength), ("one", Moved), ("", Size)],
    );
}

/// A type of which only the definition of a map without types speaks is no more
/// than a part of a name: there is nothing to compare with.
#[test]
fn a_type_that_only_a_map_without_types_uses_is_not_in_the_program() {
    match named::<Alone>("Alone") {
        Err(Error::Btf { error: BtfError::NoSuchType { name, .. }, .. }) => {
            assert_eq!(name, "Alone")
        }
        other => panic!("{other:?}"),
    }
}
