//! The metrics, as text for Prometheus.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bpfmap::watch::{Reading, Sample, WatchedMap, Watermark};
use hyper::body::Bytes;
use prometheus_client::encoding::{
    EncodeLabel, EncodeLabelSet, LabelSetEncoder, prometheus_text, text,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// The texts that are served: those of the last look, whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Page(Arc<Mutex<Texts>>);

/// The same in both formats, of which Prometheus asks for the first.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    pub(super) open_metrics: Bytes,
    pub(super) plain: Bytes,
}

impl Page {
    pub(super) fn texts(&self) -> Texts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, texts: Texts) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = texts;
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Labels {
    map: String,
    id: u32,
    r#type: String,
    /// Of a map that is watched by it: what stays when its program starts again.
    pin: Option<String>,
}

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        ("map", self.map.as_str()).encode(encoder.encode_label())?;
        ("id", self.id).encode(encoder.encode_label())?;
        ("type", self.r#type.as_str()).encode(encoder.encode_label())?;
        match &self.pin {
            Some(pin) => ("pin", pin.as_str()).encode(encoder.encode_label()),
            // An empty one would be the same to Prometheus, and nothing to read.
            None => Ok(()),
        }
    }
}

impl Labels {
    fn of(map: &WatchedMap) -> Self {
        let number = || map.map_type.as_raw().to_string();
        let r#type = map.map_type.name().map_or_else(number, str::to_owned);
        let pin = map.pin.as_ref().map(|pin| pin.display().to_string());
        Self { map: map.name.clone(), id: map.id, r#type, pin }
    }
}

type Ratio = Gauge<f64, AtomicU64>;

/// The metrics of all maps that are watched.
pub(super) struct Metrics {
    registry: Registry,
    page: Page,
    /// Which maps have series.
    known: BTreeSet<Labels>,
    entries: Family<Labels, Gauge>,
    max_entries: Family<Labels, Gauge>,
    occupancy: Family<Labels, Ratio>,
    above_threshold: Family<Labels, Gauge>,
    errors: Family<Labels, Counter>,
    last_look: Ratio,
}

impl Metrics {
    pub(super) fn new(threshold: f64) -> Self {
        let mut registry = Registry::with_prefix("bpfmap");
        let unit = |name: &str| Unit::Other(name.into());
        let (entries, max_entries) = (Family::default(), Family::default());
        let (occupancy, above_threshold) = (Family::default(), Family::default());
        let (errors, last_look, mark) = (Family::default(), Ratio::default(), Ratio::default());
        mark.set(threshold);
        registry.register_with_unit(
            "map",
            "How many entries the map has; of an LRU map approximately",
            unit("entries"),
            Family::clone(&entries),
        );
        registry.register_with_unit(
            "map_max",
            "How many entries the map can have",
            unit("entries"),
            Family::clone(&max_entries),
        );
        registry.register_with_unit(
            "map_occupancy",
            "Which part of the map is in use, from 0 to 1",
            unit("ratio"),
            Family::clone(&occupancy),
        );
        registry.register(
            "map_above_threshold",
            "Whether the map is warned of: 1 from the threshold on, until it is below again by 5%",
            Family::clone(&above_threshold),
        );
        registry.register(
            "map_scrape_errors",
            "How often the map could not be counted",
            Family::clone(&errors),
        );
        registry.register_with_unit(
            "watch_threshold",
            "From which part on a map is warned of",
            unit("ratio"),
            mark,
        );
        registry.register_with_unit(
            "watch_last_look_timestamp",
            "When the maps were last counted, since the Unix epoch",
            Unit::Seconds,
            last_look.clone(),
        );
        let (page, known) = (Page::default(), BTreeSet::new());
        let metrics = Self {
            registry,
            page,
            known,
            entries,
            max_entries,
            occupancy,
            above_threshold,
            errors,
            last_look,
        };
        metrics.write();
        metrics
    }

    /// What is served.
    pub(super) fn page(&self) -> Page {
        self.page.clone()
    }

    /// Takes in what a look at all maps told, and serves that from now on.
    pub(super) fn look(&mut self, samples: &[Sample], watermark: &Watermark) {
        let mut known = BTreeSet::new();
        for Sample { map, reading, .. } in samples {
            let labels = Labels::of(map);
            match reading {
                Reading::Counted(occupancy) => {
                    let entries = occupancy.entries.try_into().unwrap_or(i64::MAX);
                    self.entries.get_or_create(&labels).set(entries);
                    self.max_entries.get_or_create(&labels).set(occupancy.max_entries.into());
                    self.occupancy.get_or_create(&labels).set(occupancy.ratio());
                    // So that the first error is an increase.
                    drop(self.errors.get_or_create(&labels));
                }
                // An old number would look like a new one.
                Reading::Failed(_) => {
                    self.entries.remove(&labels);
                    self.max_entries.remove(&labels);
                    self.occupancy.remove(&labels);
                    self.errors.get_or_create(&labels).inc();
                }
                _ => continue,
            }
            let above = watermark.is_above(map.id);
            self.above_threshold.get_or_create(&labels).set(above.into());
            known.insert(labels);
        }
        for gone in self.known.difference(&known) {
            self.entries.remove(gone);
            self.max_entries.remove(gone);
            self.occupancy.remove(gone);
            self.above_threshold.remove(gone);
            self.errors.remove(gone);
        }
        self.known = known;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_look.set(since.as_secs_f64());
        self.write();
    }

    fn write(&self) {
        let (mut open_metrics, mut plain) = (String::new(), String::new());
        // A `String` takes it all.
        if text::encode(&mut open_metrics, &self.registry).is_ok()
            && prometheus_text::encode(&mut plain, &self.registry).is_ok()
        {
            self.page.set(Texts { open_metrics: open_metrics.into(), plain: plain.into() });
        }
    }
}

#[cfg(test)]
mod tests {
    use bpfmap::MapType;

    use super::*;

    #[test]
    fn a_series_says_where_the_map_is_pinned_if_it_was_found_by_that() {
        let mut metrics = Metrics::new(0.85);
        let reading = || Reading::Failed("not today".into());
        let mut pinned = WatchedMap::new(3, "flows", MapType::HASH);
        pinned.pin = Some("/sys/fs/bpf/by_pin".into());
        let plain = WatchedMap::new(4, "flows", MapType::HASH);
        let samples = [Sample::new(pinned, reading()), Sample::new(plain, reading())];
        metrics.look(&samples, &Watermark::new());
        let texts = metrics.page().texts();
        for text in [texts.plain, texts.open_metrics] {
            let text = String::from_utf8(text.into()).unwrap();
            let series = "bpfmap_map_scrape_errors_total{map=\"flows\",id=";
            let by_pin = format!("{series}\"3\",type=\"hash\",pin=\"/sys/fs/bpf/by_pin\"}} 1");
            assert!(text.contains(&by_pin), "{text}");
            assert!(text.contains(&format!("{series}\"4\",type=\"hash\"}} 1")), "{text}");
        }
    }
}
