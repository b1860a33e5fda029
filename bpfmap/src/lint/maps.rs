//! What is to be known of the keys and values of a map.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use super::{Finding, FindingKind, Severity};
use crate::btf::{BtfRow, BtfRowKind, BtfTable, Printable};
use crate::compare::Role;
use crate::map_type::MapType;
use crate::object::{MapDefinition, Side};

/// How many findings one type gives.
const MAX_OF_TYPE: usize = 64;

/// How many bitfields are named.
const MAX_NAMED: usize = 8;

/// Which of a map's types user space has to know.
struct Needs {
    key: bool,
    value: bool,
    inner: bool,
}

impl Needs {
    /// Those of the maps that this crate has a typed map for.
    fn of(map_type: MapType) -> Self {
        let needs = |key, value, inner| Self { key, value, inner };
        match map_type {
            MapType::HASH
            | MapType::LRU_HASH
            | MapType::PERCPU_HASH
            | MapType::LRU_PERCPU_HASH
            | MapType::LPM_TRIE => needs(true, true, false),
            MapType::ARRAY
            | MapType::PERCPU_ARRAY
            | MapType::QUEUE
            | MapType::STACK
            | MapType::BLOOM_FILTER
            | MapType::SK_STORAGE
            | MapType::INODE_STORAGE
            | MapType::TASK_STORAGE
            | MapType::CGRP_STORAGE => needs(false, true, false),
            MapType::HASH_OF_MAPS => needs(true, false, true),
            MapType::ARRAY_OF_MAPS => needs(false, false, true),
            _ => needs(false, false, false),
        }
    }
}

/// Everything about one map.
pub(super) fn of_map(map: MapDefinition<'_>, rows: &mut usize, found: &mut Vec<Finding>) {
    // The compiler places variables, and no program looks them up by a key.
    if map.definition.is_section || map.map_type() == MapType::STRUCT_OPS {
        return;
    }
    let needs = Needs::of(map.map_type());
    untyped(map, &needs, found);
    let sides = [
        (Role::Key, map.definition.key, needs.key),
        (Role::Value, map.definition.value, needs.value),
    ];
    for (role, side, needed) in sides {
        if let Side::Type(id) = side {
            match map.btf.view(id).table() {
                Ok(table) => {
                    *rows += table.rows.len() + 1;
                    shared(map.name(), role, &table, found);
                }
                Err(error) if needed => {
                    let message = format!("{role} of map `{}`: {error}", Printable(map.name()));
                    let finding = Finding::new(Severity::Error, FindingKind::Incomplete, message);
                    found.push(Finding { role: Some(role), ..finding.of(map.name()) });
                }
                Err(_) => {}
            }
        }
    }
    if let Some(inner) = map.inner() {
        let before = found.len();
        of_map(inner, rows, found);
        // The code refers to the map around it.
        for finding in &mut found[before..] {
            finding.map = Some(map.name().into());
        }
    }
}

/// Sizes in the place of types.
fn untyped(map: MapDefinition<'_>, needs: &Needs, found: &mut Vec<Finding>) {
    let name = Printable(map.name());
    if needs.inner && map.inner().is_none() {
        let message = format!("map `{name}` does not say what the maps in it are");
        let advice = "declare them: `__array(values, struct inner_map)`";
        let finding = Finding::new(Severity::Warning, FindingKind::Untyped, message);
        found.push(finding.of(map.name()).with_advice(advice));
    }
    let sides = [
        (needs.key, map.definition.key, "key", "`__type(key, ...)`"),
        (needs.value, map.definition.value, "value", "`__type(value, ...)`"),
    ];
    let without: Vec<_> = sides
        .into_iter()
        .filter(|(needed, side, ..)| *needed && side.type_id().is_none())
        .map(|(_, side, role, advice)| (side, role, advice))
        .collect();
    if without.is_empty() {
        return;
    }
    let sides: Vec<_> = without
        .iter()
        .map(|(side, role, _)| match side {
            Side::Size(1) => format!("the {role} is 1 byte"),
            Side::Size(size) => format!("the {role} is {size} bytes"),
            Side::Nothing | Side::Type(_) => format!("the {role} is not declared"),
        })
        .collect();
    let declared = match map.definition.is_legacy {
        true => "in the section `maps`, which has no types",
        false => "by size and not by type",
    };
    let message = format!("map `{name}` is declared {declared}: {}", sides.join(", "));
    let words: Vec<_> = without.iter().map(|(.., word)| *word).collect();
    let place = if map.definition.is_legacy { " in the section `.maps`" } else { "" };
    let advice = format!("declare {}{place}, so that it can be compared", words.join(" and "));
    let finding = Finding::new(Severity::Warning, FindingKind::Untyped, message);
    found.push(finding.of(map.name()).with_advice(advice));
}

