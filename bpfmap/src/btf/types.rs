//! The kinds of types, decoded from their bytes.

use super::read::Endian;
use super::section::Section;
use super::{Btf, BtfError};

pub(crate) type TypeId = u32;

/// A type. Names are offsets into the string table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Type<'a> {
    Void,
    Int(Int),
    Pointer {
        target: TypeId,
    },
    Array {
        element: TypeId,
        len: u32,
    },
    /// A struct or a union.
    Composite(Composite<'a>),
    /// An enum of any size; its values play no part in a layout.
    Enum {
        name: u32,
        size: u32,
        /// Whether a compiler said that it has negative values.
        signed: bool,
        values: Enumerators<'a>,
    },
    /// A struct or a union that is declared and not defined.
    Forward {
        name: u32,
        union: bool,
    },
    Typedef {
        name: u32,
        target: TypeId,
    },
    /// `const`, `volatile` or `restrict`.
    Qualifier {
        keyword: &'static str,
        target: TypeId,
    },
    Tagged {
        name: u32,
        target: TypeId,
    },
    /// A function or its prototype.
    Function {
        name: u32,
    },
    Variable {
        name: u32,
        target: TypeId,
        linkage: Linkage,
    },
    Section(Section<'a>),
    Float {
        name: u32,
        size: u32,
    },
    /// An annotation of another type.
    DeclTag {
        name: u32,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Int {
    pub(crate) name: u32,
    pub(crate) size: u32,
    pub(crate) signed: bool,
    /// Whether it is a truth value or a character; clang says the latter of no type.
    pub(crate) is_bool: bool,
    pub(crate) is_char: bool,
    /// How many bits of it are used, and from which on. Unless that is all of
    /// them it is a bitfield, as compilers once encoded it.
    pub(crate) bits: u32,
    pub(crate) bit_offset: u32,
}

impl Int {
    pub(crate) fn is_bitfield(&self) -> bool {
        self.bit_offset != 0 || u64::from(self.bits) != u64::from(self.size) * 8
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Composite<'a> {
    btf: &'a Btf<'a>,
    pub(crate) id: TypeId,
    pub(crate) name: u32,
    pub(crate) size: u32,
    pub(crate) union: bool,
    /// Whether members say that they are bitfields.
    kind_flag: bool,
    at: usize,
    len: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) name: u32,
    pub(crate) target: TypeId,
    /// From the beginning of the struct.
    pub(crate) bit_offset: u32,
    /// 0 for a plain member.
    pub(crate) bitfield_size: u32,
}

/// The names of an enum's numbers.
#[derive(Clone, Copy)]
pub(crate) struct Enumerators<'a> {
    btf: &'a Btf<'a>,
    at: usize,
    len: u32,
    /// Whether each has 64 bits.
    wide: bool,
    signed: bool,
}

/// Who may see a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linkage {
    Static,
    Global,
    /// It is defined in another object.
    Extern,
}

impl Linkage {
    fn of(word: u32) -> Self {
        match word {
            0 => Self::Static,
            1 => Self::Global,
            _ => Self::Extern,
        }
    }
}

/// Bytes of `struct btf_type`.
const TYPE_LEN: usize = 12;
const MEMBER_LEN: usize = 12;

pub(super) mod kind {
    pub(in crate::btf) const INT: u32 = 1;
    pub(in crate::btf) const PTR: u32 = 2;
    pub(in crate::btf) const ARRAY: u32 = 3;
    pub(in crate::btf) const STRUCT: u32 = 4;
    pub(in crate::btf) const UNION: u32 = 5;
    pub(in crate::btf) const ENUM: u32 = 6;
    pub(in crate::btf) const FWD: u32 = 7;
    pub(in crate::btf) const TYPEDEF: u32 = 8;
    pub(in crate::btf) const VOLATILE: u32 = 9;
    pub(in crate::btf) const CONST: u32 = 10;
    pub(in crate::btf) const RESTRICT: u32 = 11;
    pub(in crate::btf) const FUNC: u32 = 12;
    pub(in crate::btf) const FUNC_PROTO: u32 = 13;
    pub(in crate::btf) const VAR: u32 = 14;
    pub(in crate::btf) const DATASEC: u32 = 15;
    pub(in crate::btf) const FLOAT: u32 = 16;
    pub(in crate::btf) const DECL_TAG: u32 = 17;
    pub(in crate::btf) const TYPE_TAG: u32 = 18;
    pub(in crate::btf) const ENUM64: u32 = 19;
}

/// The word that says what a type is. Since 2026 the kernel uses 24 bits for
/// the length and 7 for the kind; before, the additional bits were zero.
#[derive(Clone, Copy)]
pub(super) struct Info(u32);

impl Info {
    fn len(self) -> u32 {
        self.0 & 0x00ff_ffff
    }

    pub(super) fn kind(self) -> u32 {
        self.0 >> 24 & 0x7f
    }

    fn kind_flag(self) -> bool {
        self.0 >> 31 != 0
    }
}

/// For each kind, how many bytes follow a type, and how many for each of what
/// its length counts. There is no kind 0.
const TRAILING: [(u8, u8); 20] = {
    let mut table = [(0, 0); 20];
    table[kind::INT as usize] = (4, 0);
    table[kind::ARRAY as usize] = (12, 0);
    table[kind::STRUCT as usize] = (0, 12);
    table[kind::UNION as usize] = (0, 12);
    table[kind::ENUM as usize] = (0, 8);
    table[kind::FUNC_PROTO as usize] = (0, 8);
    table[kind::VAR as usize] = (4, 0);
    table[kind::DATASEC as usize] = (0, 12);
    table[kind::DECL_TAG as usize] = (4, 0);
    table[kind::ENUM64 as usize] = (0, 12);
    table
};

/// Bytes of `struct btf_layout`.
const LAYOUT_LEN: usize = 4;

/// How long types are: of the kinds that this crate knows, and of those that
/// the BTF itself describes.
struct Lengths<'a> {
    described: &'a [u8],
}

