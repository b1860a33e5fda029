//! Ring buffers.

use std::time::Duration;

use aya::programs::Xdp;
use aya::{Ebpf, TestRun, TestRunOptions};
use bpfmap::{
    BpfMapValue, BtfSource, Error, Object, OpenOptions, RingBuf, Role, Unverifiable, Verification,
    WrongEvent,
};
use tokio::io::unix::AsyncFd;

use crate::support::*;

trials! {
    [Need::Bpf] => [
        events_come_in_their_order,
        a_buffer_goes_round,
        an_event_that_is_none_is_skipped,
        a_type_that_differs_is_refused,
        the_type_of_the_events_is_asked_for,
        waiting_ends_with_an_event_or_the_time,
        events_come_to_an_asynchronous_reader,
    ]
    [Need::Bpf, Need::Ids] => [
        events_of_several_types,
    ]
}

static MAPS: &[u8] = aya::include_bytes_aligned!("../bpf/maps.bpf.o");

#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct Opened {
    kind: u32,
    pid: u32,
    inode: u64,
}

#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct Closed {
    kind: u32,
    pid: u32,
}

bpfmap::events! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum FileEvent: u32 {
        1 = Opened(Opened) as "opened",
        2 = Closed(Closed) as "closed",
    }
}

fn opened(pid: u32) -> FileEvent {
    FileEvent::Opened(Opened { kind: 1, pid, inode: 77 })
}

fn closed(pid: u32) -> FileEvent {
    FileEvent::Closed(Closed { kind: 2, pid })
}

/// Runs a program so many times.
fn run(ebpf: &mut Ebpf, program: &str, times: u32) -> TestResult {
    let program: &mut Xdp = ebpf.program_mut(program).ok_or("no program")?.try_into()?;
    if program.fd().is_err() {
        program.load()?;
    }
    let packet = [0; 64];
    let options =
        TestRunOptions { data_in: Some(&packet), repeat: times, ..TestRunOptions::default() };
    program.test_run(options)?;
    Ok(())
}

fn open(ebpf: &Ebpf) -> Result<RingBuf<FileEvent>, Box<dyn std::error::Error>> {
    let object = Object::parse(MAPS)?;
    Ok(OpenOptions::new().object(&object).open(ebpf, "events")?)
}

fn events_come_in_their_order() -> TestResult {
    let mut ebpf = Ebpf::load(MAPS)?;
    let mut events = open(&ebpf)?;
    assert_eq!(events.try_next()?, None);
    run(&mut ebpf, "report", 2)?;
    let all = events.drain().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(all, [opened(1), closed(1), opened(2), closed(2)]);
    assert_eq!(events.try_next()?, None);
    Ok(())
}

/// Many times more than fit at once.
fn a_buffer_goes_round() -> TestResult {
    let mut ebpf = Ebpf::load(MAPS)?;
    let mut events = open(&ebpf)?;
    for round in 0..200 {
        run(&mut ebpf, "report", 7)?;
        let pids: Vec<_> = events
            .drain()
            .map(|event| match event {
                Ok(
                    FileEvent::Opened(Opened { pid, .. }) | FileEvent::Closed(Closed { pid, .. }),
                ) => pid,
                Err(error) => panic!("{error}"),
            })
            .collect();
        let expected: Vec<_> = (1..=7).flat_map(|n| [round * 7 + n; 2]).collect();
        assert_eq!(pids, expected);
    }
    // A full buffer drops what comes last.
    run(&mut ebpf, "report", 1000)?;
    let kept = events.drain().count();
    assert!((100..300).contains(&kept), "{kept}");
    run(&mut ebpf, "report", 1)?;
    assert_eq!(events.drain().count(), 2);
    Ok(())
}

fn events_of_several_types() -> TestResult {
    let mut ebpf = Ebpf::load(MAPS)?;
    // With the BTF of the program, without the object.
    run(&mut ebpf, "report", 1)?;
    let mut events = RingBuf::<FileEvent>::open(&ebpf, "events")?;
    let Verification::Verified { source: BtfSource::Program { .. } } = events.verification() else {
        panic!("{:?}", events.verification())
    };
    assert_eq!(events.drain().collect::<Result<Vec<_>, _>>()?, [opened(1), closed(1)]);
    // With both, that is preferred.
    let verification = open(&ebpf)?.verification();
    assert!(matches!(verification, Verification::Verified { source: BtfSource::Program { .. } }));
    // And in the object alone.
    Object::parse(MAPS)?.check::<RingBuf<FileEvent>>("events")?;
    Ok(())
}

