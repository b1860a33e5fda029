//! How the entries of any map are read: the types of its key and its value, from the
//! first place that knows them.

use std::sync::Arc;

use super::types::{MapTypes, kernel_types};
use crate::Error;
use crate::btf::Btf;
use crate::map_type::MapType;
use crate::object::{Definition, Object, Side};
use crate::sys::{self, MapInfo};
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
        let (types, reason) = kernel_types(info, label)?;
        let format = match &types {
            Some(MapTypes { btf, types, source }) => Self::typed(info, btf, *types, *source),
            None => Self::without_types(info),
        };
        Ok(Self { reason, ..format })
    }
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
    if let Some(difference) = of_other_machines(object) {
        return other(difference);
    }
    if declared != found {
        return other(format!("there it is of type {declared}, in the kernel of type {found}"));
    }
    let sides = [("key", types[0], info.key_size), ("value", types[1], info.value_size)];
    for (role, id, size) in sides {
        if id != 0 && (role == "key" || !found.holds_ids()) && !size_fits(btf, id, size) {
            let declared = btf.size_of(id).map_err(|error| Error::Btf {
                subject: Box::new(Subject::Map(MapLabel::clone(label))),
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

/// What shows that no map of this machine was made from an object.
pub(super) fn of_other_machines(object: &Object<'_>) -> Option<String> {
    let [there, here] = object.other_order()?;
    Some(format!("it is for {there} machines, and this one is {here}"))
}

pub(super) fn types_of(definition: &Definition) -> [u32; 2] {
    [definition.key, definition.value].map(|side: Side| side.type_id().unwrap_or(0))
}

pub(super) fn size_fits(btf: &Btf<'_>, id: u32, size: u32) -> bool {
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
