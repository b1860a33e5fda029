//! `bpfmap doctor`: whether the machine and the process are fit.

use std::io::Write;
use std::path::PathBuf;

use bpfmap::preflight::{Job, Preflight, Verdict};
use clap::{Args, ValueEnum};

use crate::Found;
use crate::output::Output;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 when no check fails, and 1 when one does; with --for, 0 when the \
    jobs can be done, and 1 when one cannot or that is not known."
)]
pub(crate) struct DoctorArgs {
    /// Say of each check what is needed and why, and show those that wait for
    /// another by themselves.
    #[arg(short, long)]
    verbose: bool,

    /// Let the exit code tell of these jobs alone.
    #[arg(long = "for", value_name = "JOB")]
    jobs: Vec<JobArg>,

    /// Look at the files of another machine: the directory that has its proc, sys,
    /// boot and lib/modules. Nothing is probed then.
    #[arg(long, value_name = "DIRECTORY")]
    root: Option<PathBuf>,
}

/// The library's jobs, as words of the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum JobArg {
    /// Open pinned maps.
    OpenPins,
    /// Verify by the kernel's BTF, and open maps by id.
    VerifyByKernel,
    /// Make maps and load programs.
    LoadPrograms,
    /// Load tracing programs.
    LoadTracing,
    /// Load network programs.
    LoadNetworking,
}

impl From<JobArg> for Job {
    fn from(job: JobArg) -> Self {
        match job {
            JobArg::OpenPins => Self::OpenPins,
            JobArg::VerifyByKernel => Self::VerifyByKernel,
            JobArg::LoadPrograms => Self::LoadPrograms,
            JobArg::LoadTracing => Self::LoadTracing,
            JobArg::LoadNetworking => Self::LoadNetworking,
        }
    }
}

pub(crate) fn run(args: &DoctorArgs, output: &mut Output) -> anyhow::Result<Found> {
    let preflight = match &args.root {
        Some(root) => {
            // A report on nothing would be all unknown, which a typing mistake is not.
            std::fs::read_dir(root.join("proc"))
                .map_err(|error| anyhow::anyhow!("{}: {error}", root.join("proc").display()))?;
            Preflight::new().root(root)
        }
        None => Preflight::new(),
    };
    let report = preflight.run();
    match (output.is_json(), args.verbose) {
        (true, _) => output.json(&report)?,
        (false, false) => write!(output, "{}", report.colored())?,
        (false, true) => write!(output, "{:#}", report.colored())?,
    }
    let is_well = match args.jobs.as_slice() {
        [] => report.verdict() != Verdict::Fail,
        jobs => jobs.iter().all(|job| report.job((*job).into()).is_fit()),
    };
    Ok(if is_well { Found::Nothing } else { Found::Problem })
}
