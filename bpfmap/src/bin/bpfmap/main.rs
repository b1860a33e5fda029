//! The command `bpfmap`: what the library knows, from a shell.
//!
//! ```text
//!  arguments --cli--> one command, a file each --> report --output--> text or JSON
//! ```
//!
//! Exit codes, for scripts and CI: 0, all is well; 1, something was found that is
//! not; 2, it could not be looked at; 130, interrupted.

#![forbid(unsafe_code)]

mod check;
mod cli;
mod doctor;
mod dump;
mod file;
mod interrupt;
mod layout;
mod maps;
mod output;
mod select;
mod text;
mod unpin;
mod watch;
mod why;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::output::Output;

/// What a command found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// All is well.
    Nothing,
    /// Something is not as it should be; the report says what.
    Problem,
    /// It could not be looked at; the report says why.
    NotLooked,
    /// An interrupt, which is how it ends.
    Ended,
}

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let mut output = Output::new(cli.json, cli.color);
    let found = cli.command.run(&mut output);
    let found = found.and_then(|found| output.flush().map(|()| found).map_err(Into::into));
    match found {
        Ok(Found::Ended) => ExitCode::SUCCESS,
        _ if interrupt::came() => ExitCode::from(130),
        Ok(Found::Nothing) => ExitCode::SUCCESS,
        Ok(Found::Problem) => ExitCode::from(1),
        Ok(Found::NotLooked) => ExitCode::from(2),
        // Who reads has seen enough.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("bpfmap: {error:#}");
            ExitCode::from(2)
        }
    }
}
