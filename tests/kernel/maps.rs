//! The types of maps beside the plain hash map.

use std::net::Ipv4Addr;

use aya::programs::Xdp;
use aya::{Ebpf, TestRun, TestRunOptions};
use bpfmap::{
    Array, Be32, BloomFilter, BpfMapKey, BpfMapValue, Error, Feature, HashMap, LpmTrie, MapType,
    Object, OpenOptions, Pad, PerCpu, SpinLock, Support, fault, zeroed,
};

use crate::features::{BLOOM_FILTER, TAKE, TRIE_CONDITIONS};
use crate::support::*;

trials! {
    [Need::Bpf] => [
        a_hash_map_with_a_value_for_each_cpu,
        values_for_another_number_of_cpus_are_refused,
        buffers_hold_as_many_cpus_as_are_possible,
        an_array_is_there_from_the_beginning,
        an_array_with_a_value_for_each_cpu,
        elements_beyond_the_end,
        many_elements_are_written_at_once,
        an_array_in_memory_is_what_the_program_sees,
        only_arrays_made_for_it_are_mapped,
        a_frozen_array_is_mapped_for_reading,
        the_longest_prefix_is_found,
        a_write_on_a_condition_that_does_not_count_is_refused,
        values_with_a_lock_are_written_under_it,
        a_lock_that_nothing_verifies_is_not_used,
        every_operation_asks_for_the_lock,
    ]
    [Need::Bpf, TAKE] => [take_removes_the_values_of_all_cpus]
    [Need::Bpf, TRIE_CONDITIONS] => [prefixes_are_written_on_conditions]
    [Need::Bpf, BLOOM_FILTER] => [a_bloom_filter_never_forgets]
}

pub static MAPS: &[u8] = aya::include_bytes_aligned!("../bpf/maps.bpf.o");
pub static BLOOM: &[u8] = aya::include_bytes_aligned!("../bpf/bloom.bpf.o");

#[derive(BpfMapValue, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Count {
    pub packets: u32,
    pub last: u16,
    pub pad: Pad<2>,
}

fn packets(packets: u32) -> Count {
    Count { packets, last: 9, ..Count::default() }
}

/// Loads the program and runs it so many times.
fn run(ebpf: &mut Ebpf, times: u32) -> TestResult {
    let program: &mut Xdp = ebpf.program_mut("count").ok_or("no program")?.try_into()?;
    program.load()?;
    let packet = [0; 64];
    let options =
        TestRunOptions { data_in: Some(&packet), repeat: times, ..TestRunOptions::default() };
    program.test_run(options)?;
    Ok(())
}

