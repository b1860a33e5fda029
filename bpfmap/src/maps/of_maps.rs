//! Maps of maps.

use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd};

use super::census::{Occupancy, all_bytes};
use super::failure::Operation;
use super::freezing::freezing;
use super::opening::opening;
use super::walk::{Keys, Walk};
use super::{FromOpen, Iter, OpenMap, TypedMap};
use crate::Error;
use crate::layout::{BpfMapKey, Layout, bytes_of};
use crate::map_type::MapType;
use crate::open::{OpenOptions, Wanted};
use crate::sys::Update;

/// Maps by key: `BPF_MAP_TYPE_HASH_OF_MAPS`, since Linux 4.12.
///
/// The kernel keeps no BTF for it, so the object is needed to check the key
/// ([`OpenOptions::object`]); it also says what the maps in it are, and that is
/// compared with `M`. Each of them is checked again when it is opened.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # const BYTES: &[u8] = &[];
/// use bpfmap::{HashMap, HashOfMaps, Object, OpenOptions};
///
/// let ebpf = aya::Ebpf::load(BYTES)?;
/// let object = Object::parse(BYTES)?;
/// let tenants: HashOfMaps<u32, HashMap<u32, u64>> =
///     OpenOptions::new().object(&object).open(&ebpf, "tenants")?;
/// if let Some(tenant) = tenants.get(&7)? {
///     println!("{} entries", tenant.iter().count());
/// }
/// # Ok(())
/// # }
/// ```
pub struct HashOfMaps<K, M> {
    open: OpenMap,
    types: PhantomData<fn(K) -> M>,
}

/// Maps by index: `BPF_MAP_TYPE_ARRAY_OF_MAPS`, since Linux 4.12. As
/// [`HashOfMaps`], whose keys are the indices.
pub struct ArrayOfMaps<M> {
    open: OpenMap,
    types: PhantomData<fn() -> M>,
}

impl<K: BpfMapKey, M: TypedMap> TypedMap for HashOfMaps<K, M> {
    const NAME: &'static str = "HashOfMaps";
    const MAP_TYPES: &'static [MapType] = &[MapType::HASH_OF_MAPS];
    const KEY: Option<&'static Layout> = Some(K::LAYOUT);
    const VALUE: Option<&'static Layout> = None;
}

impl<K: BpfMapKey, M: TypedMap> FromOpen for HashOfMaps<K, M> {
    const INNER: Option<fn() -> Wanted<'static>> = Some(|| Wanted::of::<M>(None));

    fn from_open(open: OpenMap) -> Self {
        Self { open, types: PhantomData }
    }
}

opening!(HashOfMaps<K: BpfMapKey, M: TypedMap>);
freezing!(HashOfMaps<K, M>);

impl<M: TypedMap> TypedMap for ArrayOfMaps<M> {
    const NAME: &'static str = "ArrayOfMaps";
    const MAP_TYPES: &'static [MapType] = &[MapType::ARRAY_OF_MAPS];
    const KEY: Option<&'static Layout> = None;
    const VALUE: Option<&'static Layout> = None;
}

impl<M: TypedMap> FromOpen for ArrayOfMaps<M> {
    const INNER: Option<fn() -> Wanted<'static>> = Some(|| Wanted::of::<M>(None));

    fn from_open(open: OpenMap) -> Self {
        Self { open, types: PhantomData }
    }
}

opening!(ArrayOfMaps<M: TypedMap>);
freezing!(ArrayOfMaps<M>);

impl OpenMap {
    /// Opens the map of a key, by its id.
    fn inner<M: TypedMap>(
        &self,
        key: &[u8],
        options: &OpenOptions<'_>,
    ) -> Result<Option<M>, Error> {
        match self.get::<u32>(Operation::Get, key)? {
            Some(id) => options.from_id(id).map(Some),
            None => Ok(None),
        }
    }

    fn insert_inner(
        &self,
        operation: Operation,
        update: Update,
        key: &[u8],
        map: &impl AsFd,
    ) -> Result<(), Error> {
        self.update(operation, update, key, &value_of(map))
    }
}

/// What the kernel takes for a map, in place of the id that it gives. Open
/// descriptors are not negative.
fn value_of(map: &impl AsFd) -> u32 {
    map.as_fd().as_raw_fd().cast_unsigned()
}

impl<K: BpfMapKey, M: TypedMap> HashOfMaps<K, M> {
    /// The map of a key; `None` when there is none. Opening it needs
    /// `CAP_SYS_ADMIN`, as user space has only its id.
    ///
    /// # Errors
    ///
    /// As for [`OpenOptions::from_id`].
    pub fn get(&self, key: &K) -> Result<Option<M>, Error> {
        self.get_with(&OpenOptions::new(), key)
    }

    /// As [`get`](Self::get), with options to open the map with.
    ///
    /// # Errors
    ///
    /// As for [`OpenOptions::from_id`].
    pub fn get_with(&self, options: &OpenOptions<'_>, key: &K) -> Result<Option<M>, Error> {
        self.open.inner(bytes_of(key), options)
    }

