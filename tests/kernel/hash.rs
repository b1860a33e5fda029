//! Operations on hash maps.

use std::collections::HashMap as StdMap;

use aya::Ebpf;
use bpfmap::{Error, HashMap, KernelError};

use crate::features::TAKE;
use crate::support::*;

trials! {
    [Need::Bpf] => [
        entries_come_and_go,
        conditional_writes_say_why_they_did_nothing,
        a_full_map_says_so,
        walks_see_every_entry,
        what_the_program_wrote_is_read,
        a_frozen_map_says_that_it_is,
    ]
    [Need::Bpf, TAKE] => [take_removes_what_it_returns]
}

fn hash() -> Result<HashMap<Key, Value>, Box<dyn std::error::Error>> {
    Ok(with_object(KINDS, &Ebpf::load(KINDS)?, "hash")?)
}

fn entries_come_and_go() -> TestResult {
    let map = hash()?;
    assert_eq!(map.get(&key(1))?, None);
    assert!(!map.contains_key(&key(1))?);
    map.insert(&key(1), &value(10))?;
    assert_eq!(map.get(&key(1))?, Some(value(10)));
    assert!(map.contains_key(&key(1))?);
    map.insert(&key(1), &value(11))?;
    assert_eq!(map.get(&key(1))?, Some(value(11)));
    assert!(map.remove(&key(1))?);
    assert!(!map.remove(&key(1))?);
    assert_eq!(map.get(&key(1))?, None);
    Ok(())
}

fn conditional_writes_say_why_they_did_nothing() -> TestResult {
    let map = hash()?;
    match map.replace(&key(1), &value(1)) {
        Err(Error::KeyMissing { map }) => assert_eq!(map.name, "hash"),
        other => panic!("{other:?}"),
    }
    assert_eq!(map.get(&key(1))?, None);
    map.insert_new(&key(1), &value(1))?;
    match map.insert_new(&key(1), &value(2)) {
        Err(Error::KeyExists { map }) => assert_eq!(map.name, "hash"),
        other => panic!("{other:?}"),
    }
    assert_eq!(map.get(&key(1))?, Some(value(1)));
    map.replace(&key(1), &value(3))?;
    assert_eq!(map.get(&key(1))?, Some(value(3)));
    Ok(())
}

fn take_removes_what_it_returns() -> TestResult {
    let map = hash()?;
    assert_eq!(map.take(&key(1))?, None);
    map.insert(&key(1), &value(5))?;
    assert_eq!(map.take(&key(1))?, Some(value(5)));
    assert_eq!(map.take(&key(1))?, None);
    Ok(())
}

fn a_full_map_says_so() -> TestResult {
    let map = with_object::<HashMap<u32, u32>>(KINDS, &Ebpf::load(KINDS)?, "small")?;
    map.insert(&1, &1)?;
    map.insert(&2, &2)?;
    let error = map.insert(&3, &3).unwrap_err();
    assert!(matches!(error, Error::Full { max_entries: 2, .. }), "{error}");
    // What is there can still be written.
    map.insert(&2, &20)?;
    assert_eq!(map.get(&2)?, Some(20));
    Ok(())
}

fn walks_see_every_entry() -> TestResult {
    let map = hash()?;
    assert_eq!(map.iter().count(), 0);
    // More than one batch, and not a multiple of one.
    let expected: StdMap<Key, Value> = (0..3001).map(|n| (key(n), value(n.into()))).collect();
    for (key, value) in &expected {
        map.insert(key, value)?;
    }
    let entries = map.iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(entries.len(), expected.len());
    assert_eq!(entries.into_iter().collect::<StdMap<_, _>>(), expected);
    let mut keys = map.keys().collect::<Result<Vec<_>, _>>()?;
    keys.sort();
    assert_eq!(keys, (0..3001).map(key).collect::<Vec<_>>());
    let sum = map.values().try_fold(0, |sum, value| value.map(|value| sum + value.count))?;
    assert_eq!(sum, 3000 * 3001 / 2);
    let mut count = 0;
    for entry in &map {
        entry?;
        count += 1;
    }
    assert_eq!(count, 3001);
    Ok(())
}

fn what_the_program_wrote_is_read() -> TestResult {
    use aya::{TestRun, TestRunOptions};

    let mut ebpf = Ebpf::load(FLOWS)?;
    let flows = with_object::<HashMap<FlowKey, FlowStats>>(FLOWS, &ebpf, "flows")?;
    let program: &mut aya::programs::Xdp =
        ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    // Ethernet, IPv4 without options, UDP: 10.0.0.1:1000 to 10.0.0.2:53.
    let mut packet = vec![0; 12];
    packet.extend([8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend([0x03, 0xe8, 0, 53, 0, 8, 0, 0]);
    let run = TestRunOptions { data_in: Some(&packet), repeat: 5, ..TestRunOptions::default() };
    program.test_run(run)?;
    let key = FlowKey {
        saddr: 0x0a00_0001.into(),
        daddr: 0x0a00_0002.into(),
        sport: 1000.into(),
        dport: 53.into(),
        proto: 17,
        pad: bpfmap::Pad::default(),
    };
    let bytes = 5 * packet.len() as u64;
    assert_eq!(flows.get(&key)?, Some(FlowStats { packets: 5, bytes }));
    assert_eq!(flows.keys().collect::<Result<Vec<_>, _>>()?, [key]);
    Ok(())
}

fn a_frozen_map_says_that_it_is() -> TestResult {
    let map = hash()?;
    map.insert(&key(1), &value(1))?;
    bpfmap::fault::with(
        |command| (command == "BPF_MAP_UPDATE_ELEM").then_some(1),
        || match map.insert(&key(2), &value(2)) {
            Err(Error::Kernel(error)) => {
                let KernelError { meaning, .. } = &*error;
                assert_eq!(error.errno(), 1);
                assert!(meaning.contains("frozen"), "{meaning}");
            }
            other => panic!("{other:?}"),
        },
    );
    assert_eq!(map.get(&key(1))?, Some(value(1)));
    Ok(())
}
