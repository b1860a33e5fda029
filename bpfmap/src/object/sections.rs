//! Sections of global variables: where their variables are, and the maps that
//! loaders make of them.

use super::ObjectError;
use super::declaration::{check_count, of_section, of_struct_ops};
use super::definition::Definition;
use super::elf::Elf;
use crate::btf::{Btf, BtfError, Linkage, Placement, Section, Type};

/// Whether loaders make maps of a section of that name.
pub(super) fn is_known(name: &[u8]) -> bool {
    is_data(name) || is_struct_ops(name)
}

/// The sections of variables, and those behind a dot: `.data.hot`.
fn is_data(name: &[u8]) -> bool {
    [".data", ".rodata", ".bss"].iter().any(|known| is_or_has_suffix(name, known))
}

/// libbpf skips the ones with a question mark unless they are asked for.
fn is_struct_ops(name: &[u8]) -> bool {
    let name = name.strip_prefix(b"?").unwrap_or(name);
    is_or_has_suffix(name, ".struct_ops")
}

fn is_or_has_suffix(name: &[u8], known: &str) -> bool {
    name.strip_prefix(known.as_bytes()).is_some_and(|rest| matches!(rest, [] | [b'.', ..]))
}

/// What the compiler left open in the BTF, from the sections and the symbols. A
/// linker has filled it in, but leaves the offset of a variable as it was when
/// another object's definition takes its place: the symbols know.
pub(super) fn placement(btf: &Btf<'_>, elf: &Elf<'_>) -> Result<Placement, BtfError> {
    let mut placement = Placement::default();
    if elf.data.is_empty() {
        return Ok(placement);
    }
    for section in btf.sections() {
        let section_name = btf.string(section.name)?;
        let Some(size) = elf.data.get(&*section_name) else { continue };
        if section.size == 0 {
            placement.size(section.id, u32::try_from(*size).unwrap_or(u32::MAX));
        }
        for variable in section.variables() {
            let Type::Variable { name, linkage, .. } = btf.type_by_id(variable.target)? else {
                continue;
            };
            let symbol = elf.variables.get(&*btf.string(name)?);
            match (linkage, symbol) {
                // The offsets of variables that nobody else may see are there.
                (Linkage::Static, _) => {}
                (_, Some((found, at))) if *found == section_name => {
                    placement.offset(variable.target, u32::try_from(*at).unwrap_or(u32::MAX));
                }
                // It is in another object, or nobody knows where.
                _ => placement.absent(variable.target),
            }
        }
    }
    Ok(placement.sorted())
}

/// The map that a loader has made of the section of that name, whose size is in
/// the BTF since then.
pub(super) fn loaded(btf: &Btf<'_>, name: &str) -> Option<Definition> {
    let is_it = |section: &Section<'_>| section.size != 0 && btf.is_named(section.name, name);
    is_data(name.as_bytes())
        .then(|| btf.sections().find(is_it))
        .flatten()
        .map(|section| of_section(name, section.id))
}

/// Adds the maps that loaders make of sections.
pub(super) fn maps(
    btf: &Btf<'_>,
    elf: &Elf<'_>,
    maps: &mut Vec<Definition>,
) -> Result<(), ObjectError> {
    if elf.data.is_empty() {
        return Ok(());
    }
    for section in btf.sections() {
        let name = btf.string(section.name)?;
        if !elf.data.contains_key(&*name) {
            continue;
        }
        if is_data(name.as_bytes()) {
            check_count(maps)?;
            maps.push(of_section(&name, section.id));
            continue;
        }
        for variable in section.variables() {
            check_count(maps)?;
            if let Type::Variable { name, target, .. } = btf.type_by_id(variable.target)? {
                maps.push(of_struct_ops(&btf.string(name)?, target));
            }
        }
    }
    Ok(())
}
