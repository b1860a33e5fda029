//! A BPF object file: its BTF and the maps that it declares.

mod declaration;
mod definition;
mod elf;
mod references;
mod sections;

use crate::btf::{Btf, BtfError, Printable};
use crate::verification::BtfSource;

pub(crate) use definition::{Definition, Side};
pub(crate) use references::references;

pub use definition::MapDefinition;

/// A compiled BPF program, as clang, `bpf-linker` or `bpftool gen object` write
/// it.
///
/// It is read and never loaded, so this needs neither a kernel nor a privilege:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bpfmap::{Be16, Be32, BpfMapKey, BpfMapValue, HashMap, Object, Pad};
///
/// #[derive(BpfMapKey, Clone, Copy)]
/// #[repr(C)]
/// struct FlowKey { saddr: Be32, daddr: Be32, sport: Be16, dport: Be16, proto: u8, pad: Pad<3> }
///
/// #[derive(BpfMapValue, Clone, Copy)]
/// #[repr(C)]
/// struct FlowStats { packets: u64, bytes: u64 }
///
/// let bytes = std::fs::read("../examples/bpf/flows.bpf.o")?;
/// Object::parse(&bytes)?.check::<HashMap<FlowKey, FlowStats>>("flows")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Object<'a> {
    btf: Btf<'a>,
    maps: Vec<Definition>,
}

/// Why bytes cannot be read as a BPF object with BTF.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// The bytes are not ELF, or are damaged.
    #[error("not a readable ELF file: {0}")]
    NotElf(String),
    /// ELF, but for a machine.
    #[error("an ELF file for {0}, and not for BPF: is it the object that the BPF compiler wrote?")]
    NotBpf(String),
    /// There is no `.BTF` section.
    #[error("the object has no BTF: compile it with `-g` (clang), or with `--btf` (bpf-linker)")]
    NoBtf,
    /// The `.BTF` section cannot be read.
    #[error("the object's BTF: {0}")]
    Btf(#[from] BtfError),
    /// The declaration of a map is not what loaders expect.
    #[error("the object's declaration of map `{}` cannot be read: {what}", Printable(.map))]
    Map {
        /// The name of the map.
        map: String,
        /// What is wrong with its declaration.
        what: &'static str,
    },
}

/// The map of that name as BTF of the kernel declares it: that of a program whose
/// loader handed in all of the object's.
pub(crate) fn declared_in(btf: &Btf<'_>, name: &str) -> Option<Definition> {
    if name.starts_with('.') {
        return sections::loaded(btf, name);
    }
    let maps = declaration::in_btf(btf).ok()?;
    maps.into_iter().find(|map| map.name == name)
}

/// As [`declared_in`], by the name that the kernel keeps: 15 bytes of it, and that of
/// a section behind the beginning of the object's. `None` when several maps may be
/// called so.
pub(crate) fn declared_by_kernel_name(btf: &Btf<'_>, name: &str) -> Option<Definition> {
    if let Some(dot) = name.find('.') {
        return sections::loaded(btf, &name[dot..]);
    }
    let maps = declaration::in_btf(btf).ok()?;
    if let Some(exact) = maps.iter().find(|map| map.name == name) {
        return Some(exact.clone());
    }
    let mut fits = maps.into_iter().filter(|map| is_cut_off(name) && map.name.starts_with(name));
    fits.next().filter(|_| fits.next().is_none())
}

/// Whether the kernel may have cut a name off, or does not keep names.
fn is_cut_off(name: &str) -> bool {
    /// `BPF_OBJ_NAME_LEN` without the NUL.
    const KERNEL_NAME_LEN: usize = 15;
    name.len() >= KERNEL_NAME_LEN || name.is_empty()
}

impl<'a> Object<'a> {
    /// Reads an object file. Its BTF is read once, however many maps are then
    /// checked against it, and stays where it is.
    ///
    /// # Errors
    ///
    /// When `bytes` are not an ELF file for BPF, have no BTF, or are malformed.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ObjectError> {
        let file = elf::read(bytes)?;
        let btf = Btf::parse(file.btf)?.with_source(BtfSource::Object);
        let placement = sections::placement(&btf, &file)?;
        let btf = btf.with_placement(placement);
        let mut maps = declaration::in_btf(&btf)?;
        for symbol in &file.legacy_maps {
            declaration::check_count(&maps)?;
            maps.push(declaration::legacy(symbol, file.little_endian)?);
        }
        sections::maps(&btf, &file, &mut maps)?;
        Ok(Self { btf, maps })
    }

    /// That the object is not for this machine: no map here was made from it, and what
    /// it says of bytes is another thing here.
    pub(crate) fn other_order(&self) -> Option<[&'static str; 2]> {
        let order = |is_little| if is_little { "little-endian" } else { "big-endian" };
        let (there, here) = (self.btf.is_little_endian(), cfg!(target_endian = "little"));
        (there != here).then(|| [order(there), order(here)])
    }

    /// The types of the object.
    pub fn btf(&self) -> &Btf<'a> {
        &self.btf
    }

    /// The maps that the object declares: those of the section `.maps`, legacy
    /// ones, and those that loaders make of sections of global variables
    /// (`.data`, `.rodata`, `.bss`) and of `.struct_ops`.
    pub fn maps(&self) -> impl Iterator<Item = MapDefinition<'_>> {
        self.maps.iter().map(|definition| self.view(definition))
    }

    /// The map of that name.
    pub fn map(&self, name: &str) -> Option<MapDefinition<'_>> {
        self.definition(name).map(|definition| self.view(definition))
    }

    /// The names of the maps that the object declares.
    pub fn map_names(&self) -> impl Iterator<Item = &str> {
        self.maps.iter().map(|map| &*map.name)
    }

    fn view<'o>(&'o self, definition: &'o Definition) -> MapDefinition<'o> {
        MapDefinition { btf: &self.btf, definition }
    }

    pub(crate) fn definition(&self, name: &str) -> Option<&Definition> {
        self.maps.iter().find(|map| map.name == name)
    }

    /// The maps that the kernel may call `name`: it keeps 15 bytes of a name, and
    /// libbpf puts the beginning of the object's before that of a section. All of
    /// them when the kernel keeps no names.
    pub(crate) fn definitions_by_kernel_name(&self, name: &str) -> Vec<&Definition> {
        let is_cut_off = is_cut_off(name);
        let section = name.find('.').map(|dot| &name[dot..]);
        let fits = |map: &&Definition| {
            let wanted = if map.name.starts_with('.') { section.unwrap_or(name) } else { name };
            map.name == wanted || is_cut_off && map.name.starts_with(wanted)
        };
        self.maps.iter().filter(fits).collect()
    }
}
