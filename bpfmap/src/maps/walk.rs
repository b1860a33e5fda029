//! Walks over all entries of a map.

use std::iter::FusedIterator;
use std::marker::PhantomData;

use super::OpenMap;
use super::failure::Operation;
use crate::Error;
use crate::layout::{BpfMapKey, BpfMapValue, from_bytes};
use crate::sys::{Cursor, Errno, Map};

/// How many entries are asked for at once. More do not make it faster.
const BATCH: usize = 512;

/// The bytes of one entry after the other.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    open: &'a OpenMap,
    state: State,
    keys: Vec<u8>,
    values: Vec<u8>,
    /// How many entries the buffers hold, and how many of them were handed out.
    count: usize,
    next: usize,
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
        Self { open, state: State::Batch(Cursor::Start), keys, values, count: 0, next: 0 }
    }

    /// The next key and value; `None` at the end.
    fn next(&mut self) -> Option<Result<Entry<'_>, Error>> {
        while self.next == self.count {
            if let Err(errno) = self.fill()? {
                self.state = State::Done;
                return Some(Err(self.open.failure(Operation::Iterate, errno)));
            }
        }
        let index = self.next;
        self.next += 1;
        let (key, value) = (self.open.map.key_len(), self.open.map.value_len());
        Some(Ok((&self.keys[index * key..][..key], &self.values[index * value..][..value])))
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
                match map.lookup_batch(cursor, &mut self.keys, &mut self.values, size) {
                    Ok(batch) => {
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
                        resize(map, &mut self.keys, &mut self.values, 1);
                        self.state = State::Single { key: None, steps: 0 };
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
                *key = Some(self.keys.clone());
                match map.lookup(&self.keys, &mut self.values) {
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

/// The bytes of a key and of its value.
type Entry<'a> = (&'a [u8], &'a [u8]);

/// How many entries the map can hold.
fn capacity(map: &Map) -> usize {
    (map.info().max_entries as usize).max(1)
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

impl<K: BpfMapKey, V: BpfMapValue> Iterator for Iter<'_, K, V> {
    type Item = Result<(K, V), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.walk.next()?;
        Some(entry.map(|(key, value)| (from_bytes(key), from_bytes(value))))
    }
}

impl<K: BpfMapKey, V: BpfMapValue> FusedIterator for Iter<'_, K, V> {}

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

        impl<K: BpfMapKey, V: BpfMapValue> Iterator for $name<'_, K, V> {
            type Item = Result<$item, Error>;

            fn next(&mut self) -> Option<Self::Item> {
                Some(self.0.next()?.map(|entry| entry.$field))
            }
        }

        impl<K: BpfMapKey, V: BpfMapValue> FusedIterator for $name<'_, K, V> {}
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
