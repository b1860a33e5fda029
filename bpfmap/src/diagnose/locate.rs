//! Which map it is: by its name, its pin or its id, and beside what it stands.

use std::path::Path;

use super::chain::{Chain, Next};
use super::diagnosis::{Break, Holder, Question, SecondCopy};
use super::request::{MapRef, ProgramRef, Why};
use crate::Error;
use crate::inventory::{Incomplete, Inventory, KernelMap, KernelProgram};
use crate::map_type::MapType;
use crate::maps::{AnyMap, OpenMap};
use crate::sys::MapInfo;

/// How many names are listed.
const MAX_NAMES: usize = 16;

/// `BPF_OBJ_NAME_LEN` without the NUL.
const KERNEL_NAME_LEN: usize = 15;

/// Finds a map and opens it.
pub(super) fn find(why: &Why<'_>, chain: &mut Chain, map: MapRef<'_>) -> Option<AnyMap> {
    let opened = match map {
        MapRef::Name(name) => AnyMap::from_id(by_name(why, chain, name)?),
        MapRef::Pin(path) => AnyMap::from_pin(path),
        MapRef::Id(id) => AnyMap::from_id(id),
    };
    match (opened, map) {
        (Ok(map), _) => {
            chain.diagnosis.map.clone_from(map.label());
            loaded(chain, map.open_map());
            Some(map)
        }
        (Err(Error::NotAMap { .. }), MapRef::Pin(path)) => {
            chain.broken(Question::Loaded, Break::PinOfNoMap { path: path.into() });
            None
        }
        (Err(error), map) => {
            let errno = kernel_errno(&error);
            match (errno, map) {
                (Some(libc::ENOENT), MapRef::Id(id)) => {
                    chain.broken(Question::Loaded, Break::NoId { id });
                }
                (Some(libc::ENOENT), MapRef::Name(_)) => {
                    chain.broken(Question::Loaded, Break::NotLoaded { known: Vec::new() });
                }
                (Some(libc::ENOENT | libc::ENOTDIR), MapRef::Pin(path)) => {
                    chain.broken(Question::Loaded, not_pinned(path, &error));
                }
                _ => {
                    chain.unknown(Question::Loaded, error.to_string());
                }
            }
            None
        }
    }
}

/// A map that is open is loaded.
pub(super) fn loaded(chain: &mut Chain, map: &OpenMap) {
    let info = map.map.info();
    let map_type = MapType::from_raw(info.map_type);
    let capacity = map_type.capacity(info.max_entries);
    let sizes = match (info.key_size, info.value_size) {
        (0, 0) => String::new(),
        (key, value) => format!(", {key} -> {value} bytes"),
    };
    let text = format!(
        "{map_type} `{}`, id {}{sizes}{}{}",
        crate::btf::Printable(&info.name),
        info.id,
        if capacity.is_empty() { "" } else { ", " },
        capacity
    );
    chain.holds(Question::Loaded, text);
}

fn kernel_errno(error: &Error) -> Option<i32> {
    match error {
        Error::Kernel(error) => Some(error.errno()),
        _ => None,
    }
}

fn not_pinned(path: &Path, error: &Error) -> Break {
    let reason = match error {
        Error::Kernel(error) => error.reason(),
        error => error.to_string(),
    };
    Break::NotPinned { path: path.into(), reason }
}

