//! Tries of prefixes.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::census::Occupancy;
use super::failure::Operation;
use super::freezing::freezing;
use super::opening::opening;
use super::value::MapValue;
use super::walk::{Iter, Keys, Values, Walk};
use super::{FromOpen, OpenMap, TypedMap};
use crate::Error;
use crate::layout::check::address_fits;
use crate::layout::{BpfMapValue, Layout, LpmKey, bytes_of, bytes_of_mut, zeroed};
use crate::map_type::MapType;
use crate::probe::{Feature, Inconclusive, Support};
use crate::sys::{Errno, Update};

/// Values by prefix, of which the longest that fits is found:
/// `BPF_MAP_TYPE_LPM_TRIE`, since Linux 4.11.
///
/// A key is a struct that begins with the length of the prefix in bits, a `u32`
/// in the order of the host ([`LpmKey`]); the bytes behind it are compared from the first bit
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
/// routes.insert(&routes.prefix(Ipv4Addr::new(10, 0, 0, 0), 8)?, &1)?;
/// routes.insert(&routes.prefix(Ipv4Addr::new(10, 1, 0, 0), 16)?, &2)?;
/// assert_eq!(routes.longest_match_of(Ipv4Addr::new(10, 1, 2, 3))?, Some(2));
/// let key = Prefix { prefixlen: 8, addr: Ipv4Addr::new(10, 0, 0, 0).into() };
/// assert_eq!(routes.longest_match(&key)?, Some(1));
/// # Ok(())
/// # }
/// ```
///
/// An address of another kind than the key has does not compile:
///
/// ```compile_fail
/// # use bpfmap::{Be32, BpfMapKey, LpmTrie};
/// # #[derive(BpfMapKey, Clone, Copy)]
/// # #[repr(C)]
/// # struct Prefix { prefixlen: u32, addr: Be32 }
/// # fn main() -> Result<(), bpfmap::Error> {
/// let routes = LpmTrie::<Prefix, u32>::from_pin("/sys/fs/bpf/routes")?;
/// routes.longest_match_of(std::net::Ipv6Addr::LOCALHOST)?;
/// # Ok(())
/// # }
/// ```
pub struct LpmTrie<K, V> {
    open: OpenMap,
    types: PhantomData<fn(K) -> V>,
}

impl<K: LpmKey, V: BpfMapValue> TypedMap for LpmTrie<K, V> {
    const NAME: &'static str = "LpmTrie";
    const MAP_TYPES: &'static [MapType] = &[MapType::LPM_TRIE];
    const KEY: Option<&'static Layout> = Some(K::LAYOUT);
    const VALUE: Option<&'static Layout> = Some(V::LAYOUT);
}

impl<K: LpmKey, V: BpfMapValue> FromOpen for LpmTrie<K, V> {
    fn from_open(open: OpenMap) -> Self {
        Self { open, types: PhantomData }
    }
}

opening!(LpmTrie<K: LpmKey, V: BpfMapValue>);
freezing!(LpmTrie<K, V>);

/// An address, of which an [`LpmTrie`] has prefixes for keys: an [`Ipv4Addr`], an
/// [`Ipv6Addr`], or bytes, such as those of a MAC address.
///
/// Only this crate implements it.
pub trait PrefixAddress: sealed::Octets {}

mod sealed {
    /// What the kernel compares, from the first bit on.
    pub trait Octets {
        const LEN: usize;
        /// What messages call it.
        const NAME: &'static str;
        fn write(&self, to: &mut [u8]);
    }
}

impl<const N: usize> PrefixAddress for [u8; N] {}

impl<const N: usize> sealed::Octets for [u8; N] {
    const LEN: usize = N;
    const NAME: &'static str = "an array of bytes";

    fn write(&self, to: &mut [u8]) {
        to.copy_from_slice(self);
    }
}

macro_rules! addresses {
    ($($address:ty, $len:literal;)*) => {$(
        impl PrefixAddress for $address {}

        impl sealed::Octets for $address {
            const LEN: usize = $len;
            const NAME: &'static str = concat!("an `", stringify!($address), "`");

            fn write(&self, to: &mut [u8]) {
                to.copy_from_slice(&self.octets());
            }
        }
    )*};
}

addresses! {
    Ipv4Addr, 4;
    Ipv6Addr, 16;
}

/// How long the length is that a key begins with, in bytes.
const LENGTH: usize = 4;

/// How many bits of a key the kernel compares.
fn length(key: &[u8]) -> u32 {
    let mut length = [0; LENGTH];
    length.copy_from_slice(&key[..LENGTH]);
    u32::from_ne_bytes(length)
}

