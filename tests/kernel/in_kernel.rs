//! What a program in the kernel answers, beside what a walk does.

use std::cell::RefCell;
use std::os::fd::AsFd;
use std::rc::Rc;

use aya::EbpfLoader;
use aya_obj::generated::{BPF_F_NO_PREALLOC, bpf_map_type};
use bpfmap::{
    BpfMapKey, BpfMapValue, Btf, BtfType, Error, HashMap, HashOfMaps, MapValue, OpenOptions,
    PerCpu, SpinLock, fault,
};
use caps::Capability;

use crate::features::CALLS_WITHOUT_CAPABILITY;
use crate::inner::{INNER, Tenant};
use crate::privilege::with_only;
use crate::raw::Create;
use crate::support::*;

trials! {
    [Need::Bpf] => [
        entries_are_counted_as_by_walking,
        an_empty_map_has_no_entries,
        a_counter_follows_the_map,
        a_dump_is_what_a_walk_sees,
        keys_and_values_of_any_length_are_dumped,
        what_a_program_may_not_see_is_walked_over,
        a_dump_grows_with_the_map,
        without_programs_the_answers_are_the_same,
    ]
    [Need::Bpf, CALLS_WITHOUT_CAPABILITY] => [
        without_rights_the_answers_are_the_same,
    ]
    [Need::Bpf, Need::Vmlinux] => [
        maps_in_a_map_are_counted,
        no_walk_where_the_kernel_counts,
    ]
}

static MAPS: &[u8] = aya::include_bytes_aligned!("../bpf/maps.bpf.o");

const ENTRIES: u32 = 20_000;
const EPERM: i32 = 1;

/// `struct locked` of `maps.bpf.c`.
#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Locked {
    lock: SpinLock,
    low: u32,
    high: u64,
}

/// `struct count` of `maps.bpf.c`.
#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Default)]
#[repr(C)]
struct Count {
    packets: u32,
    last: u16,
    pad: bpfmap::Pad<2>,
}

type Large = HashMap<u32, u64>;

/// A map of `maps.bpf.c`, with room for that many entries.
fn with_room<V: MapValue>(
    name: &str,
    entries: u32,
) -> Result<HashMap<u32, V>, Box<dyn std::error::Error>> {
    let ebpf = EbpfLoader::new().map_max_entries(name, entries).load(MAPS)?;
    Ok(with_object(MAPS, &ebpf, name)?)
}

/// With the keys from 0 on.
fn filled<V: MapValue>(
    name: &str,
    room: u32,
    entries: u32,
    value: impl Fn(u32) -> V,
) -> Result<HashMap<u32, V>, Box<dyn std::error::Error>> {
    let map = with_room(name, room)?;
    let keys: Vec<_> = (0..entries).collect();
    map.insert_batch(&keys, &keys.iter().map(|key| value(*key)).collect::<Vec<_>>())?;
    Ok(map)
}

fn large() -> Result<Large, Box<dyn std::error::Error>> {
    filled("large", 100_000, ENTRIES, |key| u64::from(key) * 3)
}

/// The commands that `body` gives to the kernel.
fn commands<T>(body: impl FnOnce() -> T) -> (T, Vec<String>) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let see = Rc::clone(&seen);
    let rule = move |command: &str| {
        see.borrow_mut().push(command.to_owned());
        None
    };
    let answer = fault::with(rule, body);
    (answer, seen.take())
}

/// Whether `body` asks for the entries, many or one at a time.
fn walks<T>(body: impl FnOnce() -> T) -> (T, bool) {
    let (answer, commands) = commands(body);
    let is_walk = |command: &String| command.contains("BATCH") || command.contains("LOOKUP");
    (answer, commands.iter().any(is_walk))
}

/// Whether it keeps the number of entries.
fn kernel_counts() -> Result<bool, Error> {
    let vmlinux = Btf::vmlinux()?;
    let counts = |ty: BtfType<'_>| ty.name().is_ok_and(|name| name == "bpf_map_sum_elem_count");
    Ok(vmlinux.types().any(counts))
}

