//! Many entries at once, and what is there and what is not.

use std::os::fd::{AsFd, AsRawFd};

use aya::Ebpf;
use bpfmap::{Error, HashMap, PerCpu, fault, zeroed};

use crate::maps::Count;
use crate::support::*;

trials! {
    [Need::Bpf] => [
        many_entries_are_written_and_removed_at_once,
        as_many_values_as_keys,
        a_batch_that_ends_early_says_where,
        without_batches_it_goes_one_by_one,
        a_drain_empties_the_map,
        a_drain_that_is_dropped_leaves_the_rest,
        retain_removes_what_is_not_wanted,
        what_is_missing_and_what_is_not_expected,
        how_full_a_map_is,
        a_batch_that_fails_on_the_way_says_where,
        batches_that_are_no_more_known_go_on_one_by_one,
        a_map_is_alive_while_its_descriptor_is,
    ]
}

static MAPS: &[u8] = aya::include_bytes_aligned!("../bpf/maps.bpf.o");

/// The commands for many entries.
const BATCHES: &str = "BATCH";

fn large() -> Result<HashMap<u32, u64>, Box<dyn std::error::Error>> {
    Ok(with_object(MAPS, &Ebpf::load(MAPS)?, "large")?)
}

/// `large`, with that many entries.
fn filled(entries: u32) -> Result<HashMap<u32, u64>, Box<dyn std::error::Error>> {
    let map = large()?;
    let keys: Vec<_> = (0..entries).collect();
    let values: Vec<_> = keys.iter().map(|key| u64::from(*key) * 3).collect();
    map.insert_batch(&keys, &values)?;
    Ok(map)
}

/// On a kernel without batches.
fn without_batches<T>(body: impl FnOnce() -> T) -> T {
    fault::with(|command| command.contains(BATCHES).then_some(libc::EINVAL), body)
}

fn many_entries_are_written_and_removed_at_once() -> TestResult {
    let map = filled(100_000)?;
    assert_eq!(map.iter().count(), 100_000);
    assert_eq!(map.get(&77_777)?, Some(233_331));
    // Every other one, and as many that were never there.
    let keys: Vec<_> = (0..200_000).step_by(2).collect();
    assert_eq!(map.remove_batch(&keys)?, 50_000);
    assert_eq!(map.iter().count(), 50_000);
    map.insert_batch(&[], &[])?;
    assert_eq!(map.remove_batch(&[])?, 0);
    Ok(())
}

