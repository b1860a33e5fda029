//! Removing the pins of maps that nobody uses.

use std::path::PathBuf;

use super::fdinfo::Descriptor;
use super::{Inventory, ObjectId, Pin, pins};
use crate::sys::Errno;

/// Why a pin was not removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpinError {
    /// What is pinned there now is not what was.
    #[error("{} is not removed: {found} is pinned there now, and no more map {expected}", path.display())]
    Changed {
        /// The pin.
        path: PathBuf,
        /// The id of the map that was pinned there.
        expected: u32,
        /// What is.
        found: String,
    },
    /// It is not the pin of a map.
    #[error("{} is not removed: it is not the pin of a map", path.display())]
    NotAMap {
        /// The pin.
        path: PathBuf,
    },
    /// It could not be opened, to see what is pinned there, or not be removed.
    #[error("{} is not removed: {error}", path.display())]
    Io {
        /// The pin.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
}

impl Inventory {
    /// Removes the pin of a map. The map goes with its last holder; what it holds is
    /// lost then.
    ///
    /// What is pinned there is looked at again before: a path at which another map
    /// is pinned by now is left alone, as is a pin of anything but a map. `false`
    /// when it was gone already.
    ///
    /// # Errors
    ///
    /// When another map is pinned there, or the kernel refuses it.
    pub fn unpin(pin: &Pin) -> Result<bool, UnpinError> {
        let path = || pin.path.clone();
        let ObjectId::Map(expected) = pin.object else {
            return Err(UnpinError::NotAMap { path: path() });
        };
        let io = |error| UnpinError::Io { path: path(), error };
        // To open it would follow a link, and to remove it would not.
        match std::fs::symlink_metadata(&pin.path) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(UnpinError::NotAMap { path: path() });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(io(error)),
            Ok(_) => {}
        }
        let found = match pins::open(&pin.path) {
            // It is open until the pin is gone, so that its id stays its own.
            Ok((_fd, Descriptor::Map(map))) if map.id == expected => {
                return match std::fs::remove_file(&pin.path) {
                    Ok(()) => Ok(true),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
                    Err(error) => Err(io(error)),
                };
            }
            Ok((_, Descriptor::Map(map))) => format!("map {}", map.id),
            Ok((_, Descriptor::Program(id))) => format!("program {id}"),
            Ok((_, Descriptor::Link(id))) => format!("link {id}"),
            Err(Errno(libc::ENOENT)) => return Ok(false),
            Err(Errno(errno)) => return Err(io(std::io::Error::from_raw_os_error(errno))),
        };
        Err(UnpinError::Changed { path: path(), expected, found })
    }
}
