//! The types of a map in the kernel, from the first place there that knows them.

use std::os::fd::AsFd;
use std::sync::Arc;

use super::format::{size_fits, types_of};
use super::kernel;
use crate::Error;
use crate::btf::{Btf, BtfType};
use crate::map_type::MapType;
use crate::object::declared_by_kernel_name;
use crate::sys::{self, Held, MapInfo};
use crate::verification::{BtfSource, MapLabel, Unverifiable};

/// The types of the key and the value of a map in the kernel;
/// [`AnyMap::types`](crate::AnyMap::types) finds them out.
#[derive(Debug)]
pub struct MapTypes {
    pub(super) btf: Btf<'static>,
    /// 0 for none.
    pub(super) types: [u32; 2],
    pub(super) source: BtfSource,
}

impl MapTypes {
    /// The BTF that they are in.
    pub fn btf(&self) -> &Btf<'static> {
        &self.btf
    }

    /// Where that is from.
    pub fn source(&self) -> BtfSource {
        self.source
    }

    /// The type of the key; `None` when only its size is known, or there is none.
    pub fn key(&self) -> Option<BtfType<'_>> {
        self.of(self.types[0])
    }

    /// The type of the value; `None` when only its size is known, or there is none.
    /// Of a map of maps it is what the program declares, where user space has ids.
    pub fn value(&self) -> Option<BtfType<'_>> {
        self.of(self.types[1])
    }

    fn of(&self, id: u32) -> Option<BtfType<'_>> {
        (id != 0).then(|| self.btf.view(id))
    }
}

/// From the kernel's BTF of the map, or from that of a program that uses it; and why
/// not from the kernel's, where it is not.
pub(crate) fn kernel_types(
    info: &MapInfo,
    label: &Arc<MapLabel>,
) -> Result<(Option<MapTypes>, Option<Unverifiable>), Error> {
    if info.btf_vmlinux_value_type_id != 0 {
        return Ok((Some(of_vmlinux(info)?), None));
    }
    if info.btf_id != 0 && (info.btf_key_type_id != 0 || info.btf_value_type_id != 0) {
        let source = BtfSource::KernelMap { btf_id: info.btf_id };
        return match kernel::btf_by_id(label, info.btf_id, source) {
            Ok(btf) => {
                let types = [info.btf_key_type_id, info.btf_value_type_id];
                Ok((Some(MapTypes { btf, types, source }), None))
            }
            Err(Error::Unverifiable { reason, .. }) => Ok((None, Some(reason))),
            Err(error) => Err(error),
        };
    }
    let map_type = MapType::from_raw(info.map_type);
    let reason = match map_type.takes_btf() {
        true => Unverifiable::NoBtf,
        false => Unverifiable::NoBtfForType { map_type },
    };
    Ok((of_program(info, label), Some(reason)))
}

/// The types of `struct_ops` are the kernel's own.
fn of_vmlinux(info: &MapInfo) -> Result<MapTypes, Error> {
    let (btf, id) = (Btf::vmlinux()?, info.btf_vmlinux_value_type_id);
    // Those of a module have ids that mean something else here.
    let value = if size_fits(&btf, id, info.value_size) { id } else { 0 };
    Ok(MapTypes { btf, types: [0, value], source: BtfSource::Vmlinux })
}

/// As a program that uses the map declares it. An older one may have been loaded with
/// other types of the same sizes.
fn of_program(info: &MapInfo, label: &Arc<MapLabel>) -> Option<MapTypes> {
    let mut after = 0;
    let mut read = Vec::new();
    while let Ok(Some(id)) = sys::next_id(Held::Program, after) {
        after = id;
        // One that is gone is none that uses it.
        let Ok(fd) = sys::open_id(Held::Program, id, false) else { continue };
        let Ok(program) = sys::program_info(fd.as_fd()) else { continue };
        let btf_id = program.btf_id;
        if btf_id == 0 || !program.map_ids.contains(&info.id) || read.contains(&btf_id) {
            continue;
        }
        read.push(btf_id);
        let source = BtfSource::Program { btf_id };
        let Ok(btf) = kernel::btf_by_id(label, btf_id, source) else { continue };
        let Some(definition) = declared_by_kernel_name(&btf, &info.name) else { continue };
        let types @ [key, value] = types_of(&definition);
        let holds_ids = MapType::from_raw(info.map_type).holds_ids();
        if definition.map_type == info.map_type
            && (key == 0 || size_fits(&btf, key, info.key_size))
            && (value == 0 || holds_ids || size_fits(&btf, value, info.value_size))
        {
            return Some(MapTypes { btf, types, source });
        }
    }
    None
}
