//! Reads a value of a hash map so many times, for `benches/instructions` to count
//! the instructions.
//!
//! Its arguments are who reads, `bpfmap` or `aya`, and how many times.

use std::hint::black_box;

use anyhow::{Context, bail};
use aya::EbpfLoader;
use bpfmap::{Be16, Be32, BpfMapKey, BpfMapValue, HashMap, zeroed};

/// `struct flow_key` of the C program.
#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct FlowKey {
    saddr: Be32,
    daddr: Be32,
    sport: Be16,
    dport: Be16,
    proto: u8,
    pad: bpfmap::Pad<3>,
}

/// `struct flow_stats` of the C program.
#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct FlowStats {
    packets: u64,
    bytes: u64,
}

static FLOWS: &[u8] = aya::include_bytes_aligned!("../examples/bpf/flows.bpf.o");

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(who), Some(times)) = (arguments.next(), arguments.next()) else {
        // `cargo bench` runs it too, and has nothing to count with.
        println!("run benches/instructions");
        return Ok(());
    };
    let times: u32 = times.parse()?;
    let mut ebpf = EbpfLoader::new().btf(None).load(FLOWS).context("BPF cannot be used here")?;
    let map = HashMap::<FlowKey, FlowStats>::open(&ebpf, "flows")?;
    let key: FlowKey = zeroed();
    map.insert(&key, &zeroed())?;
    match who.as_str() {
        "bpfmap" => {
            for _ in 0..times {
                black_box(map.get(black_box(&key))?.context("no value")?);
            }
        }
        "aya" => {
            let map = ebpf.take_map("flows").context("no map")?;
            let map = aya::maps::HashMap::<_, FlowKey, FlowStats>::try_from(map)?;
            for _ in 0..times {
                black_box(map.get(black_box(&key), 0)?);
            }
        }
        who => bail!("who is {who}?"),
    }
    Ok(())
}
