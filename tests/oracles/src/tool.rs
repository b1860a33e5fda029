//! Runs a tool.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The first line that `tool` prints of itself; `None` when it cannot be run.
pub fn version(tool: &str) -> Option<String> {
    // That of bpftool has no dashes in its older versions.
    let argument = if tool == "bpftool" { "version" } else { "--version" };
    let output = Command::new(tool).arg(argument).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.to_owned())
}

/// What `tool` prints of a file.
pub(crate) fn print(tool: &str, arguments: &[&str], path: &Path) -> Result<Vec<u8>> {
    // A tool that prints for people would print in their language.
    let mut command = Command::new(tool);
    let output = command.args(arguments).arg(path).env("LC_ALL", "C").output();
    let output = output.with_context(|| format!("`{tool}` cannot be run"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{tool} {} {}: {}", arguments.join(" "), path.display(), said.trim());
    }
    Ok(output.stdout)
}
