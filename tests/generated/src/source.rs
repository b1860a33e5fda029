//! The calls of the gate, as Rust source.

use std::fmt::{self, Display, Formatter, Write};

use bpfmap::generate::Generated;
use bpfmap::{Generator, Object};

/// What was written, and of what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Objects with BTF.
    pub objects: usize,
    /// Maps that are declared with all that their typed map needs: each passes
    /// the gate.
    pub verified: usize,
    /// Maps that are declared by sizes: each compiles, and the gate says so.
    pub by_sizes: usize,
    /// Maps for which there is no typed map.
    pub without: usize,
    /// Types that were asked for by name: each passes the gate.
    pub types: usize,
}

impl Figures {
    pub(crate) fn add(&mut self, other: Self) {
        self.objects += other.objects;
        self.verified += other.verified;
        self.by_sizes += other.by_sizes;
        self.without += other.without;
        self.types += other.types;
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { objects, verified, by_sizes, without, types } = self;
        write!(
            f,
            "{objects} objects: {verified} maps that must pass, {by_sizes} declared by sizes, {without} \
             without a typed map, {types} types"
        )
    }
}

/// A module with all that is written for an object, or for the types that are
/// named alone, and the body of a function that checks it against `object`.
pub(crate) fn of_object(object: &Object<'_>, types: &[String]) -> (Generated, String, Figures) {
    let generated = match types {
        [] => object.generate(),
        types => {
            let mut generator = Generator::new(object.btf());
            for name in types {
                // What is not there is not written, and so not checked.
                let _ = generator.named(name);
            }
            generator.finish()
        }
    };
    let (mut body, mut figures) = (String::new(), Figures { objects: 1, ..Figures::default() });
    for map in generated.maps() {
        let name = &map.name;
        let Some(alias) = &map.alias else {
            figures.without += 1;
            let why = map.problem.as_deref().unwrap_or_default();
            let _ = writeln!(body, "    without({name:?}, \"{}\", {why:?});", map.map_type);
            continue;
        };
        match (map.verifiable, map.events.as_slice()) {
            // The map does not say which it is; the types are below.
            (true, [_, ..]) => {
                figures.verified += 1;
                let _ = writeln!(body, "    event::<types::{alias}>(&object, {name:?});");
            }
            (true, []) => {
                figures.verified += 1;
                let _ = writeln!(body, "    passes::<types::{alias}>(&object, {name:?});");
            }
            (false, _) => {
                figures.by_sizes += 1;
                let _ = writeln!(body, "    by_sizes::<types::{alias}>(&object, {name:?});");
            }
        }
    }
    for (name, ty) in generated.types() {
        figures.types += 1;
        // What is no name of a type of the module is one of bpfmap or Rust.
        let _ = writeln!(body, "    named!({name:?}, {ty});");
    }
    (generated, body, figures)
}
