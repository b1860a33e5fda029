//! How a map is opened.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use super::{Loader, kernel, verdict};
use crate::Error;
use crate::error::KernelError;
use crate::map_type::MapType;
use crate::maps::{OpenMap, TypedMap};
use crate::object::{MapDefinition, Object};
use crate::sys::{self, Errno};
use crate::verification::{BtfSource, MapLabel, Unverifiable, Verification};

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
    object: Option<&'a Object<'a>>,
    name: Option<&'a str>,
    allow_sizes_only: bool,
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

    /// Whether to open a map whose fields cannot be verified when at least its
    /// sizes agree. [`Verification::SizesOnly`] then says why.
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
    /// - [`Error::UnknownMap`] when there is no map of that name;
    /// - [`Error::MapType`], [`Error::Size`], [`Error::Mismatch`] when the map
    ///   is not what `M` says;
    /// - [`Error::Unverifiable`], [`Error::OtherObject`], [`Error::Btf`] when
    ///   that cannot be told;
    /// - [`Error::Closed`], [`Error::NotAMap`] when the descriptor is not that
    ///   of a map.
    pub fn open<M: TypedMap>(&self, loader: &impl Loader, name: &str) -> Result<M, Error> {
        let label = MapLabel { name: name.into(), ..MapLabel::default() };
        let Some(fd) = loader.map_fd(name) else {
            let (name, known) = (name.into(), loader.map_names());
            return Err(Error::UnknownMap { name, place: "the loaded program", known });
        };
        match sys::duplicate(fd) {
            Ok(fd) => self.open_owned(fd, label, || super::btf_ids_beside(loader, name)),
            Err(errno) => Err(descriptor(&Arc::new(label), errno, None)),
        }
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
        match sys::open_pin(path, self.read_only) {
            Ok(fd) => self.open_owned(fd, label, Vec::new),
            Err(errno) => {
                let meaning = match errno.0 {
                    libc::ENOENT => "nothing is pinned there",
                    libc::EPERM => "this kernel lets only a process with CAP_BPF open a pin",
                    libc::EACCES => {
                        "either its permissions do not allow it (to read alone, open it with \
                         `OpenOptions::new().read_only(true)`), or it is a file that is no pin: is \
                         the path in a bpffs?"
                    }
                    libc::ENOTDIR => "a part of the path is not a directory",
                    libc::ENOSYS => "the kernel was built without CONFIG_BPF_SYSCALL",
                    _ => "",
                };
                Err(kernel_error(&Arc::new(label), "opening the pin (BPF_OBJ_GET)", errno, meaning))
            }
        }
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
        match sys::open_map_id(id, self.read_only) {
            Ok(fd) => self.open_owned(fd, label, Vec::new),
            Err(errno) => {
                let meaning = match errno.0 {
                    libc::ENOENT => "there is no map of that id",
                    libc::EPERM => {
                        "opening a map by its id needs CAP_SYS_ADMIN; open it by its pin, or from its loader"
                    }
                    libc::ENOSYS => "the kernel was built without CONFIG_BPF_SYSCALL",
                    _ => "",
                };
                let operation = "opening it by id (BPF_MAP_GET_FD_BY_ID)";
                Err(kernel_error(&Arc::new(label), operation, errno, meaning))
            }
        }
    }

    /// Opens the map of a descriptor, of which it makes its own duplicate.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn from_fd<M: TypedMap>(&self, fd: impl AsFd) -> Result<M, Error> {
        let name = self.name.unwrap_or_default().into();
        let label = MapLabel { name, ..MapLabel::default() };
        match sys::duplicate(fd.as_fd()) {
            Ok(fd) => self.open_owned(fd, label, Vec::new),
            Err(errno) => Err(descriptor(&Arc::new(label), errno, None)),
        }
    }

    /// `beside` has the ids of the BTF of what was loaded together with the map.
    fn open_owned<M: TypedMap>(
        &self,
        fd: OwnedFd,
        mut label: MapLabel,
        beside: impl FnOnce() -> Vec<u32>,
    ) -> Result<M, Error> {
        let map = match sys::Map::new(fd) {
            Ok(map) => map,
            Err((errno, fd)) => {
                let is_map = sys::is_map(fd.as_fd());
                return Err(descriptor(&Arc::new(label), errno, is_map));
            }
        };
        label.id = Some(map.info().id);
        if label.name.is_empty() {
            label.name.clone_from(&map.info().name);
        }
        let label = Arc::new(label);
        match self.verify::<M>(&map, &label, beside) {
            Ok(verification) => Ok(M::from_open(OpenMap { map, label, verification })),
            // The kernel describes a program through the same call as a map,
            // and then none of what it said was meant.
            Err(_) if sys::is_map(map.fd().as_fd()) == Some(false) => {
                let label = MapLabel { id: None, ..MapLabel::clone(&label) };
                Err(Error::NotAMap { map: Arc::new(label) })
            }
            Err(error) => Err(error),
        }
    }

    fn verify<M: TypedMap>(
        &self,
        map: &sys::Map,
        label: &Arc<MapLabel>,
        beside: impl FnOnce() -> Vec<u32>,
    ) -> Result<Verification, Error> {
        let info = map.info();
        verdict::map_type::<M>(label, MapType::from_raw(info.map_type))?;
        let reason = match kernel::map_btf(label, info)? {
            Ok(btf) => {
                let source = BtfSource::KernelMap { btf_id: info.btf_id };
                let types = [info.btf_key_type_id, info.btf_value_type_id];
                let verified = verdict::key_and_value::<M>(label, &btf, source, types)
                    .map_err(|error| self.if_stale::<M>(error, label))?;
                return verdict::sizes::<M>(label, info).map(|()| verified);
            }
            Err(reason) => reason,
        };
        let reason = match self.object {
            None => reason,
            Some(object) => match self.against_object::<M>(object, info, label, beside) {
                Err(Error::Unverifiable { reason, .. }) => reason,
                answer => return answer,
            },
        };
        verdict::sizes::<M>(label, info)?;
        if self.allow_sizes_only {
            Ok(Verification::SizesOnly { reason })
        } else {
            Err(Error::Unverifiable { map: Arc::clone(label), reason })
        }
    }

    /// Adds to a mismatch with the kernel's BTF that the object agrees: then it
    /// is the map that is out of date, and not the Rust type.
    fn if_stale<M: TypedMap>(&self, error: Error, label: &MapLabel) -> Error {
        match (error, self.object) {
            (Error::Mismatch(mismatches), Some(object)) => {
                let agrees = object.check::<M>(&label.name).is_ok();
                let note = agrees.then_some(
                    "the object that was handed in agrees with the Rust types, so the map was made by \
                     another build of the program: remove its pin and load the program again",
                );
                Error::Mismatch(Box::new(mismatches.with_note(note)))
            }
            (error, _) => error,
        }
    }

    /// Compares with the object's BTF, after the kernel and the object were
    /// found to speak of the same map.
    fn against_object<M: TypedMap>(
        &self,
        object: &Object<'_>,
        info: &sys::MapInfo,
        label: &Arc<MapLabel>,
        beside: impl FnOnce() -> Vec<u32>,
    ) -> Result<Verification, Error> {
        let definition = self.definition(object, info, label)?;
        let other = |difference| Err(Error::OtherObject { map: Arc::clone(label), difference });
        let [declared, found] = [definition.map_type, info.map_type].map(MapType::from_raw);
        if declared != found {
            return other(format!("there it is of type {declared}, in the kernel of type {found}"));
        }
        let (Some(key), Some(value)) = (definition.key, definition.value) else {
            let reason = Unverifiable::SizesInObject;
            return Err(Error::Unverifiable { map: Arc::clone(label), reason });
        };
        // Loaders hand the object's ids to the kernel as they are.
        let in_kernel = [info.btf_key_type_id, info.btf_value_type_id];
        if in_kernel != [0, 0] && in_kernel != [key, value] {
            return other(format!(
                "there its key and value are types {key} and {value}, in the kernel {} and {}",
                in_kernel[0], in_kernel[1]
            ));
        }
        let beside = beside();
        if info.btf_id != 0 && !beside.is_empty() && !beside.contains(&info.btf_id) {
            return other(format!(
                "it came to the kernel with BTF {}, the rest of the program with BTF {}, so it is an \
                 older map that was pinned; as CAP_SYS_ADMIN its own BTF could be read",
                info.btf_id, beside[0]
            ));
        }
        let sizes = [key, value].map(|id| object.btf().size_of(id));
        if let [Ok(key), Ok(value)] = sizes
            && [key, value] != [info.key_size.into(), info.value_size.into()]
        {
            return other(format!(
                "there its key and value are {key} and {value} bytes, in the kernel {} and {}",
                info.key_size, info.value_size
            ));
        }
        let verified =
            verdict::key_and_value::<M>(label, object.btf(), BtfSource::Object, [key, value])?;
        verdict::sizes::<M>(label, info)?;
        Ok(verified)
    }

    /// The map in the object that the open map is.
    fn definition<'o>(
        &self,
        object: &'o Object<'_>,
        info: &sys::MapInfo,
        label: &MapLabel,
    ) -> Result<&'o MapDefinition, Error> {
        if let Some(name) = self.name {
            return object.map(name).ok_or_else(|| object.unknown(name));
        }
        let found = object.map(&label.name).or_else(|| object.map_by_kernel_name(&info.name));
        found.ok_or_else(|| match object.unknown(&label.name) {
            Error::UnknownMap { name, known, .. } => {
                let place = "the object (`OpenOptions::name` says which of its maps is meant)";
                Error::UnknownMap { name, place, known }
            }
            other => other,
        })
    }
}

/// What it means that the kernel did not describe a descriptor.
fn descriptor(map: &Arc<MapLabel>, errno: Errno, is_map: Option<bool>) -> Error {
    match (errno.0, is_map) {
        (libc::EBADF, _) => Error::Closed { map: Arc::clone(map) },
        (_, Some(false)) => Error::NotAMap { map: Arc::clone(map) },
        _ => kernel_error(map, "describing it (BPF_OBJ_GET_INFO_BY_FD)", errno, ""),
    }
}

fn kernel_error(
    map: &Arc<MapLabel>,
    operation: &'static str,
    errno: Errno,
    meaning: &'static str,
) -> Error {
    Box::new(KernelError::new(map, operation, errno, meaning)).into()
}