fn walked<K: BpfMapKey, V: MapValue>(map: &HashMap<K, V>) -> Result<u64, Error> {
    map.iter().try_fold(0, |count, entry| entry.map(|_| count + 1))
}

#[track_caller]
fn assert_counted<K: BpfMapKey, V: MapValue>(map: &HashMap<K, V>) {
    assert_eq!(map.occupancy().unwrap().entries, walked(map).unwrap());
}

fn entries_are_counted_as_by_walking() -> TestResult {
    assert_counted(&large()?);
    // It has dropped some.
    assert_counted(&filled("lru", ENTRIES, ENTRIES + 5000, u64::from)?);
    let of_each_cpu = PerCpu::splat(Count::default())?;
    for name in ["percpu_hash", "lru_percpu_hash"] {
        assert_counted(&filled(name, ENTRIES, ENTRIES / 2, |_| of_each_cpu.clone())?);
    }
    Ok(())
}

fn maps_in_a_map_are_counted() -> TestResult {
    let mut loader = EbpfLoader::new();
    let ebpf = loader.allow_unsupported_maps().map_max_entries("tenants", ENTRIES).load(INNER)?;
    let tenants: HashOfMaps<u16, Tenant> = with_object(INNER, &ebpf, "tenants")?;
    let tenant: Tenant = with_object(INNER, &ebpf, "tenant")?;
    for key in 0..100 {
        tenants.insert(&key, &tenant)?;
        tenants.remove(&(key / 2))?;
    }
    let (counted, walks_over) = walks(|| tenants.occupancy());
    let rule = |command: &str| (command == "BPF_PROG_TEST_RUN").then_some(EPERM);
    assert_eq!(counted?, fault::with(rule, || tenants.occupancy())?);
    assert_eq!(walks_over, !kernel_counts()?);
    Ok(())
}

fn an_empty_map_has_no_entries() -> TestResult {
    let map = with_room::<u64>("large", ENTRIES)?;
    assert_eq!((map.occupancy()?.entries, map.dump()?), (0, Vec::new()));
    map.insert(&1, &2)?;
    assert_eq!((map.occupancy()?.entries, map.dump()?), (1, vec![(1, 2)]));
    Ok(())
}

fn a_counter_follows_the_map() -> TestResult {
    let map = large()?;
    let entries = || map.occupancy().map(|occupancy| occupancy.entries);
    assert_eq!(entries()?, u64::from(ENTRIES));
    map.insert(&0, &7)?;
    assert_eq!(entries()?, u64::from(ENTRIES));
    map.insert(&ENTRIES, &7)?;
    map.remove(&1)?;
    map.remove_batch(&[2, 3, 1])?;
    assert_eq!(entries()?, u64::from(ENTRIES) - 2);
    assert_eq!(map.drain().count(), ENTRIES as usize - 2);
    assert_eq!(entries()?, 0);
    Ok(())
}

fn no_walk_where_the_kernel_counts() -> TestResult {
    if !kernel_counts()? {
        return Ok(());
    }
    let map = large()?;
    let (answers, walks_over) = walks(|| Ok::<_, Error>((map.occupancy()?, map.dump()?)));
    let (occupancy, entries) = answers?;
    assert_eq!((occupancy.entries, entries.len()), (u64::from(ENTRIES), ENTRIES as usize));
    assert!(!walks_over);
    // The program is kept.
    let (occupancy, again) = commands(|| map.occupancy());
    assert_eq!((occupancy?.entries, again), (u64::from(ENTRIES), vec!["BPF_PROG_TEST_RUN".into()]));
    // A small map is walked over as fast.
    let small = filled("large", 1000, 1000, u64::from)?;
    let (answers, commands) = commands(|| Ok::<_, Error>((small.occupancy()?, small.dump()?)));
    let (occupancy, entries) = answers?;
    assert_eq!((occupancy.entries, entries.len()), (1000, 1000));
    assert!(commands.iter().all(|command| command.contains("BATCH")), "{commands:?}");
    Ok(())
}

