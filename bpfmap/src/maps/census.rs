//! What is there and what is not, and how full a map is.

use std::borrow::Cow;
use std::collections::HashSet;

use super::OpenMap;
use super::failure::Operation;
use super::value::sealed::Value;
use super::walk::{Iter, Keys, Walk};
use crate::layout::{BpfMapKey, bytes_of};
use crate::map_type::MapType;
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
    /// batches.
    pub(super) fn occupancy(&self) -> Result<Occupancy, Error> {
        let entries = match self.counter.count(&self.map) {
            Some(entries) => entries,
            None => self.count_in_batches()?,
        };
        let info = self.map.info();
        let map_type = MapType::from_raw(info.map_type);
        let is_lru = matches!(map_type, MapType::LRU_HASH | MapType::LRU_PERCPU_HASH);
        Ok(Occupancy { entries, max_entries: info.max_entries, is_approximate: is_lru })
    }

    fn count_in_batches(&self) -> Result<u64, Error> {
        let mut walk = Walk::new(self);
        let mut entries = 0;
        while let Some(count) = walk.skip_batch() {
            entries += count? as u64;
        }
        Ok(entries)
    }
}
