//! Maps that nobody uses.

use std::collections::HashSet;
use std::fmt::{self, Display, Formatter};

use super::{Incomplete, Inventory, KernelMap, KernelProgram, ObjectId, Pin};
use crate::map_type::MapType;

/// A map that the kernel keeps, and that nobody seems to use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Stale<'a> {
    /// The map.
    pub map: &'a KernelMap,
    /// What keeps it, and why that is no use.
    pub reason: StaleReason,
    /// Where it is pinned. Removing these pins is what
    /// [`unpin`](Inventory::unpin) does.
    pub pins: Vec<&'a Pin>,
    /// Whether there are processes that could not be looked at: one of them may have
    /// the map open, or a program that uses it.
    pub unless_out_of_sight: bool,
}

impl Display for Stale<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (&self.reason, self.unless_out_of_sight) {
            (StaleReason::Pinned, true) => f.write_str(
                "only pins keep it: no program uses it, and no process that could be looked at has it \
                 open",
            ),
            (reason @ StaleReason::IdlePrograms { .. }, true) => {
                write!(f, "{reason}; no process that could be looked at has any of that open")
            }
            (reason, _) => reason.fmt(f),
        }
    }
}

/// Why a map seems to be used by nobody. A map is there as long as anything holds
/// it, so something does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum StaleReason {
    /// Only pins keep it: what was in it when its program went is still there. It
    /// may be meant to wait for the next start of its program.
    Pinned,
    /// Only programs use it that are pinned themselves, that no process has open
    /// and that no link attaches. They may be attached in one of the ways that
    /// leave no link: `tc` filters, XDP by netlink, `BPF_PROG_ATTACH`.
    IdlePrograms {
        /// Their ids.
        programs: Vec<u32>,
    },
    /// It is in maps of maps that nobody uses either, and it may be pinned too.
    StaleOuter {
        /// Their ids.
        maps: Vec<u32>,
    },
    /// Nothing that can be seen holds it: a process that has mapped its memory and
    /// closed it, a descriptor on its way through a socket, or a process that is
    /// out of sight.
    Unseen,
}

impl Display for StaleReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned => {
                f.write_str("only pins keep it: no program uses it, and no process has it open")
            }
            Self::IdlePrograms { programs } => write!(
                f,
                "only {} use{} it, pinned and attached by no link; `bpftool net`, `bpftool perf` and \
                 `bpftool cgroup tree` show whether in one of the older ways",
                Listed("program", programs),
                if programs.len() == 1 { "s" } else { "" }
            ),
            Self::StaleOuter { maps } => {
                write!(
                    f,
                    "only {} hold{} it, which nobody uses either",
                    Listed("map", maps),
                    if maps.len() == 1 { "s" } else { "" }
                )
            }
            Self::Unseen => f.write_str(
                "nothing that can be seen holds it: maybe memory that a process has mapped, or a \
                 process that is out of sight",
            ),
        }
    }
}

/// `program 3`, `programs 3 and 4`.
pub(super) struct Listed<'a>(pub(super) &'static str, pub(super) &'a [u32]);

impl Display for Listed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(what, ids) = *self;
        let plural = match (ids.len(), what) {
            (1, _) => "",
            (_, "process") => "es",
            _ => "s",
        };
        write!(f, "{what}{plural} ")?;
        for (index, id) in ids.iter().enumerate() {
            let before = match index {
                0 => "",
                _ if index + 1 == ids.len() => " and ",
                _ => ", ",
            };
            write!(f, "{before}{id}")?;
        }
        Ok(())
    }
}

