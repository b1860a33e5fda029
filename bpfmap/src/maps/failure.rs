//! What the kernel's answer to an operation means.

use std::sync::Arc;

use super::OpenMap;
use crate::Error;
use crate::error::KernelError;
use crate::sys::Errno;

/// An operation on the entries of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Get,
    GetStorage,
    InsertStorage,
    RemoveStorage,
    InsertMap,
    MayContain,
    Set,
    Insert,
    InsertNew,
    Replace,
    Remove,
    Take,
    Iterate,
    Drain,
    InsertBatch,
    RemoveBatch,
    Push,
    PushOverOldest,
    Pop,
    Peek,
}

impl Operation {
    fn text(self) -> &'static str {
        match self {
            Self::Get => "get (BPF_MAP_LOOKUP_ELEM)",
            Self::GetStorage => "get (BPF_MAP_LOOKUP_ELEM)",
            Self::InsertStorage | Self::InsertMap => "insert (BPF_MAP_UPDATE_ELEM)",
            Self::RemoveStorage => "remove (BPF_MAP_DELETE_ELEM)",
            Self::MayContain => "may_contain (BPF_MAP_LOOKUP_ELEM)",
            Self::Set => "set (BPF_MAP_UPDATE_ELEM)",
            Self::Insert => "insert (BPF_MAP_UPDATE_ELEM)",
            Self::InsertNew => "insert_new (BPF_MAP_UPDATE_ELEM with BPF_NOEXIST)",
            Self::Replace => "replace (BPF_MAP_UPDATE_ELEM with BPF_EXIST)",
            Self::Remove => "remove (BPF_MAP_DELETE_ELEM)",
            Self::Take => "take (BPF_MAP_LOOKUP_AND_DELETE_ELEM)",
            Self::Iterate => "iteration (BPF_MAP_LOOKUP_BATCH)",
            Self::Drain => "drain (BPF_MAP_LOOKUP_AND_DELETE_BATCH)",
            Self::InsertBatch => "insert_batch (BPF_MAP_UPDATE_BATCH)",
            Self::RemoveBatch => "remove_batch (BPF_MAP_DELETE_BATCH)",
            Self::Push => "push (BPF_MAP_UPDATE_ELEM)",
            Self::PushOverOldest => "push_over_oldest (BPF_MAP_UPDATE_ELEM with BPF_EXIST)",
            Self::Pop => "pop (BPF_MAP_LOOKUP_AND_DELETE_ELEM)",
            Self::Peek => "peek (BPF_MAP_LOOKUP_ELEM)",
        }
    }

    fn writes(self) -> bool {
        !matches!(
            self,
            Self::Get | Self::GetStorage | Self::MayContain | Self::Iterate | Self::Peek
        )
    }
}

impl OpenMap {
    pub(super) fn failure(&self, operation: Operation, errno: Errno) -> Error {
        let map = Arc::clone(&self.label);
        match (operation, errno.0) {
            (Operation::InsertNew, libc::EEXIST) => return Error::KeyExists { map },
            (Operation::Replace, libc::ENOENT) => return Error::KeyMissing { map },
            (
                Operation::Insert
                | Operation::InsertBatch
                | Operation::InsertMap
                | Operation::InsertNew
                | Operation::Replace
                | Operation::Push,
                libc::E2BIG,
            ) => {
                return Error::Full { map, max_entries: self.map.info().max_entries };
            }
            // An LPM trie's answer to what is E2BIG elsewhere.
            (Operation::Insert | Operation::InsertBatch | Operation::InsertNew, libc::ENOSPC) => {
                return Error::Full { map, max_entries: self.map.info().max_entries };
            }
            // The descriptor that is the key, and not the map's.
            (
                Operation::GetStorage | Operation::InsertStorage | Operation::RemoveStorage,
                libc::EBADF,
            ) => {}
            (_, libc::EBADF) => return Error::Closed { map },
            _ => {}
        }
        let meaning = match errno.0 {
            libc::EBADF | libc::EINVAL | libc::ENOTSOCK
                if matches!(
                    operation,
                    Operation::GetStorage | Operation::InsertStorage | Operation::RemoveStorage
                ) =>
            {
                "the descriptor is not of what the map stores values for: a socket, a file, a \
                 process (a pidfd) or a cgroup"
            }
            libc::EINVAL if operation == Operation::InsertMap => {
                "the map is not like the one that the outer map was made with, in its type, its sizes or \
                 its flags"
            }
            libc::EPERM if operation.writes() && self.label.name.contains(".rodata") => {
                "loaders freeze it: set the variable before the program is loaded, with aya's \
                 `EbpfLoader::override_global`"
            }
            libc::EPERM if operation.writes() => {
                "the map is frozen or was opened read-only (BPF_F_RDONLY), or the process lacks CAP_BPF"
            }
            libc::EPERM => {
                "the map was opened write-only (BPF_F_WRONLY), or the process lacks CAP_BPF"
            }
            Errno::NOTSUPP | libc::EINVAL if operation == Operation::Take => {
                "the kernel has it for hash maps since Linux 5.14"
            }
            libc::EAGAIN if matches!(operation, Operation::Iterate | Operation::Drain) => {
                "keys were removed under the walk again and again, and this kernel has no batches, \
                 which do not mind"
            }
            libc::ENOMEM => "the kernel has no memory for the entry",
            libc::EBUSY => "the bucket is in use by a program on this CPU; try again",
            libc::ENOSYS => "the kernel was built without CONFIG_BPF_SYSCALL",
            _ => "",
        };
        Box::new(KernelError::new(&map, operation.text(), errno, meaning)).into()
    }

    /// What the kernel, or this crate in its place, refused.
    pub(super) fn refused(
        &self,
        operation: &'static str,
        errno: i32,
        meaning: &'static str,
    ) -> Error {
        Box::new(KernelError::new(&self.label, operation, Errno(errno), meaning)).into()
    }
}
