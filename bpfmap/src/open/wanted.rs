//! What a typed map demands of a map, as values: so that what follows is
//! compiled once, and not for every type.

use crate::layout::Layout;
use crate::map_type::MapType;
use crate::maps::TypedMap;

/// What a typed map demands of a map.
pub struct Wanted<'a> {
    /// The name of the typed map.
    pub(super) name: &'static str,
    pub(super) map_types: &'static [MapType],
    pub(super) key: Option<&'static Layout>,
    pub(super) value: Option<&'static Layout>,
    /// Whether the map is a section of global variables, and which of them is
    /// meant.
    pub(super) section: bool,
    pub(super) variable: Option<&'a str>,
    /// What the maps in it are, for a map of maps.
    pub(super) inner: Option<fn() -> Wanted<'static>>,
    /// The types of the events in it, by name, for a map of events.
    pub(super) events: Option<&'static [(&'static str, &'static Layout)]>,
}

impl<'a> Wanted<'a> {
    pub(crate) fn of<M: TypedMap>(variable: Option<&'a str>) -> Self {
        Self {
            name: M::NAME,
            map_types: M::MAP_TYPES,
            key: M::KEY,
            value: M::VALUE,
            section: M::IS_SECTION,
            variable: variable.filter(|_| M::IS_SECTION),
            inner: M::INNER,
            events: M::EVENTS,
        }
    }
}
