//! `cargo run -p bpfmap-generated -- [--verbose] [--structs 1000 --seed 1 --clang clang-14] [PATH...]`

use anyhow::{Context, Result};
use bpfmap_generated::{Wanted, run};

fn main() -> Result<()> {
    let mut wanted = Wanted::default();
    let (mut structs, mut seed, mut clang) = (0, 1, String::from("clang-14"));
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--verbose" => wanted.verbose = true,
            "--structs" => structs = value()?.parse()?,
            "--seed" => seed = value()?.parse()?,
            "--clang" => clang = value()?,
            path => wanted.paths.push(path.into()),
        }
    }
    if structs > 0 {
        wanted.random = Some((structs, seed, clang));
    }
    println!("{}; all passed", run(&wanted)?);
    Ok(())
}
