//! `bpfmap why`, as it is typed, on maps in the kernel.

use std::process::{Command, Output};

use aya::Ebpf;
use aya::maps::{HashMap, Map};
use bpfmap::{AnyMap, Loader};

use crate::command::{Ran, command, hash, nobody};
use crate::support::*;

trials! {
    [Need::Bpf] => [
        the_exit_code_says_how_it_ended,
        json_is_the_diagnosis,
        a_ring_buffer_has_no_keys,
        the_object_is_compared_with_the_map,
        an_object_of_another_program_is_not_compared,
        a_key_is_compared_by_the_arm_of_a_union_that_was_given,
        a_key_without_types_has_no_names,
        a_map_that_is_not_there_is_a_broken_link,
        a_capability_in_a_user_namespace_is_told_from_none,
    ]
    [Need::Bpf, Need::Bpffs] => [
        a_pin_that_may_not_be_opened_and_a_file_that_is_none,
    ]
}

const BPFMAP: &str = env!("CARGO_BIN_EXE_bpfmap");

/// A program that is loaded; its id, and that of its map.
fn loaded() -> TestResult<(Ebpf, u32, u32)> {
    let mut ebpf = Ebpf::load(FLOWS)?;
    let program: &mut aya::programs::Xdp =
        ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    let program = program.info()?.id();
    let Some(Map::HashMap(map)) = ebpf.map("flows") else { return Err("no map".into()) };
    let map = map.info()?.id();
    Ok((ebpf, program, map))
}

fn insert(ebpf: &mut Ebpf, key: [u8; 16], value: [u8; 16]) -> TestResult {
    let mut map: HashMap<_, [u8; 16], [u8; 16]> =
        ebpf.map_mut("flows").ok_or("no map")?.try_into()?;
    Ok(map.insert(key, value, 0)?)
}

