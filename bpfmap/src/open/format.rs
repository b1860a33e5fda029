//! How the entries of any map are read: the types of its key and its value, from the
//! first place that knows them.

use std::os::fd::AsFd;
use std::sync::Arc;

use super::kernel;
use crate::Error;
use crate::btf::Btf;
use crate::map_type::MapType;
use crate::object::{Definition, Object, Side, declared_by_kernel_name};
use crate::sys::{self, Held, MapInfo};
use crate::values::Decoder;
use crate::verification::{BtfSource, MapLabel, Subject, Unverifiable};

/// How the entries of a map are read; [`AnyMap::format`](crate::AnyMap::format)
/// finds it out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EntryFormat {
    /// How a key is read.
    pub key: SideFormat,
    /// How a value is read; one CPU's for a map of a per-CPU type.
    pub value: SideFormat,
    /// Where the types are from; `None` when nothing has them.
    pub source: Option<BtfSource>,
    /// Why they are not from the kernel's BTF of the map.
    pub reason: Option<Unverifiable>,
}

/// How a key or a value is read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SideFormat {
    /// Reads it.
    pub decoder: Decoder,
    /// Its type as C spells it; `None` when that is not known.
    pub type_name: Option<String>,
}

impl SideFormat {
    fn of(btf: &Btf<'_>, id: u32) -> Self {
        let ty = btf.view(id);
        Self { decoder: ty.decoder(), type_name: Some(ty.to_string()) }
    }

    fn without_type(decoder: Decoder) -> Self {
        Self { decoder, type_name: None }
    }
}

impl EntryFormat {
    /// What is known of the entries without any BTF.
    fn without_types(info: &MapInfo) -> Self {
        let map_type = MapType::from_raw(info.map_type);
        let number = |is_number| match is_number {
            true => Decoder::number(),
            false => Decoder::bytes(),
        };
        Self {
            key: SideFormat::without_type(number(map_type.is_indexed() && info.key_size == 4)),
            value: SideFormat::without_type(number(map_type.holds_ids() && info.value_size == 4)),
            source: None,
            reason: None,
        }
    }

    /// With the types that there are, 0 for none.
    fn typed(info: &MapInfo, btf: &Btf<'_>, [key, value]: [u32; 2], source: BtfSource) -> Self {
        let mut format = Self::without_types(info);
        if key != 0 {
            format.key = SideFormat::of(btf, key);
        }
        // User space is given an id, whatever type the program gives it.
        if value != 0 && !MapType::from_raw(info.map_type).holds_ids() {
            format.value = SideFormat::of(btf, value);
        }
        Self { source: Some(source), ..format }
    }

    /// From the object, when one is given; else from the kernel's BTF of the map,
    /// or from that of a program that uses it.
    pub(crate) fn of(
        info: &MapInfo,
        label: &Arc<MapLabel>,
        object: Option<&Object<'_>>,
        name: Option<&str>,
    ) -> Result<Self, Error> {
        if let Some(object) = object {
            return of_object(info, label, object, name);
        }
        if info.btf_vmlinux_value_type_id != 0 {
            return of_vmlinux(info);
        }
        if info.btf_id != 0 && (info.btf_key_type_id != 0 || info.btf_value_type_id != 0) {
            let source = BtfSource::KernelMap { btf_id: info.btf_id };
            return match kernel::btf_by_id(label, info.btf_id, source) {
                Ok(btf) => {
                    let types = [info.btf_key_type_id, info.btf_value_type_id];
                    Ok(Self::typed(info, &btf, types, source))
                }
                Err(Error::Unverifiable { reason, .. }) => {
                    Ok(Self { reason: Some(reason), ..Self::without_types(info) })
                }
                Err(error) => Err(error),
            };
        }
        let map_type = MapType::from_raw(info.map_type);
        let reason = match map_type.takes_btf() {
            true => Unverifiable::NoBtf,
            false => Unverifiable::NoBtfForType { map_type },
        };
        let format = of_program(info, label).unwrap_or_else(|| Self::without_types(info));
        Ok(Self { reason: Some(reason), ..format })
    }
}

