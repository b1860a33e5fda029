//! In what the types of two builds of a program differ, both known by BTF.

use std::fmt::{self, Display, Formatter};

use super::leaf::{FieldKind, KeyField, of_btf};
use crate::btf::{Btf, BtfError, Printable, TypeId};
use crate::compare::Role;

/// A field that an object declares in another way than the map in the kernel has
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LayoutDifference {
    /// Whether it is in the key or the value; `None` for what is of the map itself.
    pub role: Option<Role>,
    /// The field.
    pub field: String,
    /// Its type and its place in bytes in the object: `__u16 at 8..10`; `None`
    /// when the object has no such field.
    pub object: Option<String>,
    /// The same of the map in the kernel.
    pub kernel: Option<String>,
}

impl Display for LayoutDifference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { role, field, object, kernel } = self;
        match (role, &**field) {
            (Some(role), "") => write!(f, "{role}")?,
            (Some(role), field) => write!(f, "{role} `{}`", Printable(field))?,
            (None, field) => f.write_str(field)?,
        }
        let side = |side: &Option<String>| match side {
            Some(text) => Printable(text).to_string(),
            None => "not there".into(),
        };
        write!(f, ": in the object {}, in the kernel {}", side(object), side(kernel))
    }
}

/// Compares two types field by field.
///
/// # Errors
///
/// When either is incomplete or malformed.
pub(super) fn differences(
    role: Role,
    (object, in_object): (&Btf<'_>, TypeId),
    (kernel, in_kernel): (&Btf<'_>, TypeId),
) -> Result<Vec<LayoutDifference>, BtfError> {
    let [object, kernel] = [of_btf(object, in_object)?, of_btf(kernel, in_kernel)?];
    let mut found = Vec::new();
    let push =
        |found: &mut Vec<_>, field: &str, object: Option<&KeyField>, kernel: Option<&KeyField>| {
            let text = |leaf: &KeyField| {
                let (start, end) = (leaf.bits.start / 8, leaf.bits.end.div_ceil(8));
                format!("{} at {start}..{end}", leaf.ty)
            };
            let (object, kernel) = (object.map(text), kernel.map(text));
            found.push(LayoutDifference { role: Some(role), field: field.into(), object, kernel });
        };
    for leaf in named(&object) {
        match named(&kernel).find(|other| other.path == leaf.path) {
            Some(other) if other.bits == leaf.bits && other.kind == leaf.kind => {}
            other => push(&mut found, &leaf.path, Some(leaf), other),
        }
    }
    for leaf in named(&kernel) {
        if !named(&object).any(|other| other.path == leaf.path) {
            push(&mut found, &leaf.path, None, Some(leaf));
        }
    }
    Ok(found)
}

/// What means something, or has a name.
fn named(leaves: &[KeyField]) -> impl Iterator<Item = &KeyField> {
    leaves.iter().filter(|leaf| leaf.kind != FieldKind::Padding)
}