/// Sets the bits behind the prefix to zero, which the kernel does not compare.
fn clear_rest(key: &mut [u8]) {
    let length = length(key) as usize;
    for (index, byte) in key[LENGTH..].iter_mut().enumerate() {
        let kept = length.saturating_sub(index * 8).min(8);
        // The first `kept` bits; none and all of them are no valid shifts of a u8.
        *byte &= (0xff00_u16 >> kept) as u8;
    }
}

/// What tells a prefix from others.
fn identity<K: LpmKey>(key: &K) -> Cow<'_, [u8]> {
    let mut bytes = bytes_of(key).to_vec();
    clear_rest(&mut bytes);
    Cow::Owned(bytes)
}

/// Keys. A prefix that is longer than the key has bits is refused with
/// [`Error::PrefixTooLong`] by each operation that is given one; the kernel itself
/// would answer a lookup as if there were none.
impl<K: LpmKey, V: BpfMapValue> LpmTrie<K, V> {
    /// The key of the first `length` bits of an address. The bits behind are set
    /// to zero; the kernel does not look at them.
    ///
    /// It does not compile when the key is not a length and such an address, and
    /// padding at most.
    ///
    /// # Errors
    ///
    /// [`Error::PrefixTooLong`] when the address has not so many.
    pub fn prefix(&self, address: impl PrefixAddress, length: u32) -> Result<K, Error> {
        let mut key = key_of(&address);
        self.check_length(length, self::length(bytes_of(&key)))?;
        let bytes = bytes_of_mut(&mut key);
        bytes[..LENGTH].copy_from_slice(&length.to_ne_bytes());
        clear_rest(bytes);
        Ok(key)
    }

    /// Refuses a prefix that is longer than the key.
    fn check(&self, key: &K) -> Result<(), Error> {
        self.check_length(length(bytes_of(key)), bits(size_of::<K>() - LENGTH))
    }

    fn check_length(&self, length: u32, bits: u32) -> Result<(), Error> {
        if length <= bits {
            return Ok(());
        }
        Err(Error::PrefixTooLong { map: Arc::clone(&self.open.label), length, bits })
    }
}

/// The kernel takes no keys of more than 260 bytes.
const fn bits(bytes: usize) -> u32 {
    (bytes * 8) as u32
}

/// The key of all bits of an address.
fn key_of<K: LpmKey, A: PrefixAddress>(address: &A) -> K {
    const { address_fits(K::LAYOUT, A::NAME, A::LEN) };
    let mut key = zeroed();
    let bytes = bytes_of_mut(&mut key);
    bytes[..LENGTH].copy_from_slice(&bits(A::LEN).to_ne_bytes());
    address.write(&mut bytes[LENGTH..][..A::LEN]);
    key
}

