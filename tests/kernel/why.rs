//! "My lookup returns nothing": each cause, made for real and named.

use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use aya::programs::Xdp;
use aya::{Ebpf, EbpfLoader};
use bpfmap::diagnose::{Answer, Break, MapRef, Nearness, Question};
use bpfmap::{
    AnyMap, Array, ArrayOfMaps, Diagnosis, Error, HashMap, LocalStorage, LpmTrie, MapType, Object,
    OpenOptions, Verification, Why,
};

use crate::features::CALLS_WITHOUT_CAPABILITY;
use crate::inner::{INNER, Mark, Tenant};
use crate::maps::{Count, MAPS, Prefix, prefix};
use crate::privilege::{LEAST, with_only};
use crate::raw::Create;
use crate::support::*;

trials! {
    [Need::Bpf, Need::Ids, CALLS_WITHOUT_CAPABILITY] => [
        without_privilege_the_chain_goes_on,
    ]
    [Need::Bpf, Need::Ids] => [
        a_map_that_is_not_loaded,
        a_name_that_several_maps_have,
        a_descriptor_that_was_closed_or_reused,
        the_map_of_another_load_is_not_the_programs,
        a_key_that_is_in_the_map_of_the_other_load,
        a_program_that_does_not_use_the_map,
        a_map_in_a_map_of_maps_is_used_by_the_program_of_that,
        types_that_do_not_fit,
        an_object_of_another_build,
        a_key_that_is_there,
        a_map_without_entries,
        a_key_that_differs_in_its_padding,
        a_key_in_the_other_byte_order,
        a_key_that_differs_in_one_field,
        a_key_that_is_near_none,
        an_lru_map_may_have_dropped_it,
        the_search_ends_where_it_is_told_to,
        an_index_beyond_the_end,
        a_slot_without_a_map,
        a_socket_without_a_value,
        a_prefix_that_covers_a_key,
        no_prefix_that_covers_a_key,
        keys_without_a_rust_type_are_taken_apart_by_btf,
        a_diagnosis_is_data,
    ]
    [Need::Bpf, Need::Bpffs] => [
        a_pin_that_is_not_there_or_of_another_map,
        a_pin_that_may_not_be_opened_is_not_said_to_be_absent,
    ]
}

type Flows = HashMap<FlowKey, FlowStats>;

fn flow(proto: u8, dport: u16) -> FlowKey {
    FlowKey {
        saddr: std::net::Ipv4Addr::new(10, 0, 0, 1).into(),
        daddr: std::net::Ipv4Addr::new(10, 0, 0, 2).into(),
        sport: 40000.into(),
        dport: dport.into(),
        proto,
        ..bpfmap::zeroed()
    }
}

/// What is wrong, and that nothing was asked behind it.
#[track_caller]
fn broken(diagnosis: &Diagnosis, question: Question) -> &Break {
    let (asked, broken) = diagnosis.broken().unwrap_or_else(|| panic!("{diagnosis}"));
    assert_eq!(asked, question, "{diagnosis}");
    let last = diagnosis.links.last().unwrap_or_else(|| panic!("{diagnosis}"));
    assert_eq!(last.question, question, "{diagnosis}");
    assert!(!diagnosis.is_found());
    assert!(diagnosis.to_string().contains("\n  BROKEN"), "{diagnosis}");
    broken
}

/// What was answered to a question.
#[track_caller]
fn answer(diagnosis: &Diagnosis, question: Question) -> &Answer {
    let link = diagnosis.links.iter().find(|link| link.question == question);
    &link.unwrap_or_else(|| panic!("{question:?} was not asked: {diagnosis}")).answer
}

/// A hash map of the test's own name, without BTF.
fn raw_map(name: &str, key_size: u32) -> std::io::Result<OwnedFd> {
    let map_type = MapType::HASH.as_raw();
    let (value_size, max_entries) = (8, 64);
    Create {
        map_type,
        name,
        key_size,
        value_size,
        max_entries,
        map_flags: 0,
        btf: None,
        inner: None,
    }
    .create()
}

fn load_program(ebpf: &mut Ebpf, name: &str) -> Result<u32, Box<dyn std::error::Error>> {
    let program: &mut Xdp = ebpf.program_mut(name).ok_or("no program")?.try_into()?;
    program.load()?;
    Ok(program.info()?.id())
}

fn map_id(map: &impl AsFd) -> Result<u32, Error> {
    Ok(AnyMap::from_fd(map)?.id())
}

