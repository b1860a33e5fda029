//! What can be done with many entries, in batches where the kernel has them, and
//! one by one where it does not.

use std::sync::Arc;

use super::OpenMap;
use super::failure::Operation;
use super::value::sealed::Value;
use super::walk::{Iter, Walk};
use crate::layout::{BpfMapKey, bytes_of, bytes_of_slice};
use crate::sys::{Errno, Partial, Update};
use crate::{Error, MapValue};

/// How many values are brought into the form that the kernel wants at a time.
const CHUNK: usize = 512;

impl OpenMap {
    /// Writes entries, whether their keys are there or not. `operations` are the
    /// one on many and the one on each.
    pub(super) fn insert_all<K: BpfMapKey, V: Value>(
        &self,
        operations: [Operation; 2],
        keys: &[K],
        values: &[V],
    ) -> Result<(), Error> {
        if keys.len() != values.len() {
            let (keys, values) = (keys.len(), values.len());
            return Err(Error::Lengths { map: Arc::clone(&self.label), keys, values });
        }
        values.iter().try_for_each(|value| self.check_cpus(value))?;
        let mut buffer = Vec::new();
        let mut start = 0;
        while start < keys.len() {
            let (bytes, end) = match V::bytes_of_all(&values[start..]) {
                Some(bytes) => (bytes, keys.len()),
                None => {
                    let end = keys.len().min(start + CHUNK);
                    buffer.clear();
                    values[start..end]
                        .iter()
                        .for_each(|value| value.append(self.map.value_len(), &mut buffer));
                    (buffer.as_slice(), end)
                }
            };
            let answer =
                self.map.update_batch(bytes_of_slice(&keys[start..end]), bytes, end - start);
            match answer {
                Ok(()) => start = end,
                Err(partial) if partial.is_unknown() => {
                    return self.insert_each(operations[1], keys, values, start);
                }
                Err(Partial { done, errno }) => {
                    let error = self.failure(operations[0], errno);
                    return Err(partly(start + done, keys.len(), error));
                }
            }
        }
        Ok(())
    }

    fn insert_each<K: BpfMapKey, V: Value>(
        &self,
        operation: Operation,
        keys: &[K],
        values: &[V],
        start: usize,
    ) -> Result<(), Error> {
        let rest = keys.iter().zip(values).enumerate().skip(start);
        for (index, (key, value)) in rest {
            self.update(operation, Update::Any, bytes_of(key), value)
                .map_err(|error| partly(index, keys.len(), error))?;
        }
        Ok(())
    }

    /// Removes entries; how many of the keys were there.
    pub(super) fn remove_all<K: BpfMapKey>(&self, keys: &[K]) -> Result<usize, Error> {
        let (mut start, mut removed) = (0, 0);
        while start < keys.len() {
            let rest = &keys[start..];
            match self.map.delete_batch(bytes_of_slice(rest), rest.len()) {
                Ok(()) => return Ok(removed + rest.len()),
                // It ends at a key that is not there.
                Err(Partial { done, errno: Errno(libc::ENOENT) }) => {
                    removed += done;
                    start += done + 1;
                }
                Err(partial) if partial.is_unknown() => {
                    for (index, key) in rest.iter().enumerate() {
                        let found = self.remove(Operation::Remove, bytes_of(key));
                        let done = start + index;
                        removed +=
                            usize::from(found.map_err(|error| partly(done, keys.len(), error))?);
                    }
                    return Ok(removed);
                }
                Err(Partial { done, errno }) => {
                    let error = self.failure(Operation::RemoveBatch, errno);
                    return Err(partly(start + done, keys.len(), error));
                }
            }
        }
        Ok(removed)
    }
}

impl OpenMap {
    /// Removes the entries of which `keep` says `false`; how many.
    pub(super) fn retain<K: BpfMapKey, V: MapValue>(
        &self,
        mut keep: impl FnMut(&K, &V) -> bool,
    ) -> Result<usize, Error> {
        let mut unwanted = Vec::new();
        for entry in Iter::new(Walk::new(self)) {
            let (key, value) = entry?;
            if !keep(&key, &value) {
                unwanted.push(key);
            }
        }
        self.remove_all(&unwanted)
    }
}

fn partly(done: usize, all: usize, error: Error) -> Error {
    Error::Partial { done, all, error: Box::new(error) }
}
