//! What is there and what is not, and how full a map is.

use std::borrow::Cow;
use std::collections::HashSet;

use super::OpenMap;
use super::failure::Operation;
use super::value::sealed::Value;
use super::walk::{Iter, Keys, Walk};
use crate::layout::{BpfMapKey, bytes_of};
use crate::map_type::MapType;
use crate::sys::Errno;
use crate::{Error, MapValue};

/// How full a map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupancy {
    /// How many entries there are.
    pub entries: u64,
    /// How many there can be.
    pub max_entries: u32,
    /// Whether the map drops entries before it is full, as LRU maps do: they
    /// keep some free for each CPU.
    pub is_approximate: bool,
}

impl Occupancy {
    /// That of a map that was counted in another way.
    pub fn new(entries: u64, max_entries: u32, is_approximate: bool) -> Self {
        Self { entries, max_entries, is_approximate }
    }

    /// The part of the map that is in use: 1 when it is full.
    pub fn ratio(&self) -> f64 {
        self.entries as f64 / f64::from(self.max_entries.max(1))
    }
}

/// Maps whose entries come and go, so that it makes a difference how many there
/// are.
///
/// Only this crate implements it.
#[diagnostic::on_unimplemented(
    message = "an array is always full",
    label = "it has no occupancy",
    note = "all elements of an array are there from the beginning, zero until they are written: \
            `len()` says how many; which of them are in use only the program knows"
)]
pub trait Countable: countable::Sealed {}

mod countable {
    pub trait Sealed {}
}

macro_rules! countable {
    ($($name:ident<$($param:ident),+>)*) => {$(
        impl<$($param),+> countable::Sealed for super::$name<$($param),+> {}
        impl<$($param),+> Countable for super::$name<$($param),+> {}
    )*};
}

countable!(HashMap<K, V> LpmTrie<K, V> HashOfMaps<K, M>);

/// The bytes that tell a key from others.
pub(super) type Identity<K> = fn(&K) -> Cow<'_, [u8]>;

/// All of them.
pub(super) fn all_bytes<K: BpfMapKey>(key: &K) -> Cow<'_, [u8]> {
    Cow::Borrowed(bytes_of(key))
}

