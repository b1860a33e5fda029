//! The maps of an object, as they follow from what bpftool and readelf print.

use bpfmap::MapDefinition;

use crate::bpftool::{Dump, Kind, Type};
use crate::readelf::{Elf, Symbol};

/// A map, by whomever it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Map {
    pub(crate) name: String,
    pub(crate) map_type: u32,
    pub(crate) key: Side,
    pub(crate) value: Side,
    pub(crate) max_entries: u32,
    pub(crate) map_flags: u32,
    pub(crate) inner: Option<Box<Self>>,
}

/// A key or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Side {
    /// By id.
    pub(crate) ty: Option<u32>,
    /// In bytes; `None` when the type has no size.
    pub(crate) size: Option<u64>,
}

impl Default for Side {
    fn default() -> Self {
        Self { ty: None, size: Some(0) }
    }
}

impl From<MapDefinition<'_>> for Map {
    fn from(map: MapDefinition<'_>) -> Self {
        let key = Side { ty: map.key().map(|ty| ty.id()), size: map.key_size().ok() };
        let value = Side { ty: map.value().map(|ty| ty.id()), size: map.value_size().ok() };
        Self {
            name: map.name().into(),
            map_type: map.map_type().as_raw(),
            key,
            value,
            max_entries: map.max_entries(),
            map_flags: map.map_flags(),
            inner: map.inner().map(|inner| Box::new(Self::from(inner))),
        }
    }
}

/// Those of the section `.maps`: each is a variable of a struct whose members
/// say in their types what the map is.
pub(crate) fn declared(dump: &Dump<'_>) -> Vec<Map> {
    let variables = dump.section(".maps").map_or(&[][..], |section| &section.vars);
    let variables = variables.iter().filter_map(|variable| dump.get(variable.type_id));
    variables.filter_map(|variable| Some(map(dump, variable.name(), variable.type_id?))).collect()
}

fn map(dump: &Dump<'_>, name: &str, id: u32) -> Map {
    let mut map = Map { name: name.into(), ..Map::default() };
    let members = dump.behind(id).map_or(&[][..], |ty| &ty.members);
    for member in members {
        let Some(ty) = dump.behind(member.type_id) else { continue };
        let target = ty.type_id;
        // `__uint(type, 1)`: a pointer to an array of that length.
        let number = target.and_then(|target| dump.behind(target)?.nr_elems);
        let of_number = number.map(|number| Side { ty: None, size: Some(number.into()) });
        // `__type(key, T)`: a pointer to `T`.
        let of_type = target.map(|ty| Side { ty: Some(ty), size: dump.size(ty) });
        match member.name() {
            "type" => map.map_type = number.unwrap_or_default(),
            "max_entries" => map.max_entries = number.unwrap_or_default(),
            "map_flags" => map.map_flags = number.unwrap_or_default(),
            "key" => map.key = of_type.unwrap_or_default(),
            "value" => map.value = of_type.unwrap_or_default(),
            // Declared with both, they agree: libbpf sees to that.
            "key_size" if map.key.ty.is_none() => map.key = of_number.unwrap_or_default(),
            "value_size" if map.value.ty.is_none() => map.value = of_number.unwrap_or_default(),
            // `__array(values, T)`: an array of pointers to `T`, a map's struct or
            // a function. In the map are ids or descriptors.
            "values" => {
                map.value = Side { ty: None, size: Some(4) };
                map.inner = target
                    .and_then(|element| dump.behind(dump.behind(element)?.type_id?))
                    .filter(|ty| ty.kind == Kind::Struct)
                    .map(|ty| Box::new(self::map(dump, &format!("{name}.inner"), ty.id)));
            }
            _ => {}
        }
    }
    map
}

/// Those of the section `maps`, of before BTF: each is a symbol, and there a word
/// each for the type, the sizes of key and value, how many entries, and flags.
pub(crate) fn legacy(elf: &Elf, content: &[u8]) -> Vec<Map> {
    let symbols = elf.section("maps").into_iter().flat_map(|section| elf.symbols_in(section));
    let of_symbol = |symbol: &Symbol| {
        let words = usize::try_from(symbol.value).ok().and_then(|at| content.get(at..));
        let words: Vec<u32> = words
            .unwrap_or_default()
            .chunks_exact(4)
            // The declarations of an object may be longer or shorter.
            .take(if symbol.size == 0 { usize::MAX } else { symbol.size as usize / 4 })
            .map(|word| {
                let word = word.try_into().unwrap_or_default();
                if elf.little_endian { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) }
            })
            .collect();
        let word = |index: usize| words.get(index).copied().unwrap_or_default();
        Map {
            name: symbol.name.clone(),
            map_type: word(0),
            key: Side { ty: None, size: Some(word(1).into()) },
            value: Side { ty: None, size: Some(word(2).into()) },
            max_entries: word(3),
            map_flags: word(4),
            inner: None,
        }
    };
    symbols.map(of_symbol).collect()
}

/// A section of variables, of which loaders make a map.
pub(crate) struct Globals<'a> {
    pub(crate) map: Map,
    pub(crate) section: &'a Type,
}

/// Those that the object has and that BTF describes; it does not describe the
/// ones that hold no variables but literals, such as `.rodata.str1.1`.
pub(crate) fn globals<'a>(dump: &'a Dump<'_>, elf: &Elf) -> Vec<Globals<'a>> {
    let sections = dump.types().iter().filter(|ty| ty.kind == Kind::Datasec);
    let is_data = |name: &str| is_or_has_suffix(name, &[".data", ".rodata", ".bss"]);
    let of_data = |section: &'a Type| {
        let size = elf.section(section.name())?.size;
        let map = array_of_one(section.name(), section.id, Some(size));
        Some(Globals { map, section })
    };
    sections.filter(|section| is_data(section.name())).filter_map(of_data).collect()
}

/// Of each variable of the sections `.struct_ops` loaders make a map.
pub(crate) fn struct_ops(dump: &Dump<'_>, elf: &Elf) -> Vec<Map> {
    /// `BPF_MAP_TYPE_STRUCT_OPS`.
    const STRUCT_OPS: u32 = 26;
    let is_one = |section: &&Type| {
        let name = section.name();
        section.kind == Kind::Datasec
            && is_or_has_suffix(name.strip_prefix('?').unwrap_or(name), &[".struct_ops"])
            && elf.section(name).is_some()
    };
    let variables = dump.types().iter().filter(is_one).flat_map(|section| &section.vars);
    let variables = variables.filter_map(|variable| dump.get(variable.type_id));
    let of_variable = |variable: &Type| {
        let ty = variable.type_id?;
        let map = array_of_one(variable.name(), ty, dump.size(ty));
        Some(Map { map_type: STRUCT_OPS, ..map })
    };
    variables.filter_map(of_variable).collect()
}

fn is_or_has_suffix(name: &str, known: &[&str]) -> bool {
    let rest = known.iter().find_map(|known| name.strip_prefix(known));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn array_of_one(name: &str, value: u32, size: Option<u64>) -> Map {
    /// `BPF_MAP_TYPE_ARRAY`.
    const ARRAY: u32 = 2;
    Map {
        name: name.into(),
        map_type: ARRAY,
        key: Side { ty: None, size: Some(4) },
        value: Side { ty: Some(value), size },
        max_entries: 1,
        ..Map::default()
    }
}