fn a_hash_map_with_a_value_for_each_cpu() -> TestResult {
    let mut ebpf = Ebpf::load(MAPS)?;
    for name in ["percpu_hash", "lru_percpu_hash"] {
        let map = with_object::<HashMap<u32, PerCpu<Count>>>(MAPS, &ebpf, name)?;
        let mut values = PerCpu::splat(packets(10))?;
        values.as_mut_slice()[0].packets = 7;
        map.insert(&1, &values)?;
        assert_eq!(map.get(&1)?, Some(values.clone()));
        map.insert_batch(&[2, 3], &[values.clone(), PerCpu::splat(packets(1))?])?;
        let mut entries = map.iter().collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(|(key, _)| *key);
        assert_eq!(entries.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(entries[1].1, values);
        assert_eq!(map.remove_batch(&[1, 2, 3, 4])?, 3);
    }
    let map = with_object::<HashMap<u32, PerCpu<Count>>>(MAPS, &ebpf, "percpu_hash")?;
    map.insert(&1, &PerCpu::splat(packets(0))?)?;
    run(&mut ebpf, 5)?;
    let total = map.get(&1)?.ok_or("no value")?.iter().map(|count| count.packets).sum::<u32>();
    assert_eq!(total, 10);
    // It is not a map of single values.
    match with_object::<HashMap<u32, Count>>(MAPS, &ebpf, "percpu_hash") {
        Err(Error::MapType { .. }) => Ok(()),
        other => panic!("{other:?}"),
    }
}

fn values_for_another_number_of_cpus_are_refused() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let map = with_object::<HashMap<u32, PerCpu<Count>>>(MAPS, &ebpf, "percpu_hash")?;
    let possible = PerCpu::splat(0)?.as_slice().len();
    for wrong in [0, possible + 1] {
        let values: PerCpu<Count> = std::iter::repeat_n(packets(1), wrong).collect();
        let answers = [map.insert(&1, &values), map.insert_batch(&[1], &[values])];
        for answer in answers {
            match answer {
                Err(Error::Cpus { given, possible: known, .. }) => {
                    assert_eq!((given, known), (wrong, possible));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(map.get(&1)?, None);
    Ok(())
}

fn take_removes_the_values_of_all_cpus() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    for name in ["percpu_hash", "lru_percpu_hash"] {
        let map = with_object::<HashMap<u32, PerCpu<Count>>>(MAPS, &ebpf, name)?;
        map.insert(&3, &PerCpu::splat(packets(1))?)?;
        assert_eq!(map.take(&3)?, Some(PerCpu::splat(packets(1))?));
        assert_eq!(map.take(&3)?, None);
    }
    Ok(())
}

/// As on a machine to which CPUs can be added: the kernel has a value for each of
/// those, too.
fn buffers_hold_as_many_cpus_as_are_possible() -> TestResult {
    let real = PerCpu::splat(0)?.as_slice().len();
    let ebpf = Ebpf::load(MAPS)?;
    fault::with_possible_cpus(real + 61, || {
        let map = with_object::<HashMap<u32, PerCpu<Count>>>(MAPS, &ebpf, "percpu_hash")?;
        let mut values = PerCpu::splat(packets(3))?;
        assert_eq!(values.as_slice().len(), real + 61);
        values.as_mut_slice()[0].packets = 4;
        map.insert(&1, &values)?;
        let found = map.get(&1)?.ok_or("no value")?;
        assert_eq!(found.as_slice().len(), real + 61);
        assert_eq!(found.as_slice()[..real], values.as_slice()[..real]);
        // There are no more, so the kernel has written no more.
        assert!(found.as_slice()[real..].iter().all(|count| *count == Count::default()));
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    // Not those that are online: with fewer, the kernel would write past the end.
    let possible = std::fs::read_to_string("/sys/devices/system/cpu/possible")?;
    let last: usize = possible.trim().rsplit(['-', ',']).next().unwrap_or("0").parse()?;
    assert!(real > last / 2 && real <= last + 1, "{real} of {possible}");
    Ok(())
}

fn an_array_is_there_from_the_beginning() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let array = with_object::<Array<Count>>(MAPS, &ebpf, "array")?;
    assert_eq!(array.len(), 8);
    assert_eq!(array.get(7)?, Some(Count::default()));
    array.set(3, &packets(4))?;
    let all = array.iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(all.len(), 8);
    assert_eq!((all[2], all[3]), (Count::default(), packets(4)));
    Ok(())
}

fn an_array_with_a_value_for_each_cpu() -> TestResult {
    let mut ebpf = Ebpf::load(MAPS)?;
    let array = with_object::<Array<PerCpu<Count>>>(MAPS, &ebpf, "percpu_array")?;
    run(&mut ebpf, 4)?;
    let totals = array
        .iter()
        .map(|values| values.map(|values| values.iter().map(|count| count.packets).sum::<u32>()));
    assert_eq!(totals.collect::<Result<Vec<_>, _>>()?, [0, 4, 0]);
    array.set(1, &PerCpu::splat(packets(2))?)?;
    assert_eq!(array.get(1)?, Some(PerCpu::splat(packets(2))?));
    Ok(())
}

fn elements_beyond_the_end() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let array = with_object::<Array<Count>>(MAPS, &ebpf, "array")?;
    assert_eq!(array.get(8)?, None);
    let answers = [array.set(8, &packets(1)), array.set_batch(7, &[packets(1); 2])];
    for answer in answers {
        match answer {
            Err(error @ Error::OutOfRange { index: 8, len: 8, .. }) => {
                let text = error.to_string();
                assert!(text.contains("has 8 elements, and none of index 8"), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(array.get(7)?, Some(Count::default()));
    Ok(())
}

fn many_elements_are_written_at_once() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let array = with_object::<Array<Count>>(MAPS, &ebpf, "array")?;
    array.set_batch(2, &[packets(1), packets(2)])?;
    array.set_batch(8, &[])?;
    let found = array.iter().map(|count| count.map(|count| count.packets));
    assert_eq!(found.collect::<Result<Vec<_>, _>>()?, [0, 0, 1, 2, 0, 0, 0, 0]);
    Ok(())
}

fn an_array_in_memory_is_what_the_program_sees() -> TestResult {
    let mut ebpf = Ebpf::load(MAPS)?;
    let array = with_object::<Array<Count>>(MAPS, &ebpf, "mapped")?;
    let memory = array.map_memory()?;
    drop(array);
    assert_eq!((memory.len(), memory.is_writable()), (1000, true));
    memory.set(1, &packets(100))?;
    memory.set(999, &packets(5))?;
    run(&mut ebpf, 2)?;
    assert_eq!(memory.get(1), Some(packets(106)));
    assert_eq!(memory.get(1000), None);
    assert!(matches!(memory.set(1000, &packets(1)), Err(Error::OutOfRange { .. })));
    let array = with_object::<Array<Count>>(MAPS, &ebpf, "mapped")?;
    assert_eq!(array.get(999)?, Some(packets(5)));
    let sum: u32 = memory.iter().map(|count| count.packets).sum();
    assert_eq!(sum, 111);
    Ok(())
}

fn only_arrays_made_for_it_are_mapped() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let error =
        with_object::<Array<Count>>(MAPS, &ebpf, "array")?.map_memory().unwrap_err().to_string();
    assert!(error.contains("`array` (id ") && error.contains("BPF_F_MMAPABLE"), "{error}");
    Ok(())
}

fn a_frozen_array_is_mapped_for_reading() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let array = with_object::<Array<Count>>(MAPS, &ebpf, "mapped")?;
    array.set(2, &packets(3))?;
    crate::raw::freeze(&array)?;
    let memory = array.map_memory()?;
    assert!(!memory.is_writable());
    assert_eq!(memory.get(2), Some(packets(3)));
    match memory.set(2, &packets(4)) {
        Err(Error::ReadOnlyMemory { .. }) => Ok(()),
        other => panic!("{other:?}"),
    }
}

#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Prefix {
    pub prefixlen: u32,
    pub addr: Be32,
}

pub fn prefix(prefixlen: u32, addr: [u8; 4]) -> Prefix {
    Prefix { prefixlen, addr: Ipv4Addr::from(addr).into() }
}

fn the_longest_prefix_is_found() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let routes = with_object::<LpmTrie<Prefix, u32>>(MAPS, &ebpf, "routes")?;
    let (all, ten, one) = (prefix(0, [0; 4]), prefix(8, [10, 0, 0, 0]), prefix(16, [10, 1, 0, 0]));
    routes.insert_batch(&[all, ten], &[0, 8])?;
    routes.insert(&one, &16)?;
    let found = |addr| routes.longest_match(&prefix(32, addr));
    assert_eq!(found([10, 1, 2, 3])?, Some(16));
    assert_eq!(found([10, 2, 2, 3])?, Some(8));
    assert_eq!(found([11, 1, 2, 3])?, Some(0));
    let absent = prefix(24, [10, 1, 1, 0]);
    assert!(!routes.remove(&absent)?);
    routes.insert(&absent, &24)?;
    match routes.insert(&prefix(32, [1, 1, 1, 1]), &1) {
        Err(Error::Full { max_entries: 4, .. }) => {}
        other => panic!("{other:?}"),
    }
    let mut values = routes.values().collect::<Result<Vec<_>, _>>()?;
    values.sort_unstable();
    assert_eq!(values, [0, 8, 16, 24]);
    assert_eq!(routes.remove_batch(&[all, prefix(1, [0; 4]), one])?, 2);
    assert_eq!(routes.keys().count(), 2);
    Ok(())
}

fn prefixes_are_written_on_conditions() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let routes = with_object::<LpmTrie<Prefix, u32>>(MAPS, &ebpf, "routes")?;
    let (there, absent) = (prefix(8, [10, 0, 0, 0]), prefix(16, [10, 1, 0, 0]));
    routes.insert_new(&there, &8)?;
    assert!(matches!(routes.insert_new(&there, &1), Err(Error::KeyExists { .. })));
    assert!(matches!(routes.replace(&absent, &1), Err(Error::KeyMissing { .. })));
    assert_eq!(routes.longest_match(&there)?, Some(8));
    routes.replace(&there, &9)?;
    assert_eq!(routes.iter().collect::<Result<Vec<_>, _>>()?, [(there, 9)]);
    Ok(())
}

/// Older kernels take them for any other write.
fn a_write_on_a_condition_that_does_not_count_is_refused() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let routes = with_object::<LpmTrie<Prefix, u32>>(MAPS, &ebpf, "routes")?;
    let there = prefix(8, [10, 0, 0, 0]);
    routes.insert(&there, &8)?;
    if Feature::TrieConditions.probe() == Support::Yes {
        assert!(matches!(routes.insert_new(&there, &1), Err(Error::KeyExists { .. })));
    } else {
        for answer in [routes.insert_new(&there, &1), routes.replace(&there, &1)] {
            let error = answer.unwrap_err().to_string();
            assert!(error.contains("map `routes` (id ") && error.contains("since 6.13"), "{error}");
        }
    }
    assert_eq!(routes.longest_match(&there)?, Some(8));
    Ok(())
}