fn ran(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn why(arguments: &[&str]) -> Ran {
    ran(command(&[&["why"][..], arguments].concat()).output().expect("it runs"))
}

const KEY: &str =
    r#"{"saddr": "10.0.0.1", "daddr": "10.0.0.2", "sport": 40000, "dport": 443, "proto": 6}"#;
const BYTES: [u8; 16] = [10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x40, 1, 187, 6, 0, 0, 0];

fn the_exit_code_says_how_it_ended() -> TestResult {
    let (mut ebpf, program, map) = loaded()?;
    let (map, program) = (map.to_string(), program.to_string());
    let ask = |more: &[&str]| {
        let all = [&["--id", &map, "--program", &program][..], more].concat();
        why(&all)
    };
    let mut dirty = BYTES;
    dirty[13] = 7;
    insert(&mut ebpf, dirty, [0; 16])?;
    let output = ask(&["--key", KEY]);
    let text = &output.out;
    assert_eq!(output.code, Some(1), "{text}");
    for part in
        ["  ok       program: program `count_flows`", "  BROKEN   key: ", "07 00 00", "  do  "]
    {
        assert!(text.contains(part), "{text}");
    }

    insert(&mut ebpf, BYTES, [1; 16])?;
    let hex = "0a 00 00 01 0a 00 00 02 9c 40 01 bb 06 00 00 00";
    for key in [["--key", KEY], ["--key-hex", hex]] {
        let output = ask(&key);
        let text = &output.out;
        assert_eq!(output.code, Some(0), "{text}");
        assert!(text.contains("  ok       key: it is there"), "{text}");
        let value = 0x0101_0101_0101_0101_u64;
        let value = format!("  value    {{packets: {value}, bytes: {value}}}");
        assert!(text.contains(&value), "{text}");
        assert!(!text.contains('\u{1b}'), "colours, and this is no terminal: {text}");
    }

    // What cannot be looked at.
    for (wrong, said) in [
        (&["--key", "{"][..], "--key is not JSON"),
        (&["--key", r#"{"sadr": 1}"#], "no field `sadr`"),
        (&["--key-hex", "0"], "one is left over"),
        (&["--key", KEY, "--object", "/dev/null"], "/dev/null"),
        (&["--key", KEY, "--object", "/nonexistent.o"], "/nonexistent.o"),
    ] {
        let output = ask(wrong);
        assert!(output.refused().contains(said), "{output:?}");
    }
    let output = ask(&["--key-hex", "00"]);
    assert_eq!(output.refused(), "--key-hex is 1 byte, and the keys of the map are 16 bytes");
    Ok(())
}

fn a_ring_buffer_has_no_keys() -> TestResult {
    static MAPS: &[u8] = aya::include_bytes_aligned!("../../../tests/bpf/maps.bpf.o");
    let ebpf = Ebpf::load(MAPS)?;
    let id = AnyMap::from_fd(ebpf.map_fd("events").ok_or("no map")?)?.id().to_string();
    for key in [["--key", "0"], ["--key-hex", "00"]] {
        let output = why(&[&["--id", &*id][..], &key].concat());
        assert!(
            output.refused().ends_with(" is a ringbuf and has no keys to ask for"),
            "{output:?}"
        );
    }
    Ok(())
}

fn json_is_the_diagnosis() -> TestResult {
    let (mut ebpf, program, map) = loaded()?;
    let mut swapped = BYTES;
    swapped[10..12].reverse();
    insert(&mut ebpf, swapped, [0; 16])?;
    let (map, program) = (map.to_string(), program.to_string());
    let output = why(&["--json", &map, "--program", &program, "--key", KEY]);
    assert_eq!(output.code, Some(1));
    let text = &output.out;
    assert_eq!(text.lines().count(), 1);
    let report: serde_json::Value = serde_json::from_str(text)?;
    let links = report["links"].as_array().ok_or("no links")?;
    let near = &links.last().ok_or("no links")?["answer"]["broken"]["near"];
    assert_eq!(near["nearness"], "byte_order");
    assert_eq!(near["keys"][0]["differences"][0]["field"], "dport");
    assert!(report["decoded"].is_null());
    insert(&mut ebpf, BYTES, [0; 16])?;
    let output = why(&["--json", &map, "--program", &program, "--key", KEY]);
    let report: serde_json::Value = serde_json::from_str(&output.out)?;
    assert_eq!((output.code, &report["decoded"]["packets"]), (Some(0), &0.into()));
    Ok(())
}

fn the_object_is_compared_with_the_map() -> TestResult {
    let (_ebpf, program, map) = loaded()?;
    let (map, program) = (map.to_string(), program.to_string());
    let object = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/bpf/flows.bpf.o");
    let arguments = ["--program", &program, "--object", object, "--key", KEY];
    let output = why(&[&["--id", &*map][..], &arguments].concat());
    let text = &output.out;
    assert_eq!(output.code, Some(1), "{text}");
    assert!(text.contains("  ok       layout: every field is as the object declares it"), "{text}");
    assert!(text.contains("the map has no entries"), "{text}");
    Ok(())
}

fn an_object_of_another_program_is_not_compared() -> TestResult {
    let (mut ebpf, _, map) = loaded()?;
    insert(&mut ebpf, BYTES, [1; 16])?;
    let object = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/bpf/values.bpf.o");
    let ran = why(&[&map.to_string(), "--object", object, "--key", KEY]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    for part in ["the object declares no map `flows`", "  ok       key: ", "  value    {packets: "]
    {
        assert!(ran.out.contains(part), "{ran:?}");
    }
    // Of the command's descriptor nobody has to know.
    assert!(!ran.out.contains("descriptor"), "{ran:?}");
    Ok(())
}

fn a_key_is_compared_by_the_arm_of_a_union_that_was_given() -> TestResult {
    let object = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/bpf/findings.bpf.o");
    let map = hash("addresses", 16, 16)?;
    let id = map.info()?.id().to_string();
    let mut map: HashMap<_, [u8; 16], [u8; 16]> = Map::HashMap(map).try_into()?;
    let mut key = [0; 16];
    key[..4].copy_from_slice(&[10, 0, 0, 1]);
    map.insert(key, key, 0)?;
    let ran = why(&[&id, "--object", object, "--key", r#"{"v4": "1.0.0.10"}"#]);
    let said = "- `v4` (bytes 0..4): wanted 16777226 (1.0.0.10), there is 167772161 (10.0.0.1)";
    assert!(ran.out.contains("in the byte order of fields") && ran.out.contains(said), "{ran:?}");
    assert!(ran.out.contains(", key v4 16777226 (1.0.0.10)\n"), "{ran:?}");
    Ok(())
}

fn a_key_without_types_has_no_names() -> TestResult {
    static VALUES: &[u8] = aya::include_bytes_aligned!("../../../tests/bpf/values.bpf.o");
    let ebpf = Ebpf::load(VALUES)?;
    let id = AnyMap::from_fd(ebpf.map_fd("untyped").ok_or("no map")?)?.id().to_string();
    let ran = why(&["--id", &id, "--key", r#"{"cookie": 1}"#]);
    assert_eq!(
        ran.refused(),
        format!(
            "map `untyped` (id {id}): the kernel has no BTF for it: --key names fields, and the types of the \
             map's key are not known: say them with --object FILE, or give the bytes with --key-hex"
        )
    );
    // Nobody knows whether that is an address.
    let bytes = "00 01 02 03 04 05";
    let ran = why(&["--id", &id, "--key-hex", bytes]);
    assert!(ran.out.contains(&format!(", key {bytes}\n")), "{ran:?}");
    Ok(())
}

fn a_pin_that_may_not_be_opened_and_a_file_that_is_none() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("flows");
    let (ebpf, ..) = loaded()?;
    let Some(Map::HashMap(map)) = ebpf.map("flows") else { return Err("no map".into()) };
    map.pin(&path)?;
    std::fs::set_permissions(bpffs.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let ran = nobody(&["why", "--pin", path.to_str().ok_or("no text")?, "--key", KEY])?;
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.out.contains("  unknown  loaded: ") && ran.out.contains("its mode is 0600"),
        "{ran:?}"
    );
    assert!(!ran.out.contains("not pinned") && !ran.out.contains("OpenOptions"), "{ran:?}");
    let ran = why(&["--pin", "/etc/passwd", "--key", "1"]);
    assert!(ran.refused().contains("; /etc/passwd is not in a bpffs, "), "{ran:?}");
    Ok(())
}

fn a_map_that_is_not_there_is_a_broken_link() -> TestResult {
    let output = why(&["why_no_such_map", "--key", "1"]);
    let text = &output.out;
    assert_eq!(output.code, Some(1), "{text}");
    assert!(text.contains("  BROKEN   loaded: there is no such map in the kernel"), "{text}");
    let output = why(&["--pin", "/nonexistent/flows", "--key", "1"]);
    let text = &output.out;
    assert_eq!(output.code, Some(1), "{text}");
    assert!(text.contains("there is no /nonexistent"), "{text}");
    // Without the right to look for it nobody knows.
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all", BPFMAP, "why", "flows", "--key", "1"]);
    let output = ran(command.output()?);
    let text = &output.out;
    assert_eq!(output.code, Some(2), "{text}");
    assert!(text.contains("  unknown  loaded: ") && text.contains("CAP_SYS_ADMIN"), "{text}");
    Ok(())
}

/// In a user namespace every process may have every capability, and it is worth
/// nothing to the kernel.
fn a_capability_in_a_user_namespace_is_told_from_none() -> TestResult {
    let (_ebpf, _, map) = loaded()?;
    let within =
        |arguments: &[&str]| Command::new("unshare").arg("-Ur").args(arguments).output().map(ran);
    if within(&["true"])?.code != Some(0) {
        eprintln!("left out: user namespaces cannot be made");
        return Ok(());
    }
    let output = within(&[BPFMAP, "why", "--id", &map.to_string(), "--key", KEY])?;
    let text = &output.out;
    assert_eq!(output.code, Some(2), "{text}");
    assert!(text.contains("has CAP_SYS_ADMIN only in a user namespace"), "{text}");
    Ok(())
}
