//! `bpfmap watch`: how full maps are, and when that is too full.

mod lines;
mod metrics;
mod server;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::bail;
use bpfmap::Inventory;
use bpfmap::watch::{Reading, Sample, Targets, Watermark};
use clap::Args;

use crate::output::Output;
use crate::select::{Selected, maps_not_listed};
use crate::{Found, interrupt};
use lines::Lines;
use metrics::Metrics;
use server::Server;

#[derive(Clone, Debug, Args)]
#[command(
    after_help = "A map that is given by its name or its pin is watched again when another takes its \
    place, as when its program starts again. Nothing is held between two looks, so a map that is \
    watched is freed as it would be otherwise.\n\n\
    Arrays, queues, ring buffers and such are refused, as nobody can say how full they are. The \
    number of an LRU map is approximate: it drops entries before it is full.\n\n\
    Exit codes: 0, it was ended by an interrupt; with --once 0 when no map is above the threshold, \
    and 1 when one is; 2, it could not be looked at."
)]
pub(crate) struct WatchArgs {
    /// The maps, by their names in the kernel, their ids or the paths of their pins.
    #[arg(value_name = "MAP")]
    maps: Vec<String>,

    /// A map by its id; may be given several times.
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<u32>,

    /// A map by where it is pinned; may be given several times.
    #[arg(long = "pin", value_name = "PATH")]
    pins: Vec<PathBuf>,

    /// All maps of which it can be said how full they are, and those that come later.
    #[arg(long)]
    all: bool,

    /// How long to wait from one look to the next: 10s, 500ms, 1m.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = interval)]
    interval: Duration,

    /// From how full on a map is warned of, in percent.
    #[arg(long, value_name = "PERCENT", default_value = "85", value_parser = percent)]
    threshold: f64,

    /// Look once and end; the exit code is 1 when a map is above the threshold.
    #[arg(long, conflicts_with = "prometheus")]
    once: bool,

    /// Write a line for each map at each look, and not only when something has changed;
    /// with --json there always is.
    #[arg(short, long)]
    verbose: bool,

    /// Serve the metrics of the last look to Prometheus, at /metrics of this address, or of
    /// 127.0.0.1:9435 when none is given. With port 0 it takes one that is free, and says
    /// which.
    #[arg(
        long,
        value_name = "ADDR:PORT",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:9435",
        value_parser = address
    )]
    prometheus: Option<SocketAddr>,
}

fn interval(text: &str) -> Result<Duration, String> {
    /// Shorter, and it would do nothing else.
    const LEAST: Duration = Duration::from_millis(10);
    match humantime::parse_duration(text) {
        Ok(interval) if interval >= LEAST => Ok(interval),
        Ok(_) => Err("the shortest is 10ms".into()),
        Err(error) => Err(format!("{error}; say 10s, 500ms or 1m")),
    }
}

/// As a part: 0.85.
fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent / 100.0),
        _ => Err("a number above 0, and at most 100".into()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "an address and a port, such as 127.0.0.1:9435 or [::1]:9435; without one, it comes after \
         the maps"
            .into()
    })
}

pub(crate) fn run(args: &WatchArgs, output: &mut Output) -> anyhow::Result<Found> {
    interrupt::watch();
    let mut targets = args.targets()?;
    let mut watermark = Watermark::new().threshold(args.threshold);
    let lines = Lines { verbose: args.verbose, once: args.once };
    let (mut metrics, _server) = match args.prometheus {
        Some(address) => {
            let metrics = Metrics::new(args.threshold);
            let server = Server::start(address, metrics.page())?;
            lines::listening(server.address(), output)?;
            (Some(metrics), Some(server))
        }
        None => (None, None),
    };
    loop {
        let samples = targets.samples();
        if interrupt::came() {
            return Ok(Found::Ended);
        }
        for sample in &samples {
            let events = watermark.observe(Instant::now(), sample);
            lines.write(sample, &events, watermark.is_above(sample.map.id), output)?;
        }
        if let Some(metrics) = &mut metrics {
            metrics.look(&samples, &watermark);
        }
        output.flush()?;
        if args.once {
            return args.looked(&samples, &watermark, output);
        }
        if interrupt::wait(args.interval) {
            return Ok(Found::Ended);
        }
    }
}

impl WatchArgs {
    /// What one look tells.
    fn looked(
        &self,
        samples: &[Sample],
        watermark: &Watermark,
        output: &mut Output,
    ) -> anyhow::Result<Found> {
        if samples.is_empty() && !output.is_json() {
            writeln!(output, "there is no map of which it can be said how full it is")?;
        }
        let is_above = |sample: &Sample| watermark.is_above(sample.map.id);
        // That one of all is freed is nothing to mind, one that was asked for is.
        let is_missing = |sample: &Sample| match sample.reading {
            Reading::Counted(_) => false,
            Reading::Failed(_) => true,
            _ => !self.all,
        };
        Ok(match (samples.iter().any(is_above), samples.iter().any(is_missing)) {
            (true, _) => Found::Problem,
            (false, true) => Found::NotLooked,
            (false, false) => Found::Nothing,
        })
    }

    /// What is to be watched, which all has to be there at first.
    fn targets(&self) -> anyhow::Result<Targets> {
        let ids = self.ids.iter().map(|id| Selected::Id(*id));
        let pins = self.pins.iter().map(|pin| Selected::Pin(pin.clone()));
        let named = self.maps.iter().map(|map| Selected::of_word(map));
        let mut targets = Targets::new();
        for selected in named.chain(ids).chain(pins) {
            // What would be refused each time is refused at once.
            selected.open()?.check_countable()?;
            targets = match selected {
                Selected::Id(id) => targets.id(id),
                Selected::Pin(path) => targets.pin(path),
                Selected::Name(name) => targets.name(name),
            };
        }
        match (self.all, self.maps.is_empty() && self.ids.is_empty() && self.pins.is_empty()) {
            (true, _) => {
                // Otherwise there would be nothing, and nobody would know why.
                let kernel = Inventory::of_kernel();
                if let Some(missing) = maps_not_listed(&kernel) {
                    bail!("not all maps can be watched: {missing}");
                }
                Ok(targets.all())
            }
            (false, true) => bail!("say which maps to watch: by name, id or pin, or with --all"),
            (false, false) => Ok(targets),
        }
    }
}
