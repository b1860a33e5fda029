//! Typed eBPF maps whose layout is checked against the program's BTF.
//!
//! A BPF program and its user-space side share maps, that is, bytes. Here the
//! two agree on them by proof:
//!
//! ```text
//!  struct FlowKey  --derive-->  Layout (constant table) --+
//!                                                         +--> compare --> every difference
//!  map / object / kernel  --->  BTF (bytes)  -------------+                   |
//!                                                              open() refuses, or hands out
//!                                                              a typed map
//! ```
//!
//! - [`BpfMapKey`](macro@BpfMapKey) and [`BpfMapValue`](macro@BpfMapValue) make
//!   a struct whose bytes are all known, and its [`Layout`].
//! - [`HashMap`], [`Array`], [`LpmTrie`], [`Queue`], [`RingBuf`] and others are
//!   typed maps. Opening one, by name, pin, id or descriptor, compares each field
//!   with the BTF of the map; [`OpenOptions`] says against what, and what to do
//!   when there is none. [`Globals`] are the global variables of a program.
//! - [`Object`] checks the same without a kernel, in a unit test or in CI, and
//!   [`Btf::check`] compares any type with any other that has a name.
//! - [`Error`] says what is wrong, where, on both sides, and what to do.
//! - [`preflight()`] says whether the machine and the process are fit for it.
//! - [`HashMap::why`] and [`Why`] say why a lookup finds nothing.
//! - [`watch`] says when a map becomes too full.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use bpfmap::{Be16, Be32, BpfMapKey, BpfMapValue, HashMap, Pad};
//!
//! #[derive(BpfMapKey, Clone, Copy)]
//! #[repr(C)]
//! struct FlowKey { saddr: Be32, daddr: Be32, sport: Be16, dport: Be16, proto: u8, pad: Pad<3> }
//!
//! #[derive(BpfMapValue, Clone, Copy)]
//! #[repr(C)]
//! struct FlowStats { packets: u64, bytes: u64 }
//!
//! let ebpf = aya::Ebpf::load_file("flows.bpf.o")?;
//! let flows = HashMap::<FlowKey, FlowStats>::open(&ebpf, "flows")?;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! - `aya` (default): maps of `aya::Ebpf` open by name.
//! - `std` (default): everything but the core.
//! - `serde`: reports, layouts and errors are `Serialize`.
//! - `cli`: the command `bpfmap`.
//! - None of them: the traits, the table and the derives, `no_std` and without
//!   a dependency, for a crate that is shared with BPF programs in Rust.
//!
//! # Where things are
//!
//! The modules follow the picture, each takes from those before it: `layout`
//! (the Rust side, constants only), `btf` and `object` (the other side, bytes
//! only), `compare` (both in, the differences out, no I/O), `values` (a BTF type
//! and bytes in, data out), `sys` (every `bpf(2)` call, and the memory that the
//! kernel shares), `probe` (what the kernel supports), `failure` (what its answers
//! mean), `open` (the gate), `maps` (the typed maps), `inventory` (what maps there
//! are, and who holds them), `diagnose` (why a lookup finds nothing), `watch` (how
//! full maps are over time), `preflight` (is the machine fit). `unsafe` is in
//! `layout` and `sys` alone.

#![cfg_attr(not(feature = "std"), no_std)]
#![deny(unsafe_code)]
#![warn(unreachable_pub)]

#[cfg(feature = "std")]
mod btf;
#[cfg(feature = "std")]
mod compare;
#[cfg(feature = "std")]
pub mod diagnose;
#[cfg(feature = "std")]
mod error;
#[cfg(feature = "std")]
mod failure;
#[cfg(feature = "std")]
pub mod generate;
#[cfg(feature = "std")]
pub mod inventory;
mod layout;
#[cfg(feature = "std")]
pub mod lint;
#[cfg(feature = "std")]
mod map_type;
#[cfg(feature = "std")]
mod maps;
#[cfg(feature = "std")]
mod object;
#[cfg(feature = "std")]
mod open;
#[cfg(feature = "std")]
pub mod preflight;
#[cfg(feature = "std")]
mod probe;
#[cfg(feature = "serde")]
mod serialize;
#[cfg(feature = "std")]
mod sys;
#[cfg(feature = "std")]
mod values;
#[cfg(feature = "std")]
mod verification;
#[cfg(feature = "std")]
pub mod watch;

