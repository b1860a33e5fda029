//! The promises are not for hand-written implementations.

use bpfmap::{BpfLayout, Layout};

#[derive(Clone, Copy)]
struct Liar {
    flag: bool,
}

unsafe impl BpfLayout for Liar {
    const LAYOUT: &'static Layout = u8::LAYOUT;
}

fn main() {}
