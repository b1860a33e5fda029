//! The layout of a type as data: where each member is, and what no member covers.

use std::ops::Range;

use super::{Btf, BtfError, BtfType, Member, Section, Type, TypeId, TypeName};

/// The layout of a type: every member, those of nested structs and unions too,
/// and the holes between them.
///
/// `Display` draws it as a table:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bytes = std::fs::read("../tests/bpf/shapes.bpf.o")?;
/// let object = bpfmap::Object::parse(&bytes)?;
/// assert_eq!(object.btf().type_named("holes")?.table()?.to_string(), "\
/// struct holes, 12 bytes
///   offset  size  member  type
///   0       1     a       __u8
///   1       3     -       (hole)
///   4       4     b       __u32
///   8       2     c       __u16
///   10      2     -       (hole)
/// ");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub struct BtfTable {
    /// The type, as C spells it.
    pub ty: String,
    /// Its size in bytes.
    pub size: u64,
    /// What it is.
    pub kind: BtfRowKind,
    /// Its members in their order, each before what is in it; empty for what has
    /// none.
    pub rows: Vec<BtfRow>,
    /// Whether there are more than are listed.
    pub truncated: bool,
}

/// A member, or a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub struct BtfRow {
    /// The member, through the structs, unions and arrays around it:
    /// `inner.port`, `more[].x`. Empty for a hole and for what has no name.
    pub path: String,
    /// Where it begins, in bytes from the beginning of the type. Of an array's
    /// elements those of the first are listed.
    pub offset: u64,
    /// How many bytes it has, or is in, for a bitfield.
    pub size: u64,
    /// Its type as C spells it; empty for a hole.
    pub ty: String,
    /// What it is, or what an array of it is made of.
    pub kind: BtfRowKind,
    /// The lengths of an array, the outermost first.
    pub lengths: Vec<u32>,
    /// The bits of a bitfield, counted from the beginning of the type.
    pub bits: Option<Range<u64>>,
    /// In how many unions it is: then it shares its bytes with others.
    pub unions: usize,
    /// For a hole the members around it, by their paths, or where they are: `the
    /// anonymous union at 0..16`. None for one behind all arms of a union.
    pub between: Option<[Option<String>; 2]>,
}

/// What a member is, behind typedefs, qualifiers and arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum BtfRowKind {
    /// A number, in the byte order of the host or not.
    Int,
    /// An enum of any size.
    Enum,
    /// A floating-point number.
    Float,
    /// An address.
    Pointer,
    /// A pointer that the kernel counts, a kptr.
    Kptr,
    /// A struct, whose members follow.
    Struct,
    /// A union, whose arms follow.
    Union,
    /// A section, whose variables follow.
    Section,
    /// A bitfield.
    Bitfield,
    /// An array without a length, at the end of a struct.
    FlexibleArray,
    /// Bytes that no member covers.
    Hole,
}

/// How many members are listed; more than anybody reads.
const MAX_ROWS: usize = 1 << 11;
/// How deep structs are opened, and how many of them.
const MAX_DEPTH: usize = 16;
const MAX_OPENED: usize = 1 << 12;
/// How many arrays may be around a type.
const MAX_ARRAYS: usize = 16;
/// How long a path may become, in bytes.
const MAX_PATH: usize = 512;

impl BtfType<'_> {
    /// Its layout, as data and as a table.
    ///
    /// # Errors
    ///
    /// [`BtfError::Incomplete`] when it, or a member, has no size.
    pub fn table(&self) -> Result<BtfTable, BtfError> {
        let (btf, id) = (self.btf(), self.id());
        let size = btf.size_of(id)?;
        let (element, _) = element(btf, id)?;
        let mut list = List { btf, rows: Vec::new(), truncated: false, opened: 0 };
        let kind = list.kind(element)?;
        list.open(element, &Place { path: "", at: 0, unions: 0, depth: 0 })?;
        let ty = TypeName::of(btf, id).to_string();
        Ok(BtfTable { ty, size, kind, rows: list.rows, truncated: list.truncated })
    }
}

