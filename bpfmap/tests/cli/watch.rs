//! `bpfmap watch`: its lines, and how it ends. Each test names its own maps, as others
//! are there too.

use std::io::{BufRead, BufReader, Lines, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout};

use aya::Ebpf;
use bpfmap::{AnyMap, HashMap, Loader};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::{bpfmap, command};
use crate::support::*;

trials! {
    [Need::Bpf] => [
        once_is_for_cron,
        several_maps_at_once,
        lines_for_programs,
        a_map_that_crosses_and_is_freed_is_a_line_each,
        an_interrupt_is_a_good_end,
        who_reads_no_more_ends_it,
        what_cannot_be_watched_is_refused_in_a_line,
    ]
    [Need::Bpf, Need::Bpffs] => [
        a_pin_that_vanishes_is_a_line,
    ]
}

static MAPS: &[u8] = aya::include_bytes_aligned!("../../../tests/bpf/maps.bpf.o");

pub(crate) fn id(ebpf: &Ebpf, name: &str) -> TestResult<u32> {
    Ok(AnyMap::from_fd(ebpf.map_fd(name).ok_or("no map")?)?.id())
}

fn flow(number: u16) -> FlowKey {
    FlowKey { sport: number.into(), ..bpfmap::zeroed() }
}

/// Brings a map of 1024 entries to so many.
pub(crate) fn fill(ebpf: &Ebpf, entries: u16) -> TestResult {
    let flows = HashMap::<FlowKey, FlowStats>::open(ebpf, "flows")?;
    flows.retain(|_, _| false)?;
    let keys: Vec<_> = (0..entries).map(flow).collect();
    flows.insert_batch(&keys, &vec![FlowStats::default(); keys.len()])?;
    Ok(())
}

/// A watch that runs.
pub(crate) struct Watch {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watch {
    /// Starts one that looks often; no argument holds a blank.
    pub(crate) fn start(arguments: &str) -> TestResult<Self> {
        Self::start_every("10ms", arguments)
    }

    pub(crate) fn start_every(interval: &str, arguments: &str) -> TestResult<Self> {
        let arguments = format!("watch --interval {interval} {arguments}");
        let arguments: Vec<_> = arguments.split(' ').collect();
        let mut child = command(&arguments).spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        Ok(Self { child, lines })
    }

    /// Its next line without the time.
    pub(crate) fn line(&mut self) -> TestResult<String> {
        let line = self.lines.next().ok_or("it has ended")??;
        let (time, text) = line.split_once(' ').ok_or("no time")?;
        assert!(time.ends_with('Z') && time.len() == "2026-01-01T00:00:00Z".len(), "{line}");
        Ok(text.into())
    }

