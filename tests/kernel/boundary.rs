//! Under AddressSanitizer, what the kernel is given to read and to write.
//!
//! The sanitizer sees the accesses of compiled code, and none of the kernel's. So
//! each `bpf(2)` of this process comes through here: all bytes that the kernel is
//! going to touch, by the sizes that it has itself for the map, have to be within
//! what the process has at that address.

use std::ffi::{c_char, c_int, c_long, c_void};
use std::mem::{transmute, zeroed};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use aya_obj::generated::{bpf_attr, bpf_cmd, bpf_map_info, bpf_map_type};

type Syscall = unsafe extern "C" fn(c_long, ...) -> c_long;

unsafe extern "C" {
    /// The first byte of a range that may not be accessed, or null.
    fn __asan_region_is_poisoned(start: *mut c_void, len: usize) -> *mut c_void;
    /// Writes a report and ends the process.
    fn __asan_report_store_n(start: *mut c_void, len: usize) -> !;
}

/// Takes the place of libc's in this executable, for all that is linked into it.
///
/// # Safety
///
/// As for libc's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    let syscall = libc_syscall();
    if number == libc::SYS_bpf {
        // Of an integer in a register, only its own bits are set.
        let (command, len) = (a as c_int as u32, c as u32 as usize);
        // SAFETY: an integer may have any value.
        let mut attr: bpf_attr = unsafe { zeroed() };
        // SAFETY: the caller hands `len` bytes to the kernel.
        unsafe {
            std::ptr::copy_nonoverlapping(
                std::ptr::with_exposed_provenance::<u8>(b as usize),
                std::ptr::from_mut(&mut attr).cast(),
                len.min(size_of::<bpf_attr>()),
            );
        }
        within(b as u64, len as u64);
        check(command, &attr);
    }
    // SAFETY: the caller's promise.
    unsafe { syscall(number, a, b, c, d, e, f) }
}

/// The one that this one hides.
fn libc_syscall() -> Syscall {
    static HIDDEN: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let mut hidden = HIDDEN.load(Ordering::Relaxed);
    if hidden.is_null() {
        // SAFETY: a name that ends with a NUL.
        hidden = unsafe { libc::dlsym(libc::RTLD_NEXT, c"syscall".as_ptr().cast::<c_char>()) };
        HIDDEN.store(hidden, Ordering::Relaxed);
    }
    assert!(!hidden.is_null(), "libc is a shared one");
    // SAFETY: libc's `syscall` is of this type.
    unsafe { transmute::<*mut c_void, Syscall>(hidden) }
}

/// Ends the process with a report unless all of it is memory that it may access.
fn within(start: u64, len: u64) {
    if start == 0 || len == 0 {
        return;
    }
    let start = std::ptr::with_exposed_provenance_mut(start as usize);
    // SAFETY: both only look at what the sanitizer knows of the range.
    unsafe {
        if !__asan_region_is_poisoned(start, len as usize).is_null() {
            eprintln!("the kernel is told of {len} bytes that are not there:");
            __asan_report_store_n(start, len as usize);
        }
    }
}