impl Lengths<'_> {
    /// How many bytes follow a type; `None` when its kind is known to nobody.
    fn trailing(&self, info: Info) -> Option<usize> {
        let kind = info.kind() as usize;
        let (fixed, each) = match TRAILING.get(kind) {
            // There is no kind 0, whatever is said of it.
            Some(_) if kind == 0 => return None,
            Some(known) => *known,
            None => match self.described.get(kind * LAYOUT_LEN..)? {
                [fixed, each, _, _, ..] => (*fixed, *each),
                _ => return None,
            },
        };
        // At most 24 bits times 255.
        Some(usize::from(fixed) + info.len() as usize * usize::from(each))
    }
}

/// Where each type begins. `data` ends with the type section, which begins at
/// `at`; its first type has the id `first`. `described` is the section that
/// says how long the types of each kind are.
pub(super) fn index(
    data: &[u8],
    at: usize,
    described: &[u8],
    endian: Endian,
    first: TypeId,
) -> Result<Vec<u32>, BtfError> {
    let lengths = Lengths { described };
    // Compiled for each, as the kernel has a hundred thousand types.
    match endian {
        Endian::Little => index_with(data, at, &lengths, first, u32::from_le_bytes),
        Endian::Big => index_with(data, at, &lengths, first, u32::from_be_bytes),
    }
}

#[inline(always)]
fn index_with(
    data: &[u8],
    mut at: usize,
    lengths: &Lengths<'_>,
    first: TypeId,
    word: impl Fn([u8; 4]) -> u32,
) -> Result<Vec<u32>, BtfError> {
    // Types of the kernel are 20 to 30 bytes on average; too small a guess
    // costs a copy, too large a one nothing that is touched.
    let mut types = Vec::with_capacity((data.len() - at) / 16);
    while at < data.len() {
        let malformed =
            |at| Err(BtfError::Malformed { what: "a type reaches past its section", at });
        let Some(head) = data.get(at..).and_then(|rest| rest.first_chunk::<TYPE_LEN>()) else {
            return malformed(at);
        };
        let info = Info(word([head[4], head[5], head[6], head[7]]));
        // Half of the kernel's types are functions, which stand together: with
        // a branch the processor need not wait for the length of each.
        let trailing = match info.kind() {
            kind::FUNC => 0,
            kind => match lengths.trailing(info) {
                Some(trailing) => trailing,
                None => {
                    let id = u32::try_from(types.len()).unwrap_or(u32::MAX).saturating_add(first);
                    return Err(BtfError::UnknownKind { id, kind });
                }
            },
        };
        let end = at + TYPE_LEN + trailing;
        if end > data.len() {
            return malformed(at);
        }
        // `Header::parse` saw to it that positions fit.
        types.push(at as u32);
        at = end;
    }
    Ok(types)
}

/// `struct btf_type`, with which every type begins.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) name: u32,
    pub(super) info: Info,
    /// A size, or the id of another type.
    pub(super) last: u32,
    /// What is behind it.
    after: usize,
}

impl Head {
    #[inline]
    pub(super) fn read(data: &[u8], at: usize, endian: Endian) -> Option<Self> {
        let [name, info, last] = endian.words(data, at)?;
        Some(Self { name, info: Info(info), last, after: at + TYPE_LEN })
    }
}

