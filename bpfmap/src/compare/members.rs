//! The members of a C struct as C's own rules of scope have them: those of an
//! anonymous member belong to the struct around it.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use crate::btf::{Btf, BtfError, Composite, Section, Type, TypeId, TypeName};

/// How many members are compared at most, the anonymous ones opened.
const MAX_MEMBERS: usize = 1 << 13;
/// How deep anonymous members may nest.
const MAX_DEPTH: usize = 32;

pub(crate) struct CMember<'a> {
    /// Empty for an anonymous one.
    pub(crate) name: Cow<'a, str>,
    pub(crate) target: TypeId,
    /// From the beginning of the outermost struct.
    pub(crate) bytes: Range<u64>,
    /// How many bits of it are used, when it is a bitfield.
    pub(crate) bits: Option<u64>,
    /// Where it begins, in bits.
    pub(crate) first_bit: u64,
    /// The anonymous unions that it is in, the innermost first.
    pub(crate) arms: Option<Rc<Arms>>,
    /// Whether its type says that its bytes mean nothing.
    pub(crate) is_pad: bool,
}

/// An arm, and those around it.
pub(crate) struct Arms {
    arm: Arm,
    outer: Option<Rc<Self>>,
}

/// An arm of an anonymous union.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arm {
    /// The bytes of the union.
    pub(crate) union: Range<u64>,
    /// Which arm; a struct that is one has several members.
    pub(crate) index: usize,
}

impl CMember<'_> {
    /// Whether an anonymous union has both, in different arms.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        let (own, other): (Vec<_>, Vec<_>) =
            (self.all_arms().collect(), other.all_arms().collect());
        let mut pairs = own.iter().rev().zip(other.iter().rev());
        let apart = pairs.find(|(own, other)| own != other);
        apart.is_some_and(|(own, other)| own.union == other.union)
    }

    /// The arm of the outermost union, which has to be chosen first.
    pub(crate) fn arm(&self) -> Option<&Arm> {
        self.all_arms().last()
    }

    /// From the innermost union outwards.
    fn all_arms(&self) -> impl Iterator<Item = &Arm> {
        let arms = std::iter::successors(self.arms.as_deref(), |arms| arms.outer.as_deref());
        arms.map(|arms| &arms.arm)
    }

    /// Whether its type or its name says that its bytes mean nothing.
    pub(crate) fn is_padding(&self) -> bool {
        self.is_pad || is_padding_name(&self.name)
    }

    pub(crate) fn is_bitfield(&self) -> bool {
        self.bits.is_some()
    }

    /// Its type as C spells it.
    pub(crate) fn type_name(&self, btf: &Btf<'_>) -> String {
        let ty = TypeName::of(btf, self.target);
        match self.bits {
            Some(bits) => format!("{ty}:{bits}"),
            None => ty.to_string(),
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.bytes.end - self.bytes.start
    }
}

/// Whether a name says that its bytes mean nothing.
///
/// The names are those of kernel headers (`__pad1`, `reserved`, `unused`): one
/// such word, with underscores and digits around it.
pub(crate) fn is_padding_name(name: &str) -> bool {
    let is_edge = |c: char| c == '_' || c.is_ascii_digit();
    let word = name.trim_matches(is_edge);
    let known =
        ["pad", "padding", "reserved", "rsvd", "resv", "unused", "spare", "fill", "filler", "hole"];
    known.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// All members of `composite`, which begins at byte `base`.
pub(crate) fn members<'a>(
    btf: &'a Btf<'_>,
    composite: Composite<'a>,
    base: u64,
) -> Result<Vec<CMember<'a>>, BtfError> {
    let mut found = Vec::new();
    // Counts the anonymous ones too: empty structs nested in one another leave
    // nothing behind, and could take for ever.
    let mut left = MAX_MEMBERS;
    open(btf, composite, base * 8, None, MAX_DEPTH, &mut left, &mut found)?;
    Ok(found)
}

/// The variables of a section, as members of a struct.
pub(crate) fn variables<'a>(
    btf: &'a Btf<'_>,
    section: Section<'a>,
    base: u64,
) -> Result<Vec<CMember<'a>>, BtfError> {
    if section.len() > MAX_MEMBERS {
        return Err(BtfError::TooLarge { id: section.id, limit: MAX_MEMBERS });
    }
    let mut found = Vec::new();
    for variable in section.variables() {
        let name = btf.type_by_id(variable.target)?.name();
        let name = name.map_or(Ok("".into()), |name| btf.string(name))?;
        let start = base + u64::from(variable.offset);
        let bytes = start..start.saturating_add(btf.size_of(variable.target)?);
        let (target, is_pad) = (variable.target, btf.is_pad(btf.peel(variable.target)?.ty)?);
        let first_bit = start.saturating_mul(8);
        found.push(CMember { name, target, bytes, bits: None, first_bit, arms: None, is_pad });
    }
    // Compilers list them in another order than linkers place them.
    found.sort_by_key(|variable| variable.bytes.start);
    Ok(found)
}

fn open<'a>(
    btf: &'a Btf<'_>,
    composite: Composite<'a>,
    base_bits: u64,
    outer: Option<&Rc<Arms>>,
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
    let bytes = base_bits / 8..base_bits / 8 + u64::from(composite.size);
    for (index, member) in composite.members().enumerate() {
        let arms = match composite.union {
            true => {
                let arm = Arm { union: bytes.clone(), index };
                Some(Rc::new(Arms { arm, outer: outer.cloned() }))
            }
            false => outer.cloned(),
        };
        let name = btf.string(member.name)?;
        let bits = base_bits + u64::from(member.bit_offset);
        let inner = btf.peel(member.target)?.ty;
        if let (true, Type::Composite(inner)) = (name.is_empty(), inner) {
            open(btf, inner, bits, arms.as_ref(), depth - 1, left, found)?;
            continue;
        }
        let bitfield = btf.bitfield(&member)?;
        let (start, width) = match bitfield {
            Some((start, width)) => (base_bits + start, width),
            None => (bits, btf.size_of(member.target)?.saturating_mul(8)),
        };
        let bytes = start / 8..start.saturating_add(width).div_ceil(8);
        let bits = (bitfield.is_some() || !bits.is_multiple_of(8)).then_some(width);
        let is_pad = btf.is_pad(inner)?;
        let (target, first_bit) = (member.target, start);
        found.push(CMember { name, target, bytes, bits, first_bit, arms, is_pad });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_known_by_whole_words() {
        for name in
            ["pad", "_pad", "__pad1", "pad_2", "Padding", "reserved", "__reserved0", "unused"]
        {
            assert!(is_padding_name(name), "{name}");
        }
        for name in ["padlock", "pad_width", "reserved_ips", "unused_slots", "_flags", "", "filled"]
        {
            assert!(!is_padding_name(name), "{name}");
        }
    }
}