/// The types of `struct_ops` are the kernel's own.
fn of_vmlinux(info: &MapInfo) -> Result<EntryFormat, Error> {
    let (btf, id) = (Btf::vmlinux()?, info.btf_vmlinux_value_type_id);
    // Those of a module have ids that mean something else here.
    let value = if size_fits(&btf, id, info.value_size) { id } else { 0 };
    Ok(EntryFormat::typed(info, &btf, [0, value], BtfSource::Vmlinux))
}

fn of_object(
    info: &MapInfo,
    label: &Arc<MapLabel>,
    object: &Object<'_>,
    name: Option<&str>,
) -> Result<EntryFormat, Error> {
    let known = || object.map_names().map(str::to_owned).collect::<Vec<_>>();
    let unknown = |place, known| {
        let name = name.unwrap_or(&info.name).into();
        Error::UnknownMap { name, place, known }
    };
    let definitions = match name {
        Some(name) => object.definition(name).into_iter().collect(),
        None => object.definitions_by_kernel_name(&info.name),
    };
    let definition = match *definitions {
        [only] => only,
        [] => return Err(unknown("the object", known())),
        ref several => {
            let names = several.iter().map(|map| map.name.clone()).collect();
            return Err(unknown("the object for certain, as the kernel cuts names off", names));
        }
    };
    let btf = object.btf();
    let types = types_of(definition);
    let found = MapType::from_raw(info.map_type);
    let declared = MapType::from_raw(definition.map_type);
    let other = |difference| Err(Error::OtherObject { map: Arc::clone(label), difference });
    if declared != found {
        return other(format!("there it is of type {declared}, in the kernel of type {found}"));
    }
    let sides = [("key", types[0], info.key_size), ("value", types[1], info.value_size)];
    for (role, id, size) in sides {
        if id != 0 && (role == "key" || !found.holds_ids()) && !size_fits(btf, id, size) {
            let declared = btf.size_of(id).map_err(|error| Error::Btf {
                subject: Subject::Map(MapLabel::clone(label)),
                source_of_btf: BtfSource::Object,
                error,
            })?;
            return other(format!("there its {role} is {declared} bytes, in the kernel {size}"));
        }
    }
    let has_none = types == [0, 0];
    let format = EntryFormat::typed(info, btf, types, BtfSource::Object);
    Ok(EntryFormat { reason: has_none.then_some(Unverifiable::SizesInObject), ..format })
}

/// As a program that uses the map declares it. An older one may have been loaded with
/// other types of the same sizes.
fn of_program(info: &MapInfo, label: &Arc<MapLabel>) -> Option<EntryFormat> {
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
            return Some(EntryFormat::typed(info, &btf, types, source));
        }
    }
    None
}

fn types_of(definition: &Definition) -> [u32; 2] {
    [definition.key, definition.value].map(|side: Side| side.type_id().unwrap_or(0))
}

fn size_fits(btf: &Btf<'_>, id: u32, size: u32) -> bool {
    btf.size_of(id).is_ok_and(|declared| declared == u64::from(size))
}

/// The error of a map whose entries the kernel does not list.
pub(crate) fn unlistable(map: &sys::Map, label: &Arc<MapLabel>) -> Option<Error> {
    let map_type = MapType::from_raw(map.info().map_type);
    let why = match map_type {
        MapType::QUEUE | MapType::STACK => {
            "the kernel has no other way to its elements than to take them out"
        }
        MapType::BLOOM_FILTER => {
            "it knows only whether it may contain a value that it is asked for"
        }
        MapType::RINGBUF | MapType::USER_RINGBUF => {
            "its records go to one reader, and what is read here that one would miss"
        }
        MapType::PERF_EVENT_ARRAY => "its records are in buffers of the reader, and not in the map",
        MapType::SK_STORAGE => {
            "its keys are descriptors of sockets, which the kernel does not list"
        }
        MapType::INODE_STORAGE => {
            "its keys are descriptors of files, which the kernel does not list"
        }
        MapType::TASK_STORAGE => {
            "its keys are descriptors of processes, which the kernel does not list"
        }
        MapType::CGRP_STORAGE => {
            "its keys are descriptors of cgroups, which the kernel does not list"
        }
        MapType::ARENA => "it is memory that programs share, and has no entries",
        MapType::CGROUP_ARRAY | MapType::XSKMAP => {
            "the kernel does not say what was put into such a map"
        }
        _ if map.info().key_size == 0 => "it has no keys",
        _ => return None,
    };
    Some(Error::Unlistable { map: Arc::clone(label), map_type, why })
}
