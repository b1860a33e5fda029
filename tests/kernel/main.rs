//! Everything that needs the running kernel.
//!
//! Where it may not be used the tests are reported as ignored, with the reason;
//! with `BPFMAP_REQUIRE_KERNEL=1` in the environment that is a failure. Only what
//! the kernel is too old for is ignored in any case; what it is not too old for,
//! and does not have, is a failure in any case. With `but-capabilities` in place of
//! the 1 a capability that this process has not is no failure.

mod answers;
#[cfg(bpfmap_asan)]
mod boundary;
mod btf;
#[path = "../builder.rs"]
mod builder;
mod bulk;
mod capabilities;
mod causes;
mod churn;
mod cpus;
mod descriptors;
mod failures;
mod faults;
mod features;
mod freezing;
mod gate;
mod globals;
mod hash;
mod in_kernel;
mod inner;
mod inventory;
mod leaks;
mod least;
mod lying;
mod maps;
mod others;
mod preflight;
mod privilege;
mod probe;
mod queue;
mod raw;
mod replaced;
mod ring;
mod rust_ebpf;
mod signals;
mod soundness;
mod support;
mod tries;
mod values;
mod watch;
mod why;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    // Before there are threads: what is mounted from here on is gone with this
    // process.
    support::enter_private_mounts();
    let tests = [
        answers::tests(),
        btf::tests(),
        bulk::tests(),
        causes::tests(),
        churn::tests(),
        cpus::tests(),
        descriptors::tests(),
        failures::tests(),
        features::tests(),
        freezing::tests(),
        gate::tests(),
        globals::tests(),
        hash::tests(),
        in_kernel::tests(),
        inner::tests(),
        inventory::tests(),
        least::tests(),
        maps::tests(),
        preflight::tests(),
        probe::tests(),
        queue::tests(),
        ring::tests(),
        privilege::tests(),
        others::tests(),
        faults::tests(),
        rust_ebpf::tests(),
        lying::tests(),
        replaced::tests(),
        signals::tests(),
        soundness::tests(),
        tries::tests(),
        values::tests(),
        watch::tests(),
        why::tests(),
    ];
    libtest_mimic::run(&arguments, tests.into_iter().flatten().collect()).exit_code()
}
