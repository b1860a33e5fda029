//! All maps, a line each.

use std::io::Write;

use bpfmap::MapType;
use bpfmap::inventory::{Holders, KernelMap};

use super::{Shown, type_name};
use crate::output::Output;
use crate::text::Printable;

/// How many holders have room in a line.
const MOST_HOLDERS: usize = 3;

pub(super) fn write(shown: &[Shown<'_>], output: &mut Output) -> anyhow::Result<()> {
    let head = ["ID", "TYPE", "NAME", "KEY", "VALUE", "MAX", "HELD BY"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(shown.iter().map(row)).collect();
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (text, width) in row.iter().zip(widths) {
            line += &format!("{text:width$}  ");
        }
        let line = line.trim_end();
        match number {
            0 => writeln!(output, "\x1b[1m{line}\x1b[0m")?,
            _ => writeln!(output, "{line}")?,
        }
    }
    Ok(())
}

fn row(shown: &Shown<'_>) -> [String; 7] {
    let map = shown.map;
    let name = map.name.as_deref().map_or("?".into(), |name| name.printable());
    [
        map.id.to_string(),
        type_name(map),
        name,
        side(shown.key_type, map.key_size),
        side(shown.value_type, map.value_size),
        max_entries(map),
        holders(&shown.holders, shown.holders_complete),
    ]
}

/// How much fits: of a ring buffer the kernel's `max_entries` are bytes.
pub(super) fn max_entries(map: &KernelMap) -> String {
    match map.map_type {
        MapType::RINGBUF | MapType::USER_RINGBUF => format!("{} bytes", map.max_entries),
        _ => map.max_entries.to_string(),
    }
}

/// ``struct flow_key (16)``, or `16 bytes`.
pub(super) fn side(name: Option<&str>, size: u32) -> String {
    match (name, size) {
        (_, 0) => "-".into(),
        (Some(name), size) => format!("{name} ({size})"),
        (None, 1) => "1 byte".into(),
        (None, size) => format!("{size} bytes"),
    }
}

fn holders(holders: &Holders<'_>, complete: bool) -> String {
    let programs = holders.programs.iter().map(|program| match &*program.name {
        "" => format!("program {}", program.id),
        name => format!("{} {}", program.program_type, name.printable()),
    });
    let links = holders.links.iter().filter(|link| link.map_id.is_some());
    let links = links.map(|link| format!("link {}", link.id));
    let pins = holders.pins.iter().map(|pin| crate::unpin::path(pin));
    let outer = holders.outer_maps.iter().map(|map| format!("map {}", map.id));
    let processes = holders.processes.iter();
    let processes = processes.map(|one| format!("{} ({})", one.comm.printable(), one.pid));
    let all: Vec<_> = programs.chain(links).chain(pins).chain(outer).chain(processes).collect();
    let (shown, more) = all.split_at(all.len().min(MOST_HOLDERS));
    let mut text = shown.join(", ");
    match (more.len(), all.is_empty(), complete) {
        (0, true, false) => text += "?",
        (0, true, true) => text += "-",
        (0, false, _) => {}
        (more, ..) => text += &format!(" and {more} more"),
    }
    text
}
