//! Whether the key is there, and if not, what is.

use std::os::fd::BorrowedFd;

use super::chain::Chain;
use super::diagnosis::{Break, Question};
use super::leaf::KeyField;
use super::near::Nearest;
use super::prefix::{Prefix, Search};
use super::request::Why;
use super::text;
use crate::map_type::MapType;
use crate::maps::OpenMap;

/// The last question.
pub(super) fn ask(
    why: &Why<'_>,
    chain: &mut Chain,
    map: &OpenMap,
    leaves: &[KeyField],
    key: &[u8],
) {
    chain.diagnosis.key = Some(text::of_key(leaves, key));
    let info = map.map.info();
    let map_type = MapType::from_raw(info.map_type);
    if key.len() != map.map.key_len() {
        let text = match map.map.key_len() {
            0 => "the map has no keys".to_owned(),
            len => format!("the key is {} bytes, and those of the map are {len}", key.len()),
        };
        chain.unknown(Question::Key, text);
        return;
    }
    if is_storage(map_type) {
        let text = "its keys are descriptors, which mean something in the process alone that has \
                    them: ask there, with `LocalStorage::why`";
        chain.unknown(Question::Key, text);
        return;
    }
    if let Some(broken) = cannot_be(map_type, info.max_entries, key) {
        chain.broken(Question::Key, broken);
        return;
    }
    match map.value_of(key) {
        Ok(Some(value)) => {
            found(why, chain, map, leaves, key, &value);
            chain.diagnosis.value = Some(value);
        }
        Ok(None) => missing(why, chain, map, leaves, key),
        Err(error) => {
            chain.unknown(Question::Key, error.to_string());
        }
    }
}

/// The last question to a map whose keys are descriptors.
pub(super) fn ask_storage(chain: &mut Chain, map: &OpenMap, owner: BorrowedFd<'_>) {
    use std::os::fd::AsRawFd;
    chain.diagnosis.key = Some(format!("descriptor {}", owner.as_raw_fd()));
    match map.value_of(&owner.as_raw_fd().to_ne_bytes()) {
        Ok(Some(value)) => {
            chain.holds(Question::Key, "it has a value");
            chain.diagnosis.value = Some(value);
        }
        Ok(None) => {
            chain.broken(Question::Key, Break::NoStorage);
        }
        Err(error) => {
            chain.unknown(Question::Key, error.to_string());
        }
    }
}

fn is_storage(map_type: MapType) -> bool {
    let types =
        [MapType::SK_STORAGE, MapType::INODE_STORAGE, MapType::TASK_STORAGE, MapType::CGRP_STORAGE];
    types.contains(&map_type)
}

/// What keeps a key from being in any such map.
fn cannot_be(map_type: MapType, len: u32, key: &[u8]) -> Option<Break> {
    match map_type {
        MapType::ARRAY | MapType::PERCPU_ARRAY | MapType::ARRAY_OF_MAPS | MapType::PROG_ARRAY => {
            let index = u32::from_ne_bytes(key.try_into().ok()?);
            let reversed = Some(index.swap_bytes()).filter(|index| *index < len);
            (index >= len).then_some(Break::OutOfRange { index, len, reversed })
        }
        MapType::LPM_TRIE => {
            let prefix = Prefix::of(key)?;
            let (len, max) = (prefix.len, prefix.max());
            let reversed = Some(len.swap_bytes()).filter(|len| *len <= max);
            (len > max).then_some(Break::PrefixTooLong { len, max, reversed })
        }
        _ => None,
    }
}

fn found(
    why: &Why<'_>,
    chain: &mut Chain,
    map: &OpenMap,
    leaves: &[KeyField],
    key: &[u8],
    value: &[u8],
) {
    match MapType::from_raw(map.map.info().map_type) {
        MapType::LPM_TRIE => {
            let (search, _) = search(why, map, |search: &mut Search, entry| {
                search.consider(leaves, key, entry);
                false
            });
            chain.holds(
                Question::Key,
                match search.covering {
                    Some(prefix) => {
                        format!("it is found by the prefix {}", text::of_key(leaves, &prefix))
                    }
                    None => "a prefix covers it".into(),
                },
            );
            bits_beyond(chain, key);
        }
        MapType::ARRAY | MapType::PERCPU_ARRAY if value.iter().all(|byte| *byte == 0) => {
            chain.holds(Question::Key, "the element is there, as all of an array are");
            chain.note("it is all zeros, as it is before anybody writes to it");
        }
        _ => {
            chain.holds(Question::Key, "it is there");
        }
    }
}

