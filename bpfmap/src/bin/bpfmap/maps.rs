//! `bpfmap maps`: what maps there are, who holds them, and which nobody uses.

use std::collections::HashMap;
use std::io::Write;

use anyhow::bail;
use bpfmap::Inventory;
use bpfmap::inventory::{Holders, Idle, Incomplete, KernelMap, Stale, StaleReason, TypeNames};
use clap::Args;
use serde::Serialize;

use crate::Found;
use crate::output::Output;
use crate::select::{OneMapArgs, maps_not_listed};
use crate::text::Printable;
use crate::unpin;

mod details;
mod table;

#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Exit codes: 0, all is well; 1, --stale or --idle shows a map; 2, the maps could \
    not all be listed."
)]
pub(crate) struct MapsArgs {
    #[command(flatten)]
    map: OneMapArgs,

    /// Show the maps that nobody uses, and why they are still there; the exit code is 1
    /// when there are any.
    #[arg(long)]
    stale: bool,

    /// Show the maps that processes have open and nothing else holds: no program uses
    /// them, and they are not pinned; the exit code is 1 when there are any.
    #[arg(long)]
    idle: bool,

    /// Say of everything what could not be read.
    #[arg(short, long)]
    verbose: bool,

    /// Remove the pins of the stale maps that are shown and that only pins keep, after a
    /// question.
    #[arg(long, requires = "stale")]
    unpin: bool,

    /// Remove them without a question.
    #[arg(long, requires = "unpin")]
    yes: bool,

    /// Remove them although not all could be read, and somebody who was not seen may use
    /// the maps.
    #[arg(long, requires = "unpin")]
    incomplete: bool,
}

/// A map and all that is known of it.
#[derive(Serialize)]
pub(crate) struct Shown<'a> {
    #[serde(flatten)]
    map: &'a KernelMap,
    key_type: Option<&'a str>,
    value_type: Option<&'a str>,
    holders: Holders<'a>,
    /// Whether there is no other holder for certain.
    holders_complete: bool,
    stale: Option<&'a StaleReason>,
    /// Whether a process has it open, and nothing else holds it.
    idle: bool,
    #[serde(skip)]
    only_open: Option<&'a Idle<'a>>,
}

pub(crate) fn run(args: &MapsArgs, output: &mut Output) -> anyhow::Result<Found> {
    let only = match args.map.selected() {
        Some(map) => Some(map.open()?.id()),
        None => None,
    };
    let inventory = Inventory::read();
    if let Some(id) = only
        && inventory.map(id).is_none()
    {
        bail!("map {id} is gone: it was freed meanwhile");
    }
    let stale = inventory.stale();
    let stale: Vec<_> = stale.into_iter().filter(|one| is_shown(only, one.map)).collect();
    let idle = inventory.idle();
    let idle: Vec<_> = idle.into_iter().filter(|one| is_shown(only, one.map)).collect();
    let names = inventory.type_names();
    let is_asked_for = |map: &KernelMap| match (args.stale, args.idle) {
        (false, false) => is_shown(only, map),
        (of_stale, of_idle) => {
            of_stale && stale.iter().any(|one| one.map.id == map.id)
                || of_idle && idle.iter().any(|one| one.map.id == map.id)
        }
    };
    let shown = inventory.maps.iter().filter(|map| is_asked_for(map));
    let shown: Vec<_> = shown.map(|map| show(&inventory, map, &names, &stale, &idle)).collect();
    // A map that was named was looked at, whatever else there is.
    let not_listed = maps_not_listed(&inventory).filter(|_| only.is_none() || is_a_search(args));
    if output.is_json() {
        shown.iter().try_for_each(|shown| output.json(shown))?;
    } else if is_a_search(args) {
        reasons(args, &shown, not_listed.is_none(), output)?;
    } else if only.is_some() {
        shown.iter().try_for_each(|shown| details::write(shown, output))?;
    } else if !shown.is_empty() || not_listed.is_none() {
        table::write(&shown, output)?;
    }
    output.flush()?;
    // Holders that are out of sight matter where there is none to be seen.
    let is_said = |missing: &&Incomplete| match missing {
        Incomplete::Processes { .. } | Incomplete::OtherProcesses | Incomplete::Memory { .. } => {
            args.verbose || is_a_search(args) || shown.iter().any(|one| one.holders.is_empty())
        }
        _ => true,
    };
    for missing in inventory.incomplete.iter().filter(is_said) {
        anstream::eprintln!("bpfmap: not all is shown: {missing}");
    }
    match (args.unpin, is_a_search(args) && !shown.is_empty()) {
        (true, _) if !inventory.is_complete() && !args.incomplete => bail!("{NOT_ALL_SEEN}"),
        (true, _) => unpin::run(&stale, args.yes, args.incomplete, output),
        _ if not_listed.is_some() => Ok(Found::NotLooked),
        (false, true) => Ok(Found::Problem),
        (false, false) => Ok(Found::Nothing),
    }
}

pub(crate) const NOT_ALL_SEEN: &str = "no pin is removed, as somebody who was not seen may use the \
                                       maps; --incomplete removes them all the same";

/// Whether maps are looked for that could be a problem.
fn is_a_search(args: &MapsArgs) -> bool {
    args.stale || args.idle
}

fn is_shown(only: Option<u32>, map: &KernelMap) -> bool {
    only.is_none_or(|id| id == map.id)
}

fn show<'a>(
    inventory: &'a Inventory,
    map: &'a KernelMap,
    names: &'a HashMap<u32, TypeNames>,
    stale: &'a [Stale<'a>],
    idle: &'a [Idle<'a>],
) -> Shown<'a> {
    let only_open = idle.iter().find(|one| one.map.id == map.id);
    let names = names.get(&map.id);
    Shown {
        map,
        key_type: names.and_then(|names| names.key.as_deref()),
        value_type: names.and_then(|names| names.value.as_deref()),
        holders: inventory.holders(map.id),
        holders_complete: inventory.is_complete(),
        stale: stale.iter().find(|one| one.map.id == map.id).map(|one| &one.reason),
        idle: only_open.is_some(),
        only_open,
    }
}

fn reasons(
    args: &MapsArgs,
    shown: &[Shown<'_>],
    all_are_listed: bool,
    output: &mut Output,
) -> anyhow::Result<()> {
    for Shown { map, stale, only_open, holders, .. } in shown {
        match (stale, only_open) {
            (Some(reason), _) => writeln!(output, "{}: {reason}", label(map))?,
            (None, Some(idle)) => writeln!(output, "{}: {idle}", label(map))?,
            (None, None) => {}
        }
        for pin in &holders.pins {
            writeln!(output, "    pinned at {}", unpin::path(pin))?;
        }
    }
    // Of maps that are out of sight nobody knows.
    if shown.is_empty() && all_are_listed {
        let what = match (args.stale, args.idle) {
            (true, true) => "stale or idle",
            (true, false) => "stale",
            (false, _) => "idle",
        };
        writeln!(output, "no {what} maps")?;
    }
    Ok(())
}

/// ``hash `flows` (id 3)``
pub(crate) fn label(map: &KernelMap) -> String {
    let map_type = type_name(map);
    match map.name.as_deref() {
        None | Some("") => format!("{map_type} (id {})", map.id),
        Some(name) => format!("{map_type} `{}` (id {})", name.printable(), map.id),
    }
}

fn type_name(map: &KernelMap) -> String {
    let number = || format!("type {}", map.map_type.as_raw());
    map.map_type.name().map_or_else(number, str::to_owned)
}