    /// The next line for programs of such an event.
    fn event(&mut self, event: &str) -> TestResult<serde_json::Value> {
        loop {
            let line = self.lines.next().ok_or("it has ended")??;
            let line: serde_json::Value = serde_json::from_str(&line)?;
            if line["event"] == event {
                return Ok(line);
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn interrupt(&self, signal: Signal) -> TestResult {
        Ok(kill(Pid::from_raw(self.child.id().cast_signed()), signal)?)
    }

    /// Waits for its end; the code, and what it said of errors.
    pub(crate) fn end(mut self) -> TestResult<(Option<i32>, String)> {
        self.lines.by_ref().for_each(drop);
        let mut errors = String::new();
        self.child.stderr.take().ok_or("no errors")?.read_to_string(&mut errors)?;
        Ok((self.child.wait()?.code(), errors))
    }
}

impl Drop for Watch {
    /// A test that fails leaves none behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn once_is_for_cron() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let id = id(&ebpf, "flows")?;
    fill(&ebpf, 512)?;
    let ran = bpfmap(&format!("watch {id} --once"));
    assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{ran:?}");
    let expected = format!(" hash `flows` (id {id}): 512 of 1024 entries (50%)\n");
    assert!(ran.out.ends_with(&expected) && ran.out.lines().count() == 1, "{ran:?}");
    let ran = bpfmap(&format!("watch {id} --once --threshold 50"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let expected = format!(" hash `flows` (id {id}): above 50%: 512 of 1024 entries (50%)\n");
    assert!(ran.out.ends_with(&expected) && ran.out.lines().count() == 1, "{ran:?}");
    let ran = bpfmap(&format!("watch {id} --once --threshold 51%"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = bpfmap(&format!("watch {id} --once --threshold 50 --color always"));
    assert!(ran.out.contains("\u{1b}[1m\u{1b}[33mhash `flows`"), "{ran:?}");
    Ok(())
}

fn several_maps_at_once() -> TestResult {
    let (one, other) = (Ebpf::load(FLOWS)?, Ebpf::load(FLOWS)?);
    let (one, other) = (id(&one, "flows")?, id(&other, "flows")?);
    let ran = bpfmap(&format!("watch {one} --id {other} --once --json"));
    let ids: Vec<_> = ran.json().iter().map(|line| line["map"]["id"].clone()).collect();
    assert_eq!((ran.code, ids), (Some(0), vec![one.min(other).into(), one.max(other).into()]));
    let ran = bpfmap("watch --all --once --json");
    for id in [one, other] {
        assert!(ran.json().iter().any(|line| line["map"]["id"] == id), "{ran:?}");
    }
    Ok(())
}

fn lines_for_programs() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let id = id(&ebpf, "flows")?;
    fill(&ebpf, 1000)?;
    let ran = bpfmap(&format!("watch {id} --once --json"));
    assert_eq!((ran.code, &*ran.err), (Some(1), ""), "{ran:?}");
    let [event, counted] = &ran.json()[..] else { panic!("{ran:?}") };
    let map = serde_json::json!({ "id": id, "name": "flows", "map_type": "hash" });
    assert_eq!((&event["event"], &event["map"]), (&"above".into(), &map));
    assert_eq!(event["threshold"], 0.85);
    assert_eq!((&counted["event"], &counted["map"]), (&"counted".into(), &map));
    assert_eq!(counted["above_threshold"], true);
    let occupancy = serde_json::json!({
        "entries": 1000,
        "max_entries": 1024,
        "ratio": 0.9765625,
        "is_approximate": false,
    });
    assert_eq!((&event["occupancy"], &counted["occupancy"]), (&occupancy, &occupancy));
    Ok(())
}

fn a_map_that_crosses_and_is_freed_is_a_line_each() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let other = Ebpf::load(FLOWS)?;
    let (id, other_id) = (id(&ebpf, "flows")?, id(&other, "flows")?);
    let mut watch = Watch::start(&format!("{id} {other_id}"))?;
    let label = format!("hash `flows` (id {id})");
    for id in [id.min(other_id), id.max(other_id)] {
        assert_eq!(
            watch.line()?,
            format!("hash `flows` (id {id}): watched from now on, 0 of 1024 entries (0%)")
        );
    }
    fill(&ebpf, 900)?;
    let line = watch.line()?;
    assert!(line.starts_with(&format!("{label}: above 85%: ")), "{line}");
    fill(&ebpf, 3)?;
    let line = watch.line()?;
    assert!(
        line.starts_with(&format!("{label}: below 85% again, after less than 1 s: ")),
        "{line}"
    );
    drop(ebpf);
    assert_eq!(watch.line()?, format!("{label}: freed: nothing holds it any more"));
    // And it goes on with the others.
    fill(&other, 1024)?;
    let line = watch.line()?;
    assert!(line.contains(&format!("(id {other_id}): ")), "{line}");
    watch.interrupt(Signal::SIGINT)?;
    assert_eq!(watch.end()?, (Some(0), String::new()));
    Ok(())
}

fn an_interrupt_is_a_good_end() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let id = id(&ebpf, "flows")?;
    for (signal, interval, more) in [
        (Signal::SIGINT, "10ms", ""),
        // It does not wait for the next look.
        (Signal::SIGTERM, "1h", ""),
        (Signal::SIGHUP, "1h", " --prometheus 127.0.0.1:0"),
    ] {
        let mut watch = Watch::start_every(interval, &format!("{id}{more}"))?;
        watch.line()?;
        watch.interrupt(signal)?;
        assert_eq!(watch.end()?, (Some(0), String::new()), "{signal}");
    }
    Ok(())
}

fn who_reads_no_more_ends_it() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let id = id(&ebpf, "flows")?;
    let mut child =
        command(&["watch", "--interval", "10ms", "--verbose", &id.to_string()]).spawn()?;
    let mut out = BufReader::new(child.stdout.take().ok_or("no output")?);
    out.read_line(&mut String::new())?;
    drop(out);
    let output = child.wait_with_output()?;
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    Ok(())
}

fn what_cannot_be_watched_is_refused_in_a_line() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let array = id(&ebpf, "array")?;
    let ran = bpfmap(&format!("watch {array}"));
    let line = ran.refused();
    assert!(
        line.starts_with(&format!(
            "map `array` (id {array}) is of type array, and how full it is cannot be said: all \
             elements of an array are there from the beginning"
        )),
        "{line}"
    );
    assert_eq!(
        bpfmap("watch").refused(),
        "say which maps to watch: by name, id or pin, or with --all"
    );
    bpfmap("watch nobody_has_it").refused();
    bpfmap("watch /not/there --once").refused();
    bpfmap("watch --pin /proc/self/status").refused();
    // Not there, at the second place.
    let hash = Ebpf::load(FLOWS)?;
    bpfmap(&format!("watch {} nobody_has_it", id(&hash, "flows")?)).refused();
    // A port that is in use.
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let ran = bpfmap(&format!("watch {} --prometheus {address}", id(&hash, "flows")?));
    assert_eq!(
        ran.refused(),
        format!("the metrics cannot be served at {address}: Address already in use (os error 98)")
    );
    for wrong in ["--threshold 0", "--threshold 101", "--threshold x", "--interval 0s"] {
        let ran = bpfmap(&format!("watch --all {wrong}"));
        assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
        assert!(ran.err.starts_with("error: invalid value"), "{ran:?}");
    }
    Ok(())
}

fn a_pin_that_vanishes_is_a_line() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path: PathBuf = bpffs.path().join("another_name");
    let ebpf = Ebpf::load(FLOWS)?;
    let Some(aya::maps::Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    data.pin(&path)?;
    let mut watch = Watch::start(&format!("--json --pin {}", path.display()))?;
    // It has the kernel's name, which is that of its series too.
    let map = serde_json::json!({
        "id": id(&ebpf, "flows")?, "name": "flows", "map_type": "hash", "pin": path,
    });
    assert_eq!(watch.event("watched")?["map"], map);
    std::fs::remove_file(&path)?;
    assert_eq!(watch.event("unpinned")?["map"]["id"], id(&ebpf, "flows")?);
    // Another in its place.
    let other = Ebpf::load(FLOWS)?;
    let Some(aya::maps::Map::HashMap(data)) = other.map("flows") else { panic!("no map") };
    data.pin(&path)?;
    assert_eq!(watch.event("watched")?["map"]["id"], id(&other, "flows")?);
    watch.interrupt(Signal::SIGTERM)?;
    assert_eq!(watch.end()?.0, Some(0));
    Ok(())
}
