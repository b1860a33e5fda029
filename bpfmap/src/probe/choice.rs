//! Which of several types of maps to use.

use std::fmt::{self, Display, Formatter};

use super::{Feature, Probes, Support};
use crate::Error;
use crate::map_type::MapType;

/// A type of map that was asked for, and what the kernel says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Candidate {
    /// The type.
    pub map_type: MapType,
    /// Whether the kernel has it.
    pub support: Support,
}

impl Probes {
    /// The first of these types that the kernel has: a preferred one, and what
    /// stands in for it.
    ///
    /// A probe that could not tell is not taken for a yes.
    ///
    /// # Errors
    ///
    /// [`Error::NoMapType`] when it has none of them, or it cannot be told.
    pub fn first_supported(&self, preferred: &[MapType]) -> Result<MapType, Error> {
        let mut tried = Vec::new();
        for &map_type in preferred {
            match self.support(Feature::MapType(map_type)) {
                Support::Yes => return Ok(map_type),
                support => tried.push(Candidate { map_type, support }),
            }
        }
        Err(Error::NoMapType { tried })
    }
}

impl MapType {
    /// The first of these types that the kernel has, as
    /// [`Probes::first_supported`] says: for a program that comes in two builds.
    ///
    /// ```no_run
    /// # const WITH_RINGBUF: &[u8] = &[];
    /// # const WITH_PERF_BUFFER: &[u8] = &[];
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bpfmap::MapType;
    ///
    /// let events = MapType::first_supported(&[MapType::RINGBUF, MapType::PERF_EVENT_ARRAY])?;
    /// let ebpf = aya::Ebpf::load(match events {
    ///     MapType::RINGBUF => WITH_RINGBUF,
    ///     _ => WITH_PERF_BUFFER,
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoMapType`] when it has none of them, or it cannot be told.
    pub fn first_supported(preferred: &[Self]) -> Result<Self, Error> {
        super::PROBES.first_supported(preferred)
    }
}

impl Display for Candidate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.map_type, self.support)?;
        match (&self.support, self.map_type.since()) {
            (Support::No, Some(since)) => write!(f, " (Linux has it since {since})"),
            _ => Ok(()),
        }
    }
}
