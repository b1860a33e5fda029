//! `bpfmap maps --stale --unpin`: removes pins of maps that nobody uses.

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::bail;
use bpfmap::Inventory;
use bpfmap::inventory::{ObjectId, Pin, Stale, StaleReason};
use serde::Serialize;

use crate::maps::label;
use crate::output::Output;
use crate::text::Printable;
use crate::{Found, interrupt};

/// What became of a pin.
#[derive(Serialize)]
struct Outcome<'a> {
    pin: &'a Pin,
    removed: bool,
    /// Why not.
    why: Option<String>,
}

/// Removes the pins of what was shown, when somebody says so: of the maps that nothing
/// else keeps. Without the pin of another, the program that may use it after all would
/// not find it again, and the map would stay.
pub(crate) fn run(
    stale: &[Stale<'_>],
    yes: bool,
    although_incomplete: bool,
    output: &mut Output,
) -> anyhow::Result<Found> {
    interrupt::watch();
    let mut pins = Vec::new();
    let mut left = Found::Nothing;
    for Stale { map, reason, pins: of_one, .. } in stale {
        match reason {
            StaleReason::Pinned => pins.extend(of_one.iter().copied()),
            _ if of_one.is_empty() => {}
            reason => {
                left = Found::Problem;
                let (label, what) = (
                    label(map),
                    match of_one.len() {
                        1 => "its pin stays",
                        _ => "its pins stay",
                    },
                );
                anstream::eprintln!("bpfmap: {label}: {what}, as more keeps it: {reason}");
            }
        }
    }
    if pins.is_empty() {
        anstream::eprintln!("bpfmap: there is no pin to remove");
        return Ok(if stale.is_empty() { Found::Nothing } else { Found::Problem });
    }
    if !yes && !confirmed(&pins)? {
        anstream::eprintln!("bpfmap: nothing is removed");
        return Ok(Found::Problem);
    }
    // The question may have been there for long.
    let now = Inventory::read();
    if !now.is_complete() && !although_incomplete {
        bail!("{}", crate::maps::NOT_ALL_SEEN);
    }
    let still = now.stale();
    let still = still.iter().filter(|one| one.reason == StaleReason::Pinned);
    let still: Vec<_> = still.map(|one| one.map.id).collect();
    let mut found = left;
    for pin in pins {
        let why = match pin.object {
            ObjectId::Map(id) if still.contains(&id) => {
                Inventory::unpin(pin).map(drop).err().map(|error| error.to_string())
            }
            _ => Some(format!("{} is not removed: its map is used by now", path(pin))),
        };
        let removed = why.is_none();
        if !removed {
            found = Found::Problem;
        }
        let outcome = Outcome { pin, removed, why };
        match &outcome.why {
            _ if output.is_json() => output.json(&outcome)?,
            None => writeln!(output, "removed {}", path(pin))?,
            Some(why) => writeln!(output, "{}", why.printable())?,
        }
    }
    Ok(found)
}

/// As a terminal may see it: who pins it names it.
pub(crate) fn path(pin: &Pin) -> String {
    pin.path.to_string_lossy().printable()
}

/// Asks who is at the terminal.
fn confirmed(pins: &[&Pin]) -> anyhow::Result<bool> {
    let mut list = String::new();
    for pin in pins {
        list += &format!("    {}\n", path(pin));
    }
    let these = if pins.len() == 1 { "this pin" } else { "these pins" };
    if !std::io::stdin().is_terminal() {
        bail!(
            "nothing is removed: say --yes to remove {these}, and what is in the maps with them\n{}",
            list.trim_end()
        );
    }
    anstream::eprint!("{list}Remove {these}, and what is in the maps with them? [y/N] ");
    // Somebody may answer with an interrupt, which does not end a read.
    let (answer, answered) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = std::io::stdin().read_line(&mut line);
        let _ = answer.send(line);
    });
    loop {
        match answered.recv_timeout(Duration::from_millis(50)) {
            Ok(line) => return Ok(matches!(line.trim(), "y" | "Y" | "yes")),
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
            Err(RecvTimeoutError::Timeout) if interrupt::came() => return Ok(false),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
