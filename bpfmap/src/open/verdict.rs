//! The verdict on a map or a type, from tables and BTF alone.

use std::sync::Arc;

use super::shared::SharedBtf;
use super::wanted::Wanted;
use crate::Error;
use crate::btf::{Btf, BtfError, Type, TypeId};
use crate::compare::{Agreed, Mismatches, Note, Role, compare};
use crate::layout::{BpfLayout, BpfMapValue, Layout};
use crate::map_type::MapType;
use crate::maps::{Globals, TypedMap};
use crate::object::{Definition, MapDefinition, Object, Side};
use crate::sys::MapInfo;
use crate::verification::{BtfSource, MapLabel, Subject, Unverifiable, Verification};

/// A map that has passed.
pub(super) struct Passed {
    pub(super) verification: Verification,
    /// Where in the value the Rust type begins.
    pub(super) at: u64,
    /// What it was compared with, when that is the kernel's BTF of the map.
    pub(super) btf: Option<Arc<SharedBtf>>,
}

/// Compares what is wanted with the key and the value, two types of `btf`.
pub(super) fn key_and_value(
    wanted: &Wanted<'_>,
    map: &Arc<MapLabel>,
    btf: &Btf<'_>,
    source: BtfSource,
    [key, value]: [TypeId; 2],
    agreed: &mut Agreed,
) -> Result<Passed, Error> {
    let label = || MapLabel::clone(map);
    let subject = || match wanted.variable {
        Some(name) => Subject::Variable { name: name.into(), map: label() },
        None => Subject::Map(label()),
    };
    let unreadable =
        |error| Error::Btf { subject: Box::new(subject()), source_of_btf: source, error };
    let verified = |at| Passed { verification: Verification::Verified { source }, at, btf: None };
    if wanted.section {
        let is_one = matches!(btf.peel(value).map_err(unreadable)?.ty, Type::Section(_));
        is_section(wanted, map, is_one)?;
    }
    let (value_role, value, at) = match wanted.section {
        true => match section(btf, value, wanted.variable).map_err(unreadable)? {
            Part::All => (Role::Value, value, 0),
            Part::Variable { ty, at } => (Role::Variable, ty, at),
            Part::Unknown { known } => {
                let name = wanted.variable.unwrap_or_default().into();
                let map = Some(Arc::clone(map));
                return Err(Error::UnknownVariable { map, name, known });
            }
            Part::Several { offsets } => {
                let name = wanted.variable.unwrap_or_default().into();
                let places = offsets.iter().map(|at| format!("byte {at} of {map}")).collect();
                return Err(Error::AmbiguousVariable { name, places });
            }
        },
        false => (Role::Value, value, 0),
    };
    let sides = [(Role::Key, wanted.key, key), (value_role, wanted.value, value)];
    let compared = sides.map(|(role, layout, id)| match layout {
        Some(layout) => compare(role, layout, btf, id, agreed),
        None => Ok(None),
    });
    let mut types = Vec::new();
    for result in compared {
        types.extend(result.map_err(unreadable)?);
    }
    if types.is_empty() {
        return Ok(verified(at));
    }
    let mut fits = |role, layout, id| matches!(compare(role, layout, btf, id, agreed), Ok(None));
    let exchanged = wanted.key.is_some_and(|layout| fits(Role::Value, layout, value))
        && wanted.value.is_some_and(|layout| fits(Role::Key, layout, key));
    let note = exchanged.then_some(Note::Exchanged);
    let mismatches = Mismatches::new(subject(), source, types).with_note(note);
    Err(Error::Mismatch(Box::new(mismatches)))
}

/// Compares the types of events with those of their names.
pub(super) fn events(
    map: &Arc<MapLabel>,
    btf: &Btf<'_>,
    source: BtfSource,
    events: &[(&'static str, &'static Layout)],
    given: Option<&str>,
) -> Result<Passed, Error> {
    let mut types = Vec::new();
    for (name, layout) in events {
        let name = match (*name, given) {
            ("", Some(given)) => given,
            ("", None) => {
                let reason = Unverifiable::NoEventType;
                return Err(Error::Unverifiable { map: Arc::clone(map), reason });
            }
            (name, _) => name,
        };
        let compared = btf.type_named(name).and_then(|found| {
            compare(Role::Event, layout, btf, found.id(), &mut Agreed::default())
        });
        types.extend(compared.map_err(|error| Error::Btf {
            subject: Box::new(Subject::Map(MapLabel::clone(map))),
            source_of_btf: source,
            error,
        })?);
    }
    if types.is_empty() {
        let verification = Verification::Verified { source };
        return Ok(Passed { verification, at: 0, btf: None });
    }
    let subject = Subject::Map(MapLabel::clone(map));
    Err(Error::Mismatch(Box::new(Mismatches::new(subject, source, types))))
}

