//! The comparison: a Rust table and a BTF type in, every difference out.
//!
//! There is no I/O here and nothing is written, so it can be run anywhere and
//! on anything. The rules:
//! - a field must agree in name, offset, size and kind, structs and arrays in
//!   their fields and elements; the names of types are not compared;
//! - a pad stands over a hole, or over a member that is padding by its name;
//! - what C has and Rust cannot express (unions, bitfields, pointers) is
//!   refused and never guessed.

mod advice;
mod draw;
mod members;
mod mismatch;
mod report;

pub use mismatch::{Mismatch, MismatchKind, Place};
pub use report::{Mismatches, Role, TypeMismatches};

use std::borrow::Cow;

use crate::btf::{Btf, BtfError, Order, Type, TypeId, TypeName};
use crate::layout::{Field, Kind, Layout, TypeName as RustName};
use members::{CMember, members};

/// How deep structs and arrays of the Rust type are followed. The compiler
/// bounds their number, this bounds the stack.
const MAX_DEPTH: usize = 64;

/// Compares `layout` with the type `id`; `None` when they agree.
///
/// # Errors
///
/// When the type is incomplete, or the BTF is malformed where it is read.
pub(crate) fn compare(
    role: Role,
    layout: &'static Layout,
    btf: &Btf<'_>,
    id: TypeId,
) -> Result<Option<TypeMismatches>, BtfError> {
    let mut walk = Walk { btf, role, path: Path::default(), found: Vec::new() };
    walk.types(Pair { rust: layout, rust_at: 0, btf: id, btf_at: 0, depth: MAX_DEPTH })?;
    let mut found = walk.found;
    if found.is_empty() {
        return Ok(None);
    }
    found.sort_by_key(Mismatch::offset);
    TypeMismatches::new(role, layout, btf, id, found).map(Some)
}

/// The fields that lead to where the comparison is, by their names on both
/// sides.
#[derive(Default)]
struct Path<'a>(Vec<Step<'a>>);

struct Step<'a> {
    rust: &'static str,
    btf: Cow<'a, str>,
}

/// The step from an array to its elements.
const ELEMENT: &str = "[]";

fn join<'s>(steps: impl Iterator<Item = &'s str>) -> String {
    let mut text = String::new();
    for step in steps {
        if !text.is_empty() && step != ELEMENT {
            text.push('.');
        }
        text.push_str(step);
    }
    text
}

impl Path<'_> {
    fn rust(&self) -> String {
        join(self.0.iter().map(|step| step.rust))
    }

    fn btf(&self) -> String {
        join(self.0.iter().map(|step| &*step.btf))
    }
}

/// A place on both sides.
#[derive(Clone, Copy)]
struct Pair {
    rust: &'static Layout,
    rust_at: u64,
    btf: TypeId,
    btf_at: u64,
    depth: usize,
}

struct Walk<'a> {
    btf: &'a Btf<'a>,
    role: Role,
    path: Path<'a>,
    found: Vec<Mismatch>,
}

impl<'a> Walk<'a> {
    /// Runs `inner` one step further down.
    fn step<T>(
        &mut self,
        rust: &'static str,
        btf: Cow<'a, str>,
        inner: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.path.0.push(Step { rust, btf });
        let result = inner(self);
        self.path.0.pop();
        result
    }

