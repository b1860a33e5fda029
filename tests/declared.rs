//! Maps as an object declares them, by every way of doing so.

use bpfmap::{BpfMapValue, Error, HashMap, MapType, Object, Unverifiable};

static DECLARED: &[u8] = include_bytes!("bpf/declared.bpf.o");

#[test]
fn each_declaration_is_read() {
    let object = Object::parse(DECLARED).unwrap();
    let mut maps: Vec<_> = object.maps().map(|map| map.to_string()).collect();
    maps.sort_unstable();
    assert_eq!(
        maps,
        [
            "array `.data`: 4 bytes -> .data (4 bytes), 1 entry",
            "array_of_maps `tenants`: __u32 (4 bytes) -> maps (hash `tenants.inner`: __u32 (4 bytes) \
             -> __u64 (8 bytes), up to 64 entries), up to 8 entries",
            "lpm_trie `routes`: 8 bytes -> __u32 (4 bytes), up to 128 entries",
            "lru_hash `legacy`: 4 bytes -> 8 bytes, up to 16 entries",
            "perf_event_array `samples`: 4 bytes -> 4 bytes",
            "prog_array `jumps`: 4 bytes -> 4 bytes, up to 2 entries",
            "queue `queue`: nothing -> struct event (16 bytes), up to 32 entries",
            "ringbuf `events`: 65536 bytes",
            "struct_ops `scheduler`: 4 bytes -> struct scheduler_ops (16 bytes), 1 entry",
        ]
    );
}

#[test]
fn flags_and_sizes_are_declared_too() {
    let object = Object::parse(DECLARED).unwrap();
    let map = |name| object.map(name).unwrap();
    const BPF_F_NO_PREALLOC: u32 = 1;
    const BPF_F_NO_COMMON_LRU: u32 = 2;
    assert_eq!(map("routes").map_flags(), BPF_F_NO_PREALLOC);
    assert_eq!(map("routes").map_type(), MapType::LPM_TRIE);
    assert_eq!(map("legacy").map_flags(), BPF_F_NO_COMMON_LRU);
    assert_eq!((map("legacy").key_size(), map("legacy").value_size()), (Ok(4), Ok(8)));
    assert_eq!(map("queue").key_size(), Ok(0));
    assert_eq!(map("queue").value().unwrap().to_string(), "struct event");
    assert!(map("routes").key().is_none());
}

#[test]
fn the_maps_in_a_map_are_checked() {
    let object = Object::parse(DECLARED).unwrap();
    let inner = object.map("tenants").unwrap().inner().unwrap();
    inner.check::<HashMap<u32, u64>>().unwrap();
    match inner.check::<HashMap<u32, i64>>() {
        Err(Error::Mismatch(mismatches)) => {
            let text = mismatches.to_string();
            assert!(text.starts_with("map `tenants.inner` does not fit"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    assert!(object.map("events").unwrap().inner().is_none());
}

#[test]
fn events_are_checked_by_the_name_of_their_type() {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Event {
        at: u64,
        pid: u32,
        port: u16,
        comm: [u8; 2],
    }
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Swapped {
        at: u64,
        port: u16,
        comm: [u8; 2],
        pid: u32,
    }
    let object = Object::parse(DECLARED).unwrap();
    object.btf().check::<Event>("event").unwrap();
    let Err(Error::Mismatch(found)) = object.btf().check::<Swapped>("event") else { panic!() };
    let paths: Vec<_> = found.iter().map(|(_, found)| found.path.as_str()).collect();
    assert_eq!(paths, ["port", "comm", "pid"]);
    let text = found.to_string();
    assert!(text.starts_with("type `event` does not fit its Rust type"), "{text}");
}

#[test]
fn sizes_are_no_types() {
    let object = Object::parse(DECLARED).unwrap();
    match object.check::<HashMap<u32, u64>>("legacy") {
        Err(Error::Unverifiable { reason: Unverifiable::SizesInObject, .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_variable_of_another_object_is_not_there() {
    let object = Object::parse(DECLARED).unwrap();
    object.check_variable::<u32>("here").unwrap();
    match object.check_variable::<u32>("elsewhere") {
        Err(Error::UnknownVariable { known, .. }) => assert_eq!(known, ["here"]),
        other => panic!("{other:?}"),
    }
}
