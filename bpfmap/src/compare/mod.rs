//! The comparison: a Rust table and a BTF type in, every difference out.
//!
//! There is no I/O here and nothing is written, so it can be run anywhere and
//! on anything. The rules:
//! - a field must agree in name, offset, size and kind, structs and arrays in
//!   their fields and elements; the names of types are not compared;
//! - a pad stands over a hole, or over a member that is padding by its name;
//! - what C has and Rust cannot express (unions, bitfields, pointers) is
//!   refused and never guessed.

mod advice;
mod agree;
mod draw;
mod fields;
mod matching;
mod members;
mod mismatch;
mod paint;
mod report;
mod types;
mod walk;

pub(crate) use agree::Agreed;
pub(crate) use members::{CMember, is_padding_name, members, variables};
pub use mismatch::{Mismatch, MismatchKind, Place};
pub use report::{Mismatches, Note, Role, TypeMismatches};

use crate::btf::{Btf, BtfError, Type, TypeId};
use crate::layout::{Kind, Layout};
use walk::Walk;

/// How many differences are reported: more than anybody reads.
const MAX_FOUND: usize = 256;

/// Compares `layout` with the type `id`; `None` when they agree. `agreed` is
/// what is known of the same BTF.
///
/// # Errors
///
/// When the type is incomplete, or the BTF is malformed where it is read.
pub(crate) fn compare(
    role: Role,
    layout: &'static Layout,
    btf: &Btf<'_>,
    id: TypeId,
    agreed: &mut Agreed,
) -> Result<Option<TypeMismatches>, BtfError> {
    if agree::agree(layout, btf, id, agreed)? {
        // The walk may stumble over a name that nothing depends on.
        debug_assert!(
            !matches!(Walk::over(role, layout, btf, id), Ok((found, _)) if !found.is_empty()),
            "what agrees for certain, agrees"
        );
        return Ok(None);
    }
    let (mut found, sanitised) = Walk::over(role, layout, btf, id)?;
    let only_size = found.len() == 1;
    if found.is_empty() {
        return Ok(None);
    }
    found.sort_by_key(Mismatch::offset);
    found.truncate(MAX_FOUND);
    if let Some(size) = found.last_mut()
        && size.is_size_of_all()
        && matches!(layout.kind(), Kind::Struct { .. })
    {
        // The size of the whole follows from its fields, where they differ.
        size.advice.clear();
        if only_size {
            let is_section = matches!(btf.peel(id)?.ty, Type::Section(_));
            size.advice = advice::size_of_all(layout, btf.size_of(id)?, is_section);
        }
    }
    TypeMismatches::new(role, layout, btf, id, found, sanitised).map(Some)
}
