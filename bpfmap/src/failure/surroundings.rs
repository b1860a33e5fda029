//! What a thread is allowed, as `/proc` and `/sys` say. Only read when a call has
//! failed.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// What has to do with the answers of `bpf(2)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Surroundings {
    /// The effective capabilities, a bit each.
    pub(super) capabilities: Option<u64>,
    /// Whether a seccomp filter looks at each call.
    pub(super) seccomp: bool,
    /// Whether the user namespace is the first one.
    pub(super) first_user_namespace: bool,
    pub(super) unprivileged_bpf_disabled: Option<u8>,
    /// Whether the kernel has the bpffs, which it has when it has the call.
    pub(super) has_bpf: Option<bool>,
    pub(super) security_modules: Option<Vec<String>>,
    pub(super) lockdown: Option<String>,
}

pub(super) const CAP_SYS_ADMIN: u64 = 1 << 21;
pub(super) const CAP_BPF: u64 = 1 << 39;

impl Surroundings {
    /// Reads all of it; what cannot be read is not known.
    pub(super) fn read() -> Self {
        let text = |path: &str| std::fs::read_to_string(path).ok();
        // Capabilities and filters are those of a thread.
        let status = text("/proc/thread-self/status").unwrap_or_default();
        let field = |name: &str| {
            let mut fields = status.lines().filter_map(|line| line.split_once(':'));
            fields.find(|(known, _)| *known == name).map(|(_, value)| value.trim())
        };
        let setting = text("/proc/sys/kernel/unprivileged_bpf_disabled");
        Self {
            capabilities: field("CapEff").and_then(|set| u64::from_str_radix(set, 16).ok()),
            seccomp: field("Seccomp") == Some("2"),
            // All of the numbers that there are, as they are.
            first_user_namespace: text("/proc/self/uid_map")
                .is_none_or(|map| map.split_whitespace().eq(["0", "0", "4294967295"])),
            unprivileged_bpf_disabled: setting.and_then(|value| value.trim().parse().ok()),
            has_bpf: text("/proc/filesystems").map(|list| {
                list.lines().any(|line| line.split_whitespace().next_back() == Some("bpf"))
            }),
            security_modules: text("/sys/kernel/security/lsm").map(|list| security_modules(&list)),
            lockdown: text("/sys/kernel/security/lockdown").as_deref().and_then(lockdown),
        }
    }

    /// Whether the thread has one of these capabilities, as far as it can be told.
    pub(super) fn has_any(&self, capabilities: u64) -> bool {
        self.capabilities.is_none_or(|effective| effective & capabilities != 0)
    }
}

/// Those that may have a say in what is done with maps.
fn security_modules(list: &str) -> Vec<String> {
    const NO_SAY: [&str; 10] = [
        "capability",
        "lockdown",
        "yama",
        "integrity",
        "ima",
        "evm",
        "landlock",
        "loadpin",
        "safesetid",
        "ipe",
    ];
    let modules = list.trim().split(',').filter(|name| !name.is_empty() && !NO_SAY.contains(name));
    modules.map(str::to_owned).collect()
}

/// `none [integrity] confidentiality`
fn lockdown(text: &str) -> Option<String> {
    let mode = text.split_once('[')?.1.split_once(']')?.0;
    (mode != "none").then(|| mode.to_owned())
}

/// Where a bpffs is mounted, as far as this process sees it.
pub(super) fn bpffs() -> Vec<PathBuf> {
    let text = std::fs::read("/proc/self/mounts").unwrap_or_default();
    mounts(&text)
}

/// `source point type options 0 0`
fn mounts(text: &[u8]) -> Vec<PathBuf> {
    /// How many are named.
    const MAX: usize = 4;
    let mut points: Vec<_> = text
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let mut words = line.split(|byte| *byte == b' ').skip(1);
            let (point, kind) = (words.next()?, words.next()?);
            (kind == b"bpf").then(|| PathBuf::from(OsString::from_vec(point.to_vec())))
        })
        .collect();
    points.sort();
    points.dedup();
    points.truncate(MAX);
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_without_a_say_are_left_out() {
        let list = "lockdown,capability,landlock,yama,apparmor,bpf,ima\n";
        assert_eq!(security_modules(list), ["apparmor", "bpf"]);
        assert!(security_modules("capability\n").is_empty());
        assert!(security_modules("").is_empty());
    }

    #[test]
    fn the_lockdown_is_the_one_in_brackets() {
        assert_eq!(lockdown("none [integrity] confidentiality\n").as_deref(), Some("integrity"));
        assert_eq!(lockdown("[none] integrity confidentiality\n"), None);
        assert_eq!(lockdown(""), None);
    }

    #[test]
    fn only_bpffs_are_listed() {
        let text = b"proc /proc proc rw 0 0\nbpf /sys/fs/bpf bpf rw 0 0\nnone /a tmpfs rw 0 0\n";
        assert_eq!(mounts(text), [PathBuf::from("/sys/fs/bpf")]);
    }
}
