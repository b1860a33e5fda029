//! What can be asked for.

use std::fmt::{self, Display, Formatter};

use crate::map_type::MapType;

/// Something that some kernels have and others have not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Feature {
    /// `bpf(2)` itself.
    Syscall,
    /// BTF, and maps that are made with it.
    MapBtf,
    /// Maps of a type.
    MapType(MapType),
    /// Reading many entries of maps of a type at once, `BPF_MAP_LOOKUP_BATCH`.
    LookupBatch(MapType),
    /// Writing many entries of maps of a type at once, `BPF_MAP_UPDATE_BATCH`.
    UpdateBatch(MapType),
    /// Removing many entries of maps of a type at once, `BPF_MAP_DELETE_BATCH`.
    DeleteBatch(MapType),
    /// Reading and removing an entry of maps of a type in one step,
    /// `BPF_MAP_LOOKUP_AND_DELETE_ELEM`.
    LookupAndDelete(MapType),
    /// Arrays that can be mapped into memory, `BPF_F_MMAPABLE`.
    MappedArray,
    /// Writes to an LPM trie that depend on whether the prefix is there,
    /// `BPF_NOEXIST` and `BPF_EXIST`: older kernels take them for any other write.
    TrieConditions,
    /// Values that are read and written under their spin lock, `BPF_F_LOCK`.
    LockFlag,
    /// Keeping user space from writing to a map, `BPF_MAP_FREEZE`.
    Freeze,
    /// Maps whose memory is counted by cgroups, and not against `RLIMIT_MEMLOCK`.
    CgroupAccounting,
    /// Reading what the kernel holds by id, `BPF_MAP_GET_FD_BY_ID` and its like.
    Ids,
}

impl Feature {
    /// The version of Linux that brought it, to explain an answer with; that a
    /// kernel is newer or older proves nothing. `None` when this crate does not
    /// know it.
    pub fn since(self) -> Option<&'static str> {
        Some(match self {
            Self::Syscall => "3.18",
            Self::MapBtf => "4.18",
            Self::Ids => "4.13",
            Self::LockFlag => "5.1",
            Self::Freeze => "5.2",
            Self::MappedArray => "5.5",
            Self::CgroupAccounting => "5.11",
            // And in later builds of older kernels, as a fix.
            Self::TrieConditions => "6.13",
            Self::MapType(map_type) => return map_type.since(),
            Self::LookupAndDelete(map_type) => match map_type {
                MapType::QUEUE | MapType::STACK => "4.20",
                MapType::HASH
                | MapType::LRU_HASH
                | MapType::PERCPU_HASH
                | MapType::LRU_PERCPU_HASH => "5.14",
                _ => return None,
            },
            Self::LookupBatch(map_type) | Self::UpdateBatch(map_type) => match map_type {
                MapType::HASH
                | MapType::LRU_HASH
                | MapType::PERCPU_HASH
                | MapType::LRU_PERCPU_HASH
                | MapType::ARRAY => "5.6",
                MapType::LPM_TRIE => "5.13",
                MapType::HASH_OF_MAPS | MapType::ARRAY_OF_MAPS => "5.19",
                MapType::PERCPU_ARRAY => "5.13",
                _ => return None,
            },
            Self::DeleteBatch(map_type) => match map_type {
                MapType::HASH
                | MapType::LRU_HASH
                | MapType::PERCPU_HASH
                | MapType::LRU_PERCPU_HASH => "5.6",
                MapType::LPM_TRIE => "5.13",
                MapType::HASH_OF_MAPS => "5.19",
                _ => return None,
            },
        })
    }
}

impl Display for Feature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syscall => f.write_str("bpf(2)"),
            Self::MapBtf => f.write_str("BTF for maps"),
            Self::MapType(map_type) => write!(f, "maps of type {map_type}"),
            Self::LookupBatch(map_type) => write!(f, "batch lookup on {map_type}"),
            Self::UpdateBatch(map_type) => write!(f, "batch update on {map_type}"),
            Self::DeleteBatch(map_type) => write!(f, "batch delete on {map_type}"),
            Self::LookupAndDelete(map_type) => write!(f, "lookup_and_delete on {map_type}"),
            Self::TrieConditions => f.write_str("conditional writes to lpm_trie"),
            Self::MappedArray => f.write_str("arrays in memory (BPF_F_MMAPABLE)"),
            Self::LockFlag => f.write_str("spin locks in values (BPF_F_LOCK)"),
            Self::Freeze => f.write_str("freezing of maps"),
            Self::CgroupAccounting => f.write_str("maps that do not count against RLIMIT_MEMLOCK"),
            Self::Ids => f.write_str("ids of maps, programs and BTF"),
        }
    }
}
