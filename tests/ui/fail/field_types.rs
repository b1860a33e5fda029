use bpfmap::BpfMapValue;

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Event {
    open: bool,
    letter: char,
    len: usize,
    delta: isize,
    wide: u128,
    ratio: f64,
    name: &'static str,
    address: *const u8,
    callback: fn(),
    next: Option<u32>,
    pair: (u32, u32),
    nothing: (),
    id: NonZeroU32,
    made: make_type!(),
    nested: [[bool; 2]; 2],
}

use std::num::NonZeroU32;
macro_rules! make_type {
    () => {
        u32
    };
}
use make_type;

fn main() {}
