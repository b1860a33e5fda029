//! How a map is opened.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use super::gate::Gate;
use super::handle;
use super::verdict::Passed;
use super::wanted::Wanted;
use super::{Beside, Loader};
use crate::Error;
use crate::error::LOADER;
use crate::maps::{Counter, OpenMap, TypedMap};
use crate::object::Object;
use crate::sys;
use crate::verification::MapLabel;

/// How to open a map, in the manner of [`std::fs::OpenOptions`].
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bpfmap::{HashMap, Object, OpenOptions};
///
/// # const BYTES: &[u8] = &[];
/// let ebpf = aya::Ebpf::load(BYTES)?;
/// let object = Object::parse(BYTES)?;
/// let counts: HashMap<u32, u64> =
///     OpenOptions::new().object(&object).open(&ebpf, "counts")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions<'a> {
    pub(crate) object: Option<&'a Object<'a>>,
    pub(crate) name: Option<&'a str>,
    pub(super) types: Option<[&'a str; 2]>,
    variable: Option<&'a str>,
    pub(super) event: Option<&'a str>,
    pub(super) allow_sizes_only: bool,
    read_only: bool,
}

impl<'a> OpenOptions<'a> {
    /// Options that demand that every field is verified, by the BTF that the
    /// kernel keeps for the map.
    pub fn new() -> Self {
        Self::default()
    }

    /// The object from which the map was loaded. Its BTF is used when the
    /// kernel has none for the map, or when this process may not read it.
    ///
    /// That the map was made from this object is then taken on trust, as far as
    /// it does not show: the type of the map, the sizes, the ids of the types
    /// and, for a map of a loader, the BTF that the rest of the program was
    /// loaded with must agree. An earlier build of the object, whose map was
    /// pinned, may agree in all of that and have its fields in another order;
    /// only the kernel's BTF tells the two apart.
    pub fn object(self, object: &'a Object<'a>) -> Self {
        Self { object: Some(object), ..self }
    }

    /// The name of the map in the object, for a map that is opened by its pin,
    /// id or descriptor. Without it that is the pin's file name or the name
    /// that the kernel keeps.
    pub fn name(self, name: &'a str) -> Self {
        Self { name: Some(name), ..self }
    }

    /// The names of the types of key and value, for a map that was declared
    /// without them: legacy `SEC("maps")`, and aya-ebpf's `#[map]`. The types
    /// are looked up in the [`object`](Self::object), or else in the BTF with
    /// which the loader's programs were loaded (reading that needs
    /// `CAP_SYS_ADMIN`).
    ///
    /// It is not used for a map of which the kernel or the object knows the
    /// types.
    pub fn types(self, key: &'a str, value: &'a str) -> Self {
        Self { types: Some([key, value]), ..self }
    }

    /// The name of the one global variable that is meant of a section, for
    /// [`Globals`](crate::Globals); other maps do not look at it.
    pub fn variable(self, name: &'a str) -> Self {
        Self { variable: Some(name), ..self }
    }

    /// The name of the type of the program that the events of a
    /// [`RingBuf`](crate::RingBuf) are of; other maps do not look at it.
    pub fn event(self, name: &'a str) -> Self {
        Self { event: Some(name), ..self }
    }

    /// Whether to open a map whose fields cannot be verified when at least its
    /// sizes agree. [`Verification::SizesOnly`](crate::Verification::SizesOnly) then says why.
    ///
    /// It never opens a map that was compared and found to differ.
    pub fn allow_sizes_only(self, allow: bool) -> Self {
        Self { allow_sizes_only: allow, ..self }
    }

    /// Whether to open a pin, or a map by its id, for reading only
    /// (`BPF_F_RDONLY`). That is all that a pin without write permission
    /// allows. Every operation that writes then fails.
    ///
    /// A descriptor of a loader, or one that is handed in, stays what it is.
    pub fn read_only(self, read_only: bool) -> Self {
        Self { read_only, ..self }
    }

