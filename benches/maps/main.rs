//! What operations on maps cost, beside aya's, beside the bare system calls and,
//! with the feature `libbpf-rs`, beside that.
//!
//! `cargo bench -p bpfmap-benches --bench maps [-- NAME...]`, as root; a name is a
//! part of a title. All are measured in one run, and the ratios are printed at its
//! end. `BPFMAP_FOUR_MILLION=1` walks over four million entries too, which needs 2 GB.

#[path = "../flows.rs"]
mod flows;
mod iterator;
mod ring;
mod system_calls;
mod turns;
mod walks;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use aya::maps::MapData;
use aya::{Ebpf, EbpfLoader};
use bpfmap::{Array, Be16, Be32, BpfMapValue, HashMap, Pad};

use flows::{FlowKey, FlowStats, OBJECT as FLOWS};
use system_calls::SystemCalls;
use turns::{Effort, Goal, Summary, Way};

/// The compiled `maps.bpf.c`: a map of each type.
static MAPS: &[u8] = aya::include_bytes_aligned!("../../tests/bpf/maps.bpf.o");

/// `struct count` of the C program.
#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Count {
    packets: u32,
    last: u16,
    pad: Pad<2>,
}

type Flows = HashMap<FlowKey, FlowStats>;
type AyaFlows = aya::maps::HashMap<MapData, FlowKey, FlowStats>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", format!("{error:#}").replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let mut bench = Bench::from_arguments();
    bench.entries()?;
    bench.walks()?;
    bench.beyond_batches()?;
    bench.bulk()?;
    bench.memory()?;
    bench.ring()?;
    if bench.measures {
        bench.summary.print();
    }
    Ok(())
}

struct Bench {
    /// Whether it measures, rather than tries.
    measures: bool,
    names: Vec<String>,
    summary: Summary,
}

/// The map `flows`, with room for that many entries, as bpfmap and as aya open
/// it.
fn flows(entries: u32) -> anyhow::Result<(Flows, AyaFlows)> {
    // The kernel's BTF is not needed, and takes a while.
    let mut ebpf = EbpfLoader::new()
        .btf(None)
        .map_max_entries("flows", entries)
        .load(FLOWS)
        .context("BPF cannot be used here")?;
    let typed = Flows::open(&ebpf, "flows")?;
    let map = ebpf.take_map("flows").context("no map")?;
    Ok((typed, AyaFlows::try_from(map)?))
}

fn keys(count: u32) -> Vec<FlowKey> {
    let key = |n: u32| FlowKey {
        saddr: Be32::new(n),
        daddr: Be32::new(!n),
        sport: Be16::new(443),
        dport: Be16::new(53),
        proto: 17,
        pad: Pad::default(),
    };
    (0..count).map(key).collect()
}

fn values(count: u32) -> Vec<FlowStats> {
    (0..count.into()).map(|n| FlowStats { packets: n, bytes: n * 64 }).collect()
}

impl Bench {
    fn from_arguments() -> Self {
        let arguments = || std::env::args().skip(1);
        let given = |option: &str| arguments().any(|argument| argument == option);
        let names = arguments().filter(|argument| !argument.starts_with('-')).collect();
        Self { measures: given("--bench") && !given("--test"), names, summary: Summary::default() }
    }

