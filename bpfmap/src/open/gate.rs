//! The order of the evidence: the kernel's BTF of the map, then that of the
//! program around it, then the object's, then, for those who asked for it, the
//! sizes alone.

use std::sync::Arc;

use super::format::of_other_machines;
use super::verdict::Passed;
use super::wanted::Wanted;
use super::{Beside, OpenOptions, kernel, verdict};
use crate::Error;
use crate::btf::Btf;
use crate::compare::{Agreed, Note};
use crate::layout::Layout;
use crate::map_type::MapType;
use crate::object::{Definition, Object, Side, declared_in};
use crate::sys::MapInfo;
use crate::verification::{BtfSource, MapLabel, Subject, Unverifiable, Verification};

/// A map in front of the gate.
pub(super) struct Gate<'a> {
    pub(super) options: &'a OpenOptions<'a>,
    pub(super) wanted: &'a Wanted<'a>,
    /// What the kernel says of the map.
    pub(super) info: &'a MapInfo,
    pub(super) label: &'a Arc<MapLabel>,
    /// The BTF of what was loaded together with the map, for one of a loader.
    pub(super) beside: Option<&'a dyn Fn() -> Beside>,
}

/// The BTF of what was loaded together with a map, where it is to be had.
type Program = Option<(Btf<'static>, BtfSource)>;

impl Gate<'_> {
    pub(super) fn verify(&self) -> Result<Passed, Error> {
        let info = self.info;
        verdict::map_type(self.wanted, self.label, MapType::from_raw(info.map_type))?;
        // Loaders put the name of a section, with its dot, into that of its map.
        let is_section = info.name.contains('.') && info.max_entries == 1;
        verdict::is_section(self.wanted, self.label, is_section)?;
        let compared = self.compare()?;
        let at = compared.as_ref().map_or(0, |passed| passed.at);
        verdict::sizes(self.wanted, self.label, info, at)?;
        compared.or_else(|reason| {
            // Without BTF nobody knows where in its section a variable is.
            if self.options.allow_sizes_only && self.wanted.variable.is_none() {
                let verification = Verification::SizesOnly { reason };
                return Ok(Passed { verification, at, btf: None });
            }
            let reason = match self.options.allow_sizes_only {
                true => Unverifiable::NoPlaceOfVariable,
                false => reason,
            };
            Err(Error::Unverifiable { map: Arc::clone(self.label), reason })
        })
    }

    /// Compares with the first evidence that is to be had.
    fn compare(&self) -> Result<Result<Passed, Unverifiable>, Error> {
        if let Some(events) = self.wanted.events {
            return or_reason(self.events(events));
        }
        let reason = match or_reason(self.against_kernel())? {
            // The rest of the load is not to be read either.
            Err(reason @ Unverifiable::NotPermitted { .. }) => {
                return self.after(reason, |gate| gate.against_given_object());
            }
            Err(reason) => reason,
            passed => return Ok(passed),
        };
        let program = self.program()?;
        let answer = self.after(reason, |gate| gate.against_program(&program))?;
        let answer = match answer {
            Err(reason) => self.after(reason, |gate| gate.against_given_object())?,
            passed => passed,
        };
        match (answer, self.options.types) {
            (Err(_), Some(names)) => or_reason(self.by_name(&program, names)),
            (answer, _) => Ok(answer),
        }
    }

    /// Goes on to other evidence, whose reason for having none counts when it has
    /// one.
    fn after(
        &self,
        reason: Unverifiable,
        compare: impl FnOnce(&Self) -> Result<Option<Passed>, Error>,
    ) -> Result<Result<Passed, Unverifiable>, Error> {
        match compare(self) {
            Ok(passed) => Ok(passed.ok_or(reason)),
            Err(Error::Unverifiable { reason, .. }) => Ok(Err(reason)),
            Err(error) => Err(error),
        }
    }

    /// Compares with the BTF that the kernel keeps for the map.
    fn against_kernel(&self) -> Result<Passed, Error> {
        let info = self.info;
        let btf = kernel::map_btf(self.label, info)?;
        let source = BtfSource::KernelMap { btf_id: info.btf_id };
        let types = [info.btf_key_type_id, info.btf_value_type_id];
        let compare = |agreed: &mut _| {
            verdict::key_and_value(self.wanted, self.label, &btf.btf, source, types, agreed)
        };
        let passed = btf.agreed(compare).map_err(|error| self.if_stale(error))?;
        Ok(Passed { btf: Some(btf), ..passed })
    }

    fn beside(&self) -> Beside {
        self.beside.map_or_else(Beside::default, |beside| beside())
    }

    /// The BTF of what was loaded together with the map; `None` when nothing was,
    /// or this process may not read it.
    fn program(&self) -> Result<Program, Error> {
        let Some(btf_id) = self.beside().btf_id() else { return Ok(None) };
        let source = BtfSource::Program { btf_id };
        match kernel::btf_by_id(self.label, btf_id, source) {
            Ok(btf) => Ok(Some((btf, source))),
            Err(Error::Unverifiable { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Compares with how the program around the map declares it. The kernel keeps
    /// that also for maps that have no BTF of their own: queues, and the sections
    /// that aya loads.
    fn against_program(&self, program: &Program) -> Result<Option<Passed>, Error> {
        let Some((btf, source)) = program else { return Ok(None) };
        let Some(map) = declared_in(btf, &self.label.name) else { return Ok(None) };
        match verdict::definition(self.wanted, self.label, btf, *source, &map) {
            Err(Error::Unverifiable { .. }) => Ok(None),
            answer => answer.map(Some).map_err(|error| self.if_stale(error)),
        }
    }

    /// Compares with the types of these names, of what was loaded together with
    /// the map or of the object.
    fn by_name(&self, program: &Program, names: [&str; 2]) -> Result<Passed, Error> {
        let (btf, source) = self.types_of(program)?;
        let mut types = [0; 2];
        let sides = [self.wanted.key, self.wanted.value];
        for (id, (name, side)) in types.iter_mut().zip(names.into_iter().zip(sides)) {
            if side.is_some() {
                let found = btf.type_named(name).map_err(|error| Error::Btf {
                    subject: Box::new(Subject::Map(MapLabel::clone(self.label))),
                    source_of_btf: source,
                    error,
                });
                *id = found?.id();
            }
        }
        verdict::key_and_value(self.wanted, self.label, btf, source, types, &mut Agreed::default())
    }

    /// Compares events with the types of their names, of what was loaded together
    /// with the map or of the object.
    fn events(&self, events: &[(&'static str, &'static Layout)]) -> Result<Passed, Error> {
        let program = self.program()?;
        let (btf, source) = self.types_of(&program)?;
        verdict::events(self.label, btf, source, events, self.options.event)
    }

    /// Where types are looked up by their names. What was loaded is not an older
    /// build, as an object may be.
    fn types_of<'b>(&'b self, program: &'b Program) -> Result<(&'b Btf<'b>, BtfSource), Error> {
        match (program, self.options.object) {
            (Some((btf, source)), _) => Ok((btf, *source)),
            (None, Some(object)) => match of_other_machines(object) {
                Some(difference) => {
                    Err(Error::OtherObject { map: Arc::clone(self.label), difference })
                }
                None => Ok((object.btf(), BtfSource::Object)),
            },
            (None, None) => {
                let map_type = MapType::from_raw(self.info.map_type);
                let reason = match self.beside().btf_id() {
                    Some(btf_id) => Unverifiable::ProgramNotPermitted { btf_id },
                    None if map_type.takes_btf() => Unverifiable::NoBtf,
                    None => Unverifiable::NoBtfForType { map_type },
                };
                Err(kernel::unverifiable(self.label, reason))
            }
        }
    }

    /// Adds to a mismatch with what is in the kernel that the object agrees: then
    /// it is the map that is out of date, and not the Rust type.
    fn if_stale(&self, error: Error) -> Error {
        match (error, self.options.object) {
            (Error::Mismatch(mismatches), Some(object)) => {
                let (btf, source) = (object.btf(), BtfSource::Object);
                let agrees = self
                    .definition(object)
                    .and_then(|map| verdict::definition(self.wanted, self.label, btf, source, map));
                let agrees = agrees.is_ok();
                let note = agrees.then_some(Note::OtherBuild);
                Error::Mismatch(Box::new(mismatches.with_note(note)))
            }
            (error, _) => error,
        }
    }

    /// Compares with the object's BTF, after the kernel and the object were
    /// found to speak of the same map.
    fn against_given_object(&self) -> Result<Option<Passed>, Error> {
        let Some(object) = self.options.object else { return Ok(None) };
        let map = self.definition(object)?;
        if let Some(difference) = self.difference(object, map) {
            return Err(Error::OtherObject { map: Arc::clone(self.label), difference });
        }
        verdict::definition(self.wanted, self.label, object.btf(), BtfSource::Object, map).map(Some)
    }

    /// What shows that the map was not made from the object's definition.
    fn difference(&self, object: &Object<'_>, map: &Definition) -> Option<String> {
        if let Some(difference) = of_other_machines(object) {
            return Some(difference);
        }
        let info = self.info;
        let [declared, found] = [map.map_type, info.map_type].map(MapType::from_raw);
        if declared != found {
            return Some(format!("there it is of type {declared}, in the kernel of type {found}"));
        }
        let types = [map.key, map.value].map(|side| side.type_id().unwrap_or(0));
        if types == [0, 0] {
            return None;
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
        let beside = self.beside();
        match (info.btf_id, beside.btf_id()) {
            (0, _) => {}
            (own, Some(rest)) if own != rest => {
                return Some(format!(
                    "it came to the kernel with BTF {own}, the rest of the program with BTF {rest}, so \
                     it is an older map that was pinned; as CAP_SYS_ADMIN its own BTF could be read"
                ));
            }
            (_, None) if !beside.maps.is_empty() => {
                return Some(
                    "the maps of its loader came to the kernel with different BTF, so some are older \
                     ones that were pinned, and maybe this one; load the programs first, whose BTF tells \
                     them apart"
                        .into(),
                );
            }
            _ => {}
        }
        let size = |side, kernel| match side {
            Side::Nothing => kernel,
            Side::Size(size) => size.into(),
            // What is wrong with the type is said by the comparison.
            Side::Type(id) => object.btf().size_of(id).unwrap_or(kernel),
        };
        let kernel = [info.key_size.into(), info.value_size.into()];
        let [key, value] = [size(map.key, kernel[0]), size(map.value, kernel[1])];
        ([key, value] != kernel).then(|| {
            format!(
                "there its key and value are {key} and {value} bytes, in the kernel {} and {}",
                info.key_size, info.value_size
            )
        })
    }

    /// The map in the object that the open map is.
    fn definition<'o>(&self, object: &'o Object<'_>) -> Result<&'o Definition, Error> {
        if let Some(name) = self.options.name {
            return object.definition(name).ok_or_else(|| object.unknown(name));
        }
        let name = &self.label.name;
        if self.beside.is_some()
            && let Some(found) = object.definition(name)
        {
            return Ok(found);
        }
        // The kernel's name tells more than that of a pin, but for what it has
        // cut off.
        let mut found = object.definitions_by_kernel_name(&self.info.name);
        if found.len() > 1 {
            let pinned_as =
                |map: &&Definition| map.name == *name || map.name.replace('.', "_") == *name;
            let in_kernel = [self.info.btf_key_type_id, self.info.btf_value_type_id];
            let has_types = |map: &&Definition| {
                let types = [map.key, map.value].map(|side| side.type_id().unwrap_or(0));
                in_kernel != [0, 0] && types == in_kernel
            };
            let narrowed = match found.iter().copied().filter(has_types).collect::<Vec<_>>() {
                by_types if !by_types.is_empty() => by_types,
                _ => found.clone(),
            };
            found = match narrowed.len() {
                1 => narrowed,
                _ if self.label.pin.is_some() => narrowed.into_iter().filter(pinned_as).collect(),
                _ => narrowed,
            };
        }
        let place = "the object (`OpenOptions::name` says which of its maps is meant)";
        match found.as_slice() {
            [only] => Ok(only),
            [] => Err(match object.unknown(name) {
                Error::UnknownMap { name, known, .. } => Error::UnknownMap { name, place, known },
                other => other,
            }),
            several => Err(Error::UnknownMap {
                name: name.clone(),
                place: "the object for certain, as the kernel has cut its name off \
                        (`OpenOptions::name` says which of its maps is meant)",
                known: several.iter().map(|map| map.name.clone()).collect(),
            }),
        }
    }
}

/// Makes the reason why nothing could be compared an answer.
fn or_reason(answer: Result<Passed, Error>) -> Result<Result<Passed, Unverifiable>, Error> {
    match answer {
        Ok(passed) => Ok(Ok(passed)),
        Err(Error::Unverifiable { reason, .. }) => Ok(Err(reason)),
        Err(error) => Err(error),
    }
}