impl OpenMap {
    /// Those of `expected` whose keys a lookup does not find.
    pub(super) fn absent<'k, K: BpfMapKey, V: Value>(
        &self,
        expected: &'k [K],
    ) -> Result<Vec<&'k K>, Error> {
        let mut absent = Vec::new();
        for key in expected {
            if self.get::<V>(Operation::ContainsKey, bytes_of(key))?.is_none() {
                absent.push(key);
            }
        }
        Ok(absent)
    }

    /// Those of `expected` whose keys a walk does not find.
    pub(super) fn not_seen<'k, K: BpfMapKey, V: MapValue>(
        &self,
        expected: &'k [K],
        identity: Identity<K>,
    ) -> Result<Vec<&'k K>, Error> {
        let keys = self.all_keys::<K, V>().collect::<Result<Vec<_>, _>>()?;
        let known: HashSet<_> = keys.iter().map(identity).collect();
        Ok(expected.iter().filter(|key| !known.contains(&identity(key))).collect())
    }

    /// The keys in the map that are not among `expected`.
    pub(super) fn unexpected<K: BpfMapKey, V: MapValue>(
        &self,
        expected: &[K],
        identity: Identity<K>,
    ) -> Result<Vec<K>, Error> {
        let known: HashSet<_> = expected.iter().map(identity).collect();
        let is_unexpected =
            |key: &Result<K, _>| key.as_ref().map_or(true, |key| !known.contains(&identity(key)));
        self.all_keys::<K, V>().filter(is_unexpected).collect()
    }

    fn all_keys<K: BpfMapKey, V: MapValue>(&self) -> Keys<'_, K, V> {
        Keys::new(Iter::new(Walk::new(self)))
    }

    /// How many entries there are, by the kernel's own number or counted in
    /// batches; of a map that user space reads no values of, by its keys.
    pub(super) fn occupancy(&self) -> Result<Occupancy, Error> {
        let info = self.map.info();
        let map_type = MapType::from_raw(info.map_type);
        let entries = match (map_type, self.counter.count(&self.map)) {
            (_, Some(entries)) => entries,
            (MapType::SOCKHASH | MapType::STACK_TRACE, _) => self.count_keys()?,
            // Of its slots a batch may end at the first that is empty.
            (MapType::ARRAY_OF_MAPS, _) => self.count_in_batches(Walk::by_key(self))?,
            _ => self.count_in_batches(Walk::new(self))?,
        };
        let is_lru = matches!(map_type, MapType::LRU_HASH | MapType::LRU_PERCPU_HASH);
        Ok(Occupancy { entries, max_entries: info.max_entries, is_approximate: is_lru })
    }

    fn count_in_batches(&self, mut walk: Walk<'_>) -> Result<u64, Error> {
        let mut entries = 0;
        while let Some(count) = walk.skip_batch() {
            entries += count? as u64;
        }
        Ok(entries)
    }

    fn count_keys(&self) -> Result<u64, Error> {
        let (mut key, mut next) = (None, vec![0; self.map.key_len()]);
        for entries in 0..=u64::from(self.map.info().max_entries) {
            match self.map.next_key(key.as_deref(), &mut next) {
                Ok(()) => key = Some(next.clone()),
                Err(Errno(libc::ENOENT)) => return Ok(entries),
                Err(errno) => return Err(self.failure(Operation::Step, errno)),
            }
        }
        // The key to go on from was removed, and the kernel began again.
        Err(self.failure(Operation::Step, Errno(libc::EAGAIN)))
    }
}

/// Why it cannot be said of maps of that type how full they are; `None` when it
/// can.
pub(crate) fn uncountable(map_type: MapType) -> Option<&'static str> {
    Some(match map_type {
        MapType::HASH
        | MapType::PERCPU_HASH
        | MapType::LRU_HASH
        | MapType::LRU_PERCPU_HASH
        | MapType::LPM_TRIE
        | MapType::HASH_OF_MAPS
        | MapType::ARRAY_OF_MAPS
        | MapType::SOCKHASH
        | MapType::DEVMAP_HASH
        | MapType::STACK_TRACE => return None,
        MapType::ARRAY | MapType::PERCPU_ARRAY => {
            "all elements of an array are there from the beginning, zero until they are written; \
             which of them are in use only the program knows"
        }
        MapType::PROG_ARRAY
        | MapType::PERF_EVENT_ARRAY
        | MapType::CGROUP_ARRAY
        | MapType::DEVMAP
        | MapType::SOCKMAP
        | MapType::CPUMAP
        | MapType::XSKMAP
        | MapType::REUSEPORT_SOCKARRAY => {
            "it has a slot for each index, and the program fills those that it means to use"
        }
        MapType::QUEUE | MapType::STACK => {
            "the kernel does not say how many elements wait in it, and to count them would be to \
             take them out"
        }
        MapType::BLOOM_FILTER => "it keeps bits, and not the values that were put into it",
        MapType::RINGBUF | MapType::USER_RINGBUF => {
            "its records are for one reader, who alone knows how many it is behind"
        }
        MapType::SK_STORAGE
        | MapType::INODE_STORAGE
        | MapType::TASK_STORAGE
        | MapType::CGRP_STORAGE
        | MapType::CGROUP_STORAGE
        | MapType::PERCPU_CGROUP_STORAGE => {
            "it has no limit: its values are kept with the sockets, files, processes or cgroups that \
             they are of"
        }
        MapType::STRUCT_OPS => "it has the one entry that it is for",
        MapType::ARENA => "it is memory that programs share, and has no entries",
        _ => "this version of bpfmap does not know the type",
    })
}
