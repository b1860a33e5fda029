//! Every call that an operation makes, failing with every errno.
//!
//! Each operation is run once as it is, which counts its calls; then once for each
//! of them and each errno, with that call failing, and with all from there on.
//! Whatever the kernel answers, nothing panics, no descriptor is left open, no
//! loop goes on for ever, and what is reported as done is done.
//!
//! One operation at a time, as descriptors are counted.

mod every;
mod maps;
mod once;
mod opening;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let scenarios =
        [maps::scenarios(), once::scenarios(), opening::scenarios()].into_iter().flatten();
    let trials = scenarios.map(|scenario| {
        let name = scenario.name;
        Trial::ignorable_test(name, move || match lacks() {
            None => every::failure(scenario).map(|()| Completion::Completed).map_err(Failed::from),
            Some(reason) if std::env::var_os("BPFMAP_REQUIRE_KERNEL").is_some() => {
                Err(Failed::from(format!("may not be ignored here: {reason}")))
            }
            Some(reason) => Ok(Completion::ignored_with(reason)),
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// Why the machine does not have what is needed.
fn lacks() -> Option<String> {
    let loaded = aya::Ebpf::load(maps::MAPS);
    loaded.err().map(|error| format!("BPF cannot be loaded: {error}"))
}