/// What a finding on a key or a value begins with.
fn of_maps(role: Role, maps: &[&str]) -> String {
    /// How many are named.
    const MOST: usize = 8;
    let named = maps.iter().take(MOST).map(|map| format!("`{}`", Printable(map)));
    let named: Vec<_> = named.collect();
    let plural = if maps.len() == 1 { "" } else { "s" };
    match maps.len().saturating_sub(MOST) {
        0 => format!("{role} of map{plural} {}, ", named.join(", ")),
        more => format!("{role} of maps {} and {more} more, ", named.join(", ")),
    }
}

/// Says once what is to be said of several maps, whose types are the same.
pub(super) fn say_once(findings: &mut Vec<Finding>) {
    let mut first: HashMap<(Role, String), usize> = HashMap::new();
    let mut once: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings.drain(..) {
        let rest = match (&finding.map, finding.role) {
            (Some(map), Some(role)) => {
                let rest = finding.message.strip_prefix(&of_maps(role, &[map]));
                rest.map(|rest| (role, rest.to_owned()))
            }
            _ => None,
        };
        let Some(subject) = rest else {
            once.push(finding);
            continue;
        };
        match first.entry(subject) {
            Entry::Occupied(known) => once[*known.get()].other_maps.extend(finding.map),
            Entry::Vacant(new) => {
                new.insert(once.len());
                once.push(finding);
            }
        }
    }
    for ((role, rest), index) in first {
        let finding = &mut once[index];
        let maps = finding.map.iter().chain(&finding.other_maps);
        finding.message = of_maps(role, &maps.map(String::as_str).collect::<Vec<_>>()) + &rest;
    }
    *findings = once;
}

