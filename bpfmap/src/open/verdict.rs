//! The verdict on a map or a type, from tables and BTF alone.

use std::sync::Arc;

use super::wanted::Wanted;
use crate::Error;
use crate::btf::{Btf, BtfError, Type, TypeId};
use crate::compare::{Mismatches, Role, compare};
use crate::layout::{BpfLayout, Layout};
use crate::map_type::MapType;
use crate::maps::TypedMap;
use crate::object::{MapDefinition, Object};
use crate::sys::MapInfo;
use crate::verification::{BtfSource, MapLabel, Subject, Unverifiable, Verification};

/// Compares what is wanted with the key and the value, two types of `btf`.
pub(super) fn key_and_value(
    wanted: &Wanted,
    map: &Arc<MapLabel>,
    btf: &Btf<'_>,
    source: BtfSource,
    [key, value]: [TypeId; 2],
) -> Result<Verification, Error> {
    let subject = || Subject::Map(MapLabel::clone(map));
    let sides = [(Role::Key, wanted.key, key), (Role::Value, wanted.value, value)];
    let compared = sides.map(|(role, layout, id)| match layout {
        Some(layout) => compare(role, layout, btf, id),
        None => Ok(None),
    });
    let mut types = Vec::new();
    for result in compared {
        types.extend(result.map_err(|error| Error::Btf {
            subject: subject(),
            source_of_btf: source,
            error,
        })?);
    }
    if types.is_empty() {
        return Ok(Verification::Verified { source });
    }
    let fits = |role, layout, id| matches!(compare(role, layout, btf, id), Ok(None));
    let exchanged = wanted.key.is_some_and(|layout| fits(Role::Value, layout, value))
        && wanted.value.is_some_and(|layout| fits(Role::Key, layout, key));
    let note = exchanged.then_some("the other way round they fit: key and value are exchanged");
    let mismatches = Mismatches::new(subject(), source, types).with_note(note);
    Err(Error::Mismatch(Box::new(mismatches)))
}

/// Compares what is wanted with a map as an object declares it.
pub(super) fn definition(
    wanted: &Wanted,
    object: &Object<'_>,
    map: &MapDefinition,
) -> Result<Verification, Error> {
    let label = Arc::new(MapLabel { name: map.name.clone(), ..MapLabel::default() });
    map_type(wanted, &label, MapType::from_raw(map.map_type))?;
    // A type that nobody asks for need not be declared.
    let side =
        |wanted: Option<&Layout>, declared| if wanted.is_some() { declared } else { Some(0) };
    let (key, value) = (side(wanted.key, map.key), side(wanted.value, map.value));
    let (Some(key), Some(value)) = (key, value) else {
        return Err(Error::Unverifiable { map: label, reason: Unverifiable::SizesInObject });
    };
    key_and_value(wanted, &label, object.btf(), BtfSource::Object, [key, value])
}

/// Refuses a map of a type that does not work as wanted.
pub(super) fn map_type(wanted: &Wanted, map: &Arc<MapLabel>, found: MapType) -> Result<(), Error> {
    if wanted.map_types.contains(&found) {
        return Ok(());
    }
    let (wrapper, accepted) = (wanted.name, wanted.map_types);
    Err(Error::MapType { map: Arc::clone(map), found, wrapper, accepted })
}

/// Refuses types of another size than the kernel's.
pub(super) fn sizes(wanted: &Wanted, map: &Arc<MapLabel>, info: &MapInfo) -> Result<(), Error> {
    let sides =
        [(Role::Key, wanted.key, info.key_size), (Role::Value, wanted.value, info.value_size)];
    for (role, layout, kernel) in sides {
        if let Some(rust) = layout
            && rust.size() as u64 != u64::from(kernel)
        {
            return Err(Error::Size { map: Arc::clone(map), role, rust, kernel });
        }
    }
    Ok(())
}

/// The type of data that has a name.
pub(super) fn named(btf: &Btf<'_>, name: &str) -> Result<TypeId, BtfError> {
    let is_data = |ty: &Type<'_>| {
        matches!(ty, Type::Composite(_) | Type::Typedef { .. } | Type::Enum { .. } | Type::Int(_))
    };
    if let Some(id) = btf.find(name, is_data)? {
        return Ok(id);
    }
    let is_forward = |ty: &Type<'_>| matches!(ty, Type::Forward { .. });
    let declared = btf.find(name, is_forward)?.is_some();
    let name = name.into();
    Err(if declared { BtfError::Incomplete { name } } else { BtfError::NoSuchType { name } })
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
        let map = self.map(name).ok_or_else(|| self.unknown(name))?;
        definition(&Wanted::of::<M>(), self, map)
    }

    pub(super) fn unknown(&self, name: &str) -> Error {
        let known = self.map_names().map(str::to_owned).collect();
        Error::UnknownMap { name: name.into(), place: "the object", known }
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
        let error = |error| Error::Btf { subject: subject(), source_of_btf: source, error };
        let id = named(self, name).map_err(error)?;
        match compare(Role::Type, layout, self, id).map_err(error)? {
            None => Ok(()),
            Some(types) => {
                let mismatches = Mismatches::new(subject(), source, vec![types]);
                Err(Error::Mismatch(Box::new(mismatches)))
            }
        }
    }
}
