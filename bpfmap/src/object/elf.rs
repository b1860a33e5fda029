//! What is needed of an ELF file: its BTF, the symbols of maps that were
//! declared without it, and where global variables are.
//!
//! The names of sections and symbols may overlap and be as long as the file, so
//! none is read further than it has to be.

use std::collections::{HashMap, HashSet};

use object::read::elf::{ElfFile64, FileHeader, SectionHeader, Sym};
use object::{Architecture, Endianness, FileKind, Object as _, SectionIndex};

use super::{ObjectError, sections};

pub(super) struct Elf<'a> {
    /// The section `.BTF`.
    pub(super) btf: &'a [u8],
    /// The symbols of the sections `maps`.
    pub(super) legacy_maps: Vec<LegacyMap<'a>>,
    /// The names and sizes of the sections of which loaders make maps.
    pub(super) data: HashMap<&'a str, u64>,
    /// In which of them and where each variable is that other objects may see.
    pub(super) variables: HashMap<&'a str, (&'a str, u64)>,
    pub(super) little_endian: bool,
}

/// A map of the section in which maps were declared before BTF; aya-ebpf's
/// `#[map]` still uses it.
pub(super) struct LegacyMap<'a> {
    pub(super) name: &'a str,
    /// The section, and where in it the declaration begins.
    pub(super) section: &'a [u8],
    pub(super) at: u64,
    /// How long it is; 0 when that is not said.
    pub(super) len: u64,
}

/// How much of a symbol's name is read, in bytes.
const MAX_NAME: usize = 512;

pub(super) fn read(bytes: &[u8]) -> Result<Elf<'_>, ObjectError> {
    let not_elf = |error: object::Error| ObjectError::NotElf(error.to_string());
    match FileKind::parse(bytes).map_err(not_elf)? {
        FileKind::Elf64 => {}
        FileKind::Elf32 => return Err(ObjectError::NotBpf("a machine of 32 bits".into())),
        // Other users of `object` may have switched other formats on.
        kind => return Err(ObjectError::NotElf(format!("it is {kind:?}"))),
    }
    let file = ElfFile64::<Endianness>::parse(bytes).map_err(not_elf)?;
    match file.architecture() {
        Architecture::Bpf => {}
        Architecture::Unknown => return Err(ObjectError::NotBpf("an unknown machine".into())),
        other => return Err(ObjectError::NotBpf(format!("{other:?}"))),
    }
    let (endian, sections) = (file.endian(), file.elf_section_table());
    let content = |index| sections.section(index)?.data(endian, bytes);
    let names = file.elf_header().section_strings_index(endian, bytes).and_then(content);
    let names = names.map_err(not_elf)?;
    let named = |name: &'static [u8]| {
        sections.enumerate().filter(move |(_, section)| {
            let rest = names.get(section.sh_name(endian) as usize..);
            rest.is_some_and(|rest| rest.starts_with(name))
        })
    };
    let (btf, _) = named(b".BTF\0").next().ok_or(ObjectError::NoBtf)?;
    let btf = content(btf).map_err(not_elf)?;

    let mut data_sections = HashMap::new();
    let mut data = HashMap::new();
    let mut twice = HashSet::new();
    for (index, section) in sections.enumerate() {
        let name = text(names, section.sh_name(endian));
        if let Some(name) = name.filter(|name| sections::is_known(name.as_bytes())) {
            data_sections.insert(index, name);
            if data.insert(name, section.sh_size(endian)).is_some() {
                twice.insert(name);
            }
        }
    }
    // One map cannot be made of two sections.
    data.retain(|name, _| !twice.contains(name));

    let maps = named(b"maps\0").map(|(index, _)| Ok((index, content(index)?)));
    let maps: HashMap<SectionIndex, &[u8]> = maps.collect::<Result<_, _>>().map_err(not_elf)?;
    let symbols = file.elf_symbol_table();
    let names = match symbols.string_section() {
        SectionIndex(0) => &[],
        index => content(index).map_err(not_elf)?,
    };
    let mut legacy_maps = Vec::new();
    let mut variables = HashMap::new();
    for (index, symbol) in symbols.enumerate() {
        let Ok(Some(section)) = symbols.symbol_section(endian, symbol, index) else { continue };
        let (legacy, data_section) = (maps.get(&section), data_sections.get(&section));
        if legacy.is_none() && data_section.is_none() {
            continue;
        }
        // The section has a symbol of its own, without a name.
        let name = text(names, symbol.st_name(endian)).filter(|name| !name.is_empty());
        let Some(name) = name else { continue };
        let at = symbol.st_value(endian);
        if let Some(section) = legacy {
            legacy_maps.push(LegacyMap { name, section, at, len: symbol.st_size(endian) });
        } else if let Some(section) = data_section
            && !symbol.is_local()
        {
            variables.insert(name, (*section, at));
        }
    }
    let little_endian = file.is_little_endian();
    Ok(Elf { btf, legacy_maps, data, variables, little_endian })
}

/// The string at `at` of a table, or the beginning of a long one.
pub(super) fn text(table: &[u8], at: u32) -> Option<&str> {
    let rest = table.get(at as usize..)?;
    let bytes = &rest[..rest.len().min(MAX_NAME)];
    std::str::from_utf8(bytes.split(|byte| *byte == 0).next()?).ok()
}
