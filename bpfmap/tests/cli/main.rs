//! The command, as it is run.
//!
//! As the kernel tests do, those that need the kernel say so where it may not be
//! used.

mod command;
mod dump;
mod every;
mod layout;
#[path = "../../../tests/kernel/leaks.rs"]
mod leaks;
mod maps;
mod prometheus;
mod select;
mod stale;
/// The command's tests are not run with few capabilities.
mod capabilities {
    use libtest_mimic::{Completion, Failed};

    use crate::support::{Need, TestResult};

    pub fn ignored(_: Need, reason: &str, _: fn() -> TestResult) -> Result<Completion, Failed> {
        Err(Failed::from(format!("may not be ignored here: {reason}")))
    }
}

/// What the needs of the kernel tests name; these here ask no kernel's age.
mod features {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Brought {}

    impl Brought {
        pub fn lacking(self) -> Result<Option<String>, String> {
            match self {}
        }
    }
}
#[allow(dead_code, reason = "the kernel tests use more of it")]
#[path = "../../../tests/kernel/support.rs"]
mod support;
mod watch;
mod why;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    // What is mounted from here on is gone with this process.
    support::enter_private_mounts();
    let tests = [
        dump::tests(),
        every::tests(),
        layout::tests(),
        maps::tests(),
        prometheus::tests(),
        select::tests(),
        stale::tests(),
        watch::tests(),
        why::tests(),
    ];
    libtest_mimic::run(&arguments, tests.into_iter().flatten().collect()).exit_code()
}
