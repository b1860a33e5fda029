//! Kernels whose answers about a map do not agree with one another.

use std::cell::Cell;
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;

use aya::Ebpf;
use aya_obj::generated::{bpf_btf_info, bpf_map_info};
use bpfmap::{
    Array, BpfMapValue, Error, HashMap, Loader, LpmTrie, Object, OpenOptions, PerCpu, Queue,
    RingBuf, Stack, TypedMap, fault,
};

use crate::maps::{Count, MAPS, Prefix};
use crate::support::*;

trials! {
    [Need::Bpf] => [
        a_value_of_another_size_is_refused,
        a_key_of_another_size_is_refused,
        memory_that_is_not_there_is_not_mapped,
        a_buffer_that_is_written_over_is_not_read,
    ]
    [Need::Bpf, Need::Ids] => [
        btf_that_grows_on_each_ask_is_given_up,
        btf_that_grew_once_is_read,
        btf_that_is_gone_is_no_reason_to_trust,
    ]
}

/// Has the kernel say something else in a field of what it says of maps.
fn saying<T>(at: usize, say: impl Fn(u32) -> u32 + 'static, body: impl FnOnce() -> T) -> T {
    let rewrite = move |info: &mut [u8]| {
        if info.len() == size_of::<bpf_map_info>() {
            let field = info[at..].first_chunk_mut::<4>().expect("a field of it");
            *field = say(u32::from_ne_bytes(*field)).to_ne_bytes();
        }
    };
    fault::with_infos(rewrite, body)
}

const VALUE_SIZE: usize = offset_of!(bpf_map_info, value_size);
const KEY_SIZE: usize = offset_of!(bpf_map_info, key_size);
const MAX_ENTRIES: usize = offset_of!(bpf_map_info, max_entries);

/// Refused in each way in.
fn refused<M: TypedMap>(object: &[u8], ebpf: &Ebpf, name: &str, at: usize, size: u32) {
    let parsed = Object::parse(object).expect("it is loaded");
    let fd = ebpf.map_fd(name).expect("it is loaded");
    let new = OpenOptions::new;
    let ways = [new(), new().object(&parsed), new().allow_sizes_only(true)];
    for options in ways {
        let answers =
            saying(at, move |_| size, || [options.open::<M>(ebpf, name), options.from_fd::<M>(fd)]);
        for answer in answers {
            match answer.map(drop) {
                Err(
                    Error::Size { .. } | Error::OtherObject { .. } | Error::Unverifiable { .. },
                ) => {}
                other => panic!("`{name}` of {size} bytes: {other:?}"),
            }
        }
    }
}

fn a_value_of_another_size_is_refused() -> TestResult {
    let (maps, kinds) = (Ebpf::load(MAPS)?, Ebpf::load(KINDS)?);
    for size in [0, 1, 7, 9, 12, 24, 4096, u32::MAX] {
        refused::<HashMap<u32, u64>>(MAPS, &maps, "large", VALUE_SIZE, size);
        refused::<HashMap<u32, PerCpu<Count>>>(MAPS, &maps, "percpu_hash", VALUE_SIZE, size);
        refused::<Array<Count>>(MAPS, &maps, "array", VALUE_SIZE, size);
        refused::<LpmTrie<Prefix, u32>>(MAPS, &maps, "routes", VALUE_SIZE, size);
        refused::<HashMap<Key, Value>>(KINDS, &kinds, "hash", VALUE_SIZE, size);
        refused::<Queue<Value>>(KINDS, &kinds, "queue", VALUE_SIZE, size);
        refused::<Stack<Value>>(KINDS, &kinds, "stack", VALUE_SIZE, size);
    }
    Ok(())
}

fn a_key_of_another_size_is_refused() -> TestResult {
    let (maps, kinds) = (Ebpf::load(MAPS)?, Ebpf::load(KINDS)?);
    for size in [0, 1, 5, 12, 4096, u32::MAX] {
        refused::<HashMap<u32, u64>>(MAPS, &maps, "large", KEY_SIZE, size);
        refused::<LpmTrie<Prefix, u32>>(MAPS, &maps, "routes", KEY_SIZE, size);
        refused::<HashMap<Key, Value>>(KINDS, &kinds, "hash", KEY_SIZE, size);
    }
    Ok(())
}

#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
struct Opened {
    kind: u32,
    pid: u32,
    inode: u64,
}

/// The size of what is mapped is the kernel's to refuse.
fn memory_that_is_not_there_is_not_mapped() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    for entries in [1 << 20, u32::MAX] {
        let array: Array<Count> =
            saying(MAX_ENTRIES, move |_| entries, || with_object(MAPS, &ebpf, "mapped"))?;
        assert!(matches!(array.map_memory().map(drop), Err(Error::Kernel(_))));
        let object = Object::parse(MAPS)?;
        let options = OpenOptions::new().object(&object).event("opened");
        let mut events: RingBuf<Opened> =
            saying(MAX_ENTRIES, move |_| entries, || options.open(&ebpf, "events"))?;
        assert!(matches!(events.try_next(), Err(Error::Kernel(_))));
    }
    Ok(())
}

