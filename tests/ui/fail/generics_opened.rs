//! Without an assertion the instance is checked where a map of it is opened.

use bpfmap::{BpfMapKey, Error, HashMap};

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Tagged<T> {
    tag: u32,
    inner: T,
}

fn main() -> Result<(), Error> {
    let map = HashMap::<Tagged<u8>, u32>::from_pin("/sys/fs/bpf/tagged")?;
    map.insert(&Tagged { tag: 1, inner: 2 }, &3)
}