pub use bpfmap_derive::{BpfEnum, BpfMapKey, BpfMapValue};
pub use layout::{
    Allowed, Be16, Be32, Be64, BpfEnum, BpfLayout, BpfMapKey, BpfMapValue, Counterpart, Enum,
    Field, Kind, Kptr, Layout, ListHead, ListNode, LpmKey, Pad, RbNode, RbRoot, Refcount,
    ResilientSpinLock, SpinLock, Timer, Workqueue, from_bytes, zeroed,
};

#[cfg(feature = "std")]
pub use {
    btf::{Btf, BtfError, BtfKind, BtfMember, BtfRow, BtfRowKind, BtfTable, BtfType},
    compare::{Mismatch, MismatchKind, Mismatches, Note, Place, Role, TypeMismatches},
    diagnose::{Diagnosis, Why},
    error::{Error, KernelError},
    failure::Cause,
    generate::Generator,
    inventory::Inventory,
    lint::Findings,
    map_type::MapType,
    maps::{
        AnyMap, Array, ArrayOfMaps, BloomFilter, Countable, Drain, Elements, Event, Globals,
        HashMap, HashOfMaps, Iter, Keyed, Keys, LocalStorage, LpmTrie, MapValue, MappedArray,
        Occupancy, PerCpu, PrefixAddress, Queue, RawEntries, RingBuf, Stack, TypedMap, Values,
        WrongEvent,
    },
    object::{MapDefinition, Object, ObjectError},
    open::{EntryFormat, Loader, MapTypes, OpenOptions, SideFormat},
    preflight::preflight,
    probe::{Candidate, Feature, Inconclusive, Probes, Support},
    values::{BtfValue, Decoder},
    verification::{BtfSource, MapLabel, Subject, Unverifiable, Verification},
};

/// What `bpf(2)` answers, for tests. Not part of the API.
#[cfg(feature = "fault-injection")]
#[doc(hidden)]
pub use sys::fault;

/// What the derived code names. Not part of the API.
#[doc(hidden)]
pub mod __private {
    #[cfg(feature = "aya")]
    pub use aya;
    pub use core;

    pub use crate::layout::check::{
        NO_LAYOUT, Seal, attributes_fit, padding_at_end, padding_before,
    };
    pub use crate::layout::derived::{DerivedKey, DerivedLayout};
    pub use crate::layout::prefix::{DerivedLpmKey, PrefixLength};
    #[cfg(feature = "std")]
    pub use crate::maps::event::{tag, tagged};
}

/// Implements `aya::Pod`, where there is one: the feature decides that here, so
/// that a crate of shared types needs no `cfg`.
#[doc(hidden)]
#[cfg(feature = "aya")]
#[macro_export]
macro_rules! __impl_pod {
    ($name:ident) => {
        // The bound is of a form that may be false: without `Copy` there is no
        // `Pod`, and nothing is wrong.
        unsafe impl $crate::__private::aya::Pod for $name where
            for<'copy> $name:
                $crate::__private::core::marker::Copy + $crate::__private::DerivedLayout
        {
        }
    };
}

#[doc(hidden)]
#[cfg(not(feature = "aya"))]
#[macro_export]
macro_rules! __impl_pod {
    ($name:ident) => {};
}

/// Checks the layout of one instance of a struct with parameters in
/// `cargo check`, and not first where a map of it is opened.
///
/// ```
/// use bpfmap::{BpfMapKey, assert_layout};
///
/// #[derive(BpfMapKey, Clone, Copy)]
/// #[repr(C)]
/// struct Tagged<T> { tag: u32, inner: T }
///
/// assert_layout!(Tagged<u32>);
/// ```
///
/// ```compile_fail
/// # use bpfmap::{BpfMapKey, assert_layout};
/// # #[derive(BpfMapKey, Clone, Copy)]
/// # #[repr(C)]
/// # struct Tagged<T> { tag: u32, inner: T }
/// // 4 bytes of padding before `inner`.
/// assert_layout!(Tagged<u64>);
/// ```
#[macro_export]
macro_rules! assert_layout {
    ($ty:ty $(,)?) => {
        const _: &$crate::Layout = <$ty as $crate::BpfLayout>::LAYOUT;
    };
}

/// The README's example compiles.
#[cfg(all(doctest, feature = "aya"))]
#[doc = include_str!("../../README.md")]
struct Readme;
