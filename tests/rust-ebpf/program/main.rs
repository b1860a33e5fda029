//! Counts packets in maps of every way that aya-ebpf has to declare one.
//!
//! The keys and values are the types of the shared crate, as they are. What it
//! does with them has no purpose but that each field gets a value that the
//! tests can foretell.

#![no_std]
#![no_main]

use core::ptr;

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST, xdp_action};
use aya_ebpf::btf_maps::{Array, HashMap, LruHashMap, PerCpuHashMap, RingBuf};
use aya_ebpf::macros::{btf_map, map, xdp};
use aya_ebpf::maps;
use aya_ebpf::programs::XdpContext;
use bpfmap::{Be16, Be32, Be64, Enum, Pad};
use bpfmap_test_shared::{Alone, Counts, Endpoint, Event, FlowKey, FlowStats, Gen, History, Port};

// Declared in BTF, with types.

#[btf_map]
static FLOWS: HashMap<FlowKey, FlowStats, 64> = HashMap::new();

#[btf_map]
static PORTS: LruHashMap<Port, Gen<u32, 2>, 64> = LruHashMap::new();

#[btf_map]
static PERCPU: PerCpuHashMap<u32, FlowStats, 64> = PerCpuHashMap::new();

#[btf_map]
static ARRAY: Array<FlowStats, 1> = Array::new();

#[btf_map]
static EVENTS: RingBuf<Event, 4096> = RingBuf::new();

// Declared by sizes.

#[map]
static LEGACY: maps::HashMap<Endpoint, Gen<u32, 2>> = maps::HashMap::with_max_entries(64, 0);

#[map]
static UNSEEN: maps::HashMap<Alone, u32> = maps::HashMap::with_max_entries(64, 0);

// In the sections `.bss` and `.data`.

#[unsafe(no_mangle)]
static mut PACKETS: u64 = 0;

#[unsafe(no_mangle)]
static mut LATEST: Gen<u32, 2> = Gen { items: [1, 2], one: 3 };

/// Ethernet, IPv4 without options, and the ports of TCP or UDP.
#[repr(C, packed)]
struct Headers {
    ethernet: [u8; 14],
    before_protocol: [u8; 9],
    protocol: u8,
    checksum: [u8; 2],
    saddr: [u8; 4],
    daddr: [u8; 4],
    sport: [u8; 2],
    dport: [u8; 2],
}

#[xdp]
pub fn count(ctx: XdpContext) -> u32 {
    let (start, end) = (ctx.data(), ctx.data_end());
    if start + size_of::<Headers>() > end {
        return xdp_action::XDP_PASS;
    }
    // SAFETY: the packet reaches as far, and all bytes are headers.
    let headers = unsafe { ptr::read(start as *const Headers) };
    let endpoint = |addr, port| Endpoint {
        addr: Be32::from_be_bytes(addr),
        port: Port(Be16::from_be_bytes(port)),
        pad: Pad::default(),
    };
    let flow = FlowKey {
        from: endpoint(headers.saddr, headers.sport),
        to: endpoint(headers.daddr, headers.dport),
        protocol: Enum::from_int(headers.protocol),
        pad: Pad::default(),
    };
    let len = (end - start) as u32;

    let stats =
        FlowStats { packets: 0, bytes: 0, last: [0; 4], wide: Be64::new(0x0102_0304_0506_0708) };
    // It may be there.
    let _ = FLOWS.insert(&flow, &stats, BPF_NOEXIST.into());
    let _ = PERCPU.insert(len, &stats, BPF_NOEXIST.into());
    let found = [FLOWS.get_ptr_mut(&flow), PERCPU.get_ptr_mut(len), ARRAY.get_ptr_mut(0)];
    for stats in found.into_iter().flatten() {
        // SAFETY: it is in the map. The tests send one packet after the other,
        // so nobody else counts meanwhile.
        let stats = unsafe { &mut *stats };
        stats.last[(stats.packets % 4) as usize] = len as u16;
        stats.packets += 1;
        stats.bytes -= i64::from(len);
    }

    // SAFETY: nobody else counts, as above.
    let number = unsafe { PACKETS } as u32;
    let history = Gen { items: [len, len + 1], one: number };
    // SAFETY: nobody else counts, as above.
    unsafe { (PACKETS, LATEST) = (PACKETS + 1, history) };
    let event = Event {
        flow,
        counts: Counts(len, number),
        history: History(history),
        room: Pad::default(),
    };
    // That there may be no room is for the tests to find.
    let _ = PORTS.insert(flow.to.port, history, BPF_ANY.into());
    let _ = LEGACY.insert(flow.from, history, BPF_ANY.into());
    let _ = UNSEEN.insert(Alone { number }, len, BPF_ANY.into());
    let _ = EVENTS.output(event, 0);
    xdp_action::XDP_PASS
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
