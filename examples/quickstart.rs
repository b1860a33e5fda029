//! Counts packets in the kernel, and reads the counts through a typed map.
//!
//! Then it opens the same map with a struct in which two fields were swapped
//! and one was widened: of the same size, so that nothing but a comparison of
//! the fields can tell.
//!
//! Run it as root: `cargo run --example quickstart`. Without the privilege to
//! load a program it compares with the object file alone.

use std::net::Ipv4Addr;

use anyhow::Context;
use aya::programs::Xdp;
use aya::{Ebpf, TestRun, TestRunOptions};
use bpfmap::{Be16, Be32, BpfMapKey, BpfMapValue, Error, HashMap, Object, OpenOptions, Pad};

/// The compiled `bpf/flows.bpf.c`.
static OBJECT: &[u8] = aya::include_bytes_aligned!("bpf/flows.bpf.o");

/// `struct flow_key` of the C program.
#[derive(BpfMapKey, Clone, Copy, Debug)]
#[repr(C)]
struct FlowKey {
    saddr: Be32,
    daddr: Be32,
    sport: Be16,
    dport: Be16,
    proto: u8,
    pad: Pad<3>,
}

/// `struct flow_stats` of the C program.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
struct FlowStats {
    packets: u64,
    bytes: u64,
}

/// `FlowKey` after someone has edited it.
#[derive(BpfMapKey, Clone, Copy, Debug)]
#[repr(C)]
struct EditedKey {
    daddr: Be32,
    saddr: Be32,
    sport: Be16,
    dport: Be16,
    proto: u32,
}

fn main() -> anyhow::Result<()> {
    let object = Object::parse(OBJECT)?;
    match Ebpf::load(OBJECT) {
        Ok(mut ebpf) => {
            count_some_packets(&mut ebpf)?;
            // The kernel's BTF of the map is compared, or the object's where
            // this process may not read that.
            let options = OpenOptions::new().object(&object);
            let flows: HashMap<FlowKey, FlowStats> = options.open(&ebpf, "flows")?;
            println!("Map `flows` is open, {}.\n", flows.verification());
            print_table(&flows)?;
            explain_refusal(options.open::<HashMap<EditedKey, FlowStats>>(&ebpf, "flows").map(drop))
        }
        Err(error) => {
            let verification = object.check::<HashMap<FlowKey, FlowStats>>("flows")?;
            println!("Map `flows` fits its Rust types, {verification}.\n");
            explain_refusal(object.check::<HashMap<EditedKey, FlowStats>>("flows").map(drop))?;
            println!(
                "\nThe program was not loaded ({}). As root it would run in the kernel, and the flows \
                 that it counts would be printed here.",
                root_cause(error)
            );
            Ok(())
        }
    }
}

/// Sends packets through the program, as an interface would.
fn count_some_packets(ebpf: &mut Ebpf) -> anyhow::Result<()> {
    let program: &mut Xdp = ebpf.program_mut("count_flows").context("no program")?.try_into()?;
    program.load()?;
    for (packet, times) in [
        (packet([10, 0, 0, 1], 40112, [10, 0, 0, 2], 443, TCP, 1200), 3),
        (packet([10, 0, 0, 1], 51020, [192, 0, 2, 53], 53, UDP, 28), 2),
        (packet([10, 0, 0, 7], 40900, [10, 0, 0, 2], 22, TCP, 64), 8),
    ] {
        let run = TestRunOptions { data_in: Some(&packet), repeat: times, ..Default::default() };
        program.test_run(run)?;
    }
    Ok(())
}

fn print_table(flows: &HashMap<FlowKey, FlowStats>) -> anyhow::Result<()> {
    let mut entries = flows.iter().collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(|(_, stats)| std::cmp::Reverse(stats.bytes));
    println!(
        "{:<21}  {:<21}  {:<8}  {:>7}  {:>7}",
        "source", "destination", "protocol", "packets", "bytes"
    );
    for (key, stats) in entries {
        let source = format!("{}:{}", Ipv4Addr::from(key.saddr), key.sport);
        let destination = format!("{}:{}", Ipv4Addr::from(key.daddr), key.dport);
        let protocol = match key.proto {
            TCP => "tcp".into(),
            UDP => "udp".into(),
            other => other.to_string(),
        };
        let FlowStats { packets, bytes } = stats;
        println!("{source:<21}  {destination:<21}  {protocol:<8}  {packets:>7}  {bytes:>7}");
    }
    println!();
    Ok(())
}

fn explain_refusal(answer: Result<(), Error>) -> anyhow::Result<()> {
    println!("Now with a key of which someone has swapped two fields and widened one:\n");
    match answer {
        Err(error @ Error::Mismatch(_)) => println!("{}", error.for_stream(&std::io::stdout())),
        Err(other) => return Err(other.into()),
        Ok(()) => anyhow::bail!("a struct that differs was accepted"),
    }
    Ok(())
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// An Ethernet frame with an IPv4 packet: as much of it as the program reads.
fn packet(
    from: [u8; 4],
    sport: u16,
    to: [u8; 4],
    dport: u16,
    proto: u8,
    payload: usize,
) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend([0x08, 0x00, 0x45, 0x00]);
    frame.extend(u16::try_from(20 + payload).unwrap_or(u16::MAX).to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, proto, 0, 0]);
    frame.extend(from);
    frame.extend(to);
    frame.extend(sport.to_be_bytes());
    frame.extend(dport.to_be_bytes());
    frame.resize(14 + 20 + payload, 0);
    frame
}

/// What was wrong in the end; the errors around it say only where.
fn root_cause(error: impl Into<anyhow::Error>) -> String {
    error.into().root_cause().to_string()
}
