//! Types shared between a program in the kernel and its loader: no standard
//! library, no prelude, no `unsafe`.

#![no_std]
#![no_implicit_prelude]
#![forbid(unsafe_code)]

use ::bpfmap::{Be16, Be32, BpfLayout, BpfMapKey, BpfMapValue, Pad};
use ::core::clone::Clone;
use ::core::marker::Copy;

/// A connection.
#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
pub struct FlowKey {
    /// Source address.
    pub saddr: Be32,
    /// Destination address.
    pub daddr: Be32,
    /// Source port.
    pub sport: Be16,
    /// Destination port.
    pub dport: Be16,
    /// Protocol number.
    pub proto: u8,
    /// Nothing.
    pub pad: Pad<3>,
}

/// What went over it.
#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
pub struct FlowStats {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

const _: () = {
    ::core::assert!(FlowKey::LAYOUT.size() == 16);
    ::core::assert!(FlowKey::LAYOUT.fields()[4].offset() == 12);
    ::core::assert!(FlowStats::LAYOUT.fields().len() == 2);
};

/// What the macro below names.
pub use ::bpfmap;

/// Makes a key in another crate, which need not know of bpfmap.
#[macro_export]
macro_rules! key {
    ($name:ident { $($field:ident: $ty:ty),* $(,)? }) => {
        #[derive($crate::bpfmap::BpfMapKey, Clone, Copy)]
        #[bpf(crate = $crate::bpfmap)]
        #[repr(C)]
        struct $name { $($field: $ty),* }
    };
}

/// A key for which only the port is known.
pub const fn to_port(port: u16) -> FlowKey {
    FlowKey { dport: Be16::new(port), ..::bpfmap::zeroed() }
}
