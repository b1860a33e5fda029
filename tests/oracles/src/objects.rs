//! The maps of BPF objects, with bpftool and readelf.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use bpfmap::{MapDefinition, Object, ObjectError};
use tempfile::NamedTempFile;

use crate::bpftool::Dump;
use crate::expected::{self, Map};
use crate::readelf::{self, Elf};
use crate::variables::same_section;
use crate::{differences::Differences, embedded};

/// What was compared, and what was not the same.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// Objects with BTF.
    pub objects: usize,
    /// Objects without, which bpfmap has to refuse.
    pub without_btf: usize,
    /// Maps of the section `.maps`: all that bpfmap says of them.
    pub declared: usize,
    /// Maps of the section `maps`: all that bpfmap says of them.
    pub legacy: usize,
    /// Maps of `.struct_ops`: all that bpfmap says of them.
    pub struct_ops: usize,
    /// Sections of variables: all that bpfmap says of them.
    pub globals: usize,
    /// Their variables: name, type, place and length.
    pub variables: usize,
    /// Whatever was not the same.
    pub differences: Differences,
}

impl Objects {
    /// Takes in what was found elsewhere.
    pub fn add(&mut self, other: Self) {
        self.objects += other.objects;
        self.without_btf += other.without_btf;
        self.declared += other.declared;
        self.legacy += other.legacy;
        self.struct_ops += other.struct_ops;
        self.globals += other.globals;
        self.variables += other.variables;
        self.differences.add(other.differences);
    }
}

impl Display for Objects {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { objects, without_btf, declared, legacy, struct_ops, .. } = self;
        let Self { globals, variables, differences, .. } = self;
        write!(
            f,
            "{objects} objects, and {without_btf} without BTF; {declared} maps of `.maps`, {legacy} of \
             `maps`, {struct_ops} of `.struct_ops`, {globals} sections of {variables} variables; \
             {} differences",
            differences.count
        )
    }
}

/// Compares the objects at that path: a file that is one, those that a file
/// carries, or those of a directory.
///
/// # Errors
///
/// When a file cannot be read, or what a tool prints is not understood.
pub fn objects(path: &Path) -> Result<Objects> {
    let mut figures = Objects::default();
    visit(path, &mut figures)?;
    Ok(figures)
}

fn visit(path: &Path, figures: &mut Objects) -> Result<()> {
    each_object(path, &mut |name, object| {
        // The tools want a file.
        let mut file = NamedTempFile::new()?;
        file.write_all(object)?;
        compare(name, object, file.path(), figures).with_context(|| name.to_owned())
    })
}

/// Hands every object at that path to `then`, with a title: a file that is one,
/// those that a file carries, or those of a directory.
///
/// # Errors
///
/// When a file cannot be read, or as `then`.
pub fn each_object(path: &Path, then: &mut dyn FnMut(&str, &[u8]) -> Result<()>) -> Result<()> {
    let on_path = || path.display().to_string();
    if path.is_dir() {
        let entries = fs::read_dir(path).with_context(on_path)?;
        let mut paths: Vec<_> =
            entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>().with_context(on_path)?;
        paths.sort();
        // What a link leads to has a place of its own.
        paths.retain(|path| !path.is_symlink());
        return paths.iter().try_for_each(|path| each_object(path, then));
    }
    if !path.is_file() {
        return Ok(());
    }
    let bytes = fs::read(path).with_context(on_path)?;
    for (at, object) in embedded::objects(&bytes) {
        let name = if at == 0 { on_path() } else { format!("{} at {at}", path.display()) };
        then(&name, object)?;
    }
    Ok(())
}

/// The same for one object, where bpfmap reads `bytes`, and the tools the file.
///
/// # Errors
///
/// As for [`objects`].
pub fn object_in(bytes: &[u8], path: &Path) -> Result<Objects> {
    let mut figures = Objects::default();
    compare(&path.display().to_string(), bytes, path, &mut figures)?;
    Ok(figures)
}

fn compare(name: &str, bytes: &[u8], path: &Path, figures: &mut Objects) -> Result<()> {
    let elf = Elf::of(path)?;
    let object = Object::parse(bytes);
    if elf.section(".BTF").is_none() {
        figures.without_btf += 1;
        if !matches!(object, Err(ObjectError::NoBtf)) {
            figures.differences.push(|| format!("{name}: read, and there is no BTF"));
        }
        return Ok(());
    }
    figures.objects += 1;
    let object = match object {
        Ok(object) => object,
        Err(error) => {
            figures.differences.push(|| format!("{name}: {error}"));
            return Ok(());
        }
    };
    let dump = Dump::of(path)?;
    let mut ours: BTreeMap<&str, MapDefinition<'_>> = BTreeMap::new();
    for map in object.maps() {
        if ours.insert(map.name(), map).is_some() {
            figures.differences.push(|| format!("{name}: `{}` is there twice", map.name()));
        }
    }
    let mut take = |map: &str, differences: &mut Differences| {
        let ours = ours.remove(map);
        if ours.is_none() {
            differences.push(|| format!("{name}: `{map}` is missing"));
        }
        ours
    };
    let Objects { declared, legacy, struct_ops, globals, variables, differences, .. } = figures;
    let content = match elf.section("maps") {
        Some(_) => readelf::content(path, "maps")?,
        None => Vec::new(),
    };
    for (count, tool, maps) in [
        (declared, "bpftool", expected::declared(&dump)),
        (struct_ops, "bpftool", expected::struct_ops(&dump, &elf)),
        (legacy, "readelf", expected::legacy(&elf, &content)),
    ] {
        *count += maps.len();
        for map in maps {
            if let Some(ours) = take(&map.name, differences) {
                differences.compare(tool, || name.into(), &Map::from(ours), &map);
            }
        }
    }
    for expected in expected::globals(&dump, &elf) {
        *globals += 1;
        *variables += expected.section.vars.len();
        if let Some(ours) = take(&expected.map.name, differences) {
            same_section(name, ours, &expected, &dump, &elf, differences)?;
        }
    }
    for map in ours.keys() {
        differences.push(|| format!("{name}: `{map}` is read by bpfmap only"));
    }
    Ok(())
}