/// What is dumped, and what a walk sees, in the same order.
#[track_caller]
fn assert_dumped<K, V>(map: &HashMap<K, V>)
where
    K: BpfMapKey + PartialEq + std::fmt::Debug,
    V: MapValue + PartialEq + std::fmt::Debug,
{
    // Bucket by bucket, both; with `assert_eq` a failure fills the screen.
    let walked = map.iter().collect::<Result<Vec<_>, _>>().unwrap();
    let dumped = map.dump().unwrap();
    assert_eq!(dumped.len(), walked.len());
    for (dumped, walked) in dumped.iter().zip(&walked) {
        assert_eq!(dumped, walked);
    }
}

fn a_dump_is_what_a_walk_sees() -> TestResult {
    assert_dumped(&large()?);
    assert_dumped(&filled("lru", ENTRIES, ENTRIES + 5000, u64::from)?);
    let ebpf = EbpfLoader::new().map_max_entries("flows", ENTRIES).load(FLOWS)?;
    let flows = with_object::<HashMap<FlowKey, FlowStats>>(FLOWS, &ebpf, "flows")?;
    for n in 0..ENTRIES {
        let key = FlowKey { saddr: n.into(), daddr: (!n).into(), ..bpfmap::zeroed() };
        flows.insert(&key, &FlowStats { packets: n.into(), bytes: u64::from(n) << 40 })?;
    }
    assert_dumped(&flows);
    Ok(())
}

/// A hash map whose keys and values are bytes, as long as it says.
fn of_bytes<const K: usize, const V: usize>(
    flags: u32,
) -> Result<HashMap<[u8; K], [u8; V]>, Box<dyn std::error::Error>> {
    let fd = Create {
        map_type: bpf_map_type::BPF_MAP_TYPE_HASH as u32,
        name: "bytes",
        key_size: K.try_into()?,
        value_size: V.try_into()?,
        max_entries: 5000,
        map_flags: flags,
        btf: None,
        inner: None,
    }
    .create()?;
    let map: HashMap<[u8; K], [u8; V]> = OpenOptions::new().allow_sizes_only(true).from_fd(&fd)?;
    for n in 0..5000_u16 {
        let mut key = [0xaa; K];
        key[..2].copy_from_slice(&n.to_ne_bytes());
        key[K - 1] = 0xee;
        let mut value = [0; V];
        value.iter_mut().zip(n..).for_each(|(byte, n)| *byte = n.to_ne_bytes()[0]);
        map.insert(&key, &value)?;
    }
    Ok(map)
}

fn keys_and_values_of_any_length_are_dumped() -> TestResult {
    assert_dumped(&of_bytes::<3, 1>(0)?);
    assert_dumped(&of_bytes::<5, 7>(BPF_F_NO_PREALLOC)?);
    assert_dumped(&of_bytes::<9, 66>(0)?);
    assert_dumped(&of_bytes::<256, 256>(0)?);
    // Longer than is copied by a program.
    assert_dumped(&of_bytes::<8, 600>(0)?);
    assert_counted(&of_bytes::<4, 4>(BPF_F_NO_PREALLOC)?);
    Ok(())
}

fn what_a_program_may_not_see_is_walked_over() -> TestResult {
    let of_each_cpu = |key| PerCpu::splat(Count { packets: key, ..Count::default() });
    let map = filled("percpu_hash", ENTRIES, 5000, |key| of_each_cpu(key).unwrap())?;
    assert_dumped(&map);
    // Not even tried.
    let (_, commands) = commands(|| map.dump());
    assert!(!commands.iter().any(|command| command == "BPF_BTF_LOAD"), "{commands:?}");
    // Under its lock, and without the lock's bytes.
    let locked = |key: u32| Locked { lock: bpfmap::zeroed(), low: key, high: u64::from(!key) };
    assert_dumped(&filled("locked", ENTRIES, 5000, locked)?);
    // The kernel knows of the lock, whatever it is taken for.
    let ebpf = EbpfLoader::new().map_max_entries("locked", ENTRIES).load(MAPS)?;
    let typed = with_object::<HashMap<u32, Locked>>(MAPS, &ebpf, "locked")?;
    let keys: Vec<_> = (0..5000).collect();
    typed.insert_batch(&keys, &keys.iter().map(|key| locked(*key)).collect::<Vec<_>>())?;
    let fd = typed.as_fd().try_clone_to_owned()?;
    // Its BTF is shared while it is open.
    drop(typed);
    let not_permitted = |command: &str| (command == "BPF_BTF_GET_FD_BY_ID").then_some(EPERM);
    let open = || OpenOptions::new().allow_sizes_only(true).from_fd(&fd);
    let bytes: HashMap<u32, [u8; 16]> = fault::with(not_permitted, open)?;
    let (dumped, walks_over) = walks(|| bytes.dump());
    assert!(dumped?.len() == 5000 && walks_over);
    assert_dumped(&bytes);
    Ok(())
}

