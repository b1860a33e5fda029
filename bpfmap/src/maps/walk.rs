//! Walks over all entries of a map.

use std::iter::FusedIterator;
use std::marker::PhantomData;

use super::OpenMap;
use super::failure::Operation;
use super::value::MapValue;
use crate::Error;
use crate::layout::{BpfMapKey, value_of};
use crate::map_type::MapType;
use crate::sys::{Cursor, Errno, Map};

/// How many entries are asked for at once. More do not make it faster.
const BATCH: usize = 512;

/// The bytes of one entry after the other.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    open: &'a OpenMap,
    /// Whether entries are removed on the way.
    remove: bool,
    state: State,
    keys: Vec<u8>,
    values: Vec<u8>,
    key_len: usize,
    value_len: usize,
    /// How many entries the buffers hold, and how many of them were handed out.
    count: usize,
    next: usize,
    /// How many entries were read, of all batches.
    total: usize,
}

#[derive(Debug)]
enum State {
    /// Many entries a call.
    Batch(Cursor),
    /// One key and one value a call.
    Single {
        /// The key to go on from.
        key: Option<Vec<u8>>,
        /// How many keys were handed out.
        steps: u64,
    },
    Done,
}

impl<'a> Walk<'a> {
    pub(super) fn new(open: &'a OpenMap) -> Self {
        let (keys, values) = (Vec::new(), Vec::new());
        let state = State::Batch(Cursor::Start);
        let (key_len, value_len) = (open.map.key_len(), open.map.value_len());
        Self {
            open,
            remove: false,
            state,
            keys,
            values,
            key_len,
            value_len,
            count: 0,
            next: 0,
            total: 0,
        }
    }

    /// Asks for one key and one value a call from the beginning.
    pub(super) fn by_key(open: &'a OpenMap) -> Self {
        let mut walk = Self::new(open);
        walk.one_by_one();
        walk
    }

    fn one_by_one(&mut self) {
        resize(&self.open.map, &mut self.keys, &mut self.values, 1);
        self.state = State::Single { key: None, steps: 0 };
    }

    /// Removes what it hands out.
    pub(super) fn removing(open: &'a OpenMap) -> Self {
        Self { remove: true, ..Self::new(open) }
    }

    /// The next key and value; `None` at the end.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Result<Entry<'_>, Error>> {
        if self.next == self.count
            && let Err(error) = self.refill()?
        {
            return Some(Err(error));
        }
        let index = self.next;
        self.next += 1;
        let (key, value) = (self.key_len, self.value_len);
        Some(Ok((&self.keys[index * key..][..key], &self.values[index * value..][..value])))
    }

    /// Reads entries until there is one; `None` at the end. Not inlined: most
    /// entries of a walk need none of it.
    #[inline(never)]
    fn refill(&mut self) -> Option<Result<(), Error>> {
        while self.next == self.count {
            if let Err(errno) = self.fill()? {
                let operation = match (&self.state, self.remove) {
                    (State::Single { .. }, false) => Operation::Step,
                    (State::Single { .. }, true) => Operation::DrainStep,
                    (_, false) => Operation::Iterate,
                    (_, true) => Operation::Drain,
                };
                self.state = State::Done;
                return Some(Err(self.open.failure(operation, errno)));
            }
        }
        Some(Ok(()))
    }

    /// Goes on to behind the entries that were read, or are read next; how many
    /// they are. `None` at the end.
    pub(super) fn skip_batch(&mut self) -> Option<Result<usize, Error>> {
        if let Err(error) = self.next()? {
            return Some(Err(error));
        }
        let skipped = self.count - self.next;
        self.next = self.count;
        Some(Ok(skipped + 1))
    }

    /// Reads more entries; `None` at the end.
    fn fill(&mut self) -> Option<Result<(), Errno>> {
        (self.count, self.next) = (0, 0);
        let map = &self.open.map;
        match &mut self.state {
            State::Done => None,
            State::Batch(cursor) => {
                if self.keys.is_empty() {
                    resize(map, &mut self.keys, &mut self.values, BATCH.min(capacity(map)));
                }
                let size = self.keys.len() / map.key_len();
                let (keys, values) = (&mut self.keys, &mut self.values);
                match map.lookup_batch(cursor, keys, values, size, self.remove) {
                    Ok(batch) => {
                        self.total += batch.count;
                        // As for one by one, but for those maps that the kernel
                        // walks over by bucket.
                        if self.total > capacity(map) && !is_hash(map) {
                            return Some(Err(Errno(libc::EAGAIN)));
                        }
                        self.count = batch.count.min(size);
                        if batch.done {
                            self.state = State::Done;
                        }
                    }
                    // One bucket holds more than the buffers: go on from where
                    // the walk is, with larger ones.
                    Err(Errno(libc::ENOSPC)) if size < capacity(map) => {
                        resize(
                            map,
                            &mut self.keys,
                            &mut self.values,
                            (size * 2).min(capacity(map)),
                        );
                    }
                    Err(Errno(libc::EINVAL | Errno::NOTSUPP))
                        if matches!(cursor, Cursor::Start) =>
                    {
                        self.one_by_one();
                    }
                    // Before Linux 6.14 the kernel gives up at keys that have no
                    // value: removed meanwhile, or never filled slots of an
                    // array of maps.
                    Err(Errno(libc::EINTR)) if !is_hash(map) => {
                        resize(map, &mut self.keys, &mut self.values, 1);
                        let key = match std::mem::replace(cursor, Cursor::Start) {
                            Cursor::Start => None,
                            Cursor::At(mut key) => {
                                key.truncate(map.key_len());
                                Some(key)
                            }
                        };
                        self.state = State::Single { key, steps: self.total as u64 };
                    }
                    Err(errno) => return Some(Err(errno)),
                }
                Some(Ok(()))
            }
            State::Single { key, steps } => {
                // When the key to go on from was removed, the kernel begins
                // again; without a bound that could go on for ever.
                if *steps > capacity(map) as u64 {
                    return Some(Err(Errno(libc::EAGAIN)));
                }
                *steps += 1;
                match map.next_key(key.as_deref(), &mut self.keys) {
                    Ok(()) => {}
                    Err(Errno(libc::ENOENT)) => return None,
                    Err(errno) => return Some(Err(errno)),
                }
                let answer = if self.remove {
                    remove(map, &self.keys, &mut self.values)
                } else {
                    *key = Some(self.keys.clone());
                    map.lookup(&self.keys, &mut self.values)
                };
                match answer {
                    Ok(()) => self.count = 1,
                    // Removed meanwhile.
                    Err(Errno(libc::ENOENT)) => {}
                    Err(errno) => return Some(Err(errno)),
                }
                Some(Ok(()))
            }
        }
    }
}

