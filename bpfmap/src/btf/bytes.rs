//! The bytes of BTF, whoever owns them.

use std::borrow::Cow;
use std::ops::Deref;

/// Bytes that stay where they are.
pub(super) enum Bytes<'a> {
    Given(Cow<'a, [u8]>),
    /// Such as a file of the kernel that is mapped into memory.
    Mapped(Box<dyn Deref<Target = [u8]> + Send + Sync>),
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Given(bytes) => bytes,
            Self::Mapped(bytes) => bytes,
        }
    }
}
