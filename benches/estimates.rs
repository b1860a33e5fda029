//! What criterion has estimated.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io};

use anyhow::Context;

/// The estimates of a group of benchmarks.
pub struct Estimates {
    directory: PathBuf,
}

/// Whether this run measures, rather than lists, tries or profiles the
/// benchmarks. Criterion knows but does not tell.
pub fn are_made() -> bool {
    let given = |option: &str| env::args().any(|argument| argument.starts_with(option));
    given("--bench") && !["--list", "--test", "--profile-time"].into_iter().any(given)
}

impl Estimates {
    /// Those of the group, in the directory that criterion chooses.
    pub fn of(group: &str) -> Self {
        let criterion = env::var_os("CRITERION_HOME").map(PathBuf::from).unwrap_or_else(|| {
            let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
            let default = || Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target");
            target.unwrap_or_else(default).join("criterion")
        });
        Self { directory: criterion.join(group) }
    }

    /// Removes the estimates of an earlier run, so that they cannot be taken
    /// for those of this one.
    pub fn forget(&self, id: &str) -> anyhow::Result<()> {
        let path = self.path(id);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// How long the benchmark took per iteration.
    pub fn median(&self, id: &str) -> anyhow::Result<Duration> {
        let path = self.path(id);
        let read = || {
            let estimates: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
            let nanoseconds = estimates["median"]["point_estimate"].as_f64();
            let seconds = nanoseconds.context("it has no median")? / 1e9;
            anyhow::Ok(Duration::try_from_secs_f64(seconds)?)
        };
        read().with_context(|| format!("no estimate of `{id}` in {}", path.display()))
    }

    fn path(&self, id: &str) -> PathBuf {
        self.directory.join(id).join("new").join("estimates.json")
    }
}
