//! What the kernel's answers mean: which errno, of which kind of map, to which
//! operation.
//!
//! ```text
//!  kind, operation, errno --table--> meaning --+--> Error
//!  map, thread, path, kernel --find--> cause --+
//! ```
//!
//! [`table`] is all there is to read, and no answer is without a meaning. Where a
//! meaning has several causes, [`find`] looks which it was.

mod cause;
mod find;
mod kind;
mod needs;
mod operation;
mod surroundings;
mod table;

pub use cause::Cause;
pub(crate) use kind::Kind;
pub(crate) use operation::Operation;
pub(crate) use table::{Meaning, meaning};

use std::sync::Arc;

use crate::Error;
use crate::error::KernelError;
use crate::sys::{Errno, Map};
use crate::verification::MapLabel;

/// What went wrong before a map was open.
#[cold]
pub(crate) fn unopened(map: &Arc<MapLabel>, operation: Operation, errno: Errno) -> Error {
    match meaning(Kind::Unopened, operation, errno) {
        Meaning::Says(text) => {
            let path = map.pin.as_deref().filter(|_| operation == Operation::OpenPin);
            refused(map, operation, errno, text, find::of_opening(operation, path, errno))
        }
        _ => Error::Closed { map: Arc::clone(map) },
    }
}

/// What the kernel answered to an operation on an open map, whose meaning is this
/// text.
#[cold]
pub(crate) fn refused_by_kernel(
    label: &Arc<MapLabel>,
    map: &Map,
    operation: Operation,
    errno: Errno,
    text: &'static str,
) -> Error {
    refused(label, operation, errno, text, find::of_map(map, operation, errno))
}

/// The kernel's answer, what it means, and which of its causes it has.
#[cold]
pub(crate) fn refused(
    map: &Arc<MapLabel>,
    operation: Operation,
    errno: Errno,
    meaning: &'static str,
    cause: Option<Cause>,
) -> Error {
    Box::new(KernelError::new(map, operation.text(), errno, meaning, cause)).into()
}
