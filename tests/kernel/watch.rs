//! How full maps of any type are, and which maps a watch sees come and go.

use std::os::fd::{AsRawFd, OwnedFd};

use bpfmap::watch::{Reading, Sample, Targets};
use bpfmap::{AnyMap, Error, HashMap, MapType, OpenOptions};

use crate::raw::{self, Create};
use crate::support::*;

trials! {
    [Need::Bpf] => [
        every_type_is_counted_or_refused_with_a_reason,
        a_map_of_maps_is_counted_by_what_is_in_it,
        keys_are_counted_where_values_cannot_be_read,
    ]
    [Need::Bpf, Need::Ids] => [
        a_watch_does_not_keep_a_map,
        a_name_goes_on_with_the_next_map,
        what_cannot_be_counted_is_said_by_the_sample,
        all_maps_are_those_that_can_be_counted,
    ]
    [Need::Bpf, Need::Bpffs] => [
        a_pin_goes_on_with_the_next_map,
        a_map_that_is_found_twice_is_counted_once,
    ]
}

fn made(map_type: MapType, name: &str, max_entries: u32) -> TestResult<OwnedFd> {
    let create = Create {
        map_type: map_type.as_raw(),
        name,
        key_size: 4,
        value_size: 4,
        max_entries,
        map_flags: 0,
        btf: None,
        inner: None,
    };
    Ok(create.create()?)
}

fn writable(map: &OwnedFd) -> TestResult<HashMap<u32, u32>> {
    Ok(OpenOptions::new().allow_sizes_only(true).from_fd(map)?)
}

fn id(map: &OwnedFd) -> TestResult<u32> {
    Ok(AnyMap::from_fd(map)?.id())
}

/// The kernel frees a map a moment after the last who held it.
fn wait_until_freed(id: u32) {
    while AnyMap::from_id(id).is_ok() {
        std::thread::yield_now();
    }
}

fn entries(sample: &Sample) -> Option<u64> {
    match &sample.reading {
        Reading::Counted(occupancy) => Some(occupancy.entries),
        _ => None,
    }
}

/// Small maps are walked over, large ones the kernel counts.
fn every_type_is_counted_or_refused_with_a_reason() -> TestResult {
    for map_type in
        [MapType::HASH, MapType::PERCPU_HASH, MapType::LRU_HASH, MapType::LRU_PERCPU_HASH]
    {
        for max_entries in [64, 10_000] {
            let map = made(map_type, "counted", max_entries)?;
            let any = AnyMap::from_fd(&map)?;
            assert_eq!(any.occupancy()?.entries, 0);
            let is_per_cpu = matches!(map_type, MapType::PERCPU_HASH | MapType::LRU_PERCPU_HASH);
            match is_per_cpu {
                true => {
                    let map: HashMap<u32, bpfmap::PerCpu<u32>> =
                        OpenOptions::new().allow_sizes_only(true).from_fd(&map)?;
                    map.insert(&1, &bpfmap::PerCpu::splat(7u32)?)?;
                    map.insert(&2, &bpfmap::PerCpu::splat(7u32)?)?;
                }
                false => {
                    let map = writable(&map)?;
                    map.insert(&1, &7)?;
                    map.insert(&2, &7)?;
                }
            }
            let occupancy = any.occupancy()?;
            assert_eq!((occupancy.entries, occupancy.max_entries), (2, max_entries), "{map_type}");
            let is_lru = matches!(map_type, MapType::LRU_HASH | MapType::LRU_PERCPU_HASH);
            assert_eq!(occupancy.is_approximate, is_lru, "{map_type}");
        }
    }
    for map_type in [MapType::ARRAY, MapType::PERCPU_ARRAY, MapType::PROG_ARRAY] {
        let any = AnyMap::from_fd(made(map_type, "refused", 4)?)?;
        let Err(error @ Error::Uncountable { .. }) = any.occupancy() else {
            return Err(format!("{map_type} is counted").into());
        };
        let id = any.id();
        let begin =
            format!("map `refused` (id {id}) is of type {map_type}, and how full it is cannot be");
        assert!(error.to_string().starts_with(&begin), "{error}");
    }
    Ok(())
}

fn a_map_of_maps_is_counted_by_what_is_in_it() -> TestResult {
    let inner = made(MapType::HASH, "inner", 4)?;
    for map_type in [MapType::ARRAY_OF_MAPS, MapType::HASH_OF_MAPS] {
        let outer = Create {
            map_type: map_type.as_raw(),
            name: "outer",
            key_size: 4,
            value_size: 4,
            max_entries: 5,
            map_flags: 0,
            btf: None,
            inner: Some(&inner),
        };
        let outer = outer.create()?;
        let any = AnyMap::from_fd(&outer)?;
        assert_eq!(any.occupancy()?.entries, 0, "{map_type}");
        // Not the first of its slots.
        for slot in [1u32, 3] {
            raw::put(&outer, slot, &inner)?;
        }
        let occupancy = any.occupancy()?;
        assert_eq!((occupancy.entries, occupancy.max_entries), (2, 5), "{map_type}");
    }
    Ok(())
}

