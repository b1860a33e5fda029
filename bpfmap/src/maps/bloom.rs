//! Bloom filters.

use std::marker::PhantomData;

use super::failure::Operation;
use super::freezing::freezing;
use super::opening::opening;
use super::{FromOpen, OpenMap, TypedMap};
use crate::Error;
use crate::layout::{BpfMapKey, Layout, bytes_of};
use crate::map_type::MapType;
use crate::sys::{Errno, Update};

/// A set that may say of a value that it is there when it is not, and never the
/// other way round: `BPF_MAP_TYPE_BLOOM_FILTER`, since Linux 5.16.
///
/// Values are compared byte by byte, so they are what can be a key. None is ever
/// removed.
pub struct BloomFilter<T> {
    open: OpenMap,
    types: PhantomData<fn(T)>,
}

impl<T: BpfMapKey> TypedMap for BloomFilter<T> {
    const NAME: &'static str = "BloomFilter";
    const MAP_TYPES: &'static [MapType] = &[MapType::BLOOM_FILTER];
    const KEY: Option<&'static Layout> = None;
    const VALUE: Option<&'static Layout> = Some(T::LAYOUT);
}

impl<T: BpfMapKey> FromOpen for BloomFilter<T> {
    fn from_open(open: OpenMap) -> Self {
        Self { open, types: PhantomData }
    }
}

opening!(BloomFilter<T: BpfMapKey>);
freezing!(BloomFilter<T>);

impl<T: BpfMapKey> BloomFilter<T> {
    /// Adds a value. It never gets full, but more and more values seem to be
    /// there.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn insert(&self, value: &T) -> Result<(), Error> {
        let answer = self.open.map.update(&[], bytes_of(value), Update::Any);
        answer.map_err(|errno| self.open.failure(Operation::Insert, errno))
    }

    /// Whether a value may be there; `false` when it was never added.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn may_contain(&self, value: &T) -> Result<bool, Error> {
        // The kernel reads it, and writes nothing.
        let mut bytes = bytes_of(value).to_vec();
        match self.open.map.lookup(&[], &mut bytes) {
            Ok(()) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(self.open.failure(Operation::MayContain, errno)),
        }
    }
}
