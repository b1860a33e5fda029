//! What the files of a machine say. All reading is here.

use std::fmt::{self, Display, Formatter};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::config::Config;
use super::mounts::Mounts;
use super::status::{self, Status};
use crate::Btf;

/// Where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    Proc,
    Sys,
    Boot,
    Modules,
}

/// Where the directories of the machine are.
#[derive(Clone, Debug)]
pub(super) struct Roots {
    pub(super) proc: PathBuf,
    pub(super) sys: PathBuf,
    pub(super) boot: PathBuf,
    pub(super) modules: PathBuf,
}

/// A file that says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unread {
    /// Its path on the machine, wherever the machine's directories were given to be.
    pub(super) path: String,
    pub(super) reason: Reason,
}

/// Why it says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Missing,
    Denied,
    Other(String),
}

/// No file that is read is longer: the kernel's BTF is the longest, of some MiB.
const LONGEST: u64 = 256 << 20;

impl Roots {
    fn path(&self, root: Root, name: &str) -> PathBuf {
        match root {
            Root::Proc => &self.proc,
            Root::Sys => &self.sys,
            Root::Boot => &self.boot,
            Root::Modules => &self.modules,
        }
        .join(name)
    }

    /// Its path on the machine.
    pub(super) fn shown(&self, root: Root, name: &str) -> String {
        let root = match root {
            Root::Proc => "/proc",
            Root::Sys => "/sys",
            Root::Boot => "/boot",
            Root::Modules => "/lib/modules",
        };
        format!("{root}/{name}")
    }

    pub(super) fn corrupt(&self, root: Root, name: &str, reason: String) -> Unread {
        Unread { path: self.shown(root, name), reason: Reason::Other(reason) }
    }

    pub(super) fn read(&self, root: Root, name: &str) -> Result<Vec<u8>, Unread> {
        let read = |path: &Path| -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            // A pipe in the place of a file would be waited for.
            let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
            file.take(LONGEST).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read(&self.path(root, name))
            .map_err(|error| Unread { path: self.shown(root, name), reason: Reason::of(&error) })
    }

    fn text(&self, root: Root, name: &str) -> Result<String, Unread> {
        let bytes = self.read(root, name)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// A setting of the kernel, below `/proc/sys`.
    fn setting(&self, name: &str) -> Result<u32, Unread> {
        let name = format!("sys/{name}");
        let text = self.text(Root::Proc, &name)?;
        text.parse().map_err(|_| {
            let beginning: String = text.chars().take(20).collect();
            self.corrupt(Root::Proc, &name, format!("`{}` is no number", beginning.escape_debug()))
        })
    }
}

/// Everything that was read.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// The kernel's release, `uname -r`.
    pub(super) release: Result<String, Unread>,
    /// The highest capability that the kernel knows.
    pub(super) last_capability: Result<u32, Unread>,
    pub(super) config: Config,
    /// The length of the kernel's own BTF, in bytes, when it can be read as such.
    pub(super) btf: Result<usize, Unread>,
    pub(super) status: Result<Status, Unread>,
    pub(super) user_namespace: UserNamespace,
    /// Bytes that may be locked; `None` is "unlimited".
    pub(super) memlock: Result<Option<u64>, Unread>,
    pub(super) unprivileged_disabled: Result<u32, Unread>,
    pub(super) jit_enable: Result<u32, Unread>,
    pub(super) jit_harden: Result<u32, Unread>,
    pub(super) lockdown: Result<String, Unread>,
    pub(super) mounts: Result<Mounts, Unread>,
}

/// Whose capabilities those of this process are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UserNamespace {
    Initial,
    Other,
    Unknown,
}

/// The inode of the initial one, the same on every kernel (`PROC_USER_INIT_INO`).
const INITIAL: &str = "user:[4026531837]";

impl Machine {
    pub(super) fn read(roots: &Roots) -> Self {
        let release = roots.text(Root::Proc, "sys/kernel/osrelease").and_then(|release| {
            // It becomes a part of paths.
            match release.is_empty() || release.contains(['/', '\0', '\n']) {
                true => Err(roots.corrupt(
                    Root::Proc,
                    "sys/kernel/osrelease",
                    "it is no release of a kernel".to_owned(),
                )),
                false => Ok(release),
            }
        });
        Self {
            config: Config::read(roots, release.as_deref().ok()),
            release,
            last_capability: roots.setting("kernel/cap_last_cap"),
            btf: btf(roots),
            status: process(roots, "status", Status::parse),
            user_namespace: user_namespace(roots),
            memlock: process(roots, "limits", status::memlock),
            unprivileged_disabled: roots.setting("kernel/unprivileged_bpf_disabled"),
            jit_enable: roots.setting("net/core/bpf_jit_enable"),
            jit_harden: roots.setting("net/core/bpf_jit_harden"),
            lockdown: roots.text(Root::Sys, "kernel/security/lockdown"),
            mounts: process(roots, "mountinfo", |text| {
                Some(Mounts::parse(text)).filter(|mounts| !mounts.is_empty())
            }),
        }
    }
}

fn btf(roots: &Roots) -> Result<usize, Unread> {
    const FILE: &str = "kernel/btf/vmlinux";
    let bytes = roots.read(Root::Sys, FILE)?;
    let len = bytes.len();
    match Btf::parse(bytes) {
        Ok(_) => Ok(len),
        Err(error) => Err(roots.corrupt(Root::Sys, FILE, error.to_string())),
    }
}

/// Each thread has capabilities of its own, so that of the thread comes first;
/// there since Linux 3.17.
fn process<T>(roots: &Roots, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Unread> {
    let thread = format!("thread-self/{name}");
    let process = format!("self/{name}");
    let (name, text) = match roots.text(Root::Proc, &thread) {
        Ok(text) => (thread, text),
        Err(_) => (process.clone(), roots.text(Root::Proc, &process)?),
    };
    let unlike = || roots.corrupt(Root::Proc, &name, "it is not as kernels write it".to_owned());
    parse(&text).ok_or_else(unlike)
}

fn user_namespace(roots: &Roots) -> UserNamespace {
    let link = match std::fs::read_link(roots.path(Root::Proc, "self/ns/user")) {
        Ok(namespace) if namespace == Path::new(INITIAL) => return UserNamespace::Initial,
        Ok(_) => return UserNamespace::Other,
        Err(error) => Reason::of(&error),
    };
    match roots.text(Root::Proc, "self/uid_map") {
        // All ids as they are, as hardly any other is made.
        Ok(map) if map.split_whitespace().eq(["0", "0", "4294967295"]) => UserNamespace::Initial,
        Ok(_) => UserNamespace::Other,
        // A kernel without user namespaces has neither, but it has the others.
        Err(Unread { reason: Reason::Missing, .. })
            if link == Reason::Missing && roots.path(Root::Proc, "self/ns").is_dir() =>
        {
            UserNamespace::Initial
        }
        Err(_) => UserNamespace::Unknown,
    }
}

impl Reason {
    pub(super) fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Other(error.to_string()),
        }
    }
}

impl Display for Unread {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { path, reason } = self;
        match reason {
            Reason::Missing => write!(f, "{path} is not there"),
            Reason::Denied => write!(f, "this process may not read {path}"),
            Reason::Other(reason) => write!(f, "{path} cannot be read: {reason}"),
        }
    }
}