/// What an array is made of, and its lengths.
fn element(btf: &Btf<'_>, id: TypeId) -> Result<(TypeId, Vec<u32>), BtfError> {
    let (mut id, mut lengths) = (id, Vec::new());
    for _ in 0..MAX_ARRAYS {
        match btf.peel(id)?.ty {
            Type::Array { element, len } => {
                lengths.push(len);
                id = element;
            }
            _ => break,
        }
    }
    Ok((id, lengths))
}

struct List<'a> {
    btf: &'a Btf<'a>,
    rows: Vec<BtfRow>,
    truncated: bool,
    opened: usize,
}

/// Where members are listed.
#[derive(Clone, Copy)]
struct Place<'p> {
    /// Before their names.
    path: &'p str,
    /// In bits.
    at: u64,
    unions: usize,
    depth: usize,
}

/// A member or a variable, before it is listed.
struct Entry {
    /// Its name, by its place in the string table.
    name: u32,
    target: TypeId,
    bits: Range<u64>,
    is_bitfield: bool,
}

impl<'a> List<'a> {
    /// Lists what is in a type, if anything is.
    fn open(&mut self, id: TypeId, place: &Place<'_>) -> Result<(), BtfError> {
        match self.btf.peel(id)?.ty {
            Type::Composite(composite) => {
                let (btf, size) = (self.btf, composite.size.into());
                let members = composite.members().map(|member| Entry::of_member(btf, &member));
                self.list(members, size, composite.union, place)
            }
            Type::Section(section) => {
                let variables = self.variables(section)?.into_iter().map(Ok);
                self.list(variables, section.size.into(), false, place)
            }
            _ => Ok(()),
        }
    }

    fn list(
        &mut self,
        entries: impl Iterator<Item = Result<Entry, BtfError>>,
        size: u64,
        union: bool,
        place: &Place<'_>,
    ) -> Result<(), BtfError> {
        self.opened += 1;
        if place.depth == MAX_DEPTH || self.opened > MAX_OPENED {
            self.truncated = true;
        }
        // Where the last member ended, and which it was.
        let (mut end, mut before) = (0, None::<Entry>);
        for entry in entries {
            if self.truncated {
                return Ok(());
            }
            let entry = entry?;
            let start = entry.bits.start / 8;
            if !union && start > end {
                self.hole(place, end..start, [before.as_ref(), Some(&entry)])?;
            }
            end = end.max(entry.bits.end.div_ceil(8));
            self.entry(&entry, place, union)?;
            before = Some(entry);
        }
        // Compilers write no members of what the kernel keeps to itself.
        if size > end && before.is_some() {
            self.hole(place, end..size, [before.as_ref().filter(|_| !union), None])?;
        }
        Ok(())
    }

    fn variables(&self, section: Section<'_>) -> Result<Vec<Entry>, BtfError> {
        let btf = self.btf;
        let variables = section.variables().take(MAX_ROWS).map(|variable| {
            let (target, start) = (variable.target, u64::from(variable.offset) * 8);
            let name = btf.type_by_id(target)?.name().unwrap_or(0);
            let bits = start..start.saturating_add(btf.size_of(target)?.saturating_mul(8));
            Ok(Entry { name, target, bits, is_bitfield: false })
        });
        let mut variables: Vec<_> = variables.collect::<Result<_, BtfError>>()?;
        // Compilers list them in another order than linkers place them.
        variables.sort_by_key(|variable| variable.bits.start);
        Ok(variables)
    }

