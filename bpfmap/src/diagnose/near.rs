//! How a key that is there differs from the one that is wanted.

use std::ops::Range;

use super::leaf::{FieldKind, KeyField};
use super::text;

/// How near a key is to another: the smaller, the nearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Nearness {
    /// They are equal but for bytes that mean nothing: the kernel compares these
    /// too.
    Padding,
    /// They are equal once the bytes of fields are reversed.
    ByteOrder,
    /// They are equal but for one field.
    OneField,
}

/// A key that is nearly the one that was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct NearKey {
    /// Its bytes.
    pub key: Vec<u8>,
    /// In what it differs from the key that was wanted.
    pub differences: Vec<KeyDifference>,
}

/// A field in which a key differs from the one that was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KeyDifference {
    /// The field; empty for padding without a name, and for a key that is a
    /// number.
    pub field: String,
    /// The bytes that it is in.
    pub bytes: Range<u64>,
    /// In what the two differ.
    pub nearness: Nearness,
    /// What the wanted key has there, for people.
    pub wanted: String,
    /// What the key in the map has there.
    pub found: String,
}

/// How near `found` is to `wanted`, two keys with these leaves; `None` when they
/// are equal or far apart.
pub(super) fn nearness(leaves: &[KeyField], wanted: &[u8], found: &[u8]) -> Option<Nearness> {
    let (mut padding, mut swapped, mut other) = (false, 0, 0);
    for leaf in leaves {
        match difference(leaf, wanted, found) {
            None => {}
            Some(Nearness::Padding) => padding = true,
            Some(Nearness::ByteOrder) => swapped += 1,
            Some(Nearness::OneField) => other += 1,
        }
        if other > 1 || other == 1 && (swapped > 0 || padding) {
            return None;
        }
    }
    match (padding, swapped, other) {
        // Of a key that is one number every other differs in one field.
        (_, _, 1) => (fields(leaves) > 1).then_some(Nearness::OneField),
        (_, 1.., _) => Some(Nearness::ByteOrder),
        (true, ..) => Some(Nearness::Padding),
        _ => None,
    }
}

fn fields(leaves: &[KeyField]) -> usize {
    leaves.iter().filter(|leaf| leaf.kind != FieldKind::Padding).count()
}

/// Every difference between two keys with these leaves.
pub(super) fn differences(leaves: &[KeyField], wanted: &[u8], found: &[u8]) -> Vec<KeyDifference> {
    let one = |leaf: &KeyField| {
        let nearness = difference(leaf, wanted, found)?;
        Some(KeyDifference {
            field: leaf.path.clone(),
            bytes: leaf.bits.start / 8..leaf.bits.end.div_ceil(8),
            nearness,
            wanted: text::of_leaf(leaf, wanted),
            found: text::of_leaf(leaf, found),
        })
    };
    leaves.iter().filter_map(one).collect()
}

/// In what two keys differ at one of their leaves.
fn difference(leaf: &KeyField, wanted: &[u8], found: &[u8]) -> Option<Nearness> {
    let (one, other) = match leaf.bytes() {
        Some(bytes) => (wanted.get(bytes.clone())?, found.get(bytes)?),
        None => {
            let differ = bits(leaf, wanted) != bits(leaf, found);
            let padding = leaf.kind == FieldKind::Padding;
            return differ.then_some(if padding { Nearness::Padding } else { Nearness::OneField });
        }
    };
    if one == other {
        None
    } else if leaf.kind == FieldKind::Padding {
        Some(Nearness::Padding)
    } else if leaf.has_order() && one.iter().eq(other.iter().rev()) {
        Some(Nearness::ByteOrder)
    } else {
        Some(Nearness::OneField)
    }
}

/// The bits of a leaf as a number, as the compiler of this machine places them;
/// those of padding may be more than a number has, and are then folded.
pub(super) fn bits(leaf: &KeyField, bytes: &[u8]) -> u64 {
    let bit = |at: u64| {
        let byte = usize::try_from(at / 8).ok().and_then(|at| bytes.get(at)).copied();
        let within = at % 8;
        let within = if cfg!(target_endian = "big") { 7 - within } else { within };
        u64::from(byte.unwrap_or(0) >> within & 1)
    };
    let places = leaf.bits.clone();
    if cfg!(target_endian = "big") {
        places.fold(0, |number, at| number.rotate_left(1) ^ bit(at))
    } else {
        places.rev().fold(0, |number, at| number.rotate_left(1) ^ bit(at))
    }
}

