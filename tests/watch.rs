//! When a map counts as too full: samples in, events out.

use std::time::{Duration, Instant};

use bpfmap::watch::{Reading, Sample, WatchedMap, Watermark};
use bpfmap::{MapType, Occupancy};

/// A watch over one map, of which each look is a second after the one before.
struct Watch {
    watermark: Watermark,
    map: WatchedMap,
    max_entries: u32,
    at: Instant,
}

impl Watch {
    fn over(map_type: MapType, max_entries: u32, watermark: Watermark) -> Self {
        let map = WatchedMap::new(3, "flows", map_type);
        Self { watermark, map, max_entries, at: Instant::now() }
    }

    /// The lines of a look.
    fn sees(&mut self, reading: Reading) -> Vec<String> {
        self.at += Duration::from_secs(1);
        let sample = Sample::new(self.map.clone(), reading);
        let events = self.watermark.observe(self.at, &sample);
        let line = |event: &bpfmap::watch::Event| {
            event.to_string().strip_prefix("hash `flows` (id 3): ").unwrap().to_owned()
        };
        events.iter().map(line).collect()
    }

    fn counts(&mut self, entries: u64) -> Vec<String> {
        self.sees(Reading::Counted(Occupancy::new(entries, self.max_entries, false)))
    }
}

