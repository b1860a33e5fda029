//! `bpfmap dump`: the entries of a map, as JSON lines.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use bpfmap::{AnyMap, Decoder, EntryFormat, Object};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::file::read;
use crate::output::Output;
use crate::select::MapArgs;
use crate::{Found, interrupt};

#[derive(Clone, Debug, Args)]
#[command(after_help = "Each line is {\"key\": ..., \"value\": ...}. The types are those of the \
    kernel's BTF of the map, or else of a program that uses it; what has none is written as \
    hexadecimal digits. A map of a per-CPU type has a list of values, by the numbers of the CPUs; \
    a map of maps has the ids of the maps in it.\n\n\
    Where bytes of a key are set that no member covers, which the kernel compares all the same, the \
    line has \"key_bytes\": \"0x...\" too, as --key-hex of `bpfmap why` takes it: two lines of the \
    same key differ in these.")]
pub(crate) struct DumpArgs {
    #[command(flatten)]
    map: MapArgs,

    /// Take the types from this object instead, which the map was made from.
    #[arg(long, value_name = "FILE")]
    object: Option<PathBuf>,

    /// The map's name in the object, where the kernel has cut it off.
    #[arg(long, value_name = "NAME", requires = "object")]
    name: Option<String>,

    /// Stop after so many entries.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
}

/// How much is written at once, in bytes.
const CHUNK: usize = 1 << 16;

pub(crate) fn run(args: &DumpArgs, output: &mut Output) -> anyhow::Result<Found> {
    let map = args.map.selected().open()?;
    map.check_listable()?;
    let format = format(&map, args)?;
    if let (None, Some(reason)) = (format.source, format.reason) {
        anstream::eprintln!(
            "bpfmap: {} is written as bytes: {reason}; --object FILE gives the types",
            map.label()
        );
    }
    interrupt::watch();
    let mut progress = Progress::new(&map);
    let mut lines = Lines::new(&map, &format);
    let mut entries = map.entries();
    let mut left = args.limit.unwrap_or(u64::MAX);
    while left > 0
        && !interrupt::came()
        && let Some(entry) = entries.next_entry()
    {
        let (key, value) = match entry {
            Ok(entry) => entry,
            Err(error) => {
                // What was read before it is whole.
                output.lines(&lines.buffer)?;
                return Err(error.into());
            }
        };
        lines.add(key, value)?;
        left -= 1;
        if lines.buffer.len() >= CHUNK {
            output.lines(&lines.buffer)?;
            lines.buffer.clear();
            progress.at(args.limit.unwrap_or(u64::MAX) - left);
        }
    }
    progress.end();
    output.lines(&lines.buffer)?;
    Ok(Found::Nothing)
}

fn format(map: &AnyMap, args: &DumpArgs) -> anyhow::Result<EntryFormat> {
    let Some(path) = &args.object else { return Ok(map.format()?) };
    let file = || path.display().to_string();
    let bytes = read(path)?;
    let object = Object::parse(&bytes).with_context(file)?;
    map.format_in(&object, args.name.as_deref()).with_context(file)
}

/// Lines of JSON that are to be written.
struct Lines<'a> {
    map: &'a AnyMap,
    format: &'a EntryFormat,
    /// Writes a key as its bytes.
    bytes: Decoder,
    buffer: Vec<u8>,
}

impl<'a> Lines<'a> {
    fn new(map: &'a AnyMap, format: &'a EntryFormat) -> Self {
        Self { map, format, bytes: Decoder::bytes(), buffer: Vec::with_capacity(2 * CHUNK) }
    }

    fn add(&mut self, key: &[u8], value: &[u8]) -> serde_json::Result<()> {
        let EntryFormat { key: key_format, value: value_format, .. } = self.format;
        let buffer = &mut self.buffer;
        buffer.extend_from_slice(b"{\"key\":");
        serde_json::to_writer(&mut *buffer, &key_format.decoder.value(key))?;
        buffer.extend_from_slice(b",\"value\":");
        match self.map.cpus() {
            None => serde_json::to_writer(&mut *buffer, &value_format.decoder.value(value))?,
            Some(_) => {
                for (cpu, value) in self.map.values(value).enumerate() {
                    buffer.push(if cpu == 0 { b'[' } else { b',' });
                    serde_json::to_writer(&mut *buffer, &value_format.decoder.value(value))?;
                }
                buffer.push(b']');
            }
        }
        if key_format.decoder.hides(key) {
            buffer.extend_from_slice(b",\"key_bytes\":");
            serde_json::to_writer(&mut *buffer, &self.bytes.value(key))?;
        }
        buffer.extend_from_slice(b"}\n");
        Ok(())
    }
}

/// How far a long dump is, for somebody at a terminal who does not see the dump.
struct Progress {
    /// `None` when nobody is to see it.
    started: Option<Instant>,
    bar: Option<ProgressBar>,
    /// How many entries there can be, for a map that has all of them.
    of: Option<u64>,
}

impl Progress {
    /// What takes longer than this is long.
    const PATIENCE: Duration = Duration::from_secs(1);

    fn new(map: &AnyMap) -> Self {
        let is_seen = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        let of = map.has_all_entries().then(|| map.max_entries().into());
        Self { started: is_seen.then(Instant::now), bar: None, of }
    }

    fn at(&mut self, entries: u64) {
        let Some(started) = self.started else { return };
        if self.bar.is_none() && started.elapsed() >= Self::PATIENCE {
            self.bar = Some(Self::bar(self.of));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(entries);
        }
    }

    fn bar(of: Option<u64>) -> ProgressBar {
        let (bar, template) = match of {
            Some(of) => (ProgressBar::new(of), "{wide_bar} {human_pos} of {human_len}, {eta} left"),
            None => (ProgressBar::new_spinner(), "{spinner} {human_pos} entries, {per_sec}"),
        };
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
