//! What is found in an object before it is used.

mod builder;

use bpfmap::lint::{Finding, FindingKind, Severity};
use bpfmap::{Findings, ObjectError, Role};
use builder::{Builder, kind};

static FINDINGS: &[u8] = include_bytes!("bpf/findings.bpf.o");

fn found(bytes: &[u8]) -> Findings {
    Findings::of_object(bytes).unwrap()
}

/// Each finding in a line, with the line of source.
fn lines(findings: &Findings) -> Vec<String> {
    let line = |finding: &Finding| match &finding.source {
        Some(source) => format!("{finding} | {source} | {}", source.text),
        None => finding.to_string(),
    };
    findings.iter().map(line).collect()
}

#[test]
fn everything_that_can_be_said_is_said() {
    let expected = [
        "warning: key of map `holed`, `struct holed`: 1 byte that no member covers (bytes 1..2), \
         between `from.proto` and `from.port` | ./tests/bpf/findings.bpf.c:125:2 | \
         bpf_map_delete_elem(&holed, &key);",
        "warning: key of map `holed`, `struct holed`: 4 bytes that no member covers (bytes 4..8), \
         between `from` and `cookie` | ./tests/bpf/findings.bpf.c:125:2 | \
         bpf_map_delete_elem(&holed, &key);",
        "warning: key of map `holed`, `struct holed`: 7 bytes that no member covers (bytes 17..24), \
         after `last`, at the end | ./tests/bpf/findings.bpf.c:125:2 | \
         bpf_map_delete_elem(&holed, &key);",
        "warning: value of map `flags`, `struct flags`: `first`, `second`, `low`, `wide` are bitfields \
         | ./tests/bpf/findings.bpf.c:126:10 | found = bpf_map_lookup_elem(&flags, &zero);",
        "warning: key of map `hidden`, `struct endpoint`: 1 byte that no member covers (bytes 1..2), \
         between `proto` and `port` | ./tests/bpf/findings.bpf.c:137:2 | \
         bpf_map_delete_elem(&hidden, &endpoint);",
        "warning: key of map `pointers`, `void *`: it is a pointer, `void *`",
        "warning: key of map `packed`, `struct packed`: 23 bytes that no member covers (bytes 10..33), \
         after `aligned.narrow`, at the end",
        "note: value of map `flags`, `struct flags`: 2 bytes that no member covers (bytes 2..4), \
         between `whole` and `low` | ./tests/bpf/findings.bpf.c:126:10 | \
         found = bpf_map_lookup_elem(&flags, &zero);",
        "note: value of map `flags`, `struct flags`: 1 byte that no member covers (bytes 7..8), \
         between `low` and `wide` | ./tests/bpf/findings.bpf.c:126:10 | \
         found = bpf_map_lookup_elem(&flags, &zero);",
        "note: value of map `flags`, `struct flags`: 2 bytes that no member covers (bytes 14..16), \
         after `type`, at the end | ./tests/bpf/findings.bpf.c:126:10 | \
         found = bpf_map_lookup_elem(&flags, &zero);",
        "note: value of maps `Option`, `HashMap`, `struct Self`: 2 bytes that no member covers (bytes \
         22..24), after `gen`, at the end",
        "note: key of map `addresses`, `union address`: it is a union, which says nothing of which arm \
         is in use",
        "note: value of map `addresses`, `union address`: it is a union, which says nothing of which \
         arm is in use",
        "note: value of map `pairs`, `pair`: it is a union, which says nothing of which arm is in use",
        "note: value of map `packed`, `struct aligned`: 23 bytes that no member covers (bytes 9..32), \
         after `narrow`, at the end",
    ];
    assert_eq!(lines(&found(FINDINGS)), expected);
}

