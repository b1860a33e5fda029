//! What a preflight found.

use std::fmt::{self, Display, Formatter};

use super::jobs::{Fitness, Job};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// It works, with a limit that the check names.
    Warn,
    /// It could not be told: neither a pass nor a fail.
    Unknown,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Check {
    /// Its name, which stays the same from version to version.
    pub id: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found, and where.
    pub found: String,
    /// What is needed, and why.
    pub needed: &'static str,
    /// What turns the verdict; when there are several, one of them is enough.
    /// Empty when it is a pass.
    pub fixes: Vec<Fix>,
    /// The check that comes first: as long as that one is not put right, this one
    /// cannot be told, or is not well for the same reason.
    pub waits_for: Option<&'static str>,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Fix {
    /// A command to type as root, as it stands; `./program` in it is the program
    /// that is to work.
    Command(String),
    /// What no single command does.
    Step(String),
}

/// All checks of a preflight, in the order in which things depend on one another.
///
/// `Display` draws it for people: what is not well comes first, with what to do.
/// `{:#}` adds to each check what is needed and why.
///
/// With the feature `serde` it is `Serialize`: its `verdict`, its `checks` and
/// its `jobs`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The checks.
    pub checks: Vec<Check>,
}

impl Report {
    /// The worst of all checks: fail, then unknown, as it may hide one, then warn.
    pub fn verdict(&self) -> Verdict {
        self.checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Unknown)
    }

    /// The check of that id.
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// Which jobs this process is fit for.
    pub fn jobs(&self) -> Vec<Fitness> {
        Job::ALL.iter().map(|job| self.job(*job)).collect()
    }
}

impl Check {
    pub(super) fn new(
        id: &'static str,
        needed: &'static str,
        verdict: Verdict,
        found: impl Into<String>,
    ) -> Self {
        // Files of another machine may hold anything.
        let found = found.into().replace(char::is_control, "\u{fffd}");
        Self { id, verdict, found, needed, fixes: Vec::new(), waits_for: None }
    }

    pub(super) fn fixes(self, fixes: impl IntoIterator<Item = Fix>) -> Self {
        Self { fixes: fixes.into_iter().collect(), ..self }
    }

    pub(super) fn waits_for(self, check: Option<&'static str>) -> Self {
        Self { waits_for: check, ..self }
    }
}

impl Fix {
    pub(super) fn command(command: impl Into<String>) -> Self {
        Self::Command(command.into())
    }

    pub(super) fn step(step: impl Into<String>) -> Self {
        Self::Step(step.into())
    }
}

/// What to type or do, alone.
impl Display for Fix {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(text) | Self::Step(text) => f.write_str(text),
        }
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        })
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut report = serializer.serialize_struct("Report", 3)?;
        report.serialize_field("verdict", &self.verdict())?;
        report.serialize_field("checks", &self.checks)?;
        report.serialize_field("jobs", &self.jobs())?;
        report.end()
    }
}