fn a_dump_grows_with_the_map() -> TestResult {
    let map = std::sync::Arc::new(large()?);
    let writer = std::sync::Arc::clone(&map);
    let outputs = Rc::new(RefCell::new(0));
    let made = Rc::clone(&outputs);
    let rule = move |command: &str| {
        if command == "BPF_MAP_CREATE" {
            *made.borrow_mut() += 1;
            // After the entries were counted; on another thread, where there is
            // no rule.
            let writer = std::sync::Arc::clone(&writer);
            let write = move || {
                let keys: Vec<_> = (0..90_000).collect();
                writer.insert_batch(&keys, &vec![1; keys.len()])
            };
            std::thread::spawn(write).join().expect("it does not panic").expect("there is room");
        }
        None
    };
    let entries = fault::with(rule, || map.dump())?;
    assert_eq!(entries.len(), 90_000);
    assert!(entries.iter().all(|(_, value)| *value == 1));
    assert!(*outputs.borrow() <= 2);
    assert_dumped(&map);
    Ok(())
}

/// What can be refused on the way, and with which errno.
const REFUSALS: &[(&str, i32)] = &[
    ("BPF_PROG_LOAD", 1),
    ("BPF_PROG_LOAD", 13),
    ("BPF_PROG_LOAD", 22),
    ("BPF_PROG_TEST_RUN", 524),
    ("BPF_MAP_CREATE", 12),
    ("BPF_BTF_LOAD", 1),
];

fn without_programs_the_answers_are_the_same() -> TestResult {
    for &(refused, errno) in REFUSALS {
        let map = large()?;
        let rule = move |command: &str| (command == refused).then_some(errno);
        let (occupancy, mut entries) =
            fault::with(rule, || Ok::<_, Error>((map.occupancy()?, map.dump()?)))?;
        assert_eq!(occupancy.entries, u64::from(ENTRIES), "{refused}");
        entries.sort_unstable();
        let expected = (0..ENTRIES).map(|key| (key, u64::from(key) * 3));
        assert!(entries.into_iter().eq(expected), "{refused}");
    }
    // And without batches either.
    let map = large()?;
    let rule = |command: &str| {
        (command == "BPF_PROG_LOAD" || command.contains("BATCH")).then_some(EPERM + 21)
    };
    let (occupancy, entries) =
        fault::with(rule, || Ok::<_, Error>((map.occupancy()?, map.dump()?)))?;
    assert_eq!((occupancy.entries, entries.len()), (u64::from(ENTRIES), ENTRIES as usize));
    Ok(())
}

fn without_rights_the_answers_are_the_same() -> TestResult {
    for kept in [&[][..], &[Capability::CAP_BPF], &[Capability::CAP_BPF, Capability::CAP_PERFMON]] {
        let map = large()?;
        let expected = map.iter().collect::<Result<Vec<_>, _>>()?;
        with_only(kept, || {
            // Without CAP_BPF the kernel may not even hand out entries.
            let (answers, walks_over) = walks(|| Ok::<_, Error>((map.occupancy()?, map.dump()?)));
            let (occupancy, entries) = answers?;
            assert_eq!(occupancy.entries, u64::from(ENTRIES));
            assert!(entries == expected);
            assert_eq!(walks_over, kept.is_empty() || !kernel_counts()?);
            Ok(())
        })?;
    }
    Ok(())
}
