//! A BPF object file: its BTF and the maps that it declares.

mod definition;
mod elf;

use crate::btf::{Btf, BtfError, Printable};
use crate::verification::BtfSource;

pub(crate) use definition::MapDefinition;

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
    maps: Vec<MapDefinition>,
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
        let mut maps = definition::in_btf(&btf)?;
        for symbol in &file.legacy_maps {
            definition::check_count(&maps)?;
            maps.push(definition::legacy(symbol, file.little_endian)?);
        }
        Ok(Self { btf, maps })
    }

    /// The types of the object.
    pub fn btf(&self) -> &Btf<'a> {
        &self.btf
    }

    /// The names of the maps that the object declares.
    pub fn map_names(&self) -> impl Iterator<Item = &str> {
        self.maps.iter().map(|map| &*map.name)
    }

    pub(crate) fn map(&self, name: &str) -> Option<&MapDefinition> {
        self.maps.iter().find(|map| map.name == name)
    }

    /// The map whose name the kernel has cut off to `name`, if there is one
    /// only.
    pub(crate) fn map_by_kernel_name(&self, name: &str) -> Option<&MapDefinition> {
        /// `BPF_OBJ_NAME_LEN` without the NUL.
        const KERNEL_NAME_LEN: usize = 15;
        if name.len() < KERNEL_NAME_LEN {
            return self.map(name);
        }
        let mut candidates = self.maps.iter().filter(|map| map.name.starts_with(name));
        match (candidates.next(), candidates.next()) {
            (Some(map), None) => Some(map),
            _ => self.map(name),
        }
    }
}