#[test]
fn a_finding_is_data_too() {
    let findings = found(FINDINGS);
    assert_eq!(findings.maps(), 12);
    assert_eq!(findings.worst(), Some(Severity::Warning));
    assert_eq!((findings.count(Severity::Warning), findings.count(Severity::Note)), (7, 8));
    let first = findings.iter().next().unwrap();
    assert_eq!(
        (first.kind, first.role, first.bytes.clone()),
        (FindingKind::HoleInKey, Some(Role::Key), Some(1..2))
    );
    let expected = serde_json::json!({
        "severity": "warning",
        "kind": "hole_in_key",
        "map": "holed",
        "other_maps": [],
        "role": "key",
        "path": "",
        "bytes": { "start": 1, "end": 2 },
        "message": "key of map `holed`, `struct holed`: 1 byte that no member covers (bytes 1..2), \
                    between `from.proto` and `from.port`",
        "advice": "all bytes of a key are compared, so what is left in these makes a lookup miss: \
                   declare them there, `__u8 pad1[1];`, and clear them where a key is made, as \
                   `struct holed key = {};` does; or clear the whole key with `__builtin_memset`",
        "source": {
            "file": "./tests/bpf/findings.bpf.c",
            "line": 125,
            "column": 2,
            "text": "bpf_map_delete_elem(&holed, &key);",
        },
    });
    assert_eq!(serde_json::to_value(first).unwrap(), expected);
    let json = serde_json::to_value(&findings).unwrap();
    assert_eq!((&json["maps"], json["findings"].as_array().map(Vec::len)), (&12.into(), Some(15)));
    // The name of a kind is that of the data.
    for finding in &findings {
        assert_eq!(serde_json::to_value(finding.kind).unwrap(), finding.kind.name());
    }
}

#[test]
fn maps_without_types_are_named() {
    let untyped = |bytes: &[u8]| {
        let findings = found(bytes);
        let of_kind = findings.iter().filter(|finding| finding.kind == FindingKind::Untyped);
        of_kind.map(|finding| (finding.message.clone(), finding.advice.clone())).collect::<Vec<_>>()
    };
    let expected = [
        (
            "map `routes` is declared by size and not by type: the key is 8 bytes",
            "declare `__type(key, ...)`, so that it can be compared",
        ),
        (
            "map `legacy` is declared in the section `maps`, which has no types: the key is 4 bytes, \
             the value is 8 bytes",
            "declare `__type(key, ...)` and `__type(value, ...)` in the section `.maps`, so that it can \
             be compared",
        ),
    ];
    let found = untyped(include_bytes!("bpf/declared.bpf.o"));
    let found: Vec<_> = found.iter().map(|(message, advice)| (&**message, &**advice)).collect();
    assert_eq!(found, expected);
    // Everything of it is typed.
    assert!(untyped(include_bytes!("bpf/inner.bpf.o")).is_empty());
}

#[test]
fn shapes_that_are_not_easily_shared_are_named() {
    let findings = found(include_bytes!("bpf/shapes.bpf.o"));
    let of_map = |map: &str| {
        let of_map = findings.iter().filter(|finding| finding.map.as_deref() == Some(map));
        of_map.map(|finding| (finding.kind, finding.path.as_str())).collect::<Vec<_>>()
    };
    use FindingKind::*;
    assert_eq!(of_map("holes"), [(HoleInValue, ""), (HoleInValue, "")]);
    assert_eq!(of_map("bitfields"), [(Bitfield, "")]);
    assert_eq!(of_map("pointers"), [(Pointer, "address"), (Pointer, "several")]);
    // A kptr is the kernel's own affair.
    assert_eq!(of_map("kernel_owned"), [(Pointer, "plain")]);
    assert_eq!(of_map("unions"), [(Union, ""), (Union, "named")]);
    assert_eq!(of_map("flexible"), [(FlexibleArray, "data"), (FlexibleArray, "data")]);
    assert_eq!(of_map("sizes_only"), [(Untyped, "")]);
    assert_eq!(of_map("padding"), []);
    assert_eq!(of_map("nested"), [], "a struct whose end is a member");
}

#[test]
fn what_is_no_object_is_no_finding() {
    assert!(matches!(Findings::of_object(b"text"), Err(ObjectError::NotElf(_))));
    assert!(matches!(Findings::of_object(&FINDINGS[..100]), Err(ObjectError::NotElf(_))));
    let exe = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(matches!(Findings::of_object(&exe), Err(ObjectError::NotBpf(_))));
}

