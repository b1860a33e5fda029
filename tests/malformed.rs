//! Bytes that no compiler wrote: each is refused in clear words, without a
//! panic, and at a cost that does not outgrow the input.

mod builder;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Display;
use std::panic;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use bpfmap::MismatchKind::{self, *};
use bpfmap::{
    Be16, Be32, BpfLayout, BpfMapKey, BpfMapValue, Btf, BtfError, BtfSource, Error, Field,
    Findings, Generator, HashMap, Kind, Object, ObjectError, Pad, TypedMap,
};
use bpfmap_test_shared as shared;
use builder::{Builder, kind};

/// Counts what each thread holds; the tests run side by side.
struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.set(LIVE.get() + layout.size() as isize);
        PEAK.set(PEAK.get().max(LIVE.get()));
        // SAFETY: what the caller promises is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Runs `work` on a small stack, and fails when it takes long, or takes more
/// memory than a report of fixed size and a small multiple of the input.
#[track_caller]
fn cheap<T: Send + 'static>(input: Vec<u8>, work: impl FnOnce(&[u8]) -> T + Send + 'static) -> T {
    let (len, (sender, receiver)) = (input.len(), mpsc::channel());
    let worker = move || {
        let before = LIVE.get();
        PEAK.set(before);
        let result = work(&input);
        // Nobody receives it any more when it took long.
        let _ = sender.send((result, PEAK.get() - before));
    };
    thread::Builder::new().stack_size(256 << 10).spawn(worker).unwrap();
    let (result, peak) = match receiver.recv_timeout(Duration::from_secs(30)) {
        Ok(done) => done,
        Err(RecvTimeoutError::Timeout) => panic!("{len} bytes of input take more than 30 seconds"),
        Err(RecvTimeoutError::Disconnected) => panic!("it panicked, see above"),
    };
    let limit = (16 * len + (8 << 20)) as isize;
    assert!(peak <= limit, "{len} bytes of input take {peak} bytes of memory");
    result
}

/// Draws an error; nothing that it quotes may speak to the terminal.
fn drawn<T, E: Display>(result: Result<T, E>) -> Result<T, E> {
    if let Err(error) = &result {
        let text = error.to_string();
        let control = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(control, None, "in {text:?}");
    }
    result
}

#[track_caller]
fn unreadable(btf: impl Into<Vec<u8>>) -> BtfError {
    let parse = |bytes: &[u8]| drawn(Btf::parse(bytes).map(drop));
    cheap(btf.into(), parse).expect_err("read")
}

/// Compares `T` with the type `t`.
#[track_caller]
fn check<T: BpfLayout>(btf: impl Into<Vec<u8>>) -> Result<(), Error> {
    cheap(btf.into(), |bytes| drawn(Btf::parse(bytes).unwrap().check::<T>("t")))
}

