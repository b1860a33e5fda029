//! What all commands have in common.

use std::process::{Command, Output, Stdio};

use aya::Ebpf;

use crate::command::{bpfmap, command};
use crate::support::*;
use crate::watch::{fill, id};

trials! {
    [] => [
        every_command_has_its_page_and_its_completions,
    ]
    [Need::Bpf] => [
        every_command_writes_json,
        nobody_who_reads_is_no_error,
        a_map_that_was_freed_is_said_in_a_line,
        a_name_of_two_maps_is_said_in_a_line,
    ]
}

const OBJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/bpf/flows.bpf.o");

fn every_command_has_its_page_and_its_completions() -> TestResult {
    let help = bpfmap("--help").out;
    let (_, commands) = help.split_once("Commands:\n").ok_or("no commands")?;
    let (commands, _) = commands.split_once("Options:").ok_or("no options")?;
    // What is no command is indented further.
    let names = commands.lines().filter_map(|line| line.strip_prefix("  "));
    let names: Vec<_> =
        names.filter(|line| !line.starts_with(' ')).filter_map(|it| it.split(' ').next()).collect();
    for name in ["doctor", "maps", "layout", "check", "dump", "why", "watch"] {
        assert!(names.contains(&name), "{name}: {help}");
    }
    let pages = tempfile::tempdir()?;
    assert_eq!(bpfmap(&format!("man --out {}", pages.path().display())).code, Some(0));
    let page = std::fs::read_to_string(pages.path().join("bpfmap.1"))?;
    assert_eq!(bpfmap("man").out, page);
    for name in names.iter().filter(|name| **name != "help") {
        let page = std::fs::read_to_string(pages.path().join(format!("bpfmap-{name}.1")))?;
        assert!(page.contains(".SH OPTIONS"), "{page}");
        for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
            let script = bpfmap(&format!("completions {shell}"));
            assert_eq!((script.code, script.out.contains(name)), (Some(0), true), "{shell} {name}");
        }
    }
    Ok(())
}

/// All that look at something.
fn commands(id: u32) -> [String; 10] {
    [
        "doctor".into(),
        "maps".into(),
        format!("maps {id}"),
        format!("layout {OBJECT}"),
        format!("layout --id {id}"),
        format!("layout --id {id} --rust"),
        format!("check {OBJECT}"),
        format!("dump {id}"),
        format!("why {id} --key-hex 00000000000000000000000000000000"),
        format!("watch {id} --once"),
    ]
}

fn every_command_writes_json() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    fill(&ebpf, 3)?;
    for command in commands(id(&ebpf, "flows")?) {
        let ran = bpfmap(&format!("{command} --json"));
        assert!(matches!(ran.code, Some(0 | 1)), "{command}: {ran:?}");
        let lines = ran.json();
        assert!(!lines.is_empty() && lines.iter().all(|line| line.is_object()), "{command}");
    }
    Ok(())
}

/// Runs it with a pipe for its output whose reader has gone.
fn unread(arguments: &str) -> TestResult<Output> {
    let mut reader = Command::new("true").stdin(Stdio::piped()).spawn()?;
    let pipe = reader.stdin.take().ok_or("no pipe")?;
    reader.wait()?;
    let arguments: Vec<_> = arguments.split(' ').collect();
    Ok(command(&arguments).stdout(pipe).output()?)
}

fn nobody_who_reads_is_no_error() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    fill(&ebpf, 3)?;
    let id = id(&ebpf, "flows")?;
    let more = ["completions bash".into(), "man".into(), format!("watch {id} --verbose")];
    for command in commands(id).into_iter().chain(more) {
        for json in ["", " --json"] {
            let output = unread(&format!("{command}{json}"))?;
            let errors = String::from_utf8(output.stderr)?;
            assert_eq!(output.status.code(), Some(0), "{command}{json}: {errors}");
            assert!(
                !errors.contains("panicked") && !errors.contains("pipe"),
                "{command}: {errors}"
            );
        }
    }
    Ok(())
}

fn a_map_that_was_freed_is_said_in_a_line() -> TestResult {
    let id = id(&Ebpf::load(FLOWS)?, "flows")?;
    while bpfmap::AnyMap::from_id(id).is_ok() {
        std::thread::yield_now();
    }
    for command in ["maps", "dump", "layout --id", "watch", "watch --once"] {
        let ran = bpfmap(&format!("{command} {id}"));
        assert!(ran.refused().ends_with("; there is no map of that id"), "{command}: {ran:?}");
    }
    Ok(())
}

fn a_name_of_two_maps_is_said_in_a_line() -> TestResult {
    // With names that the kernel cuts off they are the same.
    let maps = ["two_of_a_name_at_once", "two_of_a_name_a"].map(|name| {
        let map = aya_obj::Map::Legacy(aya_obj::maps::LegacyMap {
            section_index: 0,
            section_kind: aya_obj::EbpfSectionKind::Maps,
            symbol_index: None,
            inner_def: None,
            def: aya_obj::maps::bpf_map_def {
                map_type: bpfmap::MapType::HASH.as_raw(),
                key_size: 4,
                value_size: 4,
                max_entries: 1,
                ..Default::default()
            },
            data: Vec::new(),
        });
        aya::maps::MapData::create(map, name, None)
    });
    for command in ["dump", "layout --map", "watch", "watch --once"] {
        let ran = bpfmap(&format!("{command} two_of_a_name_a"));
        assert!(
            ran.refused()
                .starts_with("2 maps are named `two_of_a_name_a`: say which one with --id "),
            "{command}: {ran:?}"
        );
    }
    drop(maps);
    Ok(())
}
