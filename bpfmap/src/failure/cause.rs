//! The causes of an answer that may have several, in words.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use crate::probe::Feature;

/// Which of the causes that an answer of the kernel may have it was.
///
/// It is looked for when an operation has failed, and never before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Cause {
    /// The map is frozen: user space cannot write to it any more.
    Frozen {
        /// Whether it is a section of constants, which loaders freeze.
        by_loader: bool,
    },
    /// The descriptor was opened for reading alone.
    OpenedReadOnly,
    /// The descriptor was opened for writing alone.
    OpenedWriteOnly,
    /// The thread does not have a capability that the call needs.
    Capability {
        /// Its name.
        lacking: &'static str,
        /// What `unprivileged_bpf_disabled` says, where that is why it is needed.
        unprivileged_bpf_disabled: Option<u8>,
        /// Whether the thread has a seccomp filter, which may demand it too.
        seccomp: bool,
    },
    /// The thread has the capability, in a user namespace and not in the first
    /// one, where it would count.
    UserNamespace {
        /// Its name.
        capability: &'static str,
    },
    /// A seccomp filter of the thread refuses `bpf(2)` as a whole.
    Seccomp,
    /// It is none of what the kernel itself refuses a call for.
    Others {
        /// Whether the thread has a seccomp filter.
        seccomp: bool,
        /// The security modules that the kernel asks, but for those that have no
        /// say in it; `None` when it does not tell which they are.
        security_modules: Option<Vec<String>>,
        /// The lockdown that is on, if one is.
        lockdown: Option<String>,
    },
    /// The kernel was built without `CONFIG_BPF_SYSCALL`.
    NotBuilt,
    /// The kernel does not have something.
    NoFeature(Feature),
    /// The kernel has it, so that is not why.
    HasFeature(Feature),
    /// There is a directory, and nothing of that name in it.
    NothingPinned {
        /// The directory, which is in a bpffs.
        directory: PathBuf,
        /// What there is in it; some of it, when that is much.
        names: Vec<String>,
    },
    /// A directory on the way is not there.
    NoDirectory {
        /// The first that is not.
        missing: PathBuf,
        /// Whether the one that it would be in is in a bpffs.
        in_bpffs: bool,
        /// Where a bpffs is mounted.
        mounted: Vec<PathBuf>,
    },
    /// The path is not in a bpffs, and only there are pins.
    NotInBpffs {
        /// What of it there is.
        path: PathBuf,
        /// Where a bpffs is mounted.
        mounted: Vec<PathBuf>,
    },
    /// The permissions of the file, or of a directory on the way, do not allow it.
    Permissions {
        /// The mode of the file, when that can be read.
        mode: Option<u32>,
        /// Whether it was to be opened for reading alone.
        to_read: bool,
    },
}

