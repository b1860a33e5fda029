//! Hash maps.

use std::marker::PhantomData;

use super::census::{Occupancy, all_bytes};
use super::failure::Operation;
use super::freezing::freezing;
use super::opening::opening;
use super::value::MapValue;
use super::walk::{Drain, Iter, Keys, Values, Walk};
use super::{FromOpen, OpenMap, TypedMap};
use crate::Error;
use crate::layout::{BpfMapKey, Layout, bytes_of};
use crate::map_type::MapType;
use crate::sys::Update;

/// A hash map from `K` to `V`: `BPF_MAP_TYPE_HASH` (since Linux 3.19) and
/// `BPF_MAP_TYPE_LRU_HASH` (since 4.10), which drops the entry that was used
/// least recently when it is full. With [`PerCpu<V>`](crate::PerCpu) for values
/// it is one of the per-CPU types, `BPF_MAP_TYPE_PERCPU_HASH` (since 4.6) or
/// `BPF_MAP_TYPE_LRU_PERCPU_HASH` (since 4.10).
///
/// Reading an entry of an LRU map does not count as use of it, since Linux 5.2.
///
/// A value that has a [`SpinLock`](crate::SpinLock) is read and written under it
/// (`BPF_F_LOCK`, since 5.1).
///
/// It owns a descriptor of its own, so it outlives what it was opened from, and
/// operations take `&self`: the kernel keeps them apart, also from those of
/// programs and other processes.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ebpf = aya::Ebpf::load(&[])?;
/// use bpfmap::HashMap;
///
/// let hits = HashMap::<u32, u64>::open(&ebpf, "hits")?;
/// hits.insert(&80, &1)?;
/// assert_eq!(hits.get(&80)?, Some(1));
/// for entry in hits.iter() {
///     let (port, count) = entry?;
///     println!("{port}: {count}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct HashMap<K, V> {
    open: OpenMap,
    types: PhantomData<fn(K) -> V>,
}

impl<K: BpfMapKey, V: MapValue> TypedMap for HashMap<K, V> {
    const NAME: &'static str = "HashMap";
    const MAP_TYPES: &'static [MapType] = V::HASHES;
    const KEY: Option<&'static Layout> = Some(K::LAYOUT);
    const VALUE: Option<&'static Layout> = Some(V::LAYOUT);
}

impl<K: BpfMapKey, V: MapValue> FromOpen for HashMap<K, V> {
    fn from_open(open: OpenMap) -> Self {
        Self { open: open.with_lock_of(V::LAYOUT), types: PhantomData }
    }
}

opening!(HashMap<K: BpfMapKey, V: MapValue>);
freezing!(HashMap<K, V>);

/// Entries.
///
/// Each call fails with [`Error::Kernel`] when the kernel refuses it for a
/// reason other than those named; its text says what the answer means.
impl<K: BpfMapKey, V: MapValue> HashMap<K, V> {
    /// The value of a key; `None` when the key is not there.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    #[inline]
    pub fn get(&self, key: &K) -> Result<Option<V>, Error> {
        self.open.get(Operation::Get, bytes_of(key))
    }

    /// Whether a key is there.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn contains_key(&self, key: &K) -> Result<bool, Error> {
        let value = self.open.get::<V>(Operation::ContainsKey, bytes_of(key))?;
        Ok(value.is_some())
    }

    /// Writes an entry, whether the key is there or not.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] when the key is not there and the map is full; an LRU
    /// map never is.
    #[inline]
    pub fn insert(&self, key: &K, value: &V) -> Result<(), Error> {
        self.open.update(Operation::Insert, Update::Any, bytes_of(key), value)
    }

    /// Writes an entry whose key is not there yet.
    ///
    /// # Errors
    ///
    /// [`Error::KeyExists`] when it is there; [`Error::Full`] as for
    /// [`insert`](Self::insert).
    pub fn insert_new(&self, key: &K, value: &V) -> Result<(), Error> {
        self.open.update(Operation::InsertNew, Update::New, bytes_of(key), value)
    }

    /// Writes an entry whose key is there.
    ///
    /// # Errors
    ///
    /// [`Error::KeyMissing`] when it is not there.
    pub fn replace(&self, key: &K, value: &V) -> Result<(), Error> {
        self.open.update(Operation::Replace, Update::Existing, bytes_of(key), value)
    }

    /// Removes an entry; `false` when the key was not there.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    #[inline]
    pub fn remove(&self, key: &K) -> Result<bool, Error> {
        self.open.remove(Operation::Remove, bytes_of(key))
    }

    /// Removes an entry and returns what was in it, in one step that nothing
    /// comes between; `None` when the key was not there.
    ///
    /// Since Linux 5.14.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn take(&self, key: &K) -> Result<Option<V>, Error> {
        self.open.take(Operation::Take, bytes_of(key))
    }
}

