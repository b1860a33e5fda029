//! One difference between a Rust type and a type in BTF.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;

/// One field on which the two sides do not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub struct Mismatch {
    /// The field, through the structs and arrays around it: `inner.port`,
    /// `ports[]`. Empty when the type as a whole is meant.
    pub path: String,
    /// In what the two sides differ.
    pub kind: MismatchKind,
    /// The Rust side; `None` when there is nothing.
    pub rust: Option<Place>,
    /// The side of the BTF; `None` when there is nothing.
    pub btf: Option<Place>,
    /// What to change, for people. Empty when it follows from the others.
    pub advice: String,
}

/// Where a field is and what it is, on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub struct Place {
    /// The field, through the structs around it. Empty for a type as a whole.
    pub name: String,
    /// Its type, as that side spells it.
    pub ty: String,
    /// Its bytes, counted from the beginning of the key or the value.
    pub bytes: Range<u64>,
}

/// In what two sides differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum MismatchKind {
    /// Both sides have the field, at different places.
    Moved,
    /// Both sides have a field of that size at that place, under different
    /// names.
    Renamed,
    /// Rust has the field, the BTF has not.
    Missing,
    /// The BTF has the member, Rust has not.
    Unclaimed,
    /// The sizes differ.
    Size,
    /// One is signed, the other is not.
    Signedness,
    /// One is in network byte order, the other in that of the host.
    ByteOrder,
    /// The arrays are of different lengths.
    ArrayLength,
    /// The types are of different sorts, such as a number and a struct.
    Type,
    /// The member is a pointer.
    Pointer,
    /// The member is a bitfield.
    Bitfield,
    /// The member is a union, or an arm of one.
    Union,
    /// The key ends with an array without a length.
    FlexibleArray,
    /// An attribute on the field says of the member what is not so.
    Attribute,
}

impl Display for MismatchKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Moved => "moved",
            Self::Renamed => "renamed",
            Self::Missing => "missing",
            Self::Unclaimed => "unclaimed",
            Self::Size => "size",
            Self::Signedness => "signedness",
            Self::ByteOrder => "byte order",
            Self::ArrayLength => "array length",
            Self::Type => "type",
            Self::Pointer => "pointer",
            Self::Bitfield => "bitfield",
            Self::Union => "union",
            Self::FlexibleArray => "flexible array",
            Self::Attribute => "attribute",
        })
    }
}

impl Mismatch {
    /// Where it is to be listed among others.
    pub(crate) fn offset(&self) -> u64 {
        if self.is_size_of_all() {
            return u64::MAX;
        }
        let place = self.rust.as_ref().or(self.btf.as_ref());
        place.map_or(0, |place| place.bytes.start)
    }

    /// Whether it is the size of a struct as a whole.
    pub(crate) fn is_size_of_all(&self) -> bool {
        self.path.is_empty() && self.kind == MismatchKind::Size
    }
}
