//! `bpfmap layout`: where each member of a key or a value is, or the Rust types
//! that fit.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bpfmap::generate::Generated;
use bpfmap::watch::WatchedMap;
use bpfmap::{
    AnyMap, Btf, BtfKind, BtfSource, BtfTable, BtfType, Error, Generator, MapDefinition, MapType,
    MapTypes, Object,
};
use clap::Args;
use serde::Serialize;

use crate::Found;
use crate::file::read;
use crate::output::Output;
use crate::select::Selected;

/// A map of an object or of the kernel, or a type.
#[derive(Clone, Debug, Args)]
pub(crate) struct LayoutArgs {
    /// The object that the compiler of the BPF program wrote; `-` is standard input.
    #[arg(value_name = "OBJECT", required_unless_present_any = ["kernel", "map", "id", "pin"])]
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

    /// The map of that name in the kernel, by the BTF that the kernel has of it, or else of
    /// a program that uses it; its id or its pin's path does as well.
    #[arg(long, value_name = "MAP", conflicts_with_all = ["object", "types", "kernel"])]
    map: Option<String>,

    /// The map of that id in the kernel.
    #[arg(long, value_name = "ID", conflicts_with_all = ["object", "types", "kernel", "map"])]
    id: Option<u32>,

    /// The map that is pinned there.
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with_all = ["object", "types", "kernel", "map", "id"]
    )]
    pin: Option<PathBuf>,

    /// Write Rust types that fit: structs with the derive, and the typed maps.
    #[arg(long)]
    rust: bool,
}

impl LayoutArgs {
    pub(crate) fn run(self, output: &mut Output) -> anyhow::Result<Found> {
        let in_kernel = Selected::of(self.map.as_deref(), self.id, self.pin.as_ref());
        match (&self.object, in_kernel) {
            (Some(path), _) => self.of_object(path, output)?,
            (None, Some(map)) => self.of_kernel_map(&map.open()?, output)?,
            (None, None) => {
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
        let bytes = read(path).map_err(|error| match path.components().count() {
            // Elsewhere a word alone is a map.
            1 if !path.exists() => {
                anyhow::anyhow!("{error:#}; for a map in the kernel say --map {}", path.display())
            }
            _ => error,
        })?;
        let object = Object::parse(&bytes).with_context(|| path.display().to_string())?;
        let maps = self.maps(&object).with_context(|| path.display().to_string())?;
        if self.rust {
            let generated = match maps.is_empty() && self.types.is_empty() {
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

    fn of_kernel_map(&self, map: &AnyMap, output: &mut Output) -> anyhow::Result<()> {
        let types = map.types()?;
        if self.rust {
            let mut generator = Generator::new(types.btf());
            generator.loaded_map(map.name(), map.map_type(), types.key(), types.value());
            return self.write_rust(&generator.finish(), output);
        }
        let table = Map::of_kernel(map, &types);
        match output.is_json() {
            true => output.json(&table),
            false => table.write(output),
        }
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
        // As for the whole object, unless it was said which they are.
        if self.types.is_empty() {
            generator.kept_events();
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
    /// Of a map in the kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
    /// Where its types are from.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<BtfSource>,
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
            id: None,
            source: None,
            line: map.to_string(),
        }
    }

    fn of_kernel(map: &AnyMap, types: &MapTypes) -> Self {
        let map_type = map.map_type();
        // User space reads ids from these, whatever the program has there.
        let has_ids = matches!(
            map_type,
            MapType::ARRAY_OF_MAPS | MapType::HASH_OF_MAPS | MapType::PROG_ARRAY
        );
        let value_type = types.value().filter(|_| !has_ids);
        let is_section = value_type.is_some_and(|ty| ty.kind() == Ok(BtfKind::Datasec));
        let key = Side::of(types.key(), Some(map.key_size().into()));
        let value = Side::of(value_type, Some(map.value_size().into()));
        let sides = match (map.key_size(), map.value_size()) {
            // Of a ring buffer.
            (0, 0) => String::new(),
            (key, value) => {
                format!("{} -> {}", in_short(types.key(), key), in_short(value_type, value))
            }
        };
        let by = format!("by {}", types.source());
        let parts = [sides, map_type.capacity(map.max_entries()), by];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let line = format!("{}: {}", WatchedMap::of(map), parts.join(", "));
        Self {
            name: map.name().into(),
            map_type,
            max_entries: map.max_entries(),
            key: Side { is_index: is_section, ..key },
            value,
            inner: None,
            id: Some(map.id()),
            source: Some(types.source()),
            line,
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

/// `struct flow_key (16 bytes)`
fn in_short(ty: Option<BtfType<'_>>, size: u32) -> String {
    match (ty, size) {
        (Some(ty), size) => format!("{ty} ({size} bytes)"),
        (None, 0) => "nothing".into(),
        (None, size) => format!("{size} bytes"),
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
