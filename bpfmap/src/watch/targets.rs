//! Which maps are watched, and how full they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::sample::{Reading, Sample, WatchedMap};
use crate::inventory::is_kernel_name;
use crate::map_type::MapType;
use crate::sys::{self, Held};
use crate::{AnyMap, Error};

/// Maps to be counted, by how they are found.
///
/// Between two rounds nothing of them is held, as a map that a watch has open would
/// never be freed. What is found by its name or its pin is looked for each time, so
/// that the map that a program makes when it starts again is watched after the one
/// before.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    all: bool,
    ids: Vec<u32>,
    names: Vec<String>,
    pins: Vec<Pinned>,
    /// The maps that were there the last time, but for those that are found by pins.
    known: BTreeMap<u32, WatchedMap>,
}

#[derive(Clone, Debug)]
struct Pinned {
    path: PathBuf,
    last: Option<WatchedMap>,
}

impl Targets {
    /// No map yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All maps of the kernel of which it can be said how full they are, and those
    /// that come later. Needs `CAP_SYS_ADMIN`, as [`id`](Self::id) and
    /// [`name`](Self::name) do; without it none is found.
    #[must_use]
    pub fn all(mut self) -> Self {
        self.all = true;
        self
    }

    /// The map of that id.
    #[must_use]
    pub fn id(mut self, id: u32) -> Self {
        self.ids.push(id);
        self
    }

    /// The maps of that name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    /// The map that is pinned there. Needs no more than the permission to open it.
    #[must_use]
    pub fn pin(mut self, path: impl AsRef<Path>) -> Self {
        self.pins.push(Pinned { path: path.as_ref().into(), last: None });
        self
    }

    /// Counts each map once. Those that were there before and no longer are come
    /// first; then each map once, by how it was found first, by a pin or else by its
    /// id.
    ///
    /// It never fails: a map that cannot be counted is a [`Reading::Failed`].
    pub fn samples(&mut self) -> Vec<Sample> {
        let (mut gone, mut samples) = (Vec::new(), Vec::new());
        for pinned in &mut self.pins {
            pinned.sample(&mut gone, &mut samples);
        }
        let mut maps = std::mem::take(&mut self.known);
        maps.extend(self.find().into_iter().map(|map| (map.id, map)));
        for (id, map) in maps {
            if samples.iter().any(|sample| sample.map.id == id) {
                continue;
            }
            match AnyMap::from_id(id) {
                Ok(open) => {
                    let map = WatchedMap::of(&open);
                    samples.push(Sample::of(map.clone(), open.occupancy()));
                    self.known.insert(id, map);
                }
                Err(error) if is_gone(&error) => gone.push(Sample::new(map, Reading::Freed)),
                Err(error) => {
                    samples.push(Sample::of(map.clone(), Err(error)));
                    self.known.insert(id, map);
                }
            }
        }
        // A map that is found in two ways is not gone as long as one of them finds it.
        gone.retain(|gone| samples.iter().all(|sample| sample.map.id != gone.map.id));
        gone.extend(samples);
        gone
    }

    /// The maps that there are by their names and ids.
    fn find(&mut self) -> Vec<WatchedMap> {
        // Once, as an id is never given to another map. What it is the map says.
        let ids = std::mem::take(&mut self.ids).into_iter();
        let mut found: Vec<_> =
            ids.map(|id| WatchedMap::new(id, "", MapType::from_raw(0))).collect();
        if !self.all && self.names.is_empty() {
            return found;
        }
        let mut after = 0;
        while let Ok(Some(id)) = sys::next_id(Held::Map, after) {
            after = id;
            // One that is gone was never found.
            let Ok(map) = AnyMap::from_id(id) else { continue };
            let map = WatchedMap::of(&map);
            let is_named = self.names.iter().any(|name| is_kernel_name(&map.name, name));
            if is_named || self.all && map.is_countable() {
                found.push(map);
            }
        }
        found
    }
}

impl Pinned {
    fn sample(&mut self, gone: &mut Vec<Sample>, samples: &mut Vec<Sample>) {
        match AnyMap::from_pin(&self.path) {
            Ok(open) => {
                let map = WatchedMap::of(&open);
                if let Some(last) = self.last.take().filter(|last| last.id != map.id) {
                    gone.push(Sample::new(last, Reading::Unpinned));
                }
                if samples.iter().all(|sample| sample.map.id != map.id) {
                    samples.push(Sample::of(map.clone(), open.occupancy()));
                }
                self.last = Some(map);
            }
            Err(error) if is_gone(&error) => {
                let last = self.last.take();
                gone.extend(last.map(|last| Sample::new(last, Reading::Unpinned)));
            }
            Err(error) => {
                let last = self.last.clone();
                samples.extend(last.map(|last| Sample::of(last, Err(error))));
            }
        }
    }
}

fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Kernel(error) if error.errno() == libc::ENOENT)
}
