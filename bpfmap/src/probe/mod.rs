//! What the kernel supports, by trying it.
//!
//! Distributions carry features to older kernels and leave others out, so the
//! version of a kernel says little. A probe makes the smallest map that has the
//! feature, uses it, and has three answers: the kernel has it, it has not, or it
//! could not be told.

mod attempt;
mod choice;
mod feature;
mod smallest;
mod support;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

pub use choice::Candidate;
pub use feature::Feature;
pub use support::{Inconclusive, Support};

/// The answers of probes, kept, so that each is asked for once.
///
/// Inconclusive ones are not: the reason, such as a missing capability or a
/// moment without memory, may pass.
///
/// ```no_run
/// use bpfmap::{Feature, MapType, Probes, Support};
///
/// // A program that runs for long keeps one of its own, or asks `Feature::probe`.
/// let probes = Probes::new();
/// if probes.support(Feature::MapType(MapType::RINGBUF)) == Support::No {
///     println!("events go through a perf buffer");
/// }
/// ```
#[derive(Debug, Default)]
pub struct Probes {
    known: Mutex<Option<HashMap<Feature, Support>>>,
}

impl Probes {
    /// Nothing is known yet.
    pub const fn new() -> Self {
        Self { known: Mutex::new(None) }
    }

    /// Whether the kernel has a feature.
    ///
    /// What is made for it is gone when this returns.
    pub fn support(&self, feature: Feature) -> Support {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = known().as_ref().and_then(|known| known.get(&feature)) {
            return answer.clone();
        }
        let answer = attempt::of(feature);
        if !matches!(answer, Support::Unknown(_)) {
            known().get_or_insert_default().insert(feature, answer.clone());
        }
        answer
    }
}

/// What this process knows of the kernel that it runs on.
static PROBES: Probes = Probes::new();

impl Feature {
    /// Whether the kernel has it, as [`Probes::support`] says; the answer is kept
    /// for the process.
    pub fn probe(self) -> Support {
        PROBES.support(self)
    }
}
