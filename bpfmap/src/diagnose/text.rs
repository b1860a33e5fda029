//! Keys for people to read.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::leaf::{FieldKind, KeyField};
use super::near::bits;

/// How many bytes are drawn.
const MAX_BYTES: usize = 64;

/// What a key has at one of its leaves: a number as the host has it; bytes as
/// they stand in memory.
pub(super) fn of_leaf(leaf: &KeyField, key: &[u8]) -> String {
    if let Some(name) = of_enum(leaf, key) {
        return name;
    }
    let Some(bytes) = leaf.bytes().and_then(|bytes| key.get(bytes)) else {
        let (number, width) = (bits(leaf, key), leaf.bits.end - leaf.bits.start);
        return match leaf.kind {
            FieldKind::Signed => signed(number, width).to_string(),
            _ => number.to_string(),
        };
    };
    // Of bytes without a type, and of a union, nobody knows.
    let may_be_address = !leaf.ty.is_empty() && leaf.arms.is_empty();
    match (leaf.kind, bytes) {
        (FieldKind::Unsigned, _) => {
            number(bytes, false).map_or_else(|| hex(bytes), |n| n.to_string())
        }
        (FieldKind::BigEndian, &[a, b, c, d]) => {
            format!("{} ({})", u32::from_be_bytes([a, b, c, d]), Ipv4Addr::new(a, b, c, d))
        }
        (FieldKind::BigEndian, _) => {
            number(bytes, true).map_or_else(|| hex(bytes), |number| number.to_string())
        }
        (FieldKind::Signed, _) => number(bytes, false)
            .map_or_else(|| hex(bytes), |n| signed(n, bytes.len() as u64 * 8).to_string()),
        (FieldKind::Bytes, bytes)
            if may_be_address && let Ok(address) = <[u8; 4]>::try_from(bytes) =>
        {
            format!("{} ({})", hex(bytes), Ipv4Addr::from(address))
        }
        (FieldKind::Bytes, bytes)
            if may_be_address && let Ok(address) = <[u8; 16]>::try_from(bytes) =>
        {
            format!("{} ({})", hex(bytes), Ipv6Addr::from(address))
        }
        (FieldKind::Bytes | FieldKind::Padding, bytes) => hex(bytes),
    }
}

/// A value of an enum by its name: `DROP (2)`.
fn of_enum(leaf: &KeyField, key: &[u8]) -> Option<String> {
    let width = leaf.bits.end - leaf.bits.start;
    if leaf.names.is_empty() || !(1..=64).contains(&width) {
        return None;
    }
    let in_order = |bytes: &[u8]| number(bytes, leaf.kind == FieldKind::BigEndian);
    let found = match leaf.bytes() {
        Some(bytes) => in_order(key.get(bytes)?)?,
        None => bits(leaf, key),
    };
    // Those that are negative have bits set that the field has not.
    let is_found = |value: i128| (value as u64 ^ found) << (64 - width) == 0;
    let (name, value) = leaf.names.iter().find(|(_, value)| is_found(*value))?;
    Some(format!("{} ({value})", crate::btf::Printable(name)))
}

/// An unsigned number of up to 8 bytes.
pub(super) fn number(bytes: &[u8], is_big_endian: bool) -> Option<u64> {
    if bytes.len() > 8 {
        return None;
    }
    let from_high = |number, byte: &u8| number << 8 | u64::from(*byte);
    Some(if is_big_endian || cfg!(target_endian = "big") {
        bytes.iter().fold(0, from_high)
    } else {
        bytes.iter().rev().fold(0, from_high)
    })
}

/// The number that the low bits of another are.
fn signed(number: u64, width: u64) -> i64 {
    let above = 64_u64.saturating_sub(width);
    (number << above.min(63)).cast_signed() >> above.min(63)
}

/// Bytes, each as two digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().min(MAX_BYTES) * 3);
    for (index, byte) in bytes.iter().take(MAX_BYTES).enumerate() {
        let _ = write!(text, "{}{byte:02x}", if index == 0 { "" } else { " " });
    }
    if bytes.len() > MAX_BYTES {
        text += " ...";
    }
    text
}

/// A key by its fields: `saddr 10.0.0.1, dport 443`.
pub(super) fn of_key(leaves: &[KeyField], key: &[u8]) -> String {
    /// How many fields are drawn.
    const MAX_FIELDS: usize = 16;
    let fields = leaves.iter().filter(|leaf| leaf.kind != FieldKind::Padding);
    let mut texts = fields.map(|leaf| {
        let gap = if leaf.path.is_empty() { "" } else { " " };
        format!("{}{gap}{}", leaf.path, of_leaf(leaf, key))
    });
    let mut text = texts.by_ref().take(MAX_FIELDS).collect::<Vec<_>>().join(", ");
    if texts.next().is_some() {
        text += ", ...";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(bits: std::ops::Range<u64>, kind: FieldKind, names: &[(&str, i128)]) -> KeyField {
        let names = names.iter().map(|(name, value)| ((*name).into(), *value)).collect();
        KeyField {
            path: "verdict".into(),
            bits,
            kind,
            ty: "enum e".into(),
            names,
            arms: Vec::new(),
        }
    }

    #[test]
    fn values_of_enums_are_shown_by_their_names() {
        let names = [("MINUS", -1), ("ZERO", 0), ("LOG", 2)];
        let whole = leaf(0..32, FieldKind::Unsigned, &names);
        let said = |value: i32| of_leaf(&whole, &value.to_ne_bytes());
        assert_eq!([said(-1), said(2), said(7)], ["MINUS (-1)", "LOG (2)", "7"]);
        if cfg!(target_endian = "little") {
            let bits = leaf(4..6, FieldKind::Unsigned, &names);
            assert_eq!(of_leaf(&bits, &[0b10_0000]), "LOG (2)");
            assert_eq!(of_leaf(&bits, &[0b01_0000]), "1");
        }
    }

    #[test]
    fn bytes_without_a_type_are_no_address() {
        let mut bytes = leaf(0..32, FieldKind::Bytes, &[]);
        assert_eq!(of_leaf(&bytes, &[10, 0, 0, 1]), "0a 00 00 01 (10.0.0.1)");
        bytes.ty.clear();
        assert_eq!(of_leaf(&bytes, &[10, 0, 0, 1]), "0a 00 00 01");
    }
}
