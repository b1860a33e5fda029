//! What is written: structs and enums, and types in them.

/// A type as it is written in a field.
#[derive(Clone, Debug)]
pub(super) struct Ty {
    pub(super) text: String,
    pub(super) size: u64,
    pub(super) align: u64,
    pub(super) words: Words,
    /// What is to be known of it.
    pub(super) note: Option<String>,
}

/// What a field of a type has to say, as it cannot be told from the type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) pointer: bool,
    pub(super) opaque: bool,
    pub(super) bitfields: bool,
    pub(super) signedness: bool,
    pub(super) byte_order: bool,
}

impl Ty {
    pub(super) fn new(text: impl Into<String>, size: u64) -> Self {
        let words = Words::default();
        Self { text: text.into(), size, align: size, words, note: None }
    }

    pub(super) fn bytes(size: u64) -> Self {
        Self { align: 1, ..Self::new(format!("[u8; {size}]"), size) }
    }

    /// Bytes of which only the place and the size are compared.
    pub(super) fn opaque(size: u64, note: impl Into<String>) -> Self {
        let words = Words { opaque: true, ..Words::default() };
        Self { words, ..Self::bytes(size) }.with_note(note)
    }

    /// The note as a sentence, with a capital letter and a full stop.
    pub(super) fn sentence(&self) -> Option<String> {
        let note = self.note.as_ref()?;
        let mut letters = note.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        let end = if note.ends_with('.') { "" } else { "." };
        Some(format!("{}{}{end}", first.unwrap_or_default(), letters.as_str()))
    }

    pub(super) fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }
}

impl Words {
    pub(super) fn any(self) -> bool {
        self != Self::default()
    }

    /// The attributes, without the name.
    pub(super) fn attributes(self) -> Vec<String> {
        let mut all = Vec::new();
        let words =
            [(self.pointer, "pointer"), (self.opaque, "opaque"), (self.bitfields, "bitfields")];
        all.extend(words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word.into()));
        let allowed: Vec<_> = [(self.signedness, "signedness"), (self.byte_order, "byte_order")]
            .into_iter()
            .filter_map(|(is, word)| is.then_some(word))
            .collect();
        if !allowed.is_empty() {
            all.push(format!("allow({})", allowed.join(", ")));
        }
        all
    }
}

#[derive(Clone, Debug)]
pub(super) enum Item {
    Struct(Struct),
    Enum(Enum),
}

#[derive(Clone, Debug)]
pub(super) struct Struct {
    pub(super) name: String,
    pub(super) docs: Vec<String>,
    /// Whether it is in a key.
    pub(super) key: bool,
    pub(super) packed: bool,
    /// Whether its fields have no names.
    pub(super) tuple: bool,
    pub(super) fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) ty: Ty,
    /// The name on the other side, when it is another.
    pub(super) c_name: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Enum {
    pub(super) name: String,
    pub(super) docs: Vec<String>,
    /// The integer that it is.
    pub(super) int: &'static str,
    pub(super) variants: Vec<Variant>,
}

#[derive(Clone, Debug)]
pub(super) struct Variant {
    pub(super) name: String,
    pub(super) number: i128,
    pub(super) c_name: String,
}