fn as_many_values_as_keys() -> TestResult {
    let map = large()?;
    match map.insert_batch(&[1, 2, 3], &[1]) {
        Err(Error::Lengths { keys: 3, values: 1, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(map.iter().count(), 0);
    Ok(())
}

fn a_batch_that_ends_early_says_where() -> TestResult {
    let map = with_object::<HashMap<u32, u32>>(KINDS, &Ebpf::load(KINDS)?, "small")?;
    for one_by_one in [false, true] {
        let insert = || map.insert_batch(&[1, 2, 3, 4], &[1, 2, 3, 4]);
        match if one_by_one { without_batches(insert) } else { insert() } {
            Err(error @ Error::Partial { done: 2, all: 4, .. }) => {
                let text = error.to_string();
                assert!(text.contains("`small` (id ") && text.contains("is full"), "{text}");
                assert!(text.ends_with("gone through for the first 2 of 4 entries"), "{text}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(map.drain().count(), 2);
    }
    Ok(())
}

fn without_batches_it_goes_one_by_one() -> TestResult {
    without_batches(|| {
        let map = filled(100)?;
        assert_eq!(map.occupancy()?.entries, 100);
        assert_eq!(map.remove_batch(&[3, 1000, 4])?, 2);
        assert_eq!(map.retain(|key, _| key % 2 == 0)?, 49);
        assert_eq!(map.drain().collect::<Result<Vec<_>, _>>()?.len(), 49);
        assert_eq!(map.iter().count(), 0);
        Ok(())
    })
}

fn a_drain_empties_the_map() -> TestResult {
    let map = filled(5000)?;
    let mut entries = map.drain().collect::<Result<Vec<_>, _>>()?;
    entries.sort_unstable();
    assert_eq!(entries.len(), 5000);
    assert_eq!((entries[0], entries[4999]), ((0, 0), (4999, 14997)));
    assert_eq!(map.iter().count(), 0);
    // Before Linux 5.14 one entry is read and removed in two steps.
    let map = filled(10)?;
    let old = |command: &str| {
        let new = command.contains(BATCHES) || command == "BPF_MAP_LOOKUP_AND_DELETE_ELEM";
        new.then_some(libc::EINVAL)
    };
    assert_eq!(fault::with(old, || map.drain().count()), 10);
    assert_eq!(map.iter().count(), 0);
    Ok(())
}

fn a_drain_that_is_dropped_leaves_the_rest() -> TestResult {
    let map = filled(50_000)?;
    let first = map.drain().next().ok_or("nothing")??;
    assert_eq!(map.get(&first.0)?, None);
    let left = map.iter().count();
    assert!((40_000..50_000).contains(&left), "{left}");
    Ok(())
}

fn retain_removes_what_is_not_wanted() -> TestResult {
    let map = filled(1000)?;
    assert_eq!(map.retain(|key, value| *value == u64::from(*key) * 3 && *key < 900)?, 100);
    assert_eq!(map.iter().count(), 900);
    assert_eq!(map.get(&900)?, None);
    Ok(())
}

fn what_is_missing_and_what_is_not_expected() -> TestResult {
    let map = filled(10)?;
    assert_eq!(map.missing(&[3, 10, 5, 11])?, [&10, &11]);
    assert_eq!(map.unexpected(&[0, 1, 2, 3, 4, 5, 6, 7])?.len(), 2);
    // More keys than it pays to look up one by one.
    let many: Vec<_> = (5..60_005).collect();
    let missing = map.missing(&many)?;
    assert_eq!((missing.len(), missing[0]), (59_995, &10));
    Ok(())
}

fn how_full_a_map_is() -> TestResult {
    let map = filled(25_000)?;
    let occupancy = map.occupancy()?;
    assert_eq!((occupancy.entries, occupancy.max_entries), (25_000, 100_000));
    assert!((occupancy.ratio() - 0.25).abs() < f64::EPSILON && !occupancy.is_approximate);
    let lru = with_object::<HashMap<u32, u64>>(MAPS, &Ebpf::load(MAPS)?, "lru")?;
    lru.insert(&1, &1)?;
    let occupancy = lru.occupancy()?;
    assert!(occupancy.is_approximate);
    assert_eq!(occupancy.entries, 1);
    Ok(())
}

fn a_map_is_alive_while_its_descriptor_is() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let (map, other) = (
        with_object::<HashMap<u32, u64>>(MAPS, &ebpf, "large")?,
        with_object::<HashMap<u32, u64>>(MAPS, &ebpf, "lru")?,
    );
    map.check_alive()?;
    let (descriptor, kept) = (map.as_fd().as_raw_fd(), map.as_fd().try_clone_to_owned()?);
    let replace = |with: i32| {
        // SAFETY: both are open; it is done to the map's descriptor on purpose,
        // and undone below.
        assert_eq!(unsafe { libc::dup2(with, descriptor) }, descriptor);
    };
    replace(other.as_fd().as_raw_fd());
    match map.check_alive() {
        Err(error @ Error::OtherMap { .. }) => {
            let text = error.to_string();
            assert!(text.contains("that of another map by now, `lru` (id "), "{text}");
        }
        other => panic!("{other:?}"),
    }
    let file = std::fs::File::open("/dev/null")?;
    replace(file.as_raw_fd());
    assert!(matches!(map.check_alive(), Err(Error::NotAMap { .. })));
    let error = map.get(&1).unwrap_err();
    assert!(error.to_string().contains("`large` (id "), "{error}");
    replace(kept.as_raw_fd());
    map.check_alive()?;
    let answer = |errno| {
        let rule = move |command: &str| (command == "BPF_OBJ_GET_INFO_BY_FD").then_some(errno);
        fault::with(rule, || map.check_alive())
    };
    assert!(matches!(answer(libc::EBADF), Err(Error::Closed { .. })));
    // What says nothing of the descriptor is no reason to call it something else.
    assert!(matches!(answer(libc::EPERM), Err(Error::Kernel(_))));
    Ok(())
}

/// Fails the call of that number, from 1, of a command.
fn failing(command: &'static str, number: u32, errno: i32) -> impl FnMut(&str) -> Option<i32> {
    let mut calls = 0;
    move |asked| {
        calls += u32::from(asked == command);
        (asked == command && calls == number).then_some(errno)
    }
}

fn a_batch_that_fails_on_the_way_says_where() -> TestResult {
    let map = filled(10)?;
    let keys: Vec<_> = (0..10).collect();
    let stopped = |answer: Result<(), Error>, at: usize| match answer {
        Err(error @ Error::Partial { all: 10, .. }) => {
            let text = error.to_string();
            assert!(text.contains("Cannot allocate memory"), "{text}");
            assert!(text.ends_with(&format!("for the first {at} of 10 entries")), "{text}");
        }
        other => panic!("{other:?}"),
    };
    let remove = || map.remove_batch(&keys).map(drop);
    stopped(fault::with(failing("BPF_MAP_DELETE_BATCH", 1, libc::ENOMEM), remove), 0);
    assert_eq!(map.iter().count(), 10);
    // One by one, the fourth.
    let mut fourth = failing("BPF_MAP_DELETE_ELEM", 4, libc::ENOMEM);
    let one_by_one = move |command: &str| match command {
        "BPF_MAP_DELETE_BATCH" => Some(libc::EINVAL),
        command => fourth(command),
    };
    stopped(fault::with(one_by_one, remove), 3);
    assert_eq!(map.iter().count(), 7);
    let mut sixth = failing("BPF_MAP_UPDATE_ELEM", 6, libc::ENOMEM);
    let one_by_one = move |command: &str| match command {
        "BPF_MAP_UPDATE_BATCH" => Some(524),
        command => sixth(command),
    };
    let insert = || map.insert_batch(&keys, &[1; 10]);
    stopped(fault::with(one_by_one, insert), 5);
    // One by one from behind a key that was not there.
    map.insert_batch(&keys, &[1; 10])?;
    let some = [0, 1, 99, 3, 4, 5, 6, 7, 8, 9];
    let mut batch = failing("BPF_MAP_DELETE_BATCH", 2, libc::EINVAL);
    let mut second = failing("BPF_MAP_DELETE_ELEM", 2, libc::ENOMEM);
    let rule = move |command: &str| batch(command).or_else(|| second(command));
    stopped(fault::with(rule, || map.remove_batch(&some).map(drop)), 4);
    assert_eq!(map.iter().count(), 7);
    // Keys that are not there count as done: they are passed over.
    let absent: Vec<_> = (20..30).collect();
    let mut second = failing("BPF_MAP_DELETE_BATCH", 4, libc::ENOMEM);
    let remove = || map.remove_batch(&absent).map(drop);
    stopped(fault::with(move |command: &str| second(command), remove), 3);
    Ok(())
}

/// Values for each CPU are handed to the kernel by the 512.
fn batches_that_are_no_more_known_go_on_one_by_one() -> TestResult {
    let map = with_object::<HashMap<u32, PerCpu<Count>>>(MAPS, &Ebpf::load(MAPS)?, "percpu_hash")?;
    let keys: Vec<_> = (0..700).collect();
    let values = vec![PerCpu::splat(Count { packets: 3, ..zeroed() })?; 700];
    let rule = failing("BPF_MAP_UPDATE_BATCH", 2, libc::EINVAL);
    fault::with(rule, || map.insert_batch(&keys, &values))?;
    assert_eq!(map.iter().count(), 700);
    assert_eq!(map.get(&699)?, Some(values[0].clone()));
    // And an error in the second of them counts those of the first.
    let rule = failing("BPF_MAP_UPDATE_BATCH", 2, libc::ENOMEM);
    match fault::with(rule, || map.insert_batch(&keys, &values)) {
        Err(Error::Partial { done: 512, all: 700, .. }) => {}
        other => panic!("{other:?}"),
    }
    Ok(())
}
