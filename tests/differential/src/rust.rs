//! Rust types as the generator makes and edits them.

use std::collections::HashSet;
use std::fmt::{self, Display, Formatter};
use std::sync::Mutex;

use bpfmap::{Be16, Be32, Be64, BpfLayout, Counterpart, Layout};

use crate::c::Meaning;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Unsigned,
    Signed,
    Big,
}

#[derive(Clone, Debug)]
pub(crate) enum Type {
    Scalar(Scalar, usize),
    Array(Box<Type>, usize),
    /// Its fields cover every byte, so that their sizes say where they are.
    Struct(Vec<Field>),
    /// A struct with one field that stands for what is in it.
    Newtype(Box<Type>),
    Pad(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) c_name: &'static str,
    pub(crate) ty: Type,
    pub(crate) word: Counterpart,
    /// What the field says that may differ.
    pub(crate) allow_sign: bool,
    pub(crate) allow_order: bool,
    pub(crate) truth: Truth,
}

/// What edits have to know of the C side of a field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    /// What the scalar at the bottom of it means.
    pub(crate) meaning: Option<Meaning>,
    /// Whether it may be left out: by its name it means nothing.
    pub(crate) padding: bool,
    /// Where it stands for whatever is in its bytes: what that is, and where,
    /// from the beginning of the field.
    pub(crate) inside: Vec<(&'static str, std::ops::Range<usize>)>,
    /// The anonymous union that it is in: a number, and the names in it.
    pub(crate) union: Option<(usize, Vec<&'static str>)>,
    /// Of a pad: fields of other arms of a union that would fit into its bytes,
    /// and where.
    pub(crate) rivals: Vec<(usize, Field)>,
}

/// Each name is leaked once.
pub(crate) fn leak(name: String) -> &'static str {
    static NAMES: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut names = NAMES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let names = names.get_or_insert_default();
    match names.get(name.as_str()) {
        Some(known) => known,
        None => {
            let name: &'static str = name.leak();
            names.insert(name);
            name
        }
    }
}

impl Type {
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Scalar(_, size) | Self::Pad(size) => *size,
            Self::Array(element, len) => element.size() * len,
            Self::Struct(fields) => fields.iter().map(|field| field.ty.size()).sum(),
            Self::Newtype(inner) => inner.size(),
        }
    }

    /// What newtypes are around.
    pub(crate) fn peel(&self) -> &Self {
        match self {
            Self::Newtype(inner) => inner.peel(),
            other => other,
        }
    }

    pub(crate) fn peel_mut(&mut self) -> &mut Self {
        match self {
            Self::Newtype(inner) => inner.peel_mut(),
            other => other,
        }
    }

    /// What arrays are made of.
    pub(crate) fn innermost(&self) -> &Self {
        match self.peel() {
            Self::Array(element, _) => element.innermost(),
            other => other,
        }
    }

    pub(crate) fn innermost_mut(&mut self) -> &mut Self {
        match self.peel_mut() {
            Self::Array(element, _) => element.innermost_mut(),
            other => other,
        }
    }

    /// How many arrays are around the innermost type.
    pub(crate) fn dimensions(&self) -> usize {
        match self.peel() {
            Self::Array(element, _) => 1 + element.dimensions(),
            _ => 0,
        }
    }
}

impl Scalar {
    /// The table of the real type.
    pub(crate) fn layout(self, size: usize) -> &'static Layout {
        match (self, size) {
            (Self::Unsigned, 1) => u8::LAYOUT,
            (Self::Unsigned, 2) => u16::LAYOUT,
            (Self::Unsigned, 4) => u32::LAYOUT,
            (Self::Unsigned, 8) => u64::LAYOUT,
            (Self::Signed, 1) => i8::LAYOUT,
            (Self::Signed, 2) => i16::LAYOUT,
            (Self::Signed, 4) => i32::LAYOUT,
            (Self::Signed, 8) => i64::LAYOUT,
            (Self::Big, 2) => Be16::LAYOUT,
            (Self::Big, 4) => Be32::LAYOUT,
            (Self::Big, 8) => Be64::LAYOUT,
            (scalar, size) => unreachable!("Rust has no {scalar:?} of {size} bytes"),
        }
    }
}

impl Field {
    pub(crate) fn new(name: &'static str, ty: Type, word: Counterpart) -> Self {
        let (allow_sign, allow_order) = (false, false);
        Self { name, c_name: name, ty, word, allow_sign, allow_order, truth: Truth::default() }
    }

    pub(crate) fn pad(name: &'static str, size: usize) -> Self {
        let (ty, word) = (Type::Pad(size), Counterpart::Member);
        let truth = Truth { padding: true, ..Truth::default() };
        Self { truth, ..Self::new(name, ty, word) }
    }

    /// Whether it stands over bytes that mean nothing.
    pub(crate) fn is_pad(&self) -> bool {
        match &self.ty {
            Type::Pad(_) => true,
            Type::Array(element, _) => {
                let bytes = matches!(**element, Type::Scalar(Scalar::Unsigned, 1));
                // A word on it says what it stands for.
                let says_nothing = self.word == Counterpart::Member;
                bytes && says_nothing && self.truth.padding && self.name.starts_with('_')
            }
            _ => false,
        }
    }

    /// Whether it has no counterpart of its name.
    pub(crate) fn goes_by_place(&self) -> bool {
        !self.truth.inside.is_empty()
    }
}

impl Display for Type {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar, size) => f.write_str(scalar.layout(*size).name()),
            Self::Array(element, len) => write!(f, "[{element}; {len}]"),
            Self::Newtype(inner) => write!(f, "Newtype({inner})"),
            Self::Pad(size) => write!(f, "Pad<{size}>"),
            Self::Struct(fields) => {
                let fields: Vec<_> = fields.iter().map(Field::to_string).collect();
                write!(f, "{{ {} }}", fields.join(" "))
            }
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = match self.word {
            Counterpart::Pointer => "#[bpf(pointer)] ".into(),
            Counterpart::Bitfields => "#[bpf(bitfields)] ".into(),
            Counterpart::Opaque => "#[bpf(opaque)] ".into(),
            Counterpart::ArmOfUnion => "#[bpf(arm_of_union)] ".into(),
            Counterpart::ArmOf(union) => format!("#[bpf(arm_of = \"{union}\")] "),
            _ => String::new(),
        };
        f.write_str(&word)?;
        for (allowed, what) in [(self.allow_sign, "signedness"), (self.allow_order, "byte_order")] {
            if allowed {
                write!(f, "#[bpf(allow({what}))] ")?;
            }
        }
        if self.name != self.c_name {
            write!(f, "#[bpf(name = \"{}\")] ", self.c_name)?;
        }
        write!(f, "{}: {},", self.name, self.ty)
    }
}
