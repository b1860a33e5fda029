//! All entries: walks over them, and what a program in the kernel does instead.

use std::hint::black_box;

use super::iterator::{Iterator, What};
use super::system_calls::SystemCalls;
use super::turns::{Goal, Way};
use super::{AyaFlows, Bench, FlowKey, FlowStats, Flows, flows, keys, values};

/// How many entries bpfmap asks for at once.
const BATCH: usize = 512;

/// Numbers of entries, and of rounds.
fn sizes() -> Vec<(u32, usize)> {
    let mut sizes = vec![(1000, 201), (100_000, 31), (1_000_000, 7)];
    if std::env::var_os("BPFMAP_FOUR_MILLION").is_some() {
        sizes.push((4_000_000, 5));
    }
    sizes
}

/// A full map, of bpfmap and of aya.
fn filled(entries: u32) -> anyhow::Result<(Flows, AyaFlows)> {
    let (map, aya) = flows(entries)?;
    map.insert_batch(&keys(entries), &values(entries))?;
    Ok((map, aya))
}

fn take(key: FlowKey, value: FlowStats) {
    black_box((key, value));
}

impl Bench {
    /// All entries.
    pub(super) fn walks(&mut self) -> anyhow::Result<()> {
        for (entries, rounds) in sizes() {
            let title = format!("walk over {entries} entries");
            if !self.wants(&title) {
                continue;
            }
            let (map, aya) = filled(entries)?;
            let bare = SystemCalls::on(&map);
            // Each is to see all of them.
            let mut seen = 0;
            bare.walk(BATCH, |_, _| seen += 1);
            assert_eq!((seen, map.iter().count()), (entries, entries as usize));
            assert_eq!(aya.iter().count(), entries as usize);
            let ways = vec![
                Way::new("bpfmap", || {
                    for entry in &map {
                        let (key, value) = entry.unwrap();
                        take(key, value);
                    }
                }),
                Way::new("the system calls", || bare.walk(BATCH, take)).goal(Goal::AtMost(1.05)),
                Way::new("aya", || {
                    for entry in aya.iter() {
                        let (key, value) = entry.unwrap();
                        take(key, value);
                    }
                })
                .goal(Goal::TimesFaster(6.5)),
            ];
            #[cfg(feature = "libbpf-rs")]
            let ways = {
                let mut ways = ways;
                ways.push(libbpf(&map, entries)?);
                ways
            };
            self.compare(&title, entries.into(), 3, rounds, ways);
        }
        Ok(())
    }

    /// What programs in the kernel do, beside walks in batches.
    pub(super) fn beyond_batches(&mut self) -> anyhow::Result<()> {
        for (entries, rounds) in sizes() {
            let titles =
                ["count", "filter", "copy"].map(|what| format!("{what} of {entries} entries"));
            if !titles.iter().any(|title| self.wants(title)) {
                continue;
            }
            let [count, filter, copy] = titles;
            let (map, aya) = filled(entries)?;
            let units = entries.into();
            // One in a thousand.
            let least = entries - entries / 1000;
            let counts = Iterator::on(&map, What::Count)?;
            let filters = Iterator::on(&map, What::AtLeast(least))?;
            let copies = Iterator::on(&map, What::AtLeast(0))?;
            // Each is to see all of them. The number of an iterator's first entry
            // is 0.
            assert_eq!(map.occupancy()?.entries, units);
            assert_eq!(map.dump()?.len(), entries as usize);
            assert_eq!(counts.read(take)? + 1, units);
            assert_eq!(filters.read(take)?, units / 1000);
            assert_eq!(copies.read(take)?, units);

            self.compare(
                &count,
                units,
                3,
                rounds,
                vec![
                    Way::new("bpfmap, occupancy", || {
                        black_box(map.occupancy().unwrap());
                    }),
                    Way::new("a walk in batches", || {
                        black_box(map.iter().count());
                    })
                    .goal(Goal::TimesFaster(1.3)),
                    Way::new("an iterator program", || {
                        black_box(counts.read(take).unwrap());
                    }),
                ],
            );

            let is_hit = |value: &FlowStats| value.packets >= least.into();
            let hits = |count: usize| assert_eq!(count, entries as usize / 1000);
            self.compare(
                &filter,
                units,
                3,
                rounds,
                vec![
                    Way::new("bpfmap, dump and filter", || {
                        let entries = map.dump().unwrap();
                        hits(entries.iter().filter(|(_, value)| is_hit(value)).count());
                    }),
                    Way::new("a walk in batches", || {
                        let values = map.values().map(Result::unwrap);
                        hits(values.filter(is_hit).count());
                    })
                    .goal(Goal::TimesFaster(1.3)),
                    Way::new("an iterator program that filters", || {
                        hits(filters.read(take).unwrap() as usize);
                    }),
                ],
            );

            self.compare(
                &copy,
                units,
                3,
                rounds,
                vec![
                    Way::new("bpfmap, dump", || {
                        black_box(map.dump().unwrap());
                    }),
                    Way::new("a walk in batches", || {
                        black_box(map.iter().collect::<Result<Vec<_>, _>>().unwrap());
                    })
                    .goal(Goal::TimesFaster(1.3)),
                    Way::new("an iterator program", || {
                        let mut all = Vec::new();
                        copies.read(|key, value| all.push((key, value))).unwrap();
                        black_box(all);
                    }),
                    Way::new("aya", || {
                        black_box(aya.iter().collect::<Result<Vec<_>, _>>().unwrap());
                    })
                    .goal(Goal::TimesFaster(6.5)),
                ],
            );
        }
        Ok(())
    }
}

/// The walk of libbpf-rs. It takes a batch that is not full for the last one,
/// which is wrong of hash maps: a bucket that does not fit is left for the next.
/// So only a batch with room for more than all entries sees all of them.
#[cfg(feature = "libbpf-rs")]
fn libbpf(map: &Flows, entries: u32) -> anyhow::Result<Way<'static>> {
    use std::os::fd::AsFd;

    use libbpf_rs::{MapCore, MapFlags, MapHandle, MapInfo};

    let map = MapHandle::from_map_id(MapInfo::new(map.as_fd())?.info.id)?;
    Ok(Way::new("libbpf-rs, in one batch", move || {
        let walk = map.lookup_batch(entries + 1, MapFlags::ANY, MapFlags::ANY).unwrap();
        let mut seen = 0;
        for (key, value) in walk {
            black_box((key, value));
            seen += 1;
        }
        assert_eq!(seen, entries);
    }))
}
