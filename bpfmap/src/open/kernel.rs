//! BTF that the kernel holds.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use super::shared::{self, SharedBtf};
use crate::Error;
use crate::btf::{Btf, BtfError};
use crate::failure::{Operation, unopened};
use crate::map_type::MapType;
use crate::sys::{self, Errno, Held, MapInfo, Mapping};
use crate::verification::{BtfSource, MapLabel, Subject, Unverifiable};

/// The BTF that the kernel keeps for a map, which is open.
pub(crate) fn map_btf(map: &Arc<MapLabel>, info: &MapInfo) -> Result<Arc<SharedBtf>, Error> {
    let btf_id = info.btf_id;
    if btf_id != 0 && (info.btf_key_type_id != 0 || info.btf_value_type_id != 0) {
        if let Some(btf) = shared::find(btf_id) {
            return Ok(btf);
        }
        let btf = btf_by_id(map, btf_id, BtfSource::KernelMap { btf_id })?;
        return Ok(shared::share(btf_id, btf));
    }
    let map_type = MapType::from_raw(info.map_type);
    let reason = match map_type.takes_btf() {
        true => Unverifiable::NoBtf,
        false => Unverifiable::NoBtfForType { map_type },
    };
    Err(unverifiable(map, reason))
}

pub(super) fn unverifiable(map: &Arc<MapLabel>, reason: Unverifiable) -> Error {
    Error::Unverifiable { map: Arc::clone(map), reason }
}

/// The BTF of an id, which is to be compared with the map.
pub(super) fn btf_by_id(
    map: &Arc<MapLabel>,
    btf_id: u32,
    source: BtfSource,
) -> Result<Btf<'static>, Error> {
    let fd = sys::open_id(Held::Btf, btf_id, false).map_err(|errno| match errno {
        Errno(libc::EPERM) => unverifiable(map, Unverifiable::NotPermitted { btf_id }),
        errno => unopened(map, Operation::OpenBtf, errno),
    })?;
    let bytes =
        sys::btf_bytes(fd.as_fd()).map_err(|errno| unopened(map, Operation::ReadBtf, errno))?;
    Btf::parse(bytes).map_err(|error| Error::Btf {
        subject: Box::new(Subject::Map(MapLabel::clone(map))),
        source_of_btf: source,
        error,
    })
}

/// The BTF of an id, for who only wants to show it; `None` when it cannot be read.
pub(crate) fn btf_to_show(btf_id: u32) -> Option<Btf<'static>> {
    let fd = sys::open_id(Held::Btf, btf_id, false).ok()?;
    Btf::parse(sys::btf_bytes(fd.as_fd()).ok()?).ok()
}

/// Where the kernel shows its own types, since Linux 5.4.
const KERNEL_BTF: &str = "/sys/kernel/btf";

impl Btf<'static> {
    /// The types of the running kernel, from `/sys/kernel/btf/vmlinux`.
    ///
    /// There since Linux 5.4, when it was built with `CONFIG_DEBUG_INFO_BTF`.
    /// Needs no privilege.
    ///
    /// # Errors
    ///
    /// When the file is not there or cannot be read as BTF.
    pub fn vmlinux() -> Result<Self, Error> {
        let advice = "the kernel must be built with CONFIG_DEBUG_INFO_BTF=y, and /sys be mounted";
        let path = Path::new(KERNEL_BTF).join("vmlinux");
        let open = || -> Result<_, io::Error> {
            let file = File::open(&path)?;
            // Older kernels do not let it be mapped.
            Ok(match Mapping::of(&file) {
                Ok(mapping) => Btf::parse_mapped(mapping),
                Err(_) => Btf::parse(std::fs::read(&path)?),
            })
        };
        let btf = open().map_err(|error| Error::Io { path: path.clone(), error, advice })?;
        btf.map(|btf| btf.with_source(BtfSource::Vmlinux)).map_err(|error| unreadable(&path, error))
    }
}

impl<'a> Btf<'a> {
    /// The types of a module that is loaded, from `/sys/kernel/btf`, which go on
    /// from those of the kernel itself.
    ///
    /// There since Linux 5.11. Needs no privilege.
    ///
    /// # Errors
    ///
    /// When there is no such file or it cannot be read as BTF.
    pub fn module(name: &str, vmlinux: &'a Self) -> Result<Self, Error> {
        let advice =
            "a module has BTF when it is loaded and was built with CONFIG_DEBUG_INFO_BTF_MODULES=y";
        // A name, and not a path to elsewhere.
        let file = Path::new(name).file_name().unwrap_or_default();
        let path = Path::new(KERNEL_BTF).join(file);
        let btf = read(&path, advice, |bytes| Self::parse_split(bytes, vmlinux))?;
        Ok(btf.with_source(BtfSource::Vmlinux))
    }
}

fn read<T>(
    path: &Path,
    advice: &'static str,
    parse: impl FnOnce(Vec<u8>) -> Result<T, BtfError>,
) -> Result<T, Error> {
    let bytes = std::fs::read(path);
    let bytes = bytes.map_err(|error| Error::Io { path: path.into(), error, advice })?;
    parse(bytes).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: BtfError) -> Error {
    let subject = Subject::Type(path.display().to_string());
    Error::Btf { subject: Box::new(subject), source_of_btf: BtfSource::Vmlinux, error }
}