    fn types(&mut self, pair: Pair) -> Result<(), BtfError> {
        if pair.depth == 0 {
            return Err(BtfError::TooDeep { id: pair.btf });
        }
        let peeled = self.btf.peel(pair.btf)?;
        match (pair.rust.kind(), peeled.ty) {
            (_, Type::Void | Type::Forward { .. } | Type::Function | Type::DeclTag) => {
                Err(BtfError::Incomplete { name: TypeName::of(self.btf, pair.btf).to_string() })
            }
            (_, Type::Pointer { .. }) => self.differ(MismatchKind::Pointer, pair),
            (_, Type::Composite(composite)) if composite.union => {
                self.differ(MismatchKind::Union, pair)
            }
            (Kind::Unsigned | Kind::Signed | Kind::BigEndian, Type::Int(int)) if int.bitfield => {
                self.differ(MismatchKind::Bitfield, pair)
            }
            (rust @ (Kind::Unsigned | Kind::Signed | Kind::BigEndian), Type::Int(int)) => {
                // A `char` is signed or not as the compiler likes.
                let signed = if int.size == 1 { rust == Kind::Signed } else { int.signed };
                self.scalars(pair, int.size, signed, peeled.order)
            }
            (rust @ (Kind::Unsigned | Kind::Signed | Kind::BigEndian), Type::Enum { size, .. }) => {
                // Older compilers do not record whether an enum is signed. It
                // is in the byte order of the host.
                let order = if rust == Kind::BigEndian { Some(HOST_ORDER) } else { None };
                self.scalars(pair, size, rust == Kind::Signed, order)
            }
            (Kind::Array { element, len }, Type::Array { element: btf, len: btf_len }) => {
                if len as u64 != u64::from(btf_len) {
                    self.differ(MismatchKind::ArrayLength, pair)?;
                }
                let pair = Pair { rust: element, btf, depth: pair.depth - 1, ..pair };
                self.step(ELEMENT, ELEMENT.into(), |walk| walk.types(pair))
            }
            (Kind::Struct { fields }, Type::Composite(composite)) => {
                self.fields(pair, fields, &members(self.btf, composite, pair.btf_at)?)?;
                if pair.rust.size() as u64 != u64::from(composite.size) {
                    self.differ(MismatchKind::Size, pair)?;
                }
                Ok(())
            }
            _ => self.differ(MismatchKind::Type, pair),
        }
    }

    fn scalars(
        &mut self,
        pair: Pair,
        size: u32,
        signed: bool,
        order: Option<Order>,
    ) -> Result<(), BtfError> {
        let rust = pair.rust.kind();
        if pair.rust.size() as u64 != u64::from(size) {
            self.differ(MismatchKind::Size, pair)?;
        }
        if signed != (rust == Kind::Signed) {
            self.differ(MismatchKind::Signedness, pair)?;
        }
        let agree = match (rust, order) {
            (_, None) => true,
            (Kind::BigEndian, Some(order)) => order == Order::Big,
            (_, Some(Order::Big)) => false,
            // There is no Rust type for it; on a host of that order an integer is one.
            (_, Some(Order::Little)) => HOST_ORDER == Order::Little,
        };
        if agree { Ok(()) } else { self.differ(MismatchKind::ByteOrder, pair) }
    }