/// There is none here: Linux has them since 6.19.
fn a_buffer_that_is_written_over_is_not_read() -> TestResult {
    const BPF_F_RB_OVERWRITE: u32 = 1 << 19;
    let ebpf = Ebpf::load(MAPS)?;
    let object = Object::parse(MAPS)?;
    let options = OpenOptions::new().object(&object).event("opened");
    let at = offset_of!(bpf_map_info, map_flags);
    let mut events: RingBuf<Opened> =
        saying(at, |flags| flags | BPF_F_RB_OVERWRITE, || options.open(&ebpf, "events"))?;
    let error = events.try_next().err().ok_or("it is read")?;
    assert!(error.to_string().contains("it was made with BPF_F_RB_OVERWRITE"), "{error}");
    Ok(())
}

/// Has the kernel say of BTF that it is so much longer than it is, which is given
/// the number of the ask; how often it was asked, and the answer of `body`.
fn growing<T>(by: impl Fn(u32) -> u32 + 'static, body: impl FnOnce() -> T) -> (u32, T) {
    let asks = Rc::new(Cell::new(0));
    let counted = Rc::clone(&asks);
    let rewrite = move |info: &mut [u8]| {
        if info.len() == size_of::<bpf_btf_info>() {
            let at = offset_of!(bpf_btf_info, btf_size);
            let field = info[at..].first_chunk_mut::<4>().expect("a field of it");
            *field = (u32::from_ne_bytes(*field) + by(counted.get())).to_ne_bytes();
            counted.set(counted.get() + 1);
        }
    };
    let answer = fault::with_infos(rewrite, body);
    (asks.get(), answer)
}

fn btf_that_grows_on_each_ask_is_given_up() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    let (asks, answer) =
        growing(|ask| (ask + 1) * 64, || HashMap::<Key, Value>::open(&ebpf, "hash"));
    match answer {
        Err(Error::Kernel(error)) => assert_eq!(error.errno(), libc::EAGAIN),
        other => panic!("{other:?}"),
    }
    assert!((2..=8).contains(&asks), "asked {asks} times");
    Ok(())
}

/// Its size when it was asked for the first time is not trusted for the second.
fn btf_that_grew_once_is_read() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    // Shorter first, as BTF under that id was before it grew.
    let shorter = |ask| if ask == 0 { 0_u32.wrapping_sub(16) } else { 0 };
    let asks = Rc::new(Cell::new(0));
    let counted = Rc::clone(&asks);
    let rewrite = move |info: &mut [u8]| {
        if info.len() == size_of::<bpf_btf_info>() {
            let at = offset_of!(bpf_btf_info, btf_size);
            let field = info[at..].first_chunk_mut::<4>().expect("a field of it");
            let size = u32::from_ne_bytes(*field).wrapping_add(shorter(counted.get()));
            *field = size.to_ne_bytes();
            counted.set(counted.get() + 1);
        }
    };
    let map = fault::with_infos(rewrite, || HashMap::<Key, Value>::open(&ebpf, "hash"))?;
    assert_eq!(asks.get(), 3);
    map.insert(&key(1), &value(1))?;
    Ok(())
}

/// Unloaded between the answer of the map and the ask for it. For a map that is
/// open that is not possible, and so it is nothing to be passed over.
fn btf_that_is_gone_is_no_reason_to_trust() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    let object = Object::parse(KINDS)?;
    let new = OpenOptions::new;
    let ways = [new(), new().object(&object), new().allow_sizes_only(true)];
    let is_refused = |answer: Result<HashMap<Key, Value>, Error>| match answer {
        Err(Error::Kernel(error)) => assert_eq!(error.errno(), libc::ENOENT),
        other => panic!("{other:?}"),
    };
    for options in ways {
        let rule = |command: &str| (command == "BPF_BTF_GET_FD_BY_ID").then_some(libc::ENOENT);
        is_refused(fault::with(rule, || options.open(&ebpf, "hash")));
        // And of the kernel itself, by an id that it has given up.
        let gone = unloaded_btf()?;
        let at = offset_of!(bpf_map_info, btf_id);
        is_refused(saying(at, move |_| gone, || options.open(&ebpf, "hash")));
    }
    Ok(())
}

/// An id of BTF that is not loaded any more; ids are not given twice.
fn unloaded_btf() -> Result<u32, Box<dyn std::error::Error>> {
    let mut btf = crate::builder::Builder::new();
    btf.int(4);
    let btf = crate::raw::load_btf(&Vec::from(btf))?;
    let info = format!("/proc/self/fdinfo/{}", btf.as_fd().as_raw_fd());
    let info = std::fs::read_to_string(info)?;
    let id = info.lines().find_map(|line| line.strip_prefix("btf_id:")).ok_or("no id")?;
    Ok(id.trim().parse()?)
}
