//! What uses a struct or an enum that was refused is not refused as well.

use bpfmap::{BpfEnum, BpfMapKey, BpfMapValue, Enum, Error, HashMap, Pad, assert_layout, zeroed};

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Inner {
    id: u32,
    open: bool,
    pad: Pad<3>,
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Outer {
    first: u32,
    inner: [Inner; 2],
    last: u32,
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Generic<T> {
    inner: T,
    open: bool,
}

assert_layout!(Generic<u32>);

#[derive(BpfEnum, Clone, Copy)]
enum Verdict {
    Pass = 1,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Event {
    verdict: Enum<Verdict>,
}

fn is_pod<T: aya::Pod>(_: T) {}

fn main() -> Result<(), Error> {
    let map = HashMap::<Outer, Event>::from_pin("/sys/fs/bpf/map")?;
    map.insert(&zeroed(), &zeroed())?;
    let _ = map.get(&zeroed())?.map(|event| event.verdict.get());
    let _ = HashMap::<Generic<u32>, u32>::from_pin("/sys/fs/bpf/map")?;
    is_pod(zeroed::<Inner>());
    Ok(())
}