/// Compares what the kernel will read and write with what is there.
fn check(command: u32, attr: &bpf_attr) {
    const LOOKUP: u32 = bpf_cmd::BPF_MAP_LOOKUP_ELEM as u32;
    const TAKE: u32 = bpf_cmd::BPF_MAP_LOOKUP_AND_DELETE_ELEM as u32;
    const UPDATE: u32 = bpf_cmd::BPF_MAP_UPDATE_ELEM as u32;
    const DELETE: u32 = bpf_cmd::BPF_MAP_DELETE_ELEM as u32;
    const NEXT: u32 = bpf_cmd::BPF_MAP_GET_NEXT_KEY as u32;
    const LOOKUP_BATCH: u32 = bpf_cmd::BPF_MAP_LOOKUP_BATCH as u32;
    const TAKE_BATCH: u32 = bpf_cmd::BPF_MAP_LOOKUP_AND_DELETE_BATCH as u32;
    const UPDATE_BATCH: u32 = bpf_cmd::BPF_MAP_UPDATE_BATCH as u32;
    const DELETE_BATCH: u32 = bpf_cmd::BPF_MAP_DELETE_BATCH as u32;
    const INFO: u32 = bpf_cmd::BPF_OBJ_GET_INFO_BY_FD as u32;
    const LOAD: u32 = bpf_cmd::BPF_BTF_LOAD as u32;

    match command {
        LOOKUP | TAKE | UPDATE | DELETE | NEXT => {
            // SAFETY: the part of the union that these commands have, of integers.
            let (element, value) = unsafe {
                let element = attr.__bindgen_anon_2;
                (element, element.__bindgen_anon_1.value)
            };
            let Some(sizes) = Sizes::of(element.map_fd) else { return };
            within(element.key, sizes.key);
            match command {
                DELETE => {}
                NEXT => within(value, sizes.key),
                _ => within(value, sizes.value),
            }
        }
        LOOKUP_BATCH | TAKE_BATCH | UPDATE_BATCH | DELETE_BATCH => {
            // SAFETY: as above.
            let batch = unsafe { attr.batch };
            let Some(sizes) = Sizes::of(batch.map_fd) else { return };
            within(batch.keys, sizes.key * u64::from(batch.count));
            if command != DELETE_BATCH {
                within(batch.values, sizes.value * u64::from(batch.count));
            }
            within(batch.in_batch, sizes.cursor);
            within(batch.out_batch, sizes.cursor);
        }
        INFO => {
            // SAFETY: as above.
            let info = unsafe { attr.info };
            within(info.info, u64::from(info.info_len));
        }
        LOAD => {
            // SAFETY: as above.
            let load = unsafe { attr.__bindgen_anon_7 };
            within(load.btf, u64::from(load.btf_size));
        }
        _ => {}
    }
}

/// How many bytes the kernel touches.
struct Sizes {
    key: u64,
    value: u64,
    cursor: u64,
}

impl Sizes {
    /// Asks the kernel. What is not a map is its business; other objects have infos
    /// too, which would be mistaken for a map's.
    fn of(map: u32) -> Option<Self> {
        let object = std::fs::read_link(format!("/proc/self/fd/{map}")).ok()?;
        if object.as_os_str() != "anon_inode:bpf-map" {
            return None;
        }
        // SAFETY: integers.
        let (mut info, mut attr) = unsafe { (zeroed::<bpf_map_info>(), zeroed::<bpf_attr>()) };
        attr.info.bpf_fd = map;
        attr.info.info_len = size_of_val(&info) as u32;
        attr.info.info = std::ptr::from_mut(&mut info).expose_provenance() as u64;
        let (attr, len) = (std::ptr::from_mut(&mut attr), size_of_val(&attr));
        // SAFETY: the kernel is told how long both are.
        let answer = unsafe {
            libc_syscall()(libc::SYS_bpf, bpf_cmd::BPF_OBJ_GET_INFO_BY_FD as c_int, attr, len)
        };
        if answer != 0 {
            // Who may not ask this under a seccomp filter may not do the rest either.
            return None;
        }
        let key = u64::from(info.key_size);
        let is = |types: &[bpf_map_type]| types.iter().any(|it| *it as u32 == info.type_);
        let value = match is(&[
            bpf_map_type::BPF_MAP_TYPE_PERCPU_HASH,
            bpf_map_type::BPF_MAP_TYPE_PERCPU_ARRAY,
            bpf_map_type::BPF_MAP_TYPE_LRU_PERCPU_HASH,
        ]) {
            true => u64::from(info.value_size).next_multiple_of(8) * possible_cpus(),
            false => u64::from(info.value_size),
        };
        // Hash maps go on from a bucket, the others from a key.
        let cursor = match is(&[
            bpf_map_type::BPF_MAP_TYPE_HASH,
            bpf_map_type::BPF_MAP_TYPE_LRU_HASH,
            bpf_map_type::BPF_MAP_TYPE_PERCPU_HASH,
            bpf_map_type::BPF_MAP_TYPE_LRU_PERCPU_HASH,
        ]) {
            true => 4,
            false => key,
        };
        Some(Self { key, value, cursor })
    }
}

/// One more than the last CPU that there may ever be.
fn possible_cpus() -> u64 {
    static CPUS: OnceLock<u64> = OnceLock::new();
    *CPUS.get_or_init(|| {
        let ranges = std::fs::read_to_string("/sys/devices/system/cpu/possible");
        let ranges = ranges.expect("sysfs is mounted");
        let last = ranges.trim().rsplit(['-', ',']).next();
        last.and_then(|last| last.parse::<u64>().ok()).expect("a list of CPUs") + 1
    })
}
