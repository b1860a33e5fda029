//! `cargo run -p bpfmap-differential -- --structs 10000 --seed 1 --clang clang-16`

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

struct Options {
    structs: usize,
    seed: u64,
    clangs: Vec<String>,
}

fn options() -> Result<Options> {
    let mut options = Options { structs: 1000, seed: 1, clangs: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{argument} needs a value"))?;
        match argument.as_str() {
            "--structs" => options.structs = value.parse()?,
            "--seed" => options.seed = value.parse()?,
            "--clang" => options.clangs.push(value),
            _ => bail!("unknown option {argument}: there are --structs, --seed and --clang"),
        }
    }
    if options.clangs.is_empty() {
        let clangs = std::env::var("CLANG").unwrap_or_else(|_| "clang-14 clang-16".into());
        options.clangs.extend(clangs.split_whitespace().map(str::to_owned));
    }
    Ok(options)
}

fn main() -> Result<ExitCode> {
    let Options { structs, seed, clangs } = options()?;
    let mut code = ExitCode::SUCCESS;
    for clang in clangs {
        let version = bpfmap_differential::version(&clang)
            .with_context(|| format!("`{clang}` cannot be run"))?;
        println!("{version}, seed {seed}");
        let figures = bpfmap_differential::run(&clang, structs, seed)?;
        for failure in &figures.failures {
            println!("\n=== {failure}");
        }
        println!("{figures}\n");
        if !figures.are_clean() {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
