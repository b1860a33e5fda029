//! Walks while eight threads and a program write and remove entries.
//!
//! `BPFMAP_CHURN_SECONDS=60` makes it a minute.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aya::programs::Xdp;
use aya::{EbpfLoader, TestRun, TestRunOptions};
use bpfmap::{Error, HashMap, fault};

use crate::support::*;

trials! {
    [Need::Bpf] => [
        a_walk_sees_what_stays,
        a_walk_one_by_one_ends,
        a_dump_ends,
    ]
}

static MAPS: &[u8] = aya::include_bytes_aligned!("../bpf/maps.bpf.o");

/// Keys that are never removed; `STABLE` of the program.
const STABLE: u32 = 1000;
/// Keys behind them, which come and go; `CHURNED` of the program.
const CHURNED: u32 = 8000;
/// How many entries the map can hold: more than there are keys, so it is never
/// full.
const CAPACITY: u32 = 16384;
const THREADS: u32 = 8;

type Map = HashMap<u32, u64>;

/// What the program writes too.
fn value_of(key: u32) -> u64 {
    u64::from(key) << 32 | u64::from(!key)
}

/// How long all tests take together.
fn duration() -> Result<Duration, Box<dyn std::error::Error>> {
    let seconds = match std::env::var("BPFMAP_CHURN_SECONDS") {
        Ok(seconds) => seconds.parse::<u32>()?,
        Err(_) => 3,
    };
    Ok(Duration::from_secs(seconds.into()))
}

/// Tells the writers to stop, also when a walk panics.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Writes and removes entries until it is told to stop; how many.
fn write(map: &Map, seed: u32, stop: &AtomicBool) -> Result<u64, Error> {
    let (mut random, mut written) = (seed, 0);
    while !stop.load(Ordering::Relaxed) {
        // Marsaglia's xorshift.
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let key = STABLE + random % CHURNED;
        match random >> 31 {
            0 => map.insert(&key, &value_of(key))?,
            _ => map.remove(&key).map(drop)?,
        }
        written += 1;
    }
    Ok(written)
}

/// Has `walk` walk again and again, for a third of the time, while others write.
fn churn(mut walk: impl FnMut(&Map)) -> TestResult {
    let mut ebpf = EbpfLoader::new().map_max_entries("large", CAPACITY).load(MAPS)?;
    let map = with_object::<Map>(MAPS, &ebpf, "large")?;
    let stable: Vec<_> = (0..STABLE).collect();
    let values: Vec<_> = stable.iter().copied().map(value_of).collect();
    map.insert_batch(&stable, &values)?;
    let program: &mut Xdp = ebpf.program_mut("churn").ok_or("no program")?.try_into()?;
    program.load()?;
    let program = &*program;

    let end = Instant::now() + duration()? / 3;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let stops = Stop(&stop);
        let (map, stop) = (&map, &stop);
        let writers: Vec<_> = (1..=THREADS)
            .map(|seed| scope.spawn(move || write(map, seed.wrapping_mul(0x9e37_79b9), stop)))
            .collect();
        let runs = scope.spawn(|| {
            let mut runs = 0;
            while !stop.load(Ordering::Relaxed) {
                let options = TestRunOptions {
                    data_in: Some(&[0; 64]),
                    repeat: 10_000,
                    ..TestRunOptions::default()
                };
                program.test_run(options)?;
                runs += 1;
            }
            Ok::<_, aya::programs::ProgramError>(runs)
        });
        while Instant::now() < end {
            walk(map);
        }
        drop(stops);
        for writer in writers {
            assert_ne!(writer.join().expect("it does not panic")?, 0);
        }
        assert_ne!(runs.join().expect("it does not panic")?, 0);
        Ok(())
    })
}

fn a_walk_sees_what_stays() -> TestResult {
    let mut walks = 0;
    churn(|map| {
        let mut seen = [false; (STABLE + CHURNED) as usize];
        for entry in map.iter() {
            let (key, value) = entry.unwrap();
            assert_eq!(value, value_of(key), "the value of {key}");
            // So there are never more than there are keys.
            let before = std::mem::replace(&mut seen[key as usize], true);
            assert!(!before, "{key} twice");
        }
        let stable = &seen[..STABLE as usize];
        assert_eq!(stable.iter().position(|seen| !seen), None, "not seen in walk {walks}");
        walks += 1;
    })?;
    assert_ne!(walks, 0);
    Ok(())
}

/// Without batches the kernel begins again when the key to go on from is gone.
/// What the walk sees then is not promised, and a value may be another key's, as
/// the kernel reads it without a lock; but it ends.
fn a_walk_one_by_one_ends() -> TestResult {
    let (mut whole, mut again) = (0, 0);
    churn(|map| {
        let walk = || {
            let mut steps = 0;
            for entry in map.iter() {
                steps += 1;
                assert!(steps <= CAPACITY + 2, "it is endless");
                match entry {
                    Ok((key @ ..STABLE, value)) => assert_eq!(value, value_of(key)),
                    Ok((key, _)) => assert!(key < STABLE + CHURNED, "{key}"),
                    Err(Error::Kernel(error)) if error.errno() == libc::EAGAIN => return false,
                    Err(error) => panic!("{error}"),
                }
            }
            true
        };
        let without_batches = |command: &str| command.contains("BATCH").then_some(libc::EINVAL);
        match fault::with(without_batches, walk) {
            true => whole += 1,
            false => again += 1,
        }
    })?;
    assert_ne!(whole + again, 0);
    Ok(())
}

/// A dump takes no locks: an entry that stays may be missed, when it is behind one
/// that is removed, and the value of one that comes or goes may be another's.
fn a_dump_ends() -> TestResult {
    let (mut dumps, mut seen, mut missed) = (0, 0, 0);
    churn(|map| {
        let mut stays = [false; STABLE as usize];
        let entries = map.dump().unwrap();
        assert!(entries.len() <= CAPACITY as usize, "{}", entries.len());
        for (key, value) in entries {
            assert!(key < STABLE + CHURNED, "{key}");
            if let Some(stays) = stays.get_mut(key as usize) {
                assert_eq!(value, value_of(key), "the value of {key}");
                *stays = true;
            }
        }
        let found = stays.iter().filter(|stays| **stays).count();
        seen += found;
        missed += stays.len() - found;
        dumps += 1;
    })?;
    assert_ne!(dumps, 0);
    // None is the rule.
    assert!(missed <= seen / 1000, "{missed} missed in {dumps} dumps, {seen} seen");
    Ok(())
}
