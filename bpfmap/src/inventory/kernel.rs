//! What the kernel holds, by its ids.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use super::fdinfo::{self, Descriptor, MapFdinfo};
use super::incomplete::Incomplete;
use super::records::{KernelLink, KernelMap, KernelProgram};
use crate::Error;
use crate::map_type::MapType;
use crate::maps::AnyMap;
use crate::sys::{self, Errno, Held};

/// Maps, programs and links, each once.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    pub(super) maps: BTreeMap<u32, KernelMap>,
    pub(super) programs: BTreeMap<u32, KernelProgram>,
    pub(super) links: BTreeMap<u32, KernelLink>,
}

impl Kernel {
    /// Walks the ids. What is gone when it is to be looked at is left out.
    pub(super) fn read(incomplete: &mut Vec<Incomplete>) -> Self {
        let mut kernel = Self::default();
        for held in [Held::Map, Held::Program, Held::Link] {
            kernel.walk(held, 0, incomplete);
        }
        kernel
    }

    /// Adds the programs and links that have come since. What a process has had open
    /// may be held by one of them when the process is looked at, and the process have
    /// ended.
    pub(super) fn read_on(&mut self, incomplete: &mut Vec<Incomplete>) {
        let last = self.programs.last_key_value().map_or(0, |(id, _)| *id);
        self.walk(Held::Program, last, incomplete);
        let last = self.links.last_key_value().map_or(0, |(id, _)| *id);
        self.walk(Held::Link, last, incomplete);
    }

    fn walk(&mut self, held: Held, mut after: u32, incomplete: &mut Vec<Incomplete>) {
        loop {
            let missing = match sys::next_id(held, after) {
                Ok(Some(id)) => {
                    after = id;
                    match self.open(held, id, incomplete) {
                        Ok(()) | Err(Errno(libc::ENOENT)) => continue,
                        Err(Errno(errno)) => Incomplete::Object { what: word(held), id, errno },
                    }
                }
                Ok(None) => return,
                Err(Errno(errno)) => Incomplete::Ids { what: words(held), errno },
            };
            let is_end = matches!(missing, Incomplete::Ids { .. });
            if !incomplete.contains(&missing) {
                incomplete.push(missing);
            }
            if is_end {
                return;
            }
        }
    }

    fn open(&mut self, held: Held, id: u32, incomplete: &mut Vec<Incomplete>) -> Result<(), Errno> {
        let fd = sys::open_id(held, id, held == Held::Map)?;
        match held {
            Held::Map => {
                let map = describe_map(fd.as_fd())?;
                self.maps.insert(id, map);
                self.contents(id, fd, incomplete);
            }
            Held::Program => drop(self.program(fd.as_fd())?),
            Held::Link => drop(self.link(fd.as_fd())?),
            Held::Btf => {}
        }
        Ok(())
    }

    /// Adds what was found in another way than by its id, when it is not known.
    /// Without a descriptor a map is what `/proc` says of it.
    pub(super) fn add(&mut self, descriptor: &Descriptor, fd: Option<BorrowedFd<'_>>) {
        match (descriptor, fd) {
            (Descriptor::Map(map), _) if self.maps.contains_key(&map.id) => {}
            (Descriptor::Map(map), Some(fd)) => {
                let described = describe_map(fd).unwrap_or_else(|_| KernelMap::of_fdinfo(map));
                self.maps.insert(map.id, described);
            }
            (Descriptor::Map(map), None) => self.add_map(map),
            (Descriptor::Program(id), Some(fd)) if !self.programs.contains_key(id) => {
                let _ = self.program(fd);
            }
            (Descriptor::Link(id), Some(fd)) if !self.links.contains_key(id) => {
                let _ = self.link(fd);
            }
            _ => {}
        }
    }

    /// A map that a process has open, and whose id was not given out before.
    fn add_map(&mut self, map: &MapFdinfo) {
        let described = match sys::open_id(Held::Map, map.id, true) {
            Ok(fd) => describe_map(fd.as_fd()).ok(),
            // Gone meanwhile.
            Err(Errno(libc::ENOENT)) => return,
            Err(_) => None,
        };
        self.maps.insert(map.id, described.unwrap_or_else(|| KernelMap::of_fdinfo(map)));
    }

    fn program(&mut self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        let program = KernelProgram::new(sys::program_info(fd)?);
        self.programs.insert(program.id, program);
        Ok(())
    }

    fn link(&mut self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        let link = KernelLink::new(&sys::link_info(fd)?);
        self.links.insert(link.id, link);
        Ok(())
    }

    /// Reads which maps are in a map of maps, and which programs in a `prog_array`, a
    /// `devmap` or a `cpumap`.
    fn contents(&mut self, id: u32, fd: std::os::fd::OwnedFd, incomplete: &mut Vec<Incomplete>) {
        let Some(map) = self.maps.get_mut(&id) else { return };
        // Where in a value the id is.
        let place = match (map.map_type, map.value_size) {
            (MapType::PROG_ARRAY, _) => 0,
            _ if map.is_of_maps() => 0,
            // Behind a device or a queue, since Linux 5.8 and 5.9.
            (MapType::DEVMAP | MapType::DEVMAP_HASH | MapType::CPUMAP, 8) => 4,
            _ => return,
        };
        match contents(fd, place) {
            Ok(contents) => map.contents = contents,
            Err(error) => {
                let errno = match &error {
                    Error::Kernel(error) => error.errno(),
                    _ => 0,
                };
                incomplete.push(Incomplete::Contents { map_id: id, errno });
            }
        }
    }
}

fn contents(fd: std::os::fd::OwnedFd, place: usize) -> Result<Vec<u32>, Error> {
    let map = AnyMap::from_owned(fd)?;
    let mut entries = map.entries();
    let mut ids = Vec::new();
    while let Some(entry) = entries.next_entry() {
        let (_, value) = entry?;
        // User space is given ids, of 4 bytes; 0 is none.
        let id = value.get(place..).and_then(<[u8]>::first_chunk);
        ids.extend(id.map(|id| u32::from_ne_bytes(*id)).filter(|id| *id != 0));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn describe_map(fd: BorrowedFd<'_>) -> Result<KernelMap, Errno> {
    let info = sys::map_info(fd)?;
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd()));
    let fdinfo = match text.ok().as_deref().and_then(fdinfo::parse) {
        Some(Descriptor::Map(map)) => Some(map),
        _ => None,
    };
    Ok(KernelMap::new(&info, fdinfo.as_ref()))
}

fn word(held: Held) -> &'static str {
    match held {
        Held::Map => "map",
        Held::Program => "program",
        Held::Link => "link",
        Held::Btf => "BTF",
    }
}

fn words(held: Held) -> &'static str {
    match held {
        Held::Map => "maps",
        Held::Program => "programs",
        Held::Link => "links",
        Held::Btf => "BTF",
    }
}
