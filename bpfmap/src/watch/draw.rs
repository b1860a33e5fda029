//! Lines of a log.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::sample::{Reading, Sample, WatchedMap};
use super::watermark::{Change, Event};
use crate::Occupancy;

/// ``hash `flows` (id 3)``
impl Display for WatchedMap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.map_type.name() {
            Some(name) => f.write_str(name)?,
            None => write!(f, "map of type {}", self.map_type.as_raw())?,
        }
        if !self.name.is_empty() {
            write!(f, " `{}`", self.name.escape_debug())?;
        }
        write!(f, " (id {})", self.id)?;
        match &self.pin {
            Some(pin) => write!(f, " pinned at {}", pin.display().to_string().escape_debug()),
            None => Ok(()),
        }
    }
}

/// `871 of 1024 entries (85%)`. Not rounded up: 100% is full.
impl Display for Occupancy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { entries, max_entries, is_approximate } = self;
        let about = if *is_approximate { "about " } else { "" };
        write!(f, "{about}{entries} of {max_entries} entries ({}%)", percent(self.ratio()))
    }
}

/// As for an [`Event`], whether anything has changed or not.
impl Display for Sample {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { map, reading } = self;
        match reading {
            Reading::Counted(occupancy) => write!(f, "{map}: {occupancy}"),
            Reading::Failed(message) => write!(f, "{map}: not counted: {message}"),
            Reading::Freed => write!(f, "{map}: {FREED}"),
            Reading::Unpinned => write!(f, "{map}: {UNPINNED}"),
        }
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { map, change } = self;
        write!(f, "{map}: ")?;
        match change {
            Change::Watched { occupancy } => write!(f, "watched from now on, {occupancy}"),
            Change::Above { occupancy, threshold } => {
                write!(f, "above {}%: {occupancy}", percent(*threshold))?;
                f.write_str(consequence(occupancy, false))
            }
            Change::Full { occupancy } => {
                write!(f, "full: {occupancy}")?;
                f.write_str(consequence(occupancy, true))
            }
            Change::Below { occupancy, threshold, lasted } => {
                write!(f, "below {}% again, after ", percent(*threshold))?;
                duration(*lasted, f)?;
                write!(f, ": {occupancy}")
            }
            Change::Failed { message } => write!(f, "not counted: {message}"),
            Change::Recovered { occupancy } => write!(f, "counted again: {occupancy}"),
            Change::Freed => f.write_str(FREED),
            Change::Unpinned => f.write_str(UNPINNED),
        }
    }
}

const FREED: &str = "freed: nothing holds it any more";
const UNPINNED: &str = "no longer pinned where it was watched; others may still hold it";

/// What it means for the program.
fn consequence(occupancy: &Occupancy, is_full: bool) -> &'static str {
    match (occupancy.is_approximate, is_full) {
        (true, _) => "; an LRU map drops its oldest entries to make room for new ones",
        (false, true) => "; no new key can be inserted until one is removed",
        (false, false) => "",
    }
}

/// Whole percents. 99.9% is not 100%, and 85% is not 84%, as no number of that kind
/// is in a computer.
fn percent(ratio: f64) -> u64 {
    (ratio * 100.0 + 1e-9).floor() as u64
}

/// `2 h 10 min`: the two largest of its units.
fn duration(duration: Duration, f: &mut Formatter<'_>) -> fmt::Result {
    let seconds = duration.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let parts = units.iter().scan(seconds, |left, (unit, name)| {
        let count = *left / unit;
        *left %= unit;
        Some((count, *name))
    });
    let mut parts = parts.skip_while(|(count, _)| *count == 0);
    let Some((count, name)) = parts.next() else { return f.write_str("less than 1 s") };
    write!(f, "{count} {name}")?;
    match parts.next() {
        Some((count @ 1.., name)) => write!(f, " {count} {name}"),
        _ => Ok(()),
    }
}
