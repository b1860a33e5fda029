//! `bpfmap layout` of maps in the kernel.

use aya::Ebpf;

use crate::command::bpfmap;
use crate::support::*;
use crate::watch::id;

trials! {
    [Need::Bpf] => [
        a_map_of_the_kernel_is_shown_as_that_of_the_object,
        what_has_no_types_is_said_in_a_line,
        one_map_and_no_more_is_meant,
    ]
    [Need::Bpf, Need::Bpffs] => [
        a_map_by_its_pin,
    ]
    [Need::Bpf, Need::Bpffs, Need::Bpftool] => [
        the_variables_of_a_program,
    ]
}

static VALUES: &[u8] = aya::include_bytes_aligned!("../../../tests/bpf/values.bpf.o");
const FLOWS_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/bpf/flows.bpf.o");
const GLOBALS_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/bpf/globals.bpf.o");
const FLOWS_IN_RUST: &str = include_str!("../../../tests/golden/rust/flows.rs");

fn a_map_of_the_kernel_is_shown_as_that_of_the_object() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let id = id(&ebpf, "flows")?;
    let of_object = bpfmap(&format!("layout {FLOWS_PATH} flows"));
    let (_, tables) = of_object.out.split_once('\n').ok_or("no tables")?;
    for selection in [format!("--id {id}"), format!("--map {id}")] {
        let ran = bpfmap(&format!("layout {selection}"));
        assert_eq!((ran.code, &*ran.err), (Some(0), ""));
        let (line, rest) = ran.out.split_once('\n').ok_or("no tables")?;
        assert_eq!(rest, tables);
        let begin = format!(
            "hash `flows` (id {id}): struct flow_key (16 bytes) -> struct flow_stats (16 bytes), \
             up to 1024 entries, by the kernel's BTF of the map (BTF id "
        );
        assert!(line.starts_with(&begin), "{line}");
    }
    let ran = bpfmap(&format!("layout --id {id} --rust"));
    assert_eq!((ran.code, &*ran.out), (Some(0), FLOWS_IN_RUST));
    let json = &bpfmap(&format!("layout --id {id} --json")).json()[0];
    let object = &bpfmap(&format!("layout {FLOWS_PATH} flows --json")).json()[0];
    assert_eq!((&json["key"], &json["value"]), (&object["key"], &object["value"]));
    assert_eq!((&json["id"], &object["id"]), (&id.into(), &serde_json::Value::Null));
    assert!(json["source"]["kernel_map"]["btf_id"].is_number(), "{json}");
    Ok(())
}

fn a_map_by_its_pin() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("pinned");
    let ebpf = Ebpf::load(FLOWS)?;
    let Some(aya::maps::Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    data.pin(&path)?;
    let path = path.display();
    let ran = bpfmap(&format!("layout --pin {path}"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("\n  13      3     pad     __u8[3]\n"), "{ran:?}");
    // By the kernel's name, and not by that of the pin.
    assert!(ran.out.starts_with("hash `flows` (id "), "{ran:?}");
    assert!(ran.out.contains(&format!(") pinned at {path}: ")), "{ran:?}");
    let ran = bpfmap(&format!("layout --pin {path} --rust"));
    assert!(ran.out.contains("pub type Flows = HashMap<FlowKey, FlowStats>;"), "{ran:?}");
    std::fs::remove_file(bpffs.path().join("pinned"))?;
    let ran = bpfmap(&format!("layout --pin {path}"));
    assert!(ran.refused().contains("; nothing is pinned there"), "{ran:?}");
    Ok(())
}

/// By libbpf, as aya leaves sections without their types.
fn the_variables_of_a_program() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().display();
    bpftool(&format!("prog loadall {GLOBALS_PATH} {path}/programs pinmaps {path}/maps"))?;
    let ran = bpfmap(&format!("layout --pin {path}/maps/globals_rodata"));
    let (line, rest) = ran.out.split_once('\n').ok_or("no table")?;
    assert!(line.starts_with("array `globals.rodata` (id "), "{line}");
    // Without the index, which is 0.
    assert!(rest.starts_with("value: .rodata, 20 bytes\n"), "{rest}");
    let ran = bpfmap(&format!("layout --pin {path}/maps/globals_rodata --rust"));
    assert!(ran.out.contains("pub type GlobalsRodata = Globals<Rodata>;"), "{ran:?}");
    Ok(())
}

fn what_has_no_types_is_said_in_a_line() -> TestResult {
    let ebpf = Ebpf::load(VALUES)?;
    let id = id(&ebpf, "untyped")?;
    for more in ["", " --rust", " --json"] {
        assert_eq!(
            bpfmap(&format!("layout --id {id}{more}")).refused(),
            format!(
                "the types of map `untyped` (id {id}) are not known: the kernel has no BTF for it; \
                 the object that it was made from has them"
            )
        );
    }
    Ok(())
}

fn one_map_and_no_more_is_meant() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let id = id(&ebpf, "flows")?;
    for more in [format!("--map {id}"), FLOWS_PATH.into(), "--pin /x".into(), "--type u32".into()] {
        let ran = bpfmap(&format!("layout --id {id} {more}"));
        assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
        assert!(ran.err.contains("cannot be used with"), "{ran:?}");
    }
    // A map where an object is meant.
    assert_eq!(
        bpfmap("layout flowz").refused(),
        "flowz cannot be read: No such file or directory (os error 2); for a map in the kernel say \
         --map flowz"
    );
    Ok(())
}
