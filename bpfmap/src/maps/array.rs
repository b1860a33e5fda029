//! Arrays.

use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::sync::Arc;

use aya_obj::generated::BPF_F_MMAPABLE;

use super::census::{Countable, Occupancy};
use super::failure::Operation;
use super::freezing::freezing;
use super::opening::opening;
use super::value::MapValue;
use super::walk::{Iter, Walk};
use super::{FromOpen, OpenMap, TypedMap};
use crate::Error;
use crate::layout::{BpfMapValue, Layout, bytes_of, bytes_of_mut, zeroed};
use crate::map_type::MapType;
use crate::sys::{SharedWords, Update};

/// An array of `V`: `BPF_MAP_TYPE_ARRAY` (since Linux 3.19); with
/// [`PerCpu<V>`](crate::PerCpu) for values `BPF_MAP_TYPE_PERCPU_ARRAY` (since
/// 4.6).
///
/// All of its elements are always there, zero in the beginning. A value that has
/// a [`SpinLock`](crate::SpinLock) is read and written under it (`BPF_F_LOCK`,
/// since 5.1).
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ebpf = aya::Ebpf::load(&[])?;
/// use bpfmap::{Array, PerCpu};
///
/// let totals = Array::<PerCpu<u64>>::open(&ebpf, "totals")?;
/// for total in totals.iter() {
///     println!("{}", total?.sum());
/// }
/// # Ok(())
/// # }
/// ```
pub struct Array<V> {
    open: OpenMap,
    types: PhantomData<fn(V) -> V>,
}

impl<V: MapValue> TypedMap for Array<V> {
    const NAME: &'static str = "Array";
    const MAP_TYPES: &'static [MapType] = V::ARRAYS;
    const KEY: Option<&'static Layout> = None;
    const VALUE: Option<&'static Layout> = Some(V::LAYOUT);
}

impl<V: MapValue> FromOpen for Array<V> {
    fn from_open(open: OpenMap) -> Self {
        Self { open: open.with_lock_of(V::LAYOUT), types: PhantomData }
    }
}

opening!(Array<V: MapValue>);
freezing!(Array<V>);

impl<V: MapValue> Array<V> {
    /// How many elements it has.
    #[expect(clippy::len_without_is_empty, reason = "the kernel makes none that is empty")]
    pub fn len(&self) -> u32 {
        self.open.map.info().max_entries
    }

    /// Does not compile, and says why: an array is always full.
    ///
    /// # Errors
    ///
    /// None, as it cannot be called.
    pub fn occupancy(&self) -> Result<Occupancy, Error>
    where
        Self: Countable,
    {
        self.open.occupancy()
    }

    /// The element at `index`; `None` when that is beyond the end.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn get(&self, index: u32) -> Result<Option<V>, Error> {
        self.open.get(Operation::Get, bytes_of(&index))
    }

    /// Writes the element at `index`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] when it is beyond the end.
    pub fn set(&self, index: u32, value: &V) -> Result<(), Error> {
        self.open.check_index(index)?;
        self.open.update(Operation::Set, Update::Any, bytes_of(&index), value)
    }

    /// Writes elements from `start` on: with one system call for all of them
    /// since Linux 5.6.
    ///
    /// # Errors
    ///
    /// - [`Error::OutOfRange`] when one is beyond the end; nothing is written then;
    /// - [`Error::Partial`] when the kernel refused one.
    pub fn set_batch(&self, start: u32, values: &[V]) -> Result<(), Error> {
        let Some(last) = values.len().checked_sub(1) else { return Ok(()) };
        let last = u32::try_from(last).unwrap_or(u32::MAX).saturating_add(start);
        self.open.check_index(last)?;
        let keys: Vec<u32> = (start..=last).collect();
        self.open.insert_all([Operation::SetBatch, Operation::Set], &keys, values)
    }

    /// All elements, from the first to the last, many with each system call since
    /// Linux 5.6. Each is as it is when it is read, and one that others write to
    /// meanwhile may be seen in part, unless there is a lock in it.
    pub fn iter(&self) -> Elements<'_, V> {
        Elements(Iter::new(Walk::new(&self.open)))
    }
}