/// Runs the program on a packet of a flow of `flow(17, dport)`.
fn send(ebpf: &mut Ebpf, dport: u16) -> TestResult {
    use aya::{TestRun, TestRunOptions};
    let mut packet = vec![0; 64];
    packet[12..14].copy_from_slice(&[8, 0]);
    packet[14] = 0x45;
    packet[23] = 17;
    packet[26..34].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    packet[34..36].copy_from_slice(&40000_u16.to_be_bytes());
    packet[36..38].copy_from_slice(&dport.to_be_bytes());
    let program: &Xdp = ebpf.program("count_flows").ok_or("no program")?.try_into()?;
    program.test_run(TestRunOptions { data_in: Some(&packet), ..TestRunOptions::default() })?;
    Ok(())
}

fn a_map_that_is_not_loaded() -> TestResult {
    let _near = raw_map("why_not_loadee", 4)?;
    let why = |map| Why::new().ask_at::<HashMap<u32, u64>>(map, &1);
    let diagnosis = why(MapRef::Name("why_not_loaded"));
    match broken(&diagnosis, Question::Loaded) {
        Break::NotLoaded { known } => {
            assert_eq!(known.first().map(String::as_str), Some("why_not_loadee"), "{known:?}");
        }
        other => panic!("{other}"),
    }
    assert!(diagnosis.to_string().starts_with("map `why_not_loaded`"), "{diagnosis}");
    // Of an id that no map has.
    let id = u32::MAX - 7;
    let diagnosis = why(MapRef::Id(id));
    assert!(
        matches!(broken(&diagnosis, Question::Loaded), Break::NoId { id: found } if *found == id)
    );
    assert!(!diagnosis.to_string().contains("another name"), "{diagnosis}");
    let nowhere = std::path::Path::new("/nonexistent/flows");
    let diagnosis = why(MapRef::Pin(nowhere));
    match broken(&diagnosis, Question::Loaded) {
        Break::NotPinned { reason, .. } => assert!(reason.contains("/nonexistent"), "{reason}"),
        other => panic!("{other}"),
    }
    Ok(())
}

fn a_name_that_several_maps_have() -> TestResult {
    // The kernel may have maps of other runs of these tests.
    let name = &format!("several_{}", std::process::id());
    let maps = [raw_map(name, 4)?, raw_map(name, 4)?];
    let ids = [map_id(&maps[0])?, map_id(&maps[1])?];
    let diagnosis = Why::new().ask_at::<HashMap<u32, u64>>(MapRef::Name(name), &1);
    match broken(&diagnosis, Question::Loaded) {
        Break::Several { copies } => {
            let mut found: Vec<_> = copies.iter().map(|copy| copy.id).collect();
            found.sort_unstable();
            assert_eq!(found, ids);
            assert!(copies.iter().all(|copy| copy.programs.is_empty()));
        }
        other => panic!("{other}"),
    }
    // By the program that uses it, one of several is meant.
    let (mut ebpf, _other) = (Ebpf::load(FLOWS)?, Ebpf::load(FLOWS)?);
    let program = load_program(&mut ebpf, "count_flows")?;
    let flows = Flows::open(&ebpf, "flows")?;
    flows.insert(&flow(6, 443), &FlowStats::default())?;
    let why = Why::new().program_id(program);
    let diagnosis = why.ask_at::<Flows>(MapRef::Name("flows"), &flow(6, 443));
    assert!(diagnosis.is_found(), "{diagnosis}");
    assert_eq!(diagnosis.map.id, Some(map_id(&flows)?));
    Ok(())
}

fn a_descriptor_that_was_closed_or_reused() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let flows = Flows::open(&ebpf, "flows")?;
    let other = Flows::open(&Ebpf::load(FLOWS)?, "flows")?;
    crate::raw::replace(&flows, &other)?;
    let diagnosis = flows.why(&flow(6, 443));
    assert!(matches!(broken(&diagnosis, Question::Alive), Break::Replaced));
    let file = std::fs::File::open("/dev/null")?;
    crate::raw::replace(&flows, &file)?;
    assert!(matches!(broken(&flows.why(&flow(6, 443)), Question::Alive), Break::Replaced));
    Ok(())
}

