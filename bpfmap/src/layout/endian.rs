//! Integers in network byte order.

use core::fmt;
use core::net::Ipv4Addr;

use super::check::Seal;
use super::{BpfLayout, BpfMapKey, Kind, Layout};

macro_rules! big_endian {
    ($($(#[$doc:meta])* $name:ident($int:ident);)*) => {$(
        $(#[$doc])*
        ///
        /// It has the size and the alignment of the integer, is made with
        /// `From`, and compares by value.
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        #[repr(transparent)]
        pub struct $name($int);

        impl $name {
            /// Takes a number of the host.
            pub const fn new(value: $int) -> Self {
                Self(value.to_be())
            }

            /// The number, for the host to reckon with.
            pub const fn get(self) -> $int {
                $int::from_be(self.0)
            }

            /// Takes the bytes as they stand in a packet.
            pub const fn from_be_bytes(bytes: [u8; size_of::<$int>()]) -> Self {
                Self($int::from_ne_bytes(bytes))
            }

            /// The bytes as they stand in a packet.
            pub const fn to_be_bytes(self) -> [u8; size_of::<$int>()] {
                self.0.to_ne_bytes()
            }
        }

        impl From<$int> for $name {
            fn from(value: $int) -> Self {
                Self::new(value)
            }
        }

        impl From<$name> for $int {
            fn from(value: $name) -> Self {
                value.get()
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                self.get().cmp(&other.get())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.get())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.get().fmt(f)
            }
        }

        // SAFETY: one integer, as the integers are.
        #[diagnostic::do_not_recommend]
        unsafe impl BpfLayout for $name {
            const LAYOUT: &'static Layout = &Layout::new(
                stringify!($name), size_of::<Self>(), size_of::<Self>(), Kind::BigEndian,
            );
            const DERIVED_AND_NOT_WRITTEN_BY_HAND: Seal = Seal;
        }
        // SAFETY: as above; equal numbers are equal bytes.
        #[diagnostic::do_not_recommend]
        unsafe impl BpfMapKey for $name {}
    )*};
}

big_endian! {
    /// A `u16` in network byte order: C's `__be16`, a port.
    Be16(u16);
    /// A `u32` in network byte order: C's `__be32`, an IPv4 address.
    Be32(u32);
    /// A `u64` in network byte order: C's `__be64`.
    Be64(u64);
}

impl From<Ipv4Addr> for Be32 {
    fn from(addr: Ipv4Addr) -> Self {
        Self::from_be_bytes(addr.octets())
    }
}

impl From<Be32> for Ipv4Addr {
    fn from(addr: Be32) -> Self {
        Self::from(addr.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stand_as_in_a_packet() {
        assert_eq!(Be16::from(443).to_be_bytes(), [1, 187]);
        assert_eq!(crate::layout::bytes_of(&Be16::from(443)), [1, 187]);
        assert_eq!(Be32::from(Ipv4Addr::new(10, 0, 0, 1)).get(), 0x0a00_0001);
        assert_eq!(Ipv4Addr::from(Be32::from(0x0a00_0001)), Ipv4Addr::new(10, 0, 0, 1));
    }

    #[test]
    fn order_and_text_go_by_value() {
        assert!(Be16::from(256) > Be16::from(255));
        assert_eq!(
            format!("{} {:?} {:>5}|", Be16::from(80), Be64::from(7), Be32::from(5)),
            "80 Be64(7)     5|"
        );
    }
}
