//! Whether a machine, and this process on it, are fit for BPF maps.
//!
//! Half of what goes wrong with maps is not in the code: the kernel was built
//! without something, the process lacks a capability, nobody mounted a bpffs.
//! [`preflight()`] looks at all of it, says what it found, and what to type.
//!
//! ```no_run
//! use bpfmap::preflight::Job;
//!
//! let report = bpfmap::preflight();
//! for check in &report.checks {
//!     for fix in &check.fixes {
//!         eprintln!("{}: {}; {fix}", check.id, check.found);
//!     }
//! }
//! if !report.job(Job::OpenPins).is_fit() {
//!     eprintln!("{report}");
//! }
//! ```
//!
//! # The checks
//!
//! | id | what is looked at | since Linux |
//! |---|---|---|
//! | `kernel` | `/proc/sys/kernel/osrelease`, which only explains, and `cap_last_cap`, which tells of `CAP_BPF` | 5.8 |
//! | `bpf-syscall` | `bpf(2)`, probed; a refusal is explained by seccomp and the capabilities | 3.18 |
//! | `kernel-config` | `/proc/config.gz`, else `/boot/config-RELEASE`, else `/lib/modules/RELEASE/build/.config` | |
//! | `config-...` | options in it, such as `config-debug-info-btf` | |
//! | `kernel-btf` | `/sys/kernel/btf/vmlinux`, read as BTF | 5.4 |
//! | `user-namespace` | `/proc/self/ns/user`, else `uid_map` | 3.8 |
//! | `cap-bpf`, `cap-perfmon`, `cap-net-admin`, `cap-sys-admin` | the effective set of this thread, in `/proc/thread-self/status` | 5.8 for the first two |
//! | `unprivileged-bpf` | `kernel.unprivileged_bpf_disabled` | 4.4 |
//! | `memlock` | `RLIMIT_MEMLOCK`, and by probe whether maps count against it | until 5.11 |
//! | `lockdown` | `/sys/kernel/security/lockdown` | 5.4 |
//! | `jit` | `net.core.bpf_jit_enable`, `bpf_jit_harden` | 3.0 |
//! | `bpffs`, `cgroup2` | `/proc/self/mountinfo` | 4.4, 4.5 |
//! | `map-types`, `ringbuf`, `map-btf`, `batch`, `lookup-and-delete`, `mapped-arrays` | probes | see [`Feature::since`](crate::Feature::since) |
//!
//! No check needs a privilege; what may not be looked at is [`Verdict::Unknown`].

mod answers;
mod checks;
mod config;
mod draw;
mod jobs;
mod machine;
mod mounts;
mod report;
mod status;

use std::path::PathBuf;

use answers::Answers;
pub use jobs::{Fitness, Job};
use machine::{Machine, Roots};
pub use report::{Check, Fix, Report, Verdict};

use crate::probe::{Feature, Probes, Support};

/// Looks at this machine and this process.
///
/// Reads some files of `/proc`, `/sys`, `/boot` and `/lib/modules`, and makes and
/// closes a few small maps, as [`Feature::probe`] does. Changes nothing. Takes
/// some milliseconds, most of it for the kernel's BTF.
///
/// What it says of capabilities is about the thread that calls it.
///
/// It cannot fail: what cannot be read is [`Verdict::Unknown`], with the reason. A
/// seccomp filter that kills a process for `bpf(2)` kills this one too.
pub fn preflight() -> Report {
    Preflight::new().run()
}

/// A preflight of another machine than this, from a copy of its files.
///
/// ```no_run
/// use bpfmap::preflight::{Preflight, Verdict};
///
/// let report = Preflight::new().root("/tmp/machine").run();
/// assert_ne!(report.check("kernel-btf").unwrap().verdict, Verdict::Fail);
/// ```
#[derive(Debug)]
pub struct Preflight {
    roots: Roots,
    answers: Answers,
}

impl Preflight {
    /// This machine.
    pub fn new() -> Self {
        let roots = Roots {
            proc: "/proc".into(),
            sys: "/sys".into(),
            boot: "/boot".into(),
            modules: "/lib/modules".into(),
        };
        Self { roots, answers: Answers::Kernel(Probes::new()) }
    }

    /// Where `/proc` is. With this or another directory, nothing is probed, as the
    /// kernel here is not the one that they are of; [`answers`](Self::answers) says
    /// what that one has answered.
    pub fn proc_root(self, path: impl Into<PathBuf>) -> Self {
        self.elsewhere(|roots| roots.proc = path.into())
    }

    /// Where `/sys` is; see [`proc_root`](Self::proc_root).
    pub fn sys_root(self, path: impl Into<PathBuf>) -> Self {
        self.elsewhere(|roots| roots.sys = path.into())
    }

    /// Where `/boot` is; see [`proc_root`](Self::proc_root).
    pub fn boot_root(self, path: impl Into<PathBuf>) -> Self {
        self.elsewhere(|roots| roots.boot = path.into())
    }

    /// Where `/lib/modules` is; see [`proc_root`](Self::proc_root).
    pub fn modules_root(self, path: impl Into<PathBuf>) -> Self {
        self.elsewhere(|roots| roots.modules = path.into())
    }

    /// Where `/` is: the four directories are in it. See
    /// [`proc_root`](Self::proc_root).
    pub fn root(self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        self.proc_root(path.join("proc"))
            .sys_root(path.join("sys"))
            .boot_root(path.join("boot"))
            .modules_root(path.join("lib/modules"))
    }

    /// What the kernel has answered to probes, instead of running them. One that is
    /// not among them is unknown.
    pub fn answers(self, answers: impl IntoIterator<Item = (Feature, Support)>) -> Self {
        Self { answers: Answers::Recorded(answers.into_iter().collect()), ..self }
    }

    /// Looks.
    pub fn run(self) -> Report {
        checks::all(&Machine::read(&self.roots), &self.answers)
    }

    fn elsewhere(mut self, set: impl FnOnce(&mut Roots)) -> Self {
        set(&mut self.roots);
        if self.answers.is_here() {
            self.answers = Answers::Recorded(Default::default());
        }
        self
    }
}

impl Default for Preflight {
    fn default() -> Self {
        Self::new()
    }
}
