//! `bpfmap layout`: where each member of a key or a value is, or the Rust types
//! that fit.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bpfmap::generate::Generated;
use bpfmap::{Btf, BtfTable, BtfType, Error, Generator, MapDefinition, MapType, Object};
use clap::Args;
use serde::Serialize;

use crate::Found;
use crate::output::Output;

/// A map of an object, or a type.
#[derive(Clone, Debug, Args)]
pub(crate) struct LayoutArgs {
    /// The object that the compiler of the BPF program wrote.
    #[arg(value_name = "OBJECT", required_unless_present = "kernel")]
    object: Option<PathBuf>,

    /// The maps that are meant, and not all of the object.
    #[arg(value_name = "MAP")]
    maps: Vec<String>,

    /// A type by its name, such as that of events; may be given several times.
    #[arg(long = "type", value_name = "NAME")]
    types: Vec<String>,

    /// Types of the running kernel, and not of an object.
    #[arg(long, requires = "types", conflicts_with = "object")]
    kernel: bool,

    /// Write Rust types that fit: structs with the derive, and the typed maps.
    #[arg(long)]
    rust: bool,
}

impl LayoutArgs {
    pub(crate) fn run(self, output: &mut Output) -> anyhow::Result<Found> {
        match &self.object {
            Some(path) => self.of_object(path, output)?,
            None => {
                let btf = Btf::vmlinux()?;
                match self.rust {
                    true => self.write_rust(&self.rust_types(&btf, &[])?, output)?,
                    false => self.write_types(&btf, false, output)?,
                }
            }
        }
        Ok(Found::Nothing)
    }

    fn of_object(&self, path: &Path, output: &mut Output) -> anyhow::Result<()> {
        let bytes = read(path)?;
        let object = Object::parse(&bytes).with_context(|| path.display().to_string())?;
        let maps = self.maps(&object).with_context(|| path.display().to_string())?;
        if self.rust {
            let generated = match maps.is_empty() && self.types.is_empty() {
                // With the types of events that it keeps.
                true => object.generate(),
                false => self.rust_types(object.btf(), &maps)?,
            };
            return self.write_rust(&generated, output);
        }
        let all: Vec<_> = match maps.is_empty() && self.types.is_empty() {
            true => object.maps().collect(),
            false => maps,
        };
        for (index, map) in all.iter().enumerate() {
            let table = Map::of(*map);
            if output.is_json() {
                output.json(&table)?;
            } else {
                if index > 0 {
                    writeln!(output)?;
                }
                table.write(output)?;
            }
        }
        self.write_types(object.btf(), !all.is_empty(), output)
    }

    /// The maps that are named.
    fn maps<'o>(&self, object: &'o Object<'_>) -> Result<Vec<MapDefinition<'o>>, Error> {
        let find = |name: &String| {
            object.map(name).ok_or_else(|| {
                let known = object.map_names().map(str::to_owned).collect();
                Error::UnknownMap { name: name.clone(), place: "the object", known }
            })
        };
        self.maps.iter().map(find).collect()
    }

    fn write_types(&self, btf: &Btf<'_>, more: bool, output: &mut Output) -> anyhow::Result<()> {
        for (index, name) in self.types.iter().enumerate() {
            let table = btf.type_named(name).and_then(|ty| ty.table())?;
            if output.is_json() {
                output.json(&Type { name, table })?;
                continue;
            }
            if more || index > 0 {
                writeln!(output)?;
            }
            write!(output, "{table}")?;
        }
        Ok(())
    }

    fn rust_types(&self, btf: &Btf<'_>, maps: &[MapDefinition<'_>]) -> anyhow::Result<Generated> {
        let mut generator = Generator::new(btf);
        for name in &self.types {
            generator.named(name)?;
        }
        for map in maps {
            generator.map(*map);
        }
        Ok(generator.finish())
    }

    fn write_rust(&self, generated: &Generated, output: &mut Output) -> anyhow::Result<()> {
        if output.is_json() {
            return output.json(generated);
        }
        Ok(write!(output, "{generated}")?)
    }
}

/// The bytes of a file that is named on the command line.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// A type that was asked for by name.
#[derive(Serialize)]
struct Type<'a> {
    name: &'a str,
    table: BtfTable,
}

/// A map, with the tables of its key and its value.
#[derive(Serialize)]
struct Map {
    name: String,
    map_type: MapType,
    max_entries: u32,
    key: Side,
    value: Side,
    inner: Option<Box<Self>>,
    #[serde(skip)]
    line: String,
}

/// A key or a value.
#[derive(Serialize)]
struct Side {
    size: Option<u64>,
    /// `None` when only the size is declared.
    table: Option<BtfTable>,
    /// Why there is no table of the type.
    problem: Option<String>,
    /// Whether nobody has to know of it.
    #[serde(skip)]
    is_index: bool,
}

impl Map {
    fn of(map: MapDefinition<'_>) -> Self {
        Self {
            name: map.name().into(),
            map_type: map.map_type(),
            max_entries: map.max_entries(),
            // Of a section it is no more than 0.
            key: match map.name().starts_with('.') {
                true => {
                    Side { size: map.key_size().ok(), table: None, problem: None, is_index: true }
                }
                false => Side::of(map.key(), map.key_size().ok()),
            },
            value: Side::of(map.value(), map.value_size().ok()),
            inner: map.inner().map(|inner| Box::new(Self::of(inner))),
            line: map.to_string(),
        }
    }

    fn write(&self, output: &mut Output) -> anyhow::Result<()> {
        writeln!(output, "{}", self.line)?;
        self.write_sides(output)
    }

    fn write_sides(&self, output: &mut Output) -> anyhow::Result<()> {
        self.key.write("key", output)?;
        match &self.inner {
            Some(inner) => {
                writeln!(output, "the maps in it:")?;
                inner.write_sides(output)
            }
            None => self.value.write("value", output),
        }
    }
}

impl Side {
    fn of(ty: Option<BtfType<'_>>, size: Option<u64>) -> Self {
        let (table, problem) = match ty.map(|ty| ty.table()) {
            Some(Ok(table)) => (Some(table), None),
            Some(Err(error)) => (None, Some(error.to_string())),
            None => (None, None),
        };
        Self { size, table, problem, is_index: false }
    }

    fn write(&self, role: &str, output: &mut Output) -> anyhow::Result<()> {
        if self.is_index {
            return Ok(());
        }
        match (&self.table, &self.problem, self.size) {
            (Some(table), ..) => write!(output, "{role}: {table}")?,
            (None, Some(problem), _) => writeln!(output, "{role}: {problem}")?,
            // There is none.
            (None, None, None | Some(0)) => {}
            (None, None, Some(1)) => writeln!(output, "{role}: 1 byte, without a type")?,
            (None, None, Some(size)) => writeln!(output, "{role}: {size} bytes, without a type")?,
        }
        Ok(())
    }
}
