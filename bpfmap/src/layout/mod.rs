//! The Rust side of the agreement: which types have a layout that is proven at
//! compile time, and the table that describes it. `no_std`, no dependency.

#![allow(
    unsafe_code,
    reason = "the traits are promises that other code relies on for memory safety"
)]

mod bytes;
pub(crate) mod check;
pub(crate) mod derived;
mod draw;
mod endian;
mod enums;
mod kernel_owned;
mod pad;
pub(crate) mod prefix;
mod scalar;
mod table;

#[cfg(feature = "std")]
pub(crate) use bytes::{bytes_of, bytes_of_mut, bytes_of_slice, value_of};
pub use bytes::{from_bytes, zeroed};
#[cfg(feature = "std")]
pub(crate) use draw::TypeName;
pub use endian::{Be16, Be32, Be64};
pub use enums::{BpfEnum, Enum};
#[cfg(feature = "std")]
pub(crate) use kernel_owned::kernel_owned_type;
pub use kernel_owned::{
    Kptr, ListHead, ListNode, RbNode, RbRoot, Refcount, ResilientSpinLock, SpinLock, Timer,
    Workqueue,
};
pub use pad::Pad;
pub use prefix::LpmKey;
pub use table::{Allowed, Counterpart, Field, Kind, Layout};

/// A type whose bytes are known, one by one, at compile time.
///
/// [`LAYOUT`](BpfLayout::LAYOUT) is the table of its fields. Integers of 8 to
/// 64 bits, [`Be16`], [`Be32`], [`Be64`], [`Pad`] and arrays of such types have
/// one; structs get theirs from `#[derive(BpfMapKey)]` or
/// `#[derive(BpfMapValue)]`.
///
/// ```
/// use bpfmap::{BpfLayout, BpfMapKey, Pad};
///
/// #[derive(BpfMapKey, Clone, Copy)]
/// #[repr(C)]
/// struct Key { port: u16, proto: u8, pad: Pad<1> }
///
/// const PROTO: usize = Key::LAYOUT.fields()[1].offset();
/// assert_eq!(PROTO, 2);
/// ```
///
/// # Safety
///
/// Only the derives and this crate implement it. An implementation promises
/// that, once `LAYOUT` is evaluated,
/// - every byte of the type belongs to a field or to an explicit pad, so the
///   type can be read as bytes;
/// - every pattern of bytes is a valid value, so the kernel may write it;
/// - no byte can change behind a shared reference;
/// - `LAYOUT` says what the compiler laid out.
///
/// For a struct with parameters the bound alone is not enough: the compiler
/// checks an instance when something evaluates its `LAYOUT`, as everything here
/// does. The derives trust what is named `bpfmap`, or by `#[bpf(crate = ...)]`,
/// to be this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a BPF map key or value",
    label = "its bytes are not known to bpfmap",
    note = "fixed-size integers, `Be16`, `Be32`, `Be64`, `Pad` and arrays of these can; \
            a `#[repr(C)]` struct needs `#[derive(BpfMapKey)]` or `#[derive(BpfMapValue)]`, \
            an enum `#[derive(BpfEnum)]` and `Enum<...>` around it"
)]
pub unsafe trait BpfLayout: Sized + 'static {
    /// The table of offsets.
    const LAYOUT: &'static Layout;

    #[doc(hidden)]
    const DERIVED_AND_NOT_WRITTEN_BY_HAND: check::Seal;
}

/// A type that may be the value of a BPF map: any that has a layout.
///
/// # Safety
///
/// As for [`BpfLayout`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of a BPF map",
    label = "not a map value",
    note = "fixed-size integers, `Be16`, `Be32`, `Be64` and arrays of these can, and so can a \
            `#[repr(C)]` struct with `#[derive(BpfMapValue)]`"
)]
pub unsafe trait BpfMapValue: BpfLayout {}

// SAFETY: nothing is promised beyond `BpfLayout`.
#[diagnostic::do_not_recommend]
unsafe impl<T: BpfLayout> BpfMapValue for T {}

/// A type that may be the key of a BPF map; it may be used as a value too.
///
/// # Safety
///
/// As for [`BpfLayout`]; the derive implements it. No byte of a key is owned
/// by the kernel, so that two keys that are equal are equal byte for byte.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a BPF map",
    label = "not a map key",
    note = "fixed-size integers, `Be16`, `Be32`, `Be64` and arrays of these can, and so can a \
            `#[repr(C)]` struct with `#[derive(BpfMapKey)]` in place of `#[derive(BpfMapValue)]`; an \
            enum needs `#[derive(BpfEnum)]` and `Enum<...>` around it; what belongs to the kernel, \
            such as `SpinLock`, cannot be in a key"
)]
pub unsafe trait BpfMapKey: BpfMapValue {
    /// Lets a derived key demand of each field that it is fit for a key.
    #[doc(hidden)]
    const KEY_LAYOUT: &'static Layout = Self::LAYOUT;
}
