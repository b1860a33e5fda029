//! Lists everything public, one line each, in a file for each set of features:
//!
//! ```sh
//! cargo run -p bpfmap-public-api             # writes the lists anew
//! cargo run -p bpfmap-public-api -- --check  # fails when they differ
//! ```
//!
//! There is no release yet to be compatible with. So the lists are checked in:
//! no change of what programs may use gets past a review unseen, and the list of
//! a release is what the next one is compared with. A line that is gone or
//! changed breaks somebody; a new one is a minor version.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// A list, the package that it is of, and with which features.
const LISTS: [(&str, &str, &[&str]); 2] = [
    ("bpfmap.txt", "bpfmap", &["--all-features"]),
    // What programs in Rust for the kernel share with their loaders.
    ("no-std.txt", "bpfmap", &["--no-default-features"]),
];

fn main() -> Result<()> {
    let check = match env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => bail!("usage: bpfmap-public-api [--check]"),
    };
    let mut stale = false;
    for (name, package, features) in LISTS {
        let path = Path::new(HERE).join(name);
        let list = list(package, features)?;
        if !check {
            fs::write(&path, list).with_context(|| format!("writing {}", path.display()))?;
            continue;
        }
        let known =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        for change in diff::lines(&known, &list) {
            match change {
                diff::Result::Left(line) => println!("{name}: - {line}"),
                diff::Result::Right(line) => println!("{name}: + {line}"),
                diff::Result::Both(..) => {}
            }
        }
        stale |= known != list;
    }
    ensure!(
        !stale,
        "the public API is not as it is listed in {HERE}: where that is meant, run \
         `cargo run -p bpfmap-public-api`, and let the review see the lists"
    );
    Ok(())
}

fn list(package: &str, features: &[&str]) -> Result<String> {
    let json = rustdoc(package, features)?;
    let api = public_api::Builder::from_rustdoc_json(json)
        // What every type has by `impl<T> ... for T` says nothing of this crate.
        .omit_blanket_impls(true)
        .build()
        .context("the compiler is another one than Rust 1.95, whose output this reads")?;
    let lines = api.items().map(ToString::to_string);
    Ok(lines.filter(|line| !is_implied(line)).map(|line| line + "\n").collect())
}

/// Whether it is an implementation of the compiler's own that no program is
/// written for. Of those, `Send` and `Sync` are what a program with threads needs.
fn is_implied(line: &str) -> bool {
    let implied = [
        "core::marker::Freeze",
        "core::marker::StructuralPartialEq",
        "core::marker::Unpin",
        "core::marker::UnsafeUnpin",
        "core::panic::unwind_safe::RefUnwindSafe",
        "core::panic::unwind_safe::UnwindSafe",
    ];
    let of = line.split_once(" for ").map_or(line, |(of, _)| of);
    line.starts_with("impl") && implied.iter().any(|path| of.ends_with(path))
}

/// Runs rustdoc, and says where its output is.
fn rustdoc(package: &str, features: &[&str]) -> Result<PathBuf> {
    let this = env::current_exe()?;
    // Where this was built, what it needs is, too.
    let target = this.ancestors().nth(2).context("not in a directory of cargo's")?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let done = Command::new(cargo)
        .args(["rustdoc", "--quiet", "--locked", "--lib", "-p", package])
        .args(features)
        .arg("--target-dir")
        .arg(target)
        .current_dir(HERE)
        .env("RUSTDOC", Path::new(HERE).join("rustdoc"))
        .status()
        .context("running cargo")?;
    ensure!(done.success(), "cargo rustdoc: {done}");
    Ok(target.join("doc").join(format!("{package}.json")))
}
