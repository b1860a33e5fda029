//! Where answers to probes come from.

use std::collections::HashMap;

use crate::probe::{Feature, Probes, Support};

/// The kernel under this process, or what one has answered elsewhere.
#[derive(Debug)]
pub(super) enum Answers {
    /// Asked of the kernel, and not kept beyond one preflight.
    Kernel(Probes),
    Recorded(HashMap<Feature, Support>),
}

impl Answers {
    /// `None` when nobody has asked.
    pub(super) fn of(&self, feature: Feature) -> Option<Support> {
        match self {
            Self::Kernel(probes) => Some(probes.support(feature)),
            Self::Recorded(answers) => answers.get(&feature).cloned(),
        }
    }

    /// Whether the process that is looked at is this one.
    pub(super) fn is_here(&self) -> bool {
        matches!(self, Self::Kernel(_))
    }
}