    fn wants(&self, title: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| title.contains(name.as_str()))
    }

    fn compare(
        &mut self,
        title: &str,
        units: u64,
        milliseconds: u64,
        rounds: usize,
        ways: Vec<Way<'_>>,
    ) {
        if !self.wants(title) {
            return;
        }
        let (turn, rounds) = match self.measures {
            true => (Duration::from_millis(milliseconds), rounds),
            false => (Duration::ZERO, 1),
        };
        self.summary.add(title, units, Effort { turn, rounds }, ways);
    }

    /// One entry at a time.
    fn entries(&mut self) -> anyhow::Result<()> {
        const ENTRIES: u32 = 1000;
        let (map, mut aya) = flows(ENTRIES)?;
        let bare = SystemCalls::on(&map);
        let (keys, values) = (keys(ENTRIES), values(ENTRIES));
        map.insert_batch(&keys, &values)?;

        self.compare("get", ENTRIES.into(), 4, 201, {
            let aya = &aya;
            vec![
                Way::new("bpfmap", || {
                    for key in &keys {
                        black_box(map.get(black_box(key)).unwrap().unwrap());
                    }
                }),
                Way::new("the system call", || {
                    for key in &keys {
                        black_box(bare.lookup(black_box(key)).unwrap());
                    }
                })
                .goal(Goal::AtMost(1.02)),
                Way::new("aya", || {
                    for key in &keys {
                        black_box(aya.get(black_box(key), 0).unwrap());
                    }
                })
                .goal(Goal::AtMost(1.0)),
            ]
        });

        let entries = || keys.iter().zip(&values);
        self.compare("insert", ENTRIES.into(), 4, 201, {
            let aya = &mut aya;
            vec![
                Way::new("bpfmap", || {
                    entries().for_each(|(key, value)| map.insert(key, black_box(value)).unwrap());
                }),
                Way::new("the system call", || {
                    entries().for_each(|(key, value)| assert!(bare.update(key, black_box(value))));
                })
                .goal(Goal::AtMost(1.02)),
                Way::new("aya", || {
                    entries()
                        .for_each(|(key, value)| aya.insert(key, black_box(value), 0).unwrap());
                })
                .goal(Goal::AtMost(1.0)),
            ]
        });

        let fill = || map.insert_batch(&keys, &values).unwrap();
        self.compare("remove", ENTRIES.into(), 4, 201, {
            let aya = &mut aya;
            vec![
                Way::timed("bpfmap", |times| {
                    repeat(times, fill, || {
                        keys.iter().for_each(|key| assert!(map.remove(key).unwrap()))
                    })
                }),
                Way::timed("the system call", |times| {
                    repeat(times, fill, || keys.iter().for_each(|key| assert!(bare.delete(key))))
                })
                .goal(Goal::AtMost(1.02)),
                Way::timed("aya", |times| {
                    repeat(times, fill, || keys.iter().for_each(|key| aya.remove(key).unwrap()))
                })
                .goal(Goal::AtMost(1.0)),
            ]
        });
        Ok(())
    }

    /// Many entries into an empty map.
    fn bulk(&mut self) -> anyhow::Result<()> {
        const ENTRIES: u32 = 10_000;
        let (map, mut aya) = flows(ENTRIES)?;
        let bare = SystemCalls::on(&map);
        let (keys, values) = (keys(ENTRIES), values(ENTRIES));
        let empty = || assert!(map.remove_batch(&keys).is_ok());
        let ways = vec![
            Way::timed("bpfmap", |times| {
                repeat(times, empty, || map.insert_batch(&keys, &values).unwrap())
            }),
            Way::timed("one system call", |times| {
                repeat(times, empty, || assert!(bare.update_batch(&keys, &values)))
            })
            .goal(Goal::AtMost(1.05)),
            Way::timed("aya, one by one", |times| {
                repeat(times, empty, || {
                    for (key, value) in keys.iter().zip(&values) {
                        aya.insert(key, value, 0).unwrap();
                    }
                })
            })
            .goal(Goal::TimesFaster(2.4)),
        ];
        self.compare("insert of 10000 entries", ENTRIES.into(), 4, 101, ways);
        Ok(())
    }

    /// An array in memory.
    fn memory(&mut self) -> anyhow::Result<()> {
        let mut ebpf = Ebpf::load(MAPS)?;
        let array = Array::<Count>::open(&ebpf, "mapped")?;
        let memory = array.map_memory()?;
        let aya = ebpf.take_map("mapped").context("no map")?;
        let aya = aya::maps::Array::<_, Count>::try_from(aya)?;
        let indexes = || 0..black_box(array.len());
        let ways = vec![
            Way::new("bpfmap, in memory", || {
                for index in indexes() {
                    black_box(memory.get(black_box(index)).unwrap());
                }
            }),
            Way::new("bpfmap, a lookup", || {
                for index in indexes() {
                    black_box(array.get(black_box(index)).unwrap().unwrap());
                }
            })
            .goal(Goal::TimesFaster(50.0)),
            Way::new("aya, a lookup", || {
                for index in indexes() {
                    black_box(aya.get(black_box(&index), 0).unwrap());
                }
            })
            .goal(Goal::TimesFaster(50.0)),
        ];
        self.compare("read of an array", array.len().into(), 2, 101, ways);
        Ok(())
    }

    /// The events of a full ring buffer.
    fn ring(&mut self) -> anyhow::Result<()> {
        const TITLE: &str = "drain of a ring buffer";
        if !self.wants(TITLE) {
            return Ok(());
        }
        let (typed, mut typed_events) = ring::typed()?;
        let (by_hand, mut by_hand_events) = ring::aya()?;
        let (bytes, mut bytes_events) = ring::aya()?;
        let ways = vec![
            Way::timed("bpfmap", |times| {
                repeat(times, || typed.fill(), || ring::drain_typed(&mut typed_events))
            }),
            Way::timed("aya, of the same types by hand", |times| {
                repeat(times, || by_hand.fill(), || ring::drain_by_hand(&mut by_hand_events))
            })
            .goal(Goal::AtMost(1.0)),
            Way::timed("aya, bytes", |times| {
                repeat(times, || bytes.fill(), || ring::drain_bytes(&mut bytes_events))
            }),
        ];
        self.compare(TITLE, ring::EVENTS.into(), 2, 51, ways);
        Ok(())
    }
}

/// How long it takes to do `body` so many times, without what is done before
/// each.
fn repeat(times: u64, mut before: impl FnMut(), mut body: impl FnMut()) -> Duration {
    (0..times)
        .map(|_| {
            before();
            let start = Instant::now();
            body();
            start.elapsed()
        })
        .sum()
}
