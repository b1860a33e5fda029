//! Does an operation on a hash map so many times, for `benches/instructions` to
//! count the instructions.
//!
//! Its arguments are whose operation, `bpfmap` or `aya`, which one, and how many
//! times.

mod flows;

use std::hint::black_box;

use anyhow::{Context, bail};
use aya::EbpfLoader;
use bpfmap::{Be32, HashMap, zeroed};

use flows::{FlowKey, FlowStats, OBJECT};

/// How many entries a walk sees.
const ENTRIES: u32 = 1000;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(who), Some(what), Some(times)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        // `cargo bench` runs it too, and has nothing to count with.
        println!("run benches/instructions");
        return Ok(());
    };
    let times: u32 = times.parse()?;
    let mut ebpf = EbpfLoader::new().btf(None).load(OBJECT).context("BPF cannot be used here")?;
    let map = HashMap::<FlowKey, FlowStats>::open(&ebpf, "flows")?;
    let key_of = |n: u32| FlowKey { saddr: Be32::new(n), ..zeroed() };
    let (key, value): (FlowKey, FlowStats) = (key_of(0), zeroed());
    let entries = if what == "walk" { ENTRIES } else { 1 };
    for n in 0..entries {
        map.insert(&key_of(n), &value)?;
    }
    let aya = ebpf.take_map("flows").context("no map")?;
    let mut aya = aya::maps::HashMap::<_, FlowKey, FlowStats>::try_from(aya)?;
    match (who.as_str(), what.as_str()) {
        ("bpfmap", "get") => {
            for _ in 0..times {
                black_box(map.get(black_box(&key))?.context("no value")?);
            }
        }
        ("aya", "get") => {
            for _ in 0..times {
                black_box(aya.get(black_box(&key), 0)?);
            }
        }
        ("bpfmap", "insert") => {
            for _ in 0..times {
                map.insert(black_box(&key), black_box(&value))?;
            }
        }
        ("aya", "insert") => {
            for _ in 0..times {
                aya.insert(black_box(&key), black_box(&value), 0)?;
            }
        }
        // A key that is there, again.
        ("bpfmap", "insert+remove") => {
            for _ in 0..times {
                map.insert(black_box(&key), black_box(&value))?;
                black_box(map.remove(black_box(&key))?);
            }
        }
        ("aya", "insert+remove") => {
            for _ in 0..times {
                aya.insert(black_box(&key), black_box(&value), 0)?;
                aya.remove(black_box(&key))?;
            }
        }
        ("bpfmap", "walk") => {
            for _ in 0..times / ENTRIES {
                for entry in &map {
                    black_box(entry?);
                }
            }
        }
        ("aya", "walk") => {
            for _ in 0..times / ENTRIES {
                for entry in aya.iter() {
                    black_box(entry?);
                }
            }
        }
        (who, what) => bail!("what is {what} of {who}?"),
    }
    Ok(())
}
