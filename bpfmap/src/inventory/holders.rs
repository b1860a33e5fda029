//! Who holds a map.

use super::{Inventory, KernelLink, KernelMap, KernelProgram, ObjectId, Pin, Process};
use crate::sys::{self, Errno, Held};

/// What holds a map: as long as there is any of it, the map is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Holders<'a> {
    /// The processes that have it open.
    #[cfg_attr(feature = "serde", serde(serialize_with = "who"))]
    pub processes: Vec<&'a Process>,
    /// The programs that use it.
    pub programs: Vec<&'a KernelProgram>,
    /// The links that attach one of these programs, or hold the map itself.
    pub links: Vec<&'a KernelLink>,
    /// Where it is pinned.
    pub pins: Vec<&'a Pin>,
    /// The maps of maps that it is in.
    pub outer_maps: Vec<&'a KernelMap>,
}

impl Holders<'_> {
    /// Whether none was seen.
    pub fn is_empty(&self) -> bool {
        self.processes.is_empty()
            && self.programs.is_empty()
            && self.links.is_empty()
            && self.pins.is_empty()
            && self.outer_maps.is_empty()
    }
}

/// Processes without what else they have open.
#[cfg(feature = "serde")]
fn who<S: serde::Serializer>(processes: &[&Process], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(serde::Serialize)]
    struct Who<'a> {
        pid: u32,
        comm: &'a str,
    }
    serializer.collect_seq(processes.iter().map(|one| Who { pid: one.pid, comm: &one.comm }))
}

impl Inventory {
    /// Who holds the map of that id, as far as it could be read: when something is
    /// [`incomplete`](Self::incomplete), there may be more.
    ///
    /// Not to be seen are a process that has mapped its memory and then closed it, which
    /// is [`Incomplete::Memory`](super::Incomplete::Memory), and a descriptor that is on
    /// its way through a socket.
    pub fn holders(&self, map_id: u32) -> Holders<'_> {
        let object = ObjectId::Map(map_id);
        let uses = |program: &&KernelProgram| program.map_ids.contains(&map_id);
        let programs: Vec<_> = self.programs.iter().filter(uses).collect();
        let attaches = |link: &&KernelLink| {
            link.map_id == Some(map_id)
                || programs.iter().any(|program| program.id == link.program_id)
        };
        Holders {
            processes: self.processes.iter().filter(|one| one.has_open(object)).collect(),
            links: self.links.iter().filter(attaches).collect(),
            pins: self.pins_of(object).collect(),
            outer_maps: self.outer_maps(map_id).collect(),
            programs,
        }
    }

    pub(super) fn outer_maps(&self, map_id: u32) -> impl Iterator<Item = &KernelMap> {
        self.maps.iter().filter(move |map| map.is_of_maps() && map.contents.contains(&map_id))
    }

    /// Leaves out maps without holders that were gone before their holders were
    /// read.
    pub(super) fn forget_what_is_gone(&mut self) {
        let is_gone = |id| matches!(sys::open_id(Held::Map, id, true), Err(Errno(libc::ENOENT)));
        let ids = self.maps.iter().map(|map| map.id);
        let gone: Vec<_> = ids.filter(|id| self.holders(*id).is_empty() && is_gone(*id)).collect();
        self.maps.retain(|map| !gone.contains(&map.id));
    }
}