/// The id of the only map of that name, or of the only one that the program
/// uses.
fn by_name(why: &Why<'_>, chain: &mut Chain, name: &str) -> Option<u32> {
    let inventory = chain.inventory();
    if let Some(reason) = unlisted(inventory, "maps") {
        chain.unknown(Question::Loaded, reason);
        return None;
    }
    let maps: Vec<_> = inventory.maps_named(name).collect();
    let broken = match maps.as_slice() {
        [only] => return Some(only.id),
        [] => {
            let names = inventory.maps.iter().filter_map(|map| map.name.as_deref());
            Break::NotLoaded { known: similar(name, names) }
        }
        several => {
            let programs: Vec<_> = why.program.map_or_else(Vec::new, |program| {
                inventory.programs.iter().filter(|known| program.is(known)).collect()
            });
            let is_used =
                |map: &&&KernelMap| programs.iter().any(|one| uses(inventory, one, map.id));
            let used: Vec<_> = several.iter().filter(is_used).collect();
            match used.as_slice() {
                [only] => return Some(only.id),
                _ => Break::Several {
                    copies: several.iter().map(|map| copy(inventory, map)).collect(),
                },
            }
        }
    };
    chain.broken(Question::Loaded, broken);
    None
}

/// Why there is no list of these.
fn unlisted(inventory: &Inventory, wanted: &str) -> Option<String> {
    let is_of = |one: &&Incomplete| matches!(one, Incomplete::Ids { what, .. } if *what == wanted);
    inventory.incomplete.iter().find(is_of).map(ToString::to_string)
}

/// Whether a program that is loaded uses the map, and not another copy of it.
pub(super) fn used(why: &Why<'_>, chain: &mut Chain, info: &MapInfo) -> Next {
    let answer = match used_by(why, chain.inventory(), info) {
        Err(broken) => return chain.broken(Question::Used, broken),
        Ok(answer) => answer,
    };
    match answer {
        Used::By(text) => {
            chain.copies = copies(chain.inventory(), info);
            chain.holds(Question::Used, text)
        }
        Used::Unknown(text) => chain.unknown(Question::Used, text),
    }
}

enum Used {
    By(String),
    Unknown(String),
}

fn used_by(why: &Why<'_>, inventory: &Inventory, info: &MapInfo) -> Result<Used, Break> {
    for listed in ["programs", "maps"] {
        if let Some(reason) = unlisted(inventory, listed) {
            return Ok(Used::Unknown(reason));
        }
    }
    let programs: Vec<_> = match why.program {
        None => inventory.programs.iter().collect(),
        Some(wanted) => inventory.programs.iter().filter(|program| wanted.is(program)).collect(),
    };
    if let (Some(wanted), []) = (why.program, programs.as_slice()) {
        let (program, known) = match wanted {
            ProgramRef::Id(id) => (id.to_string(), Vec::new()),
            ProgramRef::Name(name) => {
                let names = inventory.programs.iter().map(|program| &*program.name);
                (name.into(), similar(name, names))
            }
        };
        return Err(Break::NoProgram { program, known });
    }
    if let Some(user) = programs.iter().find(|program| uses(inventory, program, info.id)) {
        let direct = user.map_ids.contains(&info.id);
        let by = if direct { "uses it" } else { "uses a map of maps that it is in" };
        return Ok(Used::By(format!("{} {by}", holder(user))));
    }
    // Another copy that one of them uses.
    let is_copy = |map: &&KernelMap| {
        map.id != info.id
            && map.name.as_ref().is_some_and(|name| !name.is_empty() && *name == info.name)
            && map.map_type.as_raw() == info.map_type
            && [map.key_size, map.value_size] == [info.key_size, info.value_size]
            && [map.btf_key_type_id, map.btf_value_type_id]
                == [info.btf_key_type_id, info.btf_value_type_id]
    };
    for program in &programs {
        let copies = inventory.maps.iter().filter(is_copy);
        if let Some(map) = copies.into_iter().find(|map| uses(inventory, program, map.id)) {
            let copy = copy(inventory, map);
            return Err(Break::OtherCopy { program: holder(program), copy });
        }
    }
    match (why.program, programs.first()) {
        (Some(_), Some(program)) => {
            let ids = program.map_ids.iter().filter_map(|id| inventory.map(*id));
            let uses = ids.map(|map| copy(inventory, map)).collect();
            Err(Break::NotUsed { program: holder(program), uses })
        }
        _ => Ok(Used::Unknown(
            "no program that is loaded uses it, so nothing in the kernel writes to it".into(),
        )),
    }
}

