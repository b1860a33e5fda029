//! Where in its code an object refers to each of its maps, and the section
//! `.BTF.ext`, which knows the lines of source of that code.
//!
//! Only for reports: whatever cannot be read is as if it were not there.

use std::collections::{HashMap, HashSet};

use object::elf::{SHF_EXECINSTR, STT_SECTION};
use object::read::elf::{ElfFile64, FileHeader, Rel, Rela, SectionHeader, Sym};
use object::{Endianness, Object as _, SectionIndex, SymbolIndex};

use super::elf::text;

/// What the code of an object says of its maps.
#[derive(Debug, Default)]
pub(crate) struct References<'a> {
    /// For the name of a map the first instruction that refers to it: the name of
    /// its section, and where in it, in bytes.
    pub(crate) first: HashMap<String, (&'a str, u64)>,
    /// The section `.BTF.ext`.
    pub(crate) btf_ext: &'a [u8],
}

/// The references to the maps of these names.
pub(crate) fn references<'a>(bytes: &'a [u8], maps: &HashSet<&str>) -> References<'a> {
    read(bytes, maps).unwrap_or_default()
}

/// The symbols of maps.
struct Symbols<'a> {
    /// By their numbers.
    named: HashMap<SymbolIndex, &'a str>,
    /// The sections that maps are in, by the numbers of their own symbols.
    sections: HashMap<SymbolIndex, SectionIndex>,
    /// By where they are.
    placed: HashMap<(SectionIndex, u64), &'a str>,
}

fn read<'a>(bytes: &'a [u8], maps: &HashSet<&str>) -> Option<References<'a>> {
    let file = ElfFile64::<Endianness>::parse(bytes).ok()?;
    let (endian, sections) = (file.endian(), file.elf_section_table());
    let content = |index| sections.section(index).ok()?.data(endian, bytes).ok();
    let names = content(file.elf_header().section_strings_index(endian, bytes).ok()?)?;
    let name_of = |index| text(names, sections.section(index).ok()?.sh_name(endian));
    let ext = sections.enumerate().find(|(index, _)| name_of(*index) == Some(".BTF.ext"));
    let btf_ext = ext.and_then(|(index, _)| content(index)).unwrap_or_default();

    let symbols = symbols(&file, bytes, maps);
    let mut first = HashMap::<String, (usize, u64)>::new();
    for (_, section) in sections.enumerate() {
        let target = section.info_link(endian);
        let is_code = sections
            .section(target)
            .is_ok_and(|target| target.sh_flags(endian) & u64::from(SHF_EXECINSTR) != 0);
        if target == SectionIndex(0) || !is_code {
            continue;
        }
        let code = content(target).unwrap_or_default();
        let mut found = |offset: u64, symbol: SymbolIndex| {
            let name = symbols.named.get(&symbol).copied().or_else(|| {
                // A map that only its file sees: the instruction says which.
                let section = symbols.sections.get(&symbol)?;
                let at = usize::try_from(offset).ok()?.checked_add(4)?;
                let place = *code.get(at..)?.first_chunk::<4>()?;
                let place = match file.is_little_endian() {
                    true => u32::from_le_bytes(place),
                    false => u32::from_be_bytes(place),
                };
                symbols.placed.get(&(*section, place.into())).copied()
            });
            let Some(name) = name else { return };
            let place = (target.0, offset);
            match first.get_mut(name) {
                Some(known) => *known = (*known).min(place),
                None => drop(first.insert(name.into(), place)),
            }
        };
        if let Ok(Some((relocations, _))) = section.rel(endian, bytes) {
            for one in relocations {
                found(one.r_offset(endian), SymbolIndex(one.r_sym(endian) as usize));
            }
        }
        if let Ok(Some((relocations, _))) = section.rela(endian, bytes) {
            for one in relocations {
                found(one.r_offset(endian), SymbolIndex(one.r_sym(endian, false) as usize));
            }
        }
    }
    let named = |(name, (section, at))| Some((name, (name_of(SectionIndex(section))?, at)));
    Some(References { first: first.into_iter().filter_map(named).collect(), btf_ext })
}

fn symbols<'a>(
    file: &ElfFile64<'a, Endianness>,
    bytes: &'a [u8],
    maps: &HashSet<&str>,
) -> Symbols<'a> {
    let (endian, table) = (file.endian(), file.elf_symbol_table());
    let names = file.elf_section_table().section(table.string_section());
    let names = names.and_then(|names| names.data(endian, bytes)).unwrap_or_default();
    let mut symbols =
        Symbols { named: HashMap::new(), sections: HashMap::new(), placed: HashMap::new() };
    for (index, symbol) in table.enumerate() {
        let Ok(Some(section)) = table.symbol_section(endian, symbol, index) else { continue };
        if symbol.st_type() == STT_SECTION {
            symbols.sections.insert(index, section);
            continue;
        }
        let name = text(names, symbol.st_name(endian)).filter(|name| maps.contains(name));
        if let Some(name) = name {
            symbols.named.insert(index, name);
            symbols.placed.insert((section, symbol.st_value(endian)), name);
        }
    }
    symbols
}
