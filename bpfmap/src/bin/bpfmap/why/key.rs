//! A key as a person gives it, as bytes.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use anyhow::{Context, bail, ensure};
use bpfmap::diagnose::{FieldKind, KeyField, UnionArm};
use serde_json::Value;

use super::json;
use crate::text::Printable;

/// Bytes as hexadecimal digits, with blanks and colons between them or not.
pub(super) fn of_hex(text: &str, size: usize) -> anyhow::Result<Vec<u8>> {
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
    let given = digits.len() / 2;
    ensure!(
        given == size,
        "--key-hex is {}, and the keys of the map are {}",
        counted(given),
        counted(size)
    );
    let value = |c: char| u8::try_from(c.to_digit(16).unwrap_or(0)).unwrap_or(0);
    Ok(digits.chunks(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect())
}

fn counted(bytes: usize) -> String {
    match bytes {
        0 => "empty".into(),
        1 => "1 byte".into(),
        bytes => format!("{bytes} bytes"),
    }
}

/// A key of these fields.
pub(super) fn of_json(fields: &[KeyField], size: usize, json: &str) -> anyhow::Result<Vec<u8>> {
    Ok(written(fields, size, json)?.key)
}

/// The fields as they were given: in the place of a union the arm that was named.
pub(super) fn as_given(
    fields: &[KeyField],
    size: usize,
    json: &str,
) -> anyhow::Result<Vec<KeyField>> {
    let writer = written(fields, size, json)?;
    Ok((0..fields.len()).flat_map(|index| writer.chosen(index)).collect())
}

fn written<'a>(fields: &'a [KeyField], size: usize, json: &str) -> anyhow::Result<Writer<'a>> {
    ensure!(
        !json.trim().is_empty(),
        "--key is empty: give it as `bpfmap dump` writes it, such as {}",
        example(fields)
    );
    let key = match json::read(json) {
        Ok(key) => key,
        Err(error) if error.is_data() => bail!("--key: {error}"),
        // An address or a name that the shell has taken the quotes of.
        Err(_) if !json.starts_with(['{', '[', '"']) => Value::String(json.to_owned()),
        Err(error) => {
            return Err(error).with_context(|| {
                format!(
                    "--key is not JSON: give it as `bpfmap dump` writes it, such as {}",
                    example(fields)
                )
            });
        }
    };
    let mut writer = Writer::new(fields, size);
    match &key {
        Value::Object(_)
            if let [KeyField { path, ty, arms, .. }] = fields
                && path.is_empty()
                && arms.is_empty() =>
        {
            ensure!(
                !ty.is_empty(),
                "--key names fields, and the types of the map's key are not known: say them with --object \
                 FILE, or give the bytes with --key-hex"
            );
            bail!(
                "--key: the key is a `{}`: give the value alone, as in --key 443",
                ty.printable()
            );
        }
        Value::Object(_) => writer.value("", &key)?,
        _ => match *writer.meaningful() {
            [only] => writer.field(only, &key)?,
            _ => writer.value("", &key)?,
        },
    }
    let missing = writer.missing();
    ensure!(
        missing.is_empty(),
        "--key lacks {}: a key is looked up with all of its fields",
        missing.join(", ")
    );
    Ok(writer)
}

/// A key of these fields as it could be.
fn example(fields: &[KeyField]) -> String {
    let mut names = fields.iter().filter(|field| field.kind != FieldKind::Padding);
    // Of a union one arm will do.
    let of_arm = |field: &KeyField| field.arms.first()?.fields.first().map(|one| one.path.clone());
    match names.next().map(|first| of_arm(first).unwrap_or_else(|| first.path.clone())) {
        Some(path) if !path.is_empty() => format!("'{{\"{path}\": 1, ...}}'"),
        _ => "443".into(),
    }
}

struct Writer<'a> {
    fields: Vec<Node<'a>>,
    key: Vec<u8>,
    /// Which field each bit was given by.
    by: Vec<Option<usize>>,
    given: Vec<bool>,
}

