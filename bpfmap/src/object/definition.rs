//! A map as an object declares it.

use std::fmt::{self, Display, Formatter};

use crate::btf::{Btf, BtfError, BtfType, TypeId};
use crate::map_type::MapType;

/// What is declared of a map. What the loader makes of it may differ.
#[derive(Clone, Debug, Default)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) map_type: u32,
    pub(crate) key: Side,
    pub(crate) value: Side,
    pub(crate) max_entries: u32,
    pub(crate) map_flags: u32,
    /// What the maps in a map of maps are.
    pub(crate) inner: Option<Box<Self>>,
    /// Whether a loader makes it of a section of global variables.
    pub(crate) is_section: bool,
    /// Whether it is declared as maps were before BTF.
    pub(crate) is_legacy: bool,
}

/// What is declared of a key or a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Side {
    #[default]
    Nothing,
    /// In bytes.
    Size(u32),
    Type(TypeId),
}

impl Side {
    pub(crate) fn type_id(self) -> Option<TypeId> {
        match self {
            Self::Type(id) => Some(id),
            Self::Nothing | Self::Size(_) => None,
        }
    }
}

/// A map as an [`Object`](crate::Object) declares it.
///
/// `Display` writes it in a line: ``hash `flows`: struct flow_key (16 bytes) ->
/// struct flow_stats (16 bytes), 1024 entries``.
#[derive(Clone, Copy)]
pub struct MapDefinition<'a> {
    pub(crate) btf: &'a Btf<'a>,
    pub(crate) definition: &'a Definition,
}

impl<'a> MapDefinition<'a> {
    /// Its name. A section of global variables is a map of that name.
    pub fn name(&self) -> &'a str {
        &self.definition.name
    }

    /// Its type.
    pub fn map_type(&self) -> MapType {
        MapType::from_raw(self.definition.map_type)
    }

    /// How many entries it can hold; 0 when that is left to the loader.
    pub fn max_entries(&self) -> u32 {
        self.definition.max_entries
    }

    /// The kernel's flags (`BPF_F_NO_PREALLOC`, ...) with which it is created.
    pub fn map_flags(&self) -> u32 {
        self.definition.map_flags
    }

    /// The type of its key; `None` when it has none, or only its size is
    /// declared.
    pub fn key(&self) -> Option<BtfType<'a>> {
        self.definition.key.type_id().map(|id| self.btf.view(id))
    }

    /// The type of its value; `None` when only its size is declared. That of a
    /// section is the section itself, with its variables as members.
    pub fn value(&self) -> Option<BtfType<'a>> {
        self.definition.value.type_id().map(|id| self.btf.view(id))
    }

    /// The size of its key in bytes, 0 when it has none.
    ///
    /// # Errors
    ///
    /// When its type is incomplete.
    pub fn key_size(&self) -> Result<u64, BtfError> {
        self.size(self.definition.key)
    }

    /// The size of its value in bytes.
    ///
    /// # Errors
    ///
    /// When its type is incomplete.
    pub fn value_size(&self) -> Result<u64, BtfError> {
        self.size(self.definition.value)
    }

    fn size(&self, side: Side) -> Result<u64, BtfError> {
        match side {
            Side::Nothing => Ok(0),
            Side::Size(size) => Ok(size.into()),
            Side::Type(id) => self.btf.size_of(id),
        }
    }

    /// What the maps in a map of maps are.
    pub fn inner(&self) -> Option<MapDefinition<'a>> {
        let definition = self.definition.inner.as_deref()?;
        Some(MapDefinition { definition, ..*self })
    }
}

impl Display for MapDefinition<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let side = |f: &mut Formatter<'_>, side| match side {
            Side::Nothing => f.write_str("nothing"),
            Side::Size(size) => write!(f, "{size} bytes"),
            Side::Type(id) => {
                write!(f, "{}", self.btf.view(id))?;
                self.btf.size_of(id).map_or(Ok(()), |size| write!(f, " ({size} bytes)"))
            }
        };
        write!(f, "{} `{}`: ", self.map_type(), self.name().escape_debug())?;
        let capacity = self.map_type().capacity(self.max_entries());
        let is_nothing = |side| matches!(side, Side::Nothing | Side::Size(0));
        match self.inner() {
            // It may have no more than a size, as ring buffers have.
            None if is_nothing(self.definition.key) && is_nothing(self.definition.value) => {
                return f.write_str(if capacity.is_empty() { "nothing" } else { &capacity });
            }
            None => {
                side(f, self.definition.key)?;
                f.write_str(" -> ")?;
                side(f, self.definition.value)?;
            }
            Some(inner) => {
                side(f, self.definition.key)?;
                write!(f, " -> maps ({inner})")?;
            }
        }
        if capacity.is_empty() { Ok(()) } else { write!(f, ", {capacity}") }
    }
}

impl fmt::Debug for MapDefinition<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "MapDefinition({self})")
    }
}