/// What is meant of a section.
enum Part {
    All,
    /// One variable: its type, and its offset.
    Variable {
        ty: TypeId,
        at: u64,
    },
    /// There is no variable of that name, but these.
    Unknown {
        known: Vec<String>,
    },
    /// There is more than one: static ones of several source files.
    Several {
        offsets: Vec<u64>,
    },
}

/// How many variables are listed, when there is none of a name.
const MAX_LISTED: usize = 64;

fn section(btf: &Btf<'_>, id: TypeId, variable: Option<&str>) -> Result<Part, BtfError> {
    let (Some(name), Type::Section(section)) = (variable, btf.peel(id)?.ty) else {
        return Ok(Part::All);
    };
    let mut found = Vec::new();
    for variable in section.variables() {
        let own = btf.type_by_id(variable.target)?.name();
        if own.is_some_and(|own| btf.is_named(own, name)) && found.len() < MAX_LISTED {
            found.push(variable);
        }
    }
    Ok(match found.as_slice() {
        [only] => Part::Variable { ty: only.target, at: only.offset.into() },
        [] => {
            let named = section.variables().take(MAX_LISTED).map(|variable| {
                let name = btf.type_by_id(variable.target)?.name();
                name.map_or(Ok(String::new()), |name| Ok(btf.string(name)?.into_owned()))
            });
            Part::Unknown { known: named.collect::<Result<_, BtfError>>()? }
        }
        several => {
            let mut offsets: Vec<_> = several.iter().map(|one| one.offset.into()).collect();
            offsets.sort_unstable();
            Part::Several { offsets }
        }
    })
}

/// Compares what is wanted with a map as an object declares it.
pub(super) fn definition(
    wanted: &Wanted<'_>,
    label: &Arc<MapLabel>,
    btf: &Btf<'_>,
    source: BtfSource,
    map: &Definition,
) -> Result<Passed, Error> {
    map_type(wanted, label, MapType::from_raw(map.map_type))?;
    is_section(wanted, label, map.is_section)?;
    if let Some(types) = wanted.events {
        return events(label, btf, source, types, None);
    }
    // A type that nobody asks for need not be declared.
    let side = |wanted: Option<&Layout>, declared: Side| match wanted {
        Some(_) => declared.type_id(),
        None => Some(0),
    };
    let (key, value) = (side(wanted.key, map.key), side(wanted.value, map.value));
    let (Some(key), Some(value)) = (key, value) else {
        let reason = Unverifiable::SizesInObject;
        return Err(Error::Unverifiable { map: Arc::clone(label), reason });
    };
    if let Some(inner) = wanted.inner {
        let Some(map) = &map.inner else {
            let reason = Unverifiable::NoInnerMap;
            return Err(Error::Unverifiable { map: Arc::clone(label), reason });
        };
        definition(&inner(), &declared(map), btf, source, map)?;
    }
    key_and_value(wanted, label, btf, source, [key, value], &mut Agreed::default())
}

/// The same with nothing but the object.
fn on_object(wanted: &Wanted<'_>, btf: &Btf<'_>, map: &Definition) -> Result<Passed, Error> {
    definition(wanted, &declared(map), btf, BtfSource::Object, map)
}

/// The label of a map of which only the declaration is known.
fn declared(map: &Definition) -> Arc<MapLabel> {
    Arc::new(MapLabel { name: map.name.clone(), ..MapLabel::default() })
}

/// Refuses an array that is no section of global variables.
pub(super) fn is_section(
    wanted: &Wanted<'_>,
    map: &Arc<MapLabel>,
    is_section: bool,
) -> Result<(), Error> {
    match wanted.section && !is_section {
        true => Err(Error::NotASection { map: Arc::clone(map) }),
        false => Ok(()),
    }
}

/// Refuses a map of a type that does not work as wanted.
pub(super) fn map_type(
    wanted: &Wanted<'_>,
    map: &Arc<MapLabel>,
    found: MapType,
) -> Result<(), Error> {
    if wanted.map_types.contains(&found) {
        return Ok(());
    }
    let (wrapper, accepted) = (wanted.name, wanted.map_types);
    Err(Error::MapType { map: Arc::clone(map), found, wrapper, accepted })
}

/// Refuses types of another size than the kernel's; `at` is where in the value
/// the Rust type begins.
pub(super) fn sizes(
    wanted: &Wanted<'_>,
    map: &Arc<MapLabel>,
    info: &MapInfo,
    at: u64,
) -> Result<(), Error> {
    let sides =
        [(Role::Key, wanted.key, info.key_size), (Role::Value, wanted.value, info.value_size)];
    for (role, layout, kernel) in sides {
        let Some(rust) = layout else { continue };
        let (size, kernel_size) = (rust.size() as u64, u64::from(kernel));
        let fits = match (role, wanted.variable) {
            (Role::Value, Some(_)) => at.checked_add(size).is_some_and(|end| end <= kernel_size),
            _ => size == kernel_size,
        };
        if !fits {
            return Err(Error::Size { map: Arc::clone(map), role, rust, kernel });
        }
    }
    Ok(())
}

