//! What maps the kernel holds, and who holds them.
//!
//! ```text
//!  ids of the kernel ------+
//!  pins in every bpffs ----+--> Inventory --> holders of a map
//!  /proc/<pid>/fdinfo -----+              --> stale maps --> their pins, to be removed
//! ```

mod fdinfo;
mod holders;
mod idle;
mod incomplete;
mod kernel;
mod memory;
mod mounts;
mod names;
mod pins;
mod processes;
mod records;
mod stale;
mod type_names;
mod unpin;

use std::path::Path;

use fdinfo::Descriptor;
pub use holders::Holders;
pub use idle::Idle;
pub use incomplete::Incomplete;
use kernel::Kernel;
use pins::Pins;
use processes::Processes;
pub use records::{KernelLink, KernelMap, KernelProgram, ObjectId, OpenDescriptor, Pin, Process};
pub use stale::{Stale, StaleReason};
pub use type_names::TypeNames;
pub use unpin::UnpinError;

/// The maps that the kernel holds, and what holds them, as they were when it was
/// read.
///
/// ```no_run
/// # fn main() {
/// let inventory = bpfmap::Inventory::read();
/// for map in inventory.maps_named("flows") {
///     let holders = inventory.holders(map.id);
///     println!("map {}: {} programs, {} pins", map.id, holders.programs.len(), holders.pins.len());
/// }
/// for missing in &inventory.incomplete {
///     eprintln!("{missing}");
/// }
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Inventory {
    /// The maps, by their ids.
    pub maps: Vec<KernelMap>,
    /// The programs, by their ids.
    pub programs: Vec<KernelProgram>,
    /// The links, by their ids.
    pub links: Vec<KernelLink>,
    /// What is pinned, by its path.
    pub pins: Vec<Pin>,
    /// The processes that have any of it open.
    pub processes: Vec<Process>,
    /// What could not be read, and so is missing above; empty when all is there.
    pub incomplete: Vec<Incomplete>,
}

impl Inventory {
    /// Reads what the running kernel holds.
    ///
    /// It never fails: what cannot be read is said in
    /// [`incomplete`](Self::incomplete). All of it needs root, or `CAP_SYS_ADMIN`
    /// (ids since Linux 4.13, those of links since 5.8) and `CAP_SYS_PTRACE` (the
    /// descriptors of others). Without them there are the maps that are pinned
    /// where this process may open them, and those that it has open itself.
    ///
    /// Maps come and go while it reads; one that is gone before its end is left
    /// out. Pins are found in the mount namespaces of all processes that may be
    /// looked into.
    pub fn read() -> Self {
        Self::read_at(Path::new("/proc"))
    }

    /// As [`read`](Self::read), with processes and mounts from another `/proc`,
    /// such as that of the host in a container.
    pub fn read_at(proc: &Path) -> Self {
        let mut incomplete = Vec::new();
        let mut kernel = Kernel::read(&mut incomplete);
        let Processes { processes, maps, pids } = Processes::read(proc, &mut incomplete);
        for map in maps {
            kernel.add(&Descriptor::Map(map), None);
        }
        kernel.read_on(&mut incomplete);
        if !processes::has_all(proc, &pids) {
            incomplete.push(Incomplete::OtherProcesses);
        }
        let mut pins = Pins::new(&mut kernel, &mut incomplete);
        pins.read(proc, &pids);
        let pins = pins.pins;
        let Kernel { maps, programs, links } = kernel;
        let mut inventory = Self {
            maps: maps.into_values().collect(),
            programs: programs.into_values().collect(),
            links: links.into_values().collect(),
            pins,
            processes,
            incomplete,
        };
        inventory.forget_what_is_gone();
        inventory.look_for_memory(proc, &pids);
        inventory
    }

    /// The maps, programs and links that the kernel itself lists: without pins and
    /// processes, which take longer to find.
    pub fn of_kernel() -> Self {
        let mut incomplete = Vec::new();
        let Kernel { maps, programs, links } = Kernel::read(&mut incomplete);
        Self {
            maps: maps.into_values().collect(),
            programs: programs.into_values().collect(),
            links: links.into_values().collect(),
            incomplete,
            ..Self::default()
        }
    }

    /// Whether nothing is missing, so that what seems to be held by nobody is.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_empty()
    }

    /// The map of that id.
    pub fn map(&self, id: u32) -> Option<&KernelMap> {
        let index = self.maps.binary_search_by_key(&id, |map| map.id).ok()?;
        Some(&self.maps[index])
    }

    /// The program of that id.
    pub fn program(&self, id: u32) -> Option<&KernelProgram> {
        let index = self.programs.binary_search_by_key(&id, |program| program.id).ok()?;
        Some(&self.programs[index])
    }

    /// The maps of that name, which the kernel cuts off after 15 bytes; the whole
    /// name does too.
    pub fn maps_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a KernelMap> {
        self.maps
            .iter()
            .filter(move |map| map.name.as_ref().is_some_and(|known| is_kernel_name(known, name)))
    }

    /// The pins of a map, a program or a link.
    pub fn pins_of(&self, object: ObjectId) -> impl Iterator<Item = &Pin> {
        self.pins.iter().filter(move |pin| pin.object == object)
    }
}

/// Whether a map has a name, which the kernel cuts off after 15 bytes.
pub(crate) fn is_kernel_name(known: &str, name: &str) -> bool {
    /// `BPF_OBJ_NAME_LEN` without the NUL.
    const KERNEL_NAME_LEN: usize = 15;
    let cut_off = name.as_bytes().get(..KERNEL_NAME_LEN).unwrap_or(name.as_bytes());
    !name.is_empty() && known.as_bytes() == cut_off
}
