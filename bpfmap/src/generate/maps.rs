//! The typed map for a map.

use super::item::{Field, Item, Struct, Ty};
use super::names::camel;
use super::{GeneratedMap, Generator, events};
use crate::btf::{BtfError, Printable, Type, TypeId};
use crate::map_type::MapType;
use crate::object::{Definition, Side};

/// How the key and the value of a map are written into its alias.
enum Shape {
    /// `HashMap<K, V>`.
    Hash {
        per_cpu: bool,
    },
    /// `Array<V>`.
    Array {
        per_cpu: bool,
    },
    LpmTrie,
    /// A map of the values alone, of that name.
    Values(&'static str),
    BloomFilter,
    RingBuf,
    HashOfMaps,
    ArrayOfMaps,
    Globals,
}

impl Shape {
    fn of(map: &Definition) -> Option<Self> {
        Some(match MapType::from_raw(map.map_type) {
            _ if map.is_section => Self::Globals,
            MapType::HASH | MapType::LRU_HASH => Self::Hash { per_cpu: false },
            MapType::PERCPU_HASH | MapType::LRU_PERCPU_HASH => Self::Hash { per_cpu: true },
            MapType::ARRAY => Self::Array { per_cpu: false },
            MapType::PERCPU_ARRAY => Self::Array { per_cpu: true },
            MapType::LPM_TRIE => Self::LpmTrie,
            MapType::QUEUE => Self::Values("Queue"),
            MapType::STACK => Self::Values("Stack"),
            MapType::SK_STORAGE
            | MapType::INODE_STORAGE
            | MapType::TASK_STORAGE
            | MapType::CGRP_STORAGE => Self::Values("LocalStorage"),
            MapType::BLOOM_FILTER => Self::BloomFilter,
            MapType::RINGBUF => Self::RingBuf,
            MapType::HASH_OF_MAPS => Self::HashOfMaps,
            MapType::ARRAY_OF_MAPS => Self::ArrayOfMaps,
            _ => return None,
        })
    }
}

/// Why there is no alias.
enum Without {
    /// In words for the user.
    Words(String),
    Btf(BtfError),
}

impl From<BtfError> for Without {
    fn from(error: BtfError) -> Self {
        Self::Btf(error)
    }
}

impl Generator<'_> {
    /// Writes the types of what is in keys, before any that is in values alone.
    pub(super) fn keys(&mut self, map: &Definition) {
        self.key = true;
        let shape = Shape::of(map);
        if let Some(id) = map.key.type_id()
            && !matches!(shape, Some(Shape::Array { .. } | Shape::ArrayOfMaps | Shape::Globals))
        {
            if matches!(shape, Some(Shape::LpmTrie))
                && let Ok(peeled) = self.btf.peel(id)
            {
                self.tries.insert(peeled.id);
            }
            // What is wrong with it is said where the map is.
            let _ = self.side(map.key, &format!("{}_key", map.name));
        }
        if matches!(shape, Some(Shape::BloomFilter)) {
            let _ = self.side(map.value, &format!("{}_value", map.name));
        }
        if let Some(inner) = &map.inner {
            self.keys(inner);
        }
        self.key = false;
    }

    /// Writes the map.
    pub(super) fn one_map(&mut self, map: &Definition) -> GeneratedMap {
        let alias = self.alias(map);
        let verifiable = self.is_verifiable(map);
        let (alias, problem) = match alias {
            Ok(alias) => (Some(alias), None),
            Err(Without::Words(why)) => (None, Some(why)),
            Err(Without::Btf(error)) => (None, Some(error.to_string())),
        };
        let alias = alias.map(|target| {
            let name = self.alias_name(&map.name);
            (name, target)
        });
        let (alias, target) = alias.unzip();
        let (name, map_type) = (map.name.clone(), MapType::from_raw(map.map_type));
        let events = self.events_of(map);
        GeneratedMap { name, map_type, alias, target, verifiable, problem, events }
    }

    /// `flows` is `Flows`, and `FlowsMap` when that is a struct.
    fn alias_name(&mut self, map: &str) -> String {
        let name = camel(map);
        match self.types.is_free(&name) {
            true => self.types.unique(name),
            false => self.types.unique(name + "Map"),
        }
    }

    /// Whether what is needed of its types is declared.
    fn is_verifiable(&self, map: &Definition) -> bool {
        let typed = |side: Side| side.type_id().is_some();
        match Shape::of(map) {
            Some(Shape::Hash { .. } | Shape::LpmTrie) => typed(map.key) && typed(map.value),
            Some(Shape::HashOfMaps) => {
                typed(map.key) && map.inner.as_deref().is_some_and(|map| self.is_verifiable(map))
            }
            Some(Shape::ArrayOfMaps) => {
                map.inner.as_deref().is_some_and(|map| self.is_verifiable(map))
            }
            Some(Shape::RingBuf) => !self.events_of(map).is_empty(),
            Some(_) => typed(map.value),
            None => false,
        }
    }

