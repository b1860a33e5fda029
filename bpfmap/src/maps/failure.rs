//! What the kernel's answer to an operation on a map becomes.

use std::sync::Arc;

use super::OpenMap;
use crate::Error;
use crate::failure::{Kind, Meaning, meaning, refused, refused_by_kernel};
use crate::sys::Errno;

pub(super) use crate::failure::Operation;

impl OpenMap {
    /// The error of an operation that the kernel refused. All of them are made
    /// here, where the map, its descriptor, the operation and the answer are
    /// known.
    #[cold]
    pub(super) fn failure(&self, operation: Operation, errno: Errno) -> Error {
        // A number that was closed may be that of something else by now.
        if errno.0 == libc::EINVAL
            && let Err(error @ Error::NotAMap { .. }) = self.check_alive()
        {
            return error;
        }
        let (map, info) = (Arc::clone(&self.label), self.map.info());
        match meaning(Kind::of(info), operation, errno) {
            Meaning::Closed => Error::Closed { map },
            Meaning::KeyExists => Error::KeyExists { map },
            Meaning::KeyMissing => Error::KeyMissing { map },
            Meaning::Full(advice) => Error::Full { map, max_entries: info.max_entries, advice },
            Meaning::Says(text) => refused_by_kernel(&map, &self.map, operation, errno, text),
        }
    }

    /// The error of a call that is none of `bpf(2)`.
    #[cold]
    pub(super) fn io_failure(&self, operation: Operation, error: &std::io::Error) -> Error {
        self.failure(operation, Errno(error.raw_os_error().unwrap_or(libc::EIO)))
    }

    /// What this crate refused in the kernel's place.
    pub(super) fn refused(&self, operation: Operation, errno: i32, meaning: &'static str) -> Error {
        refused(&self.label, operation, Errno(errno), meaning, None)
    }
}
