//! The struct of the README without its pad.

use bpfmap::{Be16, Be32, BpfMapKey};

#[derive(BpfMapKey, Clone, Copy, Debug)]
#[repr(C)]
struct FlowKey {
    saddr: Be32,
    daddr: Be32,
    sport: Be16,
    dport: Be16,
    proto: u8,
}

fn main() {}
