//! `bpfmap maps`: what maps there are, who holds them, and which nobody uses.

use std::collections::HashMap;
use std::io::Write;

use anyhow::bail;
use bpfmap::Inventory;
use bpfmap::inventory::{Holders, Idle, Incomplete, KernelMap, Stale, TypeNames};
use clap::Args;
use serde::{Serialize, Serializer};

use crate::Found;
use crate::output::Output;
use crate::select::{OneMapArgs, Selected, maps_not_listed};
use crate::text::Printable;
use crate::unpin;

mod details;
mod table;

#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Exit codes: 0, all is well; 1, --stale or --idle shows a map; 2, the maps could \
    not all be listed, or it cannot be told whether they are stale or idle."
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
    /// `None` too when it is not known.
    #[serde(serialize_with = "reason")]
    stale: Option<&'a Stale<'a>>,
    /// Whether a process has it open, and nothing else holds it; `None` when that is not
    /// known.
    idle: Option<bool>,
    #[serde(skip)]
    only_open: Option<&'a Idle<'a>>,
}

fn reason<S: Serializer>(stale: &Option<&Stale<'_>>, serializer: S) -> Result<S::Ok, S::Error> {
    stale.map(|stale| &stale.reason).serialize(serializer)
}

pub(crate) fn run(args: &MapsArgs, output: &mut Output) -> anyhow::Result<Found> {
    let only = match args.map.selected() {
        // Several may have a name, and all are meant when nothing is done to them.
        Some(Selected::Name(name)) if !args.unpin => Some(all_named(&name)?),
        Some(map) => Some(vec![map.open()?.id()]),
        None => None,
    };
    let inventory = Inventory::read();
    if let Some([id]) = only.as_deref()
        && inventory.map(*id).is_none()
    {
        bail!("map {id} is gone: it was freed meanwhile");
    }
    let is_meant = |map: &KernelMap| only.as_ref().is_none_or(|ids| ids.contains(&map.id));
    let stale = inventory.stale();
    let stale: Vec<_> = stale.into_iter().filter(|one| is_meant(one.map)).collect();
    let idle = inventory.idle();
    let idle: Vec<_> = idle.into_iter().filter(|one| is_meant(one.map)).collect();
    let names = inventory.type_names();
    let is_asked_for = |map: &KernelMap| match (args.stale, args.idle) {
        (false, false) => is_meant(map),
        (of_stale, of_idle) => {
            of_stale && stale.iter().any(|one| one.map.id == map.id)
                || of_idle && idle.iter().any(|one| one.map.id == map.id)
        }
    };
    let shown = inventory.maps.iter().filter(|map| is_asked_for(map));
    let shown: Vec<_> = shown.map(|map| show(&inventory, map, &names, &stale, &idle)).collect();
    let not_told = not_told(args, &inventory, is_meant);
    // A map that was named was looked at, whatever else there is.
    let not_listed = maps_not_listed(&inventory).filter(|_| only.is_none());
    if output.is_json() {
        shown.iter().try_for_each(|shown| output.json(shown))?;
    } else if is_a_search(args) {
        reasons(args, &shown, not_listed.is_none() && not_told.is_none(), output)?;
    } else if only.is_some() {
        shown.iter().try_for_each(|shown| details::write(shown, output))?;
    } else if !shown.is_empty() || not_listed.is_none() {
        table::write(&shown, output)?;
    }
    output.flush()?;
    missing(args, &inventory, &shown, is_meant);
    if let Some(not_told) = &not_told {
        anstream::eprintln!("bpfmap: {not_told}");
    }
    match (args.unpin, is_a_search(args) && !shown.is_empty()) {
        (true, _) if !inventory.is_complete() && !args.incomplete => bail!("{NOT_ALL_SEEN}"),
        _ if not_listed.is_some() || not_told.is_some() => Ok(Found::NotLooked),
        (true, _) => unpin::run(&stale, args.yes, args.incomplete, output),
        (false, true) => Ok(Found::Problem),
        (false, false) => Ok(Found::Nothing),
    }
}

pub(crate) const NOT_ALL_SEEN: &str = "no pin is removed, as somebody who was not seen may use the \
                                       maps; --incomplete removes them all the same";

