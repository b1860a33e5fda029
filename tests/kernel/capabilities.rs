//! Which capability is missing where a test cannot run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use caps::{CapSet, Capability};
use libtest_mimic::{Completion, Failed};

use crate::support::{Need, TestResult};

/// The capability that has what a test needs.
fn behind(need: Need) -> Option<Capability> {
    match need {
        Need::Bpf => Some(Capability::CAP_BPF),
        Need::Bpffs | Need::Ids => Some(Capability::CAP_SYS_ADMIN),
        _ => None,
    }
}

/// Ignores a test that wants a capability which this process has not, and no other
/// one. That it does want it is tried: it has to fail.
pub fn ignored(need: Need, reason: &str, body: fn() -> TestResult) -> Result<Completion, Failed> {
    let missing = behind(need).filter(|capability| {
        caps::has_cap(None, CapSet::Effective, *capability).is_ok_and(|has| !has)
    });
    let Some(capability) = missing else {
        return Err(Failed::from(format!("may not be ignored here: {reason}")));
    };
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => Err(Failed::from(format!("needs no {capability}, which it says it needs"))),
        _ => Ok(Completion::ignored_with(format!("needs {capability}"))),
    }
}
