//! The command line.

use std::io::Write;
use std::path::PathBuf;

use anstream::ColorChoice;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::Found;
use crate::check::CheckArgs;
use crate::doctor::{self, DoctorArgs};
use crate::dump::{self, DumpArgs};
use crate::layout::LayoutArgs;
use crate::maps::{self, MapsArgs};
use crate::output::Output;
use crate::watch::{self, WatchArgs};
use crate::why::{self, WhyArgs};

/// Typed, BTF-checked eBPF maps: what there is, whether it fits, and why it does
/// not work.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0, all is well; 1, something was found \
    that is not; 2, it could not be looked at; 130, interrupted."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Write JSON, for programs: one value a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// When to write in colours.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", value_parser = color_parser())]
    pub(crate) color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look whether this machine and this process are fit for BPF maps, and say what
    /// to type where they are not.
    Doctor(DoctorArgs),

    /// Show where each member of a map's key and value is, or write Rust types
    /// that fit.
    Layout(LayoutArgs),

    /// Look for what is wrong with an object before it is used, for CI.
    Check(CheckArgs),

    /// Show the maps in the kernel and who holds them, or those that nobody uses.
    Maps(MapsArgs),

    /// Write the entries of a map by its BTF, as JSON, one a line.
    Dump(DumpArgs),

    /// Say why a map has nothing for a key, link by link.
    Why(WhyArgs),

    /// Say when a map becomes too full, and show Prometheus how full maps are.
    Watch(WatchArgs),

    /// Write what a shell needs to complete the command's arguments.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },

    /// Write the man pages: the command's own, or all into a directory.
    Man {
        /// The directory to write `bpfmap.1` and a page for each command to.
        #[arg(long, value_name = "DIRECTORY")]
        out: Option<PathBuf>,
    },
}

impl Command {
    pub(crate) fn run(self, output: &mut Output) -> anyhow::Result<Found> {
        match self {
            Self::Doctor(args) => doctor::run(&args, output),
            Self::Layout(args) => args.run(output),
            Self::Check(args) => args.run(output),
            Self::Maps(args) => maps::run(&args, output),
            Self::Dump(args) => dump::run(&args, output),
            Self::Why(args) => why::run(&args, output),
            Self::Watch(args) => watch::run(&args, output),
            Self::Completions { shell } => completions(shell, output),
            Self::Man { out } => man(out, output),
        }
    }
}

fn completions(shell: clap_complete::Shell, output: &mut Output) -> anyhow::Result<Found> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "bpfmap", &mut script);
    output.write_all(&script)?;
    Ok(Found::Nothing)
}

fn man(out: Option<PathBuf>, output: &mut Output) -> anyhow::Result<Found> {
    match out {
        Some(directory) => clap_mangen::generate_to(Cli::command(), directory)?,
        None => {
            let mut page = Vec::new();
            // Which has no page of its own.
            let command = Cli::command().disable_help_subcommand(true);
            clap_mangen::Man::new(command).render(&mut page)?;
            output.write_all(&page)?;
        }
    }
    Ok(Found::Nothing)
}

/// `auto`, `always` and `never`.
#[derive(Clone, Copy, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

fn color_parser() -> impl clap::builder::TypedValueParser<Value = ColorChoice> {
    use clap::builder::TypedValueParser;
    clap::builder::EnumValueParser::<When>::new().map(|when| match when {
        When::Auto => ColorChoice::Auto,
        When::Always => ColorChoice::Always,
        When::Never => ColorChoice::Never,
    })
}