/// Prefixes.
impl<K: LpmKey, V: BpfMapValue> LpmTrie<K, V> {
    /// The value of the longest prefix in the map that `key` begins with; `None`
    /// when there is none. Prefixes that are longer than `key` do not count: for
    /// a single address, it has all of its bits, and
    /// [`longest_match_of`](Self::longest_match_of) says it shorter.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn longest_match(&self, key: &K) -> Result<Option<V>, Error> {
        self.check(key)?;
        self.open.get(Operation::LongestMatch, bytes_of(key))
    }

    /// The value of the longest prefix in the map that an address begins with;
    /// `None` when there is none.
    ///
    /// It does not compile when the key is not a length and such an address, and
    /// padding at most.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn longest_match_of(&self, address: impl PrefixAddress) -> Result<Option<V>, Error> {
        self.longest_match(&key_of(&address))
    }

    /// Whether the very prefix is there, and not only a shorter one.
    ///
    /// The kernel looks for the longest match alone, so where there is one all
    /// prefixes are walked over.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn contains_key(&self, key: &K) -> Result<bool, Error>
    where
        V: MapValue,
    {
        self.check(key)?;
        if self.open.get::<V>(Operation::ContainsKey, bytes_of(key))?.is_none() {
            return Ok(false);
        }
        let wanted = identity(key);
        for known in self.keys() {
            if identity(&known?) == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes the value of a prefix, whether it is there or not.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] when it is not there and the map is full.
    pub fn insert(&self, key: &K, value: &V) -> Result<(), Error> {
        self.check(key)?;
        self.open.update(Operation::Insert, Update::Any, bytes_of(key), value)
    }

    /// Writes the value of a prefix that is not there yet.
    ///
    /// # Errors
    ///
    /// [`Error::KeyExists`] when it is there; [`Error::Full`] as for
    /// [`insert`](Self::insert). Where the kernel does not look whether it is
    /// there: it does since Linux 6.13, and in later builds of some older ones.
    /// That is found out with a trie of its own
    /// ([`Feature::TrieConditions`]), which takes `CAP_BPF` the first time.
    pub fn insert_new(&self, key: &K, value: &V) -> Result<(), Error> {
        self.check(key)?;
        self.conditions_count(Operation::InsertNew)?;
        self.open.update(Operation::InsertNew, Update::New, bytes_of(key), value)
    }

    /// Writes the value of a prefix that is there.
    ///
    /// # Errors
    ///
    /// [`Error::KeyMissing`] when it is not there. Where the kernel does not look
    /// whether it is there, as for [`insert_new`](Self::insert_new).
    pub fn replace(&self, key: &K, value: &V) -> Result<(), Error> {
        self.check(key)?;
        self.conditions_count(Operation::Replace)?;
        self.open.update(Operation::Replace, Update::Existing, bytes_of(key), value)
    }

    /// An older kernel takes a conditional write for any other, and its success
    /// would say what is not so.
    fn conditions_count(&self, operation: Operation) -> Result<(), Error> {
        let (errno, meaning) = match Feature::TrieConditions.probe() {
            Support::Yes => return Ok(()),
            Support::No => (
                Errno::NOTSUPP,
                "for tries this kernel does not look whether the key is there, as Linux does since \
                 6.13, and would write in any case; `insert` is what it has",
            ),
            Support::Unknown(Inconclusive { errno, .. }) => (
                errno,
                "whether this kernel looks if the key is there, which older ones do not for tries, \
                 is tried on another trie, which could not be made or written; call \
                 `Feature::TrieConditions.probe()` while the process still has CAP_BPF",
            ),
        };
        Err(self.open.refused(operation, errno, meaning))
    }

    /// Removes a prefix; `false` when it was not there, also when a shorter one
    /// is.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn remove(&self, key: &K) -> Result<bool, Error> {
        self.check(key)?;
        self.open.remove(Operation::Remove, bytes_of(key))
    }

    /// Writes prefixes: with one system call since Linux 5.6, and one for each
    /// before.
    ///
    /// # Errors
    ///
    /// As for [`HashMap::insert_batch`](crate::HashMap::insert_batch). Nothing is
    /// written when one is too long.
    pub fn insert_batch(&self, keys: &[K], values: &[V]) -> Result<(), Error> {
        keys.iter().try_for_each(|key| self.check(key))?;
        self.open.insert_all([Operation::InsertBatch, Operation::Insert], keys, values)
    }

    /// Removes prefixes; how many were there.
    ///
    /// # Errors
    ///
    /// As for [`HashMap::remove_batch`](crate::HashMap::remove_batch). Nothing is
    /// removed when one is too long.
    pub fn remove_batch(&self, keys: &[K]) -> Result<usize, Error> {
        keys.iter().try_for_each(|key| self.check(key))?;
        self.open.remove_all(keys)
    }
}

/// What is there and what is not. The kernel finds no very prefix, so each of
/// these walks.
impl<K: LpmKey, V: BpfMapValue> LpmTrie<K, V>
where
    V: MapValue,
{
    /// Those of `expected` that are not in the map.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to look.
    pub fn missing<'k>(&self, expected: &'k [K]) -> Result<Vec<&'k K>, Error> {
        expected.iter().try_for_each(|key| self.check(key))?;
        self.open.not_seen::<K, V>(expected, identity)
    }

    /// The prefixes in the map that are not among `expected`.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to look.
    pub fn unexpected(&self, expected: &[K]) -> Result<Vec<K>, Error> {
        expected.iter().try_for_each(|key| self.check(key))?;
        self.open.unexpected::<K, V>(expected, identity)
    }

    /// How full the map is. Every prefix is counted, in batches.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to look.
    pub fn occupancy(&self) -> Result<Occupancy, Error> {
        self.open.occupancy()
    }
}

/// Walks, many prefixes with each system call since Linux 5.6, one by one before.
///
/// The kernel goes on from the last prefix that it has handed out; when somebody
/// has removed that meanwhile, it begins again. So while others remove prefixes,
/// some may be seen twice. What is there from the beginning to the end of a walk
/// is seen, or the walk ends with an error: it does not hand out more prefixes
/// than the map can hold.
impl<K: LpmKey, V: BpfMapValue> LpmTrie<K, V>
where
    V: MapValue,
{
    /// All prefixes and their values, longer ones before those that they begin
    /// with.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::new(Walk::new(&self.open))
    }

    /// Removes the prefixes of which `keep` says `false`; how many.
    ///
    /// # Errors
    ///
    /// As for [`HashMap::retain`](crate::HashMap::retain).
    pub fn retain(&self, keep: impl FnMut(&K, &V) -> bool) -> Result<usize, Error> {
        self.open.retain(keep)
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