    fn entry(&mut self, entry: &Entry, place: &Place<'_>, union: bool) -> Result<(), BtfError> {
        let btf = self.btf;
        let (inner, lengths) = element(btf, entry.target)?;
        let unions = place.unions + usize::from(union);
        let is_struct = matches!(btf.peel(inner)?.ty, Type::Composite(inner) if !inner.union);
        let at = place.at.saturating_add(entry.bits.start);
        let name = btf.string(entry.name)?;
        let anonymous = name.is_empty();
        let path = match anonymous {
            true => place.path.to_owned(),
            false => joined(place.path, &name),
        };
        // The members of a struct without a name belong to the one around it.
        if !(anonymous && is_struct && lengths.is_empty()) {
            let bits = at..place.at.saturating_add(entry.bits.end);
            let kind = match entry.is_bitfield {
                true => BtfRowKind::Bitfield,
                false if lengths.first() == Some(&0) => BtfRowKind::FlexibleArray,
                false => self.kind(inner)?,
            };
            self.push(BtfRow {
                path: if anonymous { String::new() } else { path.clone() },
                offset: bits.start / 8,
                size: bits.end.div_ceil(8) - bits.start / 8,
                ty: TypeName::of(btf, entry.target).to_string(),
                kind,
                lengths: lengths.clone(),
                bits: entry.is_bitfield.then_some(bits),
                unions,
                between: None,
            });
        }
        if entry.is_bitfield || entry.bits.is_empty() {
            return Ok(());
        }
        let path = if lengths.is_empty() { path } else { path + "[]" };
        self.open(inner, &Place { path: &path, at, unions, depth: place.depth + 1 })
    }

    fn hole(
        &mut self,
        place: &Place<'_>,
        bytes: Range<u64>,
        [before, after]: [Option<&Entry>; 2],
    ) -> Result<(), BtfError> {
        let name = |entry: Option<&Entry>| entry.map(|entry| self.named(entry, place)).transpose();
        let between = Some([name(before)?, name(after)?]);
        self.push(BtfRow {
            path: String::new(),
            offset: (place.at / 8).saturating_add(bytes.start),
            size: bytes.end - bytes.start,
            ty: String::new(),
            kind: BtfRowKind::Hole,
            lengths: Vec::new(),
            bits: None,
            unions: place.unions,
            between,
        });
        Ok(())
    }

    /// A member as the holes beside it name it.
    fn named(&self, entry: &Entry, place: &Place<'_>) -> Result<String, BtfError> {
        let name = self.btf.string(entry.name)?;
        if !name.is_empty() {
            return Ok(joined(place.path, &name));
        }
        let what = match self.btf.peel(element(self.btf, entry.target)?.0)?.ty {
            Type::Composite(composite) if composite.union => "union",
            Type::Composite(_) => "struct",
            _ => "member",
        };
        let at = |bits: u64| place.at.saturating_add(bits) / 8;
        let (start, end) = (at(entry.bits.start), at(entry.bits.end));
        Ok(format!("the anonymous {what} at {start}..{end}"))
    }

    fn push(&mut self, row: BtfRow) {
        match self.rows.len() < MAX_ROWS {
            true => self.rows.push(row),
            false => self.truncated = true,
        }
    }

    fn kind(&self, id: TypeId) -> Result<BtfRowKind, BtfError> {
        Ok(match self.btf.peel(id)?.ty {
            Type::Enum { .. } => BtfRowKind::Enum,
            Type::Float { .. } => BtfRowKind::Float,
            Type::Pointer { target } if self.btf.is_kptr(target)? => BtfRowKind::Kptr,
            Type::Pointer { .. } => BtfRowKind::Pointer,
            Type::Composite(composite) if composite.union => BtfRowKind::Union,
            Type::Composite(_) => BtfRowKind::Struct,
            Type::Section(_) => BtfRowKind::Section,
            _ => BtfRowKind::Int,
        })
    }
}

impl Entry {
    fn of_member(btf: &Btf<'_>, member: &Member) -> Result<Self, BtfError> {
        let start = u64::from(member.bit_offset);
        let (start, len, is_bitfield) = match btf.bitfield(member)? {
            Some((start, width)) => (start, width, true),
            None => (start, btf.size_of(member.target)?.saturating_mul(8), false),
        };
        let (name, target) = (member.name, member.target);
        Ok(Self { name, target, bits: start..start.saturating_add(len), is_bitfield })
    }
}

/// A member in what is around it. Hostile names would make paths of any length.
fn joined(path: &str, name: &str) -> String {
    match path {
        "" => name.into(),
        path if path.len() > MAX_PATH => path.into(),
        path => format!("{path}.{name}"),
    }
}
