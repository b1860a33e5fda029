//! The header: where the types and the names are.

use std::ops::Range;

use super::BtfError;
use super::read::Endian;

pub(super) struct Header {
    pub(super) endian: Endian,
    pub(super) types: Range<usize>,
    /// Begins and ends with a NUL; that of split BTF only ends with one, and
    /// may be empty.
    pub(super) strings: Range<usize>,
    /// How long the types of each kind are, as kernels of 2026 say it; empty
    /// where nothing is said.
    pub(super) layouts: Range<usize>,
}

/// Up to and including `str_len`.
const LEN: usize = 24;
/// With `layout_off` and `layout_len`.
const LEN_WITH_LAYOUTS: usize = 32;

impl Header {
    pub(super) fn parse(data: &[u8], split: bool) -> Result<Self, BtfError> {
        let endian = match data.first_chunk::<2>() {
            Some([0x9f, 0xeb]) => Endian::Little,
            Some([0xeb, 0x9f]) => Endian::Big,
            Some(other) => return Err(BtfError::NotBtf { found: u16::from_le_bytes(*other) }),
            None => return Err(malformed("it is shorter than its magic number", data.len())),
        };
        match data.get(2) {
            Some(1) => {}
            Some(&found) => return Err(BtfError::Version { found }),
            None => return Err(malformed("the header is cut off", data.len())),
        }
        // A position in a section is kept as a u32.
        if u32::try_from(data.len()).is_err() {
            return Err(malformed("it is larger than 4 GiB", 0));
        }
        let word = |at| {
            let word = endian.u32(data, at).ok_or(malformed("the header is cut off", at))?;
            Ok(word as usize)
        };
        let header_len = word(4)?;
        if header_len < LEN || header_len > data.len() {
            return Err(malformed("the length of the header is wrong", 4));
        }
        // Sections count from the end of the header, however long it is.
        let section = |at| {
            let (offset, len) = (word(at)?, word(at + 4)?);
            let start = header_len.checked_add(offset);
            let end = start.and_then(|start| start.checked_add(len));
            match start.zip(end) {
                Some((start, end)) if end <= data.len() => Ok(start..end),
                _ => Err(malformed("a section reaches past the end", at)),
            }
        };
        let (types, strings) = (section(8)?, section(16)?);
        let layouts = if header_len >= LEN_WITH_LAYOUTS { section(24)? } else { 0..0 };
        match &data[strings.clone()] {
            [0] | [0, .., 0] => Ok(Self { endian, types, strings, layouts }),
            [] | [.., 0] if split => Ok(Self { endian, types, strings, layouts }),
            _ => {
                Err(malformed("the string table does not begin and end with a NUL", strings.start))
            }
        }
    }
}

fn malformed(what: &'static str, at: usize) -> BtfError {
    BtfError::Malformed { what, at }
}
