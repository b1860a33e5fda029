//! How full a map was when it was looked at.

use std::path::PathBuf;

use crate::map_type::MapType;
use crate::maps::uncountable;
use crate::{AnyMap, Error, Occupancy};

/// A map that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct WatchedMap {
    /// Its id.
    pub id: u32,
    /// The name that the kernel keeps, or else that of its pin when it was found by
    /// that; empty for a map without one.
    pub name: String,
    /// Its type.
    pub map_type: MapType,
    /// Where it is pinned, when it was found by that.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub pin: Option<PathBuf>,
}

impl WatchedMap {
    /// A map, as samples that were not counted by [`Targets`](super::Targets) name it.
    pub fn new(id: u32, name: impl Into<String>, map_type: MapType) -> Self {
        Self { id, name: name.into(), map_type, pin: None }
    }

    /// An open map.
    pub fn of(map: &AnyMap) -> Self {
        let pin = map.label().pin.clone();
        Self { pin, ..Self::new(map.id(), map.name(), map.map_type()) }
    }

    /// Whether it can be said how full it is.
    pub fn is_countable(&self) -> bool {
        uncountable(self.map_type).is_none()
    }
}

/// What was seen of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Sample {
    /// The map.
    pub map: WatchedMap,
    /// How full it is, or why that is not known.
    pub reading: Reading,
}

/// How full a map is, or why that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Reading {
    /// It was counted.
    Counted(Occupancy),
    /// It was not counted this time. The message says why.
    Failed(String),
    /// The kernel has freed it.
    Freed,
    /// It is not pinned any more where it was watched. Others may still hold it.
    Unpinned,
}

impl Sample {
    /// A sample; [`Targets`](super::Targets) makes them of the kernel's maps.
    pub fn new(map: WatchedMap, reading: Reading) -> Self {
        Self { map, reading }
    }

    pub(super) fn of(map: WatchedMap, counted: Result<Occupancy, Error>) -> Self {
        let reading = match counted {
            Ok(occupancy) => Reading::Counted(occupancy),
            Err(error) => Reading::Failed(error.to_string()),
        };
        Self { map, reading }
    }
}
