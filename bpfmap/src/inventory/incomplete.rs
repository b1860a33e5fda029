//! What could not be read.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use super::stale::Listed;

/// A part of an inventory that is missing. What holds a map may be in it, so a map
/// without holders is then not one that nobody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Incomplete {
    /// What is in the kernel could not be asked for.
    Ids {
        /// `maps`, `programs` or `links`.
        what: &'static str,
        /// The kernel's answer, as an `errno`.
        errno: i32,
    },
    /// One of what is in the kernel could not be opened or described.
    Object {
        /// `map`, `program` or `link`.
        what: &'static str,
        /// Its id.
        id: u32,
        /// The kernel's answer, as an `errno`.
        errno: i32,
    },
    /// What is in a map of maps, or in a `prog_array`, could not be read.
    Contents {
        /// The id of the map.
        map_id: u32,
        /// The kernel's answer, as an `errno`; 0 when it is none of the kernel's.
        errno: i32,
    },
    /// Processes whose descriptors could not be read.
    Processes {
        /// Their numbers.
        pids: Vec<u32>,
        /// How many processes there are.
        of: usize,
    },
    /// There are processes that are not to be seen: those outside of this process's PID
    /// namespace, or those of others where `/proc` hides them. So are the pins in
    /// their mount namespaces.
    OtherProcesses,
    /// A file or a directory could not be read, so what is pinned there, or which
    /// processes or mounts there are, is not known.
    Path {
        /// The file or the directory.
        path: PathBuf,
        /// Why not, as an `errno`.
        errno: i32,
    },
    /// Processes that have mapped the memory of a map and closed it, so that they use
    /// one that seems to be used by nobody.
    Memory {
        /// Their numbers.
        pids: Vec<u32>,
    },
    /// Something else is mounted over a bpffs, so what is pinned in it is out of sight.
    Covered {
        /// Where it is mounted.
        path: PathBuf,
    },
}

impl Incomplete {
    /// Whether what is missing are processes.
    pub fn is_of_processes(&self) -> bool {
        matches!(self, Self::Processes { .. } | Self::OtherProcesses | Self::Memory { .. })
    }

    /// Whether a program, a link or a map may be missing that uses any map, so that of
    /// none it can be said that it is used by nobody.
    pub(super) fn hides_use(&self) -> bool {
        match self {
            Self::Ids { .. } | Self::Object { .. } | Self::Contents { .. } => true,
            // What is pinned is no use.
            Self::Covered { .. } => false,
            Self::Processes { .. } | Self::OtherProcesses | Self::Memory { .. } => false,
            // Of the list of processes. That of pins holds no user of a map; a directory
            // there of the same name is on the safe side.
            Self::Path { path, .. } => path.ends_with("proc"),
        }
    }
}

impl Display for Incomplete {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ids { what, errno } => {
                write!(f, "the kernel's {what} cannot be listed: {}", error(*errno))?;
                match *errno {
                    libc::EPERM => f.write_str("; it needs CAP_SYS_ADMIN"),
                    libc::EINVAL => f.write_str("; the kernel is too old to list them"),
                    _ => Ok(()),
                }
            }
            Self::Object { what, id, errno } => {
                write!(f, "{what} {id} cannot be looked at: {}", error(*errno))
            }
            Self::Contents { map_id, errno } => {
                write!(f, "what is in map {map_id} cannot be read: {}", error(*errno))
            }
            Self::Processes { pids, of } => {
                /// How many are named.
                const MOST: usize = 8;
                write!(f, "the descriptors of {} of {of} processes cannot be read: ", pids.len())?;
                for (index, pid) in pids.iter().take(MOST).enumerate() {
                    write!(f, "{}{pid}", if index == 0 { "pid " } else { ", " })?;
                }
                f.write_str(if pids.len() > MOST { ", ..." } else { "" })?;
                f.write_str(match pids.len() {
                    1 => ", which is another user's or has capabilities that this process has not",
                    _ => ", which are other users' or have capabilities that this process has not",
                })?;
                f.write_str("; CAP_SYS_PTRACE reads them all")
            }
            Self::OtherProcesses => f.write_str(
                "processes outside of this PID namespace, or that /proc hides (hidepid), are out of \
                 sight; look on the host, as root, or in a container with its processes \
                 (`--pid=host`)",
            ),
            Self::Path { path, errno } => {
                write!(f, "{} cannot be read: {}", path.display(), error(*errno))
            }
            Self::Memory { pids } => write!(
                f,
                "{} ha{} mapped memory of a map that {} not have open, and of which one the kernel \
                 does not say",
                Listed("process", pids),
                if pids.len() == 1 { "s" } else { "ve" },
                if pids.len() == 1 { "it does" } else { "they do" },
            ),
            Self::Covered { path } => write!(
                f,
                "what is pinned in the bpffs at {} is out of sight, as something else is mounted over it",
                path.display()
            ),
        }
    }
}

fn error(errno: i32) -> impl Display {
    crate::sys::Errno(errno)
}
