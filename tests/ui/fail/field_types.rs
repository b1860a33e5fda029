//! Each type that cannot be shared has advice of its own.

use bpfmap::BpfMapValue;
use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZero, NonZeroU32};
use std::os::raw::{c_long, c_ulong};
use std::rc::Rc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Event {
    open: bool,
    letter: char,
    len: usize,
    delta: isize,
    long: c_long,
    unsigned_long: c_ulong,
    wide: u128,
    signed_wide: i128,
    single: f32,
    double: f64,
    name: &'static str,
    address: *const u8,
    callback: fn(),
    slice: [u8],
    object: dyn Send,
    never: !,
    next: Option<u32>,
    outcome: Result<u32, u32>,
    id: NonZeroU32,
    other_id: NonZero<u32>,
    unset: MaybeUninit<u32>,
    changing: Cell<u32>,
    atomic: AtomicU32,
    text: String,
    list: Vec<u8>,
    boxed: Box<u8>,
    shared: Rc<u8>,
    marker: PhantomData<u8>,
    v4: Ipv4Addr,
    v6: Ipv6Addr,
    ip: IpAddr,
    time: Duration,
    pair: (u32, u32),
    nothing: (),
    made: make_type!(),
    nested: [[bool; 2]; 2],
}

#[macro_export]
macro_rules! make_type {
    () => {
        u32
    };
}

fn main() {}
