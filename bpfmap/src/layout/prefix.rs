//! Keys of tries: which begin with the length of a prefix.

use super::{BpfEnum, BpfMapKey, Enum};

/// A key of an [`LpmTrie`](crate::LpmTrie): a struct with
/// `#[derive(BpfMapKey)]` that begins with the length of the prefix in bits, a
/// `u32` in the order of the host, and goes on with what it is a prefix of.
///
/// Nothing else implements it, and the derive does for each such struct.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of an `LpmTrie`",
    label = "does not begin with the length of a prefix",
    note = "the key of an `LpmTrie` is a struct with `#[derive(BpfMapKey)]` whose first field is the \
            length of the prefix in bits, a `u32`, and which goes on with what it is a prefix of: \
            `struct Prefix {{ prefixlen: u32, addr: Be32 }}`"
)]
pub trait LpmKey: BpfMapKey {}

/// What the derive implements for a struct, where its first field is a
/// [`PrefixLength`] and there are others.
pub trait DerivedLpmKey {}

#[diagnostic::do_not_recommend]
impl<T: BpfMapKey + DerivedLpmKey> LpmKey for T {}

/// What the kernel takes for the length of a prefix.
pub trait PrefixLength {}

impl PrefixLength for u32 {}
#[diagnostic::do_not_recommend]
impl<E: BpfEnum<Int = u32>> PrefixLength for Enum<E> {}
