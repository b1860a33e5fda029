//! What the derives implement for a struct without parameters.
//!
//! They do not implement the public traits themselves: rustc would list each
//! derived type of the user's crate under an error about any other. From here
//! the public traits follow, by implementations that it is told to keep quiet
//! about.

use super::check::Seal;
use super::{BpfLayout, BpfMapKey, Layout};

/// A struct with a table, which constants beside it check.
///
/// # Safety
///
/// As for [`BpfLayout`].
pub unsafe trait DerivedLayout: Sized + 'static {
    /// The table.
    const TABLE: &'static Layout;
}

/// A struct whose fields may all be in a key.
///
/// # Safety
///
/// As for [`BpfMapKey`].
pub unsafe trait DerivedKey: DerivedLayout {}

// SAFETY: the same promise.
#[diagnostic::do_not_recommend]
unsafe impl<T: DerivedLayout> BpfLayout for T {
    const LAYOUT: &'static Layout = T::TABLE;
    const DERIVED_AND_NOT_WRITTEN_BY_HAND: Seal = Seal;
}

// SAFETY: the same promise.
#[diagnostic::do_not_recommend]
unsafe impl<T: DerivedKey> BpfMapKey for T {}
