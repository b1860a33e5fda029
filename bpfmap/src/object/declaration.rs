//! How an object declares its maps.

use super::ObjectError;
use super::definition::{Definition, Side};
use super::elf::LegacyMap;
use crate::btf::{Btf, BtfError, Composite, Type, TypeId};
use crate::map_type::MapType;

/// The maps of the `.maps` section: variables whose type is a struct, whose
/// members say what the map is.
///
/// As libbpf's `bpf_helpers.h` has it, `__uint(type, 1)` is a pointer to an
/// array of that length, `__type(key, T)` a pointer to `T`, and `__array(values,
/// T)` an array of pointers to it.
pub(super) fn in_btf(btf: &Btf<'_>) -> Result<Vec<Definition>, ObjectError> {
    let mut maps = Vec::new();
    let is_section = |ty: &Type<'_>| matches!(ty, Type::Section(_));
    let Some(id) = btf.find(".maps", is_section)? else { return Ok(maps) };
    let Type::Section(section) = btf.type_by_id(id)? else { return Ok(maps) };
    for variable in section.variables() {
        check_count(&maps)?;
        let Type::Variable { name, target, .. } = btf.type_by_id(variable.target)? else {
            continue;
        };
        let name = btf.string(name)?.into_owned();
        match btf.peel(target)?.ty {
            Type::Composite(composite) if !composite.union => {
                maps.push(read(btf, name, composite, MAX_INNER)?);
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
/// How deep maps of maps may nest; the kernel knows one level.
const MAX_INNER: usize = 1;

pub(super) fn check_count(maps: &[Definition]) -> Result<(), ObjectError> {
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
    inner: usize,
) -> Result<Definition, ObjectError> {
    let mut map = Definition { name, ..Definition::default() };
    let wrong = |map: Definition, what| Err(ObjectError::Map { map: map.name, what });
    if composite.len() > MAX_MEMBERS {
        return wrong(map, "it has too many members");
    }
    for member in composite.members() {
        let name = btf.string(member.name)?;
        let target = match btf.peel(member.target)?.ty {
            Type::Pointer { target } => target,
            Type::Array { element, .. } if name == "values" => {
                values(btf, &mut map, element, inner)?;
                continue;
            }
            _ => continue,
        };
        let number = |known| match (number(btf, target)?, known) {
            (Some(number), _) => Ok(number),
            (None, what) => Err(ObjectError::Map { map: map.name.clone(), what }),
        };
        match &*name {
            "type" => map.map_type = number("its type is not a number")?,
            "max_entries" => map.max_entries = number("its max_entries is not a number")?,
            "map_flags" => map.map_flags = number("its map_flags is not a number")?,
            "key" => map.key = Side::Type(target),
            "value" => map.value = Side::Type(target),
            // A type says more.
            "key_size" if map.key == Side::Nothing => {
                map.key = Side::Size(number("its key_size is not a number")?);
            }
            "value_size" if map.value == Side::Nothing => {
                map.value = Side::Size(number("its value_size is not a number")?);
            }
            _ => {}
        }
    }
    Ok(map)
}

/// What the maps in a map of maps are, or the functions in a map of programs.
/// User space has ids or descriptors of them, of 4 bytes.
fn values(
    btf: &Btf<'_>,
    map: &mut Definition,
    element: TypeId,
    inner: usize,
) -> Result<(), ObjectError> {
    map.value = Side::Size(4);
    let Type::Pointer { target } = btf.peel(element)?.ty else { return Ok(()) };
    if let Type::Composite(composite) = btf.peel(target)?.ty {
        let inner = inner.checked_sub(1).ok_or_else(|| ObjectError::Map {
            map: map.name.clone(),
            what: "its maps hold maps of maps",
        })?;
        let name = format!("{}.inner", map.name);
        map.inner = Some(Box::new(read(btf, name, composite, inner)?));
    }
    Ok(())
}

/// A number that is declared as the length of an array.
fn number(btf: &Btf<'_>, id: TypeId) -> Result<Option<u32>, BtfError> {
    Ok(match btf.peel(id)?.ty {
        Type::Array { len, .. } => Some(len),
        _ => None,
    })
}

/// A `struct bpf_map_def`: the type of the map, the sizes of key and value, how
/// many entries, and flags, a `u32` each. What is behind the end of the symbol
/// is not declared.
pub(super) fn legacy(map: &LegacyMap<'_>, little_endian: bool) -> Result<Definition, ObjectError> {
    let name = String::from(map.name);
    let rest = usize::try_from(map.at).ok().and_then(|at| map.section.get(at..));
    let word = |index: usize| {
        let word = *rest?.get(index * 4..)?.first_chunk::<4>()?;
        Some(if little_endian { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) })
    };
    let Some(map_type) = word(0) else {
        return Err(ObjectError::Map { map: name, what: "it lies outside of its section" });
    };
    let within = |index: usize| {
        let is_in_symbol = map.len == 0 || (index as u64 + 1) * 4 <= map.len;
        word(index).filter(|_| is_in_symbol)
    };
    let size = |index| within(index).filter(|size| *size != 0).map_or(Side::Nothing, Side::Size);
    Ok(Definition {
        name,
        map_type,
        key: size(1),
        value: size(2),
        max_entries: within(3).unwrap_or(0),
        map_flags: within(4).unwrap_or(0),
        inner: None,
        is_section: false,
        is_legacy: true,
    })
}

/// The map that a loader makes of a section of global variables: an array of
/// one.
pub(super) fn of_section(name: &str, section: TypeId) -> Definition {
    Definition {
        name: name.into(),
        map_type: MapType::ARRAY.as_raw(),
        key: Side::Size(4),
        value: Side::Type(section),
        max_entries: 1,
        is_section: true,
        ..Definition::default()
    }
}

/// The map that a loader makes of a variable that implements a struct of the
/// kernel by programs.
pub(super) fn of_struct_ops(name: &str, variable: TypeId) -> Definition {
    let map_type = MapType::STRUCT_OPS.as_raw();
    Definition { map_type, is_section: false, ..of_section(name, variable) }
}
