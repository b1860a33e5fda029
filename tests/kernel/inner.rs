//! Maps of maps, and storage of what is not a map.

use std::net::UdpSocket;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use aya::{Ebpf, EbpfLoader};
use bpfmap::{
    ArrayOfMaps, BpfMapValue, BtfSource, Error, HashMap, HashOfMaps, Loader, LocalStorage, Object,
    OpenOptions, Unverifiable, Verification, fault,
};

use crate::features::{CGROUP_STORAGE, TASK_STORAGE};
use crate::support::*;

trials! {
    [Need::Bpf] => [
        maps_of_another_type_are_refused,
        a_map_that_is_not_like_the_others_is_refused,
        values_of_sockets,
        a_descriptor_of_something_else_has_no_value,
        update_rules_of_maps_of_maps,
        many_maps_are_put_in_at_once,
        update_rules_of_storage,
    ]
    [Need::Bpf, TASK_STORAGE] => [
        values_of_processes,
        update_rules_of_the_storage_of_processes,
        a_process_that_has_ended_has_no_value,
    ]
    [Need::Bpf, CGROUP_STORAGE] => [values_of_files_and_cgroups]
    [Need::Bpf, Need::Ids] => [
        a_hash_of_maps,
        an_array_of_maps,
    ]
}

pub static INNER: &[u8] = aya::include_bytes_aligned!("../bpf/inner.bpf.o");
pub static TASKS: &[u8] = aya::include_bytes_aligned!("../bpf/tasks.bpf.o");

pub type Tenant = HashMap<u32, u64>;

fn load() -> Result<Ebpf, aya::EbpfError> {
    Ebpf::load(INNER)
}

/// aya has no type of its own for the storage of tasks.
pub fn load_tasks() -> Result<Ebpf, aya::EbpfError> {
    EbpfLoader::new().allow_unsupported_maps().load(TASKS)
}

fn a_hash_of_maps() -> TestResult {
    let ebpf = load()?;
    let object = Object::parse(INNER)?;
    let options = OpenOptions::new().object(&object);
    let tenants: HashOfMaps<u16, Tenant> = options.open(&ebpf, "tenants")?;
    assert!(matches!(
        tenants.verification(),
        Verification::Verified { source: BtfSource::Program { .. } }
    ));
    assert!(tenants.get(&1)?.is_none());
    let tenant = with_object::<Tenant>(INNER, &ebpf, "tenant")?;
    tenants.insert(&1, &tenant)?;
    tenant.insert(&5, &50)?;
    let found = tenants.get(&1)?.ok_or("no map")?;
    assert_eq!(found.get(&5)?, Some(50));
    assert!(matches!(
        found.verification(),
        Verification::Verified { source: BtfSource::KernelMap { .. } }
    ));
    tenants.insert(&2, &tenant)?;
    assert!(matches!(tenants.insert(&3, &tenant), Err(Error::Full { max_entries: 2, .. })));
    let mut keys = tenants.keys().collect::<Result<Vec<_>, _>>()?;
    keys.sort_unstable();
    assert_eq!(keys, [1, 2]);
    assert!(tenants.remove(&1)?);
    assert!(!tenants.remove(&1)?);
    Ok(())
}

fn an_array_of_maps() -> TestResult {
    let ebpf = load()?;
    let object = Object::parse(INNER)?;
    let slots: ArrayOfMaps<Tenant> = OpenOptions::new().object(&object).open(&ebpf, "slots")?;
    let tenant = with_object::<Tenant>(INNER, &ebpf, "tenant")?;
    assert_eq!(slots.len(), 3);
    slots.set(2, &tenant)?;
    tenant.insert(&1, &1)?;
    assert_eq!(slots.get(2)?.ok_or("no map")?.iter().count(), 1);
    assert!(slots.get(0)?.is_none());
    assert!(matches!(slots.set(3, &tenant), Err(Error::OutOfRange { index: 3, len: 3, .. })));
    assert!(slots.remove(2)?);
    Ok(())
}

