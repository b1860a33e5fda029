//! The three answers.

use std::fmt::{self, Display, Formatter};

use crate::sys::Errno;

/// Whether the kernel has a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Support {
    /// It has.
    Yes,
    /// It has not.
    No,
    /// It could not be told.
    Unknown(Inconclusive),
}

/// What came between a probe and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Inconclusive {
    /// The call that failed, with the kernel's name for it.
    pub call: &'static str,
    /// The kernel's answer, as an `errno`.
    pub errno: i32,
}

impl Support {
    /// Whether the kernel is known to have it.
    pub fn is_yes(&self) -> bool {
        *self == Self::Yes
    }
}

impl Display for Support {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yes => f.write_str("yes"),
            Self::No => f.write_str("no"),
            Self::Unknown(inconclusive) => write!(f, "unknown, as {inconclusive}"),
        }
    }
}

impl Display for Inconclusive {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { call, errno } = self;
        write!(f, "{call} answered: {}", Errno(*errno))?;
        match *errno {
            libc::EPERM => f.write_str(
                "; it needs CAP_BPF (CAP_SYS_ADMIN before Linux 5.8), and before 5.11 also room \
                 below RLIMIT_MEMLOCK (`ulimit -l`)",
            ),
            libc::ERANGE if *call == "getrlimit" => f.write_str(
                "; RLIMIT_MEMLOCK is so high that it does not show what counts against it",
            ),
            libc::ENOMEM => f.write_str("; the kernel has no memory for it at this moment"),
            _ => Ok(()),
        }
    }
}
