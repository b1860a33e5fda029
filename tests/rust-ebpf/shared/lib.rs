//! What a BPF program in Rust and its user-space side share: each type is
//! written once, and derived for both.

#![no_std]
#![forbid(unsafe_code)]

use bpfmap::{Be16, Be32, Be64, BpfEnum, BpfMapKey, BpfMapValue, Enum, Pad};

/// A newtype; in BTF a struct whose member is called `__0`.
#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Port(pub Be16);

/// A struct to be nested.
#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct Endpoint {
    /// Its address.
    pub addr: Be32,
    /// Its port.
    pub port: Port,
    /// Nothing.
    pub pad: Pad<2>,
}

/// A number that has names.
#[derive(BpfEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Protocol {
    /// TCP.
    Tcp = 6,
    /// UDP.
    Udp = 17,
}

/// A connection.
#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct FlowKey {
    /// Who sent.
    pub from: Endpoint,
    /// To whom.
    pub to: Endpoint,
    /// Over what.
    pub protocol: Enum<Protocol>,
    /// Nothing.
    pub pad: Pad<3>,
}

/// What went over it.
#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct FlowStats {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: i64,
    /// The lengths of the last packets.
    pub last: [u16; 4],
    /// A number of 64 bits in network byte order.
    pub wide: Be64,
}

/// A struct with parameters, which the linker takes into its name.
#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct Gen<T, const N: usize> {
    /// As many as it says.
    pub items: [T; N],
    /// And one more.
    pub one: T,
}

bpfmap::assert_layout!(Gen<u32, 2>);

/// A newtype of a struct.
#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct History(pub Gen<u32, 2>);

/// A tuple; in BTF a struct of `__0` and `__1`.
#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Counts(pub u32, pub u32);

/// What the program tells of each packet.
#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Event {
    /// Of which connection.
    pub flow: FlowKey,
    /// How long, and which one it was.
    pub counts: Counts,
    /// Of two sizes.
    pub history: History,
    /// Nothing, whatever it is called.
    pub room: Pad<4>,
}

/// A key that nothing but a map without types uses.
#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Alone {
    /// A number.
    pub number: u32,
}