    /// The typed map, with its parameters.
    fn alias(&mut self, map: &Definition) -> Result<String, Without> {
        let Some(shape) = Shape::of(map) else {
            // Its types are of use all the same.
            for (side, what) in [(map.key, "key"), (map.value, "value")] {
                if side.type_id().is_some() {
                    self.side(side, &format!("{}_{what}", map.name))?;
                }
            }
            return Err(Without::Words("bpfmap has no typed map for maps of this type".into()));
        };
        let key = |this: &mut Self| {
            this.key = true;
            let key = this.side(map.key, &format!("{}_key", map.name));
            this.key = false;
            this.not_empty(key?, "key")
        };
        let value = |this: &mut Self| {
            let value = this.side(map.value, &format!("{}_value", map.name))?;
            this.not_empty(value, "value")
        };
        let of = |value: String, per_cpu| if per_cpu { format!("PerCpu<{value}>") } else { value };
        Ok(match shape {
            Shape::Hash { per_cpu } => {
                format!("HashMap<{}, {}>", key(self)?, of(value(self)?, per_cpu))
            }
            Shape::Array { per_cpu } => format!("Array<{}>", of(value(self)?, per_cpu)),
            Shape::LpmTrie => {
                let key = key(self)?;
                let key = self.key_of_trie(key, map)?;
                format!("LpmTrie<{key}, {}>", value(self)?)
            }
            Shape::Values(name) => format!("{name}<{}>", value(self)?),
            Shape::BloomFilter => {
                self.key = true;
                let value = value(self);
                self.key = false;
                format!("BloomFilter<{}>", value?)
            }
            Shape::RingBuf => match map.value {
                Side::Type(_) => format!("RingBuf<{}>", value(self)?),
                _ => match self.events.as_slice() {
                    [(_, event)] => format!("RingBuf<{event}>"),
                    [] => {
                        let why = "no map declares the types of events: name the struct, with \
                                   `bpfmap layout --rust --type NAME`, and its Rust type is written";
                        return Err(Without::Words(why.into()));
                    }
                    _ => {
                        let why = "it may hold events of several types: `bpfmap::events!` makes one \
                                   of them";
                        return Err(Without::Words(why.into()));
                    }
                },
            },
            Shape::HashOfMaps => {
                let key = key(self)?;
                format!("HashOfMaps<{key}, {}>", self.inner(map)?)
            }
            Shape::ArrayOfMaps => format!("ArrayOfMaps<{}>", self.inner(map)?),
            Shape::Globals => {
                if let Some(id) = map.value.type_id()
                    && let Type::Section(section) = self.btf.peel(id)?.ty
                    && events::keeps_types_only(self.btf, section)?
                {
                    let why = "it has no variables but pointers that keep types in the BTF";
                    return Err(Without::Words(why.into()));
                }
                format!("Globals<{}>", value(self)?)
            }
        })
    }

    fn inner(&mut self, map: &Definition) -> Result<String, Without> {
        match &map.inner {
            Some(inner) => self.alias(inner),
            None => Err(Without::Words("the object does not say what the maps in it are".into())),
        }
    }

    fn not_empty(&self, ty: Ty, role: &str) -> Result<String, Without> {
        match ty.size {
            0 => Err(Without::Words(format!("its {role} has no bytes"))),
            _ => Ok(ty.text),
        }
    }

    /// The type of a key or a value.
    fn side(&mut self, side: Side, name: &str) -> Result<Ty, BtfError> {
        match side {
            Side::Nothing => Ok(Ty::bytes(0)),
            Side::Size(size) => Ok(Ty::bytes(size.into())),
            Side::Type(id) => self.side_of_type(id, name),
        }
    }

    fn side_of_type(&mut self, id: TypeId, name: &str) -> Result<Ty, BtfError> {
        let by_role = (id, self.key);
        if let Some(known) = self.roots.get(&by_role).or_else(|| self.roots.get(&(id, true))) {
            return Ok(known.clone());
        }
        let ty = match self.btf.peel(id)?.ty {
            Type::Section(section) => self.section(section)?,
            _ => self.root(id, name)?,
        };
        self.roots.insert(by_role, ty.clone());
        Ok(ty)
    }

    /// The key of a trie begins with the length of the prefix.
    fn key_of_trie(&mut self, key: String, map: &Definition) -> Result<String, Without> {
        if let Side::Size(size @ 5..) = map.key {
            let name = self.types.unique(camel(&format!("{}_key", map.name)));
            let field = |name: &str, ty| Field { name: name.into(), ty, c_name: None };
            let fields = vec![
                field("prefixlen", Ty::new("u32", 4)),
                field("data", Ty::bytes((size - 4).into())),
            ];
            let docs = vec![format!(
                "The key of `{}`, of which only the size is declared.",
                Printable(&map.name)
            )];
            let (key, tuple, item) = (true, false, name.clone());
            // Of another size than a multiple of 4 it has no room at its end.
            let packed = !size.is_multiple_of(4);
            self.items.push(Item::Struct(Struct { name: item, docs, key, packed, tuple, fields }));
            return Ok(name);
        }
        let begins = self.items.iter().any(|item| match item {
            Item::Struct(item) => {
                item.name == key && item.fields.len() > 1 && item.fields[0].ty.text == "u32"
            }
            Item::Enum(_) => false,
        });
        match begins {
            true => Ok(key),
            false => Err(Without::Words(
                "the key of an `LpmTrie` is a struct that begins with the length of the prefix"
                    .into(),
            )),
        }
    }
}
