//! The lines of the log.

use std::io::Write;
use std::net::SocketAddr;
use std::time::SystemTime;

use anstyle::{AnsiColor, Style};
use bpfmap::Occupancy;
use bpfmap::watch::{Change, Event, Reading, Sample, WatchedMap};
use serde::Serialize;

use crate::output::Output;

/// Which lines there are.
pub(super) struct Lines {
    /// Those of maps of which nothing has changed too.
    pub(super) verbose: bool,
    /// There is one look, so that none is the first of several.
    pub(super) once: bool,
}

/// A line for programs.
#[derive(Serialize)]
struct Line<'a, T> {
    /// As RFC 3339 has it, in UTC.
    time: String,
    #[serde(flatten)]
    what: &'a T,
}

/// How full a map is, whether anything has changed or not.
#[derive(Serialize)]
struct Counted<'a> {
    map: &'a WatchedMap,
    event: &'static str,
    occupancy: Occupancy,
    above_threshold: bool,
}

#[derive(Serialize)]
struct Listening {
    event: &'static str,
    address: SocketAddr,
}

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// Where the metrics are; written at once, as somebody may wait for it.
pub(super) fn listening(address: SocketAddr, output: &mut Output) -> anyhow::Result<()> {
    match output.is_json() {
        true => {
            let what = &Listening { event: "listening", address };
            output.json(&Line { time: now(), what })?;
        }
        false => writeln!(output, "{} metrics at http://{address}/metrics", now())?,
    }
    Ok(output.flush()?)
}

impl Lines {
    /// What a look at a map has to tell.
    pub(super) fn write(
        &self,
        sample: &Sample,
        events: &[Event],
        above_threshold: bool,
        output: &mut Output,
    ) -> anyhow::Result<()> {
        let is_told =
            |event: &&Event| !self.once || !matches!(event.change, Change::Watched { .. });
        let told: Vec<_> = events.iter().filter(is_told).collect();
        for event in &told {
            match output.is_json() {
                true => output.json(&Line { time: now(), what: *event })?,
                false => {
                    let style = style(&event.change);
                    writeln!(output, "{} {style}{event}{style:#}", now())?;
                }
            }
        }
        match sample.reading {
            Reading::Counted(occupancy) if output.is_json() => {
                let map = &sample.map;
                let what = &Counted { map, event: "counted", occupancy, above_threshold };
                output.json(&Line { time: now(), what })?;
            }
            // An event has said it.
            _ if output.is_json() || !told.is_empty() => {}
            _ if self.verbose || self.once => writeln!(output, "{} {sample}", now())?,
            _ => {}
        }
        Ok(())
    }
}

fn style(change: &Change) -> Style {
    match change {
        Change::Full { .. } | Change::Failed { .. } => AnsiColor::Red.on_default().bold(),
        Change::Above { .. } => AnsiColor::Yellow.on_default().bold(),
        Change::Below { .. } | Change::Recovered { .. } => AnsiColor::Green.on_default(),
        _ => Style::new(),
    }
}
