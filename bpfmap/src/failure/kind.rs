//! Kinds of maps, as far as their answers differ.

use crate::map_type::MapType;
use crate::sys::MapInfo;

macro_rules! kinds {
    ($($name:ident)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($name),*
        }

        #[cfg(test)]
        impl Kind {
            pub(super) const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

kinds! {
    // Not open yet, or of a type that no typed map opens.
    Unopened
    Hash Lru Array Section Rodata Trie Queue Stack Bloom RingBuf
    HashOfMaps ArrayOfMaps
    Sockets Inodes Tasks Cgroups
}

impl Kind {
    pub(crate) fn of(map: &MapInfo) -> Self {
        match MapType::from_raw(map.map_type) {
            MapType::HASH | MapType::PERCPU_HASH => Self::Hash,
            MapType::LRU_HASH | MapType::LRU_PERCPU_HASH => Self::Lru,
            MapType::ARRAY if map.name.contains(".rodata") => Self::Rodata,
            MapType::ARRAY if map.name.contains('.') => Self::Section,
            MapType::ARRAY | MapType::PERCPU_ARRAY => Self::Array,
            MapType::LPM_TRIE => Self::Trie,
            MapType::QUEUE => Self::Queue,
            MapType::STACK => Self::Stack,
            MapType::BLOOM_FILTER => Self::Bloom,
            MapType::RINGBUF => Self::RingBuf,
            MapType::HASH_OF_MAPS => Self::HashOfMaps,
            MapType::ARRAY_OF_MAPS => Self::ArrayOfMaps,
            MapType::SK_STORAGE => Self::Sockets,
            MapType::INODE_STORAGE => Self::Inodes,
            MapType::TASK_STORAGE => Self::Tasks,
            MapType::CGRP_STORAGE => Self::Cgroups,
            _ => Self::Unopened,
        }
    }
}
