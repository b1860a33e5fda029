//! How an object declares its maps.

use super::ObjectError;
use super::elf::LegacyMap;
use crate::btf::{Btf, BtfError, Composite, Type, TypeId};

/// A map as the object declares it. What the loader makes of it may differ.
#[derive(Clone, Debug, Default)]
pub(crate) struct MapDefinition {
    pub(crate) name: String,
    pub(crate) map_type: u32,
    pub(crate) key: Option<TypeId>,
    pub(crate) value: Option<TypeId>,
}

/// The maps of the `.maps` section: variables whose type is a struct, whose
/// members say what the map is.
///
/// As libbpf's `bpf_helpers.h` has it, `__uint(type, 1)` is a pointer to an
/// array of that length, and `__type(key, T)` a pointer to `T`.
pub(super) fn in_btf(btf: &Btf<'_>) -> Result<Vec<MapDefinition>, ObjectError> {
    let mut maps = Vec::new();
    let is_section = |ty: &Type<'_>| matches!(ty, Type::Section(_));
    let Some(id) = btf.find(".maps", is_section)? else { return Ok(maps) };
    let Type::Section(section) = btf.type_by_id(id)? else { return Ok(maps) };
    for variable in section.variables() {
        check_count(&maps)?;
        let Type::Variable { name, target } = btf.type_by_id(variable.target)? else { continue };
        let name = btf.string(name)?.into_owned();
        match btf.peel(target)?.ty {
            Type::Composite(composite) if !composite.union => {
                maps.push(read(btf, name, composite)?);
            }
            _ => return Err(ObjectError::Map { map: name, what: "it is not a struct" }),
        }
    }
    Ok(maps)
}

/// How many maps an object may declare, and with how many members: many times
/// what is in use. Variables and members may all be the same one, so without a
/// limit little input would take long.
const MAX_MAPS: usize = 1 << 12;
const MAX_MEMBERS: usize = 64;

pub(super) fn check_count(maps: &[MapDefinition]) -> Result<(), ObjectError> {
    match maps.get(MAX_MAPS - 1) {
        None => Ok(()),
        Some(map) => {
            Err(ObjectError::Map { map: map.name.clone(), what: "the object declares too many" })
        }
    }
}

fn read(
    btf: &Btf<'_>,
    name: String,
    composite: Composite<'_>,
) -> Result<MapDefinition, ObjectError> {
    let mut map = MapDefinition { name, ..MapDefinition::default() };
    if composite.len() > MAX_MEMBERS {
        return Err(ObjectError::Map { map: map.name, what: "it has too many members" });
    }
    for member in composite.members() {
        let target = match btf.peel(member.target)?.ty {
            Type::Pointer { target } => target,
            _ => continue,
        };
        match &*btf.string(member.name)? {
            "type" => match number(btf, target)? {
                Some(number) => map.map_type = number,
                None => {
                    return Err(ObjectError::Map {
                        map: map.name,
                        what: "its type is not a number",
                    });
                }
            },
            "key" => map.key = Some(target),
            "value" => map.value = Some(target),
            _ => {}
        }
    }
    Ok(map)
}

/// A number that is declared as the length of an array.
fn number(btf: &Btf<'_>, id: TypeId) -> Result<Option<u32>, BtfError> {
    Ok(match btf.peel(id)?.ty {
        Type::Array { len, .. } => Some(len),
        _ => None,
    })
}

/// A `struct bpf_map_def`, which begins with the type of the map, a `u32`.
pub(super) fn legacy(
    map: &LegacyMap<'_>,
    little_endian: bool,
) -> Result<MapDefinition, ObjectError> {
    let rest = usize::try_from(map.at).ok().and_then(|at| map.section.get(at..));
    let Some(word) = rest.and_then(|rest| rest.first_chunk::<4>()) else {
        return Err(ObjectError::Map {
            map: map.name.into(),
            what: "it lies outside of its section",
        });
    };
    let map_type =
        if little_endian { u32::from_le_bytes(*word) } else { u32::from_be_bytes(*word) };
    Ok(MapDefinition { name: map.name.into(), map_type, key: None, value: None })
}
