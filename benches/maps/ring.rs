//! A ring buffer that a program has filled.

use std::hint::black_box;

use anyhow::Context;
use aya::maps::MapData;
use aya::programs::Xdp;
use aya::{Ebpf, EbpfLoader, TestRun, TestRunOptions};
use bpfmap::{BpfMapValue, Object, OpenOptions, RingBuf};

use super::MAPS;

/// The program, how often it runs for each drain, and how many events it sends.
const REPORT: &str = "report";
const RUNS: u32 = 10_000;
pub const EVENTS: u32 = 2 * RUNS;

/// `struct opened` of the C program.
#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
pub struct Opened {
    kind: u32,
    pid: u32,
    inode: u64,
}

/// `struct closed` of the C program.
#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
pub struct Closed {
    kind: u32,
    pid: u32,
}

bpfmap::events! {
    pub enum Event: u32 {
        1 = Opened(Opened) as "opened",
        2 = Closed(Closed) as "closed",
    }
}

/// The program; each has a buffer of its own, with room for all events.
pub struct Program(Ebpf);

impl Program {
    fn load() -> anyhow::Result<Self> {
        let mut ebpf = EbpfLoader::new().btf(None).map_max_entries("events", 1 << 20).load(MAPS)?;
        let report: &mut Xdp = ebpf.program_mut(REPORT).context("no program")?.try_into()?;
        report.load()?;
        Ok(Self(ebpf))
    }

    /// Sends the events.
    pub fn fill(&self) {
        let report: &Xdp = self.0.program(REPORT).unwrap().try_into().unwrap();
        let options =
            TestRunOptions { data_in: Some(&[0; 64]), repeat: RUNS, ..TestRunOptions::default() };
        report.test_run(options).unwrap();
    }
}

pub fn typed() -> anyhow::Result<(Program, RingBuf<Event>)> {
    let program = Program::load()?;
    let object = Object::parse(MAPS)?;
    let events = OpenOptions::new().object(&object).open(&program.0, "events")?;
    Ok((program, events))
}

pub fn aya() -> anyhow::Result<(Program, aya::maps::RingBuf<MapData>)> {
    let mut program = Program::load()?;
    let events = program.0.take_map("events").context("no map")?.try_into()?;
    Ok((program, events))
}

pub fn drain_typed(events: &mut RingBuf<Event>) {
    let mut count = 0;
    while let Some(event) = events.try_next().unwrap() {
        take(event);
        count += 1;
    }
    assert_eq!(count, EVENTS);
}

/// The events, as a careful program reads them.
pub fn drain_by_hand(events: &mut aya::maps::RingBuf<MapData>) {
    let mut count = 0;
    while let Some(item) = events.next() {
        let bytes: &[u8] = &item;
        let event = match u32::from_ne_bytes(*bytes.first_chunk().unwrap()) {
            1 => {
                assert_eq!(bytes.len(), size_of::<Opened>());
                // SAFETY: as long as it, and any bytes are one.
                Event::Opened(unsafe { bytes.as_ptr().cast::<Opened>().read_unaligned() })
            }
            2 => {
                assert_eq!(bytes.len(), size_of::<Closed>());
                // SAFETY: as above.
                Event::Closed(unsafe { bytes.as_ptr().cast::<Closed>().read_unaligned() })
            }
            _ => panic!("an event of another type"),
        };
        take(event);
        count += 1;
    }
    assert_eq!(count, EVENTS);
}

/// The bytes, and not what is in them.
pub fn drain_bytes(events: &mut aya::maps::RingBuf<MapData>) {
    let mut count = 0;
    while let Some(item) = events.next() {
        black_box::<&[u8]>(&item);
        count += 1;
    }
    assert_eq!(count, EVENTS);
}

fn take(event: Event) {
    match event {
        Event::Opened(opened) => {
            black_box(opened);
        }
        Event::Closed(closed) => {
            black_box(closed);
        }
    }
}