impl Inventory {
    /// The maps that nobody seems to use, and why.
    ///
    /// A map is there as long as something holds it: a descriptor of a process, a
    /// program, a link, a pin, or a map of maps. It is *used* when
    ///
    /// - a process has it open; when that is all, it is [`idle`](Self::idle);
    /// - a program uses it that a link attaches, that a process has open, or that
    ///   is in a `prog_array`, a `devmap` or a `cpumap` which is used itself; and one
    ///   that is there although
    ///   none of these and no pin holds it, as the kernel does: it is attached in
    ///   one of the ways that leave no link;
    /// - a link of `struct_ops` or an iterator holds it;
    /// - it is in a map of maps that is used.
    ///
    /// Every other map is listed, with the [reason](StaleReason) why it is still
    /// there. None of them says that it may go: a pinned map may wait on purpose for
    /// the next start of its program.
    ///
    /// No map is listed when what the kernel holds, or which processes there are,
    /// could not all be read: a program or a link that is missing may use any of
    /// them, and [`not_known`](Self::not_known) has those of which nothing can be said.
    /// Where it is only some processes that could not be looked at, each that is listed
    /// [says so](Stale::unless_out_of_sight).
    pub fn stale(&self) -> Vec<Stale<'_>> {
        if self.incomplete.iter().any(Incomplete::hides_use) {
            return Vec::new();
        }
        let used = Used::of(self);
        let unless_out_of_sight = self.incomplete.iter().any(Incomplete::is_of_processes);
        let stale = |map| {
            let reason = self.reason(map, &used)?;
            let pins = self.pins_of(ObjectId::Map(map.id)).collect();
            Some(Stale { map, reason, pins, unless_out_of_sight })
        };
        self.maps.iter().filter_map(stale).collect()
    }

    /// The maps of which it cannot be said whether they are [stale](Self::stale), as
    /// something is [`incomplete`](Self::incomplete) that may use them.
    pub fn not_known(&self) -> Vec<&KernelMap> {
        if !self.incomplete.iter().any(Incomplete::hides_use) {
            return Vec::new();
        }
        let used = Used::of(self);
        self.maps.iter().filter(|map| !used.maps.contains(&map.id)).collect()
    }

    fn reason(&self, map: &KernelMap, used: &Used) -> Option<StaleReason> {
        let holders = self.holders(map.id);
        if used.maps.contains(&map.id) {
            return None;
        }
        Some(if !holders.programs.is_empty() {
            let programs = holders.programs.iter().map(|program| program.id).collect();
            StaleReason::IdlePrograms { programs }
        } else if !holders.outer_maps.is_empty() {
            let maps = holders.outer_maps.iter().map(|outer| outer.id).collect();
            StaleReason::StaleOuter { maps }
        } else if !holders.pins.is_empty() {
            StaleReason::Pinned
        } else {
            StaleReason::Unseen
        })
    }

    /// Whether a process, a link or the kernel itself has the program in use;
    /// `None` when that depends on whether a map that it is in is used.
    fn runs(&self, program: &KernelProgram) -> Option<bool> {
        let object = ObjectId::Program(program.id);
        if self.links.iter().any(|link| link.program_id == program.id)
            || self.processes.iter().any(|process| process.has_open(object))
        {
            return Some(true);
        }
        if self.maps_with(program.id).next().is_some() {
            return None;
        }
        // What is there and held by nothing, the kernel holds.
        Some(self.pins_of(object).next().is_none())
    }

    /// The maps that a program is in: for tail calls, for packets to a device or a CPU.
    fn maps_with(&self, program_id: u32) -> impl Iterator<Item = &KernelMap> {
        let is_in = move |map: &&KernelMap| map.contents.contains(&program_id);
        self.maps.iter().filter(|map| map.is_of_programs()).filter(is_in)
    }
}

/// The flag of maps of `struct_ops` that are in use by a link alone.
const BPF_F_LINK: u32 = 1 << 13;

/// What is used, by its ids.
#[derive(Debug, Default)]
struct Used {
    maps: HashSet<u32>,
    programs: HashSet<u32>,
}

impl Used {
    fn of(inventory: &Inventory) -> Self {
        let mut used = Self::default();
        for program in &inventory.programs {
            if inventory.runs(program) == Some(true) {
                used.programs.insert(program.id);
            }
        }
        for process in &inventory.processes {
            for open in &process.open {
                if let ObjectId::Map(id) = open.object {
                    used.maps.insert(id);
                }
            }
        }
        used.maps.extend(inventory.links.iter().filter_map(|link| link.map_id));
        // One of struct_ops that is in use without a link holds itself.
        let holds_itself = |map: &&KernelMap| {
            map.map_type == MapType::STRUCT_OPS
                && (map.map_flags & BPF_F_LINK == 0 || inventory.holders(map.id).is_empty())
        };
        used.maps.extend(inventory.maps.iter().filter(holds_itself).map(|map| map.id));
        // Which programs are in it, it does not say.
        let is_of_struct_ops =
            |map: &KernelMap| map.map_type == MapType::STRUCT_OPS && used.maps.contains(&map.id);
        if inventory.maps.iter().any(is_of_struct_ops) {
            let programs = inventory.programs.iter();
            let programs = programs.filter(|program| program.program_type == "struct_ops");
            used.programs.extend(programs.map(|program| program.id));
        }
        while used.spread(inventory) {}
        used
    }

