//! What it costs to open the kernel's own BTF, find a type in it and check a
//! struct against that, beside aya's parse of the same bytes and beside the
//! bare read of the file.
//!
//! `cargo bench -p bpfmap-benches --bench vmlinux`; it needs no privilege. All
//! are measured in one run, and the ratios are printed at its end.

#[path = "../estimates.rs"]
mod estimates;

use std::hint::black_box;
use std::process::ExitCode;

use anyhow::Context;
use bpfmap::{Be16, BpfMapValue, Btf};
use criterion::Criterion;
use object::Endianness;

use estimates::Estimates;

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// `struct udphdr` of the kernel.
#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct UdpHeader {
    source: Be16,
    dest: Be16,
    len: Be16,
    check: Be16,
}

// The names under which criterion keeps its estimates.
const GROUP: &str = "vmlinux";
const READ: &str = "read";
const AYA: &str = "aya_obj";
const WHOLE: &str = "open_find_check";
const OPEN: &str = "open";
const CHECK: &str = "find_check";

/// Every benchmark, and what it is called in the summary.
const BENCHMARKS: [(&str, &str); 5] = [
    (READ, "reading the file"),
    (AYA, "aya_obj::btf::Btf::parse of its bytes"),
    (OPEN, "Btf::vmlinux"),
    (CHECK, "Btf::check::<UdpHeader>(\"udphdr\")"),
    (WHOLE, "both"),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", format!("{error:#}").replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    let bytes = std::fs::read(VMLINUX).context(VMLINUX)?;
    if !estimates::are_made() {
        return measure(&mut criterion, &bytes);
    }
    let estimates = Estimates::of(GROUP);
    for (id, _) in BENCHMARKS {
        estimates.forget(id)?;
    }
    measure(&mut criterion, &bytes)?;
    for (id, name) in BENCHMARKS {
        println!("{name:<40} {:>10.2?}", estimates.median(id)?);
    }
    let whole = estimates.median(WHOLE)?;
    println!();
    let aya = estimates.median(AYA)?.div_duration_f64(whole);
    println!("aya_obj's parse / ours = {aya:.1} (goal: at least 10)");
    let read = whole.div_duration_f64(estimates.median(READ)?);
    println!("ours / reading the file = {read:.2} (goal: at most 1.5)");
    Ok(())
}

fn measure(criterion: &mut Criterion, bytes: &[u8]) -> anyhow::Result<()> {
    let mut group = criterion.benchmark_group(GROUP);
    group.bench_function(READ, |b| b.iter(|| std::fs::read(VMLINUX).unwrap()));
    // Without the read.
    group.bench_function(AYA, |b| {
        b.iter(|| aya_obj::btf::Btf::parse(black_box(bytes), Endianness::default()).unwrap())
    });
    group.bench_function(OPEN, |b| b.iter(|| Btf::vmlinux().unwrap()));
    let btf = Btf::vmlinux()?;
    group.bench_function(CHECK, |b| b.iter(|| black_box(&btf).check::<UdpHeader>("udphdr")));
    group.bench_function(WHOLE, |b| {
        b.iter(|| Btf::vmlinux().unwrap().check::<UdpHeader>("udphdr").unwrap())
    });
    group.finish();
    Ok(())
}
