//! Ways by which other libraries were made to read or write what is not theirs:
//! here each is refused, or harmless. `docs/soundness.md` says why.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use aya::programs::Xdp;
use aya::{Ebpf, TestRun, TestRunOptions};
use bpfmap::{
    Array, Be16, Be32, Be64, BpfEnum, BpfMapKey, BpfMapValue, Enum, Error, Event, Globals, HashMap,
    Loader, MapType, Object, OpenOptions, Pad, PerCpu, Queue, RingBuf, Timer, from_bytes,
};
use nix::sched::{CloneFlags, unshare};

use crate::features::TAKE;
use crate::maps::{Count, MAPS};
use crate::raw::{Create, link_xdp, load_btf, written};
use crate::support::*;

trials! {
    [Need::Bpf] => [
        the_kernel_writes_as_much_as_is_asked_for,
        a_map_that_is_larger_or_smaller_than_its_type_does_not_open,
        a_foreign_map_behind_the_right_name_does_not_open,
        types_without_bytes_fit_no_map,
        elements_in_memory_do_not_touch,
        a_ring_buffer_that_another_reader_spoils,
        btf_and_programs_are_no_maps,
    ]
    [Need::Bpf, TAKE] => [
        any_bytes_are_a_value,
    ]
    [Need::Bpf, Need::Ids] => [
        a_link_is_no_map,
    ]
    [] => [
        samples_of_every_length,
    ]
}

/// A map that nobody declared.
fn create(
    map_type: MapType,
    key_size: u32,
    value_size: u32,
    flags: u32,
) -> std::io::Result<OwnedFd> {
    let max_entries = 5;
    let (map_type, map_flags) = (map_type.as_raw(), flags);
    let (name, btf, inner) = ("flows", None, None);
    Create { map_type, name, key_size, value_size, max_entries, map_flags, btf, inner }.create()
}

/// The possible CPUs as the kernel counts them when it writes, without asking it how
/// many they are.
fn the_kernel_writes_as_much_as_is_asked_for() -> TestResult {
    let cpus = PerCpu::splat(0)?.as_slice().len();
    for value_size in [1_u32, 4, 8, 12, 20] {
        let stride = value_size.next_multiple_of(8) as usize;
        let percpu = create(MapType::PERCPU_ARRAY, 4, value_size, 0)?;
        assert_eq!(written(&percpu)?, stride * cpus, "{cpus} CPUs, {value_size} bytes for each");
        let array = create(MapType::ARRAY, 4, value_size, 0)?;
        assert_eq!(written(&array)?, value_size as usize);
    }
    Ok(())
}

fn is_refused<T: std::fmt::Debug>(answer: Result<T, Error>) {
    match answer {
        Err(
            Error::Size { .. }
            | Error::OtherObject { .. }
            | Error::Unverifiable { .. }
            | Error::MapType { .. },
        ) => {}
        other => panic!("{other:?}"),
    }
}

/// A map of the right name: of another type, or with a key or a value of another
/// size. With the object, without it, and where sizes are enough.
fn a_map_that_is_larger_or_smaller_than_its_type_does_not_open() -> TestResult {
    let object = Object::parse(FLOWS)?;
    let new = || OpenOptions::new().name("flows");
    let ways = [new(), new().object(&object), new().allow_sizes_only(true)];
    let ways = [ways, ways.map(|way| way.object(&object).allow_sizes_only(true))].concat();
    for [key, value] in [[16, 15], [16, 17], [16, 64], [16, 1], [15, 16], [17, 16], [64, 64]] {
        let fd = create(MapType::HASH, key, value, 0)?;
        for options in &ways {
            is_refused(options.from_fd::<HashMap<FlowKey, FlowStats>>(&fd));
        }
    }
    for map_type in [MapType::PERCPU_HASH, MapType::LRU_PERCPU_HASH] {
        let fd = create(map_type, 16, 16, 0)?;
        for options in &ways {
            is_refused(options.from_fd::<HashMap<FlowKey, FlowStats>>(&fd));
        }
    }
    // One value where there is one for each CPU, and the other way round.
    let (array, percpu) =
        (create(MapType::ARRAY, 4, 8, 0)?, create(MapType::PERCPU_ARRAY, 4, 8, 0)?);
    let options = OpenOptions::new().allow_sizes_only(true);
    is_refused(options.from_fd::<Array<u64>>(&percpu));
    is_refused(options.from_fd::<Array<PerCpu<u64>>>(&array));
    is_refused(options.from_fd::<Queue<u64>>(&array));
    is_refused(options.from_fd::<HashMap<u32, u64>>(&array));
    Ok(())
}

