//! `cargo run --release -p bpfmap-oracles -- structs`, or `-- objects PATH...`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use bpfmap_oracles::{Base, Differences, Objects, Structs, objects, structs};

const USAGE: &str = "structs [--base PATH] [PATH...]: all types of a BTF, by default the kernel's;
    with --base of split BTF, such as a module's
objects PATH...: the maps of BPF objects, of those in executables, or in directories";

/// The kernel's own.
const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next().unwrap_or_default();
    let mut paths: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let differences = match command.to_str() {
        Some("structs") => {
            let base = match paths.first() {
                Some(option) if option.as_os_str() == "--base" => {
                    let path = paths.drain(..2.min(paths.len())).nth(1);
                    Some(Base::read(&path.context("--base needs a path")?)?)
                }
                _ => None,
            };
            if paths.is_empty() {
                paths.push(VMLINUX.into());
            }
            let mut total = Structs::default();
            for path in &paths {
                let figures = structs(path, base.as_ref())?;
                println!("{}: {figures}", path.display());
                total.add(figures);
            }
            if paths.len() > 1 {
                println!("{total}");
            }
            total.differences
        }
        Some("objects") if !paths.is_empty() => {
            let mut total = Objects::default();
            for path in &paths {
                let figures = objects(path)?;
                println!("{}: {figures}", path.display());
                total.add(figures);
            }
            if paths.len() > 1 {
                println!("{total}");
            }
            total.differences
        }
        _ => bail!("there are these commands:\n{USAGE}"),
    };
    Ok(report(&differences))
}

fn report(differences: &Differences) -> ExitCode {
    for difference in &differences.first {
        println!("  {difference}");
    }
    if differences.count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
