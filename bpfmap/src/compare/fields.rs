//! Whether the fields of a struct agree with the members of another.

use super::advice::{self, arms};
use super::matching::{Matching, Partner};
use super::members::{CMember, members};
use super::walk::{Leeway, MAX_DEPTH, Pair, Walk};
use super::{MAX_FOUND, Mismatch, MismatchKind, Role};
use crate::btf::{BtfError, Type, TypeId};
use crate::layout::{Counterpart, Field};

impl<'a> Walk<'a> {
    /// Compares a struct's fields with the members of the other side.
    pub(super) fn fields(
        &mut self,
        pair: Pair,
        fields: &'static [Field],
        members: &[CMember<'a>],
    ) -> Result<(), BtfError> {
        let matching = Matching::of(fields, members, pair.btf_at);
        for (field, partner) in fields.iter().zip(&matching.partners) {
            match partner {
                Partner::Member(index) => {
                    self.field(pair, field, *index, (fields, members, &matching))?;
                }
                Partner::Region => {}
                Partner::None if field.is_padding() => {}
                Partner::None => self.missing(pair, field, (fields, members, &matching))?,
            }
        }
        self.unclaimed(pair, fields, members, &matching)
    }

    fn field(
        &mut self,
        parent: Pair,
        field: &'static Field,
        index: usize,
        (fields, members, matching): (&'static [Field], &[CMember<'a>], &Matching),
    ) -> Result<(), BtfError> {
        let member = &members[index];
        let pair = Pair {
            rust: field.layout(),
            rust_at: parent.rust_at + field.offset() as u64,
            btf: member.target,
            btf_at: member.bytes.start,
            leeway: Leeway::of(field),
            depth: parent.depth - 1,
        };
        self.step(field.name(), member.name.clone(), |walk| {
            let stands_for = field.counterpart();
            let by_another_name = !matches!(stands_for, Counterpart::ArmOf(_));
            if by_another_name && member.name != field.c_name() {
                let advice = advice::renamed(walk.btf, field, member)?;
                walk.report(MismatchKind::Renamed, pair, member, advice);
            }
            if member.is_bitfield() {
                walk.report(MismatchKind::Bitfield, pair, member, advice::BITFIELD.into());
                return Ok(());
            }
            let in_union = member.arms.is_some();
            if in_union && stands_for != Counterpart::ArmOfUnion {
                return walk.differ(MismatchKind::Union, pair);
            }
            if matching.is_second_arm(index, members) {
                walk.report(MismatchKind::Union, pair, member, advice::arms::second_arm());
                return Ok(());
            }
            if pair.rust_at - parent.rust_at != pair.btf_at - parent.btf_at {
                let in_order = matching.is_in_order(index, members);
                let advice = advice::moved(walk.btf, field, member, members, in_order);
                walk.report(MismatchKind::Moved, pair, member, advice);
            }
            match stands_for {
                Counterpart::Pointer => walk.pointer(pair),
                Counterpart::Opaque => {
                    let behind = fields.iter().find(|other| other.offset() > field.offset());
                    walk.opaque(pair, member.size(), behind)
                }
                Counterpart::ArmOf(union) => walk.arm_of(pair, field, union),
                Counterpart::ArmOfUnion if !in_union => walk.wrong_word(pair),
                Counterpart::Member | Counterpart::ArmOfUnion | Counterpart::Bitfields => {
                    walk.types(pair)
                }
            }
        })
    }

    /// A field that is declared to stand for a pointer, or for an array of
    /// them.
    fn pointer(&mut self, pair: Pair) -> Result<(), BtfError> {
        if self.is_pointer(pair.btf)? { self.types(pair) } else { self.wrong_word(pair) }
    }

    /// Whether a type is a pointer, or an array of them.
    pub(super) fn is_pointer(&self, id: TypeId) -> Result<bool, BtfError> {
        let mut id = id;
        for _ in 0..MAX_DEPTH {
            match self.btf.peel(id)?.ty {
                Type::Array { element, .. } => id = element,
                ty => return Ok(matches!(ty, Type::Pointer { .. })),
            }
        }
        Ok(false)
    }