    /// Whether there is a map under a key. Needs no `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn contains_key(&self, key: &K) -> Result<bool, Error> {
        let id = self.open.get::<u32>(Operation::ContainsKey, bytes_of(key))?;
        Ok(id.is_some())
    }

    /// Puts a map under a key, in the place of another. It must be like the one
    /// that this map was made with in its type, sizes and flags.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] when the key is not there and the map is full;
    /// [`Error::Kernel`] when the map is not like that.
    pub fn insert(&self, key: &K, map: &M) -> Result<(), Error>
    where
        M: AsFd,
    {
        self.open.insert_inner(Operation::Insert, Update::Any, bytes_of(key), map)
    }

    /// Puts a map under a key under which there is none yet.
    ///
    /// # Errors
    ///
    /// [`Error::KeyExists`] when there is one; else as for
    /// [`insert`](Self::insert).
    pub fn insert_new(&self, key: &K, map: &M) -> Result<(), Error>
    where
        M: AsFd,
    {
        self.open.insert_inner(Operation::InsertNew, Update::New, bytes_of(key), map)
    }

    /// Puts a map in the place of the one under a key.
    ///
    /// # Errors
    ///
    /// [`Error::KeyMissing`] when there is none; else as for
    /// [`insert`](Self::insert).
    pub fn replace(&self, key: &K, map: &M) -> Result<(), Error>
    where
        M: AsFd,
    {
        self.open.insert_inner(Operation::Replace, Update::Existing, bytes_of(key), map)
    }

    /// Puts maps under keys, in the place of others: with one system call where
    /// the kernel has it for maps of maps, and one for each where it has not.
    ///
    /// # Errors
    ///
    /// As for [`HashMap::insert_batch`](crate::HashMap::insert_batch), and for
    /// [`insert`](Self::insert).
    pub fn insert_batch(&self, keys: &[K], maps: &[M]) -> Result<(), Error>
    where
        M: AsFd,
    {
        let values: Vec<_> = maps.iter().map(value_of).collect();
        self.open.insert_all([Operation::InsertBatch, Operation::Insert], keys, &values)
    }

    /// Removes keys; how many were there.
    ///
    /// # Errors
    ///
    /// As for [`HashMap::remove_batch`](crate::HashMap::remove_batch).
    pub fn remove_batch(&self, keys: &[K]) -> Result<usize, Error> {
        self.open.remove_all(keys)
    }

    /// Those of `expected` that are not in the map.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to look.
    pub fn missing<'k>(&self, expected: &'k [K]) -> Result<Vec<&'k K>, Error> {
        self.open.absent::<K, u32>(expected)
    }

    /// The keys in the map that are not among `expected`.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to look.
    pub fn unexpected(&self, expected: &[K]) -> Result<Vec<K>, Error> {
        self.open.unexpected::<K, u32>(expected, all_bytes)
    }

    /// How full the map is; counted as [`HashMap::occupancy`](crate::HashMap::occupancy)
    /// is.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to look.
    pub fn occupancy(&self) -> Result<Occupancy, Error> {
        self.open.occupancy()
    }

    /// Removes a key; `false` when it was not there. The map is gone when nobody
    /// else holds it.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn remove(&self, key: &K) -> Result<bool, Error> {
        self.open.remove(Operation::Remove, bytes_of(key))
    }

    /// All keys, with the guarantees of the walks of a
    /// [`HashMap`](crate::HashMap#method.iter).
    pub fn keys(&self) -> Keys<'_, K, u32> {
        Keys::new(Iter::new(Walk::new(&self.open)))
    }
}

impl<M: TypedMap> ArrayOfMaps<M> {
    /// How many maps there can be.
    #[expect(clippy::len_without_is_empty, reason = "the kernel makes none that is empty")]
    pub fn len(&self) -> u32 {
        self.open.map.info().max_entries
    }

    /// The map at `index`; `None` when there is none. Opening it needs
    /// `CAP_SYS_ADMIN`, as user space has only its id.
    ///
    /// # Errors
    ///
    /// As for [`OpenOptions::from_id`].
    pub fn get(&self, index: u32) -> Result<Option<M>, Error> {
        self.get_with(&OpenOptions::new(), index)
    }

    /// As [`get`](Self::get), with options to open the map with.
    ///
    /// # Errors
    ///
    /// As for [`OpenOptions::from_id`].
    pub fn get_with(&self, options: &OpenOptions<'_>, index: u32) -> Result<Option<M>, Error> {
        self.open.inner(bytes_of(&index), options)
    }

    /// Whether there is a map at `index`. Needs no `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn contains_key(&self, index: u32) -> Result<bool, Error> {
        Ok(self.open.get::<u32>(Operation::ContainsKey, bytes_of(&index))?.is_some())
    }

    /// Puts a map at `index`, in the place of another. It must be like the one
    /// that this map was made with in its type, sizes and flags.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] when it is beyond the end; [`Error::Kernel`] when the
    /// map is not like that.
    pub fn set(&self, index: u32, map: &M) -> Result<(), Error>
    where
        M: AsFd,
    {
        self.open.check_index(index)?;
        self.open.insert_inner(Operation::Set, Update::Any, bytes_of(&index), map)
    }

    /// Takes the map at `index` away; `false` when there was none.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn remove(&self, index: u32) -> Result<bool, Error> {
        self.open.remove(Operation::Remove, bytes_of(&index))
    }
}
