//! What to write for unions, of which Rust has an arm or bytes.

use std::ops::Range;

use super::super::matching::Matching;
use super::super::members::CMember;
use crate::btf::{Btf, BtfError, Printable, Type};
use crate::layout::{Counterpart, Field};

pub(super) const NAMED: &str = "say which arm is meant, `#[bpf(arm_of = \"...\")]` on a field with the name of the \
     arm, or write `#[bpf(opaque)]` to take its bytes as they are";
pub(super) const ANONYMOUS: &str = "write `#[bpf(arm_of_union)]` on a field with the name of the arm that is meant, and \
     pad the rest, or `#[bpf(opaque)]` on an array over all of its bytes";

/// How many arms of a union are looked at: all members of a struct may be the
/// same union, and it is only for advice.
const MAX_ARMS: usize = 64;
/// How many of them are named.
const MAX_NAMED: usize = 8;

/// Whether the member is a union with an arm of the field's name: then the word
/// that says so was forgotten.
pub(super) fn is_arm_of(
    btf: &Btf<'_>,
    field: &Field,
    member: &CMember<'_>,
) -> Result<bool, BtfError> {
    Ok(match btf.peel(member.target)?.ty {
        Type::Composite(union) if union.union => {
            union.members().take(MAX_ARMS).any(|arm| btf.is_named(arm.name, field.c_name()))
        }
        _ => false,
    })
}

pub(super) fn arm_of(member: &CMember<'_>) -> String {
    let union = &member.name;
    format!("it is an arm of the union `{union}`: write `#[bpf(arm_of = \"{union}\")]` on it")
}

/// A field that `arm_of` says is in a member which is none of a union.
pub(in super::super) fn no_union(union: &str) -> String {
    format!(
        "`{union}` is no union: remove `arm_of` from the field, or name the union that is meant"
    )
}

/// A field that is to be an arm of a union that has none of that name.
pub(in super::super) fn no_arm(field: &Field, union: &str, arms: &[CMember<'_>]) -> String {
    let named = || arms.iter().filter(|arm| !arm.name.is_empty()).take(MAX_ARMS);
    let names: Vec<_> =
        named().take(MAX_NAMED).map(|arm| format!("`{}`", Printable(&arm.name))).collect();
    let more = if named().count() > MAX_NAMED { ", ..." } else { "" };
    let arms = match crate::error::most_like(field.c_name(), named().map(|arm| &*arm.name)) {
        Some(meant) => format!("did you mean `{}`? Its arms are", Printable(meant)),
        None => "its arms are".into(),
    };
    format!(
        "the union `{union}` has no arm `{}`: {arms} {}{more}; give the field the name of one, or say \
         which with `#[bpf(name = \"...\")]`",
        Printable(field.c_name()),
        names.join(", ")
    )
}

/// A field that is to be something inside of an arm, or bits of one.
pub(in super::super) fn not_at_the_beginning(union: &str) -> String {
    format!(
        "it does not begin where the union `{union}` does: write `#[bpf(opaque)]` on an array over \
         all bytes of the union, in the place of `arm_of`"
    )
}

pub(in super::super) fn second_arm() -> String {
    "another field stands for another arm of this union: keep one of them, or take all of its bytes \
     with `#[bpf(opaque)]`"
        .into()
}

/// A field over bytes of a union of which another field has taken an arm:
/// nothing else of it can be named.
pub(super) fn rest_of_union(
    fields: &[Field],
    field: &Field,
    place: &Range<u64>,
    members: &[CMember<'_>],
    matching: &Matching,
) -> Option<String> {
    let holds = |bytes: &Range<u64>| bytes.start <= place.start && place.end <= bytes.end;
    let is_taken = |(index, member): (usize, &CMember<'_>)| match member.arm() {
        Some(arm) => holds(&arm.union) && matching.has_arm(index, members),
        None => {
            let arm_of = |other: &Field| match other.counterpart() {
                Counterpart::ArmOf(union) => union == member.name,
                _ => false,
            };
            holds(&member.bytes) && matching.claimed[index] && fields.iter().any(arm_of)
        }
    };
    let rest = members.iter().enumerate().any(is_taken);
    let size = field.size();
    rest.then(|| {
        format!(
            "the rest of the union is there, of which another field is an arm: write `Pad<{size}>`"
        )
    })
}
