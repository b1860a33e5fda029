//! Which map is meant.

use std::path::PathBuf;

use clap::Args;

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

impl MapArgs {
    /// What was named: a number is an id, what has a slash is a path.
    pub(crate) fn selected(&self) -> Selected {
        match (&self.map, self.id, &self.pin) {
            (_, Some(id), _) => Selected::Id(id),
            (_, _, Some(pin)) => Selected::Pin(pin.clone()),
            (map, ..) => {
                let map = map.as_deref().unwrap_or_default();
                match map.parse() {
                    Ok(id) => Selected::Id(id),
                    Err(_) if map.contains('/') => Selected::Pin(map.into()),
                    Err(_) => Selected::Name(map.into()),
                }
            }
        }
    }
}
