//! A key as a person gives it, as bytes.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use anyhow::{Context, bail, ensure};
use bpfmap::diagnose::{FieldKind, KeyField};
use serde_json::Value;

/// Bytes as hexadecimal digits, with blanks and colons between them or not.
pub(super) fn of_hex(text: &str) -> anyhow::Result<Vec<u8>> {
    let bare = text.strip_prefix("0x").unwrap_or(text);
    let digits: Vec<_> = bare.chars().filter(|c| !matches!(c, ' ' | ':' | '_')).collect();
    let wrong = digits.iter().find(|c| !c.is_ascii_hexdigit());
    if let Some(wrong) = wrong {
        bail!("--key-hex: `{}` is no hexadecimal digit", wrong.escape_debug());
    }
    ensure!(
        digits.len().is_multiple_of(2),
        "--key-hex: a byte is two digits, and one is left over"
    );
    let value = |c: char| u8::try_from(c.to_digit(16).unwrap_or(0)).unwrap_or(0);
    Ok(digits.chunks(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect())
}

/// A key of these fields.
pub(super) fn of_json(fields: &[KeyField], size: usize, json: &str) -> anyhow::Result<Vec<u8>> {
    let key: Value = serde_json::from_str(json)
        // An address or a name that the shell has taken the quotes of.
        .or_else(|error| match json.starts_with(['{', '[', '"']) {
            true => Err(error),
            false => Ok(Value::String(json.to_owned())),
        })
        .with_context(|| {
            format!(
                "--key is not JSON: give it as `bpfmap dump` writes it, such as {}",
                example(fields)
            )
        })?;
    let mut writer = Writer { fields, key: vec![0; size], given: vec![false; fields.len()] };
    match &key {
        Value::Object(_) => writer.value("", &key)?,
        _ => match *writer.meaningful() {
            [only] => writer.field(only, &key)?,
            _ => writer.value("", &key)?,
        },
    }
    let missing = writer.meaningful().into_iter().filter(|index| !writer.given[*index]);
    let missing: Vec<_> = missing.map(|index| format!("`{}`", fields[index].path)).collect();
    ensure!(
        missing.is_empty(),
        "--key lacks {}: a key is looked up with all of its fields",
        missing.join(", ")
    );
    Ok(writer.key)
}

/// A key of these fields as it could be.
fn example(fields: &[KeyField]) -> String {
    let mut names = fields.iter().filter(|field| field.kind != FieldKind::Padding);
    match names.next() {
        Some(first) if !first.path.is_empty() => format!("'{{\"{}\": 1, ...}}'", first.path),
        _ => "443".into(),
    }
}

struct Writer<'a> {
    fields: &'a [KeyField],
    key: Vec<u8>,
    given: Vec<bool>,
}

