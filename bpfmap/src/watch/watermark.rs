//! When a map is too full, and when it no longer is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::sample::{Reading, Sample, WatchedMap};
use crate::Occupancy;

/// Tells what has changed from one look at maps to the next: above the threshold,
/// full, back below, gone.
///
/// No I/O, and the clock is the caller's.
///
/// ```no_run
/// use std::time::{Duration, Instant};
/// use bpfmap::watch::{Targets, Watermark};
///
/// let mut targets = Targets::new().pin("/sys/fs/bpf/flows").name("sessions");
/// let mut watermark = Watermark::new().threshold(0.9);
/// loop {
///     for sample in targets.samples() {
///         for event in watermark.observe(Instant::now(), &sample) {
///             eprintln!("{event}");
///         }
///     }
///     std::thread::sleep(Duration::from_secs(10));
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Watermark {
    threshold: f64,
    hysteresis: f64,
    maps: BTreeMap<u32, State>,
}

/// 0.85 - 0.05 is a little less than 0.8 to a computer, which 80 of 100 entries is not
/// to mind. Less than one entry of the largest map.
const TOLERANCE: f64 = 1e-12;

/// What is known of a map from the looks before.
#[derive(Clone, Copy, Debug)]
struct State {
    level: Level,
    /// Since when it is above the threshold.
    since: Option<Instant>,
    /// Whether it was counted at least once, and whether it was the last time.
    counted: bool,
    failing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Below,
    Above,
    Full,
}

/// Something that has changed, of a map. `Display` writes it as a line of a log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Event {
    /// The map.
    pub map: WatchedMap,
    /// What it is.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub change: Change,
}

/// What has changed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "event", rename_all = "snake_case")
)]
pub enum Change {
    /// It was counted for the first time.
    Watched {
        /// How full it is.
        occupancy: Occupancy,
    },
    /// It has come to the threshold, or above it.
    Above {
        /// How full it is.
        occupancy: Occupancy,
        /// The threshold, as a part of the map: 0.85.
        threshold: f64,
    },
    /// It is full: it was not when it was counted before.
    Full {
        /// How full it is.
        occupancy: Occupancy,
    },
    /// It is below the threshold again, by as much as the hysteresis.
    Below {
        /// How full it is.
        occupancy: Occupancy,
        /// The threshold, as a part of the map.
        threshold: f64,
        /// How long it was above, in seconds for programs.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "lasted_seconds", serialize_with = "seconds")
        )]
        lasted: Duration,
    },
    /// It could not be counted; said once, until it can.
    Failed {
        /// Why.
        message: String,
    },
    /// It can be counted again.
    Recovered {
        /// How full it is.
        occupancy: Occupancy,
    },
    /// The kernel has freed it.
    Freed,
    /// It is not pinned any more where it was watched.
    Unpinned,
}

#[cfg(feature = "serde")]
fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

impl Change {
    /// Whether somebody should look at the map, or cannot any more.
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::Above { .. } | Self::Full { .. } | Self::Failed { .. })
    }
}

impl Default for Watermark {
    fn default() -> Self {
        Self { threshold: 0.85, hysteresis: 0.05, maps: BTreeMap::new() }
    }
}

impl Watermark {
    /// Warns from 85% on, and takes it back at 80%.
    pub fn new() -> Self {
        Self::default()
    }

    /// From which part of a map on it warns: 0.85 for 85%. From 0 to 1, which is a
    /// full map; what is outside of that is taken as the nearer of the two, and what
    /// is no number as 1.
    #[must_use]
    pub fn threshold(mut self, ratio: f64) -> Self {
        self.threshold = part(ratio);
        self
    }

    /// By how much a map has to be below the threshold again until it counts as
    /// that, so that one that goes to and fro around it is one warning: 0.05 for
    /// 5% of the map. Taken as [`threshold`](Self::threshold) is.
    #[must_use]
    pub fn hysteresis(mut self, ratio: f64) -> Self {
        self.hysteresis = part(ratio);
        self
    }

    /// Whether a map was at the threshold or above when it was last counted, or is
    /// not yet back by the hysteresis.
    pub fn is_above(&self, id: u32) -> bool {
        self.maps.get(&id).is_some_and(|state| state.level > Level::Below)
    }

    /// What a look at a map changes.
    pub fn observe(&mut self, at: Instant, sample: &Sample) -> Vec<Event> {
        let Sample { map, reading } = sample;
        let changes = match reading {
            Reading::Counted(occupancy) => self.counted(at, map.id, *occupancy),
            Reading::Failed(message) => {
                let state = self.maps.entry(map.id).or_default();
                let again = std::mem::replace(&mut state.failing, true);
                (!again).then(|| Change::Failed { message: message.clone() }).into_iter().collect()
            }
            Reading::Freed | Reading::Unpinned => {
                let change = match reading {
                    Reading::Freed => Change::Freed,
                    _ => Change::Unpinned,
                };
                self.maps.remove(&map.id).map(|_| change).into_iter().collect()
            }
        };
        let event = |change| Event { map: map.clone(), change };
        changes.into_iter().map(event).collect()
    }

    fn counted(&mut self, at: Instant, id: u32, occupancy: Occupancy) -> Vec<Change> {
        let threshold = self.threshold;
        let back = (threshold - self.hysteresis).max(0.0);
        let state = self.maps.entry(id).or_default();
        let mut changes = Vec::new();
        if !std::mem::replace(&mut state.counted, true) {
            changes.push(Change::Watched { occupancy });
        } else if state.failing {
            changes.push(Change::Recovered { occupancy });
        }
        state.failing = false;
        let level = match occupancy.ratio() {
            ratio if ratio >= 1.0 => Level::Full,
            ratio if ratio >= threshold - TOLERANCE => Level::Above,
            // It has to be lower to be taken back.
            ratio if ratio > back + TOLERANCE => state.level,
            _ => Level::Below,
        };
        if level > state.level {
            state.since.get_or_insert(at);
            changes.push(match level {
                Level::Full => Change::Full { occupancy },
                _ => Change::Above { occupancy, threshold },
            });
            state.level = level;
        } else if level == Level::Below && state.level > Level::Below {
            let since = state.since.take().unwrap_or(at);
            let lasted = at.saturating_duration_since(since);
            changes.push(Change::Below { occupancy, threshold, lasted });
            state.level = level;
        }
        changes
    }
}

impl Default for State {
    fn default() -> Self {
        Self { level: Level::Below, since: None, counted: false, failing: false }
    }
}

fn part(ratio: f64) -> f64 {
    match ratio.is_nan() {
        true => 1.0,
        false => ratio.clamp(0.0, 1.0),
    }
}