/// A loader that hands out the descriptor of something else.
struct Foreign<'a>(BorrowedFd<'a>);

impl Loader for Foreign<'_> {
    fn map_fd(&self, _: &str) -> Option<BorrowedFd<'_>> {
        Some(self.0)
    }
    fn map_names(&self) -> Vec<String> {
        vec!["flows".into()]
    }
}

fn a_foreign_map_behind_the_right_name_does_not_open() -> TestResult {
    let (maps, kinds) = (Ebpf::load(MAPS)?, Ebpf::load(KINDS)?);
    let object = Object::parse(FLOWS)?;
    let new = OpenOptions::new;
    let foreign = [(&maps, "large"), (&maps, "array"), (&maps, "percpu_hash"), (&maps, "routes")];
    for (ebpf, name) in foreign.into_iter().chain([(&kinds, "hash"), (&kinds, "queue")]) {
        let loader = Foreign(ebpf.map_fd(name).ok_or("no map")?);
        for options in [new(), new().object(&object), new().allow_sizes_only(true)] {
            match options.open::<HashMap<FlowKey, FlowStats>>(&loader, "flows") {
                Err(Error::Mismatch(_)) => {}
                answer => is_refused(answer),
            }
        }
    }
    Ok(())
}

fn types_without_bytes_fit_no_map() -> TestResult {
    let options = OpenOptions::new().allow_sizes_only(true);
    let hash = create(MapType::HASH, 4, 8, 0)?;
    is_refused(options.from_fd::<HashMap<u32, [u8; 0]>>(&hash));
    is_refused(options.from_fd::<HashMap<[u8; 0], u64>>(&hash));
    is_refused(options.from_fd::<HashMap<u32, [[u64; 4]; 0]>>(&hash));
    is_refused(options.from_fd::<HashMap<u32, Pad<0>>>(&hash));
    is_refused(options.from_fd::<Array<[u8; 0]>>(&create(MapType::ARRAY, 4, 8, 0)?));
    let percpu = create(MapType::PERCPU_HASH, 4, 8, 0)?;
    is_refused(options.from_fd::<HashMap<u32, PerCpu<[u8; 0]>>>(&percpu));
    is_refused(options.from_fd::<Queue<[u8; 0]>>(&create(MapType::QUEUE, 0, 8, 0)?));
    // There is no map that they would fit.
    for map_type in [MapType::HASH, MapType::ARRAY, MapType::PERCPU_HASH, MapType::QUEUE] {
        assert!(create(map_type, 4, 0, 0).is_err(), "{map_type}");
    }
    assert!(create(MapType::HASH, 0, 8, 0).is_err());
    assert_eq!(from_bytes::<[u8; 0]>(&[]), Some([]));
    assert_eq!(from_bytes::<[u8; 0]>(&[1]), None);
    Ok(())
}

#[derive(BpfEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Flag {
    No = 0,
    Yes = 1,
}

#[derive(BpfEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
enum Verdict {
    Drop = -2,
    Pass = 1,
}

/// Whatever a type may be made of.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
struct Everything {
    timer: Timer,
    address: Be64,
    count: u64,
    signed: i64,
    verdict: Enum<Verdict>,
    net: Be32,
    port: Be16,
    is_set: Enum<Flag>,
    byte: i8,
    nested: [Inner; 2],
    name: [u8; 5],
    pad: Pad<7>,
}

#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct Inner {
    flags: [Enum<Flag>; 3],
    pad: Pad<1>,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C, packed)]