fn an_event_that_is_none_is_skipped() -> TestResult {
    let mut ebpf = Ebpf::load(MAPS)?;
    let mut events = open(&ebpf)?;
    run(&mut ebpf, "report_unknown", 1)?;
    let mut wrong = Vec::new();
    for _ in 0..2 {
        match events.try_next() {
            Err(error @ Error::Event { wrong: what, .. }) => {
                assert!(error.to_string().contains("map `events` (id "), "{error}");
                wrong.push(what);
            }
            other => panic!("{other:?}"),
        }
    }
    let size = format!("{:?}", wrong[1]);
    assert!(matches!(wrong[0], WrongEvent::Tag { found: 3, .. }), "{wrong:?}");
    assert!(matches!(wrong[1], WrongEvent::Size { found: 8, expected: 16, .. }), "{size}");
    let Some(FileEvent::Opened(Opened { pid: 5, .. })) = events.try_next()? else { panic!() };
    assert_eq!(events.try_next()?, None);
    Ok(())
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Swapped {
    pid: u32,
    kind: u32,
    inode: u64,
}

fn a_type_that_differs_is_refused() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let object = Object::parse(MAPS)?;
    let options = OpenOptions::new().object(&object).event("opened");
    let refusal = mismatches(options.open::<RingBuf<Swapped>>(&ebpf, "events"));
    let found: Vec<_> = refusal.iter().map(|(role, found)| (role, found.path.as_str())).collect();
    assert_eq!(found, [(Role::Event, "pid"), (Role::Event, "kind")]);
    let text = refusal.to_string();
    assert!(text.starts_with("map `events` (id "), "{text}");
    assert!(text.contains("event: 2 differences between `Swapped` and `struct opened`"), "{text}");
    options.open::<RingBuf<Opened>>(&ebpf, "events")?;
    match options.event("close").open::<RingBuf<Closed>>(&ebpf, "events") {
        Err(Error::Btf { error, .. }) => {
            assert!(error.to_string().starts_with("no type `close`"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn the_type_of_the_events_is_asked_for() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let object = Object::parse(MAPS)?;
    let error = OpenOptions::new().object(&object).open::<RingBuf<Opened>>(&ebpf, "events");
    let error = error.unwrap_err();
    match &error {
        Error::Unverifiable { reason: Unverifiable::NoEventType, .. } => {}
        other => panic!("{other}"),
    }
    assert!(error.to_string().contains("OpenOptions::new().event("), "{error}");
    Ok(())
}

fn waiting_ends_with_an_event_or_the_time() -> TestResult {
    let mut ebpf = Ebpf::load(MAPS)?;
    let mut events = open(&ebpf)?;
    assert!(!events.wait(Some(Duration::ZERO))?);
    assert!(!events.wait(Some(Duration::from_millis(1)))?);
    run(&mut ebpf, "report", 1)?;
    assert!(events.wait(Some(Duration::from_secs(60)))?);
    assert!(events.wait(None)?);
    assert!(events.wait(Some(Duration::MAX))?, "no clock goes that far");
    assert_eq!(events.drain().count(), 2);
    assert!(!events.wait(Some(Duration::ZERO))?);
    Ok(())
}

fn events_come_to_an_asynchronous_reader() -> TestResult {
    let mut ebpf = Ebpf::load(MAPS)?;
    let events = open(&ebpf)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // SAFETY: it owns its descriptor, and gives the same one at all times.
        let mut events = unsafe { AsyncFd::register(events) }?;
        let reader = async {
            let mut all = Vec::new();
            while all.len() < 2 {
                let mut guard = events.readable_mut().await?;
                all.extend(guard.get_inner_mut().drain().collect::<Result<Vec<_>, _>>()?);
                guard.clear_ready();
            }
            Ok::<_, Box<dyn std::error::Error>>(all)
        };
        let writer = async {
            tokio::task::yield_now().await;
            run(&mut ebpf, "report", 1)
        };
        let (all, written) = tokio::join!(reader, writer);
        written?;
        assert_eq!(all?, [opened(1), closed(1)]);
        Ok(())
    })
}
