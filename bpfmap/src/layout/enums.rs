//! Integers whose numbers have names.

use core::fmt;
use core::hash::Hash;

use super::check::Seal;
use super::{BpfLayout, BpfMapKey, Layout};

/// Names for the numbers of an integer: a Rust enum that stands for one of C.
///
/// Derive it; use it in a field as [`Enum`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no numbers for `Enum<{Self}>`",
    label = "not a `BpfEnum`",
    note = "an enum needs `#[derive(BpfEnum)]` and `#[repr(u32)]`"
)]
pub trait BpfEnum: Sized + 'static {
    /// The integer that holds it.
    type Int: BpfMapKey + Copy + Ord + Hash + fmt::Display + fmt::Debug;

    /// The name of the enum.
    const NAME: &'static str;

    /// The variant of that number, if there is one.
    fn from_int(int: Self::Int) -> Option<Self>;

    /// The number of the variant.
    fn to_int(&self) -> Self::Int;
}

/// An integer that should be one of the variants of `E`, and may be any number.
///
/// The kernel, or a program that is newer than this one, may write a number for
/// which `E` has no variant, so a field cannot be an `E`. It is compared with
/// BTF as the integer.
///
/// ```
/// use bpfmap::{BpfEnum, BpfMapValue, Enum};
///
/// #[derive(BpfEnum, Clone, Copy, Debug, PartialEq, Eq)]
/// #[repr(u32)]
/// enum Verdict { Pass = 1, Drop = 2 }
///
/// #[derive(BpfMapValue, Clone, Copy)]
/// #[repr(C)]
/// struct Event { verdict: Enum<Verdict>, mark: u32 }
///
/// let event = Event { verdict: Verdict::Drop.into(), mark: 0 };
/// assert_eq!(event.verdict.get(), Some(Verdict::Drop));
/// assert_eq!(Enum::<Verdict>::from_int(7).get(), None);
/// assert_eq!(Enum::<Verdict>::from_int(7).to_int(), 7);
/// ```
#[repr(transparent)]
pub struct Enum<E: BpfEnum>(E::Int);

impl<E: BpfEnum> Enum<E> {
    /// Takes any number.
    pub const fn from_int(int: E::Int) -> Self {
        Self(int)
    }

    /// The number.
    pub const fn to_int(self) -> E::Int {
        self.0
    }

    /// The variant of the number, if there is one.
    pub fn get(self) -> Option<E> {
        E::from_int(self.0)
    }
}

impl<E: BpfEnum> From<E> for Enum<E> {
    fn from(variant: E) -> Self {
        Self(variant.to_int())
    }
}

impl<E: BpfEnum> Clone for Enum<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E: BpfEnum> Copy for Enum<E> {}

impl<E: BpfEnum> PartialEq for Enum<E> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<E: BpfEnum> Eq for Enum<E> {}

impl<E: BpfEnum> PartialEq<E> for Enum<E> {
    fn eq(&self, other: &E) -> bool {
        self.0 == other.to_int()
    }
}

impl<E: BpfEnum> PartialOrd for Enum<E> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E: BpfEnum> Ord for Enum<E> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<E: BpfEnum> Hash for Enum<E> {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<E: BpfEnum + fmt::Debug> fmt::Debug for Enum<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Some(variant) => variant.fmt(f),
            None => write!(f, "{}({})", E::NAME, self.0),
        }
    }
}

// SAFETY: an integer and nothing else.
#[diagnostic::do_not_recommend]
unsafe impl<E: BpfEnum> BpfLayout for Enum<E> {
    const LAYOUT: &'static Layout = {
        let int = <E::Int as BpfLayout>::LAYOUT;
        &Layout::new(E::NAME, int.size(), int.align(), int.kind())
    };
    const DERIVED_AND_NOT_WRITTEN_BY_HAND: Seal = Seal;
}
// SAFETY: as above; it is equal when its integer is.
#[diagnostic::do_not_recommend]
unsafe impl<E: BpfEnum> BpfMapKey for Enum<E> {}