impl Writer<'_> {
    /// The fields that mean something.
    fn meaningful(&self) -> Vec<usize> {
        let fields = self.fields.iter().enumerate();
        fields.filter(|(_, field)| field.kind != FieldKind::Padding).map(|(at, _)| at).collect()
    }

    /// Writes what is given for a path: a field, or what has fields.
    fn value(&mut self, path: &str, value: &Value) -> anyhow::Result<()> {
        if let Some(index) = self.fields.iter().position(|field| field.path == path)
            && !path.is_empty()
        {
            return self.field(index, value);
        }
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let path =
                        if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    self.value(&path, value)?;
                }
                Ok(())
            }
            Value::Array(elements) => {
                // Bytes that are the only thing in a struct around them.
                if let [only] = *self.below(path) {
                    return self.field(only, value);
                }
                for (index, value) in elements.iter().enumerate() {
                    self.value(&format!("{path}[{index}]"), value)?;
                }
                Ok(())
            }
            value => match *self.below(path) {
                [] => bail!("--key: {}", self.unknown(path)),
                [only] => self.field(only, value),
                ref several => match address(value) {
                    Some(address) if !path.is_empty() => {
                        self.address(path, several, &address, value)
                    }
                    _ => bail!(
                        "--key: {} has fields of its own, so give an object: {}",
                        named(path),
                        self.names(several)
                    ),
                },
            },
        }
    }

    /// The fields that mean something below a path.
    fn below(&self, path: &str) -> Vec<usize> {
        let is_below = |field: &KeyField| match field.path.strip_prefix(path) {
            Some(rest) => path.is_empty() || rest.starts_with(['.', '[']),
            None => false,
        };
        self.meaningful().into_iter().filter(|index| is_below(&self.fields[*index])).collect()
    }

    fn names(&self, fields: &[usize]) -> String {
        let names: Vec<_> =
            fields.iter().map(|at| format!("`{}`", self.fields[*at].path)).collect();
        names.join(", ")
    }

    fn unknown(&self, path: &str) -> String {
        format!("the key has no field {}; it has {}", named(path), self.names(&self.meaningful()))
    }

    /// Writes an address over several fields, `__be32 addr[4]`.
    fn address(
        &mut self,
        path: &str,
        fields: &[usize],
        address: &[u8],
        value: &Value,
    ) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        for index in fields {
            let field = &self.fields[*index];
            let in_network_order = matches!(field.kind, FieldKind::BigEndian | FieldKind::Bytes);
            match field.bytes() {
                Some(part) if in_network_order => bytes.extend(part),
                _ => bail!(
                    "--key: {value} cannot be {}, as `{}` is no bytes in network order",
                    named(path),
                    field.path
                ),
            }
        }
        ensure!(
            bytes.len() == address.len(),
            "--key: {value} is {} bytes, and {} is {}",
            address.len(),
            named(path),
            bytes.len()
        );
        for (to, from) in bytes.into_iter().zip(address) {
            if let Some(to) = self.key.get_mut(to) {
                *to = *from;
            }
        }
        fields.iter().for_each(|index| self.given[*index] = true);
        Ok(())
    }

    /// Writes one field.
    fn field(&mut self, index: usize, value: &Value) -> anyhow::Result<()> {
        let field = &self.fields[index];
        let wrong = || format!("--key: {}", named(&field.path));
        match field.bytes() {
            Some(place) => {
                let bytes = bytes_of(field, place.len(), value).with_context(wrong)?;
                if let Some(to) = self.key.get_mut(place) {
                    to.copy_from_slice(&bytes);
                }
            }
            None => {
                let width = field.bits.end - field.bits.start;
                let number = number(value)
                    .with_context(|| format!("{value} is no number"))
                    .with_context(wrong)?;
                let fits = u64::try_from(number).is_ok_and(|n| width >= 64 || n >> width == 0);
                ensure!(fits, "{}: {number} does not fit its {width} bits", wrong());
                self.bits(index, number);
            }
        }
        self.given[index] = true;
        Ok(())
    }

    /// Writes a bitfield, as the compiler of this machine places it.
    fn bits(&mut self, index: usize, number: i128) {
        let bits = self.fields[index].bits.clone();
        let width = bits.end - bits.start;
        for (nth, at) in bits.enumerate() {
            let (within, from) = match cfg!(target_endian = "big") {
                true => (7 - at % 8, width - 1 - nth as u64),
                false => (at % 8, nth as u64),
            };
            let bit = u8::try_from(number >> from & 1).unwrap_or(0);
            if let Some(byte) = usize::try_from(at / 8).ok().and_then(|at| self.key.get_mut(at)) {
                *byte |= bit << within;
            }
        }
    }
}

fn named(path: &str) -> String {
    if path.is_empty() { "the key".into() } else { format!("`{}`", path.escape_debug()) }
}

/// A number, also as a text: `"0x1f"`, or one that JSON has no room for.
fn number(value: &Value) -> Option<i128> {
    match value {
        Value::Bool(is) => Some((*is).into()),
        Value::Number(number) => {
            number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
        }
        Value::String(text) => match text.strip_prefix("0x") {
            Some(hex) => i128::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        },
        _ => None,
    }
}

/// The octets of an address: IPv4, IPv6, MAC.
fn address(value: &Value) -> Option<Vec<u8>> {
    let text = value.as_str()?;
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Some(address.octets().into());
    }
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(address.octets().into());
    }
    let octets: Vec<_> = text.split([':', '-']).collect();
    let is_mac = octets.len() == 6 && octets.iter().all(|octet| octet.len() == 2);
    let octet = |octet: &str| u8::from_str_radix(octet, 16).ok();
    if is_mac { octets.into_iter().map(octet).collect() } else { None }
}

