//! A generated crate, and `cargo check` of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs, io};

use anyhow::{Context, ensure};

/// A crate of one source file, in a workspace and a target directory of its own.
pub struct Package {
    directory: PathBuf,
    source: String,
}

impl Package {
    /// Writes the crate, and lets cargo download what it depends on.
    pub fn create(name: &str, dependency: &str, source: String) -> anyhow::Result<Self> {
        let package = Self { directory: Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), source };
        package.write(name, dependency).with_context(|| format!("writing the crate `{name}`"))?;
        package.cargo("fetch", &[])?;
        Ok(package)
    }

    fn write(&self, name: &str, dependency: &str) -> io::Result<()> {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependency}\n"
        );
        fs::create_dir_all(self.directory.join("src"))?;
        fs::write(self.directory.join("Cargo.toml"), manifest)?;
        // The same versions as everywhere here, in every run.
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("Cargo.lock");
        fs::copy(lock, self.directory.join("Cargo.lock"))?;
        self.touch()
    }

    fn touch(&self) -> io::Result<()> {
        fs::write(self.directory.join("src/lib.rs"), &self.source)
    }

    /// Checks all that is not up to date, without measuring it.
    pub fn check(&self) -> anyhow::Result<()> {
        self.cargo("check", &CHECK).map(drop)
    }

    /// How long it takes to check the crate alone.
    pub fn time_warm(&self) -> anyhow::Result<Duration> {
        self.touch().context("touching the source")?;
        let (time, checked) = self.time()?;
        ensure!(checked.stale == 1, "{} crates were checked instead of one", checked.stale);
        Ok(time)
    }

    /// How long it takes to check the crate and its dependencies.
    pub fn time_cold(&self) -> anyhow::Result<Duration> {
        let target = self.target();
        match fs::remove_dir_all(&target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("removing {}", target.display()));
            }
            _ => {}
        }
        let (time, checked) = self.time()?;
        ensure!(checked.fresh == 0, "{} crates were not checked anew", checked.fresh);
        Ok(time)
    }

    fn time(&self) -> anyhow::Result<(Duration, Checked)> {
        let start = Instant::now();
        let messages = self.cargo("check", &CHECK)?;
        let time = start.elapsed();
        let count = |fresh| messages.matches(fresh).count();
        Ok((time, Checked { fresh: count("\"fresh\":true"), stale: count("\"fresh\":false") }))
    }

    fn cargo(&self, command: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let what = || format!("cargo {command} in {}", self.directory.display());
        let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .arg(command)
            .args(arguments)
            .current_dir(&self.directory)
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_TARGET_DIR", self.target())
            // Not the compiler but its cache would be measured.
            .env("RUSTC_WRAPPER", "")
            .output()
            .with_context(what)?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {errors}", what());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn target(&self) -> PathBuf {
        self.directory.join("target")
    }
}

/// The messages say of each crate whether it was up to date.
const CHECK: [&str; 3] = ["--quiet", "--offline", "--message-format=json"];

/// How many crates cargo found up to date, and how many it had to check.
struct Checked {
    fresh: usize,
    stale: usize,
}
