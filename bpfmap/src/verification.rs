//! Words for what was verified, and against what.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use crate::map_type::MapType;

/// What is known of the layout of an open map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Verification {
    /// Every field of key and value agrees with the BTF.
    Verified {
        /// Where the BTF came from.
        source: BtfSource,
    },
    /// Only the sizes of key and value agree; nothing is known of the fields.
    ///
    /// Given only to those who asked for it with
    /// [`allow_sizes_only`](crate::OpenOptions::allow_sizes_only).
    SizesOnly {
        /// Why the fields could not be compared.
        reason: Unverifiable,
    },
}

/// Where BTF came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum BtfSource {
    /// The BTF that the kernel keeps for the map.
    KernelMap {
        /// Its id, as `bpftool btf` shows it.
        btf_id: u32,
    },
    /// The `.BTF` section of the object that was handed in. That an open map
    /// was made from it is taken on trust; see
    /// [`OpenOptions::object`](crate::OpenOptions::object).
    Object,
    /// The BTF with which the program around the map was loaded, as the map itself
    /// has none. The types are those with which the program declares the map, or
    /// those of the names that were given.
    Program {
        /// Its id, as `bpftool btf` shows it.
        btf_id: u32,
    },
    /// The types of the running kernel itself.
    Vmlinux,
    /// Bytes that were handed in as BTF.
    Bytes,
}

/// Why the fields of a map cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Unverifiable {
    /// The kernel keeps BTF for the map, and this process may not read it:
    /// `BPF_BTF_GET_FD_BY_ID` needs `CAP_SYS_ADMIN`.
    NotPermitted {
        /// The id of the BTF.
        btf_id: u32,
    },
    /// The BTF of the program around the map would tell, and this process may not
    /// read it: `BPF_BTF_GET_FD_BY_ID` needs `CAP_SYS_ADMIN`.
    ProgramNotPermitted {
        /// The id of the BTF.
        btf_id: u32,
    },
    /// Nobody knows where in its section a variable is.
    NoPlaceOfVariable,
    /// The kernel keeps no BTF for the map: the loader had none, or dropped it.
    NoBtf,
    /// The kernel keeps BTF for no map of that type.
    NoBtfForType {
        /// The type.
        map_type: MapType,
    },
    /// It was not said of which type of the program the events are:
    /// [`OpenOptions::event`](crate::OpenOptions::event).
    NoEventType,
    /// The object that was handed in does not declare what the maps in the map
    /// are.
    NoInnerMap,
    /// The object that was handed in declares the sizes of the map's key and
    /// value, and not their types.
    SizesInObject,
}

/// A map as messages name it: by its name, its id, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub struct MapLabel {
    /// The name under which it was opened, or the one that the kernel keeps,
    /// which is cut off after 15 bytes.
    pub name: String,
    /// Its id in the kernel; `None` when only an object was read.
    pub id: Option<u32>,
    /// Where it is pinned, when it was opened by that path.
    pub pin: Option<PathBuf>,
}

/// What a comparison was about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Subject {
    /// A map.
    Map(MapLabel),
    /// A global variable, and the map that its section is.
    Variable {
        /// Its name.
        name: String,
        /// The map.
        map: MapLabel,
    },
    /// A type, by its name.
    Type(String),
}

impl Subject {
    /// The map, unless it is a type.
    pub fn map(&self) -> Option<&MapLabel> {
        match self {
            Self::Map(map) | Self::Variable { map, .. } => Some(map),
            Self::Type(_) => None,
        }
    }
}

impl Display for Verification {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified { source } => write!(f, "verified against {source}"),
            Self::SizesOnly { reason } => write!(f, "only the sizes are verified: {reason}"),
        }
    }
}

impl Display for BtfSource {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::KernelMap { btf_id } => {
                write!(f, "the kernel's BTF of the map (BTF id {btf_id})")
            }
            Self::Program { btf_id } => {
                write!(f, "the BTF of the program around it (BTF id {btf_id})")
            }
            Self::Object => f.write_str("the BTF of the object"),
            Self::Vmlinux => f.write_str("the BTF of the running kernel"),
            Self::Bytes => f.write_str("the BTF that was handed in"),
        }
    }
}

impl Display for Unverifiable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPermitted { btf_id } => write!(
                f,
                "the kernel has its BTF (id {btf_id}), but reading it needs CAP_SYS_ADMIN, \
                 which this process does not have"
            ),
            Self::ProgramNotPermitted { btf_id } => write!(
                f,
                "the BTF of the program around it (id {btf_id}) would tell, but reading it needs \
                 CAP_SYS_ADMIN, which this process does not have"
            ),
            Self::NoPlaceOfVariable => f.write_str(
                "without BTF nobody knows where in its section the variable is, whatever its size",
            ),
            Self::NoBtf => f.write_str("the kernel has no BTF for it"),
            Self::NoBtfForType { map_type } => {
                write!(f, "the kernel keeps no BTF for maps of type {map_type}")
            }
            Self::NoEventType => f.write_str("no map says what type its events are of"),
            Self::NoInnerMap => f.write_str("the object does not declare what the maps in it are"),
            Self::SizesInObject => f.write_str(
                "the object declares the sizes of its key and value, and not their types",
            ),
        }
    }
}

impl Display for MapLabel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (&*self.name, self.id) {
            ("", Some(id)) => write!(f, "map with id {id}")?,
            ("", None) => f.write_str("map")?,
            (name, Some(id)) => write!(f, "map `{}` (id {id})", name.escape_debug())?,
            (name, None) => write!(f, "map `{}`", name.escape_debug())?,
        }
        match &self.pin {
            Some(pin) => write!(f, " pinned at {}", pin.display()),
            None => Ok(()),
        }
    }
}

impl Display for Subject {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(map) => map.fmt(f),
            Self::Variable { name, map } => {
                write!(f, "variable `{}` of {map}", name.escape_debug())
            }
            Self::Type(name) => write!(f, "type `{}`", name.escape_debug()),
        }
    }
}
