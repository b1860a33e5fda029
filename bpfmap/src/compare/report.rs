//! All differences of a map, or of one type, with what is needed to draw them.

use std::fmt::{self, Display, Formatter};

use super::Mismatch;
use super::members::{members, variables};
use crate::btf::{Btf, BtfError, Type, TypeId, TypeName};
use crate::compare::Place;
use crate::layout::Layout;
use crate::verification::{BtfSource, Subject};

/// What a type is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Role {
    /// The key of a map.
    Key,
    /// The value of a map.
    Value,
    /// A global variable.
    Variable,
    /// An event in a ring buffer.
    Event,
    /// A type that was looked up by its name.
    Type,
}

/// Every field in which a map's Rust types differ from its BTF.
///
/// `Display` draws one line for each and the two layouts side by side.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub struct Mismatches {
    subject: Subject,
    source: BtfSource,
    types: Vec<TypeMismatches>,
    note: Option<Note>,
}

/// What explains all differences of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Note {
    /// The object that was handed in agrees with the Rust types, the map in the
    /// kernel does not: it was made by another build of the program.
    OtherBuild,
    /// Key and value fit the other way round.
    Exchanged,
    /// The loader rewrote the BTF for a kernel that does not know all of it, and
    /// a member that differs is one of those rewritten: an enum of 64 bits
    /// before Linux 6.0, a floating-point number before 5.13.
    Sanitised,
}

impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherBuild => {
                "the object that was handed in agrees with the Rust types, so the map was made by \
                 another build of the program: load this one, and remove the pin of the map if it has one"
            }
            Self::Exchanged => "the other way round they fit: key and value are exchanged",
            Self::Sanitised => {
                "the loader rewrote this BTF for an old kernel: a union of `enum64_placeholder`s \
                 stands for an enum of 64 bits (before Linux 6.0), an empty struct without a name for \
                 a floating-point number (before 5.13); the object's own BTF says it as it is"
            }
        })
    }
}

/// Every field in which one Rust type differs from one type in BTF.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub struct TypeMismatches {
    role: Role,
    rust: &'static Layout,
    btf: Place,
    mismatches: Vec<Mismatch>,
    members: Vec<Place>,
    /// Whether one of them is what a loader has put in the place of a type.
    #[cfg_attr(feature = "serde", serde(skip))]
    sanitised: bool,
}

impl Mismatches {
    pub(crate) fn new(subject: Subject, source: BtfSource, types: Vec<TypeMismatches>) -> Self {
        let note = types.iter().any(|ty| ty.sanitised).then_some(Note::Sanitised);
        Self { subject, source, types, note }
    }

    /// Adds what explains all of them.
    pub(crate) fn with_note(self, note: Option<Note>) -> Self {
        Self { note: note.or(self.note), ..self }
    }

    /// What explains all of them, if anything does.
    pub fn note(&self) -> Option<Note> {
        self.note
    }

    /// The map, or the type that was asked for by name.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Where the BTF came from.
    pub fn source(&self) -> BtfSource {
        self.source
    }

    /// The types that differ: the key, the value, or both.
    pub fn types(&self) -> &[TypeMismatches] {
        &self.types
    }

    /// Every difference, those of the key first, by rising offset.
    pub fn iter(&self) -> impl Iterator<Item = (Role, &Mismatch)> {
        self.types
            .iter()
            .flat_map(|ty| ty.mismatches.iter().map(move |mismatch| (ty.role, mismatch)))
    }
}

impl TypeMismatches {
    pub(super) fn new(
        role: Role,
        rust: &'static Layout,
        btf: &Btf<'_>,
        id: TypeId,
        mismatches: Vec<Mismatch>,
        sanitised: bool,
    ) -> Result<Self, BtfError> {
        let whole = Place {
            name: String::new(),
            ty: TypeName::of(btf, id).to_string(),
            bytes: 0..btf.size_of(id)?,
        };
        let mut list = List::default();
        list.open(btf, id, 0, "", MAX_DEPTH)?;
        Ok(Self { role, rust, btf: whole, mismatches, members: list.found, sanitised })
    }

    /// What the type is used for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The Rust type.
    pub fn rust(&self) -> &'static Layout {
        self.rust
    }

    /// The type in BTF, and its size.
    pub fn btf(&self) -> &Place {
        &self.btf
    }

    /// The differences, by rising offset.
    pub fn mismatches(&self) -> &[Mismatch] {
        &self.mismatches
    }

    /// The members on the side of the BTF, those of nested structs in place of
    /// the struct.
    pub fn members(&self) -> &[Place] {
        &self.members
    }
}

/// How deep structs are opened, how many of them, and how many members are
/// listed: enough to read.
const MAX_DEPTH: usize = 8;
const MAX_OPENED: usize = 64;
const MAX_PLACES: usize = 256;

#[derive(Default)]
struct List {
    found: Vec<Place>,
    opened: usize,
}

impl List {
    fn open(
        &mut self,
        btf: &Btf<'_>,
        id: TypeId,
        base: u64,
        path: &str,
        depth: usize,
    ) -> Result<(), BtfError> {
        let mut members = match btf.peel(id)?.ty {
            Type::Composite(composite) => members(btf, composite, base)?,
            Type::Section(section) => variables(btf, section, base)?,
            _ => return Ok(()),
        };
        self.opened += 1;
        // Each is at least one place. The others are not kept while structs in
        // these are opened.
        members.truncate(MAX_PLACES - self.found.len());
        members.shrink_to_fit();
        for member in members {
            if self.found.len() >= MAX_PLACES {
                return Ok(());
            }
            let dot = if path.is_empty() { "" } else { "." };
            let name = format!("{path}{dot}{}", member.name);
            let before = self.found.len();
            let further = depth > 0 && self.opened < MAX_OPENED;
            if further && !member.is_bitfield() && !is_union(btf, member.target)? {
                self.open(btf, member.target, member.bytes.start, &name, depth - 1)?;
            }
            if self.found.len() == before {
                let ty = member.type_name(btf);
                self.found.push(Place { name, ty, bytes: member.bytes });
            }
        }
        Ok(())
    }
}

fn is_union(btf: &Btf<'_>, id: TypeId) -> Result<bool, BtfError> {
    Ok(matches!(btf.peel(id)?.ty, Type::Composite(composite) if composite.union))
}
