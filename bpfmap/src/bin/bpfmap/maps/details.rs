//! One map, with all that is known of it.

use std::io::Write;

use super::table::{max_entries, side};
use super::{Shown, label};
use crate::output::Output;
use crate::text::Printable;

pub(super) fn write(shown: &Shown<'_>, output: &mut Output) -> anyhow::Result<()> {
    let map = shown.map;
    writeln!(output, "\x1b[1m{}\x1b[0m", label(map))?;
    let mut line = |name: &str, text: &str| writeln!(output, "  {name:12} {text}");
    line("key", &side(shown.key_type, map.key_size))?;
    line("value", &side(shown.value_type, map.value_size))?;
    line("max_entries", &max_entries(map))?;
    let flags = if map.flags.is_empty() { "none".into() } else { map.flags.join(" | ") };
    line("flags", &flags)?;
    if map.map_extra != 0 {
        line("map_extra", &format!("{:#x}", map.map_extra))?;
    }
    if let Some(bytes) = map.memlock {
        line("memory", &format!("{bytes} bytes"))?;
    }
    let frozen = map.frozen.map_or("not known", |frozen| match frozen {
        true => "yes: user space cannot write to it",
        false => "no",
    });
    line("frozen", frozen)?;
    match map.btf_id {
        None => line("BTF", "not known")?,
        Some(0) => line("BTF", "none")?,
        Some(id) => line("BTF", &format!("id {id}"))?,
    }
    if !map.contents.is_empty() {
        let ids: Vec<_> = map.contents.iter().map(u32::to_string).collect();
        let what = if map.is_of_maps() { "maps" } else { "programs" };
        line(what, &ids.join(", "))?;
    }
    for (number, holder) in holders(shown).iter().enumerate() {
        line(if number == 0 { "held by" } else { "" }, holder)?;
    }
    if let Some(stale) = shown.stale {
        writeln!(output, "  \x1b[33mstale: {stale}\x1b[0m")?;
    }
    if let Some(idle) = shown.only_open {
        writeln!(output, "  idle: {idle}")?;
    }
    Ok(())
}

fn holders(shown: &Shown<'_>) -> Vec<String> {
    let holders = &shown.holders;
    let mut all = Vec::new();
    for program in &holders.programs {
        let links = holders.links.iter().filter(|link| link.program_id == program.id);
        let links: Vec<_> = links.map(|link| format!("{} ({})", link.id, link.link_type)).collect();
        let attached = match links.is_empty() {
            true => String::new(),
            false => format!(", attached by link {}", links.join(", ")),
        };
        let (id, name) = (program.id, program.name.printable());
        all.push(format!("program {id} {name} ({}){attached}", program.program_type));
    }
    for link in holders.links.iter().filter(|link| link.map_id == Some(shown.map.id)) {
        all.push(format!("link {} ({})", link.id, link.link_type));
    }
    all.extend(holders.pins.iter().map(|pin| format!("pin {}", crate::unpin::path(pin))));
    all.extend(holders.outer_maps.iter().map(|map| label(map)));
    for process in &holders.processes {
        all.push(format!("process {} ({})", process.pid, process.comm.printable()));
    }
    if !shown.holders_complete {
        all.push("maybe others, which could not be read; -v says why".into());
    } else if all.is_empty() {
        all.push("nobody who can be seen".into());
    }
    all
}