    /// Goes one step further, from programs to maps and from maps to what is in
    /// them; whether it found anything.
    fn spread(&mut self, inventory: &Inventory) -> bool {
        let before = (self.maps.len(), self.programs.len());
        for program in &inventory.programs {
            if self.programs.contains(&program.id) {
                self.maps.extend(&program.map_ids);
            }
        }
        for map in &inventory.maps {
            match map {
                _ if !self.maps.contains(&map.id) => {}
                _ if map.is_of_programs() => self.programs.extend(&map.contents),
                _ => self.maps.extend(&map.contents),
            }
        }
        before != (self.maps.len(), self.programs.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fdinfo::MapFdinfo;
    use super::super::{KernelLink, OpenDescriptor, Process};
    use super::*;

    fn map(id: u32, map_type: MapType, contents: &[u32]) -> KernelMap {
        let fdinfo = MapFdinfo { id, map_type: map_type.as_raw(), ..MapFdinfo::default() };
        KernelMap { contents: contents.into(), ..KernelMap::of_fdinfo(&fdinfo) }
    }

    fn program(id: u32, map_ids: &[u32]) -> KernelProgram {
        let (name, program_type) = (String::new(), "xdp".into());
        KernelProgram { id, name, program_type, map_ids: map_ids.into(), btf_id: 0 }
    }

    fn pin(object: ObjectId) -> Pin {
        Pin { path: format!("/sys/fs/bpf/{object:?}").into(), object }
    }

    fn process(pid: u32, object: ObjectId) -> Process {
        Process { pid, comm: "agent".into(), open: vec![OpenDescriptor { fd: 3, object }] }
    }

    fn reasons(inventory: &Inventory) -> Vec<(u32, StaleReason)> {
        inventory.stale().into_iter().map(|stale| (stale.map.id, stale.reason)).collect()
    }

    #[test]
    fn a_program_in_a_prog_array_runs_when_that_one_is_used() {
        // Program 1 goes on through map 10 to program 2, which uses map 11.
        for through in [MapType::PROG_ARRAY, MapType::DEVMAP, MapType::DEVMAP_HASH, MapType::CPUMAP]
        {
            let mut inventory = Inventory {
                maps: vec![map(10, through, &[2]), map(11, MapType::HASH, &[])],
                programs: vec![program(1, &[10]), program(2, &[11])],
                pins: vec![pin(ObjectId::Program(1)), pin(ObjectId::Program(2))],
                ..Inventory::default()
            };
            let idle = |id| StaleReason::IdlePrograms { programs: vec![id] };
            assert_eq!(reasons(&inventory), [(10, idle(1)), (11, idle(2))]);
            let link = KernelLink { id: 5, link_type: "xdp".into(), program_id: 1, map_id: None };
            inventory.links.push(link);
            assert_eq!(reasons(&inventory), []);
        }
    }

    #[test]
    fn a_program_that_only_the_kernel_holds_is_attached() {
        let mut inventory = Inventory {
            maps: vec![map(10, MapType::HASH, &[])],
            programs: vec![program(1, &[10])],
            ..Inventory::default()
        };
        assert_eq!(reasons(&inventory), []);
        // Then a pin may be all that holds it.
        inventory.pins.push(pin(ObjectId::Program(1)));
        assert_eq!(reasons(&inventory).len(), 1);
        inventory.processes.push(process(7, ObjectId::Program(1)));
        assert_eq!(reasons(&inventory), []);
    }

    #[test]
    fn struct_ops_hold_themselves_and_links_hold_maps() {
        let mut inventory = Inventory {
            maps: vec![map(10, MapType::STRUCT_OPS, &[]), map(11, MapType::HASH, &[])],
            ..Inventory::default()
        };
        assert_eq!(reasons(&inventory), [(11, StaleReason::Unseen)]);
        // A pin beside it says nothing, where no link is needed.
        inventory.pins.push(pin(ObjectId::Map(10)));
        assert_eq!(reasons(&inventory), [(11, StaleReason::Unseen)]);
        inventory.maps[0].map_flags = BPF_F_LINK;
        assert_eq!(reasons(&inventory)[0], (10, StaleReason::Pinned));
        inventory.pins.clear();
        let link = KernelLink { id: 5, link_type: "iter".into(), program_id: 1, map_id: Some(11) };
        inventory.links.push(link);
        assert_eq!(reasons(&inventory), []);
    }

    #[test]
    fn programs_of_struct_ops_run_although_they_are_pinned() {
        let program = KernelProgram { program_type: "struct_ops".into(), ..program(1, &[11]) };
        let mut inventory = Inventory {
            maps: vec![map(10, MapType::STRUCT_OPS, &[]), map(11, MapType::HASH, &[])],
            programs: vec![program],
            pins: vec![pin(ObjectId::Program(1))],
            ..Inventory::default()
        };
        assert_eq!(reasons(&inventory), []);
        inventory.maps.remove(0);
        assert_eq!(reasons(&inventory).len(), 1);
    }

    #[test]
    fn a_pin_of_what_is_in_another_map_too_is_not_all_that_keeps_it() {
        let inventory = Inventory {
            maps: vec![map(10, MapType::HASH_OF_MAPS, &[11]), map(11, MapType::HASH, &[])],
            pins: vec![pin(ObjectId::Map(10)), pin(ObjectId::Map(11))],
            ..Inventory::default()
        };
        let outer = StaleReason::StaleOuter { maps: vec![10] };
        assert_eq!(reasons(&inventory), [(10, StaleReason::Pinned), (11, outer)]);
        assert_eq!(inventory.stale()[1].pins.len(), 1);
    }

    #[test]
    fn a_process_that_has_a_pinned_map_open_uses_it() {
        let mut inventory = Inventory {
            maps: vec![map(10, MapType::HASH, &[])],
            processes: vec![process(7, ObjectId::Map(10))],
            ..Inventory::default()
        };
        assert_eq!(reasons(&inventory), []);
        inventory.pins.push(pin(ObjectId::Map(10)));
        assert_eq!(reasons(&inventory), []);
        inventory.processes.clear();
        assert_eq!(reasons(&inventory), [(10, StaleReason::Pinned)]);
    }

    #[test]
    fn nothing_is_said_of_a_map_that_what_is_missing_may_use() {
        let pinned = Inventory {
            maps: vec![map(10, MapType::HASH, &[]), map(11, MapType::HASH, &[])],
            pins: vec![pin(ObjectId::Map(10))],
            processes: vec![process(7, ObjectId::Map(11))],
            ..Inventory::default()
        };
        let missing = |incomplete| Inventory { incomplete: vec![incomplete], ..pinned.clone() };
        let not_known = |inventory: &Inventory| -> Vec<_> {
            inventory.not_known().iter().map(|map| map.id).collect()
        };
        assert_eq!((reasons(&pinned).len(), not_known(&pinned)), (1, vec![]));
        assert!(!pinned.stale()[0].unless_out_of_sight);
        let errno = libc::EPERM;
        let ids = ["maps", "programs", "links"].map(|what| Incomplete::Ids { what, errno });
        for hides_use in ids.into_iter().chain([
            Incomplete::Object { what: "program", id: 3, errno },
            Incomplete::Contents { map_id: 12, errno },
            Incomplete::Path { path: "/host/proc".into(), errno },
        ]) {
            let inventory = missing(hides_use);
            assert_eq!(reasons(&inventory), [], "{inventory:?}");
            // The other one is seen to be used.
            assert_eq!(not_known(&inventory), [10], "{inventory:?}");
            assert_eq!(inventory.idle(), [], "{inventory:?}");
        }
        let inventory = missing(Incomplete::Processes { pids: vec![1], of: 9 });
        let [stale] = &*inventory.stale() else { panic!("{:?}", inventory.stale()) };
        assert_eq!(not_known(&inventory), [0_u32; 0]);
        assert!(stale.to_string().ends_with("no process that could be looked at has it open"));
        assert_eq!(inventory.idle().len(), 1);
        // Another pin is no use; but who has no pin that is seen may have one.
        let path = "/sys/fs/bpf/closed".into();
        let inventory = missing(Incomplete::Path { path, errno });
        assert_eq!((reasons(&inventory).len(), inventory.idle().len()), (1, 0));
    }

    #[test]
    fn reasons_are_sentences() {
        let reason = StaleReason::IdlePrograms { programs: vec![3, 4, 9] };
        assert!(reason.to_string().starts_with("only programs 3, 4 and 9 use it, pinned"));
        let reason = StaleReason::StaleOuter { maps: vec![3, 4] };
        assert_eq!(reason.to_string(), "only maps 3 and 4 hold it, which nobody uses either");
    }
}
