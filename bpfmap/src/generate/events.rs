//! Types of events, which no map declares.

use super::Generator;
use crate::btf::{Btf, BtfError, Section, Type, TypeId};
use crate::map_type::MapType;
use crate::object::Definition;

/// How many types may be those of events.
const MAX_EVENTS: usize = 16;

impl Generator<'_> {
    /// The struct for a type that is asked for by its name.
    pub(super) fn event(&mut self, name: &str, id: TypeId) {
        let problem = match self.root(id, name) {
            Ok(ty) if ty.size > 0 => {
                if !self.events.iter().any(|(known, _)| known == name) {
                    self.events.push((name.into(), ty.text));
                }
                return;
            }
            Ok(_) => "it has no bytes".into(),
            Err(error) => error.to_string(),
        };
        self.problems.push((name.into(), problem));
    }

    /// The names of the types that a map's events may be of.
    pub(super) fn events_of(&self, map: &Definition) -> Vec<String> {
        if !has_events(MapType::from_raw(map.map_type)) {
            return Vec::new();
        }
        // Some programs declare them as if they were values.
        match map.value.type_id().map(|id| self.name_of(id)) {
            Some(Ok(Some(name))) => vec![name],
            Some(_) => Vec::new(),
            None => self.events.iter().map(|(name, _)| name.clone()).collect(),
        }
    }
}

/// Whether programs send events through maps of that type.
pub(super) fn has_events(map_type: MapType) -> bool {
    let kinds = [MapType::RINGBUF, MapType::PERF_EVENT_ARRAY, MapType::USER_RINGBUF];
    kinds.contains(&map_type)
}

/// The structs that a program keeps in its BTF by a pointer to each that it has
/// no other use for: `const struct event *unused_event`. Programs do it for
/// events.
pub(super) fn kept(btf: &Btf<'_>) -> Result<Vec<String>, BtfError> {
    let mut names = Vec::new();
    for section in btf.sections() {
        for variable in section.variables() {
            let Some(target) = kept_by(btf, variable.target)? else { continue };
            let Type::Composite(composite) = btf.peel(target)?.ty else { continue };
            if composite.union {
                continue;
            }
            let name = btf.string(composite.name)?;
            if !name.is_empty() && !names.iter().any(|known| *known == *name) {
                names.push(name.into_owned());
            }
        }
        if names.len() >= MAX_EVENTS {
            break;
        }
    }
    Ok(names)
}

/// The type that a variable keeps, when that is all that it is for.
fn kept_by(btf: &Btf<'_>, variable: TypeId) -> Result<Option<TypeId>, BtfError> {
    let Type::Variable { name, target, .. } = btf.type_by_id(variable)? else { return Ok(None) };
    Ok(match btf.peel(target)?.ty {
        Type::Pointer { target } if btf.string(name)?.contains("unused") => Some(target),
        _ => None,
    })
}

/// Whether a section has such variables alone, and nothing to read.
pub(super) fn keeps_types_only(btf: &Btf<'_>, section: Section<'_>) -> Result<bool, BtfError> {
    let mut variables = 0;
    for variable in section.variables() {
        if kept_by(btf, variable.target)?.is_none() {
            return Ok(false);
        }
        variables += 1;
    }
    Ok(variables > 0)
}
