//! Maps of maps, and storage of what is not a map.

use std::net::UdpSocket;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use aya::{Ebpf, EbpfLoader};
use bpfmap::{
    ArrayOfMaps, BpfMapValue, BtfSource, Error, HashMap, HashOfMaps, Loader, LocalStorage, Object,
    OpenOptions, Unverifiable, Verification,
};

use crate::support::*;

trials! {
    [Need::Bpf] => [
        a_hash_of_maps,
        an_array_of_maps,
        maps_of_another_type_are_refused,
        a_map_that_is_not_like_the_others_is_refused,
        values_of_sockets,
        values_of_processes,
        a_descriptor_of_something_else_has_no_value,
    ]
}

pub static INNER: &[u8] = aya::include_bytes_aligned!("../bpf/inner.bpf.o");

pub type Tenant = HashMap<u32, u64>;

/// aya has no type of its own for the storage of tasks.
fn load() -> Result<Ebpf, aya::EbpfError> {
    EbpfLoader::new().allow_unsupported_maps().load(INNER)
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
    let tenant = Tenant::open(&ebpf, "tenant")?;
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
    let tenant = Tenant::open(&ebpf, "tenant")?;
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
    let other = HashMap::<u32, u32>::open(&ebpf, "other")?;
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
    let marks = LocalStorage::<Mark>::open(&ebpf, "sockets")?;
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
    // SAFETY: no addresses.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, std::process::id(), 0) };
    match i32::try_from(fd) {
        // SAFETY: the kernel just opened it for us.
        Ok(fd @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(std::io::Error::last_os_error()),
    }
}

fn values_of_processes() -> TestResult {
    let ebpf = load()?;
    let marks = LocalStorage::<Mark>::open(&ebpf, "tasks")?;
    let process = this_process()?;
    marks.insert(&process, &MARK)?;
    assert_eq!(marks.get(&process)?, Some(MARK));
    assert!(marks.remove(&process)?);
    assert_eq!(marks.get(&process)?, None);
    Ok(())
}

fn a_descriptor_of_something_else_has_no_value() -> TestResult {
    let ebpf = load()?;
    let marks = LocalStorage::<Mark>::open(&ebpf, "sockets")?;
    let file = std::fs::File::open("/dev/null")?;
    let error = marks.get(&file.as_fd()).unwrap_err().to_string();
    assert!(
        error.contains("is not that of an open socket, which is what this map stores"),
        "{error}"
    );
    assert!(error.contains("`sockets` (id "), "{error}");
    Ok(())
}
