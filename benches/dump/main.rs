//! What `bpfmap dump` costs beside `bpftool map dump`, for a map of a million
//! entries, in turns, each written to a pipe of which every line is counted.
//!
//! Runs as root, with `bpftool` on the path; `bpfmap` is the one that cargo has built
//! for release (`cargo build --release -p bpfmap --features cli`), or the one that
//! BPFMAP names.

#[path = "../flows.rs"]
mod flows;
#[allow(dead_code, reason = "the benchmark of maps uses more of it")]
#[path = "../maps/turns.rs"]
mod turns;

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use bpfmap::{AnyMap, Be16, Be32, HashMap, Pad};

use flows::{FlowKey, FlowStats, OBJECT};
use turns::{Effort, Goal, Summary, Way};

const ENTRIES: u32 = 1_000_000;

fn main() -> anyhow::Result<()> {
    let bpfmap = std::env::var_os("BPFMAP").map(PathBuf::from);
    let bpfmap = bpfmap
        .unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/bpfmap").into());
    let ebpf = aya::EbpfLoader::new().map_max_entries("flows", ENTRIES).load(OBJECT)?;
    let map = HashMap::<FlowKey, FlowStats>::open(&ebpf, "flows")?;
    fill(&map)?;
    let id = AnyMap::from_fd(&map)?.id().to_string();
    let ours = [bpfmap.into_os_string(), "dump".into(), (&id).into()];
    let theirs = ["bpftool", "map", "dump", "id", &id].map(Into::into);
    let json = ["bpftool", "-j", "map", "dump", "id", &id].map(Into::into);
    // All do the whole job.
    ensure!(counted(&ours, b'\n')? == ENTRIES.into(), "bpfmap leaves entries out");
    for other in [&theirs[..], &json[..]] {
        let found = values_of(other)?;
        ensure!(found == ENTRIES.into(), "bpftool shows {found} entries");
    }
    let effort = Effort { turn: Duration::ZERO, rounds: 5 };
    let mut summary = Summary::default();
    let way = |name, command: Vec<std::ffi::OsString>| {
        Way::new(name, move || {
            counted(&command, b'\n').expect("it ran before");
        })
    };
    let ways = vec![
        way("bpfmap dump", ours.to_vec()),
        way("bpftool map dump", theirs.to_vec()).goal(Goal::TimesFaster(5.0)),
        way("bpftool -j map dump", json.to_vec()).goal(Goal::TimesFaster(5.0)),
    ];
    summary.add("a dump of a million entries", ENTRIES.into(), effort, ways);
    summary.print();
    Ok(())
}

fn fill(map: &HashMap<FlowKey, FlowStats>) -> anyhow::Result<()> {
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for number in 0..ENTRIES {
        keys.push(FlowKey {
            saddr: Be32::from(number),
            daddr: Be32::from(0x0a00_0001),
            sport: Be16::from(443),
            dport: Be16::from(8080),
            proto: 6,
            pad: Pad::default(),
        });
        values.push(FlowStats { packets: number.into(), bytes: u64::from(number) * 1500 });
    }
    map.insert_batch(&keys, &values)?;
    Ok(())
}

/// How often a byte is in what a command writes.
fn counted(command: &[std::ffi::OsString], wanted: u8) -> anyhow::Result<u64> {
    written(command, |bytes| bytes.iter().filter(|byte| **byte == wanted).count() as u64)
}

/// How many values of the map `bpftool` shows: the formatted ones have the word
/// `packets` once each.
fn values_of(command: &[std::ffi::OsString]) -> anyhow::Result<u64> {
    let mut child = start(command)?;
    let out = child.stdout.take().context("no output")?;
    let mut found = 0;
    for part in BufReader::new(out).split(b'}') {
        found += u64::from(part?.windows(9).any(|word| word == b"\"packets\""));
    }
    ensure!(child.wait()?.success(), "{command:?} failed");
    Ok(found)
}

fn written(command: &[std::ffi::OsString], count: impl Fn(&[u8]) -> u64) -> anyhow::Result<u64> {
    let mut child = start(command)?;
    let mut out = child.stdout.take().context("no output")?;
    let (mut buffer, mut found) = (vec![0; 1 << 16], 0);
    loop {
        match out.read(&mut buffer)? {
            0 => break,
            len => found += count(&buffer[..len]),
        }
    }
    ensure!(child.wait()?.success(), "{command:?} failed");
    Ok(found)
}

fn start(command: &[std::ffi::OsString]) -> anyhow::Result<std::process::Child> {
    let (program, arguments) = command.split_first().context("no command")?;
    let child = Command::new(program).args(arguments).stdout(Stdio::piped()).spawn();
    child.with_context(|| format!("{} cannot be run", program.display()))
}