/// A field of the key, or of an arm of a union in it.
struct Node<'a> {
    field: &'a KeyField,
    /// The union, and which of its arms.
    arm: Option<(usize, usize)>,
}

impl<'a> Writer<'a> {
    fn new(fields: &'a [KeyField], size: usize) -> Self {
        let mut nodes: Vec<_> = fields.iter().map(|field| Node { field, arm: None }).collect();
        let mut at = 0;
        while let Some(Node { field, .. }) = nodes.get(at) {
            for (nth, arm) in field.arms.iter().enumerate() {
                let inner = arm.fields.iter().map(|field| Node { field, arm: Some((at, nth)) });
                nodes.extend(inner);
            }
            at += 1;
        }
        let given = vec![false; nodes.len()];
        Self { fields: nodes, key: vec![0; size], by: vec![None; size * 8], given }
    }

    /// The fields that mean something; a union is one.
    fn meaningful(&self) -> Vec<usize> {
        self.of_arm(None)
    }

    fn of_arm(&self, arm: Option<(usize, usize)>) -> Vec<usize> {
        let nodes = self.fields.iter().enumerate();
        let is_meant = |node: &Node<'_>| node.arm == arm && node.field.kind != FieldKind::Padding;
        nodes.filter(|(_, node)| is_meant(node)).map(|(at, _)| at).collect()
    }

    /// What is not given, by its names.
    fn missing(&self) -> Vec<String> {
        self.meaningful().into_iter().flat_map(|index| self.missing_of(index)).collect()
    }

    fn missing_of(&self, index: usize) -> Vec<String> {
        if self.given[index] {
            return Vec::new();
        }
        let mut begun = None;
        for arm in 0..self.fields[index].field.arms.len() {
            let fields = self.of_arm(Some((index, arm)));
            let missing: Vec<_> = fields.iter().flat_map(|at| self.missing_of(*at)).collect();
            if missing.is_empty() && !fields.is_empty() {
                return missing;
            }
            if fields.iter().any(|at| self.is_begun(*at)) {
                begun = Some(missing);
            }
        }
        begun.unwrap_or_else(|| vec![self.name(index)])
    }

    /// A field, or what the arm of it has that was given; bytes of the union that are
    /// not in that arm are padding.
    fn chosen(&self, index: usize) -> Vec<KeyField> {
        let union = self.fields[index].field;
        let inner = |arm| self.of_arm(Some((index, arm)));
        let is_begun = |arm: &usize| inner(*arm).iter().any(|at| self.is_begun(*at));
        let is_whole = |arm: &usize| inner(*arm).iter().all(|at| self.missing_of(*at).is_empty());
        let begun: Vec<_> = (0..union.arms.len()).filter(is_begun).collect();
        let whole = begun.iter().copied().find(is_whole);
        let Some(arm) = whole.or(begun.first().copied()).filter(|_| !self.given[index]) else {
            return vec![union.clone()];
        };
        let nodes = (0..self.fields.len()).filter(|at| self.fields[*at].arm == Some((index, arm)));
        let mut fields: Vec<_> = nodes.flat_map(|at| self.chosen(at)).collect();
        fields.sort_by_key(|field| field.bits.start);
        let mut covered = union.bits.start;
        let mut holes = Vec::new();
        let end = (union.bits.end, union.bits.end);
        for (start, end) in
            fields.iter().map(|field| (field.bits.start, field.bits.end)).chain([end])
        {
            if start > covered {
                let mut hole = union.clone();
                (hole.path, hole.arms, hole.kind) = (String::new(), Vec::new(), FieldKind::Padding);
                hole.bits = covered..start;
                holes.push(hole);
            }
            covered = covered.max(end);
        }
        fields.append(&mut holes);
        fields.sort_by_key(|field| field.bits.start);
        fields
    }