fn bits_beyond(chain: &mut Chain, key: &[u8]) {
    if let Some(prefix) = Prefix::of(key).filter(|prefix| prefix.has_bits_beyond()) {
        chain.note(format!(
            "the key has bits set behind the first {}, which is the length of its prefix: the kernel does \
             not look at them",
            prefix.len
        ));
    }
}

fn missing(why: &Why<'_>, chain: &mut Chain, map: &OpenMap, leaves: &[KeyField], key: &[u8]) {
    let map_type = MapType::from_raw(map.map.info().map_type);
    let may_be_dropped = matches!(map_type, MapType::LRU_HASH | MapType::LRU_PERCPU_HASH);
    let broken = match map_type {
        MapType::ARRAY_OF_MAPS | MapType::PROG_ARRAY => Break::EmptySlot,
        MapType::LPM_TRIE => {
            bits_beyond(chain, key);
            match no_prefix(why, map, leaves, key) {
                Ok(broken) => broken,
                Err(prefix) => {
                    let text = text::of_key(leaves, &prefix);
                    chain.holds(Question::Key, format!("{text} covers it, since a moment ago"));
                    return;
                }
            }
        }
        _ => {
            let mut is_there = false;
            let (nearest, seen) = search(why, map, |nearest: &mut Nearest, entry| {
                nearest.consider(leaves, key, entry);
                is_there |= entry == key;
                is_there
            });
            if is_there {
                chain.holds(Question::Key, "it is there, since a moment ago");
                chain.diagnosis.value = map.value_of(key).ok().flatten();
                return;
            }
            let Seen { looked_at, all, .. } = seen;
            match nearest.nearness {
                _ if looked_at == 0 && all => Break::Empty { may_be_dropped },
                Some(nearness) => {
                    let (count, keys) = (nearest.count, nearest.keys);
                    Break::Near { nearness, count, keys, looked_at, all, may_be_dropped }
                }
                None => Break::Absent { looked_at, all, may_be_dropped },
            }
        }
    };
    chain.broken(Question::Key, broken);
}

/// Why no prefix covers a key, or one that does, which came meanwhile.
fn no_prefix(
    why: &Why<'_>,
    map: &OpenMap,
    leaves: &[KeyField],
    key: &[u8],
) -> Result<Break, Vec<u8>> {
    let (search, Seen { looked_at, all }) = search(why, map, |search: &mut Search, entry| {
        search.consider(leaves, key, entry);
        false
    });
    let may_be_dropped = false;
    match (Prefix::of(key), search) {
        (_, Search { covering: Some(prefix), .. }) => Err(prefix),
        _ if looked_at == 0 && all => Ok(Break::Empty { may_be_dropped }),
        (Some(wanted), Search { longer: Some(longer), .. }) => Ok(Break::PrefixTooShort {
            len: wanted.len,
            max: wanted.max(),
            longer: text::of_key(leaves, &longer),
            looked_at,
        }),
        (_, Search { reversed: Some((prefix, fields)), .. }) => {
            let prefix = text::of_key(leaves, &prefix);
            Ok(Break::PrefixByteOrder { fields, prefix, looked_at })
        }
        _ => Ok(Break::NoPrefix { looked_at, all }),
    }
}

/// How much of a map was looked at.
struct Seen {
    looked_at: u64,
    all: bool,
}

/// Walks over the keys, until `look` has seen enough or as many were looked at as
/// may be.
fn search<S: Default>(
    why: &Why<'_>,
    map: &OpenMap,
    mut look: impl FnMut(&mut S, &[u8]) -> bool,
) -> (S, Seen) {
    let (mut state, mut looked_at) = (S::default(), 0);
    let mut entries = map.entries();
    while let Some(entry) = entries.next_entry() {
        // What was seen before an error is no less true.
        let Ok((key, _)) = entry else { return (state, Seen { looked_at, all: false }) };
        if looked_at == why.limit {
            return (state, Seen { looked_at, all: false });
        }
        looked_at += 1;
        if look(&mut state, key) {
            return (state, Seen { looked_at, all: false });
        }
    }
    (state, Seen { looked_at, all: true })
}
