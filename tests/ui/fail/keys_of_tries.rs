//! What cannot be the key of a trie is said where it is named.

use bpfmap::{Array, Be32, BpfMapKey, HashMap, LpmTrie, OpenOptions};

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Turned {
    addr: Be32,
    prefixlen: u32,
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Bare {
    prefixlen: u32,
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Tagged<T> {
    tag: T,
    addr: Be32,
}

// That it is refused is said once.
#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Refused {
    prefixlen: bool,
    addr: Be32,
}

type OfTurned = LpmTrie<Turned, u32>;

fn main() -> Result<(), bpfmap::Error> {
    OfTurned::from_pin("/sys/fs/bpf/routes")?;
    OpenOptions::new().from_id::<LpmTrie<Bare, u32>>(1)?;
    LpmTrie::<[u8; 8], u32>::from_id(1)?;
    LpmTrie::<Tagged<u16>, u32>::from_id(1)?;
    LpmTrie::<Tagged<u32>, u32>::from_id(1)?;
    LpmTrie::<Refused, u32>::from_id(1)?;
    HashMap::<Turned, u32>::from_id(1)?;
    Array::<Turned>::from_id(1)?;
    Ok(())
}
