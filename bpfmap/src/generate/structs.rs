//! Structs and sections of variables: fields over every byte of them.

use std::collections::HashSet;
use std::ops::Range;

use super::item::{Field, Item, Struct, Ty, Words};
use super::names::{Names, camel, snake, written};
use super::{Generator, pieces};
use crate::btf::{BtfError, Composite, Peeled, Printable, Section, Type, TypeId, TypeName};
use crate::compare::{CMember, members, variables};
use pieces::{Part, Piece};

/// How many arms of a union are named.
const MAX_ARMS: usize = 8;

/// What a struct is written for.
struct Whole<'a> {
    id: TypeId,
    size: u64,
    members: &'a [CMember<'a>],
}

impl Generator<'_> {
    /// The struct for a struct.
    pub(super) fn structure(
        &mut self,
        id: TypeId,
        composite: Composite<'_>,
        name: &str,
    ) -> Result<Ty, BtfError> {
        let members = members(self.btf, composite, 0)?;
        self.fields += members.len();
        let docs = vec![self.described(id)?];
        let name = self.types.unique(camel(name));
        let whole = Whole { id: composite.id, size: composite.size.into(), members: &members };
        self.write_struct(&name, docs, &whole)
    }

    /// The struct for a section of global variables.
    pub(super) fn section(&mut self, section: Section<'_>) -> Result<Ty, BtfError> {
        let members = variables(self.btf, section, 0)?;
        let c_name = self.btf.string(section.name)?;
        let docs = vec![format!("The variables of `{}`.", Printable(&c_name))];
        let name = self.types.unique(camel(&c_name));
        let whole = Whole { id: section.id, size: section.size.into(), members: &members };
        self.write_struct(&name, docs, &whole)
    }

    fn write_struct(
        &mut self,
        name: &str,
        docs: Vec<String>,
        whole: &Whole<'_>,
    ) -> Result<Ty, BtfError> {
        let &Whole { id, size, members } = whole;
        let length_first = self.tries.contains(&id);
        let pieces = pieces::of(self.btf, id, members, size, self.key)?;
        let mut fields = Fields::new(members);
        let mut end = 0;
        for piece in pieces {
            fields.pad(end..piece.bytes.start, members);
            end = piece.bytes.end;
            let length_first = length_first && piece.bytes == (0..4);
            let field = self.field(name, &piece, members, &mut fields, length_first)?;
            fields.push(field);
        }
        fields.pad(end..size, members);
        let all = fields.all;
        let mut at = 0;
        let mut packed = false;
        for field in &all {
            packed |= !u64::is_multiple_of(at, field.ty.align.max(1));
            at += field.ty.size;
        }
        let align = all.iter().map(|field| field.ty.align).max().unwrap_or(1).max(1);
        packed |= !size.is_multiple_of(align);
        let is_numbered = |(index, field): (usize, &Field)| field.name == format!("__{index}");
        let tuple = all.iter().enumerate().all(is_numbered);
        self.items.push(Item::Struct(Struct {
            name: name.into(),
            docs,
            key: self.key,
            packed,
            tuple,
            fields: all,
        }));
        Ok(Ty { align: if packed { 1 } else { align }, ..Ty::new(name, size) })
    }

    /// The field over a piece. `length_first` says that it is the length of a
    /// prefix, a `u32` in any case.
    fn field(
        &mut self,
        parent: &str,
        piece: &Piece,
        members: &[CMember<'_>],
        fields: &mut Fields,
        length_first: bool,
    ) -> Result<Field, BtfError> {
        let size = piece.bytes.end - piece.bytes.start;
        match &piece.part {
            Part::Member(index) => {
                let member = &members[*index];
                let hint = format!("{parent}_{}", member.name);
                if length_first && !self.is_u32(member.target) {
                    let what = self.spelled(member.target);
                    let ty = Ty::opaque(4, format!("{what}, the length of the prefix"));
                    return Ok(fields.member(member, Ty { text: "u32".into(), align: 4, ..ty }));
                }
                let ty = match self.member_ty(member, &hint) {
                    Ok(ty) => ty,
                    // The comparison does not look into opaque bytes either.
                    Err(error) => Ty::opaque(member.size(), error.to_string()),
                };
                Ok(fields.member(member, ty))
            }
            Part::Bitfields(indices) => {
                let of = |index: &usize| &members[*index];
                let names = indices.iter().map(|index| &*of(index).name);
                let name = joined(names, "_");
                let start = piece.bytes.start * 8;
                let bits = |index: &usize| {
                    let member = of(index);
                    let first = member.first_bit.saturating_sub(start);
                    let last = first + member.bits.unwrap_or(0).saturating_sub(1);
                    let name = Printable(&member.name);
                    match first == last {
                        true => format!("`{name}` is bit {first}"),
                        false => format!("`{name}` is bits {first} to {last}"),
                    }
                };
                let bits: Vec<_> = indices.iter().map(bits).collect();
                let is_integer = matches!(size, 1 | 2 | 4 | 8);
                let ty = match is_integer && piece.bytes.start.is_multiple_of(size) {
                    true => Ty::new(format!("u{}", size * 8), size),
                    false => Ty::bytes(size),
                };
                let words = Words { bitfields: true, ..Words::default() };
                let note = format!("Bitfields: {}.", bits.join(", "));
                let ty = Ty { words, ..ty }.with_note(note);
                Ok(match indices.as_slice() {
                    // By its place alone it is matched, so it may have the name.
                    [only] if !fields.is_taken(&snake(&of(only).name)) => {
                        Field { name: snake(&of(only).name), ty, c_name: None }
                    }
                    _ => fields.synthetic(&name, ty),
                })
            }
            Part::Region(indices) => {
                let known = indices.iter().map(|index| &members[*index]);
                let named: Vec<_> = known.filter(|member| !member.name.is_empty()).collect();
                let is_union = indices.iter().any(|index| members[*index].arms.is_some());
                let between = if is_union { "_or_" } else { "_and_" };
                let name = joined(named.iter().map(|member| &*member.name), between);
                let arms: Vec<_> = named
                    .iter()
                    .take(MAX_ARMS)
                    .map(|member| {
                        format!("`{}: {}`", Printable(&member.name), member.type_name(self.btf))
                    })
                    .collect();
                let more = if named.len() > MAX_ARMS { ", ..." } else { "" };
                let list = arms.join(", ");
                let note = match is_union {
                    true => format!("A union: {list}{more}; `arm_of_union` is for one of them."),
                    false => format!("Not apart: {list}{more}."),
                };
                let ty = Ty::opaque(size, note);
                Ok(fields.synthetic(
                    &name,
                    match length_first {
                        true => Ty { text: "u32".into(), align: 4, ..ty },
                        false => ty,
                    },
                ))
            }
        }
    }

    /// Whether it is what a trie wants a key to begin with.
    fn is_u32(&self, id: TypeId) -> bool {
        match self.btf.peel(id) {
            Ok(Peeled { ty: Type::Int(int), order: None, .. }) => {
                int.size == 4 && !int.signed && !int.is_bitfield()
            }
            _ => false,
        }
    }

    /// The type of a member, of which a union can say more than a type alone.
    fn member_ty(&mut self, member: &CMember<'_>, hint: &str) -> Result<Ty, BtfError> {
        let ty = self.ty(member.target, hint)?;
        Ok(match (self.btf.peel(member.target)?.ty, &ty.note) {
            (Type::Composite(union), Some(note)) if union.union => {
                let word = format!("`arm_of = {:?}` is for one of them", member.name);
                Ty { note: Some(format!("{note}; {word}")), ..ty }
            }
            _ => ty,
        })
    }

    /// The arms of a union, in a line.
    pub(super) fn arms(&self, union: Composite<'_>) -> Result<String, BtfError> {
        let mut arms = Vec::new();
        for arm in union.members().take(MAX_ARMS) {
            let (name, ty) = (self.btf.string(arm.name)?, TypeName::of(self.btf, arm.target));
            let is_composite = matches!(self.btf.peel(arm.target)?.ty, Type::Composite(_));
            arms.push(match name.is_empty() && is_composite {
                true => format!("`{ty}`"),
                false => format!("`{}: {ty}`", Printable(&name)),
            });
        }
        if union.len() > MAX_ARMS {
            arms.push("...".into());
        }
        Ok(arms.join(", "))
    }
}

