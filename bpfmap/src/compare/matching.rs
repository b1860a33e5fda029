//! Which member each field stands for.

use std::ops::Range;

use super::members::CMember;
use crate::layout::{Counterpart, Field, Kind, Layout};

pub(super) enum Partner {
    None,
    /// The member of that index.
    Member(usize),
    /// All members in the field's bytes, which it says nothing more of.
    Region,
}

pub(super) struct Matching {
    /// For each field.
    pub(super) partners: Vec<Partner>,
    /// For each member, whether a field stands for it.
    pub(super) claimed: Vec<bool>,
}

impl Matching {
    /// `base` is where the struct of the members begins.
    pub(super) fn of(fields: &'static [Field], members: &[CMember<'_>], base: u64) -> Self {
        let mut matching = Self { partners: Vec::new(), claimed: vec![false; members.len()] };
        for field in fields {
            let partner = matching.by_name(field, members);
            matching.partners.push(partner);
        }
        for (index, field) in fields.iter().enumerate() {
            if matches!(matching.partners[index], Partner::None) && !field.is_padding() {
                let start = base + field.offset() as u64;
                matching.partners[index] =
                    matching.by_place(field, start..start + field.size() as u64, members);
            }
        }
        matching
    }

    fn by_name(&mut self, field: &Field, members: &[CMember<'_>]) -> Partner {
        let name = match field.counterpart() {
            // A pad stands for no member: it may cover several, or part of one.
            _ if matches!(field.layout().kind(), Kind::Pad) => return Partner::None,
            // C has no name for the integer that bitfields are in.
            Counterpart::Bitfields => return Partner::None,
            Counterpart::ArmOf(union) => union,
            _ => field.c_name(),
        };
        let opaque = field.counterpart() == Counterpart::Opaque;
        let found = self.claim(members, |member| {
            let pads = field.is_padding() && member.is_padding();
            // All arms of an anonymous union are opaque together.
            let arm = opaque && member.arms.is_some();
            member.name == name && !pads && !arm
        });
        found.map_or(Partner::None, Partner::Member)
    }

    fn by_place(&mut self, field: &Field, bytes: Range<u64>, members: &[CMember<'_>]) -> Partner {
        let is_bitfields = match field.counterpart() {
            Counterpart::Bitfields => true,
            Counterpart::Opaque => false,
            // It has said which member it is in.
            Counterpart::ArmOf(_) => return Partner::None,
            // Of the same place and size, under another name.
            _ => {
                let found = self.claim(members, |member| {
                    member.bytes == bytes && !member.is_bitfield() && member.arms.is_none()
                });
                return found.map_or(Partner::None, Partner::Member);
            }
        };
        let mut any = false;
        for (member, claimed) in members.iter().zip(&mut self.claimed) {
            // An arm alone is not all of the union.
            let all = member.arm().map_or(&member.bytes, |arm| &arm.union);
            let inside = bytes.start <= all.start && all.end <= bytes.end;
            if inside && !*claimed && (member.is_bitfield() || !is_bitfields) {
                *claimed = true;
                any = true;
            }
        }
        if any { Partner::Region } else { Partner::None }
    }

    /// The first member that no other field has claimed and that is wanted.
    fn claim(
        &mut self,
        members: &[CMember<'_>],
        wanted: impl Fn(&CMember<'_>) -> bool,
    ) -> Option<usize> {
        let mut all = members.iter().zip(&self.claimed);
        let index = all.position(|(member, claimed)| !claimed && wanted(member))?;
        self.claimed[index] = true;
        Some(index)
    }

    /// Whether the field before the member's, pads aside, stands for the member
    /// before it.
    pub(super) fn is_in_order(&self, member: usize, members: &[CMember<'_>]) -> bool {
        let mut before = None;
        for partner in &self.partners {
            match partner {
                Partner::Member(index) if *index == member => break,
                Partner::Member(index) => before = Some(*index),
                Partner::None | Partner::Region => {}
            }
        }
        let start = members[member].bytes.start;
        let named = |other: &&CMember<'_>| other.bytes.end <= start && !other.is_padding();
        let expected = members.iter().filter(named).map(|other| other.bytes.end).max();
        before.map(|before| members[before].bytes.end) == expected
    }

    /// Whether a field stands for an arm of the union that the member is in.
    pub(super) fn has_arm(&self, member: usize, members: &[CMember<'_>]) -> bool {
        let Some(own) = members[member].arm() else { return false };
        let mut all = members.iter().zip(&self.claimed);
        all.any(|(other, claimed)| {
            *claimed && other.arm().is_some_and(|arm| arm.union == own.union)
        })
    }

    /// Whether a field stands for a member before it, in another arm of a union
    /// that both are in.
    pub(super) fn is_second_arm(&self, member: usize, members: &[CMember<'_>]) -> bool {
        members[member].arms.is_some()
            && members[..member]
                .iter()
                .zip(&self.claimed)
                .any(|(other, claimed)| *claimed && members[member].excludes(other))
    }
}

/// What is in a newtype of a struct: a struct with a single field, which is a
/// struct itself, and of whose name the other side knows nothing.
pub(super) fn newtype(
    fields: &'static [Field],
    members: &[CMember<'_>],
) -> Option<&'static Layout> {
    let [only] = fields else { return None };
    let is_struct = matches!(only.layout().kind(), Kind::Struct { .. } | Kind::KernelOwned { .. });
    let is_known = members.iter().any(|member| member.name == only.c_name());
    (is_struct && !is_known && only.counterpart() == Counterpart::Member).then_some(only.layout())
}
