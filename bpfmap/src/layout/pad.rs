//! Explicit padding.

use core::fmt;

use super::check::Seal;
use super::{BpfLayout, BpfMapKey, Kind, Layout};

/// `N` bytes that mean nothing, written as a field of their own.
///
/// Made in Rust it holds zeros, and nothing can write to it, so two keys built
/// from equal fields are equal byte for byte. One that was read from a map
/// keeps the bytes that the kernel held, so that a key found by iteration is
/// found again by [`get`](crate::HashMap::get); it compares by these bytes, and
/// [`is_zero`](Pad::is_zero) tells whether a program left something in them.
///
/// ```
/// use bpfmap::{BpfMapKey, Pad, zeroed};
///
/// #[derive(BpfMapKey, Clone, Copy, PartialEq, Debug)]
/// #[repr(C)]
/// struct Key { id: u32, proto: u8, pad: Pad<3> }
///
/// let key = Key { id: 1, proto: 6, pad: Pad::default() };
/// assert_eq!(key, Key { id: 1, proto: 6, ..zeroed() });
/// ```
///
/// It stands over a hole in the C struct, or over a member that is padding by
/// its name (`pad`, `__pad1`, `_reserved`, `unused`); over any other member it
/// is a mismatch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Pad<const N: usize>([u8; N]);

impl<const N: usize> Pad<N> {
    /// Whether all of its bytes are zero.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }
}

impl<const N: usize> Default for Pad<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> fmt::Debug for Pad<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() { write!(f, "Pad") } else { write!(f, "Pad({:02x?})", self.0) }
    }
}

// SAFETY: bytes, without padding of their own, and any byte is fine.
#[diagnostic::do_not_recommend]
unsafe impl<const N: usize> BpfLayout for Pad<N> {
    const LAYOUT: &'static Layout = &Layout::new("", N, 1, Kind::Pad);
    const DERIVED_AND_NOT_WRITTEN_BY_HAND: Seal = Seal;
}
// SAFETY: as above; equality is that of the bytes.
#[diagnostic::do_not_recommend]
unsafe impl<const N: usize> BpfMapKey for Pad<N> {}