impl<V: BpfMapValue> Array<V> {
    /// Maps the array into memory, where its elements are read and written
    /// without a system call.
    ///
    /// Since Linux 5.5, for an array that was made with `BPF_F_MMAPABLE`.
    ///
    /// # Errors
    ///
    /// [`Error::Kernel`] when it was not, or the kernel refuses it.
    pub fn map_memory(&self) -> Result<MappedArray<V>, Error> {
        let info = self.open.map.info();
        if info.map_flags & BPF_F_MMAPABLE == 0 {
            return Err(self.open.refused(
                Operation::MapMemory,
                libc::EINVAL,
                "it was not made with BPF_F_MMAPABLE: write `__uint(map_flags, BPF_F_MMAPABLE)` where it \
                 is declared",
            ));
        }
        let words = (info.max_entries as usize).saturating_mul(words_of::<V>());
        let words = SharedWords::map(self.open.map.fd().as_fd(), words)
            .map_err(|error| self.open.io_failure(Operation::MapMemory, &error))?;
        Ok(MappedArray {
            words,
            len: info.max_entries,
            open: Arc::clone(&self.open.label),
            types: PhantomData,
        })
    }
}

impl<'a, V: MapValue> IntoIterator for &'a Array<V> {
    type Item = Result<V, Error>;
    type IntoIter = Elements<'a, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// All elements of an array; see [`Array::iter`].
#[derive(Debug)]
pub struct Elements<'a, V>(Iter<'a, u32, V>);

impl<V: MapValue> Iterator for Elements<'_, V> {
    type Item = Result<V, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map(|(_, value)| value))
    }
}

impl<V: MapValue> FusedIterator for Elements<'_, V> {}

/// How many words an element takes.
const fn words_of<V>() -> usize {
    size_of::<V>().div_ceil(8)
}

/// An array in memory; see [`Array::map_memory`].
///
/// Programs and other processes write to it at any time. Each word of 8 bytes is
/// read and written as one; a value of more words may be seen in part, as it may
/// by a program.
pub struct MappedArray<V> {
    words: SharedWords,
    len: u32,
    open: Arc<crate::MapLabel>,
    types: PhantomData<fn(V) -> V>,
}

impl<V: BpfMapValue> MappedArray<V> {
    /// How many elements it has.
    #[expect(clippy::len_without_is_empty, reason = "the kernel makes none that is empty")]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether it can be written to: not when the array is frozen or was opened
    /// for reading alone.
    pub fn is_writable(&self) -> bool {
        self.words.is_writable()
    }

    /// The element at `index`; `None` when that is beyond the end.
    #[inline]
    pub fn get(&self, index: u32) -> Option<V> {
        if index >= self.len {
            return None;
        }
        let mut value = zeroed();
        self.words.read(index as usize * words_of::<V>(), bytes_of_mut(&mut value));
        Some(value)
    }

    /// Writes the element at `index`.
    ///
    /// # Errors
    ///
    /// - [`Error::OutOfRange`] when it is beyond the end;
    /// - [`Error::ReadOnlyMemory`] when it is not writable.
    #[inline]
    pub fn set(&self, index: u32, value: &V) -> Result<(), Error> {
        let map = || Arc::clone(&self.open);
        if index >= self.len {
            return Err(Error::OutOfRange { map: map(), index, len: self.len });
        }
        if !self.is_writable() {
            return Err(Error::ReadOnlyMemory { map: map() });
        }
        self.words.write(index as usize * words_of::<V>(), bytes_of(value));
        Ok(())
    }

    /// All elements, from the first to the last.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = V> + '_ {
        (0..self.len as usize).map(|index| {
            let mut value = zeroed();
            self.words.read(index * words_of::<V>(), bytes_of_mut(&mut value));
            value
        })
    }
}

impl<V> std::fmt::Debug for MappedArray<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MappedArray").field("map", &self.open).field("len", &self.len).finish()
    }
}
