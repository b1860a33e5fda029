use bpfmap::{BpfMapKey, assert_layout};

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Tagged<T> {
    tag: u32,
    inner: T,
}

assert_layout!(Tagged<bool>);

fn main() {}