/// The maps of that name, of which there is one at least.
fn all_named(name: &str) -> anyhow::Result<Vec<u32>> {
    let ids: Vec<_> = Inventory::of_kernel().maps_named(name).map(|map| map.id).collect();
    match ids.is_empty() {
        true => Ok(vec![Selected::Name(name.into()).open()?.id()]),
        false => Ok(ids),
    }
}

/// That it is not known of some maps that are meant whether they are what is looked
/// for.
fn not_told(
    args: &MapsArgs,
    inventory: &Inventory,
    is_meant: impl Fn(&KernelMap) -> bool,
) -> Option<String> {
    let of_use = inventory.not_known();
    let idle_is_known = idle_is_known(inventory);
    // With a program, a link or another map it is neither, whatever else holds it.
    let may_be_idle = |map: &&KernelMap| {
        let holders = inventory.holders(map.id);
        let (programs, pins) = (holders.programs.len() + holders.links.len(), holders.pins.len());
        !idle_is_known && programs + pins + holders.outer_maps.len() == 0
    };
    let is_open = |map: &&KernelMap| {
        of_use.iter().any(|one| one.id == map.id) && args.stale || args.idle && may_be_idle(map)
    };
    let maps: Vec<_> = inventory.maps.iter().filter(|map| is_meant(map)).filter(is_open).collect();
    let what = searched(args);
    match *maps {
        [] => None,
        [map] => Some(format!("it cannot be told whether {} is {what}", label(map))),
        _ => Some(format!("it cannot be told whether {} maps are {what}", maps.len())),
    }
}

/// Says what could not be read: of processes where that could change what is said of the
/// maps that are meant, or where it is asked for.
fn missing(
    args: &MapsArgs,
    inventory: &Inventory,
    shown: &[Shown<'_>],
    is_meant: impl Fn(&KernelMap) -> bool,
) {
    let is_unseen = |map: &KernelMap| inventory.holders(map.id).is_empty();
    let may_matter = match is_a_search(args) {
        true => {
            shown.iter().any(|one| one.stale.is_some())
                || args.idle && inventory.maps.iter().any(|map| is_meant(map) && is_unseen(map))
        }
        false => shown.iter().any(|one| one.holders.is_empty()),
    };
    for missing in &inventory.incomplete {
        match missing {
            _ if args.verbose || !missing.is_of_processes() => {
                anstream::eprintln!("bpfmap: not all is shown: {missing}");
            }
            Incomplete::Processes { pids, .. } if may_matter => {
                let these = match **pids {
                    [pid] => format!("process {pid}"),
                    ref pids => format!("{} processes", pids.len()),
                };
                anstream::eprintln!(
                    "bpfmap: {these} could not be looked at, and may have such a map open; -v says why"
                );
            }
            missing if may_matter => anstream::eprintln!("bpfmap: not all is shown: {missing}"),
            _ => {}
        }
    }
}

/// Whether maps are looked for that could be a problem.
fn is_a_search(args: &MapsArgs) -> bool {
    args.stale || args.idle
}

fn searched(args: &MapsArgs) -> &'static str {
    match (args.stale, args.idle) {
        (true, true) => "stale or idle",
        (true, false) => "stale",
        (false, _) => "idle",
    }
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
        stale: stale.iter().find(|one| one.map.id == map.id),
        idle: idle_is_known(inventory).then_some(only_open.is_some()),
        only_open,
    }
}

/// Whether all was read that a map could be held by, but for processes.
fn idle_is_known(inventory: &Inventory) -> bool {
    inventory.incomplete.iter().all(Incomplete::is_of_processes)
}

fn reasons(
    args: &MapsArgs,
    shown: &[Shown<'_>],
    all_are_listed: bool,
    output: &mut Output,
) -> anyhow::Result<()> {
    for Shown { map, stale, only_open, holders, .. } in shown {
        match (stale, only_open) {
            (Some(stale), _) => writeln!(output, "{}: {stale}", label(map))?,
            (None, Some(idle)) => writeln!(output, "{}: {idle}", label(map))?,
            (None, None) => {}
        }
        for pin in &holders.pins {
            writeln!(output, "    pinned at {}", unpin::path(pin))?;
        }
    }
    // Of maps that are out of sight nobody knows.
    if shown.is_empty() && all_are_listed {
        writeln!(output, "no {} maps", searched(args))?;
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
