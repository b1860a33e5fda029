//! A struct cut into pieces, one for each field: members, the integers that
//! bitfields are in, and what can only be bytes.

use std::collections::HashMap;
use std::ops::Range;

use crate::btf::{Btf, BtfError, Type, TypeId};
use crate::compare::CMember;

/// Bytes that one field covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bytes: Range<u64>,
    pub(super) part: Part,
}

/// What is in them, by the indices of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Member(usize),
    Bitfields(Vec<usize>),
    /// Whatever: a union without a name, or members without one.
    Region(Vec<usize>),
}

impl Part {
    fn indices(self) -> Vec<usize> {
        match self {
            Self::Member(index) => vec![index],
            Self::Bitfields(indices) | Self::Region(indices) => indices,
        }
    }
}

/// The pieces of the struct `id`, by rising offset; what is between them is
/// padding.
pub(super) fn of(
    btf: &Btf<'_>,
    id: TypeId,
    members: &[CMember<'_>],
    size: u64,
    key: bool,
) -> Result<Vec<Piece>, BtfError> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut bitfields: Vec<Piece> = Vec::new();
    let mut flexible = Vec::new();
    let mut unions: HashMap<(u64, u64), usize> = HashMap::new();
    let mut names = HashMap::new();
    for (index, member) in members.iter().enumerate() {
        if let Some(arm) = member.arm() {
            let bytes = arm.union.clone();
            if bytes.is_empty() {
                continue;
            }
            let piece = *unions.entry((bytes.start, bytes.end)).or_insert_with(|| {
                pieces.push(Piece { bytes, part: Part::Region(Vec::new()) });
                pieces.len() - 1
            });
            if let Part::Region(indices) = &mut pieces[piece].part {
                indices.push(index);
            }
            continue;
        }
        if member.is_bitfield() {
            let bytes = member.bytes.clone();
            if !bytes.is_empty() {
                bitfields.push(Piece { bytes, part: Part::Bitfields(vec![index]) });
            }
            continue;
        }
        if member.size() == 0 {
            if key && matches!(btf.peel(member.target)?.ty, Type::Array { .. }) {
                flexible.push(index);
            }
            continue;
        }
        if member.is_padding() {
            continue;
        }
        // Only the first of a name is found by it.
        let first = *names.entry(&*member.name).or_insert(index) == index;
        let part = match first && !member.name.is_empty() {
            true => Part::Member(index),
            false => Part::Region(vec![index]),
        };
        pieces.push(Piece { bytes: member.bytes.clone(), part });
    }
    let meets =
        |bytes: &Range<u64>, other: &Range<u64>| bytes.start < other.end && other.start < bytes.end;
    let is_free = |unit: &Range<u64>| {
        unit.end <= size && !pieces.iter().any(|piece| meets(unit, &piece.bytes))
    };
    for piece in &mut bitfields {
        let Part::Bitfields(indices) = &piece.part else { continue };
        let unit = unit(btf, &members[indices[0]])?;
        if let Some(unit) = unit.filter(is_free) {
            piece.bytes = unit;
        }
    }
    pieces.extend(merged(bitfields).into_iter().filter(|piece| match &piece.part {
        Part::Bitfields(indices) => indices.iter().any(|index| !members[*index].is_padding()),
        _ => true,
    }));
    let mut pieces = merged(pieces);
    for index in flexible {
        claim_flexible(&mut pieces, index, members[index].bytes.start);
    }
    match pieces.last() {
        Some(last) if last.bytes.end > size => Err(BtfError::Malformed {
            what: "a member reaches past the end of its struct",
            at: btf.place_of(id),
        }),
        _ => Ok(pieces),
    }
}

/// The integer that a bitfield is in, if its type says so.
fn unit(btf: &Btf<'_>, member: &CMember<'_>) -> Result<Option<Range<u64>>, BtfError> {
    let size = btf.size_of(member.target)?;
    if !matches!(size, 1 | 2 | 4 | 8) {
        return Ok(None);
    }
    let start = member.bytes.start / size * size;
    Ok(Some(start..start + size).filter(|unit| member.bytes.end <= unit.end))
}

/// Sorts the pieces, and makes one of those that share bytes: opaque ones,
/// unless all are bitfields.
fn merged(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.sort_by_key(|piece| (piece.bytes.start, piece.bytes.end));
    let mut merged: Vec<Piece> = Vec::new();
    for piece in pieces {
        match merged.last_mut() {
            Some(last) if piece.bytes.start < last.bytes.end => {
                last.bytes.end = last.bytes.end.max(piece.bytes.end);
                let both = (std::mem::replace(&mut last.part, Part::Member(0)), piece.part);
                last.part = match both {
                    (Part::Bitfields(mut first), Part::Bitfields(second)) => {
                        first.extend(second);
                        Part::Bitfields(first)
                    }
                    (first, second) => {
                        let mut indices = first.indices();
                        indices.extend(second.indices());
                        Part::Region(indices)
                    }
                };
            }
            _ => merged.push(piece),
        }
    }
    merged
}

/// The array without a length at the end of a key is in no field; bytes that
/// end where it begins take it in.
fn claim_flexible(pieces: &mut Vec<Piece>, index: usize, at: u64) {
    let touches = |piece: &&mut Piece| piece.bytes.start <= at && at <= piece.bytes.end;
    if let Some(piece) = pieces.iter_mut().find(touches) {
        let part = std::mem::replace(&mut piece.part, Part::Member(0));
        let mut indices = part.indices();
        indices.push(index);
        piece.part = Part::Region(indices);
        return;
    }
    // It is behind a hole.
    let before = pieces.iter().map(|piece| piece.bytes.end).filter(|end| *end <= at).max();
    let start = before.unwrap_or(0);
    if start < at {
        pieces.push(Piece { bytes: start..at, part: Part::Region(vec![index]) });
        pieces.sort_by_key(|piece| piece.bytes.start);
    }
}
