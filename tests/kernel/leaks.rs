//! What a test leaves behind in its process: each test has to close what it, or
//! the library, opened.

use std::collections::BTreeSet;
use std::fs;

/// What this process holds of the kernel's, each with what it is.
pub struct Held(BTreeSet<String>);

impl Held {
    /// What is held now, when tests run one at a time and are to be watched: as
    /// `tests/memory` does. Beside other tests it would count theirs.
    pub fn now() -> Option<Self> {
        std::env::var_os("BPFMAP_WATCH_LEAKS")?;
        Some(Self(descriptors().chain(mappings()).chain(mounts()).collect()))
    }

    /// What was not held before.
    pub fn since(&self, before: &Self) -> Vec<String> {
        self.0.difference(&before.0).cloned().collect()
    }
}

fn descriptors() -> impl Iterator<Item = String> {
    let open = fs::read_dir("/proc/self/fd").expect("/proc is mounted");
    open.filter_map(|entry| {
        let entry = entry.expect("it is read to its end");
        // The one that is read from is gone before it can be asked.
        let target = fs::read_link(entry.path()).ok()?;
        Some(format!("descriptor {}, {}", entry.file_name().display(), target.display()))
    })
    .filter(|descriptor| !descriptor.ends_with("/fd"))
}

/// Maps and the kernel's BTF that are mapped into memory.
fn mappings() -> impl Iterator<Item = String> {
    lines("/proc/self/maps")
        .filter(|line| line.contains(" anon_inode:") || line.contains(" /sys/kernel/btf/"))
        .map(|line| format!("memory, {line}"))
}

fn mounts() -> impl Iterator<Item = String> {
    lines("/proc/self/mounts")
        .filter(|line| line.contains(" bpf "))
        .map(|line| format!("a mount, {line}"))
}

fn lines(path: &str) -> impl Iterator<Item = String> {
    let text = fs::read_to_string(path).expect("/proc is mounted");
    text.lines().map(str::to_owned).collect::<Vec<_>>().into_iter()
}
