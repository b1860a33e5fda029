//! What is needed of an ELF file: its BTF, and the symbols of maps that were
//! declared without it.
//!
//! The names of sections and symbols may overlap and be as long as the file, so
//! none is read further than it has to be.

use std::collections::HashMap;

use object::read::elf::{ElfFile64, FileHeader, SectionHeader, Sym};
use object::{Architecture, Endianness, FileKind, Object as _, SectionIndex};

use super::ObjectError;

pub(super) struct Elf<'a> {
    /// The section `.BTF`.
    pub(super) btf: &'a [u8],
    /// The symbols of the sections `maps`.
    pub(super) legacy_maps: Vec<LegacyMap<'a>>,
    pub(super) little_endian: bool,
}

/// A map of the section in which maps were declared before BTF; aya-ebpf's
/// `#[map]` still uses it.
pub(super) struct LegacyMap<'a> {
    pub(super) name: &'a str,
    /// The section, and where in it the declaration begins.
    pub(super) section: &'a [u8],
    pub(super) at: u64,
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
    let data = |index| sections.section(index)?.data(endian, bytes);
    let names = file.elf_header().section_strings_index(endian, bytes).and_then(data);
    let names = names.map_err(not_elf)?;
    let named = |name: &'static [u8]| {
        sections.enumerate().filter(move |(_, section)| {
            let rest = names.get(section.sh_name(endian) as usize..);
            rest.is_some_and(|rest| rest.starts_with(name))
        })
    };
    let (btf, _) = named(b".BTF\0").next().ok_or(ObjectError::NoBtf)?;
    let btf = data(btf).map_err(not_elf)?;

    let maps = named(b"maps\0").map(|(index, _)| Ok((index, data(index)?)));
    let maps: HashMap<SectionIndex, &[u8]> = maps.collect::<Result<_, _>>().map_err(not_elf)?;
    let symbols = file.elf_symbol_table();
    let names = match symbols.string_section() {
        SectionIndex(0) => &[],
        index => data(index).map_err(not_elf)?,
    };
    let mut legacy_maps = Vec::new();
    for (index, symbol) in symbols.enumerate() {
        let section = symbols.symbol_section(endian, symbol, index).ok().flatten();
        let Some(section) = section.and_then(|section| maps.get(&section)) else { continue };
        let name = names.get(symbol.st_name(endian) as usize..).unwrap_or_default();
        let name = &name[..name.len().min(MAX_NAME)];
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        // The section has a symbol of its own, without a name.
        if let Ok(name) = std::str::from_utf8(name)
            && !name.is_empty()
        {
            legacy_maps.push(LegacyMap { name, section, at: symbol.st_value(endian) });
        }
    }
    Ok(Elf { btf, legacy_maps, little_endian: file.is_little_endian() })
}
