//! What maps the kernel makes, by probes.

use super::id;
use crate::map_type::MapType;
use crate::preflight::answers::Answers;
use crate::preflight::machine::{Machine, UserNamespace};
use crate::preflight::report::{Check, Fix, Verdict};
use crate::preflight::status::Capability;
use crate::probe::{Feature, Inconclusive, Support};

/// A feature, and what is done without it.
struct Needed {
    id: &'static str,
    feature: Feature,
    why: &'static str,
    without: Verdict,
}

const FEATURES: &[Needed] = &[
    Needed {
        id: "ringbuf",
        feature: Feature::MapType(MapType::RINGBUF),
        why: "ring buffers, for events (RingBuf); without them a program sends events through a perf buffer",
        without: Verdict::Warn,
    },
    Needed {
        id: id::MAP_BTF,
        feature: Feature::MapBtf,
        why: "maps that keep the BTF they were made with, which opening compares with; without it there is \
              OpenOptions::object",
        without: Verdict::Fail,
    },
    Needed {
        id: "batch",
        feature: Feature::LookupBatch(MapType::HASH),
        why: "many entries in one system call, which makes iteration several times faster; without it, it \
              goes key by key",
        without: Verdict::Warn,
    },
    Needed {
        id: "lookup-and-delete",
        feature: Feature::LookupAndDelete(MapType::HASH),
        why: "reading and removing an entry in one step (HashMap::take)",
        without: Verdict::Warn,
    },
    Needed {
        id: "mapped-arrays",
        feature: Feature::MappedArray,
        why: "arrays that are read in memory, without system calls (Array::map_memory)",
        without: Verdict::Warn,
    },
];

/// Those that this crate opens.
const TYPES: &[MapType] = &[
    MapType::HASH,
    MapType::ARRAY,
    MapType::PERCPU_HASH,
    MapType::PERCPU_ARRAY,
    MapType::LRU_HASH,
    MapType::LRU_PERCPU_HASH,
    MapType::LPM_TRIE,
    MapType::ARRAY_OF_MAPS,
    MapType::HASH_OF_MAPS,
    MapType::QUEUE,
    MapType::STACK,
    MapType::SK_STORAGE,
    MapType::RINGBUF,
    MapType::INODE_STORAGE,
    MapType::TASK_STORAGE,
    MapType::BLOOM_FILTER,
    MapType::CGRP_STORAGE,
];

pub(super) fn all(machine: &Machine, answers: &Answers) -> impl Iterator<Item = Check> {
    let features = FEATURES.iter().map(|needed| feature(machine, answers, needed));
    std::iter::once(types(machine, answers)).chain(features)
}

/// The check without which probes say nothing.
///
/// They answer alike when `bpf(2)` is refused and when the kernel lacks what they
/// ask for.
fn stands_in_the_way(machine: &Machine, answers: &Answers) -> Option<&'static str> {
    if answers.of(Feature::Syscall) != Some(Support::Yes) {
        return Some(id::SYSCALL);
    }
    match (machine.counts(Capability::Bpf), &machine.user_namespace) {
        (Some(true), _) => None,
        (_, UserNamespace::Initial) => Some(id::BPF),
        (_, UserNamespace::Other | UserNamespace::Unknown) => Some(id::NAMESPACE),
    }
}

fn feature(machine: &Machine, answers: &Answers, needed: &Needed) -> Check {
    let Needed { id, feature, why, without } = *needed;
    let check = |verdict, found: String| Check::new(id, why, verdict, found);
    match answer(answers, feature) {
        Some(Support::Yes) => check(Verdict::Pass, format!("the kernel has {feature}")),
        Some(Support::No) => {
            check(without, format!("the kernel lacks {feature}")).fixes([newer(feature)])
        }
        Some(Support::Unknown(inconclusive)) => {
            let waits_for = refusal(machine, answers, &inconclusive);
            check(Verdict::Unknown, inconclusive.to_string()).waits_for(waits_for)
        }
        None => not_asked(check(Verdict::Unknown, String::new()), machine, answers),
    }
}

fn newer(feature: Feature) -> Fix {
    Fix::step(match feature.since() {
        Some(since) => format!("boot Linux {since} or newer, which has it"),
        None => "boot a kernel that has it".to_owned(),
    })
}

fn types(machine: &Machine, answers: &Answers) -> Check {
    let needed = "the types of maps that this crate opens; a program that declares one that is missing does \
                  not load";
    let check = |verdict, found: String| Check::new("map-types", needed, verdict, found);
    let mut missing = Vec::new();
    let mut unknown = None;
    for map_type in TYPES {
        match answer(answers, Feature::MapType(*map_type)) {
            Some(Support::Yes) => {}
            Some(Support::No) => missing.push(match map_type.since() {
                Some(since) => format!("{map_type} (Linux has it since {since})"),
                None => map_type.to_string(),
            }),
            other => unknown = unknown.or(Some((map_type, other))),
        }
    }
    match (missing.as_slice(), unknown) {
        (_, Some((_, None))) => not_asked(check(Verdict::Unknown, String::new()), machine, answers),
        (_, Some((map_type, Some(Support::Unknown(inconclusive))))) => {
            let waits_for = refusal(machine, answers, &inconclusive);
            check(Verdict::Unknown, format!("{map_type}: {inconclusive}")).waits_for(waits_for)
        }
        ([], _) => check(Verdict::Pass, format!("all {} that this crate opens", TYPES.len())),
        (missing, _) => check(Verdict::Warn, format!("the kernel lacks {}", missing.join(", ")))
            .fixes([Fix::step("boot a kernel that has them")]),
    }
}

/// What the kernel has answered. When it answers to nothing, that is no answer.
pub(super) fn answer(answers: &Answers, feature: Feature) -> Option<Support> {
    match answers.of(Feature::Syscall) {
        Some(Support::Yes) => answers.of(feature),
        _ => None,
    }
}

pub(super) fn not_asked(check: Check, machine: &Machine, answers: &Answers) -> Check {
    let found = match answers.of(Feature::Syscall) {
        None | Some(Support::Yes) => "not probed, as the files are of another machine",
        Some(_) => "not probed, as the kernel does not answer to bpf(2)",
    };
    let waits_for = stands_in_the_way(machine, answers).filter(|id| *id == id::SYSCALL);
    Check { found: found.to_owned(), waits_for, ..check }
}

/// What put right gives an answer, when the kernel refused one.
pub(super) fn refusal(
    machine: &Machine,
    answers: &Answers,
    inconclusive: &Inconclusive,
) -> Option<&'static str> {
    if inconclusive.errno != libc::EPERM {
        return None;
    }
    stands_in_the_way(machine, answers)
}
