//! Typed eBPF maps whose layout is checked against the program's BTF.

#![cfg_attr(not(feature = "std"), no_std)]
#![deny(unsafe_code)]
#![warn(unreachable_pub)]

#[cfg(feature = "std")]
mod btf;
#[cfg(feature = "std")]
mod compare;
#[cfg(feature = "std")]
mod error;
mod layout;
#[cfg(feature = "std")]
mod map_type;
#[cfg(feature = "std")]
mod maps;
#[cfg(feature = "std")]
mod object;
#[cfg(feature = "std")]
mod open;
#[cfg(feature = "std")]
mod sys;
#[cfg(feature = "std")]
mod verification;

pub use bpfmap_derive::{BpfMapKey, BpfMapValue};
pub use layout::{
    Be16, Be32, Be64, BpfLayout, BpfMapKey, BpfMapValue, Field, Kind, Layout, Pad, zeroed,
};

#[cfg(feature = "std")]
pub use {
    btf::{Btf, BtfError},
    compare::{Mismatch, MismatchKind, Mismatches, Place, Role, TypeMismatches},
    error::{Error, KernelError},
    map_type::MapType,
    maps::{HashMap, Iter, Keys, TypedMap, Values},
    object::{Object, ObjectError},
    open::{Loader, OpenOptions},
    verification::{BtfSource, MapLabel, Subject, Unverifiable, Verification},
};

/// What `bpf(2)` answers, for tests. Not part of the API.
#[cfg(feature = "fault-injection")]
#[doc(hidden)]
pub use sys::fault;

/// What the derived code names. Not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use core;

    pub use crate::layout::check::{NO_LAYOUT, Seal, padding_at_end, padding_before};
}