impl Display for Cause {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frozen { by_loader: false } => f.write_str(
                "the map is frozen (BPF_MAP_FREEZE): from then on only programs write to it, until it is \
                 loaded anew",
            ),
            Self::Frozen { by_loader: true } => f.write_str(
                "the map has constants, and loaders freeze it: set the variable before the program is \
                 loaded, with aya's `EbpfLoader::override_global`",
            ),
            Self::OpenedReadOnly => f.write_str(
                "the descriptor was opened read-only (BPF_F_RDONLY): open the map without \
                 `read_only(true)`, or from a descriptor or a pin that may be written to",
            ),
            Self::OpenedWriteOnly => f.write_str(
                "the descriptor was opened write-only (BPF_F_WRONLY): open the map by its pin or id, or \
                 from a descriptor that may be read from",
            ),
            Self::Capability { lacking, unprivileged_bpf_disabled, seccomp } => {
                write!(f, "it needs {lacking}, which this thread does not have")?;
                if let Some(value) = unprivileged_bpf_disabled {
                    write!(
                        f,
                        ", and this kernel demands it for every call, as \
                         kernel.unprivileged_bpf_disabled is {value}"
                    )?;
                }
                if *seccomp {
                    f.write_str(
                        "; it has a seccomp filter, which containers get and which may demand the \
                         capability too",
                    )?;
                }
                write!(f, ": give it to the process (`setcap`, `AmbientCapabilities=`, `--cap-add`)")?;
                match *lacking {
                    "CAP_SYS_ADMIN" => {
                        f.write_str(", or open the map by its pin or from its loader")
                    }
                    _ => Ok(()),
                }
            }
            Self::UserNamespace { capability } => write!(
                f,
                "this thread has {capability} only in a user namespace, as in a rootless container, and it \
                 counts in the first one alone: run it outside, or hand it the descriptor"
            ),
            Self::Seccomp => f.write_str(
                "a seccomp filter of this thread refuses bpf(2), as containers' do: run it with a profile \
                 that allows the call (`--security-opt seccomp=...`)",
            ),
            Self::Others { seccomp, security_modules, lockdown } => {
                f.write_str(
                    "it is none of what the kernel itself refuses it for, as the map and its descriptor \
                     allow it and no capability is missing: ",
                )?;
                match (seccomp, security_modules.as_deref()) {
                    (false, Some([])) => f.write_str("a fault that was injected, or a newer kernel, did")?,
                    (true, Some([])) => f.write_str("a seccomp filter of this thread did")?,
                    (seccomp, modules) => {
                        if *seccomp {
                            f.write_str("a seccomp filter of this thread, or ")?;
                        }
                        match modules {
                            Some(modules) => write!(f, "a security module ({})", modules.join(", "))?,
                            None => f.write_str("a security module")?,
                        }
                        f.write_str(" did; the audit log (`dmesg`, `ausearch -m avc`) says which")?;
                    }
                }
                match lockdown {
                    Some(mode) => write!(
                        f,
                        "; the kernel is locked down ({mode}), which does not concern maps"
                    ),
                    None => Ok(()),
                }
            }
            Self::NotBuilt => f.write_str(
                "this kernel was built without CONFIG_BPF_SYSCALL (its /proc/filesystems does not have \
                 `bpf`): use one that was built with it",
            ),
            Self::NoFeature(feature) => write!(f, "this kernel does not have {feature}"),
            Self::HasFeature(feature) => write!(
                f,
                "this kernel has {feature}, as was tried just now, so it is something about this map, or \
                 about what was given: its flags or its values"
            ),
            Self::NothingPinned { directory, names } => {
                write!(f, "nothing is pinned there: {} ", directory.display())?;
                let mut names = names.iter();
                match names.next() {
                    None => f.write_str("is empty: has the loader pinned it, and there?")?,
                    Some(first) => {
                        write!(f, "has `{}`", crate::btf::Printable(first))?;
                        for name in names {
                            write!(f, ", `{}`", crate::btf::Printable(name))?;
                        }
                    }
                }
                Ok(())
            }
            Self::NoDirectory { missing, in_bpffs: true, .. } => write!(
                f,
                "nothing is pinned there: there is no {}; the loader makes the directory when it pins: has \
                 it, and with that path?",
                missing.display()
            ),
            Self::NoDirectory { missing, in_bpffs: false, mounted } => {
                write!(
                    f,
                    "nothing is pinned there: there is no {}, and what it would be in is no bpffs",
                    missing.display()
                )?;
                mounts(f, mounted)
            }
            Self::NotInBpffs { path, mounted } => {
                write!(f, "{} is not in a bpffs, and pins are nowhere else", path.display())?;
                mounts(f, mounted)
            }
            Self::Permissions { mode, to_read } => {
                f.write_str("the permissions of the pin, or of a directory on the way, do not allow it")?;
                if let Some(mode) = mode {
                    write!(f, " (its mode is {:04o})", mode & 0o7777)?;
                }
                f.write_str(match to_read {
                    true => ": change them with chmod or chown, or be somebody who may read it",
                    false => {
                        ": change them with chmod or chown, or, when it may be read, open it for that \
                         alone, `OpenOptions::new().read_only(true)`"
                    }
                })
            }
        }
    }
}

fn mounts(f: &mut Formatter<'_>, mounted: &[PathBuf]) -> fmt::Result {
    let mut mounted = mounted.iter();
    match mounted.next() {
        None => f.write_str("; none is mounted here: `mount -t bpf bpf /sys/fs/bpf`"),
        Some(first) => {
            write!(f, "; one is mounted at {}", first.display())?;
            mounted.try_for_each(|point| write!(f, ", {}", point.display()))
        }
    }
}
