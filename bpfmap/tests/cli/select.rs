//! Which map is meant, and what is said when it cannot be told.

use aya::Ebpf;
use bpfmap::AnyMap;

use crate::command::bpfmap;
use crate::support::*;

trials! {
    [Need::Bpf] => [
        a_map_by_its_id_and_by_its_name,
        a_name_that_several_maps_have,
        what_is_not_there,
    ]
    [Need::Bpf, Need::Bpffs] => [
        a_map_by_its_pin,
        a_pin_that_is_none_of_a_map,
    ]
}

fn flows(ebpf: &Ebpf) -> TestResult<u32> {
    let map = ebpf.map("flows").ok_or("no map")?;
    let aya::maps::Map::HashMap(data) = map else { return Err("another type".into()) };
    Ok(data.info()?.id())
}

/// A map of a name that no other test gives one.
fn named(name: &str) -> TestResult<aya::maps::MapData> {
    let definition = aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_ARRAY as u32;
    let map = aya_obj::Map::Legacy(aya_obj::maps::LegacyMap {
        section_index: 0,
        section_kind: aya_obj::EbpfSectionKind::Maps,
        symbol_index: None,
        inner_def: None,
        def: aya_obj::maps::bpf_map_def {
            map_type: definition,
            key_size: 4,
            value_size: 4,
            max_entries: 1,
            ..Default::default()
        },
        data: Vec::new(),
    });
    Ok(aya::maps::MapData::create(map, name, None)?)
}

fn a_map_by_its_id_and_by_its_name() -> TestResult {
    let map = named("only_one_named")?;
    let id = map.info()?.id();
    let lines = "{\"key\":0,\"value\":\"0x00000000\"}\n";
    for selection in [format!("{id}"), format!("--id {id}"), "only_one_named".into()] {
        let ran = bpfmap(&format!("dump {selection}"));
        assert_eq!((ran.code, &*ran.out), (Some(0), lines), "{ran:?}");
    }
    Ok(())
}

fn a_name_that_several_maps_have() -> TestResult {
    let (one, other) = (named("there_are_two")?, named("there_are_two")?);
    let mut ids = [one.info()?.id(), other.info()?.id()];
    ids.sort_unstable();
    let ran = bpfmap("dump there_are_two");
    assert_eq!(
        ran.refused(),
        format!(
            "2 maps are named `there_are_two`: say which one with --id {}, --id {}, or with --pin",
            ids[0], ids[1]
        )
    );
    let ran = bpfmap(&format!("dump {}", ids[0]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // To look at, it is both.
    let ran = bpfmap("maps there_are_two");
    let heads: Vec<_> = ran.out.lines().filter(|line| line.starts_with("array ")).collect();
    let expected = ids.map(|id| format!("array `there_are_two` (id {id})"));
    assert_eq!((ran.code, heads), (Some(0), expected.each_ref().map(String::as_str).to_vec()));
    let found: Vec<_> =
        bpfmap("maps --json there_are_two").json().iter().map(|map| map["id"].clone()).collect();
    assert_eq!(found, ids);
    let ran = bpfmap("maps --stale --unpin --yes --incomplete there_are_two");
    assert!(ran.refused().starts_with("2 maps are named `there_are_two`: "), "{ran:?}");
    Ok(())
}

fn what_is_not_there() -> TestResult {
    let freed = {
        let map = named("freed")?;
        map.info()?.id()
    };
    // The kernel frees it a moment later.
    while AnyMap::from_id(freed).is_ok() {
        std::thread::yield_now();
    }
    for command in ["dump", "maps"] {
        let said = bpfmap(&format!("{command} {freed}"));
        assert!(said.refused().ends_with("; there is no map of that id"), "{said:?}");
        let said = bpfmap(&format!("{command} --id {freed}"));
        assert!(said.refused().ends_with("; there is no map of that id"), "{said:?}");
        let said = bpfmap(&format!("{command} nobody_has_it"));
        assert!(
            said.refused().starts_with(
                "no map in the kernel is named `nobody_has_it`; `bpfmap maps` lists them"
            ),
            "{said:?}"
        );
        let said = bpfmap(&format!("{command} ./not/there"));
        assert!(said.refused().contains("; nothing is pinned there"), "{said:?}");
        let said = bpfmap(&format!("{command} --pin /"));
        said.refused();
        let said = bpfmap(&format!("{command} /proc/self/status"));
        assert!(said.refused().contains("; /proc/self/status is not in a bpffs"), "{said:?}");
    }
    let map = named("nearly_this_1")?;
    for command in ["dump", "maps"] {
        let said = bpfmap(&format!("{command} nearly_thiss_1"));
        let start =
            "no map in the kernel is named `nearly_thiss_1`: did you mean `nearly_this_1`?; ";
        assert!(said.refused().starts_with(start), "{said:?}");
    }
    drop(map);
    let said = bpfmap("dump --object /not/there flows");
    said.refused();
    Ok(())
}

fn a_map_by_its_pin() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("pinned");
    let map = named("by_its_pin")?;
    map.pin(&path)?;
    let path = path.display();
    for selection in [format!("{path}"), format!("--pin {path}")] {
        let ran = bpfmap(&format!("maps {selection}"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.out.starts_with("array `by_its_pin` (id "), "{ran:?}");
    }
    std::fs::remove_file(bpffs.path().join("pinned"))?;
    let ran = bpfmap(&format!("maps {path}"));
    assert!(ran.refused().contains("; nothing is pinned there: "), "{ran:?}");
    Ok(())
}

fn a_pin_that_is_none_of_a_map() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let directory =
        format!("{} is a directory, and no pin; in it there is ", bpffs.path().display());
    let path = bpffs.path().join("program");
    let mut ebpf = Ebpf::load(FLOWS)?;
    let program: &mut aya::programs::Xdp =
        ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    program.pin(&path)?;
    for command in ["dump DIRECTORY", "maps DIRECTORY", "why DIRECTORY --key 0"] {
        let said = bpfmap(&command.replace("DIRECTORY", &bpffs.path().display().to_string()));
        let said = said.refused();
        // The kernel has put two more there.
        assert!(said.starts_with(&directory) && said.contains("`program`"), "{said}");
    }
    let path = path.display();
    let said = bpfmap(&format!("dump {path}"));
    assert!(
        said.refused().ends_with("not that of a BPF map, but of a program, a link, BTF or a file"),
        "{said:?}"
    );
    let both = bpfmap(&format!("dump {} --pin {path}", flows(&ebpf)?));
    assert_eq!(both.code, Some(2));
    Ok(())
}
