//! `bpfmap maps`: what maps there are, who holds them, and which nobody uses.

use std::collections::HashMap;
use std::io::Write;

use anyhow::bail;
use bpfmap::Inventory;
use bpfmap::inventory::{Holders, KernelMap, Stale, StaleReason, TypeNames};
use clap::Args;
use serde::Serialize;

use crate::Found;
use crate::output::Output;
use crate::select::OneMapArgs;
use crate::unpin;

mod details;
mod table;

#[derive(Clone, Debug, Args)]
pub(crate) struct MapsArgs {
    #[command(flatten)]
    map: OneMapArgs,

    /// Show the maps that nobody uses, and why they are still there; the exit code is 1
    /// when there are any.
    #[arg(long)]
    stale: bool,

    /// Remove the pins of the stale maps that are shown, after a question.
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
    let names = inventory.type_names();
    let shown = inventory.maps.iter().filter(|map| match args.stale {
        true => stale.iter().any(|one| one.map.id == map.id),
        false => is_shown(only, map),
    });
    let shown: Vec<_> = shown.map(|map| show(&inventory, map, &names, &stale)).collect();
    if output.is_json() {
        shown.iter().try_for_each(|shown| output.json(shown))?;
    } else if args.stale {
        reasons(&stale, output)?;
    } else if only.is_some() {
        shown.iter().try_for_each(|shown| details::write(shown, output))?;
    } else {
        table::write(&shown, output)?;
    }
    output.flush()?;
    for missing in &inventory.incomplete {
        anstream::eprintln!("bpfmap: not all is shown: {missing}");
    }
    match (args.unpin, args.stale && !stale.is_empty()) {
        (true, _) if !inventory.is_complete() && !args.incomplete => bail!(
            "no pin is removed, as somebody who was not seen may use the maps; --incomplete removes \
             them all the same"
        ),
        (true, _) => unpin::run(&stale, args.yes, output),
        (false, true) => Ok(Found::Problem),
        (false, false) => Ok(Found::Nothing),
    }
}

fn is_shown(only: Option<u32>, map: &KernelMap) -> bool {
    only.is_none_or(|id| id == map.id)
}

fn show<'a>(
    inventory: &'a Inventory,
    map: &'a KernelMap,
    names: &'a HashMap<u32, TypeNames>,
    stale: &'a [Stale<'a>],
) -> Shown<'a> {
    let names = names.get(&map.id);
    Shown {
        map,
        key_type: names.and_then(|names| names.key.as_deref()),
        value_type: names.and_then(|names| names.value.as_deref()),
        holders: inventory.holders(map.id),
        holders_complete: inventory.is_complete(),
        stale: stale.iter().find(|one| one.map.id == map.id).map(|one| &one.reason),
    }
}

fn reasons(stale: &[Stale<'_>], output: &mut Output) -> anyhow::Result<()> {
    for Stale { map, reason, pins, .. } in stale {
        writeln!(output, "{}: {reason}", label(map))?;
        for pin in pins {
            writeln!(output, "    pinned at {}", pin.path.display())?;
        }
    }
    if stale.is_empty() {
        writeln!(output, "no stale maps")?;
    }
    Ok(())
}

/// ``hash `flows` (id 3)``
pub(crate) fn label(map: &KernelMap) -> String {
    let map_type = type_name(map);
    match map.name.as_deref() {
        None | Some("") => format!("{map_type} (id {})", map.id),
        Some(name) => format!("{map_type} `{}` (id {})", name.escape_debug(), map.id),
    }
}

fn type_name(map: &KernelMap) -> String {
    let number = || format!("type {}", map.map_type.as_raw());
    map.map_type.name().map_or_else(number, str::to_owned)
}