fn bytes_of(field: &KeyField, len: usize, value: &Value) -> anyhow::Result<Vec<u8>> {
    if let Value::Array(bytes) = value
        && field.kind != FieldKind::BigEndian
    {
        let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
        let bytes: Option<Vec<_>> = bytes.iter().map(byte).collect();
        let bytes = bytes.with_context(|| format!("{value} is no list of bytes"))?;
        ensure!(bytes.len() == len, "{} bytes are given, and it has {len}", bytes.len());
        return Ok(bytes);
    }
    // A text is a text where the type is of characters, whatever it looks like.
    if field.kind == FieldKind::Bytes
        && field.ty.starts_with("char")
        && let Some(text) = value.as_str()
    {
        ensure!(text.len() <= len, "the text is {} bytes, and there is room for {len}", text.len());
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(len, 0);
        return Ok(bytes);
    }
    if let Some(address) = address(value) {
        ensure!(address.len() == len, "{value} is {} bytes, and it is {len}", address.len());
        if matches!(field.kind, FieldKind::BigEndian | FieldKind::Bytes) {
            return Ok(address);
        }
        let number = |is_big: bool| {
            let mut digits = String::from("0x");
            let in_order = address.iter().copied();
            let bytes: Vec<_> = if is_big { in_order.collect() } else { in_order.rev().collect() };
            for byte in bytes {
                let _ = write!(digits, "{byte:02x}");
            }
            digits
        };
        bail!(
            "it is a {}, which does not say in which byte order it has {value}: give \"{}\" when the program \
             has it as the host does, \"{}\" when it has it as it comes from a packet",
            field.ty,
            number(true),
            number(cfg!(target_endian = "big"))
        );
    }
    let number = number(value).with_context(|| match field.kind {
        FieldKind::Bytes => format!("{value} is no address and no list of {len} bytes"),
        _ => format!("{value} is no number"),
    })?;
    ensure!(len <= 8, "{number} is given, and it has {len} bytes: give a list of them");
    let bits = u32::try_from(len * 8).unwrap_or(64);
    let (low, high) = match field.kind {
        FieldKind::Signed => (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1),
        // Older compilers do not record that it has negative values.
        _ if field.ty.starts_with("enum ") => (-(1_i128 << (bits - 1)), (1_i128 << bits) - 1),
        _ => (0, (1_i128 << bits) - 1),
    };
    ensure!((low..=high).contains(&number), "{number} is not in {low}..={high}");
    ensure!(
        field.kind != FieldKind::Bytes || len == 1 || field.ty.is_empty(),
        "{number} is given, and it is bytes: give a list of {len} of them"
    );
    let mut bytes = number.to_le_bytes()[..len].to_vec();
    if field.kind == FieldKind::BigEndian || cfg!(target_endian = "big") {
        bytes.reverse();
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfmap::Object;

    fn fields(object: &str, name: &str) -> Vec<KeyField> {
        let bytes = std::fs::read(object).expect("the object");
        let object = Object::parse(&bytes).expect("an object");
        KeyField::of(&object.btf().type_named(name).expect("a type")).expect("fields")
    }

    fn flow(json: &str) -> Result<Vec<u8>, String> {
        let fields = fields("../examples/bpf/flows.bpf.o", "flow_key");
        of_json(&fields, 16, json).map_err(|error| format!("{error:#}"))
    }

    fn shape(name: &str, size: usize, json: &str) -> Result<Vec<u8>, String> {
        let fields = fields("../tests/bpf/shapes.bpf.o", name);
        of_json(&fields, size, json).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn fields_are_found_by_their_names() {
        let json = r#"{"saddr": "10.0.0.1", "daddr": 167772162, "dport": 443, "sport": "0x9c40", "proto": 6}"#;
        let expected = [10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x40, 1, 187, 6, 0, 0, 0];
        assert_eq!(flow(json), Ok(expected.to_vec()));
        // Padding can be given.
        let dirty = json.replace("}", r#", "pad": [1, 2, 3]}"#);
        assert_eq!(flow(&dirty).map(|key| key[13..].to_vec()), Ok(vec![1, 2, 3]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |json: &str| flow(json).unwrap_err();
        let lacks = wrong(r#"{"saddr": 1, "daddr": 2, "dport": 3}"#);
        assert!(lacks.contains("--key lacks `sport`, `proto`"), "{lacks}");
        let unknown = wrong(r#"{"sadr": 1}"#);
        assert!(unknown.contains("no field `sadr`; it has `saddr`, `daddr`"), "{unknown}");
        assert!(wrong(r#"{"dport": 65536}"#).contains("`dport`: 65536 is not in 0..=65535"));
        assert!(wrong(r#"{"dport": "10.0.0.1"}"#).contains("is 4 bytes, and it is 2"));
        assert!(wrong(r#"{"dport": {}}"#).contains("is no number"));
        assert!(wrong(r#"{"dport": 1.5}"#).contains("1.5 is no number"));
        assert!(wrong("{").contains("--key is not JSON"));
        assert!(wrong("443").contains("has fields of its own"));
        assert!(wrong("null").contains("has fields of its own"));
        assert!(wrong("[]").contains("lacks"));
    }

    #[test]
    fn an_address_that_could_be_either_way_round_is_refused() {
        let said = shape("inner", 8, r#"{"x": "10.0.0.1", "y": 1, "z": 2}"#).unwrap_err();
        assert!(said.contains("0x0a000001") && said.contains("0x0100000a"), "{said}");
        let number = shape("inner", 8, r#"{"x": "0x0a000001", "y": 1, "z": 2}"#).unwrap();
        assert_eq!(number[..4], 0x0a00_0001_u32.to_ne_bytes());
    }

    #[test]
    fn structs_arrays_and_unions_are_filled() {
        let json = r#"{"first": {"x": 1, "y": 2, "z": 3}, "more": [{"x": 4, "y": 5, "z": 6},
            {"x": 7, "y": 8, "z": 9}], "matrix": [[1, 2, 3], [4, 5, 6]], "end": 10}"#;
        let key = shape("nested", 32, json).unwrap();
        assert_eq!(key[16..20], 7_u32.to_ne_bytes());
        assert_eq!(key[24..30], [1, 2, 3, 4, 5, 6]);
        let signed = shape("enums", 8, r#"{"color": 2, "sign": -1}"#).unwrap();
        assert_eq!(signed[4..], (-1_i32).to_ne_bytes());
        let bits = shape("bitfields", 8, r#"{"a": 5, "b": 0, "c": 1, "d": 2}"#).unwrap();
        assert_eq!(bits[..4], (5_u32 | 1 << 16).to_ne_bytes());
        let said = shape("bitfields", 8, r#"{"a": 16, "b": 0, "c": 1, "d": 2}"#).unwrap_err();
        assert!(said.contains("16 does not fit its 4 bits"), "{said}");
        let said = shape("bitfields", 8, r#"{"a": -1, "b": 0, "c": 1, "d": 2}"#).unwrap_err();
        assert!(said.contains("-1 does not fit"), "{said}");
    }

    #[test]
    fn keys_of_one_field_are_their_value() {
        let number = fields("../tests/bpf/shapes.bpf.o", "port_t");
        assert_eq!(of_json(&number, 2, "443").unwrap(), 443_u16.to_ne_bytes());
        let bytes = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let union = fields("../tests/bpf/shapes.bpf.o", "unions");
        let union = union.into_iter().filter(|field| field.path == "v4|v6").collect::<Vec<_>>();
        let key = of_json(&union, 20, r#""2001:db8::1""#).unwrap();
        assert_eq!(key[4..], bytes);
        // As the shell leaves it.
        assert_eq!(of_json(&union, 20, "2001:db8::1").unwrap(), key);
    }

    #[test]
    fn hexadecimal_digits_are_pairs() {
        assert_eq!(of_hex("0a 00:00_01").unwrap(), [10, 0, 0, 1]);
        assert_eq!(of_hex("0x0a000001").unwrap(), [10, 0, 0, 1]);
        assert!(of_hex("0a0").unwrap_err().to_string().contains("one is left over"));
        assert!(of_hex("zz").unwrap_err().to_string().contains("`z` is no hexadecimal digit"));
    }
}
