//! Descriptors of typed maps: closed on exec, and with the map.

use std::os::fd::{AsFd, AsRawFd};

use aya::Ebpf;
use bpfmap::{
    Array, ArrayOfMaps, BloomFilter, BtfSource, Error, Feature, Globals, HashMap, HashOfMaps,
    Loader, LocalStorage, LpmTrie, Object, OpenOptions, PerCpu, Queue, RingBuf, Stack, TypedMap,
    Verification,
};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use crate::features::{BLOOM_FILTER, TASK_STORAGE};
use crate::globals::{Data, GLOBALS};
use crate::inner::{INNER, Mark, TASKS, Tenant, load_tasks};
use crate::maps::{BLOOM, Count, MAPS, Prefix};
use crate::support::*;

trials! {
    [Need::Bpf, BLOOM_FILTER, TASK_STORAGE] => [
        each_map_has_a_descriptor_of_its_own_that_goes_with_it,
    ]
    [Need::Bpf, Need::Ids] => [
        a_refused_map_leaves_no_descriptor,
    ]
    [Need::Bpf, Need::Ids, Need::Bpffs] => [
        each_way_in_opens_one_descriptor,
    ]
}

/// How many descriptors of this process are of that kind and have that id. Other
/// tests have other maps.
fn count(kind: &str, id: u32) -> usize {
    let line = format!("{kind}:\t{id}");
    let infos = std::fs::read_dir("/proc/self/fdinfo").expect("/proc is mounted");
    let is_of = |path: std::path::PathBuf| {
        // Others may close theirs meanwhile.
        std::fs::read_to_string(path).is_ok_and(|text| text.lines().any(|known| known == line))
    };
    infos.filter(|info| info.as_ref().is_ok_and(|info| is_of(info.path()))).count()
}

/// The id of a map that is open.
fn id_of(fd: impl AsFd) -> u32 {
    let path = format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd());
    let text = std::fs::read_to_string(path).expect("it is open");
    let id = text.lines().find_map(|line| line.strip_prefix("map_id:\t"));
    id.expect("it is a map").parse().expect("a number")
}

/// One more than before, with the flag, until the map is dropped.
fn check<M: AsFd>(map: M, before: usize) {
    let id = id_of(&map);
    let flags = fcntl(map.as_fd(), FcntlArg::F_GETFD).expect("it is open");
    assert!(FdFlag::from_bits_retain(flags).contains(FdFlag::FD_CLOEXEC), "map {id}");
    assert_eq!(count("map_id", id), before + 1, "map {id}");
    drop(map);
    assert_eq!(count("map_id", id), before, "map {id}");
}

/// Of a map that the loader has one descriptor of.
fn open<M: TypedMap + AsFd>(options: OpenOptions<'_>, ebpf: &Ebpf, name: &str) -> TestResult {
    let map: M = options.open(ebpf, name)?;
    check(map, 1);
    Ok(())
}