/// Everything about one key or value.
fn shared(map: &str, role: Role, table: &BtfTable, found: &mut Vec<Finding>) {
    let at_most = found.len() + MAX_OF_TYPE;
    let mut push = |finding: Finding, path: &str, bytes| {
        if found.len() < at_most {
            let path = path.into();
            let finding = Finding { role: Some(role), path, bytes: Some(bytes), ..finding };
            found.push(finding.of(map));
        }
    };
    let subject = format!("{}`{}`", of_maps(role, &[map]), table.ty);
    let whole = BtfRow {
        path: String::new(),
        offset: 0,
        size: table.size,
        ty: table.ty.clone(),
        kind: table.kind,
        lengths: Vec::new(),
        bits: None,
        unions: 0,
        between: None,
    };
    for row in std::iter::once(&whole).chain(&table.rows) {
        let bytes = row.offset..row.offset.saturating_add(row.size);
        let range = format!("{}..{}", bytes.start, bytes.end);
        let path = Printable(&row.path);
        let what = match &*row.path {
            "" if row.offset == 0 && row.size == table.size => "it".into(),
            "" => format!("a member without a name (bytes {range})"),
            _ => format!("`{path}`"),
        };
        let finding = match row.kind {
            // An arm that does not fill its union has the bytes of others there: all of
            // them together, below.
            BtfRowKind::Hole if row.unions > 0 => continue,
            BtfRowKind::Hole => {
                let count = match row.size {
                    1 => "1 byte".into(),
                    size => format!("{size} bytes"),
                };
                let place = between(row);
                match role {
                    Role::Key => Finding::new(
                        Severity::Warning,
                        FindingKind::HoleInKey,
                        format!(
                            "{subject}: {count} that no member covers (bytes {range}), {place}"
                        ),
                    )
                    .with_advice(format!(
                        "all bytes of a key are compared, so what is left in these makes a lookup \
                         miss: declare them there, `__u8 {}[{}];`, and clear them where a key is made, \
                         as {} does; or clear the whole key with `__builtin_memset`",
                        pad_name(table, row),
                        row.size,
                        initialised(&table.ty),
                    )),
                    _ => Finding::new(
                        Severity::Note,
                        FindingKind::HoleInValue,
                        format!(
                            "{subject}: {count} that no member covers (bytes {range}), {place}"
                        ),
                    ),
                }
            }
            // All of them in one, below.
            BtfRowKind::Bitfield => continue,
            BtfRowKind::Pointer => Finding::new(
                Severity::Warning,
                FindingKind::Pointer,
                format!("{subject}: {what} is a pointer, `{}`", row.ty),
            )
            .with_advice(
                "an address of the kernel means nothing to user space: share what it points to, or \
                 a `__u64` when it is only an identity",
            ),
            // The array of a header stands where what is behind it does.
            BtfRowKind::FlexibleArray if !is_last(table, row) => continue,
            BtfRowKind::FlexibleArray if role == Role::Key => Finding::new(
                Severity::Warning,
                FindingKind::FlexibleArray,
                format!("{subject}: {what} is an array without a length"),
            )
            .with_advice("a key has a fixed size, and the array is none of it: give it a length"),
            BtfRowKind::FlexibleArray => Finding::new(
                Severity::Note,
                FindingKind::FlexibleArray,
                format!(
                    "{subject}: {what} is an array without a length, which is no part of a value"
                ),
            ),
            BtfRowKind::Union => Finding::new(
                Severity::Note,
                FindingKind::Union,
                format!("{subject}: {what} is a union, which says nothing of which arm is in use"),
            ),
            _ => continue,
        };
        push(finding, &row.path, bytes);
    }
    if role == Role::Key {
        for bytes in uncovered(table) {
            let count = match bytes.end - bytes.start {
                1 => "1 byte".into(),
                size => format!("{size} bytes"),
            };
            let message = format!(
                "{subject}: {count} that no arm of a union covers (bytes {}..{})",
                bytes.start, bytes.end
            );
            let finding = Finding::new(Severity::Warning, FindingKind::HoleInKey, message)
                .with_advice(
                    "all bytes of a key are compared, so what is left in these makes a lookup miss: \
                     clear the key with `__builtin_memset`",
                );
            push(finding, "", bytes);
        }
    }
    if table.truncated {
        let message = format!("{subject}: it has more members than are looked at");
        let finding = Finding::new(Severity::Warning, FindingKind::Unfinished, message);
        push(finding, "", 0..table.size);
    }
    let bitfields = || table.rows.iter().filter(|row| row.kind == BtfRowKind::Bitfield);
    let ends = bitfields().map(|row| row.offset.saturating_add(row.size));
    if let (Some(first), Some(end)) = (bitfields().next(), ends.max()) {
        let names: Vec<_> =
            bitfields().take(MAX_NAMED).map(|row| format!("`{}`", Printable(&row.path))).collect();
        let more = if bitfields().count() > MAX_NAMED { ", ..." } else { "" };
        let are = if names.len() == 1 { "is a bitfield" } else { "are bitfields" };
        let message = format!("{subject}: {}{more} {are}", names.join(", "));
        let finding = Finding::new(Severity::Warning, FindingKind::Bitfield, message).with_advice(
            "where its bits are is up to the compiler and the byte order: share an integer and masks",
        );
        let start = bitfields().map(|row| row.offset).min().unwrap_or(first.offset);
        let path = if names.len() == 1 { first.path.clone() } else { String::new() };
        push(finding, &path, start..end);
    }
}

/// The holes in arms of unions that no other arm covers.
fn uncovered(table: &BtfTable) -> Vec<Range<u64>> {
    let end = |row: &BtfRow| row.offset.saturating_add(row.size);
    let is_hole = |row: &&BtfRow| row.kind == BtfRowKind::Hole && row.unions > 0;
    let mut holes: Vec<_> =
        table.rows.iter().filter(is_hole).map(|row| row.offset..end(row)).collect();
    holes.sort_by_key(|range| (range.start, range.end));
    let mut members: Vec<_> = table
        .rows
        .iter()
        .filter_map(|row| match row.kind {
            BtfRowKind::Hole | BtfRowKind::FlexibleArray => None,
            // Its members are listed; of an array of it those of the first.
            BtfRowKind::Struct | BtfRowKind::Union => {
                let len = row.lengths.iter().map(|len| u64::from(*len)).product::<u64>().max(1);
                Some(row.offset + row.size / len..end(row))
            }
            _ => Some(row.offset..end(row)),
        })
        .collect();
    members.sort_by_key(|range| (range.start, range.end));
    let mut found: Vec<Range<u64>> = Vec::new();
    for hole in holes {
        let mut at = found.last().map_or(hole.start, |last| hole.start.max(last.end));
        let mut add = |bytes: Range<u64>| match found.last_mut() {
            _ if bytes.is_empty() => {}
            Some(last) if last.end == bytes.start => last.end = bytes.end,
            _ => found.push(bytes),
        };
        for member in members.iter().take_while(|member| member.start < hole.end) {
            add(at..member.start.clamp(at, hole.end.max(at)));
            at = at.max(member.end);
        }
        add(at..hole.end.max(at));
    }
    found
}