/// Other maps of the same name, type and sizes that programs use.
fn copies(inventory: &Inventory, info: &MapInfo) -> Vec<SecondCopy> {
    let is_copy = |map: &&KernelMap| {
        map.id != info.id
            && map.name.as_ref().is_some_and(|name| !name.is_empty() && *name == info.name)
            && map.map_type.as_raw() == info.map_type
            && [map.key_size, map.value_size] == [info.key_size, info.value_size]
    };
    let copies = inventory.maps.iter().filter(is_copy).map(|map| copy(inventory, map));
    copies.filter(|copy| !copy.programs.is_empty()).collect()
}

/// Whether it is where it should be.
pub(super) fn pinned(why: &Why<'_>, chain: &mut Chain, info: &MapInfo) -> Next {
    let Some(path) = why.pin else { return Some(()) };
    match AnyMap::from_pin(path) {
        Ok(map) if map.id() == info.id => {
            chain.holds(Question::Pinned, format!("at {}", path.display()))
        }
        Ok(map) => {
            let other = map.open_map().map.info();
            let (id, name) = (other.id, other.name.clone());
            let is_copy = (&info.name, info.map_type) == (&other.name, other.map_type);
            let inventory = chain.inventory();
            let copy = match inventory.map(id) {
                Some(map) => copy(inventory, map),
                None => SecondCopy { id, name, programs: Vec::new() },
            };
            let path = path.into();
            chain.broken(Question::Pinned, Break::PinOfOther { path, copy, is_copy })
        }
        Err(Error::NotAMap { .. }) => {
            chain.broken(Question::Pinned, Break::PinOfNoMap { path: path.into() })
        }
        Err(error) => match kernel_errno(&error) {
            Some(libc::ENOENT | libc::ENOTDIR) => {
                chain.broken(Question::Pinned, not_pinned(path, &error))
            }
            _ => chain.unknown(Question::Pinned, error.to_string()),
        },
    }
}

impl ProgramRef<'_> {
    fn is(self, program: &KernelProgram) -> bool {
        match self {
            Self::Id(id) => program.id == id,
            Self::Name(name) => {
                let name = name.as_bytes();
                program.name.as_bytes() == name.get(..KERNEL_NAME_LEN).unwrap_or(name)
            }
        }
    }
}

/// Whether a program uses a map, or a map of maps that the map is in.
fn uses(inventory: &Inventory, program: &KernelProgram, map_id: u32) -> bool {
    let is_in = |id: &u32| {
        inventory.map(*id).is_some_and(|map| map.is_of_maps() && map.contents.contains(&map_id))
    };
    program.map_ids.contains(&map_id) || program.map_ids.iter().any(is_in)
}

fn holder(program: &KernelProgram) -> Holder {
    Holder { id: program.id, name: program.name.clone() }
}

fn copy(inventory: &Inventory, map: &KernelMap) -> SecondCopy {
    let programs = inventory.programs.iter().filter(|program| uses(inventory, program, map.id));
    SecondCopy {
        id: map.id,
        name: map.name.clone().unwrap_or_default(),
        programs: programs.map(holder).collect(),
    }
}

/// Those that are nearly `wanted`, the nearest first; all of them when they are
/// few.
fn similar<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Vec<String> {
    /// How alike they are for a typing mistake, and not another name.
    const ALIKE: f64 = 0.8;
    let mut names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    let likeness = |name: &str| strsim::jaro_winkler(name, wanted);
    if names.len() > MAX_NAMES {
        names.retain(|name| likeness(name) >= ALIKE);
    }
    names.sort_by(|one, other| likeness(other).total_cmp(&likeness(one)));
    names.into_iter().take(MAX_NAMES).map(str::to_owned).collect()
}
