//! Repeated measurements of one thing.

use std::fmt;
use std::time::Duration;

/// At least one measurement.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn new(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    pub fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        let [below, above] =
            [self.0.len().div_ceil(2) - 1, middle].map(|at| self.0[at].as_secs_f64());
        f64::midpoint(below, above)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [min, max] =
            [self.0.first(), self.0.last()].map(|time| time.map_or(0.0, Duration::as_secs_f64));
        let (median, rounds) = (self.median(), self.0.len());
        write!(f, "{median:>6.3} s  ({min:.3} to {max:.3} s in {rounds} rounds)")
    }
}
