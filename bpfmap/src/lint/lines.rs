//! The section `.BTF.ext`: which line of source each instruction is from.
//!
//! The format is that of the kernel's `Documentation/bpf/btf.rst`: a header like
//! that of BTF, and in its second part, for each section of code, records of an
//! instruction, a file, the text of a line, and its number and column.

use std::collections::HashMap;

use super::SourceLine;
use crate::btf::Btf;

/// A line, by offsets into the string table of the BTF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    /// Where the code of the line begins, in bytes from that of the section.
    at: u32,
    file: u32,
    text: u32,
    /// The number of the line, and in the lower 10 bits the column.
    place: u32,
}

/// Bytes of `struct bpf_line_info`; a record may be longer.
const RECORD_LEN: usize = 16;

/// The lines of instructions: for each the name of its section and its offset in
/// that, in bytes. `None` where the section does not say.
pub(super) fn lines_of(
    btf: &Btf<'_>,
    section: &[u8],
    places: &[(&str, u64)],
) -> Vec<Option<SourceLine>> {
    let Some((records, len)) = line_info(btf, section) else { return vec![None; places.len()] };
    // Each section of code once, however many maps it refers to.
    let mut wanted: HashMap<&str, Vec<(u64, usize)>> = HashMap::new();
    for (index, (section, at)) in places.iter().enumerate() {
        wanted.entry(section).or_default().push((*at, index));
    }
    let mut found = vec![None; places.len()];
    let mut rest = records;
    while let Some((block, after)) = block(btf, rest, len) {
        rest = after;
        let Ok(name) = btf.string(block.name) else { continue };
        let Some(places) = wanted.get(&*name) else { continue };
        let mut records: Vec<Record> = block
            .records
            .chunks_exact(len)
            .filter_map(|record| Record::read(btf, record))
            .collect();
        records.sort_by_key(|record| record.at);
        for (at, index) in places {
            // The line that the instruction is in has begun before it.
            let begun = records.partition_point(|record| u64::from(record.at) <= *at);
            let line = begun.checked_sub(1).and_then(|last| source_line(btf, records[last]));
            found[*index] = line.or(found[*index].take());
        }
    }
    found
}

/// The part with the lines, and how long a record is.
fn line_info<'s>(btf: &Btf<'_>, section: &'s [u8]) -> Option<(&'s [u8], usize)> {
    let word = |at| btf.word(section, at);
    let magic = if btf.is_little_endian() { [0x9f, 0xeb, 1] } else { [0xeb, 0x9f, 1] };
    if !section.starts_with(&magic) {
        return None;
    }
    let (header, offset, len) = (word(4)?, word(16)?, word(20)?);
    let start = header.checked_add(offset)?;
    let part = section.get(start as usize..start.checked_add(len)? as usize)?;
    let record = btf.word(part, 0)? as usize;
    (record >= RECORD_LEN).then_some(())?;
    Some((&part[4..], record))
}

/// The records of one section of code.
struct Block<'s> {
    /// The name of the section.
    name: u32,
    records: &'s [u8],
}

/// The first block, and what is behind it.
fn block<'s>(btf: &Btf<'_>, bytes: &'s [u8], record: usize) -> Option<(Block<'s>, &'s [u8])> {
    let (name, count) = (btf.word(bytes, 0)?, btf.word(bytes, 4)?);
    let len = record.checked_mul(count as usize)?;
    let (records, rest) = bytes.get(8..)?.split_at_checked(len)?;
    Some((Block { name, records }, rest))
}

impl Record {
    fn read(btf: &Btf<'_>, bytes: &[u8]) -> Option<Self> {
        let word = |at| btf.word(bytes, at);
        Some(Self { at: word(0)?, file: word(4)?, text: word(8)?, place: word(12)? })
    }
}

fn source_line(btf: &Btf<'_>, record: Record) -> Option<SourceLine> {
    let text = |offset| btf.string(offset).ok().map(|text| text.into_owned());
    let file = text(record.file).filter(|file| !file.is_empty())?;
    let line = text(record.text).unwrap_or_default().trim().to_owned();
    Some(SourceLine { file, line: record.place >> 10, column: record.place & 0x3ff, text: line })
}
