//! The Rust type that fits a C struct, from what the generator and the compiler
//! know of it. Where there is a choice it is made at random.

use std::ops::Range;

use bpfmap::Counterpart;
use fastrand::Rng;

use crate::c::{self, Body, Meaning, Member, Struct};
use crate::rust::{Field, Scalar, Truth, Type, leak};

/// The fields that fit the struct of that index.
pub(crate) fn fields(rng: &mut Rng, structs: &[Struct], index: usize) -> Vec<Field> {
    Fit { rng, structs, names: 0 }.body(&structs[index].body, 0)
}

struct Fit<'a> {
    rng: &'a mut Rng,
    structs: &'a [Struct],
    /// How many names and unions there are.
    names: usize,
}

/// A field and where it begins.
type Placed = (usize, Field);

/// The anonymous union around a member.
type Union<'a> = Option<&'a (usize, Vec<&'static str>)>;

/// What was found in a struct so far.
#[derive(Default)]
struct Found {
    fields: Vec<Placed>,
    /// The bitfields: name, bytes, whether they are padding.
    bits: Vec<(&'static str, Range<usize>, bool)>,
    /// Fields of the arms that were not chosen.
    rivals: Vec<Placed>,
}

impl Fit<'_> {
    fn one_in(&mut self, n: usize) -> bool {
        self.rng.usize(..n) == 0
    }

    fn number(&mut self) -> usize {
        self.names += 1;
        self.names
    }

    /// A name that C has not. With `_` before it bytes are a pad, unless a word
    /// on them says otherwise.
    fn own_name(&mut self, stem: &str) -> &'static str {
        let underscore = if self.one_in(4) { "_" } else { "" };
        leak(format!("{underscore}{stem}{}", self.number()))
    }

    /// The fields of a struct that begins at `base`, by rising offset and
    /// without a gap.
    fn body(&mut self, body: &Body, base: usize) -> Vec<Field> {
        let mut found = Found::default();
        for member in &body.members {
            self.member(member, base, None, &mut found);
        }
        self.bitfields(&mut found);
        found.fields.sort_by_key(|(at, _)| *at);
        let (mut fields, mut end) = (Vec::new(), 0);
        for (at, field) in found.fields {
            self.gap(end..at, &found.rivals, &mut fields);
            end = at + field.ty.size();
            fields.push(field);
        }
        self.gap(end..body.size, &found.rivals, &mut fields);
        fields
    }

    fn gap(&mut self, bytes: Range<usize>, rivals: &[Placed], fields: &mut Vec<Field>) {
        assert!(bytes.start <= bytes.end, "two fields are in the bytes {bytes:?}: {fields:?}");
        if bytes.is_empty() {
            return;
        }
        let mut pad = Field::pad(leak(format!("_gap{}", self.number())), bytes.len());
        if self.one_in(4) {
            pad.ty = Type::Array(Box::new(Type::Scalar(Scalar::Unsigned, 1)), bytes.len());
        }
        let inside =
            |(at, field): &&Placed| bytes.start <= *at && at + field.ty.size() <= bytes.end;
        let here = rivals.iter().filter(inside);
        pad.truth.rivals = here.map(|(at, field)| (at - bytes.start, field.clone())).collect();
        fields.push(pad);
    }

    fn member(&mut self, member: &Member, base: usize, union: Union<'_>, found: &mut Found) {
        let name = leak(member.name.clone());
        if member.bits.is_some() {
            // In a union they are left to a pad: another arm is meant.
            if !name.is_empty() && union.is_none() {
                let start = member.offset - base;
                found.bits.push((name, start..start + member.size, member.padding));
            }
            return;
        }
        match (&member.ty, union) {
            (c::Type::Inline(body), None) if name.is_empty() && body.union => {
                let names = names_in(body);
                let opaque = self.one_in(3);
                let before = found.fields.len();
                if !opaque {
                    let union = (self.number(), names.clone());
                    self.arm(body, base, &union, found);
                }
                if found.fields.len() == before {
                    let field = self.opaque_union(body.size, names);
                    found.fields.push((body.members[0].offset - base, field));
                }
            }
            (c::Type::Inline(body), Some(union)) if name.is_empty() && body.union => {
                self.arm(body, base, union, found);
            }
            (c::Type::Inline(body), _) if name.is_empty() => {
                for member in &body.members {
                    self.member(member, base, union, found);
                }
            }
            _ if member.size == 0 => {}
            (_, Some(union)) => {
                if is_plain(&member.ty) {
                    let mut field = self.named(member, name, true);
                    field.word = Counterpart::ArmOfUnion;
                    field.truth.union = Some(union.clone());
                    found.fields.push((member.offset - base, field));
                }
            }
            (_, None) if member.padding => match self.rng.usize(..3) {
                // It is in a gap.
                0 => {}
                1 if name.starts_with('_') => {
                    let byte = Box::new(Type::Scalar(Scalar::Unsigned, 1));
                    let ty = Type::Array(byte, member.size);
                    let field = Field { ty, ..Field::pad(name, member.size) };
                    found.fields.push((member.offset - base, field));
                }
                _ => {
                    let field = self.named(member, name, false);
                    found.fields.push((member.offset - base, field));
                }
            },
            (_, None) => {
                let field = self.named(member, name, false);
                found.fields.push((member.offset - base, field));
            }
        }
    }

    /// Adds the fields of one arm of an anonymous union.
    fn arm(
        &mut self,
        body: &Body,
        base: usize,
        union: &(usize, Vec<&'static str>),
        found: &mut Found,
    ) {
        let mut arms: Vec<_> = body.members.iter().collect();
        self.rng.shuffle(&mut arms);
        let before = found.fields.len();
        for arm in arms {
            if found.fields.len() == before {
                self.member(arm, base, Some(union), found);
            } else {
                let mut rival = Found::default();
                self.member(arm, base, Some(union), &mut rival);
                found.rivals.extend(rival.fields);
            }
        }
    }

    /// The field of a member that has a name and bytes. In a union the word on
    /// it is taken.
    fn named(&mut self, member: &Member, name: &'static str, in_union: bool) -> Field {
        let innermost = member.ty.innermost();
        let mut word = Counterpart::Member;
        let mut field_name = name;
        // A pad is one by the name in Rust.
        if self.one_in(8) && !member.padding {
            field_name = leak(format!("renamed_{name}"));
        }
        let (meaning, padding) = (self::meaning(innermost), member.padding);
        let mut truth = Truth { meaning, padding, ..Truth::default() };
        let mut c_name = name;
        let ty = match (innermost, member.ty.peel()) {
            (c::Type::Inline(union), c::Type::Inline(_)) if union.union => {
                match self.named_arm(union, member.offset) {
                    Some((arm, ty, meaning)) => {
                        (word, c_name, truth.meaning) = (Counterpart::ArmOf(name), arm, meaning);
                        ty
                    }
                    None => self.opaque(member.size, &mut word),
                }
            }
            (c::Type::Inline(union), _) if union.union => self.opaque(member.size, &mut word),
            // Bits without the word, or bytes with it; bits with it would be the
            // same as without.
            (c::Type::Scalar { meaning: Meaning::Float, .. }, _) if self.one_in(3) => {
                word = Counterpart::Opaque;
                Type::Array(Box::new(Type::Scalar(Scalar::Unsigned, 1)), member.size)
            }
            (c::Type::Pointer { .. }, _) if !self.one_in(8) => {
                word = Counterpart::Pointer;
                self.ty(&member.ty)
            }
            (c::Type::Pointer { .. }, _) => self.opaque(member.size, &mut word),
            (c::Type::Inline(_) | c::Type::Struct(_), _) if !in_union && self.one_in(8) => {
                self.opaque(member.size, &mut word)
            }
            _ => self.ty(&member.ty),
        };
        if word == Counterpart::Opaque {
            truth.meaning = None;
        }
        if !matches!(word, Counterpart::ArmOf(_)) {
            assert_eq!(ty.size(), member.size, "the size of {member:?}");
        }
        let mut field = Field { c_name, truth, ..Field::new(field_name, ty, word) };
        self.allow(&mut field);
        field
    }

    /// Makes something else of it at times, and says that it is allowed.
    fn allow(&mut self, field: &mut Field) {
        let is_number = !matches!(field.word, Counterpart::Pointer | Counterpart::Opaque);
        // The word is about the field, and not about what is in a newtype.
        let mut ty = &mut field.ty;
        while let Type::Array(element, _) = ty {
            ty = element;
        }
        let Type::Scalar(scalar, size) = ty else { return };
        let is_number =
            is_number && !matches!(field.truth.meaning, Some(Meaning::Wide | Meaning::Float));
        if !is_number || !self.one_in(12) {
            return;
        }
        // Not a pad all of a sudden, or one no more.
        if field.truth.padding || field.name.starts_with('_') {
            return;
        }
        field.allow_sign = self.one_in(2);
        field.allow_order = *size > 1 && (self.one_in(2) || !field.allow_sign);
        *scalar = match (field.allow_sign, field.allow_order) {
            (true, true) => [Scalar::Unsigned, Scalar::Signed, Scalar::Big][self.rng.usize(..3)],
            (true, false) if *scalar == Scalar::Unsigned => Scalar::Signed,
            (true, false) if *scalar == Scalar::Signed => Scalar::Unsigned,
            (false, true) if *scalar == Scalar::Unsigned => Scalar::Big,
            (false, true) if *scalar == Scalar::Big => Scalar::Unsigned,
            _ => *scalar,
        };
    }

    /// An arm of a named union that begins where the union does.
    fn named_arm(
        &mut self,
        union: &Body,
        offset: usize,
    ) -> Option<(&'static str, Type, Option<Meaning>)> {
        let mut arms = Vec::new();
        for arm in &union.members {
            match &arm.ty {
                c::Type::Inline(body) if arm.name.is_empty() => arms.extend(&body.members),
                _ => arms.push(arm),
            }
        }
        arms.retain(|arm| {
            let is_one = arm.bits.is_none() && arm.size > 0 && arm.offset == offset;
            is_one && !arm.name.is_empty() && is_plain(&arm.ty)
        });
        let arm = *arms.get(self.rng.usize(..arms.len().max(1)))?;
        // Where it is shorter than the union, a gap is behind it.
        let ty = self.ty(&arm.ty);
        Some((leak(arm.name.clone()), ty, meaning(arm.ty.innermost())))
    }

    fn opaque(&mut self, size: usize, word: &mut Counterpart) -> Type {
        *word = Counterpart::Opaque;
        self.bytes(size)
    }

    fn opaque_union(&mut self, size: usize, names: Vec<&'static str>) -> Field {
        let name = self.own_name("union");
        let inside = names.into_iter().map(|name| (name, 0..size)).collect();
        let truth = Truth { inside, ..Truth::default() };
        let ty = self.bytes(size);
        Field { truth, ..Field::new(name, ty, Counterpart::Opaque) }
    }

    /// Bytes whose value does not count.
    fn bytes(&mut self, size: usize) -> Type {
        match size {
            1 | 2 | 4 | 8 if self.one_in(2) => Type::Scalar(Scalar::Unsigned, size),
            _ => Type::Array(Box::new(Type::Scalar(Scalar::Unsigned, 1)), size),
        }
    }

    /// Adds the fields that stand for bitfields: one for all that share bytes,
    /// or that touch.
    fn bitfields(&mut self, found: &mut Found) {
        found.bits.sort_by_key(|(_, bytes, _)| (bytes.start, bytes.end));
        let mut bits = std::mem::take(&mut found.bits).into_iter().peekable();
        while let Some((name, bytes, padding)) = bits.next() {
            let mut all = vec![(name, bytes.clone(), padding)];
            let (start, mut end) = (bytes.start, bytes.end);
            let join = self.one_in(2);
            while let Some((_, bytes, _)) = bits.peek()
                && (bytes.start < end || join && bytes.start == end)
            {
                end = end.max(bytes.end);
                all.extend(bits.next());
            }
            let inside = all.into_iter().filter(|(_, _, padding)| !padding);
            let inside: Vec<_> =
                inside.map(|(name, at, _)| (name, at.start - start..at.end - start)).collect();
            // Without any that mean something they are left to a pad.
            if !inside.is_empty() {
                let name = self.own_name("bits");
                let truth = Truth { inside, ..Truth::default() };
                let (ty, word) = (self.bytes(end - start), Counterpart::Bitfields);
                found.fields.push((start, Field { truth, ..Field::new(name, ty, word) }));
            }
        }
    }

    fn ty(&mut self, ty: &c::Type) -> Type {
        let fit = match ty {
            c::Type::Typedef { target, .. } | c::Type::Qualified { target, .. } => {
                return self.ty(target);
            }
            c::Type::Scalar { size, meaning, .. } => match meaning {
                Meaning::Unsigned if *size > 1 && self.one_in(8) => {
                    Type::Scalar(Scalar::Big, *size)
                }
                Meaning::Unsigned | Meaning::Little => Type::Scalar(Scalar::Unsigned, *size),
                Meaning::Signed => Type::Scalar(Scalar::Signed, *size),
                Meaning::AnySign if self.one_in(2) => Type::Scalar(Scalar::Signed, *size),
                Meaning::AnySign => Type::Scalar(Scalar::Unsigned, *size),
                Meaning::Big => Type::Scalar(Scalar::Big, *size),
                Meaning::Wide => Type::Array(Box::new(Type::Scalar(Scalar::Unsigned, 8)), 2),
                Meaning::Float => Type::Scalar(Scalar::Unsigned, *size),
                Meaning::Pointer => unreachable!("a pointer"),
            },
            // Its word is on the field: no newtype around it.
            c::Type::Pointer { .. } => return Type::Scalar(Scalar::Unsigned, 8),
            c::Type::Array { element, len } => {
                let array = Type::Array(Box::new(self.ty(element)), *len);
                if matches!(ty.innermost(), c::Type::Pointer { .. }) {
                    return array;
                }
                array
            }
            c::Type::Inline(body) => Type::Struct(self.body(body, body.offset)),
            c::Type::Struct(index) => Type::Struct(self.body(&self.structs[*index].body, 0)),
        };
        if self.one_in(16) { Type::Newtype(Box::new(fit)) } else { fit }
    }
}

/// Whether it can be an arm of a union: nothing that needs a word of its own.
fn is_plain(ty: &c::Type) -> bool {
    match ty.innermost() {
        c::Type::Scalar { meaning, .. } => *meaning != Meaning::Float,
        c::Type::Inline(body) => !body.union,
        c::Type::Struct(_) => true,
        _ => false,
    }
}

fn meaning(innermost: &c::Type) -> Option<Meaning> {
    match innermost {
        c::Type::Scalar { meaning, .. } => Some(*meaning),
        c::Type::Pointer { .. } => Some(Meaning::Pointer),
        _ => None,
    }
}

/// The names of all members of a union, those of anonymous members among them.
fn names_in(body: &Body) -> Vec<&'static str> {
    let mut names = Vec::new();
    for member in &body.members {
        match &member.ty {
            c::Type::Inline(inner) if member.name.is_empty() => names.extend(names_in(inner)),
            _ if member.name.is_empty() => {}
            _ => names.push(leak(member.name.clone())),
        }
    }
    names
}
