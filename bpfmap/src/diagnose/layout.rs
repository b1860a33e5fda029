//! Whether the map is as it should be, field by field, and what fields a key
//! has.

use super::chain::{Chain, Next};
use super::diagnosis::{Break, Question};
use super::leaf::{self, FieldKind, KeyField};
use super::object::{self, LayoutDifference};
use super::request::Why;
use crate::Error;
use crate::btf::{Btf, BtfError, TypeId};
use crate::compare::Role;
use crate::map_type::MapType;
use crate::maps::OpenMap;
use crate::object::{Definition, Object, Side};
use crate::open;
use crate::sys::MapInfo;

/// What it means for the chain that a map does not open as what it should be.
pub(super) fn refused(chain: &mut Chain, error: Error) -> Next {
    match error {
        Error::Closed { .. } => chain.broken(Question::Alive, Break::Closed),
        Error::NotAMap { .. } | Error::OtherMap { .. } => {
            chain.broken(Question::Alive, Break::Replaced)
        }
        // Nothing is known of its fields, and so nothing can be said of its keys.
        error @ (Error::Kernel(_) | Error::Unverifiable { .. } | Error::Io { .. }) => {
            chain.unknown(Question::Layout, error.to_string());
            None
        }
        error => chain.broken(Question::Layout, Break::Layout(Box::new(error))),
    }
}

/// Whether the BTF that the kernel has for a map and the object agree, and the
/// fields of its key by them.
pub(super) fn of_map(why: &Why<'_>, chain: &mut Chain, map: &OpenMap) -> Option<Vec<KeyField>> {
    let info = map.map.info();
    let in_kernel = open::map_btf(&map.label, info);
    match (why.object, &in_kernel) {
        (None, Ok(_)) => {}
        (None, Err(Error::Unverifiable { reason, .. })) => {
            chain.unknown(Question::Layout, reason.to_string())?;
        }
        (None, Err(error)) => chain.unknown(Question::Layout, error.to_string())?,
        (Some(object), in_kernel) => match definition(object, map) {
            Ok(definition) => {
                let kernel = in_kernel.as_ref().map(|shared| shared.btf());
                compared(chain, info, object, definition, kernel)?;
            }
            Err(text) => chain.unknown(Question::Layout, text)?,
        },
    }
    Some(fields(why, map))
}

/// The fields of a map's key.
pub(super) fn fields(why: &Why<'_>, map: &OpenMap) -> Vec<KeyField> {
    let info = map.map.info();
    if info.btf_key_type_id != 0
        && let Ok(shared) = open::map_btf(&map.label, info)
        && let Ok(fields) = leaf::of_btf(shared.btf(), info.btf_key_type_id)
    {
        return fields;
    }
    let declared = why.object.and_then(|object| Some((object, definition(object, map).ok()?)));
    match declared {
        Some((object, Definition { key: Side::Type(id), .. }))
            if object.btf().size_of(*id).is_ok_and(|size| size == u64::from(info.key_size)) =>
        {
            leaf::of_btf(object.btf(), *id).unwrap_or_else(|_| bytes(info))
        }
        _ => bytes(info),
    }
}

/// The key of a map of which no more is known.
fn bytes(info: &MapInfo) -> Vec<KeyField> {
    let kind = match MapType::from_raw(info.map_type) {
        MapType::ARRAY | MapType::PERCPU_ARRAY | MapType::ARRAY_OF_MAPS => FieldKind::Unsigned,
        _ => FieldKind::Bytes,
    };
    let bits = 0..u64::from(info.key_size) * 8;
    vec![KeyField {
        path: String::new(),
        bits,
        kind,
        ty: String::new(),
        names: Vec::new(),
        arms: Vec::new(),
    }]
}

/// What the object declares of the map, or why that is not known.
fn definition<'o>(object: &'o Object<'_>, map: &OpenMap) -> Result<&'o Definition, String> {
    let info = map.map.info();
    if let Some(definition) = object.definition(&map.label.name) {
        return Ok(definition);
    }
    match object.definitions_by_kernel_name(&info.name).as_slice() {
        [only] => Ok(only),
        [] => Err(format!("the object declares no map `{}`", crate::btf::Printable(&info.name))),
        several => {
            let names: Vec<_> = several.iter().map(|map| format!("`{}`", map.name)).collect();
            Err(format!(
                "the kernel has cut the name of the map off, and it may be each of these of the \
                 object: {}",
                names.join(", ")
            ))
        }
    }
}

/// Compares a map in the kernel with what an object declares.
fn compared(
    chain: &mut Chain,
    info: &MapInfo,
    object: &Object<'_>,
    declared: &Definition,
    kernel: Result<&Btf<'static>, &Error>,
) -> Next {
    let mut differences = Vec::new();
    if let Some([there, here]) = object.other_order() {
        let sides = [there, here].map(|order| Some(order.to_owned()));
        let [object, kernel] = sides;
        differences.push(LayoutDifference {
            role: None,
            field: "byte order".into(),
            object,
            kernel,
        });
    }
    let [wanted, found] = [declared.map_type, info.map_type].map(MapType::from_raw);
    if wanted != found {
        differences.push(LayoutDifference {
            role: None,
            field: "type".into(),
            object: Some(wanted.to_string()),
            kernel: Some(found.to_string()),
        });
    }
    let mut of_fields = |role, side: Side, id: TypeId, size: u32| -> Result<bool, BtfError> {
        match (side, kernel) {
            (Side::Type(declared), Ok(btf)) if id != 0 => {
                let sides = ((object.btf(), declared), (btf, id));
                differences.extend(object::differences(role, sides.0, sides.1)?);
                Ok(true)
            }
            (side, _) => {
                let declared = match side {
                    Side::Nothing => u64::from(size),
                    Side::Size(size) => u64::from(size),
                    Side::Type(id) => object.btf().size_of(id)?,
                };
                if declared != u64::from(size) {
                    let bytes = |size: u64| Some(format!("{size} bytes"));
                    differences.push(LayoutDifference {
                        role: Some(role),
                        field: String::new(),
                        object: bytes(declared),
                        kernel: bytes(size.into()),
                    });
                }
                Ok(side == Side::Nothing)
            }
        }
    };
    let key = of_fields(Role::Key, declared.key, info.btf_key_type_id, info.key_size);
    let value = of_fields(Role::Value, declared.value, info.btf_value_type_id, info.value_size);
    let in_full = match key.and_then(|key| Ok(key & value?)) {
        Ok(in_full) => in_full,
        Err(error) => return chain.unknown(Question::Layout, error.to_string()),
    };
    if !differences.is_empty() {
        return chain.broken(Question::Layout, Break::OtherObject { differences });
    }
    match (in_full, kernel) {
        (true, _) => {
            chain.holds(Question::Layout, "every field is as the object declares it".to_owned())
        }
        (false, Err(error)) => {
            let why = match error {
                Error::Unverifiable { reason, .. } => reason.to_string(),
                error => error.to_string(),
            };
            let text = format!("the sizes are as the object declares them, but {why}");
            chain.unknown(Question::Layout, text)
        }
        (false, Ok(_)) => chain.unknown(
            Question::Layout,
            "the sizes are as the object declares them; it does not declare the types",
        ),
    }
}
