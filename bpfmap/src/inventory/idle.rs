//! Maps that are open, and no more.

use std::fmt::{self, Display, Formatter};

use super::stale::Listed;
use super::{Inventory, KernelMap, Process};

/// A map that processes have open, and that nothing else holds: no program uses it,
/// and nobody else can find it.
///
/// It is gone when they are, so it is not [stale](Inventory::stale). So it is while a
/// program is being loaded, with a section of variables that no program reads, and
/// when a loader has forgotten to close it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Idle<'a> {
    /// The map.
    pub map: &'a KernelMap,
    /// Those that have it open.
    pub processes: Vec<&'a Process>,
}

impl Display for Idle<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let pids: Vec<_> = self.processes.iter().map(|process| process.pid).collect();
        write!(
            f,
            "only {} ha{} it open: no program uses it, and it is not pinned",
            Listed("process", &pids),
            if pids.len() == 1 { "s" } else { "ve" }
        )
    }
}

impl Inventory {
    /// The maps that are open and no more.
    ///
    /// None is listed when what the kernel holds, or what is pinned, could not all be
    /// read. Where it is only some processes that could not be, more of them may have
    /// one of these open.
    pub fn idle(&self) -> Vec<Idle<'_>> {
        if self.incomplete.iter().any(|missing| !missing.is_of_processes()) {
            return Vec::new();
        }
        let idle = |map: &'_ KernelMap| {
            let holders = self.holders(map.id);
            let nothing_else = holders.programs.is_empty()
                && holders.links.is_empty()
                && holders.pins.is_empty()
                && holders.outer_maps.is_empty();
            (nothing_else && !holders.processes.is_empty()).then_some(holders.processes)
        };
        self.maps.iter().filter_map(|map| Some(Idle { map, processes: idle(map)? })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fdinfo::MapFdinfo;
    use super::super::{ObjectId, OpenDescriptor, Pin};
    use super::*;

    #[test]
    fn what_only_processes_have_open_is_idle() {
        let process = |pid, id| Process {
            pid,
            comm: "agent".into(),
            open: vec![OpenDescriptor { fd: 3, object: ObjectId::Map(id) }],
        };
        let map = |id| KernelMap::of_fdinfo(&MapFdinfo { id, ..MapFdinfo::default() });
        let mut inventory = Inventory {
            maps: vec![map(10), map(11), map(12)],
            processes: vec![process(7, 10), process(8, 10), process(8, 11)],
            ..Inventory::default()
        };
        let said = |inventory: &Inventory| -> Vec<_> {
            inventory.idle().iter().map(|idle| (idle.map.id, idle.to_string())).collect()
        };
        let open = "it open: no program uses it, and it is not pinned";
        let both = (10, format!("only processes 7 and 8 have {open}"));
        assert_eq!(said(&inventory), [both.clone(), (11, format!("only process 8 has {open}"))]);
        inventory.pins.push(Pin { path: "/sys/fs/bpf/11".into(), object: ObjectId::Map(11) });
        assert_eq!(said(&inventory), [both]);
    }
}
