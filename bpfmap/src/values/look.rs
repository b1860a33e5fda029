//! What is at a place.

use std::sync::Arc;

use super::plan::{At, Field, Node, NodeId, NodeKind, Plan};
use super::read;

/// A type at a place among the bytes of a value.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    plan: &'a Plan,
    node: NodeId,
    /// All bytes of the value.
    bytes: &'a [u8],
    at: At,
}

/// What is there.
pub(super) enum Seen<'a> {
    Unsigned(u64),
    Signed(i64),
    /// A number of more than 64 bits.
    Wide(u128),
    Bool(bool),
    Float(f32),
    Double(f64),
    Pointer(u64),
    /// The name of a value of an enum.
    Name(&'a str),
    Text(&'a str),
    Array(Elements<'a>),
    Fields(Fields<'a>),
    /// What is only bytes.
    Bytes(&'a [u8]),
}

impl<'a> Place<'a> {
    pub(super) fn new(plan: &'a Plan, bytes: &'a [u8]) -> Self {
        Self { plan, node: plan.root(), bytes, at: At::Byte(0) }
    }

    #[inline]
    pub(super) fn look(&self) -> Seen<'a> {
        let node = self.plan.node(self.node);
        match self.at {
            At::Byte(at) => self.at_byte(node, at),
            At::Bits { start, width } => self.at_bits(node, start, width),
        }
    }

    #[inline]
    fn at_byte(&self, node: &'a Node, at: usize) -> Seen<'a> {
        let rest = self.bytes.get(at..).unwrap_or_default();
        match &node.kind {
            NodeKind::Rest => return Seen::Bytes(rest),
            NodeKind::Fields(fields) if at.saturating_add(node.size) <= self.bytes.len() => {
                return Seen::Fields(Fields { base: *self, at, fields });
            }
            NodeKind::Array { element, len: 0, .. } => {
                return Seen::Array(self.elements(*element, at, self.len_to_the_end(*element, at)));
            }
            _ => {}
        }
        let Some(bytes) = rest.get(..node.size) else { return Seen::Bytes(rest) };
        let seen = match &node.kind {
            NodeKind::Int { signed, endian } => {
                read::small(bytes, *endian).map(|number| match signed {
                    true => Seen::Signed(read::signed(number, bits_of(node))),
                    false => Seen::Unsigned(number),
                })
            }
            NodeKind::Wide { endian } => read::number(bytes, *endian).map(Seen::Wide),
            NodeKind::Bool => read::small(bytes, self.plan.endian).map(truth),
            NodeKind::Float => read::small(bytes, self.plan.endian).map(|bits| match node.size {
                4 => Seen::Float(f32::from_bits(bits as u32)),
                _ => Seen::Double(f64::from_bits(bits)),
            }),
            NodeKind::Pointer => read::small(bytes, self.plan.endian).map(Seen::Pointer),
            NodeKind::Enum { signed, names } => read::small(bytes, self.plan.endian)
                .map(|number| named(names, number, *signed, bits_of(node))),
            NodeKind::Array { text: true, .. } if let Some(text) = text(bytes) => {
                Some(Seen::Text(text))
            }
            NodeKind::Array { element, len, .. } => {
                Some(Seen::Array(self.elements(*element, at, *len)))
            }
            NodeKind::Fields(_) | NodeKind::Bytes | NodeKind::Rest => None,
        };
        seen.unwrap_or(Seen::Bytes(bytes))
    }

    fn at_bits(&self, node: &'a Node, start: u64, width: u32) -> Seen<'a> {
        let Some(number) = read::bits(self.bytes, start, width, self.plan.endian) else {
            return Seen::Bytes(self.covered(start, width));
        };
        match &node.kind {
            NodeKind::Bool => truth(number),
            NodeKind::Enum { signed, names } => named(names, number, *signed, width),
            NodeKind::Int { signed: true, .. } => Seen::Signed(read::signed(number, width)),
            _ => Seen::Unsigned(number),
        }
    }

    /// The bytes of a bitfield that is too long for a number, or not all there.
    fn covered(&self, start: u64, width: u32) -> &'a [u8] {
        let byte = |bit: u64| usize::try_from(bit).unwrap_or(usize::MAX).min(self.bytes.len());
        let end = start.saturating_add(width.into()).div_ceil(8);
        self.bytes.get(byte(start / 8)..byte(end)).unwrap_or_default()
    }

    fn elements(&self, element: NodeId, at: usize, len: usize) -> Elements<'a> {
        Elements { base: Self { node: element, ..*self }, at, left: len }
    }

    /// How many elements there are from the end of the type to that of the bytes.
    fn len_to_the_end(&self, element: NodeId, at: usize) -> usize {
        let size = self.plan.node(element).size;
        let root = self.plan.node(self.plan.root()).size;
        match self.bytes.len().checked_sub(at) {
            Some(rest) if at == root && at != 0 && size != 0 => rest / size,
            _ => 0,
        }
    }
}

fn bits_of(node: &Node) -> u32 {
    // At most 8 bytes.
    u32::try_from(node.size * 8).unwrap_or(64)
}

fn truth<'a>(number: u64) -> Seen<'a> {
    match number {
        0 => Seen::Bool(false),
        1 => Seen::Bool(true),
        number => Seen::Unsigned(number),
    }
}

fn named(names: &[(u64, Arc<str>)], number: u64, signed: bool, width: u32) -> Seen<'_> {
    let of = |number| names.binary_search_by_key(&number, |(value, _)| *value).ok();
    match of(number) {
        Some(index) => Seen::Name(&names[index].1),
        None if signed => Seen::Signed(read::signed(number, width)),
        None => Seen::Unsigned(number),
    }
}

/// ASCII that can be printed, up to a NUL behind which there is nothing else.
fn text(bytes: &[u8]) -> Option<&str> {
    let end = memchr::memchr(0, bytes)?;
    let (text, rest) = bytes.split_at(end);
    let is_text = text.iter().all(|byte| matches!(byte, 0x20..=0x7e));
    let is_all = rest.iter().all(|byte| *byte == 0);
    if is_text && is_all { std::str::from_utf8(text).ok() } else { None }
}

/// The elements of an array.
pub(super) struct Elements<'a> {
    /// The first one, wherever it is.
    base: Place<'a>,
    at: usize,
    left: usize,
}

#[cfg(feature = "serde")]
impl Elements<'_> {
    pub(super) fn len(&self) -> usize {
        self.left
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Place<'a>;

    #[inline]
    fn next(&mut self) -> Option<Place<'a>> {
        self.left = self.left.checked_sub(1)?;
        let place = Place { at: At::Byte(self.at), ..self.base };
        self.at = self.at.saturating_add(self.base.plan.node(self.base.node).size);
        Some(place)
    }
}

/// The members of a struct.
pub(super) struct Fields<'a> {
    base: Place<'a>,
    at: usize,
    fields: &'a [Field],
}

impl<'a> Fields<'a> {
    #[cfg(feature = "serde")]
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, Place<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (field, rest) = self.fields.split_first()?;
        self.fields = rest;
        let at = match field.at {
            At::Byte(at) => At::Byte(at.saturating_add(self.at)),
            At::Bits { start, width } => {
                At::Bits { start: start.saturating_add(self.at as u64 * 8), width }
            }
        };
        Some((&field.name, Place { node: field.node, at, ..self.base }))
    }
}
