//! A macro could give the derive one type, and the struct another.

use bpfmap::BpfMapKey;

type Id<T> = T;

macro_rules! number {
    () => {
        4
    };
}
macro_rules! byte {
    () => {
        u8
    };
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Key {
    argument: Id<byte!()>,
    length: [u8; number!()],
    // No macro, and no error.
    negated: [u8; !(0xfe_u8) as usize],
    pad: [u8; 2],
}

fn main() {}
