//! The gate: a descriptor in, a typed map out, or the reason why not.

#[cfg(feature = "aya")]
mod aya;
mod kernel;
mod options;
mod verdict;

use std::os::fd::BorrowedFd;

pub use options::OpenOptions;

/// What holds maps by their names once a program is loaded: `aya::Ebpf`, or
/// another loader's counterpart.
///
/// ```
/// use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
///
/// /// Maps that another process sent over a socket.
/// struct Received(Vec<(String, OwnedFd)>);
///
/// impl bpfmap::Loader for Received {
///     fn map_fd(&self, name: &str) -> Option<BorrowedFd<'_>> {
///         self.0.iter().find(|(known, _)| known == name).map(|(_, fd)| fd.as_fd())
///     }
///
///     fn map_names(&self) -> Vec<String> {
///         self.0.iter().map(|(name, _)| name.clone()).collect()
///     }
/// }
/// ```
pub trait Loader {
    /// The descriptor of the map of that name.
    fn map_fd(&self, name: &str) -> Option<BorrowedFd<'_>>;

    /// The names of all maps, for the error when there is none of a name.
    fn map_names(&self) -> Vec<String>;
}
