//! `bpfmap maps`, beside what bpftool shows of the same maps.

use std::process::Command;

use aya::Ebpf;
use bpfmap::{AnyMap, Loader};

use crate::command::bpfmap;
use crate::support::*;

trials! {
    [Need::Bpf, Need::Bpftool] => [
        all_that_bpftool_shows_is_shown,
    ]
    [Need::Bpf] => [
        a_line_for_each_map,
        one_map_with_its_holders,
    ]
}

static VALUES: &[u8] = aya::include_bytes_aligned!("../../../tests/bpf/values.bpf.o");

fn id(ebpf: &Ebpf, name: &str) -> TestResult<u32> {
    Ok(AnyMap::from_fd(ebpf.map_fd(name).ok_or("no map")?)?.id())
}

fn all_that_bpftool_shows_is_shown() -> TestResult {
    let ebpf = Ebpf::load(VALUES)?;
    let names: Vec<_> = ebpf.maps().map(|(name, _)| name.to_owned()).collect();
    assert!(names.len() > 10);
    let ran = bpfmap("maps --json");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let all = ran.json();
    for name in names {
        let id = id(&ebpf, &name)?;
        let ours = all.iter().find(|map| map["id"] == id).ok_or("not shown")?;
        let mut bpftool = Command::new("bpftool");
        let shown = bpftool.args(["-j", "map", "show", "id", &id.to_string()]).output()?;
        let theirs: serde_json::Value = serde_json::from_slice(&shown.stdout)?;
        for (our_name, their_name) in [
            ("id", "id"),
            ("map_type", "type"),
            ("name", "name"),
            ("map_flags", "flags"),
            ("key_size", "bytes_key"),
            ("value_size", "bytes_value"),
            ("max_entries", "max_entries"),
            ("memlock", "bytes_memlock"),
        ] {
            assert_eq!(ours[our_name], theirs[their_name], "{name}: {our_name}");
        }
        assert_eq!(ours["frozen"], theirs["frozen"] == 1, "{name}");
        assert_eq!(ours["btf_id"], *theirs.get("btf_id").unwrap_or(&0.into()), "{name}");
        // An older bpftool leaves out who has it open.
        for process in theirs["pids"].as_array().into_iter().flatten() {
            let ours = ours["holders"]["processes"].as_array().ok_or("no list")?;
            assert!(ours.contains(process), "{name}: {process} is not in {ours:?}");
        }
    }
    Ok(())
}

fn a_line_for_each_map() -> TestResult {
    let ebpf = Ebpf::load(VALUES)?;
    let id = id(&ebpf, "parts")?.to_string();
    let ran = bpfmap("maps");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut lines = ran.out.lines();
    let head: Vec<_> = lines.next().ok_or("nothing")?.split_whitespace().collect();
    assert_eq!(head, ["ID", "TYPE", "NAME", "KEY", "VALUE", "MAX", "HELD", "BY"]);
    let line = lines.find(|line| line.starts_with(&format!("{id} "))).ok_or("not shown")?;
    let words: Vec<_> = line.split_whitespace().collect();
    let expected =
        [&*id, "lru_hash", "parts", "struct", "part", "(8)", "struct", "parts", "(80)", "64"];
    assert_eq!(words[..10], expected);
    assert!(line.contains(&format!("({})", std::process::id())), "{line}");
    Ok(())
}

fn one_map_with_its_holders() -> TestResult {
    let mut ebpf = Ebpf::load(FLOWS)?;
    let program: &mut aya::programs::Xdp =
        ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    let program = program.info()?.id();
    let id = id(&ebpf, "flows")?;
    let ran = bpfmap(&format!("maps {id}"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let expected = [
        format!("hash `flows` (id {id})"),
        "  key          struct flow_key (16)".into(),
        "  value        struct flow_stats (16)".into(),
        format!("  held by      program {program} count_flows (xdp)"),
    ];
    for line in expected {
        assert!(ran.out.lines().any(|found| found == line), "{line}\n{}", ran.out);
    }
    assert!(ran.out.contains(&format!("process {} (", std::process::id())), "{}", ran.out);
    assert!(!ran.out.contains("stale: ") && !ran.out.contains("idle: "), "{}", ran.out);
    let [map] = &*bpfmap(&format!("maps --json {id}")).json() else { panic!("one line") };
    assert_eq!(map["holders"]["programs"][0]["id"], program);
    assert_eq!((&map["key_type"], &map["stale"]), (&"struct flow_key".into(), &().into()));
    Ok(())
}