fn the_map_of_another_load_is_not_the_programs() -> TestResult {
    let (mut running, idle) = (Ebpf::load(FLOWS)?, Ebpf::load(FLOWS)?);
    let program = load_program(&mut running, "count_flows")?;
    send(&mut running, 443)?;
    let wanted = flow(17, 443);
    let (used, copy) = (Flows::open(&running, "flows")?, Flows::open(&idle, "flows")?);
    // What the program has counted is not in the copy.
    assert!(used.get(&wanted)?.is_some() && copy.get(&wanted)?.is_none());
    let why = Why::new().program_id(program);
    let diagnosis = why.ask(&copy, &wanted);
    match broken(&diagnosis, Question::Used) {
        Break::OtherCopy { program: by, copy } => {
            assert_eq!((by.id, &*by.name), (program, "count_flows"));
            assert_eq!(copy.id, map_id(&used)?);
        }
        other => panic!("{other}"),
    }
    assert!(diagnosis.to_string().contains("it was loaded twice"), "{diagnosis}");
    // Without a program some one that uses a copy is found.
    assert!(matches!(broken(&copy.why(&wanted), Question::Used), Break::OtherCopy { .. }));
    let diagnosis = why.ask(&used, &wanted);
    assert!(diagnosis.is_found(), "{diagnosis}");
    match answer(&diagnosis, Question::Used) {
        Answer::Holds(text) => assert!(text.contains("`count_flows`"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert!(used.why(&wanted).is_found());
    Ok(())
}

fn a_key_that_is_in_the_map_of_the_other_load() -> TestResult {
    let (mut one, mut other) = (Ebpf::load(FLOWS)?, Ebpf::load(FLOWS)?);
    let [_, second] =
        [load_program(&mut one, "count_flows")?, load_program(&mut other, "count_flows")?];
    send(&mut other, 4711)?;
    let (empty, filled) = (Flows::open(&one, "flows")?, Flows::open(&other, "flows")?);
    let wanted = flow(17, 4711);
    let id = map_id(&filled)?;
    let note = format!(
        "another map `flows` (id {id}) is used by program `count_flows` (id {second}), and the key is \
         there: was its program loaded twice?"
    );
    for diagnosis in [
        empty.why(&wanted),
        Why::new().ask_at::<Flows>(MapRef::Id(map_id(&empty)?), &wanted),
        Why::new().ask_any(&AnyMap::from_fd(&empty)?, &bytes(&wanted)),
    ] {
        assert!(matches!(broken(&diagnosis, Question::Key), Break::Empty { .. }), "{diagnosis}");
        assert_eq!(diagnosis.notes.first(), Some(&note), "{diagnosis}");
    }
    // Where it is, nobody has to look elsewhere.
    assert_eq!(filled.why(&wanted).notes, [""; 0]);
    // That there is one is said in any case.
    let diagnosis = empty.why(&flow(17, 4712));
    let is_said =
        |note: &String| note.contains(" is used by ") && !note.contains("the key is there");
    assert!(diagnosis.notes.iter().any(is_said), "{diagnosis}");
    Ok(())
}

fn a_pin_that_may_not_be_opened_is_not_said_to_be_absent() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("flows");
    aya::maps::MapData::from_fd(raw_map("why_closed", 4)?)?.pin(&path)?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o000))?;
    with_only(LEAST, || {
        let diagnosis = Why::new().ask_at::<Flows>(MapRef::Pin(&path), &flow(6, 443));
        assert!(diagnosis.broken().is_none(), "{diagnosis}");
        match answer(&diagnosis, Question::Loaded) {
            Answer::Unknown(text) => {
                assert!(text.ends_with("chmod or chown, or be somebody who may read it"), "{text}");
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    })
}

fn a_program_that_does_not_use_the_map() -> TestResult {
    let (ebpf, mut other) = (Ebpf::load(FLOWS)?, Ebpf::load(MAPS)?);
    let flows = Flows::open(&ebpf, "flows")?;
    let program = load_program(&mut other, "count")?;
    let diagnosis = Why::new().program_id(program).ask(&flows, &flow(6, 443));
    match broken(&diagnosis, Question::Used) {
        Break::NotUsed { program: by, uses } => {
            assert_eq!(by.id, program);
            assert!(uses.iter().any(|map| map.name == "percpu_hash"), "{uses:?}");
        }
        other => panic!("{other}"),
    }
    let why = Why::new().program("why_no_such_program");
    match broken(&why.ask(&flows, &flow(6, 443)), Question::Used) {
        Break::NoProgram { program, .. } => assert_eq!(program, "why_no_such_program"),
        other => panic!("{other}"),
    }
    // A map that no program uses, nor a copy of it, is no break of the chain.
    let map = raw_map("why_unused", 4)?;
    let map: HashMap<u32, u64> = OpenOptions::new().allow_sizes_only(true).from_fd(&map)?;
    let diagnosis = map.why(&1);
    match answer(&diagnosis, Question::Used) {
        Answer::Unknown(text) => {
            assert!(text.contains("no program that is loaded uses it"), "{text}")
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(broken(&diagnosis, Question::Key), Break::Empty { .. }));
    Ok(())
}

fn a_pin_that_is_not_there_or_of_another_map() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let at = |name: &str| bpffs.path().join(name);
    let (ebpf, mut other) = (Ebpf::load(FLOWS)?, Ebpf::load(FLOWS)?);
    let flows = Flows::open(&ebpf, "flows")?;
    flows.insert(&flow(6, 443), &FlowStats::default())?;
    for (ebpf, name) in [(&ebpf, "flows"), (&other, "older")] {
        let Some(aya::maps::Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
        data.pin(at(name))?;
    }
    // No other test's program may use a copy of it: this one asks for the pin alone.
    let program = load_program(&mut other, "count_flows")?;
    let xdp: &mut Xdp = other.program_mut("count_flows").ok_or("no program")?.try_into()?;
    xdp.pin(at("program"))?;
    let older = Flows::open(&other, "flows")?;
    older.insert(&flow(6, 443), &FlowStats::default())?;
    let why = Why::new().program_id(program);
    let ask = |path: &std::path::Path| why.pin(path).ask(&older, &flow(6, 443));

    let diagnosis = ask(&at("older"));
    assert!(diagnosis.is_found(), "{diagnosis}");
    assert!(matches!(answer(&diagnosis, Question::Pinned), Answer::Holds(_)));
    match broken(&ask(&at("flows")), Question::Pinned) {
        broken @ Break::PinOfOther { path, copy, is_copy: true } => {
            assert_eq!((path, copy.id), (&at("flows"), map_id(&flows)?));
            assert!(broken.advice().contains("of another load of the program"));
        }
        other => panic!("{other}"),
    }
    match broken(&ask(&at("gone")), Question::Pinned) {
        Break::NotPinned { reason, .. } => {
            assert!(reason.contains("nothing is pinned there"), "{reason}");
        }
        other => panic!("{other}"),
    }
    let pinned = raw_map("why_other", 4)?;
    aya::maps::MapData::from_fd(pinned)?.pin(at("other"))?;
    match broken(&ask(&at("other")), Question::Pinned) {
        broken @ Break::PinOfOther { is_copy: false, .. } => {
            assert!(broken.advice().contains("another map and not another load of this one"));
            assert!(broken.advice().contains("`why_other`"));
        }
        other => panic!("{other}"),
    }
    let diagnosis = ask(&at("program"));
    assert!(matches!(broken(&diagnosis, Question::Pinned), Break::PinOfNoMap { .. }));
    let diagnosis = Why::new().ask_at::<Flows>(MapRef::Pin(&at("program")), &flow(6, 443));
    assert!(matches!(broken(&diagnosis, Question::Loaded), Break::PinOfNoMap { .. }));
    let diagnosis = why.ask_at::<Flows>(MapRef::Pin(&at("older")), &flow(6, 443));
    assert!(diagnosis.is_found(), "{diagnosis}");
    Ok(())
}

fn a_map_in_a_map_of_maps_is_used_by_the_program_of_that() -> TestResult {
    let create = |map_type: MapType, name, value_size, inner| {
        let (key_size, max_entries, map_flags, btf) = (4, 4, 0, None);
        let map_type = map_type.as_raw();
        Create { map_type, name, key_size, value_size, max_entries, map_flags, btf, inner }.create()
    };
    let inner = create(MapType::ARRAY, "why_inner", 8, None)?;
    let outer = create(MapType::ARRAY_OF_MAPS, "why_outer", 4, Some(&inner))?;
    let program = crate::raw::load_program_with(&outer)?;
    let map: Array<u64> = OpenOptions::new().allow_sizes_only(true).from_fd(&inner)?;
    let fdinfo = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", program.as_raw_fd()))?;
    let id = fdinfo.lines().find_map(|line| line.strip_prefix("prog_id:")).ok_or("no id")?;
    let why = Why::new().program_id(id.trim().parse()?);
    match broken(&why.ask(&map, &1), Question::Used) {
        Break::NotUsed { uses, .. } => {
            assert!(uses.iter().any(|map| map.name == "why_outer"), "{uses:?}");
        }
        other => panic!("{other}"),
    }
    crate::raw::put(&outer, 1, &inner)?;
    let diagnosis = why.ask(&map, &1);
    assert!(diagnosis.is_found(), "{diagnosis}");
    match answer(&diagnosis, Question::Used) {
        Answer::Holds(text) => assert!(text.contains("a map of maps that it is in"), "{text}"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn types_that_do_not_fit() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    let id = map_id(&HashMap::<Key, Value>::open(&ebpf, "hash")?)?;
    let why = Why::new();
    let diagnosis = why.ask_at::<HashMap<crate::support::Key, u32>>(MapRef::Id(id), &key(1));
    match broken(&diagnosis, Question::Layout) {
        Break::Layout(error) => assert!(matches!(**error, Error::Mismatch(_)), "{error}"),
        other => panic!("{other}"),
    }
    let diagnosis = why.ask_at::<Array<Value>>(MapRef::Id(id), &1);
    match broken(&diagnosis, Question::Layout) {
        Break::Layout(error) => assert!(matches!(**error, Error::MapType { .. }), "{error}"),
        other => panic!("{other}"),
    }
    // What was opened by its sizes alone is compared now, where that can be done.
    let fd = bpfmap::Loader::map_fd(&ebpf, "hash").ok_or("no map")?;
    let map: HashMap<Key, Value> = OpenOptions::new().from_fd(fd)?;
    let diagnosis = map.why(&key(1));
    match answer(&diagnosis, Question::Layout) {
        Answer::Holds(text) => assert!(text.starts_with("verified against"), "{text}"),
        other => panic!("{other:?}"),
    }
    let untyped = raw_map("why_untyped", 4)?;
    let map: HashMap<u32, u64> = OpenOptions::new().allow_sizes_only(true).from_fd(&untyped)?;
    assert!(matches!(map.verification(), Verification::SizesOnly { .. }));
    match answer(&map.why(&1), Question::Layout) {
        Answer::Unknown(text) => assert!(text.contains("only the sizes are verified"), "{text}"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn an_object_of_another_build() -> TestResult {
    let ebpf = Ebpf::load(OLDER)?;
    let map = AnyMap::from_fd(bpfmap::Loader::map_fd(&ebpf, "hash").ok_or("no map")?)?;
    let (newer, same) = (Object::parse(KINDS)?, Object::parse(OLDER)?);
    let diagnosis = Why::new().object(&newer).ask_any(&map, &[0; 8]);
    match broken(&diagnosis, Question::Layout) {
        Break::OtherObject { differences } => {
            let text: Vec<_> = differences.iter().map(ToString::to_string).collect();
            let expected = [
                "key `b`: in the object __u16 at 4..6, in the kernel __u16 at 6..8",
                "key `c`: in the object __u16 at 6..8, in the kernel __u16 at 4..6",
            ];
            assert_eq!(text, expected);
        }
        other => panic!("{other}"),
    }
    let diagnosis = Why::new().object(&same).ask_any(&map, &[0; 8]);
    assert!(matches!(answer(&diagnosis, Question::Layout), Answer::Holds(_)), "{diagnosis}");
    // A map of the kernel that the object declares otherwise.
    let flows = Object::parse(FLOWS)?;
    let diagnosis = Why::new().object(&flows).ask_any(&map, &[0; 8]);
    match answer(&diagnosis, Question::Layout) {
        Answer::Unknown(text) => assert!(text.contains("declares no map `hash`"), "{text}"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

/// A map with a program that uses it, as the chain is to come to the key.
struct Running {
    _ebpf: Ebpf,
    flows: Flows,
    /// The same map for keys that Rust would not make.
    raw: aya::maps::HashMap<aya::maps::MapData, [u8; 16], [u8; 16]>,
}

fn running() -> Result<Running, Box<dyn std::error::Error>> {
    let mut ebpf = Ebpf::load(FLOWS)?;
    load_program(&mut ebpf, "count_flows")?;
    let flows = Flows::open(&ebpf, "flows")?;
    let id = map_id(&flows)?;
    let raw = aya::maps::Map::HashMap(aya::maps::MapData::from_id(id)?).try_into()?;
    Ok(Running { _ebpf: ebpf, flows, raw })
}

/// The bytes of a key.
fn bytes(key: &FlowKey) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[0..4].copy_from_slice(&key.saddr.to_be_bytes());
    bytes[4..8].copy_from_slice(&key.daddr.to_be_bytes());
    bytes[8..10].copy_from_slice(&key.sport.to_be_bytes());
    bytes[10..12].copy_from_slice(&key.dport.to_be_bytes());
    bytes[12] = key.proto;
    bytes
}

fn a_key_that_is_there() -> TestResult {
    let Running { flows, .. } = &running()?;
    flows.insert(&flow(6, 443), &FlowStats { packets: 7, bytes: 8 })?;
    let diagnosis = flows.why(&flow(6, 443));
    assert!(diagnosis.is_found() && diagnosis.broken().is_none());
    let value = diagnosis.value.as_deref().and_then(bpfmap::from_bytes::<FlowStats>);
    assert_eq!(value, Some(FlowStats { packets: 7, bytes: 8 }));
    let asked: Vec<_> = diagnosis.links.iter().map(|link| link.question).collect();
    assert_eq!(asked, [Question::Alive, Question::Used, Question::Layout, Question::Key]);
    assert!(diagnosis.links.iter().all(|link| matches!(link.answer, Answer::Holds(_))));
    Ok(())
}

fn a_map_without_entries() -> TestResult {
    let Running { flows, .. } = &running()?;
    let diagnosis = flows.why(&flow(6, 443));
    assert!(matches!(broken(&diagnosis, Question::Key), Break::Empty { may_be_dropped: false }));
    assert!(diagnosis.to_string().contains("is attached"), "{diagnosis}");
    Ok(())
}

/// The near keys of a diagnosis: how near, how many, and the first's fields.
#[track_caller]
fn near(diagnosis: &Diagnosis) -> (Nearness, u64, Vec<[String; 3]>) {
    match broken(diagnosis, Question::Key) {
        Break::Near { nearness, count, keys, all: true, .. } => {
            let fields = keys[0].differences.iter();
            let fields =
                fields.map(|one| [one.field.clone(), one.wanted.clone(), one.found.clone()]);
            (*nearness, *count, fields.collect())
        }
        other => panic!("{other}"),
    }
}

fn a_key_that_differs_in_its_padding() -> TestResult {
    let Running { flows, raw, .. } = &mut running()?;
    // A program that leaves on the stack what was there.
    let mut dirty = bytes(&flow(6, 443));
    dirty[13..].copy_from_slice(&[0xde, 0xad, 0]);
    raw.insert(dirty, [0; 16], 0)?;
    flows.insert(&flow(17, 443), &FlowStats::default())?;
    let diagnosis = flows.why(&flow(6, 443));
    let expected = ["pad", "00 00 00", "de ad 00"].map(str::to_owned);
    assert_eq!(near(&diagnosis), (Nearness::Padding, 1, vec![expected]));
    let text = diagnosis.to_string();
    assert!(text.contains("differs only in its padding"), "{text}");
    assert!(text.contains("__builtin_memset"), "{text}");
    Ok(())
}

fn a_key_in_the_other_byte_order() -> TestResult {
    let Running { flows, .. } = &running()?;
    // One field: a port that was not converted.
    flows.insert(&flow(6, 443_u16.swap_bytes()), &FlowStats::default())?;
    flows.insert(&flow(6, 80), &FlowStats::default())?;
    let diagnosis = flows.why(&flow(6, 443));
    let expected = ["dport", "443", "47873"].map(str::to_owned);
    assert_eq!(near(&diagnosis), (Nearness::ByteOrder, 1, vec![expected]));
    assert!(diagnosis.to_string().contains("`Be16`"), "{diagnosis}");
    // All of them.
    let host = |key: FlowKey| FlowKey {
        saddr: key.saddr.get().swap_bytes().into(),
        daddr: key.daddr.get().swap_bytes().into(),
        sport: key.sport.get().swap_bytes().into(),
        dport: key.dport.get().swap_bytes().into(),
        ..key
    };
    flows.insert(&host(flow(6, 8443)), &FlowStats::default())?;
    let (nearness, count, fields) = near(&flows.why(&flow(6, 8443)));
    assert_eq!((nearness, count), (Nearness::ByteOrder, 1));
    let fields: Vec<_> = fields.iter().map(|[field, ..]| &**field).collect();
    assert_eq!(fields, ["saddr", "daddr", "sport", "dport"]);
    // A key that is a number.
    let map = raw_map("why_number", 4)?;
    let map: HashMap<u32, u64> = OpenOptions::new().allow_sizes_only(true).from_fd(&map)?;
    map.insert(&443_u32.swap_bytes(), &1)?;
    assert_eq!(near(&map.why(&443)).0, Nearness::ByteOrder);
    Ok(())
}

fn a_key_that_differs_in_one_field() -> TestResult {
    let Running { flows, .. } = &running()?;
    flows.insert(&flow(17, 443), &FlowStats::default())?;
    let mut other = flow(6, 443);
    other.sport = 1.into();
    other.proto = 17;
    flows.insert(&other, &FlowStats::default())?;
    let diagnosis = flows.why(&flow(6, 443));
    let expected = ["proto", "6", "17"].map(str::to_owned);
    assert_eq!(near(&diagnosis), (Nearness::OneField, 1, vec![expected]));
    for port in 1..=4 {
        flows.insert(&flow(6, port), &FlowStats::default())?;
    }
    let diagnosis = flows.why(&flow(6, 443));
    assert_eq!(near(&diagnosis).1, 5);
    assert!(
        diagnosis.to_string().contains("but 5 keys are that differ in one field"),
        "{diagnosis}"
    );
    Ok(())
}

fn a_key_that_is_near_none() -> TestResult {
    let Running { flows, .. } = &running()?;
    let mut other = flow(17, 80);
    other.sport = 1.into();
    flows.insert(&other, &FlowStats::default())?;
    let diagnosis = flows.why(&flow(6, 443));
    match broken(&diagnosis, Question::Key) {
        Break::Absent { looked_at: 1, all: true, may_be_dropped: false } => {}
        other => panic!("{other}"),
    }
    assert!(diagnosis.to_string().contains("(1 entry looked at)"), "{diagnosis}");
    Ok(())
}

fn an_lru_map_may_have_dropped_it() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    let lru = HashMap::<Key, Value>::open(&ebpf, "lru")?;
    let wanted = key(0);
    lru.insert(&wanted, &value(1))?;
    // More than it holds.
    for a in 1..4096 {
        lru.insert(&Key { a, b: 1, c: 1 }, &value(1))?;
    }
    assert_eq!(lru.get(&wanted)?, None);
    let diagnosis = Why::new().ask(&lru, &wanted);
    match broken(&diagnosis, Question::Key) {
        Break::Absent { may_be_dropped: true, .. } => {}
        other => panic!("{other}"),
    }
    assert!(diagnosis.to_string().contains("It is an LRU map"), "{diagnosis}");
    Ok(())
}

fn the_search_ends_where_it_is_told_to() -> TestResult {
    let Running { flows, .. } = &running()?;
    for port in 0..500 {
        flows.insert(&FlowKey { sport: port.into(), ..flow(17, 80) }, &FlowStats::default())?;
    }
    let diagnosis = Why::new().look_at_most(100).ask(flows, &flow(6, 443));
    match broken(&diagnosis, Question::Key) {
        Break::Absent { looked_at: 100, all: false, .. } => {}
        other => panic!("{other}"),
    }
    assert!(diagnosis.to_string().contains("and there are more"), "{diagnosis}");
    match broken(&Why::new().look_at_most(500).ask(flows, &flow(6, 443)), Question::Key) {
        Break::Absent { looked_at: 500, all: true, .. } => Ok(()),
        other => panic!("{other}"),
    }
}

fn an_index_beyond_the_end() -> TestResult {
    let mut ebpf = Ebpf::load(MAPS)?;
    load_program(&mut ebpf, "count")?;
    let array = Array::<Count>::open(&ebpf, "array")?;
    let out = |index| match broken(&array.why(index), Question::Key) {
        Break::OutOfRange { index: found, len: 8, reversed } => {
            assert_eq!(*found, index);
            *reversed
        }
        other => panic!("{other}"),
    };
    assert_eq!(out(8), None);
    assert_eq!(out(3_u32.swap_bytes()), Some(3));
    let diagnosis = array.why(7);
    assert!(diagnosis.is_found(), "{diagnosis}");
    assert!(diagnosis.to_string().contains("all zeros"), "{diagnosis}");
    Ok(())
}

fn a_slot_without_a_map() -> TestResult {
    let ebpf = EbpfLoader::new().allow_unsupported_maps().load(INNER)?;
    let object = Object::parse(INNER)?;
    let slots: ArrayOfMaps<Tenant> = OpenOptions::new().object(&object).open(&ebpf, "slots")?;
    assert!(matches!(broken(&slots.why(1), Question::Key), Break::EmptySlot));
    slots.set(1, &Tenant::open(&ebpf, "tenant")?)?;
    assert!(slots.why(1).is_found());
    Ok(())
}

fn a_socket_without_a_value() -> TestResult {
    let ebpf = EbpfLoader::new().allow_unsupported_maps().load(INNER)?;
    let marks = LocalStorage::<Mark>::open(&ebpf, "sockets")?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    assert!(matches!(broken(&marks.why(&socket), Question::Key), Break::NoStorage));
    marks.insert(&socket, &bpfmap::zeroed())?;
    assert!(marks.why(&socket).is_found());
    // Without the type it is not taken for one of this process.
    let map = AnyMap::from_fd(&marks)?;
    match answer(&Why::new().ask_any(&map, &[0; 4]), Question::Key) {
        Answer::Unknown(text) => assert!(text.contains("`LocalStorage::why`"), "{text}"),
        other => panic!("{other:?}"),
    }
    // A descriptor of something else.
    let file = std::fs::File::open("/")?;
    match answer(&marks.why(&file), Question::Key) {
        Answer::Unknown(text) => assert!(text.contains("not that of an open socket"), "{text}"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn a_prefix_that_covers_a_key() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let routes = LpmTrie::<Prefix, u32>::open(&ebpf, "routes")?;
    routes.insert(&prefix(8, [10, 0, 0, 0]), &1)?;
    routes.insert(&prefix(16, [10, 1, 0, 0]), &2)?;
    let diagnosis = Why::new().ask(&routes, &prefix(32, [10, 1, 2, 3]));
    assert!(diagnosis.is_found(), "{diagnosis}");
    assert_eq!(diagnosis.value.as_deref(), Some(&2_u32.to_ne_bytes()[..]));
    match answer(&diagnosis, Question::Key) {
        Answer::Holds(text) => assert!(text.contains("prefixlen 16"), "{text}"),
        other => panic!("{other:?}"),
    }
    let diagnosis = Why::new().ask(&routes, &prefix(8, [10, 1, 2, 3]));
    assert!(diagnosis.notes.iter().any(|note| note.contains("behind the first 8")), "{diagnosis}");
    Ok(())
}

fn no_prefix_that_covers_a_key() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let routes = LpmTrie::<Prefix, u32>::open(&ebpf, "routes")?;
    let why = |wanted| Why::new().ask(&routes, &wanted);
    let diagnosis = why(prefix(32, [10, 1, 2, 3]));
    assert!(matches!(broken(&diagnosis, Question::Key), Break::Empty { .. }));
    routes.insert(&prefix(24, [10, 1, 2, 0]), &1)?;
    routes.insert(&prefix(16, [192, 168, 0, 0]), &2)?;
    // Too few of its bits were given.
    match broken(&why(prefix(16, [10, 1, 2, 3])), Question::Key) {
        Break::PrefixTooShort { len: 16, max: 32, longer, looked_at: 2 } => {
            assert!(longer.contains("prefixlen 24"), "{longer}");
        }
        other => panic!("{other}"),
    }
    // An address as the host has it.
    match broken(&why(prefix(32, [3, 2, 1, 10])), Question::Key) {
        Break::PrefixByteOrder { fields, .. } => assert_eq!(fields, &["addr"]),
        other => panic!("{other}"),
    }
    // The length as the network has it.
    match broken(&why(prefix(32_u32.to_be(), [10, 1, 2, 3])), Question::Key) {
        Break::PrefixTooLong { len, max: 32, reversed: Some(32) } => {
            assert_eq!(*len, 32_u32.to_be());
        }
        other => panic!("{other}"),
    }
    match broken(&why(prefix(32, [172, 16, 0, 1])), Question::Key) {
        broken @ Break::NoPrefix { looked_at: 2, all: true } => {
            assert_eq!(broken.to_string(), "no prefix covers it\n(2 entries looked at)");
            Ok(())
        }
        other => panic!("{other}"),
    }
}

fn keys_without_a_rust_type_are_taken_apart_by_btf() -> TestResult {
    let Running { flows, raw, .. } = &mut running()?;
    let map = AnyMap::from_fd(&flows)?;
    let mut dirty = bytes(&flow(6, 443));
    dirty[15] = 1;
    raw.insert(dirty, [0; 16], 0)?;
    let diagnosis = Why::new().ask_any(&map, &bytes(&flow(6, 443)));
    let (nearness, count, fields) = near(&diagnosis);
    assert_eq!((nearness, count), (Nearness::Padding, 1));
    assert_eq!(fields[0][1..], ["00 00 00", "00 00 01"]);
    raw.remove(&dirty)?;
    flows.insert(&flow(6, 443_u16.swap_bytes()), &FlowStats::default())?;
    let expected = ["dport", "443", "47873"].map(str::to_owned);
    let found = near(&Why::new().ask_any(&map, &bytes(&flow(6, 443))));
    assert_eq!(found, (Nearness::ByteOrder, 1, vec![expected]));
    let diagnosis = Why::new().ask_any(&map, &bytes(&flow(6, 443))[..15]);
    match answer(&diagnosis, Question::Key) {
        Answer::Unknown(text) => assert!(text.contains("15 bytes"), "{text}"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn without_privilege_the_chain_goes_on() -> TestResult {
    let Running { flows, .. } = &running()?;
    flows.insert(&flow(17, 443), &FlowStats::default())?;
    with_only(&[], || {
        let diagnosis = flows.why(&flow(6, 443));
        match answer(&diagnosis, Question::Used) {
            Answer::Unknown(text) => assert!(text.contains("CAP_SYS_ADMIN"), "{text}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(near(&diagnosis).0, Nearness::OneField);
        Ok(())
    })?;
    with_only(LEAST, || {
        let diagnosis = Why::new().ask_at::<Flows>(MapRef::Name("flows"), &flow(6, 443));
        assert!(diagnosis.broken().is_none() && !diagnosis.is_found());
        match answer(&diagnosis, Question::Loaded) {
            Answer::Unknown(text) => assert!(text.contains("CAP_SYS_ADMIN"), "{text}"),
            other => panic!("{other:?}"),
        }
        Ok(())
    })
}

fn a_diagnosis_is_data() -> TestResult {
    let Running { flows, .. } = &running()?;
    flows.insert(&flow(17, 443), &FlowStats::default())?;
    let data = serde_json::to_value(flows.why(&flow(6, 443)))?;
    let links = data["links"].as_array().ok_or("no links")?;
    let last = links.last().ok_or("no links")?;
    assert_eq!(last["question"], "key");
    let near = &last["answer"]["broken"]["near"];
    assert_eq!((&near["nearness"], &near["count"]), (&"one_field".into(), &1.into()));
    assert_eq!(near["keys"][0]["differences"][0]["field"], "proto");
    assert_eq!(data["map"]["name"], "flows");
    Ok(())
}
