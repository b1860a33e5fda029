//! What there is in the kernel, and what holds it.

use std::path::PathBuf;

use super::fdinfo::{Descriptor, MapFdinfo};
use super::names;
use crate::map_type::MapType;
use crate::sys::{LinkInfo, MapInfo, ProgramInfo};

/// A map that the kernel holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct KernelMap {
    /// Its id, which no other map has as long as it lives.
    pub id: u32,
    /// The name that the kernel keeps, cut off after 15 bytes, and empty for a map
    /// without one; `None` when it could not be read.
    pub name: Option<String>,
    /// Its type.
    pub map_type: MapType,
    /// The size of a key, in bytes.
    pub key_size: u32,
    /// The size of a value, in bytes; of one CPU's for a per-CPU map.
    pub value_size: u32,
    /// How many entries it can hold; for a ring buffer its size in bytes.
    pub max_entries: u32,
    /// The flags with which it was made.
    pub map_flags: u32,
    /// The same by their names in the kernel's headers.
    pub flags: Vec<String>,
    /// What depends on its type, such as the number of hash functions of a bloom
    /// filter.
    pub map_extra: u64,
    /// Whether user space cannot write to it any more; `None` where the kernel
    /// does not say so, which it does since Linux 5.2.
    pub frozen: Option<bool>,
    /// How much memory it takes, in bytes; an estimate before Linux 6.4.
    pub memlock: Option<u64>,
    /// The id of its BTF; 0 when it has none, `None` when that could not be read.
    pub btf_id: Option<u32>,
    /// The type of its key in that BTF; 0 for none.
    pub btf_key_type_id: u32,
    /// The type of its value in that BTF; 0 for none.
    pub btf_value_type_id: u32,
    /// The type of its value in the kernel's own BTF, for `struct_ops`; else 0.
    pub btf_vmlinux_value_type_id: u32,
    /// For a map of maps, the ids of the maps in it, each once; for a `prog_array`, a
    /// `devmap` or a `cpumap` the ids of the programs in it.
    pub contents: Vec<u32>,
}

impl KernelMap {
    pub(super) fn new(info: &MapInfo, fdinfo: Option<&MapFdinfo>) -> Self {
        Self {
            id: info.id,
            name: Some(info.name.clone()),
            map_type: MapType::from_raw(info.map_type),
            key_size: info.key_size,
            value_size: info.value_size,
            max_entries: info.max_entries,
            map_flags: info.map_flags,
            flags: names::map_flags(info.map_flags),
            map_extra: info.map_extra,
            frozen: fdinfo.and_then(|fdinfo| fdinfo.frozen),
            memlock: fdinfo.and_then(|fdinfo| fdinfo.memlock),
            btf_id: Some(info.btf_id),
            btf_key_type_id: info.btf_key_type_id,
            btf_value_type_id: info.btf_value_type_id,
            btf_vmlinux_value_type_id: info.btf_vmlinux_value_type_id,
            contents: Vec::new(),
        }
    }

    /// What `/proc` says of a map that could not be opened.
    pub(super) fn of_fdinfo(fdinfo: &MapFdinfo) -> Self {
        Self {
            id: fdinfo.id,
            name: None,
            map_type: MapType::from_raw(fdinfo.map_type),
            key_size: fdinfo.key_size,
            value_size: fdinfo.value_size,
            max_entries: fdinfo.max_entries,
            map_flags: fdinfo.map_flags,
            flags: names::map_flags(fdinfo.map_flags),
            map_extra: fdinfo.map_extra,
            frozen: fdinfo.frozen,
            memlock: fdinfo.memlock,
            btf_id: None,
            btf_key_type_id: 0,
            btf_value_type_id: 0,
            btf_vmlinux_value_type_id: 0,
            contents: Vec::new(),
        }
    }

    /// Whether programs may be in it, which run when another one goes on there.
    pub(super) fn is_of_programs(&self) -> bool {
        matches!(
            self.map_type,
            MapType::PROG_ARRAY | MapType::DEVMAP | MapType::DEVMAP_HASH | MapType::CPUMAP
        )
    }

    /// Whether it is a map of maps, which holds those that are in it.
    pub fn is_of_maps(&self) -> bool {
        matches!(self.map_type, MapType::ARRAY_OF_MAPS | MapType::HASH_OF_MAPS)
    }
}

/// A program that the kernel holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct KernelProgram {
    /// Its id.
    pub id: u32,
    /// The name that the kernel keeps, cut off after 15 bytes.
    pub name: String,
    /// Its type, as `bpftool` names it: `xdp`, `sched_cls`.
    pub program_type: String,
    /// The maps that it uses, and so holds.
    pub map_ids: Vec<u32>,
    /// The id of its BTF; 0 when it was loaded without.
    pub btf_id: u32,
}

impl KernelProgram {
    pub(super) fn new(info: ProgramInfo) -> Self {
        Self {
            id: info.id,
            name: info.name,
            program_type: names::program_type(info.prog_type),
            map_ids: info.map_ids,
            btf_id: info.btf_id,
        }
    }
}

/// A link that the kernel holds: what keeps a program attached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct KernelLink {
    /// Its id.
    pub id: u32,
    /// Its type, as `bpftool` names it: `xdp`, `tcx`.
    pub link_type: String,
    /// The program that it attaches; 0 for a link of `struct_ops`.
    pub program_id: u32,
    /// The map that it holds itself: that of `struct_ops`, or one that an iterator
    /// walks.
    pub map_id: Option<u32>,
}

impl KernelLink {
    pub(super) fn new(info: &LinkInfo) -> Self {
        Self {
            id: info.id,
            link_type: names::link_type(info.link_type),
            program_id: info.prog_id,
            map_id: info.map_id,
        }
    }
}

/// One of what the kernel holds, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum ObjectId {
    /// A map.
    Map(u32),
    /// A program.
    Program(u32),
    /// A link.
    Link(u32),
}

/// A file in a bpffs, which holds what is pinned there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Pin {
    /// Where it is. In a mount namespace that is not this process's, the path
    /// goes through `/proc/<pid>/root`.
    pub path: PathBuf,
    /// What is pinned.
    pub object: ObjectId,
}

/// A process that has maps, programs or links open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name, cut off after 15 bytes.
    pub comm: String,
    /// What it has open, in the order of the descriptors.
    pub open: Vec<OpenDescriptor>,
}

impl Process {
    /// Whether it has that open.
    pub fn has_open(&self, object: ObjectId) -> bool {
        self.open.iter().any(|open| open.object == object)
    }
}

/// A descriptor of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct OpenDescriptor {
    /// Its number in that process.
    pub fd: u32,
    /// What it is of.
    pub object: ObjectId,
}

impl Descriptor {
    pub(super) fn object(&self) -> ObjectId {
        match self {
            Self::Map(map) => ObjectId::Map(map.id),
            Self::Program(id) => ObjectId::Program(*id),
            Self::Link(id) => ObjectId::Link(*id),
        }
    }
}