fn maps_of_another_type_are_refused() -> TestResult {
    let ebpf = load()?;
    let fd = ebpf.map_fd("tenants").ok_or("no map")?;
    match HashOfMaps::<u16, Tenant>::from_fd(fd) {
        Err(Error::Unverifiable { reason: Unverifiable::NoBtfForType { .. }, .. }) => {}
        other => panic!("{other:?}"),
    }
    let object = Object::parse(INNER)?;
    let options = OpenOptions::new().object(&object);
    options.from_fd::<HashOfMaps<u16, Tenant>>(fd)?;
    let refusal = mismatches(options.open::<HashOfMaps<u16, HashMap<u32, i64>>>(&ebpf, "tenants"));
    let text = refusal.to_string();
    assert!(text.starts_with("map `tenants.inner` does not fit its Rust types"), "{text}");
    assert_eq!(differing(options.open::<HashOfMaps<i16, Tenant>>(&ebpf, "tenants")), ["key."]);
    Ok(())
}

fn a_map_that_is_not_like_the_others_is_refused() -> TestResult {
    let ebpf = load()?;
    let options = OpenOptions::new().allow_sizes_only(true);
    let fd = ebpf.map_fd("tenants").ok_or("no map")?;
    let tenants: HashOfMaps<u16, HashMap<u32, u32>> = options.from_fd(fd)?;
    let other = with_object::<HashMap<u32, u32>>(INNER, &ebpf, "other")?;
    let error = tenants.insert(&1, &other).unwrap_err().to_string();
    assert!(error.contains("not like the one that the outer map was made with"), "{error}");
    Ok(())
}

#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Mark {
    pub value: u32,
    pub mask: u32,
}

const MARK: Mark = Mark { value: 1, mask: 2 };

fn values_of_sockets() -> TestResult {
    let ebpf = load()?;
    let marks = with_object::<LocalStorage<Mark>>(INNER, &ebpf, "sockets")?;
    let (one, two) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    assert_eq!(marks.get(&one)?, None);
    marks.insert(&one, &MARK)?;
    assert_eq!((marks.get(&one)?, marks.get(&two)?), (Some(MARK), None));
    assert!(marks.remove(&one)?);
    assert!(!marks.remove(&one)?);
    Ok(())
}

/// A pidfd of this process.
pub fn this_process() -> std::io::Result<OwnedFd> {
    pidfd(std::process::id())
}

