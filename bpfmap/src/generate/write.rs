//! The types as text.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use super::item::{Enum, Field, Item, Struct};
use super::{Generated, GeneratedMap};
use crate::btf::Printable;

/// What `bpfmap` may have to be asked for.
const NAMES: &[&str] = &[
    "Array",
    "ArrayOfMaps",
    "Be16",
    "Be32",
    "Be64",
    "BloomFilter",
    "Enum",
    "Globals",
    "HashMap",
    "HashOfMaps",
    "Kptr",
    "ListHead",
    "ListNode",
    "LocalStorage",
    "LpmTrie",
    "Pad",
    "PerCpu",
    "Queue",
    "RbNode",
    "RbRoot",
    "Refcount",
    "ResilientSpinLock",
    "RingBuf",
    "SpinLock",
    "Stack",
    "Timer",
    "Workqueue",
];

impl Display for Generated {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let imports = self.imports();
        if !imports.is_empty() {
            let imports: Vec<_> = imports.into_iter().collect();
            match imports.as_slice() {
                [only] => writeln!(f, "use bpfmap::{only};")?,
                several => {
                    let line = format!("use bpfmap::{{{}}};", several.join(", "));
                    match line.len() {
                        0..=99 => writeln!(f, "{line}")?,
                        _ => {
                            writeln!(f, "use bpfmap::{{")?;
                            lines(f, several)?;
                            writeln!(f, "}};")?;
                        }
                    }
                }
            }
        }
        for item in &self.items {
            writeln!(f)?;
            match item {
                Item::Struct(item) => structure(f, item)?,
                Item::Enum(item) => enumeration(f, item)?,
            }
        }
        for (name, why) in &self.problems {
            writeln!(f, "\n// `{}`: {}.", Printable(name), Printable(why))?;
        }
        self.maps.iter().try_for_each(|map| {
            writeln!(f)?;
            one_map(f, map)
        })
    }
}

/// Names with commas, as many to a line as fit.
fn lines(f: &mut Formatter<'_>, names: &[&str]) -> fmt::Result {
    let mut line = String::new();
    for name in names {
        if line.len() + name.len() + 6 > 100 {
            writeln!(f, "    {}", line.trim_end())?;
            line.clear();
        }
        line += name;
        line += ", ";
    }
    writeln!(f, "    {}", line.trim_end())
}

impl Generated {
    /// What is used of `bpfmap`.
    fn imports(&self) -> BTreeSet<&'static str> {
        let mut imports = BTreeSet::new();
        let mut look = |text: &str| {
            for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
                imports.extend(NAMES.iter().find(|name| **name == word).copied());
            }
        };
        for item in &self.items {
            if let Item::Struct(item) = item {
                item.fields.iter().for_each(|field| look(&field.ty.text));
            }
        }
        for map in &self.maps {
            look(map.target.as_deref().unwrap_or_default());
        }
        for item in &self.items {
            imports.insert(match item {
                Item::Struct(Struct { key: true, .. }) => "BpfMapKey",
                Item::Struct(Struct { key: false, .. }) => "BpfMapValue",
                Item::Enum(_) => "BpfEnum",
            });
        }
        imports
    }
}

fn docs(f: &mut Formatter<'_>, indent: &str, docs: &[String]) -> fmt::Result {
    docs.iter().try_for_each(|line| writeln!(f, "{indent}/// {}", Printable(line)))
}

fn structure(f: &mut Formatter<'_>, item: &Struct) -> fmt::Result {
    docs(f, "", &item.docs)?;
    f.write_str(match item.key {
        true => "#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]\n",
        false => "#[derive(BpfMapValue, Clone, Copy, Debug)]\n",
    })?;
    writeln!(f, "#[repr({})]", if item.packed { "C, packed" } else { "C" })?;
    if item.tuple {
        let fields: Vec<_> = item.fields.iter().map(in_tuple).collect();
        return writeln!(f, "pub struct {}({});", item.name, fields.join(", "));
    }
    writeln!(f, "pub struct {} {{", item.name)?;
    for field in &item.fields {
        docs(f, "    ", field.ty.sentence().as_slice())?;
        if let Some(attribute) = attribute(field) {
            writeln!(f, "    {attribute}")?;
        }
        writeln!(f, "    pub {}: {},", field.written(), field.ty.text)?;
    }
    writeln!(f, "}}")
}

fn in_tuple(field: &Field) -> String {
    match attribute(field) {
        Some(attribute) => format!("{attribute} pub {}", field.ty.text),
        None => format!("pub {}", field.ty.text),
    }
}

fn attribute(field: &Field) -> Option<String> {
    let mut words = field.ty.words.attributes();
    words.extend(field.c_name.as_ref().map(|name| format!("name = {name:?}")));
    (!words.is_empty()).then(|| format!("#[bpf({})]", words.join(", ")))
}

fn enumeration(f: &mut Formatter<'_>, item: &Enum) -> fmt::Result {
    docs(f, "", &item.docs)?;
    writeln!(f, "#[derive(BpfEnum, Clone, Copy, PartialEq, Eq, Debug)]")?;
    writeln!(f, "#[repr({})]", item.int)?;
    writeln!(f, "pub enum {} {{", item.name)?;
    for variant in &item.variants {
        docs(f, "    ", &[format!("`{}`", variant.c_name)])?;
        writeln!(f, "    {} = {},", variant.name, variant.number)?;
    }
    writeln!(f, "}}")
}

fn one_map(f: &mut Formatter<'_>, map: &GeneratedMap) -> fmt::Result {
    let (name, map_type) = (Printable(&map.name), map.map_type);
    let Some((alias, target)) = map.alias.as_ref().zip(map.target.as_ref()) else {
        let why = map.problem.as_deref().unwrap_or_default();
        writeln!(f, "// `{name}` ({map_type}): {}.", Printable(why))?;
        return match map.events.as_slice() {
            [] => Ok(()),
            events => writeln!(f, "// Its events may be of: {}.", Printable(&events.join(", "))),
        };
    };
    let quoted = format!("{:?}", map.name);
    let open = match map.events.as_slice() {
        [event] => {
            format!("OpenOptions::new().event({event:?}).open::<{alias}>(&ebpf, {quoted})?")
        }
        _ if !map.verifiable => {
            format!("OpenOptions::new().allow_sizes_only(true).open::<{alias}>(&ebpf, {quoted})?")
        }
        _ => format!("{alias}::open(&ebpf, {quoted})?"),
    };
    writeln!(f, "/// `{name}`, {map_type}: `{}`.", Printable(&open))?;
    if !map.verifiable {
        writeln!(
            f,
            "/// Declared by sizes and not by types, so there is nothing to compare with."
        )?;
    }
    let line = format!("pub type {alias} = {target};");
    match line.len() {
        0..=100 => writeln!(f, "{line}"),
        _ => writeln!(f, "pub type {alias} =\n    {target};"),
    }
}
