//! Maps that nobody in user space writes to any more.

use std::net::UdpSocket;

use aya::programs::Xdp;
use aya::{Ebpf, EbpfLoader, TestRun, TestRunOptions};
use bpfmap::{
    Array, ArrayOfMaps, BloomFilter, Error, HashMap, HashOfMaps, LocalStorage, LpmTrie, Object,
    OpenOptions, PerCpu, Queue, Stack, fault, zeroed,
};

use crate::features::{BLOOM_FILTER, LOCKS_STAY_UNFROZEN, TAKE};
use crate::inner::{INNER, Mark, Tenant};
use crate::maps::{BLOOM, Count, Locked, MAPS, Prefix};
use crate::support::*;

trials! {
    [Need::Bpf, BLOOM_FILTER, TAKE] => [a_frozen_map_of_each_type_is_read_and_not_written]
    [Need::Bpf, LOCKS_STAY_UNFROZEN] => [a_map_whose_values_have_a_lock_is_not_frozen]
    [Need::Bpf] => [
        programs_write_to_a_frozen_map,
        a_map_is_frozen_once,
        a_map_that_is_in_memory_for_writing_is_not_frozen,
        before_it_existed_freezing_says_so,
    ]
}

/// That the kernel refused to write, and why.
#[track_caller]
fn frozen<T: std::fmt::Debug>(answer: Result<T, Error>) {
    match answer {
        Err(Error::Kernel(error)) if error.errno() == libc::EPERM => {
            assert!(error.meaning.contains("the map is frozen"), "{error}");
        }
        Err(Error::Partial { done: 0, error, .. }) => frozen::<()>(Err(*error)),
        other => panic!("{other:?}"),
    }
}

fn a_frozen_map_of_each_type_is_read_and_not_written() -> TestResult {
    let (ebpf, kinds) = (Ebpf::load(MAPS)?, Ebpf::load(KINDS)?);

    for name in ["large", "lru"] {
        let map = with_object::<HashMap<u32, u64>>(MAPS, &ebpf, name)?;
        map.insert(&1, &10)?;
        map.freeze()?;
        frozen(map.insert(&1, &1));
        frozen(map.insert_new(&2, &1));
        frozen(map.replace(&1, &1));
        frozen(map.remove(&1));
        frozen(map.take(&1));
        frozen(map.insert_batch(&[1], &[1]));
        frozen(map.remove_batch(&[1]));
        frozen(map.drain().next().ok_or("no answer")?);
        frozen(map.retain(|_, _| false));
        assert_eq!(map.get(&1)?, Some(10));
        assert_eq!(map.iter().collect::<Result<Vec<_>, _>>()?, [(1, 10)]);
    }
    for name in ["percpu_hash", "lru_percpu_hash"] {
        let map = with_object::<HashMap<u32, PerCpu<Count>>>(MAPS, &ebpf, name)?;
        map.freeze()?;
        frozen(map.insert(&1, &PerCpu::splat(zeroed())?));
        assert_eq!(map.get(&1)?, None);
    }
    let array = with_object::<Array<Count>>(MAPS, &ebpf, "array")?;
    array.freeze()?;
    frozen(array.set(0, &zeroed()));
    frozen(array.set_batch(0, &[zeroed()]));
    assert_eq!(array.iter().count(), 8);
    let array = with_object::<Array<PerCpu<Count>>>(MAPS, &ebpf, "percpu_array")?;
    array.freeze()?;
    frozen(array.set(0, &PerCpu::splat(zeroed())?));

    let routes = with_object::<LpmTrie<Prefix, u32>>(MAPS, &ebpf, "routes")?;
    let key = routes.prefix([10, 0, 0, 0], 8)?;
    routes.insert(&key, &8)?;
    routes.freeze()?;
    frozen(routes.insert(&key, &9));
    frozen(routes.remove(&key));
    frozen(routes.remove_batch(&[key]));
    assert_eq!(routes.longest_match_of([10, 1, 1, 1])?, Some(8));

    let seen = with_object::<BloomFilter<Prefix>>(BLOOM, &Ebpf::load(BLOOM)?, "seen")?;
    seen.freeze()?;
    frozen(seen.insert(&key));
    assert!(!seen.may_contain(&key)?);

    let queue = with_object::<Queue<Value>>(KINDS, &kinds, "queue")?;
    queue.push(&value(1))?;
    queue.freeze()?;
    frozen(queue.push(&value(2)));
    frozen(queue.push_over_oldest(&value(2)));
    frozen(queue.pop());
    assert_eq!(queue.peek()?, Some(value(1)));
    let stack = with_object::<Stack<Value>>(KINDS, &kinds, "stack")?;
    stack.freeze()?;
    frozen(stack.push(&value(2)));

    let inner = EbpfLoader::new().allow_unsupported_maps().load(INNER)?;
    let object = Object::parse(INNER)?;
    let options = OpenOptions::new().object(&object);
    let tenants: HashOfMaps<u16, Tenant> = options.open(&inner, "tenants")?;
    let tenant = with_object::<Tenant>(INNER, &inner, "tenant")?;
    tenants.insert(&1, &tenant)?;
    tenants.freeze()?;
    frozen(tenants.insert(&2, &tenant));
    frozen(tenants.remove(&1));
    assert!(tenants.contains_key(&1)?);
    let slots: ArrayOfMaps<Tenant> = options.open(&inner, "slots")?;
    slots.freeze()?;
    frozen(slots.set(1, &tenant));
    let marks = with_object::<LocalStorage<Mark>>(INNER, &inner, "sockets")?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    marks.freeze()?;
    frozen(marks.insert(&socket, &zeroed()));
    assert!(!marks.contains_key(&socket)?);
    Ok(())
}