/// The object with another name in the place of a section's.
fn renamed(section: &[u8], name: &[u8]) -> Vec<u8> {
    let mut object = FINDINGS.to_vec();
    // That of its relocations ends with it.
    let whole = [section, b"\0"].concat();
    let at = object.windows(whole.len()).rposition(|bytes| *bytes == *whole).unwrap();
    object[at..at + name.len()].copy_from_slice(name);
    object
}

#[test]
fn an_object_without_btf_is_a_finding() {
    let findings = found(&renamed(b".BTF", b".BTX"));
    let expected = "error: the object has no BTF: compile it with `-g` (clang), or with `--btf` \
                    (bpf-linker)";
    assert_eq!(lines(&findings), [expected]);
    assert_eq!(findings.iter().next().unwrap().kind, FindingKind::NoBtf);
}

#[test]
fn without_lines_there_is_no_source() {
    let findings = found(&renamed(b".BTF.ext", b".BTF.exx"));
    assert_eq!(findings.iter().count(), 15);
    assert!(findings.iter().all(|finding| finding.source.is_none()));
}

/// The object with other BTF.
fn with_btf(btf: &[u8]) -> Vec<u8> {
    builder::in_object(FINDINGS, btf)
}

#[test]
fn unsound_btf_is_found_wherever_it_is() {
    let mut cases: Vec<(Builder, &str)> = Vec::new();
    let mut case = |build: &dyn Fn(&mut Builder), expected| {
        let mut builder = Builder::new();
        build(&mut builder);
        cases.push((builder, expected));
    };
    case(
        &|btf| {
            let int = btf.int(4);
            btf.structure("short", 4, &[("a", int, 0), ("b", int, 16)]);
        },
        "BTF type 2, `struct short`: its member `b` reaches past its end: to bit 48, of 32",
    );
    case(
        &|btf| {
            btf.add(0, kind::PTR, 0, 99, &[]);
        },
        "malformed BTF",
    );
    case(
        &|btf| {
            let name = btf.name("circle");
            btf.add(name, kind::TYPEDEF, 0, 1, &[]);
        },
        "BTF type 1 is nested too deeply, or contains itself",
    );
    case(
        &|btf| {
            btf.add(1 << 20, kind::STRUCT, 0, 4, &[]);
        },
        "a name lies outside of the string table",
    );
    case(
        &|btf| {
            let int = btf.int(4);
            btf.array(int, u32::MAX);
            let array = btf.array(2, u32::MAX);
            btf.array(array, u32::MAX);
        },
        "an array is larger than any memory",
    );
    for (builder, expected) in cases {
        let findings = found(&with_btf(&Vec::from(builder)));
        let all = lines(&findings);
        assert!(all.iter().any(|line| line.contains(expected)), "{expected}: {all:?}");
        assert_eq!(findings.worst(), Some(Severity::Error), "{expected}");
        let kinds = findings.iter().map(|finding| finding.kind);
        assert!(kinds.into_iter().all(|kind| kind == FindingKind::UnsoundBtf), "{all:?}");
    }
    // BTF that is no BTF at all.
    let findings = found(&with_btf(b"no BTF"));
    assert_eq!(lines(&findings).len(), 1);
    assert_eq!(findings.worst(), Some(Severity::Error));
}

/// What is found of a key that is made by hand, and a value without a finding.
fn of_key(build: impl FnOnce(&mut Builder) -> u32) -> Vec<String> {
    let mut btf = Builder::new();
    let value = btf.int(4);
    let key = build(&mut btf);
    let map = btf.map("holed", key, value);
    btf.maps_section(&[map]);
    let all = lines(&found(&with_btf(&Vec::from(btf))));
    let of_key = |line: &String| line.contains("key of map");
    all.into_iter()
        .map(|line| line.split(" | ").next().unwrap().to_owned())
        .filter(of_key)
        .collect()
}

