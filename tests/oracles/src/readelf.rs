//! Sections and symbols as `readelf` prints them.

use std::path::Path;

use anyhow::{Context, Result};

use crate::tool::print;

pub(crate) struct Elf {
    pub(crate) little_endian: bool,
    pub(crate) sections: Vec<Section>,
    pub(crate) symbols: Vec<Symbol>,
}

pub(crate) struct Section {
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) size: u64,
}

pub(crate) struct Symbol {
    pub(crate) name: String,
    pub(crate) value: u64,
    pub(crate) size: u64,
    /// By index; `None` where it is in none.
    pub(crate) section: Option<usize>,
}

impl Elf {
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let text = readelf(&["--file-header", "--sections", "--symbols"], path)?;
        let little_endian = text.contains("2's complement, little endian");
        let mut sections: Vec<_> = text.lines().filter_map(section).collect();
        // The first one has neither a name nor a size.
        sections.retain(|section| section.index != 0);
        let symbols = text.lines().filter_map(symbol).collect();
        Ok(Self { little_endian, sections, symbols })
    }

    pub(crate) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// What has a name there.
    pub(crate) fn symbols_in(&self, section: &Section) -> impl Iterator<Item = &Symbol> {
        let index = section.index;
        let has_name = |symbol: &&Symbol| !symbol.name.is_empty();
        self.symbols.iter().filter(move |symbol| symbol.section == Some(index)).filter(has_name)
    }
}

/// What is in a section.
pub(crate) fn content(path: &Path, section: &str) -> Result<Vec<u8>> {
    let text = readelf(&[&format!("--hex-dump={section}")], path)?;
    Ok(text.lines().filter_map(bytes).flatten().collect())
}

fn readelf(arguments: &[&str], path: &Path) -> Result<String> {
    let arguments = [&["--wide"], arguments].concat();
    let text = print("readelf", &arguments, path)?;
    String::from_utf8(text).context("readelf prints what is not UTF-8")
}

/// `  0x00000010 01000000 0400     ......`: the offset, up to 16 bytes in groups
/// of four, and the same as text.
fn bytes(line: &str) -> Option<Vec<u8>> {
    let rest = line.strip_prefix("  0x")?.get("00000000 ".len()..)?;
    let digits: Vec<_> = rest.get(..4 * "00000000 ".len())?.split_whitespace().collect();
    let digits = digits.concat();
    let pairs = (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

/// `[ 9] .bss NOBITS 0000000000000000 0004e0 000050 00 WA 0 0 4`: index, name,
/// type, address, offset, size.
fn section(line: &str) -> Option<Section> {
    let (index, rest) = line.trim().strip_prefix('[')?.split_once(']')?;
    let index = index.trim().parse().ok()?;
    let words: Vec<_> = rest.split_whitespace().collect();
    let size = u64::from_str_radix(words.get(4)?, 16).ok()?;
    Some(Section { index, name: (*words.first()?).into(), size })
}

/// `5: 0000000000000000 80 OBJECT LOCAL DEFAULT 9 hist`: value, size, type,
/// binding, visibility, section, name.
fn symbol(line: &str) -> Option<Symbol> {
    let mut words = line.split_whitespace();
    words.next()?.strip_suffix(':')?.parse::<u32>().ok()?;
    let value = u64::from_str_radix(words.next()?, 16).ok()?;
    let size = words.next()?;
    // A large size is printed in hexadecimal.
    let size = match size.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        None => size.parse().ok()?,
    };
    let kind = words.next()?;
    let section = words.nth(2)?.parse().ok();
    // That of a section is the section's.
    let name = if kind == "SECTION" { "" } else { words.next().unwrap_or_default() };
    Some(Symbol { name: name.into(), value, size, section })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let bss = "  [ 9] .bss NOBITS          0000000000000000 0004e0 000050 00  WA  0   0  4";
        let bss = section(bss).unwrap();
        assert_eq!((bss.index, &*bss.name, bss.size), (9, ".bss", 0x50));
        let hist = "     5: 0000000000000010  80 OBJECT  LOCAL  DEFAULT    9 hist";
        let hist = symbol(hist).unwrap();
        assert_eq!((&*hist.name, hist.value, hist.size, hist.section), ("hist", 16, 80, Some(9)));
        let large = "     6: 0000000000000000 0x186a0 OBJECT  GLOBAL DEFAULT  UND large";
        let large = symbol(large).unwrap();
        assert_eq!((large.size, large.section), (100_000, None));
        let dump = "  0x00000010 01000000 0400                       abcdef";
        assert_eq!(bytes(dump), Some(vec![1, 0, 0, 0, 4, 0]));
        assert_eq!(bytes("Hex dump of section 'maps':"), None);
        assert!(section("  [Nr] Name Type Address Off Size ES Flg Lk Inf Al").is_none());
        assert!(
            symbol("   Num:    Value          Size Type    Bind   Vis      Ndx Name").is_none()
        );
    }
}
