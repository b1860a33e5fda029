//! What the derive costs at compile time, beside those of bytemuck and zerocopy.
//!
//! `cargo bench -p bpfmap-benches --bench compile`. Wall time of `cargo check`
//! on generated crates, not incremental, and medians of rounds in which the
//! crates take turns, so that a busy machine slows all of them alike:
//!
//! - warm: 500 structs of 10 fields. The dependencies are checked already, and
//!   touching the source makes cargo check that crate and nothing else. The
//!   baseline derives only `Clone` and `Copy`, as all of them do.
//! - cold: one struct, from an empty target directory, with all dependencies,
//!   which are downloaded before.
//!
//! What cargo reports is read to be sure that it did just that. Run as a test,
//! without `--bench`, everything is measured once.

mod package;
mod structs;
mod times;

use std::path::Path;
use std::process::ExitCode;

use package::Package;
use times::Times;

const STRUCTS: usize = 500;
const WARM_ROUNDS: usize = 11;
const COLD_ROUNDS: usize = 7;
/// Of the crate that takes many times longer, only every fourth round.
const SLOW: usize = 4;

/// The core: traits, table and derive, without `std`.
fn bpfmap() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("bpfmap");
    // Quoted for Rust is quoted for TOML.
    format!("bpfmap = {{ path = {path:?}, default-features = false }}")
}

const BYTEMUCK: &str = "bytemuck = { version = \"1\", features = [\"derive\"] }";
const ZEROCOPY: &str = "zerocopy = { version = \"0.8\", features = [\"derive\"] }";

const PLAIN_DERIVE: &str = "#[derive(Clone, Copy)]";
const BPFMAP_DERIVE: &str = "#[derive(bpfmap::BpfMapKey, Clone, Copy)]";
const BYTEMUCK_DERIVE: &str = "#[derive(bytemuck::Pod, bytemuck::Zeroable, Clone, Copy)]";
const ZEROCOPY_DERIVE: &str = "#[derive(zerocopy::FromBytes, zerocopy::IntoBytes, \
                               zerocopy::Immutable, zerocopy::KnownLayout, Clone, Copy)]";

fn main() -> ExitCode {
    match warm().and_then(|()| cold()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// As many rounds as asked for, if this run measures.
fn rounds(rounds: usize) -> usize {
    if std::env::args().any(|argument| argument == "--bench") { rounds } else { 1 }
}

fn warm() -> anyhow::Result<()> {
    let create = |name: &str, dependency: &str, derive| {
        let package =
            Package::create(&format!("warm-{name}"), dependency, structs::many(STRUCTS, derive))?;
        package.check()?;
        anyhow::Ok(package)
    };
    let packages = [
        create("baseline", "", PLAIN_DERIVE)?,
        create("bpfmap", &bpfmap(), BPFMAP_DERIVE)?,
        create("bytemuck", BYTEMUCK, BYTEMUCK_DERIVE)?,
        create("zerocopy", ZEROCOPY, ZEROCOPY_DERIVE)?,
    ];
    let mut times = [const { Vec::new() }; 4];
    for round in 0..rounds(WARM_ROUNDS) {
        let crates = if round % SLOW == 0 { 4 } else { 3 };
        for (package, times) in packages.iter().zip(&mut times).take(crates) {
            times.push(package.time_warm()?);
        }
    }
    let [baseline, bpfmap, bytemuck, zerocopy] = times.map(Times::new);

    println!("cargo check of {STRUCTS} structs, dependencies checked before:");
    println!("  baseline  {baseline}");
    println!("  bpfmap    {bpfmap}");
    println!("  bytemuck  {bytemuck}");
    println!("  zerocopy  {zerocopy}");
    let derive = |times: &Times| times.median() - baseline.median();
    for (name, other, goal) in
        [("bytemuck", bytemuck, " (goal: at most 1)"), ("zerocopy", zerocopy, "")]
    {
        let ratio = bpfmap.median() / other.median();
        let of_derives = derive(&bpfmap) / derive(&other);
        println!("  bpfmap / {name} = {ratio:.2}{goal}, without the baseline {of_derives:.2}");
    }
    Ok(())
}

fn cold() -> anyhow::Result<()> {
    let create = |name: &str, dependency: &str, derive| {
        Package::create(&format!("cold-{name}"), dependency, structs::one(derive))
    };
    let packages = [
        create("bpfmap", &bpfmap(), BPFMAP_DERIVE)?,
        create("zerocopy", ZEROCOPY, ZEROCOPY_DERIVE)?,
    ];
    let mut times = [const { Vec::new() }; 2];
    for _ in 0..rounds(COLD_ROUNDS) {
        for (package, times) in packages.iter().zip(&mut times) {
            times.push(package.time_cold()?);
        }
    }
    let [bpfmap, zerocopy] = times.map(Times::new);

    println!("cargo check of 1 struct, from an empty target directory:");
    println!("  bpfmap    {bpfmap}");
    println!("  zerocopy  {zerocopy}");
    let ratio = bpfmap.median() / zerocopy.median();
    println!("  bpfmap / zerocopy = {ratio:.2} (goal: at most 1)");
    Ok(())
}