fn watch() -> Watch {
    Watch::over(MapType::HASH, 100, Watermark::new())
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_map_that_fills_up_and_empties_is_a_line_each_way() {
    let mut watch = watch();
    assert_eq!(watch.counts(10), ["watched from now on, 10 of 100 entries (10%)"]);
    assert_eq!(watch.counts(84), NOTHING);
    assert!(!watch.watermark.is_above(3));
    assert_eq!(watch.counts(85), ["above 85%: 85 of 100 entries (85%)"]);
    assert!(watch.watermark.is_above(3));
    assert_eq!(watch.counts(90), NOTHING);
    assert_eq!(
        watch.counts(100),
        ["full: 100 of 100 entries (100%); no new key can be inserted until one is removed"]
    );
    assert_eq!(watch.counts(100), NOTHING);
    assert_eq!(watch.counts(20), ["below 85% again, after 4 s: 20 of 100 entries (20%)"]);
    assert!(!watch.watermark.is_above(3));
    assert_eq!(watch.counts(20), NOTHING);
}

#[test]
fn to_and_fro_around_the_threshold_is_one_warning() {
    let mut watch = watch();
    assert_eq!(watch.counts(85).len(), 2);
    for entries in [84, 85, 81, 86, 84] {
        assert_eq!(watch.counts(entries), NOTHING, "{entries}");
        assert!(watch.watermark.is_above(3));
    }
    assert_eq!(watch.counts(80), ["below 85% again, after 6 s: 80 of 100 entries (80%)"]);
    assert_eq!(watch.counts(84), NOTHING);
    assert_eq!(watch.counts(85), ["above 85%: 85 of 100 entries (85%)"]);
}

#[test]
fn full_and_almost_full_by_turns_is_one_warning() {
    let mut watch = watch();
    watch.counts(100);
    assert_eq!(watch.counts(99), NOTHING);
    assert_eq!(watch.counts(100), NOTHING);
}

#[test]
fn the_first_look_may_be_above() {
    assert_eq!(
        watch().counts(99),
        ["watched from now on, 99 of 100 entries (99%)", "above 85%: 99 of 100 entries (99%)"]
    );
}

#[test]
fn any_threshold_can_be_crossed_both_ways() {
    for (threshold, hysteresis) in [(1.0, 0.0), (1.0, 0.05), (0.01, 0.05), (0.5, 1.0), (0.29, 0.0)]
    {
        let watermark = Watermark::new().threshold(threshold).hysteresis(hysteresis);
        let mut watch = Watch::over(MapType::HASH, 100, watermark);
        watch.counts(0);
        assert!(!watch.watermark.is_above(3), "{threshold}");
        assert_eq!(watch.counts((threshold * 100.0_f64).round() as u64).len(), 1, "{threshold}");
        assert!(watch.watermark.is_above(3), "{threshold}");
        assert_eq!(watch.counts(0).len(), 1, "{threshold}");
        assert!(!watch.watermark.is_above(3), "{threshold}");
    }
    // What is no part of a map is the nearest that is.
    let mut never = Watch::over(MapType::HASH, 1, Watermark::new().threshold(f64::NAN));
    assert_eq!(never.counts(0).len(), 1);
    let mut full = Watch::over(MapType::HASH, 1, Watermark::new().threshold(7.0));
    assert_eq!(full.counts(1).len(), 2);
    for threshold in [f64::NAN, 7.0] {
        let mut full = Watch::over(MapType::HASH, 100, Watermark::new().threshold(threshold));
        assert_eq!(full.counts(100).len(), 2, "{threshold}");
        // Below, but by less than the hysteresis.
        assert_eq!(full.counts(97), NOTHING, "{threshold}");
        assert_eq!(full.counts(50).len(), 1, "{threshold}");
    }
}

#[test]
fn what_is_gone_is_said_once_and_forgotten() {
    let mut watch = watch();
    watch.counts(99);
    assert_eq!(watch.sees(Reading::Freed), ["freed: nothing holds it any more"]);
    assert!(!watch.watermark.is_above(3));
    assert_eq!(watch.sees(Reading::Freed), NOTHING);
    // Nobody has heard of it as being there.
    let mut unknown = self::watch();
    assert_eq!(unknown.sees(Reading::Unpinned), NOTHING);
    unknown.counts(1);
    assert_eq!(
        unknown.sees(Reading::Unpinned),
        ["no longer pinned where it was watched; others may still hold it"]
    );
}

#[test]
fn what_cannot_be_counted_is_said_once_and_changes_nothing() {
    let mut watch = watch();
    watch.counts(90);
    let failed = || Reading::Failed("EPERM".into());
    assert_eq!(watch.sees(failed()), ["not counted: EPERM"]);
    assert_eq!(watch.sees(failed()), NOTHING);
    assert!(watch.watermark.is_above(3));
    assert_eq!(watch.counts(90), ["counted again: 90 of 100 entries (90%)"]);
    assert_eq!(watch.counts(90), NOTHING);
    // It may never have been counted before.
    let mut watch = self::watch();
    assert_eq!(watch.sees(failed()).len(), 1);
    assert_eq!(watch.counts(1), ["watched from now on, 1 of 100 entries (1%)"]);
}

#[test]
fn of_an_lru_map_it_is_said_that_the_number_is_approximate() {
    let map = WatchedMap::new(4, "", MapType::LRU_HASH);
    let sample =
        |entries| Sample::new(map.clone(), Reading::Counted(Occupancy::new(entries, 1000, true)));
    let mut watermark = Watermark::new();
    let events = watermark.observe(Instant::now(), &sample(999));
    assert_eq!(
        events[1].to_string(),
        "lru_hash (id 4): above 85%: about 999 of 1000 entries (99%); an LRU map drops its oldest \
         entries to make room for new ones"
    );
    assert_eq!(sample(1).to_string(), "lru_hash (id 4): about 1 of 1000 entries (0%)");
}

#[test]
fn maps_do_not_mix() {
    let mut watermark = Watermark::new();
    let mut look = |id, entries| {
        let map = WatchedMap::new(id, "flows", MapType::HASH);
        let counted = Reading::Counted(Occupancy::new(entries, 10, false));
        watermark.observe(Instant::now(), &Sample::new(map, counted)).len()
    };
    assert_eq!((look(1, 10), look(2, 0), look(1, 10), look(2, 9)), (2, 1, 0, 1));
}

#[test]
fn events_are_data() {
    let mut watermark = Watermark::new();
    let mut look = |seconds, entries| {
        let map = WatchedMap::new(1, "flows", MapType::HASH);
        let at = Instant::now() + Duration::from_secs(seconds);
        let counted = Reading::Counted(Occupancy::new(entries, 4, false));
        let events = watermark.observe(at, &Sample::new(map, counted));
        serde_json::to_value(events.last().unwrap()).unwrap()
    };
    let map = serde_json::json!({ "id": 1, "name": "flows", "map_type": "hash" });
    let occupancy = |entries: u64| {
        serde_json::json!({
            "entries": entries,
            "max_entries": 4,
            "ratio": entries as f64 / 4.0,
            "is_approximate": false,
        })
    };
    assert_eq!(
        look(0, 4),
        serde_json::json!({ "map": map, "event": "full", "occupancy": occupancy(4) })
    );
    let below = look(100_000, 3);
    assert_eq!(below["event"], "below");
    assert_eq!(below["occupancy"], occupancy(3));
    assert_eq!(below["threshold"], 0.85);
    assert!(below["lasted_seconds"].as_f64().is_some_and(|seconds| seconds >= 100_000.0));
}

#[test]
fn durations_are_read_at_a_glance() {
    for (seconds, text) in [
        (0, "less than 1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (7800, "2 h 10 min"),
        (7201, "2 h"),
        (90_000, "1 d 1 h"),
    ] {
        let mut watch = watch();
        watch.counts(99);
        watch.at += Duration::from_secs(seconds);
        watch.at -= Duration::from_secs(1);
        let line = &watch.counts(0)[0];
        assert_eq!(*line, format!("below 85% again, after {text}: 0 of 100 entries (0%)"));
    }
}
