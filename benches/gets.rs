//! Reads a value of a hash map so many times, for `benches/instructions` to count
//! the instructions.
//!
//! Its arguments are who reads, `bpfmap` or `aya`, and how many times.

mod flows;

use std::hint::black_box;

use anyhow::{Context, bail};
use aya::EbpfLoader;
use bpfmap::{HashMap, zeroed};

use flows::{FlowKey, FlowStats, OBJECT};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(who), Some(times)) = (arguments.next(), arguments.next()) else {
        // `cargo bench` runs it too, and has nothing to count with.
        println!("run benches/instructions");
        return Ok(());
    };
    let times: u32 = times.parse()?;
    let mut ebpf = EbpfLoader::new().btf(None).load(OBJECT).context("BPF cannot be used here")?;
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
