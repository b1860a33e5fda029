//! What the tokens do not show, the trait refuses.

use bpfmap::{BpfMapKey, BpfMapValue};

type Flag = bool;

#[derive(Clone, Copy)]
#[repr(C)]
struct Plain {
    a: u32,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct OnlyValue {
    a: u32,
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Key {
    flag: Flag,
    plain: [Plain; 2],
    value: OnlyValue,
}

fn main() {}
