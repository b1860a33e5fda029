//! A type that was not derived is no key and no value of a typed map.

use bpfmap::{BpfMapValue, Error, HashMap};

#[derive(Clone, Copy)]
#[repr(C)]
struct Plain {
    a: u32,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Value {
    a: u32,
}

fn main() -> Result<(), Error> {
    let _ = HashMap::<u32, Plain>::from_pin("/sys/fs/bpf/plain")?;
    let _ = HashMap::<Value, u32>::from_pin("/sys/fs/bpf/value")?;
    Ok(())
}
