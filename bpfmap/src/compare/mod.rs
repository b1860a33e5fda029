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
mod matching;
mod members;
mod mismatch;
mod report;

pub use mismatch::{Mismatch, MismatchKind, Place};
pub use report::{Mismatches, Role, TypeMismatches};

use std::borrow::Cow;

use crate::btf::{Btf, BtfError, Order, Type, TypeId, TypeName};
use crate::layout::{Allowed, Counterpart, Field, Kind, Layout, TypeName as RustName};
use matching::{Matching, Partner, newtype};
use members::{CMember, members};

/// How deep structs and arrays of the Rust type are followed. The compiler
/// bounds their number, this bounds the stack.
const MAX_DEPTH: usize = 64;
/// How many differences are reported: more than anybody reads.
const MAX_FOUND: usize = 256;

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
    let leeway = Leeway::default();
    walk.types(Pair { rust: layout, rust_at: 0, btf: id, btf_at: 0, leeway, depth: MAX_DEPTH })?;
    let mut found = walk.found;
    let only_size = found.len() == 1;
    if found.is_empty() {
        return Ok(None);
    }
    found.sort_by_key(Mismatch::offset);
    if let Some(size) = found.last_mut()
        && size.is_size_of_all()
        && matches!(layout.kind(), Kind::Struct { .. })
    {
        // The size of the whole follows from its fields, where they differ.
        let end =
            if only_size { advice::size_of_all(layout, btf.size_of(id)?) } else { String::new() };
        size.advice = end;
    }
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
    leeway: Leeway,
    depth: usize,
}

/// What the field says that may differ.
#[derive(Clone, Copy, Default)]
struct Leeway {
    signedness: bool,
    byte_order: bool,
    pointer: bool,
}

impl Leeway {
    fn of(field: &Field) -> Self {
        let Allowed { signedness, byte_order } = field.allowed();
        Self { signedness, byte_order, pointer: field.counterpart() == Counterpart::Pointer }
    }
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
            (Kind::KernelOwned { c_name: "kptr" }, Type::Pointer { target })
                if self.is_kptr(target)? =>
            {
                Ok(())
            }
            (Kind::Unsigned, Type::Pointer { .. })
                if pair.leeway.pointer && pair.rust.size() == POINTER_SIZE =>
            {
                Ok(())
            }
            (_, Type::Pointer { .. }) => self.differ(MismatchKind::Pointer, pair),
            (_, Type::Composite(composite)) if composite.union => {
                self.differ(MismatchKind::Union, pair)
            }
            (Kind::Unsigned | Kind::Signed | Kind::BigEndian, Type::Int(int))
                if int.is_bitfield() =>
            {
                self.differ(MismatchKind::Bitfield, pair)
            }
            (rust @ (Kind::Unsigned | Kind::Signed | Kind::BigEndian), Type::Int(int)) => {
                // C does not say whether a `char` is signed. `signed char` is.
                let plain_char = int.size == 1 && self.btf.string(int.name)? == "char";
                let signed = if plain_char { rust == Kind::Signed } else { int.signed };
                self.scalars(pair, int.size, signed, peeled.order)
            }
            (rust @ (Kind::Unsigned | Kind::Signed | Kind::BigEndian), Type::Enum { size, .. }) => {
                // Older compilers do not record whether an enum is signed. It
                // is in the byte order of the host.
                let order = if rust == Kind::BigEndian { Some(HOST_ORDER) } else { None };
                self.scalars(pair, size, rust == Kind::Signed, order)
            }
            (Kind::Array { element, len }, Type::Array { element: btf, len: btf_len }) => {
                let inner = Pair { rust: element, btf, depth: pair.depth - 1, ..pair };
                if len as u64 == u64::from(btf_len) {
                    return self.step(ELEMENT, ELEMENT.into(), |walk| walk.types(inner));
                }
                self.differ(MismatchKind::ArrayLength, pair)?;
                // Whatever else is wrong with a scalar is in the advice; the
                // fields of a struct are not.
                match element.kind() {
                    Kind::Struct { .. } => {
                        self.step(ELEMENT, ELEMENT.into(), |walk| walk.types(inner))
                    }
                    _ => Ok(()),
                }
            }
            // C's `__int128`, for which Rust has no type of the same alignment.
            (Kind::Array { element, len: 2 }, Type::Int(int))
                if int.size == 16 && element.size() == 8 && element.kind() == Kind::Unsigned =>
            {
                Ok(())
            }
            (Kind::KernelOwned { c_name }, Type::Composite(composite)) => {
                let same_size = pair.rust.size() as u64 == u64::from(composite.size);
                match self.btf.string(composite.name)? == c_name {
                    true if same_size => Ok(()),
                    true => self.differ(MismatchKind::Size, pair),
                    false => self.differ(MismatchKind::Type, pair),
                }
            }
            (Kind::Struct { fields }, Type::Composite(composite)) => {
                let members = members(self.btf, composite, pair.btf_at)?;
                if let Some(inner) = newtype(fields, &members) {
                    return self.types(Pair { rust: inner, depth: pair.depth - 1, ..pair });
                }
                self.fields(pair, fields, &members)?;
                if pair.rust.size() as u64 != u64::from(composite.size) {
                    self.differ(MismatchKind::Size, pair)?;
                }
                Ok(())
            }
            // A newtype stands for what is in it.
            (Kind::Struct { fields: [only] }, _) if only.counterpart() == Counterpart::Member => {
                let (rust, leeway) = (only.layout(), Leeway::of(only));
                self.types(Pair { rust, leeway, depth: pair.depth - 1, ..pair })
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
        if signed != (rust == Kind::Signed) && !pair.leeway.signedness {
            self.differ(MismatchKind::Signedness, pair)?;
        }
        let agree = match (rust, order) {
            (_, None) => true,
            (Kind::BigEndian, Some(order)) => order == Order::Big,
            (_, Some(Order::Big)) => false,
            // There is no Rust type for it; on a host of that order an integer is one.
            (_, Some(Order::Little)) => HOST_ORDER == Order::Little,
        };
        if agree || pair.leeway.byte_order {
            return Ok(());
        }
        self.differ(MismatchKind::ByteOrder, pair)
    }

