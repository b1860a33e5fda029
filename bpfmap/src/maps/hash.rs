//! Hash maps.

use std::fmt;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use super::failure::Operation;
use super::walk::{Iter, Keys, Values, Walk};
use super::{FromOpen, OpenMap, TypedMap};
use crate::Error;
use crate::layout::{BpfMapKey, BpfMapValue, Layout, bytes_of, bytes_of_mut, zeroed};
use crate::map_type::MapType;
use crate::open::{Loader, OpenOptions};
use crate::sys::{Errno, Update};
use crate::verification::Verification;

/// A hash map from `K` to `V`: `BPF_MAP_TYPE_HASH` (since Linux 3.19) and
/// `BPF_MAP_TYPE_LRU_HASH` (since 4.10), which drops the entry that was used
/// least recently when it is full.
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

impl<K: BpfMapKey, V: BpfMapValue> TypedMap for HashMap<K, V> {
    const NAME: &'static str = "HashMap";
    const MAP_TYPES: &'static [MapType] = &[MapType::HASH, MapType::LRU_HASH];
    const KEY: Option<&'static Layout> = Some(K::LAYOUT);
    const VALUE: Option<&'static Layout> = Some(V::LAYOUT);
}

impl<K: BpfMapKey, V: BpfMapValue> FromOpen for HashMap<K, V> {
    fn from_open(open: OpenMap) -> Self {
        Self { open, types: PhantomData }
    }
}

/// Opening. Each way compares every field of `K` and `V` with the BTF that the
/// kernel keeps for the map, and refuses a map that differs or cannot be
/// compared; [`OpenOptions`] has more ways and says which error means what.
// The bounds are on the functions, as the compiler then names the type that is
// not a key or a value, and not the function.
impl<K, V> HashMap<K, V> {
    /// Opens a map of a loaded program by its name.
    ///
    /// # Errors
    ///
    /// See [`OpenOptions::open`].
    pub fn open(loader: &impl Loader, name: &str) -> Result<Self, Error>
    where
        K: BpfMapKey,
        V: BpfMapValue,
    {
        OpenOptions::new().open(loader, name)
    }

    /// Opens a map that is pinned in a bpffs.
    ///
    /// # Errors
    ///
    /// See [`OpenOptions::from_pin`].
    pub fn from_pin(path: impl AsRef<Path>) -> Result<Self, Error>
    where
        K: BpfMapKey,
        V: BpfMapValue,
    {
        OpenOptions::new().from_pin(path)
    }

    /// Opens the map of that id.
    ///
    /// # Errors
    ///
    /// See [`OpenOptions::from_id`].
    pub fn from_id(id: u32) -> Result<Self, Error>
    where
        K: BpfMapKey,
        V: BpfMapValue,
    {
        OpenOptions::new().from_id(id)
    }

    /// Opens the map of a descriptor, of which it makes its own duplicate.
    ///
    /// # Errors
    ///
    /// See [`OpenOptions::from_fd`].
    pub fn from_fd(fd: impl AsFd) -> Result<Self, Error>
    where
        K: BpfMapKey,
        V: BpfMapValue,
    {
        OpenOptions::new().from_fd(fd)
    }

    /// What was verified when the map was opened.
    pub fn verification(&self) -> Verification {
        self.open.verification
    }
}

/// Entries.
///
/// Each call fails with [`Error::Kernel`] when the kernel refuses it for a
/// reason other than those named; its text says what the answer means.
impl<K: BpfMapKey, V: BpfMapValue> HashMap<K, V> {
    /// The value of a key; `None` when the key is not there.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn get(&self, key: &K) -> Result<Option<V>, Error> {
        let mut value = zeroed();
        let answer = self.open.map.lookup(bytes_of(key), bytes_of_mut(&mut value));
        self.found(Operation::Get, answer).map(|found| found.then_some(value))
    }

    /// Whether a key is there.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn contains_key(&self, key: &K) -> Result<bool, Error> {
        self.get(key).map(|value| value.is_some())
    }

    /// Writes an entry, whether the key is there or not.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] when the key is not there and the map is full; an LRU
    /// map never is.
    pub fn insert(&self, key: &K, value: &V) -> Result<(), Error> {
        self.update(Operation::Insert, Update::Any, key, value)
    }

    /// Writes an entry whose key is not there yet.
    ///
    /// # Errors
    ///
    /// [`Error::KeyExists`] when it is there; [`Error::Full`] as for
    /// [`insert`](Self::insert).
    pub fn insert_new(&self, key: &K, value: &V) -> Result<(), Error> {
        self.update(Operation::InsertNew, Update::New, key, value)
    }

    /// Writes an entry whose key is there.
    ///
    /// # Errors
    ///
    /// [`Error::KeyMissing`] when it is not there.
    pub fn replace(&self, key: &K, value: &V) -> Result<(), Error> {
        self.update(Operation::Replace, Update::Existing, key, value)
    }

    /// Removes an entry; `false` when the key was not there.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn remove(&self, key: &K) -> Result<bool, Error> {
        self.found(Operation::Remove, self.open.map.delete(bytes_of(key)))
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
        let mut value = zeroed();
        let answer = self.open.map.lookup_and_delete(bytes_of(key), bytes_of_mut(&mut value));
        self.found(Operation::Take, answer).map(|found| found.then_some(value))
    }

    fn update(
        &self,
        operation: Operation,
        update: Update,
        key: &K,
        value: &V,
    ) -> Result<(), Error> {
        let answer = self.open.map.update(bytes_of(key), bytes_of(value), update);
        answer.map_err(|errno| self.open.failure(operation, errno))
    }

    /// Makes `ENOENT` an answer.
    fn found(&self, operation: Operation, answer: Result<(), Errno>) -> Result<bool, Error> {
        match answer {
            Ok(()) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(self.open.failure(operation, errno)),
        }
    }
}

/// Walks. The kernel hands out many entries at once where it can (since Linux
/// 5.6), bucket by bucket, and one by one where it cannot.
///
/// While others write to the map, an entry that is there from the beginning to
/// the end of a walk is seen; one that comes or goes meanwhile may be seen or
/// not. A walk ends with its first error.
impl<K: BpfMapKey, V: BpfMapValue> HashMap<K, V> {
    /// All entries, in the order of the kernel's buckets.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::new(Walk::new(&self.open))
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

impl<'a, K: BpfMapKey, V: BpfMapValue> IntoIterator for &'a HashMap<K, V> {
    type Item = Result<(K, V), Error>;
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K, V> AsFd for HashMap<K, V> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.open.map.fd().as_fd()
    }
}

impl<K, V> fmt::Debug for HashMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HashMap").field(&self.open.label).field(&self.open.verification).finish()
    }
}