    /// A field of which only the place and the size count.
    /// `behind` is the field behind it.
    pub(super) fn opaque(
        &mut self,
        pair: Pair,
        size: u64,
        behind: Option<&Field>,
    ) -> Result<(), BtfError> {
        if pair.rust.size() as u64 == size {
            return Ok(());
        }
        let advice = advice::opaque(pair.rust, size, behind);
        self.differ_as(MismatchKind::Size, pair, advice)
    }

    /// A field that is declared to be an arm of the union `pair.btf`, the member
    /// of that name.
    fn arm_of(&mut self, pair: Pair, field: &'static Field, name: &str) -> Result<(), BtfError> {
        let no_arm =
            |walk: &mut Self, advice| walk.differ_as(MismatchKind::Attribute, pair, advice);
        let union = match self.btf.peel(pair.btf)?.ty {
            Type::Composite(union) if union.union => union,
            _ => return no_arm(self, arms::no_union(name)),
        };
        let all = members(self.btf, union, pair.btf_at)?;
        match all.iter().find(|arm| arm.name == field.c_name()) {
            Some(arm) if !arm.is_bitfield() && arm.bytes.start == pair.btf_at => {
                let inner = Pair { btf: arm.target, btf_at: arm.bytes.start, ..pair };
                self.step("", arm.name.clone(), |walk| walk.types(inner))
            }
            Some(_) => no_arm(self, arms::not_at_the_beginning(name)),
            None => no_arm(self, arms::no_arm(field, name, &all)),
        }
    }

    /// The attribute on a field says what is not so.
    pub(super) fn wrong_word(&mut self, pair: Pair) -> Result<(), BtfError> {
        self.differ(MismatchKind::Attribute, pair)
    }

    /// Reports a field that the other side has not.
    fn missing(
        &mut self,
        parent: Pair,
        field: &'static Field,
        all: (&[Field], &[CMember<'a>], &Matching),
    ) -> Result<(), BtfError> {
        let start = parent.btf_at + field.offset() as u64;
        let place = start..start + field.size() as u64;
        let end = parent.btf_at.saturating_add(self.btf.size_of(parent.btf)?);
        let advice = advice::missing(self.btf, field, place, end, all)?;
        self.step(field.name(), field.c_name().into(), |walk| {
            let rust = walk.rust_place(field.layout(), parent.rust_at + field.offset() as u64);
            let (path, kind) = (rust.name.clone(), MismatchKind::Missing);
            walk.found.push(Mismatch { path, kind, rust: Some(rust), btf: None, advice });
        });
        Ok(())
    }

    /// Reports the members that no field stands for.
    fn unclaimed(
        &mut self,
        parent: Pair,
        fields: &'static [Field],
        members: &[CMember<'a>],
        matching: &Matching,
    ) -> Result<(), BtfError> {
        let mut unions = Vec::new();
        for (index, member) in
            members.iter().enumerate().filter(|(index, _)| !matching.claimed[*index])
        {
            let flexible = member.size() == 0
                && self.role == Role::Key
                && matches!(self.btf.peel(member.target)?.ty, Type::Array { .. });
            let kind = match member.arm() {
                _ if flexible => MismatchKind::FlexibleArray,
                _ if member.is_padding() || member.size() == 0 => continue,
                Some(arm) => {
                    // A field for one arm is enough, and so is one report.
                    if unions.contains(&arm.union) || matching.has_arm(index, members) {
                        continue;
                    }
                    unions.push(arm.union.clone());
                    MismatchKind::Union
                }
                None if member.is_bitfield() => MismatchKind::Bitfield,
                None => MismatchKind::Unclaimed,
            };
            let at = (member.bytes.start - parent.btf_at) as usize;
            let over = fields
                .iter()
                .find(|field| (field.offset()..field.offset() + field.size()).contains(&at));
            let rust = over.map(|field| {
                let at = parent.rust_at + field.offset() as u64;
                self.step(field.name(), field.c_name().into(), |walk| {
                    walk.rust_place(field.layout(), at)
                })
            });
            if self.found.len() >= MAX_FOUND {
                break;
            }
            let btf = self.step("", member.name.clone(), |walk| walk.member_place(member));
            let advice = advice::unclaimed(kind, self.btf, member)?;
            self.found.push(Mismatch {
                path: btf.name.clone(),
                kind,
                rust,
                btf: Some(btf),
                advice,
            });
        }
        Ok(())
    }
}