/// A key with the bytes of these leaves reversed.
pub(super) fn reversed<'a>(key: &[u8], leaves: impl IntoIterator<Item = &'a KeyField>) -> Vec<u8> {
    let mut key = key.to_vec();
    for leaf in leaves {
        if let Some(bytes) = leaf.bytes().and_then(|bytes| key.get_mut(bytes)) {
            bytes.reverse();
        }
    }
    key
}

/// The nearest keys of those that were looked at.
#[derive(Debug, Default)]
pub(super) struct Nearest {
    pub(super) nearness: Option<Nearness>,
    /// How many are as near, and the first of them.
    pub(super) count: u64,
    pub(super) keys: Vec<NearKey>,
}

/// How many keys are shown.
const SHOWN: usize = 3;

impl Nearest {
    /// Looks at one more key.
    pub(super) fn consider(&mut self, leaves: &[KeyField], wanted: &[u8], found: &[u8]) {
        let Some(nearness) = nearness(leaves, wanted, found) else { return };
        if self.nearness.is_some_and(|nearest| nearest < nearness) {
            return;
        }
        if self.nearness != Some(nearness) {
            *self = Self { nearness: Some(nearness), ..Self::default() };
        }
        self.count += 1;
        if self.keys.len() < SHOWN {
            let differences = differences(leaves, wanted, found);
            self.keys.push(NearKey { key: found.to_vec(), differences });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::leaf::of_layout;
    use crate::{Be16, Be32, BpfLayout, Field, Layout, Pad};

    const KEY: Layout = Layout::of_struct(
        "Key",
        16,
        4,
        false,
        &[
            Field::new("saddr", "saddr", 0, Be32::LAYOUT),
            Field::new("daddr", "daddr", 4, <[u8; 4]>::LAYOUT),
            Field::new("sport", "sport", 8, u16::LAYOUT),
            Field::new("dport", "dport", 10, Be16::LAYOUT),
            Field::new("proto", "proto", 12, u8::LAYOUT),
            Field::new("pad", "pad", 13, Pad::<3>::LAYOUT),
        ],
    );

    #[derive(Clone, Copy)]
    struct Key {
        saddr: u32,
        daddr: [u8; 4],
        sport: u16,
        dport: u16,
        proto: u8,
    }

    fn key() -> Key {
        Key { saddr: 0x0a00_0001, daddr: [10, 0, 0, 2], sport: 40000, dport: 443, proto: 6 }
    }

    fn bytes_of(key: &Key) -> Vec<u8> {
        let (saddr, sport) = (key.saddr.to_be_bytes(), key.sport.to_ne_bytes());
        let rest = [key.proto, 0, 0, 0];
        [&saddr[..], &key.daddr, &sport, &key.dport.to_be_bytes(), &rest].concat()
    }

    fn near(found: &[u8]) -> Option<Nearness> {
        nearness(&of_layout(&KEY), &bytes_of(&key()), found)
    }

    fn paths(found: &[u8]) -> Vec<(String, String, String)> {
        let found = differences(&of_layout(&KEY), &bytes_of(&key()), found);
        found.into_iter().map(|one| (one.field, one.wanted, one.found)).collect()
    }

    #[test]
    fn padding_alone_is_nearest() {
        let mut found = bytes_of(&key());
        assert_eq!(near(&found), None, "equal");
        found[14] = 0xff;
        assert_eq!(near(&found), Some(Nearness::Padding));
        assert_eq!(paths(&found), [("pad".into(), "00 00 00".into(), "00 ff 00".into())]);
        // With a field it is another key.
        found[12] = 17;
        assert_eq!(near(&found), None);
    }

    #[test]
    fn a_field_in_the_other_byte_order_is_named() {
        let found = Key { dport: u16::swap_bytes(443), ..key() };
        assert_eq!(near(&bytes_of(&found)), Some(Nearness::ByteOrder));
        assert_eq!(paths(&bytes_of(&found)), [("dport".into(), "443".into(), "47873".into())]);
        let found = Key { daddr: [2, 0, 0, 10], ..key() };
        assert_eq!(near(&bytes_of(&found)), Some(Nearness::ByteOrder));
        // All of the fields that have an order.
        let all = Key {
            saddr: 0x0100_000a,
            daddr: [2, 0, 0, 10],
            sport: 40000_u16.swap_bytes(),
            dport: u16::swap_bytes(443),
            ..key()
        };
        assert_eq!(near(&bytes_of(&all)), Some(Nearness::ByteOrder));
        assert_eq!(paths(&bytes_of(&all)).len(), 4);
        // One reversed and one other are two mistakes, and no guess.
        let other = Key { daddr: [2, 0, 0, 10], proto: 17, ..key() };
        assert_eq!(near(&bytes_of(&other)), None);
    }

    /// The bytes of an address of hardware are in no order but their own.
    #[test]
    fn bytes_that_are_no_number_have_no_byte_order() {
        const MAC: Layout = Layout::of_struct(
            "Mac",
            8,
            1,
            false,
            &[
                Field::new("mac", "mac", 0, <[u8; 6]>::LAYOUT),
                Field::new("vlan", "vlan", 6, Be16::LAYOUT),
            ],
        );
        let near = |found: [u8; 8]| nearness(&of_layout(&MAC), &[1, 2, 3, 4, 5, 6, 0, 7], &found);
        assert_eq!(near([6, 5, 4, 3, 2, 1, 0, 7]), Some(Nearness::OneField));
        assert_eq!(near([1, 2, 3, 4, 5, 6, 7, 0]), Some(Nearness::ByteOrder));
    }

    #[test]
    fn one_field_is_near_and_two_are_not() {
        let found = Key { proto: 17, ..key() };
        assert_eq!(near(&bytes_of(&found)), Some(Nearness::OneField));
        assert_eq!(paths(&bytes_of(&found)), [("proto".into(), "6".into(), "17".into())]);
        let found = Key { proto: 17, sport: 1, ..key() };
        assert_eq!(near(&bytes_of(&found)), None);
        // Nor are two with dirty padding.
        let mut dirty = bytes_of(&found);
        dirty[15] = 1;
        assert_eq!(near(&dirty), None);
        // A number has no fields.
        let leaves = of_layout(u32::LAYOUT);
        assert_eq!(nearness(&leaves, &[1, 0, 0, 0], &[2, 0, 0, 0]), None);
        assert_eq!(nearness(&leaves, &[1, 0, 0, 0], &[0, 0, 0, 1]), Some(Nearness::ByteOrder));
    }

    #[test]
    fn the_nearest_are_kept() {
        let leaves = of_layout(&KEY);
        let mut nearest = Nearest::default();
        let mut look = |found: Key| nearest.consider(&leaves, &bytes_of(&key()), &bytes_of(&found));
        look(Key { proto: 17, ..key() });
        look(Key { sport: 7, ..key() });
        look(Key { dport: u16::swap_bytes(443), ..key() });
        look(Key { proto: 18, ..key() });
        assert_eq!((nearest.nearness, nearest.count), (Some(Nearness::ByteOrder), 1));
        assert_eq!(nearest.keys[0].differences[0].field, "dport");
    }

    #[test]
    fn bits_are_where_the_compiler_places_them() {
        let leaf = |bits| KeyField {
            path: "f".into(),
            bits,
            kind: FieldKind::Unsigned,
            ty: "u".into(),
            names: Vec::new(),
            arms: Vec::new(),
        };
        let bytes = 0b1010_0110_u16.to_le_bytes();
        if cfg!(target_endian = "little") {
            assert_eq!(bits(&leaf(1..3), &bytes), 0b11);
            assert_eq!(bits(&leaf(4..8), &bytes), 0b1010);
            assert_eq!(bits(&leaf(7..9), &bytes), 0b01);
        }
        let leaves = [leaf(0..3), leaf(3..8)];
        assert_eq!(nearness(&leaves, &[0b101], &[0b100]), Some(Nearness::OneField));
    }
}
