//! Descriptors of maps, by the ways to them, and what it means when there is none.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use crate::Error;
use crate::failure::{Operation, unopened};
use crate::sys::{self, Errno, Held, NotDescribed};
use crate::verification::MapLabel;

/// Opens what is pinned there.
pub(crate) fn by_pin(path: &Path, label: &MapLabel, read_only: bool) -> Result<OwnedFd, Error> {
    sys::open_pin(path, read_only).map_err(|errno| {
        let mut error = failed(label, Operation::OpenPin)(errno);
        if let (true, Error::Kernel(error)) = (read_only, &mut error) {
            error.was_to_read();
        }
        error
    })
}

/// Opens the map of that id.
pub(crate) fn by_id(id: u32, label: &MapLabel, read_only: bool) -> Result<OwnedFd, Error> {
    sys::open_id(Held::Map, id, read_only).map_err(failed(label, Operation::OpenId))
}

/// Duplicates a descriptor.
pub(crate) fn by_fd(fd: BorrowedFd<'_>, label: &MapLabel) -> Result<OwnedFd, Error> {
    sys::duplicate(fd).map_err(failed(label, Operation::Duplicate))
}

fn failed(label: &MapLabel, operation: Operation) -> impl FnOnce(Errno) -> Error {
    move |errno| unopened(&Arc::new(label.clone()), operation, errno)
}

/// Asks the kernel what map it is.
pub(crate) fn described(fd: OwnedFd, mut label: MapLabel) -> Result<(sys::Map, MapLabel), Error> {
    match sys::Map::new(fd) {
        Ok(map) => {
            label.id = Some(map.info().id);
            if label.name.is_empty() {
                label.name.clone_from(&map.info().name);
            }
            Ok((map, label))
        }
        Err((why, fd)) => {
            let is_map = sys::is_map(fd.as_fd());
            Err(not_described(&Arc::new(label), why, is_map))
        }
    }
}

/// The kernel describes a program through the same call as a map, and then none of
/// what it said was meant.
pub(crate) fn not_a_map(label: &MapLabel) -> Error {
    Error::NotAMap { map: Arc::new(MapLabel { id: None, ..label.clone() }) }
}

/// What it means that nothing is known of what a descriptor is of.
fn not_described(map: &Arc<MapLabel>, why: NotDescribed, is_map: Option<bool>) -> Error {
    match why {
        NotDescribed::Refused(errno) if errno.0 == libc::EBADF || is_map != Some(false) => {
            unopened(map, Operation::Describe, errno)
        }
        NotDescribed::Refused(_) => Error::NotAMap { map: Arc::clone(map) },
        NotDescribed::Cpus(error) => {
            let advice = "it says how many values a key has in a map with one for each CPU, and \
                          nothing else does: mount /sys, or open the map where it is";
            Error::Io { path: sys::POSSIBLE_CPUS.into(), error, advice }
        }
    }
}