impl Object<'_> {
    /// Checks that the map `name`, as the object declares it, is of the type
    /// and has the key and the value of `M`. Needs no kernel.
    ///
    /// # Errors
    ///
    /// - [`Error::UnknownMap`] when the object declares no such map;
    /// - [`Error::MapType`] when it is of another type;
    /// - [`Error::Mismatch`] when a field differs;
    /// - [`Error::Unverifiable`] when the object declares sizes in place of
    ///   types;
    /// - [`Error::Btf`] when the BTF only declares a type of it, or is
    ///   malformed.
    pub fn check<M: TypedMap>(&self, name: &str) -> Result<Verification, Error> {
        let map = self.definition(name).ok_or_else(|| self.unknown(name))?;
        let passed = on_object(&Wanted::of::<M>(None), self.btf(), map)?;
        Ok(passed.verification)
    }

    /// Checks that the global variable `name` is a `T`. Needs no kernel.
    ///
    /// It may be in any section; the extern ones, which the object only refers
    /// to, are not found.
    ///
    /// # Errors
    ///
    /// - [`Error::UnknownVariable`] when the object has no such variable;
    /// - [`Error::Mismatch`] when a field differs;
    /// - [`Error::Btf`] when the BTF only declares a type of it, or is
    ///   malformed.
    pub fn check_variable<T: BpfMapValue>(&self, name: &str) -> Result<(), Error> {
        let wanted = Wanted::of::<Globals<T>>(Some(name));
        let (mut known, mut places, mut found) = (Vec::new(), Vec::new(), None);
        for map in self.maps().map(|map| map.definition).filter(|map| map.is_section) {
            match on_object(&wanted, self.btf(), map) {
                Err(Error::UnknownVariable { known: here, .. }) => {
                    let left = MAX_LISTED.saturating_sub(known.len());
                    known.extend(here.into_iter().take(left));
                }
                Err(Error::AmbiguousVariable { places: here, .. }) => places.extend(here),
                answer => {
                    places.push(format!("map `{}`", map.name.escape_debug()));
                    found = Some(answer);
                }
            }
        }
        let name = name.into();
        match (found, places.len()) {
            (Some(answer), 1) => answer.map(drop),
            (None, 0) => Err(Error::UnknownVariable { map: None, name, known }),
            _ => Err(Error::AmbiguousVariable { name, places }),
        }
    }
}

impl Object<'_> {
    pub(super) fn unknown(&self, name: &str) -> Error {
        let known = self.map_names().map(str::to_owned).collect();
        Error::UnknownMap { name: name.into(), place: "the object", known }
    }
}

impl MapDefinition<'_> {
    /// Checks that the map is of the type and has the key and the value of `M`,
    /// as [`Object::check`] does; for the maps in a map of maps.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bytes = std::fs::read("../tests/bpf/declared.bpf.o")?;
    /// use bpfmap::{HashMap, Object};
    ///
    /// let object = Object::parse(&bytes)?;
    /// let inner = object.map("tenants").and_then(|map| map.inner()).ok_or("no inner map")?;
    /// inner.check::<HashMap<u32, u64>>()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Object::check`].
    pub fn check<M: TypedMap>(&self) -> Result<Verification, Error> {
        let wanted = Wanted::of::<M>(None);
        let map = self.definition;
        Ok(on_object(&wanted, self.btf, map)?.verification)
    }
}

impl Btf<'_> {
    /// Checks that `T` has the fields of the type `name`: a struct, a union, an
    /// enum, a typedef or a number.
    ///
    /// For what no map declares: events in a ring buffer, structs of the
    /// kernel.
    ///
    /// # Errors
    ///
    /// - [`Error::Mismatch`] when a field differs;
    /// - [`Error::Btf`] when there is no type of that name, when it is only
    ///   declared, or when the BTF is malformed.
    pub fn check<T: BpfLayout>(&self, name: &str) -> Result<(), Error> {
        self.check_layout(T::LAYOUT, name)
    }

    /// As [`check`](Self::check), for a layout that no type has: what a
    /// generator of tests makes. Not part of the API.
    ///
    /// # Errors
    ///
    /// As for [`check`](Self::check).
    #[doc(hidden)]
    pub fn check_layout(&self, layout: &'static Layout, name: &str) -> Result<(), Error> {
        let subject = || Subject::Type(name.into());
        let source = self.source();
        let error =
            |error| Error::Btf { subject: Box::new(subject()), source_of_btf: source, error };
        let id = self.type_named(name).map_err(error)?.id();
        match compare(Role::Type, layout, self, id, &mut Agreed::default()).map_err(error)? {
            None => Ok(()),
            Some(types) => {
                let mismatches = Mismatches::new(subject(), source, vec![types]);
                Err(Error::Mismatch(Box::new(mismatches)))
            }
        }
    }
}
