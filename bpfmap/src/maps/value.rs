//! What a map holds for a key: one value, or one for each CPU.

use std::io;

use crate::layout::{
    BpfMapValue, Layout, bytes_of, bytes_of_mut, bytes_of_slice, value_of, zeroed,
};
use crate::map_type::MapType;
use crate::sys::{POSSIBLE_CPUS, possible_cpus};

/// What a map holds for a key: a [`BpfMapValue`], or [`PerCpu`] of one.
///
/// Only this crate implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of a BPF map",
    label = "not a map value",
    note = "fixed-size integers, `Be16`, `Be32`, `Be64` and arrays of these can, and so can a \
            `#[repr(C)]` struct with `#[derive(BpfMapValue)]`; a map with a value for each CPU has \
            `PerCpu<...>` of one"
)]
pub trait MapValue: sealed::Value {}

pub(crate) mod sealed {
    use super::*;

    /// How the bytes of a value are laid out in user space. `len` is how many the
    /// kernel reads and writes.
    pub trait Value: Sized + 'static {
        /// The layout of one value.
        const LAYOUT: &'static Layout;
        /// The types of hash maps that hold it.
        const HASHES: &'static [MapType];
        /// The types of arrays that hold it.
        const ARRAYS: &'static [MapType];

        /// Has `fill` write a value's bytes, and hands out the value with its
        /// answer.
        fn filled<T>(len: usize, fill: impl FnOnce(&mut [u8]) -> T) -> (T, Self);

        /// The value whose bytes these are.
        fn of_bytes(bytes: &[u8]) -> Self;

        /// For how many CPUs there are values, and how many CPUs the kernel counts,
        /// when that differs.
        fn wrong_cpus(&self, _: usize) -> Option<(usize, usize)> {
            None
        }

        /// Adds the value's bytes to a buffer, as the kernel wants them.
        fn append(&self, len: usize, buffer: &mut Vec<u8>);

        /// The bytes of values that are in memory as the kernel wants them.
        fn bytes_of_all(_: &[Self]) -> Option<&[u8]> {
            None
        }

        /// Hands the value's bytes to `body`, as the kernel wants them.
        fn bytes<T>(&self, len: usize, body: impl FnOnce(&[u8]) -> T) -> T;
    }
}

impl<T: BpfMapValue> MapValue for T {}

impl<T: BpfMapValue> sealed::Value for T {
    const LAYOUT: &'static Layout = T::LAYOUT;
    const HASHES: &'static [MapType] = &[MapType::HASH, MapType::LRU_HASH];
    const ARRAYS: &'static [MapType] = &[MapType::ARRAY];

    #[inline]
    fn filled<A>(_: usize, fill: impl FnOnce(&mut [u8]) -> A) -> (A, Self) {
        let mut value = zeroed();
        let answer = fill(bytes_of_mut(&mut value));
        (answer, value)
    }

    #[inline]
    fn of_bytes(bytes: &[u8]) -> Self {
        value_of(bytes)
    }

    fn append(&self, _: usize, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(bytes_of(self));
    }

    fn bytes_of_all(values: &[Self]) -> Option<&[u8]> {
        Some(bytes_of_slice(values))
    }

    #[inline]
    fn bytes<A>(&self, _: usize, body: impl FnOnce(&[u8]) -> A) -> A {
        body(bytes_of(self))
    }
}

/// A value for each CPU: what maps of the per-CPU types hold for a key.
///
/// There is one for each *possible* CPU, which may be more than are online, in
/// the order of their numbers.
///
/// ```
/// use bpfmap::PerCpu;
///
/// let packets: PerCpu<u64> = [3, 0, 4].into_iter().collect();
/// assert_eq!(packets.iter().sum::<u64>(), 7);
/// assert_eq!(packets.iter().max(), Some(&4));
/// assert_eq!(packets.merge(|total, one| *total += one), 7);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PerCpu<T>(Vec<T>);

impl<T> PerCpu<T> {
    /// The same value for each possible CPU.
    ///
    /// # Errors
    ///
    /// When `/sys/devices/system/cpu/possible` does not say how many there are, or
    /// is not the kernel's own. It is never guessed.
    pub fn splat(value: T) -> io::Result<Self>
    where
        T: Clone,
    {
        let cpus = possible_cpus()
            .map_err(|error| io::Error::new(error.kind(), format!("{POSSIBLE_CPUS}: {error}")))?;
        Ok(Self(vec![value; cpus]))
    }

    /// The values, by the number of their CPU.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// The values, by the number of their CPU.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// The values, by the number of their CPU, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.0
    }

    /// All values as one: the first, into which `add` puts each of the others.
    ///
    /// # Panics
    ///
    /// When there are none; from a map there is always one.
    pub fn merge(self, mut add: impl FnMut(&mut T, T)) -> T {
        let mut values = self.0.into_iter();
        let mut total = values.next().expect("every machine has a CPU");
        values.for_each(|value| add(&mut total, value));
        total
    }
}

impl<T: Copy + std::iter::Sum<T>> PerCpu<T> {
    /// The sum of the values, as of counters.
    pub fn sum(&self) -> T {
        self.0.iter().copied().sum()
    }
}

impl<T> FromIterator<T> for PerCpu<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<T> IntoIterator for PerCpu<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a PerCpu<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// How far the values of two CPUs are apart.
const fn stride<T>() -> usize {
    size_of::<T>().next_multiple_of(8)
}

impl<T: BpfMapValue> MapValue for PerCpu<T> {}

impl<T: BpfMapValue> sealed::Value for PerCpu<T> {
    const LAYOUT: &'static Layout = T::LAYOUT;
    const HASHES: &'static [MapType] = &[MapType::PERCPU_HASH, MapType::LRU_PERCPU_HASH];
    const ARRAYS: &'static [MapType] = &[MapType::PERCPU_ARRAY];

    fn filled<A>(len: usize, fill: impl FnOnce(&mut [u8]) -> A) -> (A, Self) {
        let mut buffer = vec![0; len];
        let answer = fill(&mut buffer);
        (answer, Self::of_bytes(&buffer))
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let one = |slot: &[u8]| value_of(&slot[..size_of::<T>()]);
        Self(bytes.chunks_exact(stride::<T>().max(1)).map(one).collect())
    }

    fn wrong_cpus(&self, len: usize) -> Option<(usize, usize)> {
        let (given, possible) = (self.0.len(), len / stride::<T>().max(1));
        (given != possible).then_some((given, possible))
    }

    fn append(&self, len: usize, buffer: &mut Vec<u8>) {
        let start = buffer.len();
        buffer.resize(start + len, 0);
        let slots = buffer[start..].chunks_exact_mut(stride::<T>().max(1));
        for (slot, value) in slots.zip(&self.0) {
            slot[..size_of::<T>()].copy_from_slice(bytes_of(value));
        }
    }

    fn bytes<A>(&self, len: usize, body: impl FnOnce(&[u8]) -> A) -> A {
        let mut buffer = Vec::new();
        self.append(len, &mut buffer);
        body(&buffer)
    }
}
