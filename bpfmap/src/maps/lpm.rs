//! Tries of prefixes.

use std::marker::PhantomData;

use super::failure::Operation;
use super::opening::opening;
use super::value::MapValue;
use super::walk::{Iter, Keys, Values, Walk};
use super::{FromOpen, OpenMap, TypedMap};
use crate::Error;
use crate::layout::{BpfMapKey, BpfMapValue, Kind, Layout, bytes_of};
use crate::map_type::MapType;
use crate::sys::Update;

/// Values by prefix, of which the longest that fits is found:
/// `BPF_MAP_TYPE_LPM_TRIE`, since Linux 4.11.
///
/// A key is a struct that begins with the length of the prefix in bits, a `u32`
/// in the order of the host; the bytes behind it are compared from the first bit
/// on, so they are in network order.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ebpf = aya::Ebpf::load(&[])?;
/// use std::net::Ipv4Addr;
/// use bpfmap::{Be32, BpfMapKey, LpmTrie};
///
/// #[derive(BpfMapKey, Clone, Copy)]
/// #[repr(C)]
/// struct Prefix { prefixlen: u32, addr: Be32 }
///
/// let routes = LpmTrie::<Prefix, u32>::open(&ebpf, "routes")?;
/// let of = |len, addr: [u8; 4]| Prefix { prefixlen: len, addr: Ipv4Addr::from(addr).into() };
/// routes.insert(&of(8, [10, 0, 0, 0]), &1)?;
/// routes.insert(&of(16, [10, 1, 0, 0]), &2)?;
/// assert_eq!(routes.longest_match(&of(32, [10, 1, 2, 3]))?, Some(2));
/// # Ok(())
/// # }
/// ```
pub struct LpmTrie<K, V> {
    open: OpenMap,
    types: PhantomData<fn(K) -> V>,
}

impl<K: BpfMapKey, V: BpfMapValue> LpmTrie<K, V> {
    /// What the kernel demands of a key.
    const KEY: &'static Layout = {
        let begins_with_length = match K::LAYOUT.fields() {
            [length, _, ..] => {
                length.size() == 4 && matches!(length.layout().kind(), Kind::Unsigned)
            }
            _ => false,
        };
        assert!(
            begins_with_length,
            "the key of an LpmTrie begins with the length of the prefix, a `u32`"
        );
        K::LAYOUT
    };
}

impl<K: BpfMapKey, V: BpfMapValue> TypedMap for LpmTrie<K, V> {
    const NAME: &'static str = "LpmTrie";
    const MAP_TYPES: &'static [MapType] = &[MapType::LPM_TRIE];
    const KEY: Option<&'static Layout> = Some(Self::KEY);
    const VALUE: Option<&'static Layout> = Some(V::LAYOUT);
}

impl<K: BpfMapKey, V: BpfMapValue> FromOpen for LpmTrie<K, V> {
    fn from_open(open: OpenMap) -> Self {
        Self { open, types: PhantomData }
    }
}

opening!(LpmTrie<K: BpfMapKey, V: BpfMapValue>);

/// A prefix that is longer than the key has bits is refused with `EINVAL`.
impl<K: BpfMapKey, V: BpfMapValue> LpmTrie<K, V> {
    /// The value of the longest prefix in the map that `key` begins with; `None`
    /// when there is none. For a single address, `key` has all of its bits.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn longest_match(&self, key: &K) -> Result<Option<V>, Error> {
        self.open.get(Operation::Get, bytes_of(key))
    }

    /// Writes the value of a prefix, whether it is there or not.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] when it is not there and the map is full.
    pub fn insert(&self, key: &K, value: &V) -> Result<(), Error> {
        self.open.update(Operation::Insert, Update::Any, bytes_of(key), value)
    }

    /// Writes the value of a prefix that is not there yet.
    ///
    /// # Errors
    ///
    /// [`Error::KeyExists`] when it is there; [`Error::Full`] as for
    /// [`insert`](Self::insert).
    pub fn insert_new(&self, key: &K, value: &V) -> Result<(), Error> {
        self.open.update(Operation::InsertNew, Update::New, bytes_of(key), value)
    }

    /// Writes the value of a prefix that is there.
    ///
    /// # Errors
    ///
    /// [`Error::KeyMissing`] when it is not there.
    pub fn replace(&self, key: &K, value: &V) -> Result<(), Error> {
        self.open.update(Operation::Replace, Update::Existing, bytes_of(key), value)
    }

    /// Removes a prefix; `false` when it was not there, also when a shorter one
    /// is.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn remove(&self, key: &K) -> Result<bool, Error> {
        self.open.remove(Operation::Remove, bytes_of(key))
    }

    /// Writes prefixes: with one system call since Linux 5.6, and one for each
    /// before.
    ///
    /// # Errors
    ///
    /// As for [`HashMap::insert_batch`](crate::HashMap::insert_batch).
    pub fn insert_batch(&self, keys: &[K], values: &[V]) -> Result<(), Error> {
        self.open.insert_all(keys, values)
    }

    /// Removes prefixes; how many were there.
    ///
    /// # Errors
    ///
    /// As for [`HashMap::remove_batch`](crate::HashMap::remove_batch).
    pub fn remove_batch(&self, keys: &[K]) -> Result<usize, Error> {
        self.open.remove_all(keys)
    }

    /// All prefixes and their values, longer ones before those that they begin
    /// with.
    pub fn iter(&self) -> Iter<'_, K, V>
    where
        V: MapValue,
    {
        Iter::new(Walk::new(&self.open))
    }

    /// All prefixes.
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys::new(self.iter())
    }

    /// All values.
    pub fn values(&self) -> Values<'_, K, V> {
        Values::new(self.iter())
    }
}
