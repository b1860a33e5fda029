//! Rust types for what BTF declares: structs with the derive, their pads, and
//! the typed maps. No I/O; what is written compiles, and passes the gate against
//! the same BTF.
//!
//! A struct in BTF is cut into `pieces`, each of which is a field: a member,
//! an integer of bitfields, or bytes. What Rust cannot express is opaque bytes
//! of that size, with a comment that says so.

mod enums;
mod events;
mod item;
mod maps;
mod names;
mod pieces;
mod structs;
mod types;
mod write;

use std::collections::{HashMap, HashSet};

use crate::btf::{Btf, BtfError, BtfKind, BtfType, TypeId};
use crate::map_type::MapType;
use crate::object::{Definition, MapDefinition, Object, Side};
use item::{Item, Ty};
use names::Names;

/// Writes Rust types for maps, and for types by name.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bytes = std::fs::read("../examples/bpf/flows.bpf.o")?;
/// use bpfmap::{Generator, Object};
///
/// let object = Object::parse(&bytes)?;
/// let mut generator = Generator::new(object.btf());
/// for map in object.maps() {
///     generator.map(map);
/// }
/// let generated = generator.finish();
/// assert_eq!(generated.maps()[0].target.as_deref(), Some("HashMap<FlowKey, FlowStats>"));
/// println!("{generated}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Generator<'a> {
    btf: &'a Btf<'a>,
    wanted: Vec<Definition>,
    event_names: Vec<(String, TypeId)>,
    /// The names of types that are in use.
    types: Names,
    items: Vec<Item>,
    /// How many members are written.
    fields: usize,
    /// What is written already, by the id of the struct or the enum.
    done: HashMap<TypeId, Ty>,
    /// The types of keys and values, and whether it is that of a key.
    roots: HashMap<(TypeId, bool), Ty>,
    /// The structs that are keys of tries.
    tries: HashSet<TypeId>,
    /// The names of events, and their Rust types.
    events: Vec<(String, String)>,
    /// The names of types that cannot be written, and why.
    problems: Vec<(String, String)>,
    /// Whether what is written now is in a key.
    key: bool,
    depth: usize,
}

/// Rust types, and what was made of which map. `Display` writes the source text
/// of a module; it needs no more than `bpfmap`.
#[derive(Clone, Debug)]
pub struct Generated {
    items: Vec<Item>,
    maps: Vec<GeneratedMap>,
    types: Vec<(String, String)>,
    problems: Vec<(String, String)>,
}

/// What was made of a map.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub struct GeneratedMap {
    /// The name of the map.
    pub name: String,
    /// Its type.
    pub map_type: MapType,
    /// The name of the alias of its typed map, `Flows`; `None` when there is no
    /// typed map.
    pub alias: Option<String>,
    /// The typed map, `HashMap<FlowKey, FlowStats>`.
    pub target: Option<String>,
    /// Whether the types are declared: a map that is declared by sizes opens as
    /// bytes, and with `OpenOptions::allow_sizes_only` alone.
    pub verifiable: bool,
    /// Why there is no typed map.
    pub problem: Option<String>,
    /// The types that its events may be of, by their names in the program.
    pub events: Vec<String>,
}

/// As `source`, its text, and `maps`, what was made of which.
#[cfg(feature = "serde")]
impl serde::Serialize for Generated {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("Generated", 2)?;
        fields.serialize_field("source", &self.to_string())?;
        fields.serialize_field("maps", &self.maps)?;
        fields.end()
    }
}

impl Generated {
    /// The maps, in the order in which they were asked for.
    pub fn maps(&self) -> &[GeneratedMap] {
        &self.maps
    }

    /// The types that were asked for by name, events among them, and what they
    /// are in Rust.
    pub fn types(&self) -> impl Iterator<Item = (&str, &str)> {
        self.types.iter().map(|(name, rust)| (&**name, &**rust))
    }
}

impl<'a> Generator<'a> {
    /// Writes types of that BTF.
    pub fn new(btf: &'a Btf<'a>) -> Self {
        Self {
            btf,
            wanted: Vec::new(),
            event_names: Vec::new(),
            types: Names::of_types(),
            items: Vec::new(),
            fields: 0,
            done: HashMap::new(),
            roots: HashMap::new(),
            tries: HashSet::new(),
            events: Vec::new(),
            problems: Vec::new(),
            key: false,
            depth: 0,
        }
    }

    /// Asks for a map of the object whose BTF it is.
    pub fn map(&mut self, map: MapDefinition<'_>) -> &mut Self {
        self.wanted.push(map.definition.clone());
        self
    }

    /// Asks for a map of the kernel, by its type and the types of its key and its
    /// value, which are of the same BTF.
    pub fn loaded_map(
        &mut self,
        name: &str,
        map_type: MapType,
        key: Option<BtfType<'_>>,
        value: Option<BtfType<'_>>,
    ) -> &mut Self {
        let side = |ty: Option<BtfType<'_>>| ty.map_or(Side::Nothing, |ty| Side::Type(ty.id()));
        let is_section = value.is_some_and(|ty| ty.kind() == Ok(BtfKind::Datasec));
        self.wanted.push(Definition {
            name: name.into(),
            map_type: map_type.as_raw(),
            key: side(key),
            value: side(value),
            is_section,
            ..Definition::default()
        });
        self
    }

    /// Asks for a type by its name: that of events, or any other.
    ///
    /// # Errors
    ///
    /// As for [`Btf::type_named`].
    pub fn named(&mut self, name: &str) -> Result<&mut Self, BtfError> {
        let id = self.btf.type_named(name)?.id();
        self.event_names.push((name.into(), id));
        Ok(self)
    }

    /// Asks for the types of events that the program keeps in its BTF, when a map
    /// that was asked for has events:
    /// `const struct event *unused_event __attribute__((unused));`.
    pub fn kept_events(&mut self) -> &mut Self {
        if self.wanted.iter().any(|map| events::has_events(MapType::from_raw(map.map_type))) {
            for name in events::kept(self.btf).unwrap_or_default() {
                let _ = self.named(&name);
            }
        }
        self
    }

    /// Writes what was asked for.
    ///
    /// It does not fail: what cannot be written is said in a comment, and in
    /// [`GeneratedMap::problem`].
    pub fn finish(mut self) -> Generated {
        let wanted = std::mem::take(&mut self.wanted);
        // A struct that is in a key and in a value is fit for a key.
        wanted.iter().for_each(|map| self.keys(map));
        for (name, id) in std::mem::take(&mut self.event_names) {
            self.event(&name, id);
        }
        let maps = wanted.iter().map(|map| self.one_map(map)).collect();
        let (items, types, problems) = (self.items, self.events, self.problems);
        Generated { items, maps, types, problems }
    }
}

impl Object<'_> {
    /// Rust types for all maps of the object, and for the events of its ring
    /// buffers so far as the program keeps their types in its BTF:
    /// `const struct event *unused_event __attribute__((unused));`.
    ///
    /// See [`Generator`] for some of them.
    pub fn generate(&self) -> Generated {
        let mut generator = Generator::new(self.btf());
        for map in self.maps() {
            generator.map(map);
        }
        generator.kept_events();
        generator.finish()
    }
}