fn each_map_has_a_descriptor_of_its_own_that_goes_with_it() -> TestResult {
    let (maps, kinds, globals) = (Ebpf::load(MAPS)?, Ebpf::load(KINDS)?, Ebpf::load(GLOBALS)?);
    let inner = Ebpf::load(INNER)?;
    let new = OpenOptions::new;
    let objects = [MAPS, KINDS, GLOBALS, INNER, BLOOM, TASKS].map(Object::parse);
    let [of_maps, of_kinds, of_globals, of_inner, of_bloom, of_tasks] =
        objects.map(|object| object.expect("it is loaded"));
    open::<HashMap<u32, u64>>(new().object(&of_maps), &maps, "large")?;
    open::<HashMap<u32, u64>>(new().object(&of_maps), &maps, "lru")?;
    open::<HashMap<u32, PerCpu<Count>>>(new().object(&of_maps), &maps, "percpu_hash")?;
    open::<HashMap<u32, PerCpu<Count>>>(new().object(&of_maps), &maps, "lru_percpu_hash")?;
    open::<Array<Count>>(new().object(&of_maps), &maps, "array")?;
    open::<Array<PerCpu<Count>>>(new().object(&of_maps), &maps, "percpu_array")?;
    open::<LpmTrie<Prefix, u32>>(new().object(&of_maps), &maps, "routes")?;
    open::<BloomFilter<Prefix>>(new().object(&of_bloom), &Ebpf::load(BLOOM)?, "seen")?;
    open::<Queue<Value>>(new().object(&of_kinds), &kinds, "queue")?;
    open::<Stack<Value>>(new().object(&of_kinds), &kinds, "stack")?;
    open::<RingBuf<Opened>>(new().object(&of_maps).event("opened"), &maps, "events")?;
    open::<Globals<Data>>(new().object(&of_globals), &globals, ".data")?;
    open::<LocalStorage<Mark>>(new().object(&of_inner), &inner, "sockets")?;
    open::<LocalStorage<Mark>>(new().object(&of_tasks), &load_tasks()?, "tasks")?;

    let tenants: HashOfMaps<u16, Tenant> = new().object(&of_inner).open(&inner, "tenants")?;
    let slots: ArrayOfMaps<Tenant> = new().object(&of_inner).open(&inner, "slots")?;
    let tenant = with_object::<Tenant>(INNER, &inner, "tenant")?;
    tenants.insert(&1, &tenant)?;
    slots.set(1, &tenant)?;
    if Feature::Ids.probe().is_yes() {
        // The loader's, and `tenant`.
        check(tenants.get(&1)?.ok_or("no map")?, 2);
        check(slots.get(1)?.ok_or("no map")?, 2);
    }
    check(tenants, 1);
    check(slots, 1);

    // Memory needs no descriptor, and keeps none.
    let array = with_object::<Array<Count>>(MAPS, &maps, "mapped")?;
    let id = id_of(&array);
    let memory = array.map_memory()?;
    assert_eq!(count("map_id", id), 2);
    drop(array);
    assert_eq!(count("map_id", id), 1);
    assert_eq!(memory.len(), 1000);
    Ok(())
}

#[derive(bpfmap::BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Opened {
    kind: u32,
    pid: u32,
    inode: u64,
}

fn each_way_in_opens_one_descriptor() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("pinned");
    let ebpf = Ebpf::load(FLOWS)?;
    let Some(aya::maps::Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    data.pin(&path)?;
    type Flows = HashMap<FlowKey, FlowStats>;
    let fd = ebpf.map_fd("flows").ok_or("no map")?;
    check(Flows::open(&ebpf, "flows")?, 1);
    check(Flows::from_pin(&path)?, 1);
    check(OpenOptions::new().read_only(true).from_pin::<Flows>(&path)?, 1);
    check(Flows::from_fd(fd)?, 1);
    let flows = Flows::from_id(id_of(fd))?;
    // What it was compared with was read, and closed.
    let Verification::Verified { source: BtfSource::KernelMap { btf_id } } = flows.verification()
    else {
        panic!("{}", flows.verification());
    };
    // aya has it open.
    assert!(count("btf_id", btf_id) <= 1);
    check(flows, 1);
    Ok(())
}

fn a_refused_map_leaves_no_descriptor() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let fd = ebpf.map_fd("flows").ok_or("no map")?;
    let id = id_of(fd);
    let refused = [
        HashMap::<SwappedKey, FlowStats>::open(&ebpf, "flows").map(drop),
        HashMap::<SwappedKey, FlowStats>::from_fd(fd).map(drop),
        HashMap::<SwappedKey, FlowStats>::from_id(id).map(drop),
        HashMap::<u32, u32>::from_id(id).map(drop),
        Array::<u32>::from_id(id).map(drop),
    ];
    for answer in refused {
        assert!(matches!(answer, Err(Error::Mismatch(_) | Error::MapType { .. })), "{answer:?}");
    }
    assert_eq!(count("map_id", id), 1);
    Ok(())
}