    fn is_begun(&self, index: usize) -> bool {
        let arms = 0..self.fields[index].field.arms.len();
        let mut inner = arms.flat_map(|arm| self.of_arm(Some((index, arm))));
        self.given[index] || inner.any(|at| self.is_begun(at))
    }

    /// A field as it is to be given: a union as one of its arms.
    fn name(&self, index: usize) -> String {
        let field = self.fields[index].field;
        if field.arms.is_empty() {
            return format!("`{}`", field.path.printable());
        }
        let arm = |arm: &UnionArm| match &*arm.path {
            // It is anonymous: what it has are the union's.
            "" => {
                let fields = arm.fields.iter().filter(|field| field.kind != FieldKind::Padding);
                let names = fields.map(|field| format!("`{}`", field.path.printable()));
                names.collect::<Vec<_>>().join(" and ")
            }
            path => format!("`{}`", path.printable()),
        };
        field.arms.iter().map(arm).collect::<Vec<_>>().join(" or ")
    }

    /// Writes what is given for a path: a field, or what has fields.
    fn value(&mut self, path: &str, value: &Value) -> anyhow::Result<()> {
        let is_it = |node: &Node<'_>| {
            // A union is bytes, or an object of its arms.
            node.field.path == path && (node.field.arms.is_empty() || !value.is_object())
        };
        // The only arm of an anonymous union has its name.
        if let Some(index) = self.fields.iter().rposition(is_it)
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
        let is_below = |node: &Node<'_>| match node.field.path.strip_prefix(path) {
            Some(rest) => path.is_empty() || rest.starts_with(['.', '[']),
            None => false,
        };
        // Of a union that is there its arms are not.
        let is_first = |node: &Node<'_>| match node.arm {
            Some((union, _)) => !is_below(&self.fields[union]),
            None => true,
        };
        let nodes = self.fields.iter().enumerate();
        let nodes = nodes.filter(|(_, node)| node.field.kind != FieldKind::Padding);
        nodes.filter(|(_, node)| is_below(node) && is_first(node)).map(|(at, _)| at).collect()
    }

    fn names(&self, fields: &[usize]) -> String {
        let names: Vec<_> = fields.iter().map(|at| self.name(*at)).collect();
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
        let mut places = Vec::new();
        for index in fields {
            let field = self.fields[*index].field;
            let in_network_order = matches!(field.kind, FieldKind::BigEndian | FieldKind::Bytes);
            match field.bytes() {
                Some(part) if in_network_order => places.push((*index, part)),
                _ => bail!(
                    "--key: {value} cannot be {}, as `{}` is no bytes in network order",
                    named(path),
                    field.path
                ),
            }
        }
        let len = places.iter().map(|(_, part)| part.len()).sum::<usize>();
        ensure!(
            len == address.len(),
            "--key: {value} is {} bytes, and {} is {len}",
            address.len(),
            named(path)
        );
        let mut address = address;
        for (index, part) in places {
            let (bytes, rest) = address.split_at(part.len());
            address = rest;
            self.put(index, part, bytes)?;
        }
        Ok(())
    }

    /// Writes one field.
    fn field(&mut self, index: usize, value: &Value) -> anyhow::Result<()> {
        let field = self.fields[index].field;
        let wrong = || format!("--key: {}", named(&field.path));
        // A value of an enum by its name.
        let is_named = |(name, _): &&(String, i128)| value.as_str() == Some(name);
        let named_value = field.names.iter().find(is_named).map(|(_, number)| number.to_string());
        let named_value = named_value.map(Value::String);
        let value = named_value.as_ref().unwrap_or(value);
        match field.bytes() {
            Some(place) => {
                let bytes = bytes_of(field, place.len(), value).with_context(wrong)?;
                self.put(index, place, &bytes)
            }
            None => {
                let width = field.bits.end - field.bits.start;
                let number = number(value)
                    .with_context(|| format!("{value} is no number"))
                    .with_context(wrong)?;
                let width = width.min(64);
                let lowest = if may_be_negative(field) { -(1_i128 << (width - 1)) } else { 0 };
                let fits = (lowest..1 << width).contains(&number);
                ensure!(fits, "{}: {number} does not fit its {width} bits", wrong());
                self.bits(index, number)
            }
        }
    }

    /// Writes whole bytes.
    fn put(&mut self, index: usize, place: Range<usize>, bytes: &[u8]) -> anyhow::Result<()> {
        self.given[index] = true;
        for (at, byte) in place.zip(bytes) {
            for bit in 0..8 {
                self.bit(index, at * 8 + bit, byte >> bit & 1)?;
            }
        }
        Ok(())
    }

    /// Writes one bit, `at % 8` of its byte from the least significant on.
    fn bit(&mut self, index: usize, at: usize, bit: u8) -> anyhow::Result<()> {
        let (Some(byte), Some(by)) = (self.key.get_mut(at / 8), self.by.get_mut(at)) else {
            return Ok(());
        };
        if let Some(before) = by.replace(index)
            && *byte >> (at % 8) & 1 != bit
        {
            bail!(
                "--key: {} and {} are the same bytes, as arms of a union are, and give byte {} two \
                 values: leave one of them out",
                named(&self.fields[before].field.path),
                named(&self.fields[index].field.path),
                at / 8
            );
        }
        *byte |= bit << (at % 8);
        Ok(())
    }

    /// Writes a bitfield, as the compiler of this machine places it.
    fn bits(&mut self, index: usize, number: i128) -> anyhow::Result<()> {
        self.given[index] = true;
        let bits = self.fields[index].field.bits.clone();
        let width = bits.end - bits.start;
        for (nth, at) in bits.enumerate() {
            let (within, from) = match cfg!(target_endian = "big") {
                true => (7 - at % 8, width - 1 - nth as u64),
                false => (at % 8, nth as u64),
            };
            let bit = u8::try_from(number >> from & 1).unwrap_or(0);
            if let Ok(byte) = usize::try_from(at / 8) {
                self.bit(index, byte * 8 + usize::try_from(within).unwrap_or(0), bit)?;
            }
        }
        Ok(())
    }
}

