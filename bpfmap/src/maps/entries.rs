//! What can be done with an entry, on bytes.

use std::os::fd::AsFd;
use std::sync::Arc;

use super::OpenMap;
use super::failure::Operation;
use super::value::sealed::Value;
use crate::Error;
use crate::layout::{Field, Kind, Layout};
use crate::sys::{self, Errno, Update};
use crate::verification::Verification;

impl OpenMap {
    /// Reads and writes values under the spin lock in them, where they have one.
    pub(super) fn with_lock_of(mut self, value: &Layout) -> Self {
        let is_lock = |field: &Field| {
            matches!(field.layout().kind(), Kind::KernelOwned { c_name: "bpf_spin_lock" })
        };
        let is_verified = matches!(self.verification, Verification::Verified { .. });
        if is_verified && value.fields().iter().any(is_lock) {
            self.map.use_lock();
        }
        self
    }

    /// Reads a value; `None` when the key is not there.
    #[inline]
    pub(super) fn get<V: Value>(
        &self,
        operation: Operation,
        key: &[u8],
    ) -> Result<Option<V>, Error> {
        let (answer, value) = V::filled(self.map.value_len(), |value| self.map.lookup(key, value));
        self.found(operation, answer).map(|found| found.then_some(value))
    }

    /// Reads a value and removes it; `None` when the key is not there.
    pub(super) fn take<V: Value>(
        &self,
        operation: Operation,
        key: &[u8],
    ) -> Result<Option<V>, Error> {
        let (answer, value) =
            V::filled(self.map.value_len(), |value| self.map.lookup_and_delete(key, value));
        self.found(operation, answer).map(|found| found.then_some(value))
    }

    #[inline]
    pub(super) fn update<V: Value>(
        &self,
        operation: Operation,
        update: Update,
        key: &[u8],
        value: &V,
    ) -> Result<(), Error> {
        self.check_cpus(value)?;
        let answer = value.bytes(self.map.value_len(), |value| self.map.update(key, value, update));
        answer.map_err(|errno| self.failure(operation, errno))
    }

    /// Removes an entry; `false` when the key was not there.
    #[inline]
    pub(super) fn remove(&self, operation: Operation, key: &[u8]) -> Result<bool, Error> {
        self.found(operation, self.map.delete(key))
    }

    /// Refuses values for another number of CPUs than the kernel counts.
    #[inline]
    pub(super) fn check_cpus<V: Value>(&self, value: &V) -> Result<(), Error> {
        match value.wrong_cpus(self.map.value_len()) {
            None => Ok(()),
            Some((given, possible)) => {
                Err(Error::Cpus { map: Arc::clone(&self.label), given, possible })
            }
        }
    }

    /// Refuses an index beyond the end of an array.
    #[inline]
    pub(super) fn check_index(&self, index: u32) -> Result<(), Error> {
        let len = self.map.info().max_entries;
        if index < len {
            return Ok(());
        }
        Err(Error::OutOfRange { map: Arc::clone(&self.label), index, len })
    }

    /// Makes `ENOENT` an answer.
    #[inline]
    fn found(&self, operation: Operation, answer: Result<(), Errno>) -> Result<bool, Error> {
        match answer {
            Ok(()) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(self.failure(operation, errno)),
        }
    }

    /// Keeps user space from writing to the map.
    pub(super) fn freeze(&self) -> Result<(), Error> {
        sys::freeze(self.map.fd().as_fd()).map_err(|errno| self.failure(Operation::Freeze, errno))
    }

    /// Whether the descriptor is still that of the map.
    pub(crate) fn check_alive(&self) -> Result<(), Error> {
        let fd = self.map.fd().as_fd();
        let map = Arc::clone(&self.label);
        match sys::map_info(fd) {
            // A program is described through the same call.
            Ok(_) if sys::is_map(fd) == Some(false) => Err(Error::NotAMap { map }),
            Ok(info) if info.id == self.map.info().id => Ok(()),
            Ok(info) => Err(Error::OtherMap { map, name: info.name, id: info.id }),
            Err(Errno(libc::EINVAL)) => Err(Error::NotAMap { map }),
            Err(errno) => Err(self.failure(Operation::Describe, errno)),
        }
    }
}
