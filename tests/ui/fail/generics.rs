//! An instance with padding is refused where it is asserted or used.

use bpfmap::{BpfMapKey, BpfMapValue, assert_layout};

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Tagged<T> {
    tag: u32,
    inner: T,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Named<const N: usize> {
    name: [u8; N],
    id: u32,
}

assert_layout!(Tagged<u32>);
assert_layout!(Tagged<u64>);
assert_layout!(Named<8>);
assert_layout!(Named<9>);

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Outer {
    tagged: Tagged<u8>,
}

fn main() {}
