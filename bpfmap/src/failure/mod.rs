//! What the kernel's answers mean: which errno, of which kind of map, to which
//! operation.
//!
//! [`table`] is all there is to read; no answer is without a meaning.

mod kind;
mod operation;
mod table;

pub(crate) use kind::Kind;
pub(crate) use operation::Operation;
pub(crate) use table::{Meaning, meaning};

use std::sync::Arc;

use crate::Error;
use crate::error::KernelError;
use crate::sys::Errno;
use crate::verification::MapLabel;

/// What went wrong before a map was open.
#[cold]
pub(crate) fn unopened(map: &Arc<MapLabel>, operation: Operation, errno: Errno) -> Error {
    match meaning(Kind::Unopened, operation, errno) {
        Meaning::Says(text) => refused(map, operation, errno, text),
        _ => Error::Closed { map: Arc::clone(map) },
    }
}

/// The kernel's answer, and what it means.
#[cold]
pub(crate) fn refused(
    map: &Arc<MapLabel>,
    operation: Operation,
    errno: Errno,
    meaning: &'static str,
) -> Error {
    Box::new(KernelError::new(map, operation.text(), errno, meaning)).into()
}
