//! What the kernel supports, as probes find it.

use std::cell::Cell;
use std::rc::Rc;

use bpfmap::{Error, Feature, Inconclusive, MapType, Probes, Support, fault};

use crate::support::*;

trials! {
    [Need::Bpf] => [
        a_type_that_aya_loads_is_supported,
        an_inconclusive_answer_is_not_kept,
        a_stand_in_is_chosen_when_the_kernel_lacks_the_preferred_type,
    ]
    [Need::Bpf, Need::Ids] => [
        commands_are_supported_where_the_types_have_them,
    ]
    [] => [
        a_type_that_there_is_not_is_not_supported,
        an_answer_is_kept,
        what_cannot_be_told_is_not_chosen,
        probes_leave_nothing_open,
    ]
}

const EPERM: i32 = 1;
const EINVAL: i32 = 22;

/// The types of maps that the objects of the other tests are loaded with.
const LOADED: [MapType; 10] = [
    MapType::HASH,
    MapType::LRU_HASH,
    MapType::PERCPU_HASH,
    MapType::LRU_PERCPU_HASH,
    MapType::ARRAY,
    MapType::PERCPU_ARRAY,
    MapType::LPM_TRIE,
    MapType::QUEUE,
    MapType::STACK,
    MapType::HASH_OF_MAPS,
];

fn a_type_that_aya_loads_is_supported() -> TestResult {
    for map_type in LOADED {
        assert_eq!(Probes::new().support(Feature::MapType(map_type)), Support::Yes, "{map_type}");
    }
    Ok(())
}

fn a_type_that_there_is_not_is_not_supported() -> TestResult {
    let unknown = MapType::from_raw(9999);
    assert_eq!(Feature::MapType(unknown).probe(), Support::No);
    assert_eq!(Feature::LookupBatch(unknown).probe(), Support::No);
    Ok(())
}

fn commands_are_supported_where_the_types_have_them() -> TestResult {
    let probes = Probes::new();
    let yes = [
        Feature::Syscall,
        Feature::Ids,
        Feature::MapBtf,
        Feature::LockFlag,
        Feature::Freeze,
        Feature::MappedArray,
        Feature::LookupAndDelete(MapType::QUEUE),
        Feature::LookupBatch(MapType::HASH),
        Feature::UpdateBatch(MapType::HASH),
        Feature::DeleteBatch(MapType::HASH),
        Feature::LookupBatch(MapType::ARRAY),
    ];
    for feature in yes {
        assert_eq!(probes.support(feature), Support::Yes, "{feature}");
    }
    // No kernel has these.
    let no = [
        Feature::LookupAndDelete(MapType::ARRAY),
        Feature::DeleteBatch(MapType::ARRAY),
        Feature::LookupBatch(MapType::BLOOM_FILTER),
    ];
    for feature in no {
        assert_eq!(probes.support(feature), Support::No, "{feature}");
    }
    Ok(())
}

/// Answers each `BPF_MAP_CREATE` with what `errno` says for its number, and counts
/// them.
fn creating<T>(
    errno: impl Fn(usize) -> Option<i32> + 'static,
    body: impl FnOnce(&Cell<usize>) -> T,
) -> T {
    let calls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&calls);
    let rule = move |command: &str| {
        if command != "BPF_MAP_CREATE" {
            return None;
        }
        counted.set(counted.get() + 1);
        errno(counted.get())
    };
    fault::with(rule, || body(&calls))
}

fn an_answer_is_kept() -> TestResult {
    let (probes, ringbuf) = (Probes::new(), Feature::MapType(MapType::RINGBUF));
    let calls = creating(
        |_| Some(EINVAL),
        |calls| {
            assert_eq!(probes.support(ringbuf), Support::No);
            assert_eq!(probes.support(ringbuf), Support::No);
            calls.get()
        },
    );
    assert_eq!(calls, 1);
    Ok(())
}

fn an_inconclusive_answer_is_not_kept() -> TestResult {
    let (probes, hash) = (Probes::new(), Feature::MapType(MapType::HASH));
    creating(
        |call| (call == 1).then_some(EPERM),
        |calls| {
            let Support::Unknown(Inconclusive { call, errno, .. }) = probes.support(hash) else {
                panic!("EPERM tells nothing");
            };
            assert_eq!((call, errno), ("BPF_MAP_CREATE", EPERM));
            assert_eq!(probes.support(hash), Support::Yes);
            assert_eq!(probes.support(hash), Support::Yes);
            assert_eq!(calls.get(), 2);
        },
    );
    Ok(())
}

fn a_stand_in_is_chosen_when_the_kernel_lacks_the_preferred_type() -> TestResult {
    let preferred = [MapType::BLOOM_FILTER, MapType::HASH];
    let older = |call: usize| (call == 1).then_some(EINVAL);
    let chosen = creating(older, |_| Probes::new().first_supported(&preferred));
    assert_eq!(chosen?, MapType::HASH);
    assert_eq!(MapType::first_supported(&[MapType::HASH, MapType::ARRAY])?, MapType::HASH);
    Ok(())
}

fn what_cannot_be_told_is_not_chosen() -> TestResult {
    let preferred = [MapType::RINGBUF, MapType::PERF_EVENT_ARRAY];
    let answer = creating(
        |call| Some(if call == 1 { EINVAL } else { EPERM }),
        |_| Probes::new().first_supported(&preferred),
    );
    let Err(error @ Error::NoMapType { .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(
        error.to_string(),
        "none of the types of maps that would do can be used: ringbuf: no (Linux has it since 5.8); \
         perf_event_array: unknown, as BPF_MAP_CREATE answered: Operation not permitted (os error 1); \
         it needs CAP_BPF (CAP_SYS_ADMIN before Linux 5.8), and before 5.11 also room below \
         RLIMIT_MEMLOCK (`ulimit -l`)"
    );
    Ok(())
}

fn probes_leave_nothing_open() -> TestResult {
    let before = open_descriptors();
    for number in 0..1000 {
        let map_type = MapType::from_raw(number % 40);
        let _ = Probes::new().support(Feature::LookupBatch(map_type));
    }
    // Other tests run beside this one.
    assert!(open_descriptors() < before + 500);
    Ok(())
}
