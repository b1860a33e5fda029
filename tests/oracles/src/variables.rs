//! Where global variables are.

use anyhow::Result;
use bpfmap::MapDefinition;

use crate::bpftool::Dump;
use crate::differences::Differences;
use crate::expected::{Globals, Map};
use crate::readelf::Elf;

/// A variable: name, type, place and length.
type Variable = (String, u32, u64, u64);

/// Compares a section of variables with what bpftool says of its types, and
/// readelf of its symbols.
pub(crate) fn same_section(
    name: &str,
    ours: MapDefinition<'_>,
    Globals { map, section }: &Globals<'_>,
    dump: &Dump<'_>,
    elf: &Elf,
    differences: &mut Differences,
) -> Result<()> {
    differences.compare("bpftool and readelf", || name.into(), &Map::from(ours), map);
    let Some(value) = ours.value() else { return Ok(()) };
    let ours = value.members()?.into_iter().map(|member| {
        let (start, len) = (member.bits.start / 8, (member.bits.end - member.bits.start) / 8);
        (member.name.into_owned(), member.ty.id(), start, len)
    });
    let symbols: Vec<_> =
        elf.section(section.name()).into_iter().flat_map(|it| elf.symbols_in(it)).collect();
    // An extern one is in another object.
    let is_here = |ty: u32| dump.get(ty).is_none_or(|ty| ty.linkage.as_deref() != Some("extern"));
    let theirs = section.vars.iter().filter(|variable| is_here(variable.type_id)).map(|variable| {
        let ty = dump.get(variable.type_id);
        let of_name = ty.map_or("", |ty| ty.name());
        // A static one may have the name of another, and its symbol another
        // name; where it is the compiler has said.
        let is_static = ty.is_some_and(|ty| ty.linkage.as_deref() == Some("static"));
        let symbol = symbols.iter().find(|symbol| match is_static {
            true => (symbol.value, symbol.size) == (variable.offset, variable.size),
            false => symbol.name == of_name,
        });
        let place = symbol.map_or((u64::MAX, u64::MAX), |symbol| (symbol.value, symbol.size));
        (of_name.to_owned(), variable.type_id, place.0, place.1)
    });
    let (mut ours, mut theirs): (Vec<Variable>, Vec<Variable>) = (ours.collect(), theirs.collect());
    ours.sort();
    theirs.sort();
    for (ours, theirs) in ours.iter().zip(&theirs) {
        let what = || format!("{name}, `{}`", section.name());
        differences.compare("readelf", what, ours, theirs);
    }
    differences.compare("bpftool", || name.into(), &ours.len(), &theirs.len());
    Ok(())
}
