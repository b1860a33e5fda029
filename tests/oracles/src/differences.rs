//! What was not the same.

use std::fmt::Debug;

/// How many are kept in full.
const KEPT: usize = 20;

/// How many there were, and the first of them.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    /// All of them.
    pub count: usize,
    /// The first twenty, a line each.
    pub first: Vec<String>,
}

impl Differences {
    pub(crate) fn push(&mut self, difference: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(difference());
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.truncate(KEPT);
    }

    /// Compares what bpfmap says with what a tool says.
    pub(crate) fn compare<T: PartialEq + Debug>(
        &mut self,
        tool: &str,
        what: impl FnOnce() -> String,
        ours: &T,
        theirs: &T,
    ) {
        if ours != theirs {
            self.push(|| format!("{}: bpfmap {ours:?}, {tool} {theirs:?}", what()));
        }
    }
}