/// Many entries at once: a system call for all of them since Linux 5.6, and one
/// for each before.
impl<K: BpfMapKey, V: MapValue> HashMap<K, V> {
    /// Writes entries, whether their keys are there or not.
    ///
    /// # Errors
    ///
    /// - [`Error::Lengths`] when there are not as many values as keys;
    /// - [`Error::Partial`] when the kernel refused one, as when the map is full:
    ///   it says how many were written before.
    pub fn insert_batch(&self, keys: &[K], values: &[V]) -> Result<(), Error> {
        self.open.insert_all([Operation::InsertBatch, Operation::Insert], keys, values)
    }

    /// Removes entries; how many of the keys were there.
    ///
    /// # Errors
    ///
    /// [`Error::Partial`] when the kernel refused one.
    pub fn remove_batch(&self, keys: &[K]) -> Result<usize, Error> {
        self.open.remove_all(keys)
    }

    /// Removes all entries and hands them out.
    ///
    /// They are removed as the walk goes on, many at a time: one that is dropped
    /// early leaves the rest in the map, but for those that it has removed and
    /// not yet handed out.
    pub fn drain(&self) -> Drain<'_, K, V> {
        Drain::new(&self.open)
    }

    /// Removes the entries of which `keep` says `false`; how many.
    ///
    /// Others may write to an entry after it was judged; it is removed all the
    /// same.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it; nothing is removed then, or a part
    /// ([`Error::Partial`]).
    pub fn retain(&self, keep: impl FnMut(&K, &V) -> bool) -> Result<usize, Error> {
        self.open.retain(keep)
    }
}

/// What is there and what is not.
impl<K: BpfMapKey, V: MapValue> HashMap<K, V> {
    /// Those of `expected` that are not in the map.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to look.
    pub fn missing<'k>(&self, expected: &'k [K]) -> Result<Vec<&'k K>, Error> {
        // A walk costs about as much as looking up a third of the entries.
        if expected.len() < self.open.map.info().max_entries as usize / 3 {
            return self.open.absent::<K, V>(expected);
        }
        self.open.not_seen::<K, V>(expected, all_bytes)
    }

    /// The keys in the map that are not among `expected`.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to look.
    pub fn unexpected(&self, expected: &[K]) -> Result<Vec<K>, Error> {
        self.open.unexpected::<K, V>(expected, all_bytes)
    }

    /// How full the map is.
    ///
    /// The kernel keeps the number of entries since Linux 6.6, and hands it to
    /// programs only: for a map with room for 4096 entries or more one is loaded
    /// the first time, which needs `CAP_BPF`, and kept until the map is dropped.
    /// Each further call costs no more than a `get`. Elsewhere every entry is
    /// counted, in batches.
    ///
    /// On an LRU map it is approximate, and says so: such a map drops entries
    /// before it is full.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to look.
    pub fn occupancy(&self) -> Result<Occupancy, Error> {
        self.open.occupancy()
    }
}

/// Walks, which end with their first error. While others write to the map:
///
/// - Since Linux 5.6 the kernel hands out many entries at once, bucket by bucket,
///   each of which is locked. An entry that is there from the beginning to the end
///   of a walk is seen, once, and its value is one that was written, in one piece
///   where there is a lock in it or nobody writes to it in place. One that comes
///   or goes meanwhile may be seen or not, and twice only when it was removed and
///   added again. The walk ends however much is written: the buckets are as many
///   as they were.
/// - Before, the walk goes from key to key. When the key to go on from is removed,
///   the kernel begins again, and entries are seen twice. Of a preallocated map
///   an entry may become that of another key at any moment; then others are
///   skipped, or seen with the value of another key. The walk ends with an error
///   (`EAGAIN`) when it has gone further than the map can hold entries.
impl<K: BpfMapKey, V: MapValue> HashMap<K, V> {
    /// All entries, in the order of the kernel's buckets.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::new(Walk::new(&self.open))
    }

    /// All entries, copied in one go by a program in the kernel: several times
    /// faster than [`iter`](Self::iter), and for maps that are still, or for whom
    /// statistics are enough.
    ///
    /// The program does not lock the map's buckets as a walk does. While others
    /// remove entries one that stays may be missed, when it is behind a removed
    /// one in its bucket; an entry may be seen twice; and as with
    /// [`get`](Self::get), a value may be read while it makes place for another.
    /// It holds its CPU, on a kernel that does not preempt itself, for as long as
    /// it takes: about a tenth of a second for a million entries.
    ///
    /// Since Linux 5.14, with `CAP_BPF`, for values that are not [`PerCpu`] and
    /// have nothing in them that belongs to the kernel. Memory for a copy of all
    /// entries is needed twice. Where it cannot be done, or the map is small, this
    /// is what `iter` collects.
    ///
    /// [`PerCpu`]: crate::PerCpu
    ///
    /// # Errors
    ///
    /// When the kernel refuses to look.
    pub fn dump(&self) -> Result<Vec<(K, V)>, Error> {
        match self.open.dump() {
            Some(entries) => Ok(entries),
            None => self.iter().collect(),
        }
    }

    /// All keys.
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys::new(self.iter())
    }

    /// All values.
    pub fn values(&self) -> Values<'_, K, V> {
        Values::new(self.iter())
    }
}

impl<'a, K: BpfMapKey, V: MapValue> IntoIterator for &'a HashMap<K, V> {
    type Item = Result<(K, V), Error>;
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