fn programs_write_to_a_frozen_map() -> TestResult {
    let mut ebpf = Ebpf::load(MAPS)?;
    let totals = with_object::<Array<PerCpu<Count>>>(MAPS, &ebpf, "percpu_array")?;
    let program: &mut Xdp = ebpf.program_mut("count").ok_or("no program")?.try_into()?;
    program.load()?;
    totals.freeze()?;
    let packet = [0; 64];
    let options = TestRunOptions { data_in: Some(&packet), repeat: 3, ..TestRunOptions::default() };
    program.test_run(options)?;
    let counts = totals.get(1)?.ok_or("no element")?;
    assert_eq!(counts.iter().map(|count| count.packets).sum::<u32>(), 3);
    Ok(())
}

fn a_map_is_frozen_once() -> TestResult {
    let map = with_object::<HashMap<u32, u64>>(MAPS, &Ebpf::load(MAPS)?, "large")?;
    map.freeze()?;
    let error = map.freeze().unwrap_err().to_string();
    assert!(error.contains("freeze (BPF_MAP_FREEZE) failed: "), "{error}");
    assert!(error.contains("the map is frozen (BPF_MAP_FREEZE)"), "{error}");
    Ok(())
}

fn a_map_that_is_in_memory_for_writing_is_not_frozen() -> TestResult {
    let array = with_object::<Array<Count>>(MAPS, &Ebpf::load(MAPS)?, "mapped")?;
    let memory = array.map_memory()?;
    match array.freeze() {
        Err(Error::Kernel(error)) => {
            assert_eq!(error.errno(), libc::EBUSY);
            assert!(error.meaning.contains("mapped into memory for writing"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    drop(memory);
    array.freeze()?;
    assert!(!array.map_memory()?.is_writable());
    Ok(())
}

fn a_map_whose_values_have_a_lock_is_not_frozen() -> TestResult {
    let map = with_object::<HashMap<u32, Locked>>(MAPS, &Ebpf::load(MAPS)?, "locked")?;
    match map.freeze() {
        Err(Error::Kernel(error)) => {
            assert_eq!(error.errno(), 524);
            assert!(error.meaning.contains("as a spin lock or a timer does"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn before_it_existed_freezing_says_so() -> TestResult {
    let map = with_object::<HashMap<u32, u64>>(MAPS, &Ebpf::load(MAPS)?, "large")?;
    let rule = |command: &str| (command == "BPF_MAP_FREEZE").then_some(libc::EINVAL);
    let error = fault::with(rule, || map.freeze()).unwrap_err().to_string();
    assert!(error.contains("since Linux 5.2"), "{error}");
    Ok(())
}
