//! Whether a key that is not in a map is in another copy of it: a program that is
//! loaded twice has two maps of the same name, and each is used.

use super::chain::Chain;
use super::diagnosis::{Break, Question, SecondCopy};
use crate::maps::AnyMap;

/// How many copies are named.
const MOST: usize = 3;

/// How many are asked for the key.
const MOST_ASKED: usize = 64;

/// Says which other copies of the map are used, those first that have the key.
pub(super) fn note(chain: &mut Chain, key: &[u8]) {
    let is_missing = matches!(
        chain.diagnosis.broken(),
        Some((Question::Key, broken)) if !matches!(
            broken,
            // Which no copy has either.
            Break::OutOfRange { .. } | Break::PrefixTooLong { .. }
        )
    );
    if !is_missing {
        return;
    }
    let copies = std::mem::take(&mut chain.copies);
    let asked = copies.iter().take(MOST_ASKED).map(|copy| (copy, has(copy.id, key)));
    let (with, without): (Vec<_>, Vec<_>) = asked.partition(|(_, has)| *has);
    for (SecondCopy { id, name, programs }, has) in with.into_iter().chain(without).take(MOST) {
        let by = programs.first().map(ToString::to_string).unwrap_or_default();
        chain.note(format!(
            "another map `{}` (id {id}) is used by {by}{}: was its program loaded twice?",
            crate::btf::Printable(name),
            if has { ", and the key is there" } else { "" }
        ));
    }
    if copies.len() > MOST {
        chain
            .note(format!("there are {} more of that name that programs use", copies.len() - MOST));
    }
}

fn has(id: u32, key: &[u8]) -> bool {
    let map = AnyMap::from_id(id);
    map.is_ok_and(|map| map.open_map().value_of(key).is_ok_and(|value| value.is_some()))
}
