//! The gate: a descriptor in, a typed map out, or the reason why not.

#[cfg(feature = "aya")]
mod aya;
pub(crate) mod format;
mod gate;
pub(crate) mod handle;
mod kernel;
mod options;
pub(crate) mod shared;
mod types;
mod verdict;
mod wanted;

use std::os::fd::BorrowedFd;

pub use format::{EntryFormat, SideFormat};
pub(crate) use kernel::{btf_to_show, map_btf};
pub use options::OpenOptions;
pub use types::MapTypes;
pub(crate) use types::kernel_types;
pub(crate) use wanted::Wanted;

use std::os::fd::AsFd;

use crate::sys;

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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no loader that this crate knows",
    label = "maps cannot be looked up by name here",
    note = "the feature `aya` is for aya 0.14; with another version of it, or another loader, open \
            the map by its descriptor with `from_fd`, or implement `Loader`"
)]
pub trait Loader {
    /// The descriptor of the map of that name.
    fn map_fd(&self, name: &str) -> Option<BorrowedFd<'_>>;

    /// The names of all maps, for the error when there is none of a name.
    fn map_names(&self) -> Vec<String>;

    /// Descriptors of the programs that were loaded together with the maps.
    ///
    /// They show whether a map is of the same load, or an older one that was
    /// pinned and taken over. The maps themselves show that too, if there are
    /// several, so a loader may leave this out.
    fn program_fds(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }
}

/// The BTF with which a loader's programs and its other maps came to the kernel.
/// What the kernel does not describe is left out.
#[derive(Debug, Default)]
struct Beside {
    programs: Vec<u32>,
    /// Some may be older ones, which were pinned and taken over.
    maps: Vec<u32>,
}

impl Beside {
    fn of(loader: &impl Loader, name: &str) -> Self {
        let is_some = |id: &u32| *id != 0;
        let names = loader.map_names();
        let fds =
            names.iter().filter(|other| *other != name).filter_map(|name| loader.map_fd(name));
        let maps = fds.filter_map(|fd| Some(sys::map_info(fd.as_fd()).ok()?.btf_id));
        let fds = loader.program_fds().into_iter();
        let programs = fds.filter_map(|fd| sys::program_btf_id(fd).ok());
        Self { programs: programs.filter(is_some).collect(), maps: maps.filter(is_some).collect() }
    }

    /// The BTF of the load: that of its programs, or that of its maps while no
    /// program is loaded. `None` when they do not agree, or there is nothing.
    fn btf_id(&self) -> Option<u32> {
        let ids = if self.programs.is_empty() { &self.maps } else { &self.programs };
        let first = *ids.first()?;
        ids.iter().all(|id| *id == first).then_some(first)
    }
}
