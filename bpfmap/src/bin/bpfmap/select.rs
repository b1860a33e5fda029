//! Which map is meant.

use std::path::{Path, PathBuf};

use anyhow::bail;
use bpfmap::inventory::Incomplete;
use bpfmap::{AnyMap, Inventory};
use clap::Args;

use crate::text::Printable;

/// A map in the kernel: by its id, its pin, or its name when only one has it.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct MapArgs {
    /// The map's name in the kernel; its id or its pin's path does as well.
    #[arg(value_name = "MAP")]
    pub(crate) map: Option<String>,

    /// The map's id, as `bpfmap maps` shows it.
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<u32>,

    /// Where the map is pinned.
    #[arg(long, value_name = "PATH")]
    pub(crate) pin: Option<PathBuf>,
}

/// How a map was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selected {
    Id(u32),
    Pin(PathBuf),
    Name(String),
}

/// As [`MapArgs`], for a command that does without one too.
#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct OneMapArgs {
    /// Only the map of that name in the kernel; its id or its pin's path does as well.
    #[arg(value_name = "MAP")]
    map: Option<String>,

    /// Only the map of that id.
    #[arg(long, value_name = "ID")]
    id: Option<u32>,

    /// Only the map that is pinned there.
    #[arg(long, value_name = "PATH")]
    pin: Option<PathBuf>,
}

impl MapArgs {
    /// What was named: a number is an id, what has a slash is a path.
    pub(crate) fn selected(&self) -> Selected {
        let selected = Selected::of(self.map.as_deref(), self.id, self.pin.as_ref());
        selected.unwrap_or_else(|| Selected::Name(String::new()))
    }
}

impl OneMapArgs {
    /// What was named, if anything was.
    pub(crate) fn selected(&self) -> Option<Selected> {
        Selected::of(self.map.as_deref(), self.id, self.pin.as_ref())
    }
}

impl Selected {
    pub(crate) fn of(map: Option<&str>, id: Option<u32>, pin: Option<&PathBuf>) -> Option<Self> {
        if let Some(id) = id {
            return Some(Self::Id(id));
        }
        if let Some(pin) = pin {
            return Some(Self::Pin(pin.clone()));
        }
        map.map(Self::of_word)
    }

    /// What a word names: a number is an id, what has a slash is a path.
    pub(crate) fn of_word(map: &str) -> Self {
        match map.parse() {
            Ok(id) => Self::Id(id),
            Err(_) if map.contains('/') => Self::Pin(map.into()),
            Err(_) => Self::Name(map.into()),
        }
    }

    /// Opens it, for reading.
    pub(crate) fn open(&self) -> anyhow::Result<AnyMap> {
        match self {
            Self::Id(id) => Ok(AnyMap::from_id(*id)?),
            Self::Pin(path) if path.is_dir() => bail!(is_directory(path)),
            Self::Pin(path) => Ok(AnyMap::from_pin(path)?),
            Self::Name(name) => Ok(AnyMap::from_id(named(name)?)?),
        }
    }
}

/// What is said of a directory in the place of a pin.
pub(crate) fn is_directory(path: &Path) -> String {
    /// How many are named.
    const MOST: usize = 8;
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().printable());
    let mut names: Vec<_> = names.take(MOST + 1).collect();
    names.sort_unstable();
    let more = if names.len() > MOST { ", ..." } else { "" };
    let names = names.iter().take(MOST).map(|name| format!("`{name}`")).collect::<Vec<_>>();
    let has = if names.is_empty() { "nothing".into() } else { names.join(", ") };
    format!("{} is a directory, and no pin; in it there is {has}{more}", path.display())
}

/// The id of the only map of that name.
fn named(name: &str) -> anyhow::Result<u32> {
    let inventory = Inventory::of_kernel();
    let ids: Vec<_> = inventory.maps_named(name).map(|map| map.id).collect();
    match *ids {
        [id] => Ok(id),
        [] => match maps_not_listed(&inventory) {
            Some(missing) => bail!(
                "no map can be found by its name `{}`: {missing}; name its pin instead, with --pin",
                name.printable()
            ),
            None => bail!(
                "no map in the kernel is named `{}`{}; `bpfmap maps` lists them, and for a pin in this \
                 directory say ./{}",
                name.printable(),
                meant(name, &inventory),
                name.printable()
            ),
        },
        ref several => bail!(
            "{} maps are named `{}`: say which one with --id {}, or with --pin",
            several.len(),
            name.printable(),
            several.iter().map(u32::to_string).collect::<Vec<_>>().join(", --id ")
        ),
    }
}

/// The name of a map that is nearly another one.
fn meant(name: &str, inventory: &Inventory) -> String {
    /// How alike they are for a typing mistake, and not another name.
    const ALIKE: f64 = 0.85;
    let names = inventory.maps.iter().filter_map(|map| map.name.as_deref());
    let known = names.map(|known| (strsim::jaro_winkler(known, name), known));
    match known.max_by(|(one, _), (other, _)| one.total_cmp(other)) {
        Some((likeness, known)) if likeness >= ALIKE => {
            format!(": did you mean `{}`?", known.printable())
        }
        _ => String::new(),
    }
}

/// Why the maps in the kernel could not all be listed.
pub(crate) fn maps_not_listed(inventory: &Inventory) -> Option<&Incomplete> {
    let of_maps = |missing: &&Incomplete| matches!(missing, Incomplete::Ids { what: "maps", .. });
    inventory.incomplete.iter().find(of_maps)
}