/// A name for what has several: all of them when they are few and short.
fn joined<'n>(names: impl Iterator<Item = &'n str> + Clone, between: &str) -> String {
    let named = names.filter(|name| !name.is_empty());
    let count = named.clone().count();
    let length: usize = named.clone().map(str::len).sum();
    let all: Vec<_> = named.collect();
    match (count, all.as_slice()) {
        (0, _) | (_, []) => "bytes".into(),
        (1..=3, all) if length <= 32 => all.join(between),
        (_, [first, ..]) => format!("{first}{between}others"),
    }
}

/// The fields so far, and the names that are left.
struct Fields {
    all: Vec<Field>,
    given: HashSet<String>,
    names: Names,
    /// How many fields there are that are no pads, which numbers the pad behind them
    /// as the derive does that proposes one.
    before: usize,
}

impl Fields {
    fn new(members: &[CMember<'_>]) -> Self {
        let mut names = Names::default();
        // A field that stands for no member by its name must not have the name of
        // one, in C or as it is changed for Rust.
        for member in members {
            names.reserve(&snake(&member.name));
            names.reserve(&member.name);
        }
        Self { all: Vec::new(), given: HashSet::new(), names, before: 0 }
    }

    fn push(&mut self, field: Field) {
        self.given.insert(field.name.clone());
        self.all.push(field);
        self.before += 1;
    }

    fn is_taken(&self, name: &str) -> bool {
        self.given.contains(name)
    }

    fn member(&mut self, member: &CMember<'_>, ty: Ty) -> Field {
        let own = snake(&member.name);
        let name = if self.is_taken(&own) { self.names.unique(own) } else { own };
        let c_name = (name != *member.name).then(|| member.name.clone().into_owned());
        Field { name, ty, c_name }
    }

    /// A field without a member of its name.
    fn synthetic(&mut self, name: &str, ty: Ty) -> Field {
        let name = self.names.unique(snake(name));
        Field { name, ty, c_name: None }
    }

    /// A pad over bytes that no field covers, if there are any.
    fn pad(&mut self, bytes: Range<u64>, members: &[CMember<'_>]) {
        if bytes.is_empty() {
            return;
        }
        let size = bytes.end - bytes.start;
        let same = members
            .iter()
            .find(|member| member.bytes == bytes && member.is_padding() && !member.is_bitfield());
        let own = same.map(|member| &*member.name).filter(|name| snake(name) == **name);
        let own = own.filter(|name| !self.is_taken(name));
        let name = match own {
            Some(own) => own.into(),
            None => self.names.unique(format!("_pad{}", self.before)),
        };
        let before = self.before;
        let ty = Ty { align: 1, ..Ty::new(format!("Pad<{size}>"), size) };
        self.push(Field { name, ty, c_name: None });
        self.before = before;
    }
}

impl Field {
    /// The name as it is written.
    pub(super) fn written(&self) -> String {
        written(&self.name)
    }
}