impl<'a> Type<'a> {
    #[inline]
    pub(super) fn decode(btf: &'a Btf<'a>, id: TypeId, head: Head) -> Result<Self, BtfError> {
        let Head { name, info, last, after } = head;
        // `index` saw to it that the bytes are there.
        let word = |at| {
            let cut_off = || BtfError::Malformed { what: "a type is cut off", at };
            btf.endian.u32(&btf.data, at).ok_or_else(cut_off)
        };
        let (size, target) = (last, last);
        let len = info.len();
        Ok(match info.kind() {
            kind::INT => {
                let encoding = word(after)?;
                Self::Int(Int {
                    name,
                    size,
                    signed: encoding >> 24 & 1 != 0,
                    is_char: encoding >> 24 & 2 != 0,
                    is_bool: encoding >> 24 & 4 != 0,
                    bits: encoding & 0xff,
                    bit_offset: encoding >> 16 & 0xff,
                })
            }
            kind::PTR => Self::Pointer { target },
            kind::ARRAY => Self::Array { element: word(after)?, len: word(after + 8)? },
            kind::STRUCT | kind::UNION => Self::Composite(Composite {
                btf,
                id,
                name,
                size,
                union: info.kind() == kind::UNION,
                kind_flag: info.kind_flag(),
                at: after,
                len,
            }),
            kind @ (kind::ENUM | kind::ENUM64) => {
                let (wide, signed) = (kind == kind::ENUM64, info.kind_flag());
                let values = Enumerators { btf, at: after, len, wide, signed };
                Self::Enum { name, size, signed, values }
            }
            kind::FWD => Self::Forward { name, union: info.kind_flag() },
            kind::TYPEDEF => Self::Typedef { name, target },
            kind::VOLATILE => Self::Qualifier { keyword: "volatile ", target },
            kind::CONST => Self::Qualifier { keyword: "const ", target },
            kind::RESTRICT => Self::Qualifier { keyword: "restrict ", target },
            kind::TYPE_TAG => Self::Tagged { name, target },
            kind::FUNC | kind::FUNC_PROTO => Self::Function { name },
            kind::VAR => Self::Variable { name, target, linkage: Linkage::of(word(after)?) },
            kind::DATASEC => {
                Self::Section(Section { btf, name, size, id, at: after, len }.placed())
            }
            kind::FLOAT => Self::Float { name, size },
            kind::DECL_TAG => Self::DeclTag { name },
            kind => return Err(BtfError::UnknownKind { id, kind }),
        })
    }

    /// The name of the type, where its kind has one.
    pub(crate) fn name(&self) -> Option<u32> {
        match *self {
            Self::Int(Int { name, .. })
            | Self::Composite(Composite { name, .. })
            | Self::Enum { name, .. }
            | Self::Forward { name, .. }
            | Self::Typedef { name, .. }
            | Self::Tagged { name, .. }
            | Self::Function { name }
            | Self::Variable { name, .. }
            | Self::Section(Section { name, .. })
            | Self::Float { name, .. }
            | Self::DeclTag { name } => Some(name),
            Self::Void | Self::Pointer { .. } | Self::Array { .. } | Self::Qualifier { .. } => None,
        }
    }
}

impl<'a> Composite<'a> {
    /// How many members it has, the unnamed ones included.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) fn members(self) -> impl Iterator<Item = Member> + use<'a> {
        (0..self.len()).filter_map(move |index| {
            let at = self.at + index * MEMBER_LEN;
            let [name, target, offset] = self.btf.endian.words(&self.btf.data, at)?;
            let (bit_offset, bitfield_size) =
                if self.kind_flag { (offset & 0x00ff_ffff, offset >> 24) } else { (offset, 0) };
            Some(Member { name, target, bit_offset, bitfield_size })
        })
    }
}

impl<'a> Enumerators<'a> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether the enum has numbers below zero. Before LLVM 15 compilers did not say so,
    /// and wrote such a number as the one with the same 32 bits; one as large as this is
    /// meant to be below zero, or is larger than the enum's values are.
    pub(crate) fn are_signed(self, size: u32) -> bool {
        const LIKELY_NEGATIVE: i128 = 0xffff_0000;
        let most = if size < 4 { (1_i128 << (size * 8)) - 1 } else { LIKELY_NEGATIVE - 1 };
        self.signed || !self.wide && self.iter().any(|(_, number)| number > most)
    }

    /// Each by its name, and its number.
    pub(crate) fn iter(self) -> impl Iterator<Item = (u32, i128)> + use<'a> {
        (0..self.len()).filter_map(move |index| {
            let (endian, data) = (self.btf.endian, &self.btf.data);
            if self.wide {
                let [name, low, high] = endian.words(data, self.at + index * 12)?;
                let number = u64::from(high) << 32 | u64::from(low);
                let signed = || i128::from(number.cast_signed());
                return Some((name, if self.signed { signed() } else { number.into() }));
            }
            let [name, number] = endian.words(data, self.at + index * 8)?;
            let signed = || i128::from(number.cast_signed());
            Some((name, if self.signed { signed() } else { number.into() }))
        })
    }
}

impl std::fmt::Debug for Enumerators<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enumerators").field("len", &self.len).field("wide", &self.wide).finish()
    }
}

impl std::fmt::Debug for Composite<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Composite")
            .field("id", &self.id)
            .field("size", &self.size)
            .field("union", &self.union)
            .field("len", &self.len)
            .finish()
    }
}