/// Reads a value and removes it; in two steps where the kernel has not one for
/// both, which came with Linux 5.14.
fn remove(map: &Map, key: &[u8], value: &mut [u8]) -> Result<(), Errno> {
    match map.lookup_and_delete(key, value) {
        Err(Errno(libc::EINVAL | Errno::NOTSUPP)) => {
            map.lookup(key, value)?;
            map.delete(key)
        }
        answer => answer,
    }
}

/// The bytes of a key and of its value.
pub(super) type Entry<'a> = (&'a [u8], &'a [u8]);

/// How many entries the map can hold.
fn capacity(map: &Map) -> usize {
    (map.info().max_entries as usize).max(1)
}

/// Whether the kernel walks over it by bucket, which others do not disturb.
pub(super) fn is_hash(map: &Map) -> bool {
    matches!(
        MapType::from_raw(map.info().map_type),
        MapType::HASH
            | MapType::PERCPU_HASH
            | MapType::LRU_HASH
            | MapType::LRU_PERCPU_HASH
            | MapType::HASH_OF_MAPS
    )
}

fn resize(map: &Map, keys: &mut Vec<u8>, values: &mut Vec<u8>, entries: usize) {
    keys.resize(entries * map.key_len(), 0);
    values.resize(entries * map.value_len(), 0);
}

/// All entries of a map; see [`HashMap::iter`](crate::HashMap::iter).
#[derive(Debug)]
pub struct Iter<'a, K, V> {
    walk: Walk<'a>,
    types: PhantomData<fn() -> (K, V)>,
}

impl<'a, K, V> Iter<'a, K, V> {
    pub(super) fn new(walk: Walk<'a>) -> Self {
        Self { walk, types: PhantomData }
    }
}

impl<K: BpfMapKey, V: MapValue> Iterator for Iter<'_, K, V> {
    type Item = Result<(K, V), Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.walk.next()?;
        Some(entry.map(|(key, value)| (value_of(key), V::of_bytes(value))))
    }
}

impl<K: BpfMapKey, V: MapValue> FusedIterator for Iter<'_, K, V> {}

macro_rules! projection {
    ($(#[$doc:meta])* $name:ident, $item:ident, $field:tt) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<'a, K, V>(Iter<'a, K, V>);

        impl<'a, K, V> $name<'a, K, V> {
            pub(super) fn new(iter: Iter<'a, K, V>) -> Self {
                Self(iter)
            }
        }

        impl<K: BpfMapKey, V: MapValue> Iterator for $name<'_, K, V> {
            type Item = Result<$item, Error>;

            #[inline]
            fn next(&mut self) -> Option<Self::Item> {
                Some(self.0.next()?.map(|entry| entry.$field))
            }
        }

        impl<K: BpfMapKey, V: MapValue> FusedIterator for $name<'_, K, V> {}
    };
}

projection! {
    /// All keys of a map; see [`HashMap::keys`](crate::HashMap::keys).
    Keys, K, 0
}
projection! {
    /// All values of a map; see [`HashMap::values`](crate::HashMap::values).
    Values, V, 1
}

/// All entries of a map, which are removed from it; see
/// [`HashMap::drain`](crate::HashMap::drain).
#[derive(Debug)]
pub struct Drain<'a, K, V>(Iter<'a, K, V>);

impl<'a, K, V> Drain<'a, K, V> {
    pub(super) fn new(open: &'a OpenMap) -> Self {
        Self(Iter::new(Walk::removing(open)))
    }
}

impl<K: BpfMapKey, V: MapValue> Iterator for Drain<'_, K, V> {
    type Item = Result<(K, V), Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl<K: BpfMapKey, V: MapValue> FusedIterator for Drain<'_, K, V> {}
