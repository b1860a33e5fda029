//! Objects from files, and random ones.

use std::path::PathBuf;

use anyhow::Result;

use crate::package::Package;
use crate::source::Figures;

/// How many objects are compiled together.
const PER_PACKAGE: usize = 100;

/// What to write types for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Objects, executables that hold some, and directories.
    pub paths: Vec<PathBuf>,
    /// How many random structs, drawn from which seed, by which compiler.
    pub random: Option<(usize, u64, String)>,
    /// Whether to print why maps have no typed map.
    pub verbose: bool,
}

/// Writes, compiles and checks them.
///
/// # Errors
///
/// When something does not compile or does not pass, or a file cannot be read.
pub fn run(wanted: &Wanted) -> Result<Figures> {
    let (mut total, mut package, mut objects) = (Figures::default(), Package::new()?, 0);
    let mut flush = |package: &mut Package| -> Result<()> {
        let full = std::mem::replace(package, Package::new()?);
        let text = full.check()?;
        if wanted.verbose {
            print!("{text}");
        }
        total.add(full.figures());
        Ok(())
    };
    let mut add = |title: &str, bytes: &[u8], types: &[String]| -> Result<()> {
        package.add(title, bytes, types)?;
        objects += 1;
        if objects % PER_PACKAGE == 0 { flush(&mut package) } else { Ok(()) }
    };
    for path in &wanted.paths {
        bpfmap_oracles::each_object(path, &mut |title, bytes| add(title, bytes, &[]))?;
    }
    if let Some((structs, seed, clang)) = &wanted.random {
        bpfmap_differential::each_object(clang, *structs, *seed, &mut |title, bytes, names| {
            add(title, bytes, names)
        })?;
    }
    flush(&mut package)?;
    Ok(total)
}
