//! A macro that runs after the derive changes what the table was made from.

use bpfmap::BpfMapKey;
use bpfmap_test_macros::{drop_first_field, first_field_is_bool};

#[derive(BpfMapKey, Clone, Copy)]
#[first_field_is_bool]
#[repr(C)]
struct Changed {
    flag: u8,
    other: u8,
}

#[derive(BpfMapKey, Clone, Copy)]
#[drop_first_field]
#[repr(C)]
struct Dropped {
    flag: u8,
    other: u8,
}

fn main() {}
