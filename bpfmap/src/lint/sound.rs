//! Whether BTF is sound: every type of it can be read, and what it refers to.

use super::{Finding, FindingKind, Severity};
use crate::btf::{Btf, BtfError, Composite, Printable, Section, Type, TypeId, TypeName};

/// How many unsound types are reported: one is enough to compile again.
const MAX_UNSOUND: usize = 16;

/// Every type that contradicts itself or another.
pub(super) fn unsound(btf: &Btf<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for ty in btf.types() {
        let id = ty.id();
        let wrong = match of_type(btf, id) {
            Ok(None) => continue,
            Ok(Some(wrong)) => wrong,
            Err(error) => error.to_string(),
        };
        let is_newer = matches!(btf.type_by_id(id), Err(BtfError::UnknownKind { .. }));
        let severity = if is_newer { Severity::Warning } else { Severity::Error };
        let message = match is_newer {
            true => wrong,
            false => format!("BTF type {id}, `{}`: {wrong}", TypeName::of(btf, id)),
        };
        found.push(Finding::new(severity, FindingKind::UnsoundBtf, message));
        if found.len() == MAX_UNSOUND {
            break;
        }
    }
    found
}

/// What is wrong with a type, if anything is.
fn of_type(btf: &Btf<'_>, id: TypeId) -> Result<Option<String>, BtfError> {
    let ty = btf.type_by_id(id)?;
    if let Some(name) = ty.name()
        && let Some(wrong) = of_name(btf, name)?
    {
        return Ok(Some(wrong));
    }
    match ty {
        Type::Pointer { target }
        | Type::Typedef { target, .. }
        | Type::Qualifier { target, .. }
        | Type::Tagged { target, .. }
        | Type::Variable { target, .. } => {
            btf.type_by_id(target)?;
            if !matches!(ty, Type::Pointer { .. }) {
                btf.peel(id)?;
            }
        }
        Type::Array { element, .. } => {
            btf.type_by_id(element)?;
            btf.size_of(id)?;
        }
        Type::Composite(composite) => return members(btf, composite),
        Type::Section(section) => return variables(btf, section),
        Type::Enum { values, .. } => {
            for (name, _) in values.iter() {
                if let Some(wrong) = of_name(btf, name)? {
                    return Ok(Some(wrong));
                }
            }
        }
        Type::Int(int)
            if u64::from(int.bit_offset) + u64::from(int.bits) > u64::from(int.size) * 8 =>
        {
            return Ok(Some("it has more bits than bytes for them".into()));
        }
        _ => {}
    }
    Ok(None)
}

fn of_name(btf: &Btf<'_>, name: u32) -> Result<Option<String>, BtfError> {
    let name = btf.string(name)?;
    Ok((name == crate::btf::NOT_UTF_8).then(|| "its name is not UTF-8".into()))
}

fn members(btf: &Btf<'_>, composite: Composite<'_>) -> Result<Option<String>, BtfError> {
    let size = u64::from(composite.size) * 8;
    for member in composite.members() {
        if let Some(wrong) = of_name(btf, member.name)? {
            return Ok(Some(format!("a member of it: {wrong}")));
        }
        let (start, len) = match btf.bitfield(&member)? {
            Some(bits) => bits,
            None => (member.bit_offset.into(), btf.size_of(member.target)?.saturating_mul(8)),
        };
        if start.saturating_add(len) > size {
            let name = btf.string(member.name)?;
            return Ok(Some(format!(
                "its member `{}` reaches past its end: to bit {}, of {size}",
                Printable(&name),
                start.saturating_add(len),
            )));
        }
    }
    Ok(None)
}

fn variables(btf: &Btf<'_>, section: Section<'_>) -> Result<Option<String>, BtfError> {
    for variable in section.variables() {
        let (name, size) = match btf.type_by_id(variable.target)? {
            Type::Variable { name, .. } => (btf.string(name)?, btf.size_of(variable.target)?),
            // Of functions that are defined elsewhere.
            Type::Function { .. } => continue,
            _ => return Ok(Some("it holds what is no variable".into())),
        };
        let end = u64::from(variable.offset).saturating_add(size);
        // What no loader makes a map of, compilers leave at 0.
        if section.size != 0 && end > u64::from(section.size) {
            return Ok(Some(format!(
                "its variable `{}` reaches past its end: to byte {end}, of {}",
                Printable(&name),
                section.size,
            )));
        }
    }
    Ok(None)
}