/// What is wrong with the type `t`, or with one behind it.
#[track_caller]
fn unusable<T: BpfLayout>(btf: impl Into<Vec<u8>>) -> BtfError {
    match check::<T>(btf) {
        Err(Error::Btf { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

/// In what `T` and the type `t` differ.
#[track_caller]
fn differences<T: BpfLayout>(btf: impl Into<Vec<u8>>) -> Vec<(String, MismatchKind)> {
    match check::<T>(btf) {
        Err(Error::Mismatch(all)) => all.iter().map(|(_, it)| (it.path.clone(), it.kind)).collect(),
        other => panic!("{other:?}"),
    }
}

/// Reads an object and checks its map `m`.
#[track_caller]
fn check_map<M: TypedMap>(object: Vec<u8>) -> Result<(), Error> {
    cheap(object, |bytes| {
        let object = drawn(Object::parse(bytes))?;
        drawn(object.check::<M>("m").map(drop))
    })
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Two {
    a: u32,
    b: u32,
}

/// A struct `t` of two `__u32`, which `Two` agrees with.
fn two() -> Builder {
    let mut btf = Builder::new();
    let int = btf.int(4);
    btf.structure("t", 8, &[("a", int, 0), ("b", int, 32)]);
    btf
}

/// `two`, with a word of the header replaced.
fn with_header(at: usize, word: u32) -> Vec<u8> {
    let mut bytes = Vec::from(two());
    bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
    bytes
}

/// The names of sections and symbols, and where they are in it.
const NAMES: &[u8] = b"\0.BTF\0maps\0m\0";
const BTF: u32 = 1;
const MAPS: u32 = 6;
const M: u32 = 11;

/// The types of sections.
const PROGBITS: u32 = 1;
const SYMTAB: u32 = 2;
const STRTAB: u32 = 3;

/// Name, type and bytes.
type Section<'a> = (u32, u32, &'a [u8]);

/// A BPF object; section 1 are the names, the others follow.
fn elf(names: &[u8], sections: &[Section<'_>]) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    let mut headers = vec![0; 64];
    for (name, ty, data) in [(0, STRTAB, names)].iter().chain(sections) {
        let mut header = [0; 64];
        for (at, word) in
            [(0, *name), (4, *ty), (24, bytes.len() as u32), (32, data.len() as u32), (40, 1)]
        {
            header[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(data);
        headers.extend(header);
    }
    let place = bytes.len() as u32;
    bytes[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\0");
    bytes[16..24].copy_from_slice(&[1, 0, 247, 0, 1, 0, 0, 0]);
    bytes[40..44].copy_from_slice(&place.to_le_bytes());
    let counts = [64, 0, 0, 64, headers.len() / 64, 1];
    bytes[52..64].copy_from_slice(&counts.map(|count| (count as u16).to_le_bytes()).concat());
    bytes.extend(headers);
    bytes
}

fn object(btf: impl Into<Vec<u8>>) -> Vec<u8> {
    elf(NAMES, &[(BTF, PROGBITS, &btf.into())])
}

/// Symbols of one name, at the beginning of section 4.
fn symbols(count: usize, name: u32) -> Vec<u8> {
    let mut symbol = [0; 24];
    symbol[..4].copy_from_slice(&name.to_le_bytes());
    symbol[4..8].copy_from_slice(&[0x11, 0, 4, 0]);
    // The first symbol of a table is none.
    [vec![0; 24], symbol.repeat(count)].concat()
}

#[test]
fn empty_input() {
    assert!(matches!(unreadable([]), BtfError::Malformed { at: 0, .. }));
    assert!(matches!(Object::parse(&[]), Err(ObjectError::NotElf(_))));
    let empty = check_map::<HashMap<u32, Two>>(object([]));
    assert!(matches!(empty, Err(Error::Object(ObjectError::Btf(BtfError::Malformed { .. })))));
}

#[test]
fn a_header_that_is_cut_off() {
    let whole = Vec::from(two());
    for len in 0..24 {
        let error = unreadable(&whole[..len]);
        assert!(matches!(error, BtfError::Malformed { .. }), "{len}: {error}");
    }
}

#[test]
fn other_formats_and_versions() {
    assert_eq!(unreadable(*b"\x7fELF"), BtfError::NotBtf { found: 0x457f });
    let mut newer = Vec::from(two());
    newer[2] = 2;
    assert_eq!(unreadable(newer), BtfError::Version { found: 2 });
}

#[test]
fn a_header_of_the_wrong_length() {
    for len in [0, 23, Vec::from(two()).len() as u32 + 1, 0x7fff_ffff, u32::MAX] {
        let error = unreadable(with_header(4, len));
        assert!(matches!(error, BtfError::Malformed { at: 4, .. }), "{len}: {error}");
    }
}

#[test]
fn bytes_of_any_alignment() {
    let mut shifted = vec![0];
    shifted.extend(Vec::from(two()));
    Btf::parse(&shifted[1..]).unwrap().check::<Two>("t").unwrap();
}

#[test]
fn a_header_that_was_appended_to_is_accepted() {
    check::<Two>(two().write([0x9f, 0xeb], u32::to_le_bytes, 28)).unwrap();
    check::<Two>(two().write([0x9f, 0xeb], u32::to_le_bytes, 4096)).unwrap();
}

#[test]
fn sections_that_reach_past_the_end() {
    for at in [8, 12, 16, 20] {
        for word in [1000, 0x7fff_ffff, 0x8000_0000, u32::MAX - 23, u32::MAX] {
            let error = unreadable(with_header(at, word));
            let section = at & !7;
            assert!(matches!(error, BtfError::Malformed { at, .. } if at == section), "{error}");
        }
    }
}

#[test]
fn a_string_table_without_its_nuls() {
    for strings in [&b""[..], b"a", b"\0a", b"a\0"] {
        let mut btf = Builder::new();
        btf.strings = strings.to_owned();
        assert!(matches!(unreadable(btf), BtfError::Malformed { at: 24, .. }), "{strings:?}");
    }
}

#[test]
fn names_outside_of_the_string_table() {
    let end = two().strings.len() as u32;
    for name in [end, end + 1, 0x7fff_ffff, u32::MAX] {
        let mut btf = two();
        btf.add(name, kind::TYPEDEF, 0, 1, &[]);
        check::<Two>(btf).unwrap();

        let mut btf = Builder::new();
        let (int, t) = (btf.int(4), btf.name("t"));
        let name = btf.strings.len() as u32 + (name - end);
        btf.add(t, kind::STRUCT, 1, 4, &[name, int, 0]);
        assert!(matches!(unusable::<Two>(btf), BtfError::Malformed { .. }), "{name:#x}");
    }
}

#[test]
fn a_name_at_the_end_of_the_string_table_is_empty() {
    let mut btf = Builder::new();
    let (int, t) = (btf.int(4), btf.name("t"));
    let inner = btf.structure("", 8, &[("a", int, 0), ("b", int, 32)]);
    let last = btf.strings.len() as u32 - 1;
    btf.add(t, kind::STRUCT, 1, 8, &[last, inner, 0]);
    check::<Two>(btf).unwrap();
}

#[test]
fn a_type_that_is_cut_off() {
    let mut btf = two();
    btf.array(1, 2);
    btf.typedef("last", 1);
    let len = btf.types.len() as u32 * 4;
    let bytes = Vec::from(btf);
    for cut in 1..len {
        let mut bytes = bytes.clone();
        bytes[12..16].copy_from_slice(&(len - cut).to_le_bytes());
        let parsed = cheap(bytes, |bytes| drawn(Btf::parse(bytes).map(drop)));
        let between_types = [12, 12 + 24, 12 + 24 + 36].contains(&cut);
        assert_eq!(parsed.is_ok(), between_types, "without the last {cut} bytes");
    }
}

#[test]
fn more_members_than_there_are_bytes() {
    for len in [2, 0xffff, 0x00ff_ffff] {
        let mut btf = Builder::new();
        btf.add(0, kind::STRUCT, len, 8, &[0, 0, 0]);
        assert!(matches!(unreadable(btf), BtfError::Malformed { at: 24, .. }), "{len}");
    }
}

#[test]
fn more_of_anything_than_there_are_bytes() {
    // Members, values, parameters, variables: what the kinds count.
    for kind in [kind::STRUCT, kind::UNION, 6, kind::FUNC_PROTO, kind::DATASEC, 19] {
        for len in [1, 0xffff, 0x00ff_ffff] {
            let mut btf = two();
            btf.add(0, kind, len, 0, &[]);
            let error = unreadable(btf);
            assert!(matches!(error, BtfError::Malformed { .. }), "kind {kind}, {len}: {error}");
        }
    }
}

#[test]
fn chains_that_are_long_without_a_circle() {
    let mut typedefs = Builder::new();
    let mut last = typedefs.int(4);
    for _ in 0..100_000 {
        last = typedefs.typedef("again", last);
    }
    typedefs.typedef("t", last);
    let mut arrays = Builder::new();
    let mut last = arrays.int(4);
    for _ in 0..100_000 {
        last = arrays.array(last, 1);
    }
    arrays.typedef("t", last);
    let mut anonymous = Builder::new();
    let mut last = anonymous.int(4);
    for _ in 0..100_000 {
        last = anonymous.structure("", 4, &[("", last, 0)]);
    }
    anonymous.structure("t", 8, &[("", last, 0)]);
    for btf in [typedefs, arrays, anonymous] {
        let error = unusable::<Two>(btf);
        assert!(matches!(error, BtfError::TooDeep { .. }), "{error}");
    }
}

#[test]
fn structs_nested_deeper_than_any_stack() {
    let mut btf = Builder::new();
    let mut last = btf.int(4);
    for _ in 0..100_000 {
        last = btf.structure("", 4, &[("a", last, 0)]);
    }
    btf.structure("t", 8, &[("a", last, 0), ("b", last, 32)]);
    let found = differences::<Two>(btf);
    assert_eq!(found, [("a".to_owned(), Type), ("b".to_owned(), Type)]);
}

#[test]
fn types_and_names_in_the_same_bytes() {
    // The names begin where the types do, and are those, too.
    let bytes = with_header(16, 0);
    let names = u32::from_le_bytes(*bytes[20..].first_chunk().unwrap());
    for len in [1, 2, 3, 4, names] {
        let mut bytes = bytes.clone();
        bytes[20..24].copy_from_slice(&len.to_le_bytes());
        let checked = cheap(bytes, |bytes| match drawn(Btf::parse(bytes)) {
            Ok(btf) => drawn(btf.check::<Two>("t")).is_ok(),
            Err(_) => false,
        });
        assert!(!checked, "{len} bytes of names");
    }
}

#[test]
fn members_in_the_same_bytes() {
    let mut btf = Builder::new();
    let int = btf.int(4);
    btf.structure("t", 8, &[("a", int, 0), ("b", int, 0)]);
    assert_eq!(differences::<Two>(btf), [("b".to_owned(), Moved)]);
}

#[test]
fn a_map_of_maps_of_itself() {
    let mut btf = two();
    let hash = btf.array(0, 13);
    let to_hash = btf.pointer(hash);
    // A pointer, an array of it, and the struct that they are in.
    let definition = btf.next_id + 2;
    let to_itself = btf.pointer(definition);
    let values = btf.array(to_itself, 0);
    let members = [("type", to_hash, 0), ("key", to_hash, 64), ("values", values, 128)];
    assert_eq!(btf.structure("", 24, &members), definition);
    let map = btf.variable("m", definition);
    btf.maps_section(&[map]);
    let checked = check_map::<HashMap<u32, Two>>(object(btf));
    match checked {
        Err(Error::Object(ObjectError::Map { map, .. })) => assert!(map.starts_with("m")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn unknown_kinds() {
    for kind in [0, 20, 0x7f] {
        let mut btf = two();
        btf.add(0, kind, 0, 0, &[]);
        assert_eq!(unreadable(btf), BtfError::UnknownKind { id: 3, kind });
    }
}

#[test]
fn references_to_types_that_do_not_exist() {
    for id in [99, 0x7fff_ffff, u32::MAX] {
        let mut member = Builder::new();
        member.structure("t", 8, &[("a", id, 0)]);
        let mut typedef = Builder::new();
        typedef.typedef("t", id);
        let mut element = Builder::new();
        let array = element.array(id, 2);
        element.typedef("t", array);
        for btf in [member, typedef] {
            assert!(matches!(unusable::<Two>(btf), BtfError::Malformed { .. }));
        }
        assert!(matches!(unusable::<[u32; 2]>(element), BtfError::Malformed { .. }));
    }
}

#[test]
fn a_pointer_to_a_type_that_does_not_exist_is_drawn() {
    let mut btf = Builder::new();
    let pointer = btf.pointer(u32::MAX);
    btf.structure("t", 8, &[("a", pointer, 0)]);
    let text = check::<Two>(btf).unwrap_err().to_string();
    assert!(text.contains("`? *`"), "{text}");
}

#[test]
fn circles_of_typedefs_qualifiers_and_arrays() {
    let mut own = Builder::new();
    own.typedef("t", 1);
    let mut two_of_them = Builder::new();
    two_of_them.typedef("t", 2);
    two_of_them.add(0, kind::CONST, 0, 1, &[]);
    let mut array = Builder::new();
    array.array(1, 1);
    array.structure("t", 8, &[("a", 1, 0)]);
    let mut mixed = Builder::new();
    mixed.array(2, 1);
    mixed.typedef("around", 1);
    mixed.structure("t", 8, &[("a", 2, 0)]);
    for btf in [own, two_of_them, array, mixed] {
        assert!(matches!(unusable::<Two>(btf), BtfError::TooDeep { .. }));
    }
}

#[test]
fn a_struct_that_contains_itself_without_a_name() {
    let mut once = Builder::new();
    once.structure("t", 8, &[("", 1, 0)]);
    let mut twice = Builder::new();
    twice.structure("t", 8, &[("", 2, 0), ("", 2, 0)]);
    twice.composite(kind::UNION, "", 8, &[("", 1, 0), ("", 1, 32)]);
    for btf in [once, twice] {
        assert!(matches!(unusable::<Two>(btf), BtfError::TooDeep { .. }));
    }
}

#[test]
fn a_struct_that_contains_itself_by_name() {
    let mut btf = Builder::new();
    btf.structure("t", 8, &[("a", 1, 0), ("b", 1, 32)]);
    let found = differences::<Two>(btf);
    assert_eq!(found, [("a".to_owned(), Type), ("b".to_owned(), Type)]);
}

#[test]
fn a_newtype_of_itself() {
    let mut once = Builder::new();
    once.structure("t", 8, &[("__0", 1, 0)]);
    let mut within = Builder::new();
    within.structure("newtype", 4, &[("__0", 2, 0)]);
    within.typedef("alias", 1);
    within.structure("t", 8, &[("a", 1, 0), ("b", 1, 32)]);
    for btf in [once, within] {
        assert!(matches!(unusable::<Two>(btf), BtfError::TooDeep { .. }));
    }
}

/// Anonymous structs of two members each, `levels` deep.
fn fan_out(levels: usize, innermost: impl FnOnce(&mut Builder) -> u32) -> Builder {
    let mut btf = Builder::new();
    let mut below = innermost(&mut btf);
    for _ in 0..levels {
        below = btf.structure("", 8, &[("", below, 0), ("", below, 0)]);
    }
    btf.structure("t", 8, &[("", below, 0)]);
    btf
}

#[test]
fn anonymous_structs_that_fan_out() {
    let with_a_member = |btf: &mut Builder| {
        let int = btf.int(4);
        btf.structure("", 4, &[("a", int, 0)])
    };
    let error = unusable::<Two>(fan_out(28, with_a_member));
    assert!(matches!(error, BtfError::TooLarge { .. }), "{error}");
}

#[test]
fn anonymous_structs_that_fan_out_to_nothing() {
    let error = unusable::<Two>(fan_out(28, |btf| btf.structure("", 0, &[])));
    assert!(matches!(error, BtfError::TooLarge { .. }), "{error}");
}

#[test]
fn arrays_whose_size_overflows() {
    let mut btf = Builder::new();
    let int = btf.int(8);
    let inner = btf.array(int, u32::MAX);
    let outer = btf.array(inner, u32::MAX);
    btf.structure("t", 8, &[("a", outer, 0)]);
    let text = unusable::<Two>(btf).to_string();
    assert!(!text.contains("nested") && !text.contains("itself"), "a false reason: {text}");
}

#[test]
fn an_array_of_which_only_the_bits_overflow() {
    let mut btf = Builder::new();
    let int = btf.int(1);
    let inner = btf.array(int, u32::MAX);
    let outer = btf.array(inner, 1 << 30);
    // Not on a byte, which makes it a bitfield.
    btf.structure("t", 8, &[("a", outer, 1)]);
    check::<Two>(btf).unwrap_err();
}

#[test]
fn members_beyond_the_end_of_the_struct() {
    let mut btf = Builder::new();
    let int = btf.int(4);
    btf.structure("t", 8, &[("a", int, 0), ("b", int, 800), ("c", int, 0xffff_fff8)]);
    let found = differences::<Two>(btf);
    assert_eq!(found, [("b".to_owned(), Moved), ("c".to_owned(), Unclaimed)]);
}

#[test]
fn an_arm_that_does_not_begin_where_its_union_does() {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Arm {
        #[bpf(arm_of = "union")]
        arm: u32,
        end: u32,
    }
    let with_arm_at = |bit| {
        let mut btf = Builder::new();
        let int = btf.int(4);
        let union = btf.composite(kind::UNION, "", 4, &[("arm", int, bit)]);
        btf.structure("t", 8, &[("union", union, 0), ("end", int, 32)]);
        check::<Arm>(btf)
    };
    with_arm_at(0).unwrap();
    with_arm_at(32).unwrap_err();
}

#[test]
fn bit_offsets_at_their_largest() {
    let mut plain = Builder::new();
    let int = plain.int(4);
    plain.structure("t", 8, &[("a", int, u32::MAX), ("b", int, u32::MAX - 7)]);
    let mut flagged = Builder::new();
    let int = flagged.int(4);
    let flag = kind::STRUCT | kind::FLAG;
    flagged.composite(flag, "t", 8, &[("a", int, u32::MAX), ("b", int, 0x00ff_fff8)]);
    let mut nested = Builder::new();
    let int = nested.int(4);
    let mut inner = nested.structure("", 4, &[("a", int, u32::MAX), ("b", int, 8)]);
    for _ in 0..20 {
        inner = nested.structure("", u32::MAX, &[("", inner, u32::MAX)]);
    }
    nested.structure("t", 8, &[("", inner, 8)]);
    for (btf, of_b) in [(plain, Moved), (flagged, Moved), (nested, Bitfield)] {
        let found = differences::<Two>(btf);
        assert_eq!(found, [("a".to_owned(), Bitfield), ("b".to_owned(), of_b)]);
    }
}

/// What `drawn` forbids, in the places from which messages quote.
const HOSTILE: [&str; 4] = ["\x1b[2J", "line\nbreak", "\u{9b}31m", "over\rwritten\x07"];

#[test]
fn names_with_control_characters() {
    for name in HOSTILE {
        let mut btf = Builder::new();
        let int = btf.int(2);
        let typedef = btf.typedef(name, int);
        let inner = btf.structure(name, 2, &[(name, typedef, 0)]);
        let matrix = btf.array(inner, 3);
        btf.structure("t", 8, &[(name, matrix, 0), ("a", typedef, 48), ("b", inner, 64)]);
        let text = check::<Two>(btf).unwrap_err().to_string();
        assert_eq!(text.matches(name).count(), 0, "{text}");

        let mut incomplete = Builder::new();
        let name = incomplete.name(name);
        let forward = incomplete.add(name, kind::FWD, 0, 0, &[]);
        incomplete.structure("t", 8, &[("a", forward, 0)]);
        assert!(matches!(unusable::<Two>(incomplete), BtfError::Incomplete { .. }));
    }
}

#[test]
fn map_names_with_control_characters() {
    for name in HOSTILE {
        let mut btf = two();
        let map = btf.map(name, 1, 2);
        btf.maps_section(&[map]);
        let checked = check_map::<HashMap<u32, Two>>(object(btf));
        assert!(matches!(checked, Err(Error::UnknownMap { .. })));

        let mut not_a_struct = two();
        let map = not_a_struct.variable(name, 1);
        not_a_struct.maps_section(&[map]);
        let checked = check_map::<HashMap<u32, Two>>(object(not_a_struct));
        assert!(matches!(checked, Err(Error::Object(ObjectError::Map { .. }))));
    }
}

#[test]
fn names_with_control_characters_that_were_asked_for() {
    for name in HOSTILE {
        let map = cheap(object(two()), move |bytes| {
            drawn(Object::parse(bytes).unwrap().check::<HashMap<u32, Two>>(name))
        });
        assert!(matches!(map, Err(Error::UnknownMap { .. })));
        let ty =
            cheap(two().into(), move |bytes| drawn(Btf::parse(bytes).unwrap().check::<Two>(name)));
        let Err(Error::Btf { error, .. }) = ty else { panic!("{ty:?}") };
        assert_eq!(
            error,
            BtfError::NoSuchType {
                name: name.into(),
                meant: None,
                source_of_btf: BtfSource::Bytes
            }
        );
    }
}

#[test]
fn names_that_turn_text_around() {
    let mut btf = Builder::new();
    let int = btf.int(4);
    btf.structure("t", 8, &[("a", int, 0), ("\u{202e}b\u{2066}", int, 32)]);
    let text = check::<Two>(btf).unwrap_err().to_string();
    assert!(!text.contains(['\u{202e}', '\u{2066}']), "{text}");
}

#[test]
fn names_that_are_not_utf_8() {
    let mut btf = Builder::new();
    let int = btf.int(4);
    let [t, name] = [b"t".as_slice(), b"b\xff\x1b[m\xc3"].map(|name| btf.name(name));
    btf.add(t, kind::STRUCT, 1, 8, &[name, int, 32]);
    let found = differences::<Two>(btf);
    assert_eq!(found, [("a".to_owned(), Missing), ("b".to_owned(), Renamed)]);
}

#[test]
fn types_that_are_circular_or_long_to_spell() {
    let mut btf = Builder::new();
    let own = btf.next_id;
    btf.pointer(own);
    let around = btf.next_id;
    btf.array(around, 2);
    let to_around = btf.pointer(around);
    let function = btf.add(0, kind::FUNC_PROTO, 0, 1, &[]);
    let mut long = btf.pointer(function);
    for _ in 0..10_000 {
        let array = btf.array(long, 3);
        let constant = btf.add(0, kind::CONST, 0, array, &[]);
        long = btf.pointer(constant);
    }
    let members = [("a", own, 0), ("b", to_around, 64), ("c", long, 128), ("d", long, 192)];
    btf.structure("t", 32, &members);
    let error = check::<Two>(btf).unwrap_err();
    assert!(matches!(error, Error::Mismatch(_)));
    assert!(error.to_string().len() < 4096, "{error}");
}

#[test]
fn big_endian_btf_is_read_and_compared() {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Swapped {
        b: u32,
        a: u32,
    }
    let big = || two().write([0xeb, 0x9f], u32::to_be_bytes, 24);
    check::<Two>(big()).unwrap();
    let found = differences::<Swapped>(big());
    assert_eq!(found, [("b".to_owned(), Moved), ("a".to_owned(), Moved)]);
}

#[test]
fn maps_that_are_declared_out_of_shape() {
    let checked = |build: fn(&mut Builder) -> u32| {
        let mut btf = two();
        let variable = build(&mut btf);
        btf.maps_section(&[variable]);
        check_map::<HashMap<u32, Two>>(object(btf))
    };
    let unreadable = |build| match checked(build) {
        Err(Error::Object(ObjectError::Map { map, .. })) => map == "m",
        other => panic!("{other:?}"),
    };
    checked(|btf| btf.map("m", 1, 2)).unwrap();
    assert!(unreadable(|btf| btf.variable("m", 1)));
    assert!(unreadable(|btf| {
        let pointer = btf.pointer(1);
        let definition = btf.structure("", 8, &[("type", pointer, 0)]);
        btf.variable("m", definition)
    }));
    // Not a variable, so not a map.
    assert!(matches!(checked(|_| 2), Err(Error::UnknownMap { .. })));
    let malformed = |error| matches!(error, BtfError::Malformed { .. });
    match checked(|_| u32::MAX) {
        Err(Error::Object(ObjectError::Btf(error))) => assert!(malformed(error)),
        other => panic!("{other:?}"),
    }
    match checked(|btf| btf.map("m", 1, 0x7fff_ffff)) {
        Err(Error::Btf { error, .. }) => assert!(malformed(error)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn symbols_outside_of_their_section() {
    let (btf, symbols) = (Vec::from(two()), symbols(1, M));
    let checked = |maps: &[u8]| {
        let sections = [(BTF, PROGBITS, &*btf), (0, SYMTAB, &symbols), (MAPS, PROGBITS, maps)];
        check_map::<HashMap<u32, Two>>(elf(NAMES, &sections))
    };
    match checked(&[9, 0, 0, 0]) {
        Err(Error::Unverifiable { .. }) => {}
        other => panic!("{other:?}"),
    }
    let short = checked(&[9, 0, 0]);
    assert!(matches!(short, Err(Error::Object(ObjectError::Map { .. }))), "{short:?}");
}

/// An object like any, with `bytes` written into it at a place of its ELF header,
/// or of the header of a section.
fn object_with(section: Option<usize>, at: usize, bytes: &[u8]) -> Vec<u8> {
    let btf = Vec::from(two());
    let symbols = symbols(1, M);
    let sections = [(BTF, PROGBITS, &*btf), (0, SYMTAB, &symbols), (MAPS, PROGBITS, &[0; 4])];
    let mut object = elf(NAMES, &sections);
    let headers = u32::from_le_bytes(*object[40..].first_chunk().unwrap()) as usize;
    let at = at + section.map_or(0, |index| headers + index * 64);
    object[at..at + bytes.len()].copy_from_slice(bytes);
    object
}

#[test]
fn tables_of_sections_that_are_not_there() {
    let (count, huge) = (60, [u64::MAX, u64::MAX - 64, 1 << 40, 0x7fff_ffff_ffff_ffff]);
    for word in [5_u16, 0xfeff, 0xffff].map(u16::to_le_bytes) {
        let object = object_with(None, count, &word);
        // Five there are, names and all; the section that is none is the first.
        let checked = check_map::<HashMap<u32, Two>>(object);
        // The symbol lies in a section of zeros, which declares a map of type 0.
        let is_whole = matches!(checked, Err(Error::MapType { .. }));
        assert_eq!(is_whole, word == [5, 0], "{word:?} sections: {checked:?}");
    }
    for word in huge.map(u64::to_le_bytes) {
        let place = check_map::<HashMap<u32, Two>>(object_with(None, 40, &word));
        assert!(matches!(place, Err(Error::Object(_))), "{place:?}");
        // A count of 0 says that the first header has it, as a size.
        let mut many = object_with(Some(0), 32, &word);
        many[count..count + 2].fill(0);
        let many = check_map::<HashMap<u32, Two>>(many);
        assert!(matches!(many, Err(Error::Object(_))), "{many:?}");
    }
}

#[test]
fn sections_that_are_not_within_the_file() {
    let huge = [u64::MAX, u64::MAX - 63, 1 << 40, 0x7fff_ffff_ffff_ffff];
    // Names, BTF, symbols and maps; where they begin and how long they are.
    for (section, at) in (1..5).flat_map(|section| [(section, 24), (section, 32)]) {
        for word in huge.map(u64::to_le_bytes) {
            let checked = check_map::<HashMap<u32, Two>>(object_with(Some(section), at, &word));
            assert!(matches!(checked, Err(Error::Object(_))), "{section}, {at}: {checked:?}");
        }
    }
}

#[test]
fn sections_that_lie_over_one_another() {
    let whole = object_with(None, 0, &[]);
    let mut place = [0; 16];
    place[8..].copy_from_slice(&(whole.len() as u64).to_le_bytes());
    // One of them over the whole file, and all of them.
    for sections in [1..2, 2..3, 3..4, 4..5, 1..5] {
        let mut object = whole.clone();
        for section in sections.clone() {
            let with = object_with(Some(section), 24, &place);
            let header = whole.len() - (5 - section) * 64;
            object[header..header + 64].copy_from_slice(&with[header..header + 64]);
        }
        let checked = check_map::<HashMap<u32, Two>>(object);
        assert!(checked.is_err(), "{sections:?}");
    }
}

#[test]
fn executables_of_other_systems_are_not_elf() {
    let mach_o = [b"\xcf\xfa\xed\xfe\x07\0\0\x01\x03\0\0\0\x01".as_slice(), &[0; 19]].concat();
    let coff = [b"\x64\x86".as_slice(), &[0; 18]].concat();
    for bytes in [mach_o, coff] {
        let error = drawn(Object::parse(&bytes)).unwrap_err();
        assert!(matches!(error, ObjectError::NotElf(_)), "{error}");
    }
}

#[test]
fn many_members_of_one_long_name() {
    let name = "a".repeat(16 << 10);
    let mut btf = Builder::new();
    let int = btf.int(4);
    btf.structure("t", 8, &vec![(&*name, int, 0); 200]);
    check::<Two>(btf).unwrap_err();
}

#[test]
fn many_members_of_one_long_name_that_is_not_utf_8() {
    let mut btf = Builder::new();
    let int = btf.int(4);
    let [t, name] = [b"t".as_slice(), &[0xff; 16 << 10]].map(|name| btf.name(name));
    btf.add(t, kind::STRUCT, 200, 8, &[name, int, 0].repeat(200));
    check::<Two>(btf).unwrap_err();
}

#[test]
fn many_differences_in_one_nested_struct() {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Nested {
        a: Two,
        b: Two,
        c: Two,
        d: Two,
    }
    let mut btf = Builder::new();
    let int = btf.int(4);
    let inner = btf.structure("", 8, &vec![("x", int, 0); 20_000]);
    let members = [("a", inner, 0), ("b", inner, 64), ("c", inner, 128), ("d", inner, 192)];
    btf.structure("t", 32, &members);
    check::<Nested>(btf).unwrap_err();
}

#[test]
fn more_differences_than_are_reported() {
    let mut btf = Builder::new();
    let int = btf.int(4);
    btf.structure("t", 12, &vec![("x", int, 0); 300]);
    // The size of the whole differs too.
    assert_eq!(differences::<Two>(btf).len(), 256);
}

#[test]
fn many_anonymous_unions() {
    let mut btf = Builder::new();
    let int = btf.int(4);
    let union = btf.composite(kind::UNION, "", 4, &[("x", int, 0)]);
    let members: Vec<_> = (0..30_000).map(|index| ("", union, index * 32)).collect();
    btf.structure("t", 8, &members);
    check::<Two>(btf).unwrap_err();
}

#[test]
fn many_arms_of_one_union() {
    let mut btf = Builder::new();
    let int = btf.int(4);
    let mut arms = vec![("x", int, 0); 60_000];
    arms.push(("a", int, 0));
    let union = btf.composite(kind::UNION, "", 4, &arms);
    btf.structure("t", 8, &[("", union, 0), ("b", int, 32)]);
    check::<Two>(btf).unwrap_err();
}

#[test]
fn many_members_that_are_one_union_of_many_arms() {
    let mut btf = Builder::new();
    let int = btf.int(4);
    let union = btf.composite(kind::UNION, "", 4, &vec![("x", int, 0); 60_000]);
    btf.structure("t", 8, &vec![("u", union, 0); 8000]);
    check::<Two>(btf).unwrap_err();
}

#[test]
fn many_members_that_are_wrapped_often() {
    let mut btf = Builder::new();
    let mut wrapped = btf.int(4);
    for _ in 0..31 {
        for _ in 0..31 {
            wrapped = btf.typedef("again", wrapped);
        }
        wrapped = btf.array(wrapped, 1);
    }
    btf.structure("t", 8, &vec![("x", wrapped, 0); 30_000]);
    check::<Two>(btf).unwrap_err();
}

#[test]
fn long_names_of_what_wraps_a_member() {
    let name = "a".repeat(128 << 10);
    let mut btf = Builder::new();
    let mut wrapped = btf.int(4);
    for _ in 0..30 {
        wrapped = btf.typedef(&name, wrapped);
    }
    btf.structure("t", 8, &vec![("x", wrapped, 0); 1000]);
    check::<Two>(btf).unwrap_err();
}

#[test]
fn nested_structs_that_are_tedious_to_list() {
    let mut btf = Builder::new();
    let mut nothing = btf.structure("", 0, &[]);
    for _ in 0..30 {
        nothing = btf.typedef("nothing", nothing);
    }
    let own = btf.next_id;
    let mut members = vec![("", nothing, 0); 60_000];
    members.extend([("a", own, 0), ("b", own, 0)]);
    btf.structure("t", 8, &members);
    check::<Two>(btf).unwrap_err();
}

#[test]
fn a_struct_in_itself_with_many_members_of_a_name_that_is_not_utf_8() {
    let mut btf = Builder::new();
    let int = btf.int(4);
    let [t, a, name] = [b"t".as_slice(), b"a", &[0xff; 600]].map(|name| btf.name(name));
    let own = btf.next_id;
    let members = [[a, own, 0].as_slice(), &[name, int, 0].repeat(8000)].concat();
    btf.add(t, kind::STRUCT, members.len() / 3, 8, &members);
    check::<Two>(btf).unwrap_err();
}

#[test]
fn many_members_of_a_newtype_of_newtypes() {
    let mut layout = Two::LAYOUT;
    for _ in 0..60 {
        let field = Field::new("inner", "inner", 0, layout);
        let (size, align) = (layout.size(), layout.align());
        let kind = Kind::Struct { fields: Vec::leak(vec![field]) };
        layout = Box::leak(Box::new(bpfmap::Layout::new("Newtype", size, align, kind)));
    }
    let mut btf = Builder::new();
    let int = btf.int(4);
    btf.structure("t", 8, &vec![("x", int, 0); 8000]);
    let checked = |bytes: &[u8]| drawn(Btf::parse(bytes).unwrap().check_layout(layout, "t"));
    cheap(btf.into(), checked).unwrap_err();
}

#[test]
fn paths_that_are_long_when_they_are_drawn() {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Pair {
        a: Two,
        b: Two,
    }
    let name = &*"\u{7}".repeat(511);
    let mut btf = Builder::new();
    let int = btf.int(4);
    let int = btf.typedef(name, int);
    let own = btf.next_id;
    let members = [[(name, own, 0); 30].as_slice(), &[(name, int, 0); 250]].concat();
    btf.structure(name, 8, &members);
    btf.typedef("t", own);
    check::<Pair>(btf).unwrap_err();
}

#[test]
fn many_types_of_one_long_name() {
    let mut btf = Builder::new();
    let name = btf.name("a".repeat(256 << 10));
    for _ in 0..20_000 {
        btf.add(name, kind::TYPEDEF, 0, 0, &[]);
    }
    assert_eq!(
        unusable::<Two>(btf),
        BtfError::NoSuchType { name: "t".into(), meant: None, source_of_btf: BtfSource::Bytes }
    );
}

#[test]
fn many_maps_of_one_long_name() {
    let mut btf = two();
    let map = btf.map(&"a".repeat(16 << 10), 1, 2);
    btf.maps_section(&[map; 500]);
    check_map::<HashMap<u32, Two>>(object(btf)).unwrap_err();
}

#[test]
fn many_maps_of_many_members() {
    let mut btf = two();
    let pointer = btf.pointer(1);
    let definition = btf.structure("", 8, &vec![("key", pointer, 0); 6000]);
    let map = btf.variable("m", definition);
    btf.maps_section(&[map; 6000]);
    check_map::<HashMap<u32, Two>>(object(btf)).unwrap_err();
}

#[test]
fn many_maps_of_one_name_that_is_long_when_it_is_drawn() {
    let mut btf = two();
    let map = btf.map(&"\u{7}".repeat(600), 1, 2);
    btf.maps_section(&[map; 4096]);
    check_map::<HashMap<u32, Two>>(object(btf)).unwrap_err();
}

/// `NAMES`, and where in it a name of that length is.
fn with_long_name(len: usize) -> (Vec<u8>, u32) {
    ([NAMES, "a".repeat(len).as_bytes(), b"\0"].concat(), NAMES.len() as u32)
}

#[test]
fn many_symbols_of_one_long_name() {
    let (names, name) = with_long_name(16 << 10);
    let (btf, symbols) = (Vec::from(two()), symbols(500, name));
    let sections = [(BTF, PROGBITS, &*btf), (0, SYMTAB, &symbols), (MAPS, PROGBITS, &[1; 4])];
    check_map::<HashMap<u32, Two>>(elf(&names, &sections)).unwrap_err();
}

#[test]
fn many_sections_and_many_symbols() {
    let (btf, symbols) = (Vec::from(two()), symbols(50_000, 0));
    let mut sections = vec![(BTF, PROGBITS, &*btf), (0, SYMTAB, &symbols)];
    sections.resize(20_000, (MAPS, PROGBITS, &[]));
    check_map::<HashMap<u32, Two>>(elf(NAMES, &sections)).unwrap_err();
}

#[test]
fn many_sections_of_one_long_name() {
    let (names, name) = with_long_name(4 << 20);
    let btf = Vec::from(two());
    let mut sections = vec![(BTF, PROGBITS, &*btf)];
    sections.resize(50_000, (name, PROGBITS, &[]));
    check_map::<HashMap<u32, Two>>(elf(&names, &sections)).unwrap_err();
}

static SHAPES: &[u8] = include_bytes!("bpf/shapes.bpf.o");
static FINDINGS: &[u8] = include_bytes!("bpf/findings.bpf.o");
static FLOWS: &[u8] = include_bytes!("../examples/bpf/flows.bpf.o");
static RUST: &[u8] = include_bytes!("rust-ebpf/maps.bpf.o");

/// Types that agree with the maps of `SHAPES` and `FLOWS`, so that the whole of
/// a damaged one is read; for `RUST` there are the shared ones.
mod agreed {
    use super::*;

    macro_rules! structs {
        ($($derive:ident $name:ident { $($body:tt)* })*) => {$(
            #[derive($derive, Clone, Copy)]
            #[repr(C)]
            pub struct $name { $($body)* }
        )*};
    }

    structs! {
        BpfMapKey Inner { x: u32, y: u16, z: u16 }
        BpfMapValue Nested { first: Inner, more: [Inner; 2], matrix: [[u8; 3]; 2], end: u16 }
        BpfMapValue Anonymous { a: u32, b: u16, c: u16, d: u64 }
        BpfMapValue Unions { kind: u32, v6: [u8; 16], named: [u8; 4] }
        BpfMapValue Bitfields { a: u32, d: u32 }
        BpfMapKey Flexible { len: u32 }
        BpfMapKey FlowKey {
            saddr: Be32, daddr: Be32, sport: Be16, dport: Be16, proto: u8, pad: Pad<3>,
        }
        BpfMapValue FlowStats { packets: u64, bytes: u64 }
    }
}

/// Reads an object and checks its maps; whatever comes of it has to be drawn.
fn check_maps(bytes: &[u8]) {
    use agreed::*;
    let Ok(object) = drawn(Object::parse(bytes)) else { return };
    let _ = drawn(object.check::<HashMap<u32, Nested>>("nested"));
    let _ = drawn(object.check::<HashMap<u32, Anonymous>>("anonymous"));
    let _ = drawn(object.check::<HashMap<u32, Unions>>("unions"));
    let _ = drawn(object.check::<HashMap<u32, Bitfields>>("bitfields"));
    let _ = drawn(object.check::<HashMap<Flexible, Flexible>>("flexible"));
    let _ = drawn(object.check::<HashMap<Inner, Inner>>("an_lru"));
    let _ = drawn(object.check::<HashMap<FlowKey, FlowStats>>("flows"));
    let _ = drawn(object.check::<HashMap<shared::FlowKey, shared::FlowStats>>("FLOWS"));
    let _ = drawn(object.check::<HashMap<shared::Port, shared::Gen<u32, 2>>>("PORTS"));
}

fn survives(bytes: &[u8], damage: impl Display) {
    if panic::catch_unwind(|| check_maps(bytes)).is_err() {
        panic!("{damage}");
    }
}

/// Writes each of `values` over each of the places in turn.
fn survives_each<const N: usize>(
    bytes: &[u8],
    places: impl Iterator<Item = usize>,
    values: impl Fn([u8; N]) -> Vec<[u8; N]>,
) {
    let mut damaged = bytes.to_owned();
    for at in places {
        let place = at..at + N;
        let original = *bytes[at..].first_chunk().unwrap();
        for value in values(original) {
            damaged[place.clone()].copy_from_slice(&value);
            survives(&damaged, format_args!("{value:02x?} at byte {at:#x}"));
        }
        damaged[place].copy_from_slice(&original);
    }
}

/// Where the BTF is in an object.
fn btf_of(object: &[u8]) -> std::ops::Range<usize> {
    let start = object.windows(4).position(|bytes| bytes == b"\x9f\xeb\x01\0").unwrap();
    let word = |at| u32::from_le_bytes(*object[start + at..].first_chunk().unwrap()) as usize;
    start..start + 24 + word(16) + word(20)
}

#[test]
fn objects_that_are_cut_off() {
    for object in [SHAPES, FLOWS] {
        (0..object.len()).for_each(|len| survives(&object[..len], format_args!("first {len}")));
    }
}

#[test]
fn objects_with_a_damaged_byte() {
    for object in [SHAPES, FLOWS] {
        let values = |[byte]: [u8; 1]| [0, 0xff, byte ^ 0x01, byte ^ 0x80].map(|it| [it]).to_vec();
        // A stride that meets each byte of a word.
        survives_each(object, (0..object.len()).step_by(3), values);
    }
}

#[test]
fn objects_with_a_damaged_word_in_the_btf() {
    for object in [SHAPES, FLOWS, RUST] {
        let values = |_| [0, u32::MAX, 0x7fff_ffff].map(u32::to_le_bytes).to_vec();
        let btf = btf_of(object);
        survives_each(object, (btf.start..btf.end - 3).step_by(4), values);
    }
}

/// Shows and writes all that there is in an object: what it says of itself, and
/// not what it is compared with.
fn looked_through(bytes: &[u8]) {
    let _ = Findings::of_object(bytes).map(|findings| {
        for finding in &findings {
            drawn(Err::<(), _>(finding)).unwrap_err();
        }
    });
    let Ok(object) = Object::parse(bytes) else { return };
    drawn(Err::<(), _>(object.generate())).unwrap_err();
    for ty in object.btf().types() {
        if let Ok(table) = ty.table() {
            drawn(Err::<(), _>(table)).unwrap_err();
        }
    }
}

/// The same of one type.
fn written(btf: impl Into<Vec<u8>>) {
    cheap(btf.into(), |bytes| {
        let btf = Btf::parse(bytes).unwrap();
        let mut generator = Generator::new(&btf);
        generator.named("t").unwrap();
        drawn(Err::<(), _>(generator.finish())).unwrap_err();
        let _ = btf.type_named("t").and_then(|ty| ty.table()).map(|table| {
            drawn(Err::<(), _>(table)).unwrap_err();
        });
    });
}

#[test]
fn objects_with_a_damaged_word_are_looked_through() {
    let object = FINDINGS;
    let btf = btf_of(object);
    // The types have words of all sorts, in no order that this stride keeps.
    for at in (btf.start..btf.end - 3).step_by(20) {
        for word in [0, 1, 0x7fff_ffff, u32::MAX] {
            let mut damaged = object.to_vec();
            damaged[at..at + 4].copy_from_slice(&word.to_le_bytes());
            looked_through(&damaged);
        }
    }
}

/// Where the lines of source are in an object.
fn lines_of(object: &[u8]) -> std::ops::Range<usize> {
    let magic = b"\x9f\xeb\x01\0\x20\0\0\0";
    let start = object.windows(8).rposition(|bytes| bytes == magic).unwrap();
    let word = |at| u32::from_le_bytes(*object[start + at..].first_chunk().unwrap()) as usize;
    start..start + 32 + word(16) + word(20)
}

#[test]
fn lines_with_a_damaged_word() {
    let lines = lines_of(FINDINGS);
    let sound = Findings::of_object(FINDINGS).unwrap();
    let mut without = 0;
    for at in (lines.start..lines.end - 3).step_by(4) {
        for word in [0, 1, 7, 8, 0x20, 0x7fff_ffff, 0xffff_fff0, u32::MAX] {
            let mut damaged = FINDINGS.to_vec();
            damaged[at..at + 4].copy_from_slice(&word.to_le_bytes());
            let findings = Findings::of_object(&damaged).unwrap();
            // Lines are only said beside what is found.
            let messages = |findings: &Findings| {
                findings.iter().map(|finding| finding.message.clone()).collect::<Vec<_>>()
            };
            assert_eq!(messages(&findings), messages(&sound));
            without += usize::from(findings.iter().all(|finding| finding.source.is_none()));
        }
    }
    // A header that is wrong is not believed.
    assert!(without > 20, "{without}");
}

#[test]
fn what_is_tedious_to_compare_is_not_tedious_to_write() {
    let with_a_member = |btf: &mut Builder| {
        let int = btf.int(4);
        btf.structure("", 4, &[("a", int, 0)])
    };
    written(fan_out(28, with_a_member));
    written(fan_out(28, |btf| btf.structure("", 0, &[])));
    // The same by names, and as arrays of arrays.
    let mut btf = Builder::new();
    let mut below = btf.int(4);
    for level in 0..64 {
        below = match level % 2 {
            0 => btf.structure(&format!("s{level}"), 8, &[("a", below, 0), ("b", below, 0)]),
            _ => btf.array(below, 1),
        };
    }
    btf.structure("t", 8, &[("a", below, 0)]);
    written(btf);
}

#[test]
fn many_members_of_one_long_name_are_written() {
    let name = "A".repeat(16 << 10);
    let mut btf = Builder::new();
    let int = btf.int(4);
    btf.structure("t", 8, &vec![(&*name, int, 0); 200]);
    written(btf);
    let mut btf = Builder::new();
    let byte = btf.int(1);
    let members: Vec<_> = (0..8000).map(|at| ("same", byte, at * 8)).collect();
    btf.structure("t", 8000, &members);
    written(btf);
}

#[test]
fn a_struct_that_holds_itself_is_written() {
    let mut btf = Builder::new();
    let own = btf.next_id;
    btf.structure("t", 8, &[("a", own, 0), ("b", own, 0)]);
    written(btf);
    let mut btf = Builder::new();
    let array = btf.next_id + 1;
    btf.structure("t", 8, &[("a", array, 0)]);
    btf.array(1, 1);
    written(btf);
}

#[test]
fn members_of_any_place_are_written() {
    for (first, second) in [(0, 16), (8, 8), (40, 0), (63, 1), (1 << 20, 0), (u32::MAX, 0)] {
        let mut btf = Builder::new();
        let int = btf.int(4);
        btf.structure("t", 8, &[("a", int, first), ("b", int, second), ("", int, second)]);
        written(btf);
    }
}