fn keys_are_counted_where_values_cannot_be_read() -> TestResult {
    // The kernel shows sockets in 8 bytes, which a value of this map is not. Of any
    // address, as a machine may be without the loopback.
    let map = made(MapType::SOCKHASH, "sockets", 8)?;
    let any = AnyMap::from_fd(&map)?;
    assert_eq!(any.occupancy()?.entries, 0);
    let listeners =
        [std::net::TcpListener::bind("0.0.0.0:0")?, std::net::TcpListener::bind("127.0.0.1:0")?];
    for (key, listener) in (5u32..).zip(&listeners) {
        raw::update(&map, &key.to_ne_bytes(), &listener.as_raw_fd().to_ne_bytes())?;
    }
    assert_eq!((any.occupancy()?.entries, any.max_entries()), (2, 8));
    let map = made(MapType::DEVMAP_HASH, "devices", 8)?;
    let any = AnyMap::from_fd(&map)?;
    assert_eq!(any.occupancy()?.entries, 0);
    // The loopback device.
    for key in [5u32, 70_000] {
        raw::update(&map, &key.to_ne_bytes(), &1u32.to_ne_bytes())?;
    }
    assert_eq!(any.occupancy()?.entries, 2);
    Ok(())
}

fn a_watch_does_not_keep_a_map() -> TestResult {
    // Small, so that it is walked over, and large, so that a program counts it.
    for max_entries in [4, 10_000] {
        let map = made(MapType::HASH, "not_kept", max_entries)?;
        writable(&map)?.insert(&1, &1)?;
        let id = id(&map)?;
        let mut targets = Targets::new().id(id);
        let samples = targets.samples();
        assert_eq!((samples.len(), entries(&samples[0])), (1, Some(1)));
        assert_eq!((samples[0].map.id, &*samples[0].map.name), (id, "not_kept"));
        drop(map);
        wait_until_freed(id);
        let samples = targets.samples();
        assert_eq!((samples.len(), &samples[0].reading), (1, &Reading::Freed));
        assert_eq!(samples[0].map.name, "not_kept");
        assert_eq!(targets.samples(), []);
    }
    Ok(())
}

fn a_name_goes_on_with_the_next_map() -> TestResult {
    // The kernel may have maps of other runs of these tests.
    let name = &format!("again_{}", std::process::id());
    let first = made(MapType::HASH, name, 4)?;
    let first_id = id(&first)?;
    let mut targets = Targets::new().name(name);
    assert_eq!(targets.samples().len(), 1);
    // A program that starts again has both for a while.
    let second = made(MapType::HASH, name, 4)?;
    writable(&second)?.insert(&1, &1)?;
    let samples = targets.samples();
    assert_eq!(samples.iter().map(entries).collect::<Vec<_>>(), [Some(0), Some(1)]);
    drop(first);
    wait_until_freed(first_id);
    let samples = targets.samples();
    assert_eq!((samples[0].map.id, &samples[0].reading), (first_id, &Reading::Freed));
    assert_eq!((samples[1].map.id, entries(&samples[1])), (id(&second)?, Some(1)));
    assert_eq!(samples.len(), 2);
    Ok(())
}

fn what_cannot_be_counted_is_said_by_the_sample() -> TestResult {
    let array = made(MapType::ARRAY, "an_array", 4)?;
    let samples = Targets::new().id(id(&array)?).samples();
    let Reading::Failed(message) = &samples[0].reading else { panic!("{samples:?}") };
    assert!(message.contains("is of type array, and how full it is cannot be said"), "{message}");
    Ok(())
}

fn all_maps_are_those_that_can_be_counted() -> TestResult {
    let (hash, array) = (made(MapType::HASH, "seen", 4)?, made(MapType::ARRAY, "not_seen", 4)?);
    let (hash, array) = (id(&hash)?, id(&array)?);
    let mut targets = Targets::new().all();
    let samples = targets.samples();
    assert!(samples.iter().any(|sample| sample.map.id == hash));
    assert!(samples.iter().all(|sample| sample.map.id != array));
    // And those that come later.
    let later = made(MapType::HASH, "seen_later", 4)?;
    let later = id(&later)?;
    assert!(targets.samples().iter().any(|sample| sample.map.id == later));
    Ok(())
}

fn a_pin_goes_on_with_the_next_map() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("pinned");
    let (first, second) = (made(MapType::HASH, "a", 4)?, made(MapType::HASH, "b", 4)?);
    raw::pin(&first, &path)?;
    let mut targets = Targets::new().pin(&path);
    assert_eq!(targets.samples()[0].map.id, id(&first)?);
    std::fs::remove_file(&path)?;
    let samples = targets.samples();
    assert_eq!((samples.len(), &samples[0].reading), (1, &Reading::Unpinned));
    assert_eq!(targets.samples(), []);
    raw::pin(&first, &path)?;
    assert_eq!(entries(&targets.samples()[0]), Some(0));
    // Another in its place from one look to the next.
    std::fs::remove_file(&path)?;
    raw::pin(&second, &path)?;
    let samples = targets.samples();
    assert_eq!((samples[0].map.id, &samples[0].reading), (id(&first)?, &Reading::Unpinned));
    assert_eq!((samples[1].map.id, entries(&samples[1])), (id(&second)?, Some(0)));
    Ok(())
}

fn a_map_that_is_found_twice_is_counted_once() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("twice");
    let map = made(MapType::HASH, "found_twice", 4)?;
    raw::pin(&map, &path)?;
    let id = id(&map)?;
    let mut targets = Targets::new().pin(&path).pin(&path).name("found_twice").id(id);
    assert_eq!(targets.samples().len(), 1);
    // One of the ways to it is enough.
    std::fs::remove_file(&path)?;
    let samples = targets.samples();
    assert_eq!((samples.len(), entries(&samples[0])), (1, Some(0)));
    assert_eq!(targets.samples().len(), 1);
    Ok(())
}