/// Whether no other member is behind it.
fn is_last(table: &BtfTable, array: &BtfRow) -> bool {
    let is_behind = |row: &BtfRow| row.offset >= array.offset && row.size > 0;
    !table.rows.iter().any(|row| is_behind(row) && row.kind != BtfRowKind::Hole)
}

/// What to call a member over a hole: a name that is not taken, of which the
/// comparison knows that it is padding.
fn pad_name(table: &BtfTable, hole: &BtfRow) -> String {
    let is_taken =
        |name: &str| table.rows.iter().any(|row| row.path.rsplit('.').next() == Some(name));
    let holes = table.rows.iter().filter(|row| row.kind == BtfRowKind::Hole && row.unions == 0);
    let numbered = (hole.offset..).map(|number| format!("pad{number}"));
    let plain = (holes.count() == 1).then(|| "pad".into());
    plain.into_iter().chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
}

/// How C clears all members of a key.
fn initialised(ty: &str) -> String {
    match ty.contains("(anonymous)") {
        true => "the initialiser `= {}`".into(),
        false => format!("`{} key = {{}};`", Printable(ty)),
    }
}

/// The members around a hole.
fn between(row: &BtfRow) -> String {
    let name = |name: &Option<String>| {
        name.as_deref().map(|name| match name.contains(' ') {
            // What C has no name for.
            true => Printable(name).to_string(),
            false => format!("`{}`", Printable(name)),
        })
    };
    match row.between.as_ref().map(|[before, after]| (name(before), name(after))) {
        Some((Some(before), Some(after))) => format!("between {before} and {after}"),
        Some((Some(before), None)) => format!("after {before}, at the end"),
        Some((None, Some(after))) => format!("before {after}"),
        Some((None, None)) => "behind all arms of a union".into(),
        None => "between its members".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &str, offset: u64, kind: BtfRowKind) -> BtfRow {
        let (path, ty, lengths) = (path.into(), String::new(), Vec::new());
        BtfRow { path, offset, size: 2, ty, kind, lengths, bits: None, unions: 0, between: None }
    }

    #[test]
    fn a_pad_has_a_name_that_is_not_taken() {
        let kind = BtfRowKind::Struct;
        let named = |rows: &[BtfRow], hole: usize| {
            let table =
                BtfTable { ty: String::new(), size: 16, kind, rows: rows.into(), truncated: false };
            pad_name(&table, &rows[hole])
        };
        let (int, hole) = (BtfRowKind::Int, BtfRowKind::Hole);
        let mut rows = vec![row("a", 0, int), row("", 2, hole), row("in.b", 4, int)];
        assert_eq!(named(&rows, 1), "pad");
        rows.push(row("", 6, hole));
        assert_eq!((named(&rows, 1), named(&rows, 3)), ("pad2".into(), "pad6".into()));
        rows.push(row("in.pad6", 8, int));
        assert_eq!(named(&rows, 3), "pad7");
        rows.truncate(3);
        rows[2].path = "in.pad".into();
        assert_eq!(named(&rows, 1), "pad2");
    }

    #[test]
    fn a_key_whose_type_has_no_name_is_cleared_too() {
        assert_eq!(initialised("struct flow"), "`struct flow key = {};`");
        assert_eq!(initialised("struct (anonymous)"), "the initialiser `= {}`");
    }

    #[test]
    fn what_is_beside_a_hole_is_named_or_placed() {
        let union = "the anonymous union at 0..2";
        let between = Some([Some(union.into()), Some("port".into())]);
        let hole = BtfRow { between, ..row("", 2, BtfRowKind::Hole) };
        assert_eq!(super::between(&hole), format!("between {union} and `port`"));
    }
}