fn a_bloom_filter_never_forgets() -> TestResult {
    let ebpf = Ebpf::load(BLOOM)?;
    let seen = with_object::<BloomFilter<Prefix>>(BLOOM, &ebpf, "seen")?;
    for last in 0..100 {
        seen.insert(&prefix(32, [10, 0, 0, last]))?;
    }
    for last in 0..100 {
        assert!(seen.may_contain(&prefix(32, [10, 0, 0, last]))?);
    }
    let mut wrong = 0;
    for last in 0..100 {
        wrong += usize::from(seen.may_contain(&prefix(32, [11, 0, 0, last]))?);
    }
    assert!(wrong < 50, "{wrong} of 100");
    Ok(())
}

#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Locked {
    lock: SpinLock,
    low: u32,
    high: u64,
}

/// Two threads write pairs that agree; a third never sees one that does not.
fn values_with_a_lock_are_written_under_it() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let (map, array) = (
        with_object::<HashMap<u32, Locked>>(MAPS, &ebpf, "locked")?,
        with_object::<Array<Locked>>(MAPS, &ebpf, "locked_array")?,
    );
    let pair = |n: u32| Locked { low: n, high: u64::from(n) << 32 | u64::from(n), ..zeroed() };
    map.insert(&1, &pair(0))?;
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (map, array) = (&map, &array);
            scope.spawn(move || {
                for n in 0..5000 {
                    map.insert(&1, &pair(n * 2 + thread)).unwrap();
                    map.insert_batch(&[1], &[pair(n * 2 + thread)]).unwrap();
                    array.set(1, &pair(n * 2 + thread)).unwrap();
                }
            });
        }
        for _ in 0..5000 {
            let mut values = vec![map.get(&1).unwrap().unwrap(), array.get(1).unwrap().unwrap()];
            // In batches too.
            values.extend(map.values().map(Result::unwrap));
            values.extend(array.iter().map(Result::unwrap));
            for Locked { low, high, .. } in values {
                assert_eq!(high, u64::from(low) << 32 | u64::from(low));
            }
        }
    });
    Ok(())
}

