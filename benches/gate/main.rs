//! What opening a typed map costs, beside loading the program that owns it.
//!
//! `cargo bench -p bpfmap-benches --bench gate`, as root. Both are measured in
//! one run, and the ratios are printed at its end.

#[path = "../estimates.rs"]
mod estimates;
mod fifty;
#[path = "../flows.rs"]
mod flows;
mod system_calls;

use std::hint::black_box;
use std::process::ExitCode;

use anyhow::Context;
use aya::{Ebpf, EbpfLoader};
use bpfmap::{HashMap, Loader, Object};
use criterion::Criterion;

use estimates::Estimates;
use flows::{FlowKey, FlowStats, OBJECT};
use system_calls::SystemCalls;

type Flows = HashMap<FlowKey, FlowStats>;

const MAP: &str = "flows";

// The names under which criterion keeps its estimates.
const GROUP: &str = "flows";
const LOAD: &str = "load";
const LOAD_WITHOUT_VMLINUX: &str = "load_without_vmlinux";
const GATE: &str = "gate";
const SYSTEM_CALLS: &str = "system_calls";
const PARSE: &str = "object_parse";
const CHECK: &str = "object_check";
const GATE_OF_FIFTY: &str = "gate_of_fifty";
const SYSTEM_CALLS_OF_FIFTY: &str = "system_calls_of_fifty";

/// Every benchmark, and what it is called in the summary.
const BENCHMARKS: [(&str, &str); 8] = [
    (LOAD, "Ebpf::load"),
    (LOAD_WITHOUT_VMLINUX, "Ebpf::load, without reading vmlinux"),
    (GATE, "the gate: HashMap::open"),
    (SYSTEM_CALLS, "the gate's system calls alone"),
    (PARSE, "Object::parse"),
    (CHECK, "Object::check"),
    (GATE_OF_FIFTY, "the gate of fifty maps"),
    (SYSTEM_CALLS_OF_FIFTY, "their system calls alone"),
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
    let ebpf = Ebpf::load(OBJECT).context("BPF cannot be used here")?;
    Flows::open(&ebpf, MAP).context("the gate cannot be measured here")?;
    if !estimates::are_made() {
        return measure(&mut criterion, &ebpf);
    }
    let estimates = Estimates::of(GROUP);
    for (id, _) in BENCHMARKS {
        estimates.forget(id)?;
    }
    measure(&mut criterion, &ebpf)?;
    summarize(&estimates)
}

fn measure(criterion: &mut Criterion, ebpf: &Ebpf) -> anyhow::Result<()> {
    let mut group = criterion.benchmark_group(GROUP);

    // Reads and parses the kernel's own BTF (twice, in aya 0.14), then parses
    // the object, loads its BTF, creates its map and relocates its program. The
    // program itself is not given to the kernel: that is a call of its own.
    group.bench_function(LOAD, |b| b.iter(|| Ebpf::load(OBJECT).unwrap()));

    // The kernel's BTF is megabytes and dwarfs the rest, so also without it:
    // as a user would who loads many objects with one loader.
    let mut loader = EbpfLoader::new();
    loader.btf(None);
    group.bench_function(LOAD_WITHOUT_VMLINUX, |b| b.iter(|| loader.load(OBJECT).unwrap()));

    group.bench_function(GATE, |b| b.iter(|| Flows::open(ebpf, MAP).unwrap()));

    let map = ebpf.map_fd(MAP).context("no map")?;
    let mut calls = SystemCalls::of_gates(vec![map]);
    group.bench_function(SYSTEM_CALLS, |b| b.iter(|| calls.perform().unwrap()));

    // What the gate does with an object instead of the kernel's BTF.
    group.bench_function(PARSE, |b| b.iter(|| Object::parse(black_box(OBJECT)).unwrap()));
    let object = Object::parse(OBJECT)?;
    group.bench_function(CHECK, |b| b.iter(|| black_box(&object).check::<Flows>(MAP).unwrap()));

    // All maps of a large program: their BTF is read once.
    let fifty = Ebpf::load(fifty::OBJECT)?;
    group.bench_function(GATE_OF_FIFTY, |b| b.iter(|| fifty::Maps::open(&fifty).unwrap()));
    let fds = fifty::NAMES.iter().map(|name| fifty.map_fd(name).context("no map"));
    let mut calls = SystemCalls::of_gates(fds.collect::<Result<_, _>>()?);
    group.bench_function(SYSTEM_CALLS_OF_FIFTY, |b| b.iter(|| calls.perform().unwrap()));

    group.finish();
    Ok(())
}

/// Prints the medians and their ratios.
fn summarize(estimates: &Estimates) -> anyhow::Result<()> {
    for (id, name) in BENCHMARKS {
        println!("{name:<36} {:>10.2?}", estimates.median(id)?);
    }
    let gate = estimates.median(GATE)?;
    let ratio = |id| anyhow::Ok(gate.div_duration_f64(estimates.median(id)?));
    println!();
    println!("gate / Ebpf::load = {:.4} (goal: below 0.05)", ratio(LOAD)?);
    println!("gate / Ebpf::load without reading vmlinux = {:.4}", ratio(LOAD_WITHOUT_VMLINUX)?);
    println!("gate / its system calls = {:.2} (goal: at most 1.5)", ratio(SYSTEM_CALLS)?);
    let [gate, calls] = [GATE_OF_FIFTY, SYSTEM_CALLS_OF_FIFTY].map(|id| estimates.median(id));
    let ratio = gate?.div_duration_f64(calls?);
    println!("gate / its system calls, fifty maps of one program = {ratio:.2} (goal: at most 1.5)");
    Ok(())
}
