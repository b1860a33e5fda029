//! A generated crate, and `cargo check` of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs, io};

use anyhow::{Context, ensure};

/// A crate of one file, in a workspace and a target directory of its own.
pub struct Package {
    directory: PathBuf,
    source: String,
}

impl Package {
    /// Writes the crate, its source still empty, and lets cargo download what
    /// it depends on.
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
        fs::write(self.directory.join("src/lib.rs"), "")?;
        // Dependencies of the versions that this workspace has.
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("Cargo.lock");
        fs::copy(lock, self.directory.join("Cargo.lock")).map(drop)
    }

    /// Checks the dependencies, and whatever the source holds by now.
    pub fn check(&self) -> anyhow::Result<()> {
        self.cargo("check", &CHECK).map(drop)
    }

    /// How long it takes to check the crate alone.
    pub fn time_warm(&self) -> anyhow::Result<Duration> {
        let (time, messages) = self.time()?;
        let stale = messages.matches(STALE).count();
        ensure!(stale == 1, "{stale} crates were checked instead of one");
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
        let (time, messages) = self.time()?;
        let fresh = messages.matches(FRESH).count();
        ensure!(fresh == 0, "{fresh} crates were not checked anew");
        Ok(time)
    }

    /// Checks the crate, whose source is new, and returns what cargo reports.
    fn time(&self) -> anyhow::Result<(Duration, String)> {
        fs::write(self.directory.join("src/lib.rs"), &self.source).context("writing the source")?;
        let start = Instant::now();
        let messages = self.cargo("check", &CHECK)?;
        Ok((start.elapsed(), messages))
    }

    fn cargo(&self, command: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let what = || format!("cargo {command} in {}", self.directory.display());
        let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .arg(command)
            .args(arguments)
            .current_dir(&self.directory)
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_TARGET_DIR", self.target())
            // Else the compiler's cache is measured.
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
const FRESH: &str = "\"fresh\":true";
const STALE: &str = "\"fresh\":false";