    /// Compares a struct's fields with the members of the other side.
    fn fields(
        &mut self,
        pair: Pair,
        fields: &'static [Field],
        members: &[CMember<'a>],
    ) -> Result<(), BtfError> {
        let matching = Matching::of(fields, members, pair.btf_at);
        for (field, partner) in fields.iter().zip(&matching.partners) {
            match partner {
                Partner::Member(index) => self.field(pair, field, *index, members, &matching)?,
                Partner::Region => {}
                Partner::None if field.is_padding() => {}
                Partner::None => self.missing(pair, field, members)?,
            }
        }
        self.unclaimed(pair, fields, members, &matching)
    }

    fn field(
        &mut self,
        parent: Pair,
        field: &'static Field,
        index: usize,
        members: &[CMember<'a>],
        matching: &Matching,
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
                walk.report(MismatchKind::Renamed, pair, member, advice::renamed(field, member));
            }
            if member.is_bitfield() {
                walk.report(MismatchKind::Bitfield, pair, member, advice::BITFIELD.into());
                return Ok(());
            }
            let in_union = member.union.is_some();
            if in_union && stands_for != Counterpart::ArmOfUnion {
                return walk.differ(MismatchKind::Union, pair);
            }
            if matching.is_second_arm(index, members) {
                walk.report(MismatchKind::Union, pair, member, advice::second_arm());
            }
            if pair.rust_at - parent.rust_at != pair.btf_at - parent.btf_at {
                let in_order = matching.is_in_order(index, members);
                let advice = advice::moved(field, member, members, in_order);
                walk.report(MismatchKind::Moved, pair, member, advice);
            }
            match stands_for {
                Counterpart::Pointer => walk.pointer(pair),
                Counterpart::Opaque => walk.opaque(pair, member.size()),
                Counterpart::ArmOf(_) => walk.arm_of(pair, field),
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
        let mut id = pair.btf;
        for _ in 0..MAX_DEPTH {
            match self.btf.peel(id)?.ty {
                Type::Array { element, .. } => id = element,
                Type::Pointer { .. } => return self.types(pair),
                _ => break,
            }
        }
        self.wrong_word(pair)
    }

    /// A field of which only the place and the size count.
    fn opaque(&mut self, pair: Pair, size: u64) -> Result<(), BtfError> {
        if pair.rust.size() as u64 == size { Ok(()) } else { self.differ(MismatchKind::Size, pair) }
    }

    /// A field that is declared to be an arm of the union `pair.btf`.
    fn arm_of(&mut self, pair: Pair, field: &'static Field) -> Result<(), BtfError> {
        let Type::Composite(union) = self.btf.peel(pair.btf)?.ty else {
            return self.wrong_word(pair);
        };
        let arms = members(self.btf, union, pair.btf_at)?;
        let arm = arms.iter().find(|arm| arm.name == field.c_name());
        match arm {
            Some(arm) if union.union && !arm.is_bitfield() && arm.bytes.start == pair.btf_at => {
                self.types(Pair { btf: arm.target, btf_at: arm.bytes.start, ..pair })
            }
            _ => self.wrong_word(pair),
        }
    }

    /// The attribute on a field says what is not so.
    fn wrong_word(&mut self, pair: Pair) -> Result<(), BtfError> {
        self.differ(MismatchKind::Attribute, pair)
    }

    /// Whether the target of a pointer is tagged as one that the kernel counts.
    fn is_kptr(&self, target: TypeId) -> Result<bool, BtfError> {
        match self.btf.type_by_id(target)? {
            Type::Tagged { name, .. } => {
                Ok(matches!(&*self.btf.string(name)?, "kptr" | "kptr_untrusted" | "percpu_kptr"))
            }
            _ => Ok(false),
        }
    }

    /// Reports a field that the other side has not.
    fn missing(
        &mut self,
        parent: Pair,
        field: &'static Field,
        members: &[CMember<'a>],
    ) -> Result<(), BtfError> {
        let start = parent.btf_at + field.offset() as u64;
        let place = start..start + field.size() as u64;
        let end = parent.btf_at.saturating_add(self.btf.size_of(parent.btf)?);
        let advice = advice::missing(field, place, end, members);
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
            let kind = match &member.union {
                _ if flexible => MismatchKind::FlexibleArray,
                _ if member.is_padding() || member.size() == 0 => continue,
                Some(arm) => {
                    // A field for one arm is enough, and so is one report.
                    if unions.contains(&arm.union) || matching.arm(index, members).is_some() {
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
        Place { name: self.path.btf(), ty: member.type_name(self.btf), bytes: member.bytes.clone() }
    }
}

/// The size of a pointer in BPF, on every host.
const POINTER_SIZE: usize = 8;

/// The byte order of this machine.
const HOST_ORDER: Order = if cfg!(target_endian = "big") { Order::Big } else { Order::Little };