#[test]
fn bytes_that_no_arm_of_a_union_covers_are_holes() {
    let arms = |others: &'static [(u32, u32)]| {
        of_key(move |btf| {
            let (byte, word) = (btf.int(1), btf.int(4));
            let arm = btf.structure("", 12, &[("a", byte, 0), ("b", word, 32), ("c", byte, 64)]);
            let mut members = vec![("arm", arm, 0)];
            for (len, at) in others {
                let bytes = btf.array(byte, *len);
                let other = btf.structure("", 12, &[("d", bytes, at * 8)]);
                members.push(("other", other, 0));
            }
            btf.composite(kind::UNION, "addr", 12, &members)
        })
    };
    let union = "note: key of map `holed`, `union addr`: it is a union, which says nothing of which \
                 arm is in use";
    let hole = |bytes: &str, range: &str| {
        format!(
            "warning: key of map `holed`, `union addr`: {bytes} that no arm of a union covers (bytes \
             {range})"
        )
    };
    let expect = |found: Vec<String>, holes: &[String]| {
        let holes = holes.iter().map(String::as_str);
        assert_eq!(found, holes.chain([union]).collect::<Vec<_>>());
    };
    expect(arms(&[]), &[hole("3 bytes", "1..4"), hole("3 bytes", "9..12")]);
    expect(arms(&[(12, 0)]), &[]);
    // From the end of one into the hole, in the middle of it, and two that meet.
    expect(arms(&[(2, 0)]), &[hole("2 bytes", "2..4"), hole("3 bytes", "9..12")]);
    expect(
        arms(&[(1, 10)]),
        &[hole("3 bytes", "1..4"), hole("1 byte", "9..10"), hole("1 byte", "11..12")],
    );
    expect(arms(&[(2, 8), (2, 10), (3, 1)]), &[]);
}

#[test]
fn a_union_may_be_longer_than_its_arms() {
    let found = of_key(|btf| {
        let byte = btf.int(1);
        let bytes = btf.array(byte, 5);
        let word = btf.int(4);
        btf.composite(kind::UNION, "addr", 8, &[("bytes", bytes, 0), ("word", word, 0)])
    });
    let said = "warning: key of map `holed`, `union addr`: 3 bytes that no member covers (bytes 5..8), \
                behind all arms of a union";
    assert_eq!(found[0], said);
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn elements_of_arrays_in_unions_cover_and_have_holes() {
    let of = |other: u32| {
        of_key(move |btf| {
            let (byte, half) = (btf.int(1), btf.int(2));
            let inner = btf.structure("inner", 4, &[("a", byte, 0), ("b", half, 16)]);
            let several = btf.array(inner, 3);
            let bytes = btf.array(byte, other);
            let arm = btf.structure("", 12, &[("c", bytes, 0)]);
            btf.composite(kind::UNION, "addr", 12, &[("several", several, 0), ("arm", arm, 0)])
        })
    };
    let hole = |range| {
        format!(
            "warning: key of map `holed`, `union addr`: 1 byte that no arm of a union covers (bytes \
             {range})"
        )
    };
    // What the other arm lacks at its end is in the elements behind the first.
    assert_eq!(of(1)[0], hole("1..2"));
    assert_eq!((of(1).len(), of(4).len()), (2, 1), "{:?}", of(4));
}

#[test]
fn members_that_are_not_looked_at_are_said() {
    let found = of_key(|btf| {
        let byte = btf.int(1);
        let names: Vec<_> = (0..3000).map(|number| format!("m{number}")).collect();
        let members: Vec<_> =
            names.iter().zip(0..).map(|(name, at)| (name.as_str(), byte, at * 8)).collect();
        btf.structure("long", 3000, &members)
    });
    let said = "warning: key of map `holed`, `struct long`: it has more members than are looked at";
    assert_eq!(found, [said]);
}

#[test]
fn all_that_a_compiler_writes_is_sound() {
    for bytes in [
        include_bytes!("bpf/declared.bpf.o").as_slice(),
        include_bytes!("bpf/globals.bpf.o"),
        include_bytes!("bpf/maps.bpf.o"),
        include_bytes!("bpf/shapes.bpf.o"),
        include_bytes!("rust-ebpf/maps.bpf.o"),
    ] {
        let findings = found(bytes);
        assert_eq!(findings.count(Severity::Error), 0, "{:?}", lines(&findings));
    }
}
