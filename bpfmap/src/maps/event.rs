//! Events that programs send.

use std::fmt::{self, Display, Formatter};

use crate::layout::{BpfMapValue, Layout, value_of};

/// What can be read from a [`RingBuf`](crate::RingBuf): a
/// [`BpfMapValue`], or an enum of several that [`events!`](crate::events) makes.
pub trait Event: Sized {
    /// The types that an event may be of, with their names in the program; empty
    /// when the name is that of
    /// [`OpenOptions::event`](crate::OpenOptions::event).
    const TYPES: &'static [(&'static str, &'static Layout)];

    /// The event that a program sent.
    ///
    /// # Errors
    ///
    /// When it is of none of the types.
    fn from_sample(sample: &[u8]) -> Result<Self, WrongEvent>;
}

impl<T: BpfMapValue> Event for T {
    const TYPES: &'static [(&'static str, &'static Layout)] = &[("", T::LAYOUT)];

    fn from_sample(sample: &[u8]) -> Result<Self, WrongEvent> {
        match sample.len() == size_of::<T>() {
            true => Ok(value_of(sample)),
            false => Err(WrongEvent::Size { found: sample.len(), expected: size_of::<T>() }),
        }
    }
}

/// Why bytes are no event of the type that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum WrongEvent {
    /// It is of another size.
    Size {
        /// How long it is, in bytes.
        found: usize,
        /// How long the type is.
        expected: usize,
    },
    /// It begins with a tag that no type has.
    Tag {
        /// The tag.
        found: u64,
    },
}

impl Display for WrongEvent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { found, expected } => {
                write!(f, "it is {found} bytes long, and its Rust type {expected}")
            }
            Self::Tag { found } => write!(f, "no type of events has the tag {found}"),
        }
    }
}

/// Makes an enum of the types of events that a program sends through one ring
/// buffer. Each is a struct that begins with a tag, an unsigned number that says
/// which of them it is.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ebpf = aya::Ebpf::load(&[])?;
/// use bpfmap::{BpfMapValue, RingBuf};
///
/// #[derive(BpfMapValue, Clone, Copy, Debug)]
/// #[repr(C)]
/// struct Opened { kind: u32, pid: u32, inode: u64 }
///
/// #[derive(BpfMapValue, Clone, Copy, Debug)]
/// #[repr(C)]
/// struct Closed { kind: u32, pid: u32 }
///
/// bpfmap::events! {
///     /// What the program says of files.
///     #[derive(Debug)]
///     enum FileEvent: u32 {
///         /// `struct opened` of the program, which begins with 1.
///         1 = Opened(Opened) as "opened",
///         2 = Closed(Closed) as "closed",
///     }
/// }
///
/// let mut events = RingBuf::<FileEvent>::open(&ebpf, "events")?;
/// while let Some(event) = events.try_next()? {
///     match event {
///         FileEvent::Opened(opened) => println!("{} opened {}", opened.pid, opened.inode),
///         FileEvent::Closed(closed) => println!("{} closed", closed.pid),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! events {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident: $tag:ty {
            $($(#[$variant_meta:meta])* $value:literal = $variant:ident($ty:ty) as $c_name:literal),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        $vis enum $name {
            $($(#[$variant_meta])* $variant($ty),)+
        }

        impl $crate::Event for $name {
            const TYPES: &'static [(&'static str, &'static $crate::Layout)] = {
                const TAG: &$crate::Layout = <$tag as $crate::BpfLayout>::LAYOUT;
                &[$(($c_name, $crate::__private::tagged(<$ty as $crate::BpfLayout>::LAYOUT, TAG)),)+]
            };

            fn from_sample(
                sample: &[u8],
            ) -> $crate::__private::core::result::Result<Self, $crate::WrongEvent> {
                let tag = <$tag>::from_ne_bytes($crate::__private::tag(sample)?);
                match tag {
                    $($value => <$ty as $crate::Event>::from_sample(sample).map(Self::$variant),)+
                    found => $crate::__private::core::result::Result::Err(
                        $crate::WrongEvent::Tag { found: found as u64 },
                    ),
                }
            }
        }
    };
}

/// The bytes of the tag that an event begins with.
pub fn tag<const N: usize>(sample: &[u8]) -> Result<[u8; N], WrongEvent> {
    let wrong = WrongEvent::Size { found: sample.len(), expected: N };
    sample.first_chunk().copied().ok_or(wrong)
}

/// The layout of a type of events, which begins with a tag.
pub const fn tagged(ty: &'static Layout, tag: &'static Layout) -> &'static Layout {
    use crate::layout::Kind;

    let begins = match ty.fields() {
        [first, ..] => {
            first.size() == tag.size() && matches!(first.layout().kind(), Kind::Unsigned)
        }
        [] => false,
    };
    assert!(
        begins && matches!(tag.kind(), Kind::Unsigned),
        "each type of events begins with the tag, an unsigned number"
    );
    ty
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_as_long_as_its_type() {
        assert_eq!(u32::from_sample(&[0; 4]), Ok(0));
        for found in [0, 3, 5, 8] {
            let wrong = Err(WrongEvent::Size { found, expected: 4 });
            assert_eq!(u32::from_sample(&[0; 8][..found]), wrong);
        }
    }
}