/// The kernel refuses the flag for a map in which it knows of no lock, and so shows
/// who gives it: all that reads or writes a value.
fn every_operation_asks_for_the_lock() -> TestResult {
    let object = Object::parse(MAPS)?;
    let lockless = |map_type: MapType, name| -> TestResult<std::os::fd::OwnedFd> {
        let (key_size, value_size, max_entries) = (4, 16, 4);
        let map_type = map_type.as_raw();
        let create = crate::raw::Create {
            map_type,
            name,
            key_size,
            value_size,
            max_entries,
            map_flags: 0,
            btf: None,
            inner: None,
        };
        Ok(create.create()?)
    };
    let options = OpenOptions::new().object(&object);
    let fd = lockless(MapType::HASH, "locked")?;
    let plain: HashMap<u32, Locked> = OpenOptions::new().allow_sizes_only(true).from_fd(&fd)?;
    plain.insert(&1, &zeroed())?;
    let map: HashMap<u32, Locked> = options.name("locked").from_fd(&fd)?;
    let fd = lockless(MapType::ARRAY, "locked_array")?;
    let array: Array<Locked> = options.name("locked_array").from_fd(&fd)?;
    let value: Locked = zeroed();
    let answers = [
        ("get", map.get(&1).map(drop)),
        ("contains_key", map.contains_key(&1).map(drop)),
        ("insert", map.insert(&1, &value)),
        ("insert_new", map.insert_new(&2, &value)),
        ("replace", map.replace(&1, &value)),
        ("take", map.take(&1).map(drop)),
        ("insert_batch", map.insert_batch(&[1, 2], &[value; 2])),
        ("iter", map.iter().collect::<Result<Vec<_>, _>>().map(drop)),
        ("drain", map.drain().collect::<Result<Vec<_>, _>>().map(drop)),
        ("array get", array.get(1).map(drop)),
        ("array set", array.set(1, &value)),
        ("array set_batch", array.set_batch(0, &[value; 2])),
        ("array iter", array.iter().collect::<Result<Vec<_>, _>>().map(drop)),
    ];
    for (operation, answer) in answers {
        let error = match answer {
            Err(Error::Partial { error, .. }) => *error,
            Err(error) => error,
            Ok(()) => panic!("{operation} goes without the lock"),
        };
        assert!(matches!(&error, Error::Kernel(error) if error.errno() == libc::EINVAL), "{error}");
    }
    // To remove an entry takes no lock.
    assert!(map.remove(&1)?);
    Ok(())
}

/// The kernel refuses the flag for a map in which it knows of no lock.
fn a_lock_that_nothing_verifies_is_not_used() -> TestResult {
    let fd = crate::raw::Create {
        map_type: bpfmap::MapType::HASH.as_raw(),
        name: "plain",
        key_size: 4,
        value_size: 16,
        max_entries: 1,
        map_flags: 0,
        btf: None,
        inner: None,
    }
    .create()?;
    let options = OpenOptions::new().allow_sizes_only(true);
    let map: HashMap<u32, Locked> = options.from_fd(&fd)?;
    map.insert(&1, &zeroed())?;
    assert!(map.get(&1)?.is_some());
    // The object is asked for what it knows.
    assert!(Object::parse(MAPS)?.check::<HashMap<u32, Locked>>("locked").is_ok());
    Ok(())
}
