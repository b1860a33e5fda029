//! What the derives write is against no lint, so it need not be allowed, which
//! a crate may have forbidden.

#![forbid(
    dead_code,
    deprecated,
    missing_docs,
    non_snake_case,
    non_upper_case_globals,
    trivial_casts,
    trivial_numeric_casts,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    unused_variables,
    warnings
)]

use bpfmap::{BpfEnum, BpfMapKey, BpfMapValue, Enum};

#[derive(BpfEnum, Clone, Copy)]
#[repr(u32)]
enum Verdict {
    Pass = 1,
}

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Key<T> {
    a: T,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Value {
    verdict: Enum<Verdict>,
    key: Key<u32>,
}

fn main() {
    let value = Value { verdict: Verdict::Pass.into(), key: Key { a: 1 } };
    assert!(value.verdict == Verdict::Pass && value.key.a == 1);
}