fn pidfd(process: u32) -> std::io::Result<OwnedFd> {
    // SAFETY: no addresses.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
    match i32::try_from(fd) {
        // SAFETY: the kernel just opened it for us.
        Ok(fd @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(std::io::Error::last_os_error()),
    }
}

fn values_of_processes() -> TestResult {
    let ebpf = load_tasks()?;
    let marks = with_object::<LocalStorage<Mark>>(TASKS, &ebpf, "tasks")?;
    let process = this_process()?;
    marks.insert(&process, &MARK)?;
    assert_eq!(marks.get(&process)?, Some(MARK));
    assert!(marks.remove(&process)?);
    assert_eq!(marks.get(&process)?, None);
    Ok(())
}

fn a_descriptor_of_something_else_has_no_value() -> TestResult {
    let ebpf = load()?;
    let marks = with_object::<LocalStorage<Mark>>(INNER, &ebpf, "sockets")?;
    let file = std::fs::File::open("/dev/null")?;
    let error = marks.get(&file.as_fd()).unwrap_err().to_string();
    assert!(
        error.contains("is not that of an open socket, which is what this map stores"),
        "{error}"
    );
    assert!(error.contains("`sockets` (id "), "{error}");
    Ok(())
}

fn update_rules_of_maps_of_maps() -> TestResult {
    let ebpf = load()?;
    let tenants = with_object::<HashOfMaps<u16, Tenant>>(INNER, &ebpf, "tenants")?;
    let tenant = with_object::<Tenant>(INNER, &ebpf, "tenant")?;
    assert!(!tenants.contains_key(&1)?);
    assert!(matches!(tenants.replace(&1, &tenant), Err(Error::KeyMissing { .. })));
    tenants.insert_new(&1, &tenant)?;
    assert!(matches!(tenants.insert_new(&1, &tenant), Err(Error::KeyExists { .. })));
    tenants.replace(&1, &tenant)?;
    assert!(tenants.contains_key(&1)?);
    assert_eq!(tenants.missing(&[1, 2])?, [&2]);
    assert_eq!(tenants.unexpected(&[2])?, [1]);
    let occupancy = tenants.occupancy()?;
    assert_eq!((occupancy.entries, occupancy.max_entries), (1, 2));
    let slots = with_object::<ArrayOfMaps<Tenant>>(INNER, &ebpf, "slots")?;
    assert!(!slots.contains_key(1)? && !slots.contains_key(7)?);
    slots.set(1, &tenant)?;
    assert!(slots.contains_key(1)?);
    Ok(())
}

fn many_maps_are_put_in_at_once() -> TestResult {
    let ebpf = load()?;
    let tenants = with_object::<HashOfMaps<u16, Tenant>>(INNER, &ebpf, "tenants")?;
    let open = || with_object::<Tenant>(INNER, &ebpf, "tenant");
    for old in [false, true] {
        let rule = move |command: &str| (old && command.contains("BATCH")).then_some(libc::EINVAL);
        fault::with(rule, || -> TestResult {
            tenants.insert_batch(&[1, 2], &[open()?, open()?])?;
            assert_eq!(tenants.occupancy()?.entries, 2);
            match tenants.insert_batch(&[2, 3], &[open()?, open()?]) {
                Err(Error::Partial { done: 1, all: 2, error }) => {
                    assert!(matches!(*error, Error::Full { max_entries: 2, .. }), "{error}");
                    assert!(!error.to_string().contains("lru"), "{error}");
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(tenants.remove_batch(&[1, 2, 3])?, 2);
            Ok(())
        })?;
    }
    Ok(())
}

/// What storage of anything does.
fn update_rules(marks: &LocalStorage<Mark>, owner: &impl AsFd) -> TestResult {
    let other = Mark { value: 3, mask: 4 };
    assert!(!marks.contains_key(owner)?);
    assert!(marks.replace(owner, &MARK).is_err());
    assert_eq!(marks.get(owner)?, None);
    marks.insert_new(owner, &MARK)?;
    assert!(matches!(marks.insert_new(owner, &other), Err(Error::KeyExists { .. })));
    assert_eq!(marks.get(owner)?, Some(MARK));
    marks.replace(owner, &other)?;
    assert!(marks.contains_key(owner)?);
    assert_eq!(marks.get(owner)?, Some(other));
    assert!(marks.remove(owner)?);
    assert!(!marks.remove(owner)?);
    Ok(())
}

fn update_rules_of_storage() -> TestResult {
    let ebpf = load()?;
    let sockets = with_object::<LocalStorage<Mark>>(INNER, &ebpf, "sockets")?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    update_rules(&sockets, &socket)?;
    assert!(matches!(sockets.replace(&socket, &MARK), Err(Error::KeyMissing { .. })));
    Ok(())
}

fn update_rules_of_the_storage_of_processes() -> TestResult {
    let ebpf = load_tasks()?;
    let tasks = with_object::<LocalStorage<Mark>>(TASKS, &ebpf, "tasks")?;
    update_rules(&tasks, &this_process()?)
}

fn values_of_files_and_cgroups() -> TestResult {
    let ebpf = EbpfLoader::new().allow_unsupported_maps().load(crate::failures::STORAGE)?;
    let inodes = with_object::<LocalStorage<Mark>>(crate::failures::STORAGE, &ebpf, "inodes")?;
    update_rules(&inodes, &tempfile::tempfile()?)?;
    let file = tempfile::tempfile()?;
    let cgroups = with_object::<LocalStorage<Mark>>(crate::failures::STORAGE, &ebpf, "cgroups")?;
    let error = cgroups.get(&file).unwrap_err().to_string();
    assert!(error.contains("not that of an open directory of a cgroup"), "{error}");
    Ok(())
}

fn a_process_that_has_ended_has_no_value() -> TestResult {
    let ebpf = load_tasks()?;
    let tasks = with_object::<LocalStorage<Mark>>(TASKS, &ebpf, "tasks")?;
    let mut child = std::process::Command::new("true").spawn()?;
    let process = pidfd(child.id())?;
    child.wait()?;
    let error = tasks.insert(&process, &MARK).unwrap_err().to_string();
    assert!(error.contains("the process has ended"), "{error}");
    let file = std::fs::File::open("/dev/null")?;
    let error = tasks.insert(&file, &MARK).unwrap_err().to_string();
    assert!(error.contains("`pidfd_open(2)` makes one"), "{error}");
    Ok(())
}
