//! What was found out about a lookup, as data.

use std::path::PathBuf;

use super::near::{NearKey, Nearness};
use super::object::LayoutDifference;
use crate::Error;
use crate::verification::MapLabel;

/// Why a lookup finds nothing: a chain of questions in the order in which one
/// depends on the other, up to the first whose answer is no.
///
/// `Display` draws the chain, a question a line, and says what to do about the
/// link that is broken.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Diagnosis {
    /// The map.
    pub map: MapLabel,
    /// The key that was wanted, by its fields; `None` when it did not come to
    /// that.
    pub key: Option<String>,
    /// The questions that were asked, and their answers.
    pub links: Vec<Link>,
    /// The bytes of the value, when the key is there; of a per-CPU map those of
    /// all CPUs.
    pub value: Option<Vec<u8>>,
    /// What else should be known of the key.
    pub notes: Vec<String>,
}

/// A question and its answer.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Link {
    /// The question.
    pub question: Question,
    /// The answer.
    pub answer: Answer,
}

/// What is asked of a map, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Question {
    /// Is there such a map?
    Loaded,
    /// Is the descriptor still that of the map?
    Alive,
    /// Is it the map that a running program uses?
    Used,
    /// Is it pinned where it should be?
    Pinned,
    /// Do its key and value have the fields that they should?
    Layout,
    /// Is the key in it?
    Key,
}

/// The answer to a question.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Answer {
    /// Yes, and what shows it.
    Holds(String),
    /// It cannot be told, and why not.
    Unknown(String),
    /// No.
    Broken(Break),
}

/// What is wrong.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Break {
    /// There is no such map.
    NotLoaded {
        /// The names of maps that are nearly the one that was asked for, or all
        /// names when they are few.
        known: Vec<String>,
    },
    /// There is no map of that id.
    NoId {
        /// The id.
        id: u32,
    },
    /// Several maps have the name.
    Several {
        /// They, and which programs use them.
        copies: Vec<SecondCopy>,
    },
    /// The descriptor was closed.
    Closed,
    /// The descriptor is now that of something else.
    Replaced,
    /// There is no such program.
    NoProgram {
        /// What was asked for.
        program: String,
        /// The names of programs that are nearly that.
        known: Vec<String>,
    },
    /// The program uses another map of the same name and types: it was loaded
    /// twice.
    OtherCopy {
        /// The program.
        program: Holder,
        /// The map that it uses.
        copy: SecondCopy,
    },
    /// The program uses no map of that name.
    NotUsed {
        /// The program.
        program: Holder,
        /// The maps that it uses.
        uses: Vec<SecondCopy>,
    },
    /// Nothing of the map is pinned where it should be.
    NotPinned {
        /// Where it should be.
        path: PathBuf,
        /// Why there is nothing.
        reason: String,
    },
    /// Another map is pinned there.
    PinOfOther {
        /// Where.
        path: PathBuf,
        /// The map that is pinned there.
        copy: SecondCopy,
        /// Whether it has the name and the type of the one that should be, as that of
        /// another load of the program has.
        is_copy: bool,
    },
    /// What is pinned there is no map.
    PinOfNoMap {
        /// Where.
        path: PathBuf,
    },
    /// The Rust types do not fit the map.
    Layout(Box<Error>),
    /// The object declares it in another way than it is in the kernel.
    OtherObject {
        /// In what they differ.
        differences: Vec<LayoutDifference>,
    },
    /// The array has no such element.
    OutOfRange {
        /// The index.
        index: u32,
        /// How many elements there are.
        len: u32,
        /// The index with its bytes reversed, when that is in range.
        reversed: Option<u32>,
    },
    /// What the descriptor that is the key is of has no value in the map.
    NoStorage,
    /// The element of an array of maps, or of programs, is empty.
    EmptySlot,
    /// The map has no entries.
    Empty {
        /// Whether it is one that drops entries when it is full.
        may_be_dropped: bool,
    },
    /// The key is not there, but some are that are nearly it.
    Near {
        /// How near they are.
        nearness: Nearness,
        /// How many.
        count: u64,
        /// The first of them.
        keys: Vec<NearKey>,
        /// How many entries were looked at.
        looked_at: u64,
        /// Whether these are all.
        all: bool,
        /// Whether the map is one that drops entries when it is full.
        may_be_dropped: bool,
    },
    /// Neither the key is there nor one that is nearly it.
    Absent {
        /// How many entries were looked at.
        looked_at: u64,
        /// Whether these are all.
        all: bool,
        /// Whether the map is one that drops entries when it is full.
        may_be_dropped: bool,
    },
    /// No prefix in the trie covers the key, and none nearly does.
    NoPrefix {
        /// How many entries were looked at.
        looked_at: u64,
        /// Whether these are all.
        all: bool,
    },
    /// The length of the prefix that was wanted is more than the key has bits.
    PrefixTooLong {
        /// The length.
        len: u32,
        /// How many bits the key has.
        max: u32,
        /// The length with its bytes reversed, when that would do.
        reversed: Option<u32>,
    },
    /// No prefix in the trie covers the key, but some are longer than it and
    /// begin with it.
    PrefixTooShort {
        /// The length that was asked with.
        len: u32,
        /// How many bits the key has: an address is looked up with all of them.
        max: u32,
        /// The longest of them, by its fields.
        longer: String,
        /// How many entries were looked at.
        looked_at: u64,
    },
    /// A prefix would cover the key if the bytes of fields were reversed.
    PrefixByteOrder {
        /// The fields.
        fields: Vec<String>,
        /// The prefix, by its fields.
        prefix: String,
        /// How many entries were looked at.
        looked_at: u64,
    },
}

/// A map, and the programs that use it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SecondCopy {
    /// The id of the map.
    pub id: u32,
    /// The name that the kernel keeps.
    pub name: String,
    /// The programs that use it.
    pub programs: Vec<Holder>,
}

/// A program that is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Holder {
    /// Its id.
    pub id: u32,
    /// The name that the kernel keeps, cut off after 15 bytes.
    pub name: String,
}

impl Diagnosis {
    /// What is wrong, and the question to which that is the answer.
    pub fn broken(&self) -> Option<(Question, &Break)> {
        self.links.iter().find_map(|link| match &link.answer {
            Answer::Broken(broken) => Some((link.question, broken)),
            _ => None,
        })
    }

    /// Whether the key is there.
    pub fn is_found(&self) -> bool {
        self.value.is_some()
    }
}