fn named(path: &str) -> String {
    if path.is_empty() { "the key".into() } else { format!("`{}`", path.printable()) }
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

/// Whether a number below zero may be of it. Of an enum, older compilers do not record
/// that it has such values.
fn may_be_negative(field: &KeyField) -> bool {
    field.kind == FieldKind::Signed
        || !field.names.is_empty()
        || unqualified(&field.ty).starts_with("enum ")
}

fn unqualified(ty: &str) -> &str {
    ty.trim_start_matches("const ").trim_start_matches("volatile ")
}

/// What `bpfmap dump` writes where JSON has nothing for it: bytes without a type as they
/// stand in memory, integers of 16 bytes as a number, floating-point numbers.
fn dumped(field: &KeyField, len: usize, value: &Value) -> Option<Vec<u8>> {
    let is_number = !field.ty.is_empty()
        && field.arms.is_empty()
        && !field.ty.contains('[')
        && !["struct ", "union "].iter().any(|kind| unqualified(&field.ty).starts_with(kind));
    let in_order = |mut bytes: Vec<u8>| {
        if cfg!(target_endian = "little") {
            bytes.reverse();
        }
        bytes
    };
    match value {
        Value::String(text) => {
            let digits = text.strip_prefix("0x").filter(|digits| digits.len() == len * 2)?;
            let bytes = of_hex(digits, len).ok()?;
            match is_number {
                true if len == 16 => Some(in_order(bytes)),
                true => None,
                false => Some(bytes),
            }
        }
        Value::Number(number) if is_number && number.is_f64() => match (number.as_f64()?, len) {
            (number, 8) => Some(number.to_ne_bytes().into()),
            (number, 4) => Some((number as f32).to_ne_bytes().into()),
            _ => None,
        },
        _ => None,
    }
}

/// What a text that is none was meant to be.
fn meant_as(text: &str) -> Option<&'static str> {
    let only = |sign| text.chars().all(|c| c == sign || c.is_ascii_hexdigit());
    match text.matches('.').count() {
        3 if only('.') => Some("IPv4 address: its four numbers are 0 to 255, without zeros before"),
        _ if text.matches(':').count() > 1 && only(':') => Some("IPv6 or MAC address"),
        _ => None,
    }
}

