//! What a process may want to do, and what that takes.

use std::fmt::{self, Display, Formatter};

use super::checks::id;
use super::report::{Report, Verdict};

/// Something that a process does with BPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Job {
    /// Opening maps that others have pinned, and using their entries. The object
    /// tells their types.
    OpenPins,
    /// Comparing with the BTF that the kernel keeps for a map, and opening maps by
    /// their ids.
    VerifyByKernel,
    /// Making maps, and loading programs that are neither of the two below.
    LoadPrograms,
    /// Loading programs for kprobes, tracepoints and the like.
    LoadTracing,
    /// Loading and attaching XDP, tc and other programs that handle packets.
    LoadNetworking,
}

/// Whether a process can do a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Fitness {
    /// The job.
    pub job: Job,
    /// `Pass` when it can, `Fail` when it cannot, or `Unknown`; never `Warn`.
    pub verdict: Verdict,
    /// The ids of the checks that stand in the way.
    pub because: Vec<&'static str>,
}

/// How a check must have ended.
#[derive(Clone, Copy)]
enum Must {
    /// With a pass.
    Pass,
    /// With a pass, or with a limit.
    Work,
}

impl Job {
    /// Every job.
    pub const ALL: &'static [Self] = &[
        Self::OpenPins,
        Self::VerifyByKernel,
        Self::LoadPrograms,
        Self::LoadTracing,
        Self::LoadNetworking,
    ];

    fn takes(self) -> &'static [(&'static str, Must)] {
        match self {
            Self::OpenPins => &[(id::SYSCALL, Must::Work), (id::BPFFS, Must::Work)],
            Self::VerifyByKernel => {
                &[(id::SYSCALL, Must::Work), (id::SYS_ADMIN, Must::Pass), (id::MAP_BTF, Must::Work)]
            }
            Self::LoadPrograms => &[(id::SYSCALL, Must::Work), (id::BPF, Must::Pass)],
            Self::LoadTracing => &[
                (id::SYSCALL, Must::Work),
                (id::BPF, Must::Pass),
                (id::PERFMON, Must::Pass),
                (id::LOCKDOWN, Must::Pass),
                (id::EVENTS, Must::Pass),
            ],
            Self::LoadNetworking => {
                &[(id::SYSCALL, Must::Work), (id::BPF, Must::Pass), (id::NET_ADMIN, Must::Pass)]
            }
        }
    }
}

impl Report {
    /// Whether this process is fit for a job.
    pub fn job(&self, job: Job) -> Fitness {
        let of = |(id, must): &(&'static str, Must)| {
            let ended = self.check(id).map_or(Verdict::Unknown, |check| check.verdict);
            let verdict = match (must, ended) {
                (_, Verdict::Pass) | (Must::Work, Verdict::Warn) => Verdict::Pass,
                (_, Verdict::Unknown) => Verdict::Unknown,
                (_, Verdict::Warn | Verdict::Fail) => Verdict::Fail,
            };
            (*id, verdict)
        };
        let judged: Vec<_> = job.takes().iter().map(of).collect();
        let verdict = judged.iter().map(|(_, verdict)| *verdict).max().unwrap_or(Verdict::Unknown);
        let in_the_way = judged.iter().filter(|(_, of)| *of == verdict && *of != Verdict::Pass);
        Fitness { job, verdict, because: in_the_way.map(|(id, _)| *id).collect() }
    }
}

impl Display for Job {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenPins => "open pinned maps",
            Self::VerifyByKernel => "verify by the kernel's BTF, and open maps by id",
            Self::LoadPrograms => "make maps and load programs",
            Self::LoadTracing => "load tracing programs",
            Self::LoadNetworking => "load network programs",
        })
    }
}

impl Fitness {
    /// Whether it is known that the process can do it.
    pub fn is_fit(&self) -> bool {
        self.verdict == Verdict::Pass
    }
}
