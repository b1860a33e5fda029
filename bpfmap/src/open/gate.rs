//! The order of the evidence: the kernel's BTF of the map, then the object's,
//! then, for those who asked for it, the sizes alone.

use std::sync::Arc;

use super::wanted::Wanted;
use super::{OpenOptions, kernel, verdict};
use crate::Error;
use crate::map_type::MapType;
use crate::object::{MapDefinition, Object};
use crate::sys::MapInfo;
use crate::verification::{BtfSource, MapLabel, Subject, Unverifiable, Verification};

/// A map in front of the gate.
pub(super) struct Gate<'a> {
    pub(super) options: &'a OpenOptions<'a>,
    pub(super) wanted: &'a Wanted,
    /// What the kernel says of the map.
    pub(super) info: &'a MapInfo,
    pub(super) label: &'a Arc<MapLabel>,
    /// The ids of the BTF of what was loaded together with the map.
    pub(super) beside: &'a dyn Fn() -> Vec<u32>,
}

impl Gate<'_> {
    pub(super) fn verify(&self) -> Result<Verification, Error> {
        let info = self.info;
        verdict::map_type(self.wanted, self.label, MapType::from_raw(info.map_type))?;
        let reason = match kernel::map_btf(self.label, info)? {
            Ok(btf) => {
                let source = BtfSource::KernelMap { btf_id: info.btf_id };
                let types = [info.btf_key_type_id, info.btf_value_type_id];
                let verified = verdict::key_and_value(self.wanted, self.label, &btf, source, types)
                    .map_err(|error| self.if_stale(error))?;
                return verdict::sizes(self.wanted, self.label, info).map(|()| verified);
            }
            Err(reason) => reason,
        };
        let reason = match self.options.object {
            None => reason,
            Some(object) => match self.against_object(object) {
                Err(Error::Unverifiable { reason, .. }) => reason,
                answer => return answer,
            },
        };
        let reason = match self.options.types {
            Some(names) if !matches!(reason, Unverifiable::NotPermitted { .. }) => {
                match self.by_name(names)? {
                    Ok(verified) => return Ok(verified),
                    Err(reason) => reason,
                }
            }
            _ => reason,
        };
        verdict::sizes(self.wanted, self.label, info)?;
        if self.options.allow_sizes_only {
            Ok(Verification::SizesOnly { reason })
        } else {
            Err(Error::Unverifiable { map: Arc::clone(self.label), reason })
        }
    }

    /// Compares with the types of these names, of the object or of what was
    /// loaded together with the map.
    fn by_name(&self, names: [&str; 2]) -> Result<Result<Verification, Unverifiable>, Error> {
        let read;
        let (btf, source) = match self.options.object {
            Some(object) => (object.btf(), BtfSource::Object),
            None => {
                let Some(&btf_id) = (self.beside)().first() else {
                    return Ok(Err(Unverifiable::NoBtf));
                };
                let source = BtfSource::Program { btf_id };
                match kernel::btf_by_id(self.label, btf_id, source)? {
                    Ok(btf) => read = btf,
                    Err(reason) => return Ok(Err(reason)),
                }
                (&read, source)
            }
        };
        let mut types = [0; 2];
        let sides = [self.wanted.key, self.wanted.value];
        for (id, (name, side)) in types.iter_mut().zip(names.into_iter().zip(sides)) {
            if side.is_some() {
                *id = verdict::named(btf, name).map_err(|error| Error::Btf {
                    subject: Subject::Map(MapLabel::clone(self.label)),
                    source_of_btf: source,
                    error,
                })?;
            }
        }
        let verified = verdict::key_and_value(self.wanted, self.label, btf, source, types)?;
        verdict::sizes(self.wanted, self.label, self.info).map(|()| Ok(verified))
    }

    /// Adds to a mismatch with the kernel's BTF that the object agrees: then it
    /// is the map that is out of date, and not the Rust type.
    fn if_stale(&self, error: Error) -> Error {
        match (error, self.options.object) {
            (Error::Mismatch(mismatches), Some(object)) => {
                let map = self.definition(object);
                let agrees =
                    map.and_then(|map| verdict::definition(self.wanted, object, map)).is_ok();
                let note = agrees.then_some(
                    "the object that was handed in agrees with the Rust types, so the map was made by \
                     another build of the program: remove its pin and load the program again",
                );
                Error::Mismatch(Box::new(mismatches.with_note(note)))
            }
            (error, _) => error,
        }
    }

    /// Compares with the object's BTF, after the kernel and the object were
    /// found to speak of the same map.
    fn against_object(&self, object: &Object<'_>) -> Result<Verification, Error> {
        let map = self.definition(object)?;
        if let (Some(key), Some(value)) = (map.key, map.value)
            && let Some(difference) = self.difference(object, map, [key, value])
        {
            return Err(Error::OtherObject { map: Arc::clone(self.label), difference });
        }
        let verified =
            verdict::definition(self.wanted, object, map).map_err(|error| match error {
                Error::Mismatch(mismatches) => {
                    Error::Mismatch(Box::new(mismatches.about((**self.label).clone())))
                }
                error => error,
            })?;
        verdict::sizes(self.wanted, self.label, self.info)?;
        Ok(verified)
    }

    /// What shows that the map was not made from the object's definition.
    fn difference(
        &self,
        object: &Object<'_>,
        map: &MapDefinition,
        types: [u32; 2],
    ) -> Option<String> {
        let info = self.info;
        let [declared, found] = [map.map_type, info.map_type].map(MapType::from_raw);
        if declared != found {
            return Some(format!("there it is of type {declared}, in the kernel of type {found}"));
        }
        // Loaders hand the object's ids to the kernel as they are.
        let in_kernel = [info.btf_key_type_id, info.btf_value_type_id];
        if in_kernel != [0, 0] && in_kernel != types {
            let ([key, value], [kernel_key, kernel_value]) = (types, in_kernel);
            return Some(format!(
                "there its key and value are types {key} and {value}, in the kernel {kernel_key} and \
                 {kernel_value}"
            ));
        }
        let beside = (self.beside)();
        if info.btf_id != 0 && !beside.is_empty() && !beside.contains(&info.btf_id) {
            return Some(format!(
                "it came to the kernel with BTF {}, the rest of the program with BTF {}, so it is an \
                 older map that was pinned; as CAP_SYS_ADMIN its own BTF could be read",
                info.btf_id, beside[0]
            ));
        }
        let sizes = types.map(|id| object.btf().size_of(id));
        match sizes {
            [Ok(key), Ok(value)]
                if [key, value] != [info.key_size.into(), info.value_size.into()] =>
            {
                Some(format!(
                    "there its key and value are {key} and {value} bytes, in the kernel {} and {}",
                    info.key_size, info.value_size
                ))
            }
            _ => None,
        }
    }

    /// The map in the object that the open map is.
    fn definition<'o>(&self, object: &'o Object<'_>) -> Result<&'o MapDefinition, Error> {
        if let Some(name) = self.options.name {
            return object.map(name).ok_or_else(|| object.unknown(name));
        }
        let name = &self.label.name;
        let found = object.map(name).or_else(|| object.map_by_kernel_name(&self.info.name));
        found.ok_or_else(|| match object.unknown(name) {
            Error::UnknownMap { name, known, .. } => {
                let place = "the object (`OpenOptions::name` says which of its maps is meant)";
                Error::UnknownMap { name, place, known }
            }
            other => other,
        })
    }
}