fn bytes_of(field: &KeyField, len: usize, value: &Value) -> anyhow::Result<Vec<u8>> {
    if let Value::Array(bytes) = value
        && field.kind != FieldKind::BigEndian
    {
        // Of a type with a sign, too.
        let signed = |byte: i64| i8::try_from(byte).map(i8::cast_unsigned).ok();
        let byte = |value: &Value| value.as_i64().and_then(|n| u8::try_from(n).ok().or(signed(n)));
        let bytes: Option<Vec<_>> = bytes.iter().map(byte).collect();
        let bytes = bytes.with_context(|| format!("{value} is no list of bytes"))?;
        ensure!(bytes.len() == len, "{} bytes are given, and it has {len}", bytes.len());
        return Ok(bytes);
    }
    // A text is a text where the type is of characters, whatever it looks like.
    if field.kind == FieldKind::Bytes
        && unqualified(&field.ty).starts_with("char")
        && let Some(text) = value.as_str()
    {
        ensure!(text.len() <= len, "the text is {} bytes, and there is room for {len}", text.len());
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(len, 0);
        return Ok(bytes);
    }
    if field.kind == FieldKind::Bytes
        && let Some(bytes) = dumped(field, len, value)
    {
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
        _ if let Some(what) = value.as_str().and_then(meant_as) => format!("{value} is no {what}"),
        FieldKind::Bytes => format!("{value} is no address and no list of {len} bytes"),
        _ if !field.names.is_empty() => {
            /// How many are named.
            const MOST: usize = 8;
            let names =
                field.names.iter().take(MOST).map(|(name, _)| format!("`{}`", name.printable()));
            let more = if field.names.len() > MOST { ", ..." } else { "" };
            let names: Vec<_> = names.collect();
            format!("{value} is no number and none of {}{more}", names.join(", "))
        }
        _ => format!("{value} is no number"),
    })?;
    ensure!(len <= 8, "{number} is given, and it has {len} bytes: give a list of them");
    let bits = u32::try_from(len * 8).unwrap_or(64);
    let (low, high) = match field.kind {
        // `char` has a sign with some compilers, and not with others.
        FieldKind::Signed if len > 1 => (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1),
        _ if may_be_negative(field) => (-(1_i128 << (bits - 1)), (1_i128 << bits) - 1),
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
        let said = wrong(r#"{"dport": 1, "sport": 2, "dport": 3}"#);
        assert!(said.starts_with("--key: `dport` is given twice"), "{said}");
        let said = wrong(r#"{"saddr": "10.0.0.300"}"#);
        assert!(said.contains("`saddr`: \"10.0.0.300\" is no IPv4 address"), "{said}");
        let said = wrong(r#"{"saddr": "fe80::1::2"}"#);
        assert!(said.contains("is no IPv6 or MAC address"), "{said}");
        assert!(wrong("443").contains("has fields of its own"));
        assert!(wrong("").starts_with("--key is empty: give it as"));
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

    /// What `bpfmap dump` writes is a key.
    #[test]
    fn what_is_dumped_can_be_looked_up() {
        let objects =
            ["shapes", "values", "findings"].map(|name| format!("../tests/bpf/{name}.bpf.o"));
        let (mut unions, mut found) = (0, 0);
        for path in objects {
            let bytes = std::fs::read(&path).expect("the object");
            let object = Object::parse(&bytes).expect("an object");
            for name in [
                "unions",
                "arms",
                "nested",
                "bits",
                "bitfields",
                "orders",
                "tight",
                "address",
                "enums",
                "numbers",
                "parts",
                "wide",
                "real",
                "text",
                "flexible",
            ] {
                let Ok(ty) = object.btf().type_named(name) else { continue };
                found += 1;
                let fields = KeyField::of(&ty).expect("fields");
                let size = usize::try_from(ty.size().expect("a size")).expect("a small one");
                unions += fields.iter().filter(|field| !field.arms.is_empty()).count();
                let mut key: Vec<u8> = (1..=size).map(|byte| byte as u8 | 0x80).collect();
                // Nobody sees what no member covers.
                for hole in fields.iter().filter(|field| field.path.is_empty()) {
                    if let (FieldKind::Padding, Some(bytes)) = (hole.kind, hole.bytes()) {
                        key[bytes].fill(0);
                    }
                }
                let json = serde_json::to_string(&ty.decoder().value(&key)).expect("JSON");
                let again = of_json(&fields, size, &json);
                match name {
                    // Bits that no member covers are in the middle of bytes.
                    "bits" => assert!(again.is_ok(), "{json}"),
                    _ => assert_eq!(again.expect(&json), key, "{path} {name}: {json}"),
                }
            }
        }
        assert!(unions > 4 && found > 14, "{unions} {found}");
    }

    #[test]
    fn numbers_with_a_sign_can_be_below_zero() {
        let bits = |c: i64| {
            let json = format!(
                r#"{{"a": 1, "b": 2, "c": {c}, "d": 0, "e": 0, "f": 0, "g": false, "h": "RED",
                    "whole": 0}}"#
            );
            let fields = fields("../tests/bpf/values.bpf.o", "bits");
            of_json(&fields, 24, &json).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(bits(-1).unwrap()[..2], (0b11111 << 10 | 2 << 3 | 1_u16).to_le_bytes());
        assert!(bits(-16).is_ok() && bits(-17).is_err());
    }

    /// As the keys of a map without types are dumped.
    #[test]
    fn bytes_without_a_type_are_as_they_are_dumped() {
        let ty = fields("../tests/bpf/shapes.bpf.o", "unions");
        let mut bytes = ty.into_iter().find(|field| field.path == "v4|v6").expect("a union");
        bytes.path.clear();
        bytes.ty.clear();
        bytes.arms.clear();
        for len in [4, 8, 16] {
            bytes.bits = 0..len as u64 * 8;
            let key: Vec<u8> = (1..=len as u8).collect();
            let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            let json = format!("\"0x{digits}\"");
            assert_eq!(of_json(std::slice::from_ref(&bytes), len, &json).unwrap(), key);
        }
        // A number is what has fewer digits.
        bytes.bits = 0..32;
        let key = of_json(std::slice::from_ref(&bytes), 4, r#""0x1f""#).unwrap();
        assert_eq!(key, 0x1f_u32.to_ne_bytes());
    }

    #[test]
    fn values_of_enums_have_names() {
        let fields = fields("../tests/bpf/shapes.bpf.o", "enums");
        let (name, number) = fields[0].names.last().expect("a name").clone();
        let json = |color: &str| format!(r#"{{"color": "{color}", "sign": -1}}"#);
        let key = of_json(&fields, 8, &json(&name)).unwrap();
        assert_eq!(i128::from(u32::from_ne_bytes(*key.first_chunk().unwrap())), number);
        let said = format!("{:#}", of_json(&fields, 8, &json("MAUVE")).unwrap_err());
        assert!(said.contains("`color`: \"MAUVE\" is no number and none of `"), "{said}");
        assert!(said.contains(&format!("`{name}`")), "{said}");
    }

    #[test]
    fn one_arm_of_a_union_is_enough() {
        let v4 = shape("unions", 24, r#"{"kind": 0, "v4": "10.0.0.1", "named": {"word": 5}}"#);
        let v4 = v4.unwrap();
        assert_eq!(v4[4..20], [10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(v4[20..], 5_u32.to_ne_bytes());
        let json = r#"{"kind": 0, "v6": "2001:db8::1", "named": [1, 2, 3, 4]}"#;
        let v6 = shape("unions", 24, json).unwrap();
        assert_eq!((v6[4], v6[19], v6[23]), (0x20, 1, 4));
        let said = shape("unions", 24, r#"{"kind": 0, "named": {"bytes": [1, 2, 3, 4]}}"#);
        assert!(said.unwrap_err().contains("--key lacks `v4` or `v6`: "));
        let said = shape("arms", 16, r#"{"kind": 0, "port": 1, "named": {"word": 0}}"#);
        assert!(said.unwrap_err().contains("--key lacks `zone`: "));
        let said = shape("arms", 16, r#"{"kind": 0, "index": 1, "named": {}}"#).unwrap_err();
        assert!(said.contains("--key lacks `named.word` or `named.inner`: "), "{said}");
        let said = shape("arms", 16, r#"{"no": 0}"#).unwrap_err();
        assert!(
            said.contains(
                "no field `no`; it has `kind`, `port` and `zone` or `index`, `named.word`"
            ),
            "{said}"
        );
    }

    #[test]
    fn the_arm_that_was_named_is_what_is_compared() {
        let fields = fields("../tests/bpf/shapes.bpf.o", "unions");
        let json = r#"{"kind": 0, "v4": "10.0.0.1", "named": [1, 2, 3, 4]}"#;
        let given = as_given(&fields, 24, json).unwrap();
        let given: Vec<_> = given.iter().map(|one| (&*one.path, one.bytes(), one.kind)).collect();
        let expected = [
            ("v4", Some(4..8), FieldKind::BigEndian),
            ("", Some(8..20), FieldKind::Padding),
            ("named", Some(20..24), FieldKind::Bytes),
        ];
        assert_eq!(given[1..], expected);
    }

    #[test]
    fn a_key_without_fields_has_no_names() {
        let number = fields("../tests/bpf/shapes.bpf.o", "port_t");
        let said = of_json(&number, 2, r#"{"port": 443}"#).unwrap_err().to_string();
        assert_eq!(said, "--key: the key is a `port_t`: give the value alone, as in --key 443");
        let mut untyped = number;
        untyped[0].ty.clear();
        let said = of_json(&untyped, 2, r#"{"port": 443}"#).unwrap_err().to_string();
        assert!(said.contains("are not known") && said.contains("--object FILE"), "{said}");
    }

    #[test]
    fn arms_of_a_union_agree() {
        let arms = |word: u32, byte: u8| {
            let json = format!(
                r#"{{"kind": 0, "v4": 0, "named": {{"word": {word}, "bytes": [{byte}, 0, 0, 0]}}}}"#
            );
            shape("unions", 24, &json)
        };
        assert!(arms(u32::from_ne_bytes([7, 0, 0, 0]), 7).is_ok());
        let said = arms(7, 9).unwrap_err();
        assert!(
            said.contains("`named.bytes` and `named.word` are the same bytes")
                && said.contains("byte 20"),
            "{said}"
        );
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
        assert_eq!(of_hex("0a 00:00_01", 4).unwrap(), [10, 0, 0, 1]);
        assert_eq!(of_hex("0x0a000001", 4).unwrap(), [10, 0, 0, 1]);
        let wrong = |text| of_hex(text, 4).unwrap_err().to_string();
        assert!(wrong("0a0").contains("one is left over"));
        assert!(wrong("zz").contains("`z` is no hexadecimal digit"));
        assert_eq!(wrong("00"), "--key-hex is 1 byte, and the keys of the map are 4 bytes");
        assert_eq!(wrong(""), "--key-hex is empty, and the keys of the map are 4 bytes");
    }
}
