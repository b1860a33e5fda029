//! The members of a C struct as C's own rules of scope have them: those of an
//! anonymous member belong to the struct around it.

use std::borrow::Cow;
use std::ops::Range;

use crate::btf::{Btf, BtfError, Composite, Type, TypeId};

/// How many members are compared at most, the anonymous ones opened.
const MAX_MEMBERS: usize = 1 << 16;
/// How deep anonymous members may nest.
const MAX_DEPTH: usize = 32;

pub(super) struct CMember<'a> {
    /// Empty for an anonymous one.
    pub(super) name: Cow<'a, str>,
    pub(super) target: TypeId,
    /// From the beginning of the outermost struct.
    pub(super) bytes: Range<u64>,
    pub(super) bitfield: bool,
    /// The bytes of the anonymous union that it is an arm of.
    pub(super) union: Option<Range<u64>>,
}

impl CMember<'_> {
    /// Whether its name says that its bytes mean nothing.
    ///
    /// The names are those of kernel headers (`__pad1`, `reserved`, `unused`):
    /// one such word, with underscores and digits around it.
    pub(super) fn is_padding(&self) -> bool {
        let is_edge = |c: char| c == '_' || c.is_ascii_digit();
        let word = self.name.trim_matches(is_edge).to_ascii_lowercase();
        let known = [
            "pad", "padding", "reserved", "rsvd", "resv", "unused", "spare", "fill", "filler",
            "hole",
        ];
        known.contains(&word.as_str())
    }

    pub(super) fn size(&self) -> u64 {
        self.bytes.end - self.bytes.start
    }
}

/// All members of `composite`, which begins at byte `base`.
pub(super) fn members<'a>(
    btf: &'a Btf<'_>,
    composite: Composite<'a>,
    base: u64,
) -> Result<Vec<CMember<'a>>, BtfError> {
    let mut found = Vec::new();
    let whole = base..base + u64::from(composite.size);
    let union = composite.union.then_some(whole);
    // Counts the anonymous ones too: empty structs nested in one another leave
    // nothing behind, and could take for ever.
    let mut left = MAX_MEMBERS;
    open(btf, composite, base * 8, union, MAX_DEPTH, &mut left, &mut found)?;
    Ok(found)
}

fn open<'a>(
    btf: &'a Btf<'_>,
    composite: Composite<'a>,
    base_bits: u64,
    union: Option<Range<u64>>,
    depth: usize,
    left: &mut usize,
    found: &mut Vec<CMember<'a>>,
) -> Result<(), BtfError> {
    let id = composite.id;
    if depth == 0 {
        return Err(BtfError::TooDeep { id });
    }
    *left =
        left.checked_sub(composite.len()).ok_or(BtfError::TooLarge { id, limit: MAX_MEMBERS })?;
    for member in composite.members() {
        let name = btf.string(member.name)?;
        let bits = base_bits + u64::from(member.bit_offset);
        let inner = btf.peel(member.target)?.ty;
        if let (true, Type::Composite(inner)) = (name.is_empty(), inner) {
            let bytes = bits / 8..bits / 8 + u64::from(inner.size);
            let union = union.clone().or(inner.union.then_some(bytes));
            open(btf, inner, bits, union, depth - 1, left, found)?;
            continue;
        }
        let legacy = matches!(inner, Type::Int(int) if int.bitfield);
        let bitfield = member.bitfield_size != 0 || legacy || !bits.is_multiple_of(8);
        let bytes = if bitfield {
            let width = match member.bitfield_size {
                0 => btf.size_of(member.target)? * 8,
                width => u64::from(width),
            };
            bits / 8..(bits + width).div_ceil(8)
        } else {
            let start = bits / 8;
            let end = start.checked_add(btf.size_of(member.target)?);
            start..end.ok_or(BtfError::TooDeep { id: member.target })?
        };
        found.push(CMember { name, target: member.target, bytes, bitfield, union: union.clone() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_known_by_whole_words() {
        let is_padding = |name: &'static str| {
            CMember { name: name.into(), target: 0, bytes: 0..1, bitfield: false, union: None }
                .is_padding()
        };
        for name in
            ["pad", "_pad", "__pad1", "pad_2", "Padding", "reserved", "__reserved0", "unused"]
        {
            assert!(is_padding(name), "{name}");
        }
        for name in ["padlock", "pad_width", "reserved_ips", "unused_slots", "_flags", "", "filled"]
        {
            assert!(!is_padding(name), "{name}");
        }
    }
}