struct Packed {
    first: u8,
    verdict: Enum<Verdict>,
    wide: u64,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Generic<T, const N: usize> {
    items: [T; N],
    one: T,
}

/// Has a map hold a value whose bytes are all the same, as a program could leave
/// them, and reads it in each way.
fn held<V: BpfMapValue + Copy>(byte: u8) -> Result<Vec<V>, Box<dyn std::error::Error>> {
    let size = size_of::<V>();
    let fd = create(MapType::HASH, 4, size.try_into()?, 0)?;
    // Bytes are what it is written as.
    let written: V = from_bytes(&vec![byte; size]).ok_or("as many bytes")?;
    let map: HashMap<u32, V> = OpenOptions::new().allow_sizes_only(true).from_fd(&fd)?;
    map.insert(&1, &written)?;
    let mut values = vec![written, map.get(&1)?.ok_or("no value")?];
    values.extend(map.values().collect::<Result<Vec<_>, _>>()?);
    values.extend(map.take(&1)?);
    assert_eq!(values.len(), 4);
    Ok(values)
}

fn any_bytes_are_a_value() -> TestResult {
    for value in held::<Everything>(0xff)? {
        assert_eq!((value.verdict.get(), value.verdict.to_int()), (None, -1));
        assert_eq!((value.is_set.get(), value.is_set.to_int()), (None, 255));
        assert_eq!((value.count, value.signed, value.byte), (u64::MAX, -1, -1));
        assert_eq!((value.port.get(), value.net.get()), (u16::MAX, u32::MAX));
        assert!(
            value.nested.iter().all(|inner| inner.flags.iter().all(|flag| flag.get().is_none()))
        );
        assert!(!value.pad.is_zero());
        assert!(format!("{value:?}").contains("255"), "it can be printed");
    }
    for value in held::<Packed>(0x80)? {
        let (verdict, wide) = (value.verdict, value.wide);
        assert_eq!((verdict.get(), wide, value.first), (None, 0x8080_8080_8080_8080, 0x80));
    }
    for value in held::<Generic<Inner, 2>>(2)? {
        assert_eq!(value.items[1], value.one);
        assert_eq!(value.one.flags[2].to_int(), 2);
    }
    for value in held::<[Enum<Verdict>; 3]>(0xfe)? {
        assert_eq!(value[2].to_int(), i32::from_ne_bytes([0xfe; 4]));
    }
    // And every byte there is, of the smallest.
    for byte in 0..=u8::MAX {
        let flag: Enum<Flag> = from_bytes(&[byte]).ok_or("one byte")?;
        let known = [Some(Flag::No), Some(Flag::Yes)].get(usize::from(byte)).copied().flatten();
        assert_eq!(flag.get(), known);
    }
    // As keys.
    let fd = create(MapType::HASH, 4, 4, 0)?;
    let map: HashMap<Inner, u32> = OpenOptions::new().allow_sizes_only(true).from_fd(&fd)?;
    let key: Inner = from_bytes(&[0xff; 4]).ok_or("4 bytes")?;
    map.insert(&key, &1)?;
    assert_eq!(map.keys().collect::<Result<Vec<_>, _>>()?, [key]);
    assert_eq!(map.get(&Inner { pad: Pad::default(), ..key })?, None);
    Ok(())
}

fn samples_of_every_length() -> TestResult {
    fn of<T: BpfMapValue>() {
        let bytes = vec![0xff; size_of::<T>() + 64];
        for len in 0..bytes.len() {
            let fits = len == size_of::<T>();
            assert_eq!(<T as Event>::from_sample(&bytes[..len]).is_ok(), fits, "{len}");
            assert_eq!(from_bytes::<T>(&bytes[..len]).is_some(), fits, "{len}");
            // From any address.
            let unaligned = bytes.get(1..=len).and_then(from_bytes::<T>);
            assert_eq!(unaligned.is_some(), fits, "{len}");
        }
        assert_eq!(T::LAYOUT.size(), size_of::<T>());
    }
    of::<Everything>();
    of::<Packed>();
    of::<Generic<u64, 3>>();
    of::<u8>();
    Ok(())
}

/// Elements are a multiple of 8 bytes apart, whatever they are long.
fn elements_in_memory_do_not_touch() -> TestResult {
    fn of<const N: usize>() -> TestResult {
        const BPF_F_MMAPABLE: u32 = 1 << 10;
        let fd = create(MapType::ARRAY, 4, N.try_into()?, BPF_F_MMAPABLE)?;
        let array: Array<[u8; N]> = OpenOptions::new().allow_sizes_only(true).from_fd(&fd)?;
        let memory = array.map_memory()?;
        let last = memory.len() - 1;
        for index in 0..=last {
            memory.set(index, &[0xff; N])?;
            // What was written is what the kernel has there, and nothing else.
            for other in 0..=last {
                let expected = if other == index { [0xff; N] } else { [other as u8 + 1; N] };
                let expected = if other > index { [0; N] } else { expected };
                assert_eq!(array.get(other)?, Some(expected), "{N} bytes, {other} of {index}");
                assert_eq!(memory.get(other), Some(expected));
            }
            array.set(index, &[index as u8 + 1; N])?;
        }
        for beyond in [last + 1, last + 2, u32::MAX] {
            assert_eq!(memory.get(beyond), None);
            assert!(matches!(memory.set(beyond, &[0; N]), Err(Error::OutOfRange { .. })));
        }
        Ok(())
    }
    of::<1>()?;
    of::<3>()?;
    of::<7>()?;
    of::<8>()?;
    of::<12>()?;
    of::<20>()?;
    // The end of a page is in the middle of an element, and the last one ends with
    // the last page.
    of::<1000>()?;
    of::<4096>()
}

#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
struct Opened {
    kind: u32,
    pid: u32,
    inode: u64,
}

/// How far it was read is in memory to which any process writes that has the buffer
/// open: whatever stands there, what is read lies within the buffer.
fn a_ring_buffer_that_another_reader_spoils() -> TestResult {
    let mut ebpf = Ebpf::load(MAPS)?;
    let object = Object::parse(MAPS)?;
    let options = OpenOptions::new().object(&object).event("opened");
    let mut events: RingBuf<Opened> = options.open(&ebpf, "events")?;
    let program: &mut Xdp = ebpf.program_mut("report").ok_or("no program")?.try_into()?;
    program.load()?;
    // The buffer is full, of headers, small numbers, and what programs left out.
    let run = TestRunOptions { data_in: Some(&[0; 64]), repeat: 1000, ..TestRunOptions::default() };
    program.test_run(run)?;
    // SAFETY: a new mapping of the page with the position.
    let page = unsafe {
        let (length, access) = (4096, libc::PROT_READ | libc::PROT_WRITE);
        let fd = events.as_raw_fd();
        libc::mmap(std::ptr::null_mut(), length, access, libc::MAP_SHARED, fd, 0)
    };
    assert_ne!(page, libc::MAP_FAILED);
    // SAFETY: it is mapped, aligned, and written to as an atomic alone.
    let position = unsafe { &*page.cast::<AtomicU64>() };
    let (mut read, mut spoiled) = (0, 0);
    for at in (0..10_000).chain([u64::MAX, u64::MAX - 7, 1 << 32, 1 << 63]) {
        position.store(at, Ordering::Relaxed);
        match events.try_next() {
            Ok(_) | Err(Error::Event { .. }) => read += 1,
            Err(Error::Kernel(error)) => {
                assert_eq!(error.errno(), libc::EIO);
                assert!(error.to_string().contains("does another process read it too"), "{error}");
                spoiled += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(read > 100 && spoiled > 1000, "{read} read, {spoiled} spoiled");
    // SAFETY: mapped above, and not used any more.
    unsafe { libc::munmap(page, 4096) };
    Ok(())
}

fn is_no_map(fd: impl AsFd) {
    let options = OpenOptions::new().allow_sizes_only(true);
    let fd = fd.as_fd();
    let answers = [
        options.from_fd::<HashMap<u32, u64>>(fd).map(drop),
        options.from_fd::<HashMap<u32, PerCpu<u64>>>(fd).map(drop),
        options.from_fd::<Array<Count>>(fd).map(drop),
        options.from_fd::<Queue<Value>>(fd).map(drop),
        options.from_fd::<Globals<u64>>(fd).map(drop),
        options.open::<HashMap<u32, u64>>(&Foreign(fd), "flows").map(drop),
    ];
    for answer in answers {
        assert!(matches!(answer, Err(Error::NotAMap { .. })), "{answer:?}");
    }
}

/// The kernel describes them through the same call, in another structure.
fn btf_and_programs_are_no_maps() -> TestResult {
    let mut btf = crate::builder::Builder::new();
    btf.int(4);
    is_no_map(load_btf(&Vec::from(btf))?);
    let mut ebpf = Ebpf::load(FLOWS)?;
    let program: &mut Xdp = ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    is_no_map(program.fd()?);
    is_no_map(std::fs::File::open("/dev/null")?);
    is_no_map(std::net::UdpSocket::bind("127.0.0.1:0")?);
    Ok(())
}

fn a_link_is_no_map() -> TestResult {
    let mut ebpf = Ebpf::load(FLOWS)?;
    let program: &mut Xdp = ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    let program = program.fd()?.as_fd();
    let link = std::thread::scope(|scope| {
        let attach = || {
            // A network with nothing but its own loopback, for this thread.
            unshare(CloneFlags::CLONE_NEWNET).map_err(std::io::Error::from)?;
            link_xdp(program, 1)
        };
        scope.spawn(attach).join().map_err(|_| std::io::Error::other("it panicked"))?
    })?;
    is_no_map(link);
    Ok(())
}