    /// Opens a map of a loaded program by its name.
    ///
    /// # Errors
    ///
    /// - [`Error::UnknownMap`] when there is no map of that name, or it was taken out
    ///   of the loader: then [`from_fd`](Self::from_fd) opens it;
    /// - [`Error::MapType`], [`Error::Size`], [`Error::Mismatch`] when the map
    ///   is not what `M` says;
    /// - [`Error::NotASection`], [`Error::UnknownVariable`] when there are no
    ///   such global variables;
    /// - [`Error::Unverifiable`], [`Error::OtherObject`], [`Error::Btf`] when
    ///   that cannot be told;
    /// - [`Error::Closed`], [`Error::NotAMap`] when the descriptor is not that
    ///   of a map.
    pub fn open<M: TypedMap>(&self, loader: &impl Loader, name: &str) -> Result<M, Error> {
        let label = MapLabel { name: name.into(), ..MapLabel::default() };
        let Some(fd) = loader.map_fd(name) else {
            let (name, known) = (name.into(), loader.map_names());
            return Err(Error::UnknownMap { name, place: LOADER, known });
        };
        let fd = handle::by_fd(fd, &label)?;
        self.open_owned(fd, label, Some(&|| Beside::of(loader, name)))
    }

    /// Opens a map that is pinned in a bpffs.
    ///
    /// Since Linux 4.4. Needs access to the file; older kernels demand `CAP_BPF`
    /// as well where unprivileged BPF is disabled. To read the map's BTF it
    /// needs `CAP_SYS_ADMIN`, or an [`object`](Self::object).
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open); [`Error::Kernel`] when the pin cannot be
    /// opened.
    pub fn from_pin<M: TypedMap>(&self, path: impl AsRef<Path>) -> Result<M, Error> {
        let path = path.as_ref();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let label = MapLabel {
            name: self.name.map(str::to_owned).or(name).unwrap_or_default(),
            pin: Some(path.into()),
            ..MapLabel::default()
        };
        self.open_owned(handle::by_pin(path, &label, self.read_only)?, label, None)
    }

    /// Opens the map of that id, as `bpftool map` shows it.
    ///
    /// Since Linux 4.13. Needs `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open); [`Error::Kernel`] when there is no map of
    /// that id or the process may not open it.
    pub fn from_id<M: TypedMap>(&self, id: u32) -> Result<M, Error> {
        let name = self.name.unwrap_or_default().into();
        let label = MapLabel { name, id: Some(id), ..MapLabel::default() };
        self.open_owned(handle::by_id(id, &label, self.read_only)?, label, None)
    }

    /// Opens the map of a descriptor, of which it makes its own duplicate.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn from_fd<M: TypedMap>(&self, fd: impl AsFd) -> Result<M, Error> {
        let name = self.name.unwrap_or_default().into();
        let label = MapLabel { name, ..MapLabel::default() };
        self.open_owned(handle::by_fd(fd.as_fd(), &label)?, label, None)
    }

    /// `beside` has the BTF of what was loaded together with the map, for one of a
    /// loader.
    fn open_owned<M: TypedMap>(
        &self,
        fd: OwnedFd,
        label: MapLabel,
        beside: Option<&dyn Fn() -> Beside>,
    ) -> Result<M, Error> {
        self.pass(fd, label, &Wanted::of::<M>(self.variable), beside).map(M::from_open)
    }

    fn pass(
        &self,
        fd: OwnedFd,
        label: MapLabel,
        wanted: &Wanted<'_>,
        beside: Option<&dyn Fn() -> Beside>,
    ) -> Result<OpenMap, Error> {
        let (map, label) = handle::described(fd, label)?;
        let label = Arc::new(label);
        let gate = Gate { options: self, wanted, info: map.info(), label: &label, beside };
        match gate.verify() {
            Ok(Passed { verification, at, btf }) => {
                // Within the value, whose length is a `usize`.
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                let counter = Counter::default();
                Ok(OpenMap { btf, map, label, verification, at, counter })
            }
            // Asked last, as it is a call more.
            Err(_) if sys::is_map(map.fd().as_fd()) == Some(false) => {
                Err(handle::not_a_map(&label))
            }
            Err(error) => Err(error),
        }
    }
}