    /// Compares a struct's fields with the members of the other side.
    fn fields(
        &mut self,
        pair: Pair,
        fields: &'static [Field],
        members: &[CMember<'a>],
    ) -> Result<(), BtfError> {
        let mut claimed = vec![false; members.len()];
        let partners = partners(pair, fields, members, &mut claimed);
        for (field, partner) in fields.iter().zip(partners) {
            match partner {
                Some(index) => self.field(pair, field, &members[index], members)?,
                None if field.is_padding() => {}
                None => self.missing(pair, field, members),
            }
        }
        self.unclaimed(pair, fields, members, &claimed)
    }

    fn field(
        &mut self,
        parent: Pair,
        field: &'static Field,
        member: &CMember<'a>,
        members: &[CMember<'a>],
    ) -> Result<(), BtfError> {
        let pair = Pair {
            rust: field.layout(),
            rust_at: parent.rust_at + field.offset() as u64,
            btf: member.target,
            btf_at: member.bytes.start,
            depth: parent.depth - 1,
        };
        self.step(field.name(), member.name.clone(), |walk| {
            if member.name != field.c_name() {
                walk.report(MismatchKind::Renamed, pair, member, advice::renamed(field, member));
            }
            if member.bitfield {
                return walk.differ(MismatchKind::Bitfield, pair);
            }
            if member.union.is_some() {
                return walk.differ(MismatchKind::Union, pair);
            }
            if pair.rust_at - parent.rust_at != pair.btf_at - parent.btf_at {
                walk.report(MismatchKind::Moved, pair, member, advice::moved(member, members));
            }
            walk.types(pair)
        })
    }

    /// Reports a field that the other side has not.
    fn missing(&mut self, parent: Pair, field: &'static Field, members: &[CMember<'a>]) {
        let at = parent.btf_at + field.offset() as u64;
        let advice = advice::missing(field, at, members);
        self.step(field.name(), field.c_name().into(), |walk| {
            let rust = walk.rust_place(field.layout(), parent.rust_at + field.offset() as u64);
            let (path, kind) = (rust.name.clone(), MismatchKind::Missing);
            walk.found.push(Mismatch { path, kind, rust: Some(rust), btf: None, advice });
        });
    }

    /// Reports the members that no field stands for.
    fn unclaimed(
        &mut self,
        parent: Pair,
        fields: &'static [Field],
        members: &[CMember<'a>],
        claimed: &[bool],
    ) -> Result<(), BtfError> {
        let mut unions = Vec::new();
        for (member, _) in members.iter().zip(claimed).filter(|(_, claimed)| !**claimed) {
            let flexible = member.size() == 0
                && self.role == Role::Key
                && matches!(self.btf.peel(member.target)?.ty, Type::Array { .. });
            let kind = match &member.union {
                _ if flexible => MismatchKind::FlexibleArray,
                _ if member.is_padding() || member.size() == 0 => continue,
                // One arm stands for all of them.
                Some(union) if unions.contains(union) => continue,
                Some(union) => {
                    unions.push(union.clone());
                    let mut arms = members.iter().zip(claimed);
                    if arms.any(|(arm, claimed)| *claimed && arm.union.as_ref() == Some(union)) {
                        continue;
                    }
                    MismatchKind::Union
                }
                None if member.bitfield => MismatchKind::Bitfield,
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

    /// Reports that the types at this place do not agree.
    fn differ(&mut self, kind: MismatchKind, pair: Pair) -> Result<(), BtfError> {
        let advice = advice::types(kind, pair.rust, self.btf, pair.btf)?;
        let rust = self.rust_place(pair.rust, pair.rust_at);
        let end = pair.btf_at.saturating_add(self.btf.size_of(pair.btf)?);
        let btf = Place {
            name: self.path.btf(),
            ty: TypeName::of(self.btf, pair.btf).to_string(),
            bytes: pair.btf_at..end,
        };
        self.found.push(Mismatch {
            path: rust.name.clone(),
            kind,
            rust: Some(rust),
            btf: Some(btf),
            advice,
        });
        Ok(())
    }

    /// Reports something about a field other than its type.
    fn report(&mut self, kind: MismatchKind, pair: Pair, member: &CMember<'a>, advice: String) {
        let rust = self.rust_place(pair.rust, pair.rust_at);
        let btf = self.member_place(member);
        self.found.push(Mismatch {
            path: rust.name.clone(),
            kind,
            rust: Some(rust),
            btf: Some(btf),
            advice,
        });
    }

    fn rust_place(&self, layout: &'static Layout, at: u64) -> Place {
        Place {
            name: self.path.rust(),
            ty: RustName(layout).to_string(),
            bytes: at..at + layout.size() as u64,
        }
    }

    fn member_place(&self, member: &CMember<'_>) -> Place {
        Place {
            name: self.path.btf(),
            ty: TypeName::of(self.btf, member.target).to_string(),
            bytes: member.bytes.clone(),
        }
    }
}

/// Finds for each field the member that it stands for: one of its name, else
/// one of its place and size that no other field names.
fn partners(
    pair: Pair,
    fields: &'static [Field],
    members: &[CMember<'_>],
    claimed: &mut [bool],
) -> Vec<Option<usize>> {
    let mut claim = |wanted: &dyn Fn(&CMember<'_>) -> bool| {
        let index = (0..members.len()).find(|&index| !claimed[index] && wanted(&members[index]))?;
        claimed[index] = true;
        Some(index)
    };
    let mut partners: Vec<_> = fields
        .iter()
        .map(|field| match field.layout().kind() {
            // A pad stands for no member: it may cover several, or part of one.
            Kind::Pad => None,
            _ => claim(&|member| {
                member.name == field.c_name() && !(field.is_padding() && member.is_padding())
            }),
        })
        .collect();
    for (field, partner) in fields.iter().zip(&mut partners) {
        if partner.is_none() && !field.is_padding() {
            let at = pair.btf_at + field.offset() as u64;
            let bytes = at..at + field.size() as u64;
            *partner = claim(&|member| {
                member.bytes == bytes && !member.bitfield && member.union.is_none()
            });
        }
    }
    partners
}

/// The byte order of this machine.
const HOST_ORDER: Order = if cfg!(target_endian = "big") { Order::Big } else { Order::Little };
