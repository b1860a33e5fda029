//! A BPF object file: its BTF and the maps that it declares.

mod definition;

use object::{Architecture, Object as _, ObjectSection, ObjectSymbol};

use crate::btf::{Btf, BtfError};
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
    /// The bytes are not ELF, or are cut off.
    #[error("not an ELF file: {0}")]
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
    #[error("the object's declaration of map `{map}` cannot be read: {what}")]
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
        let not_elf = |error: object::Error| ObjectError::NotElf(error.to_string());
        let file = object::File::parse(bytes).map_err(not_elf)?;
        if file.architecture() != Architecture::Bpf {
            return Err(ObjectError::NotBpf(format!("{:?}", file.architecture())));
        }
        let section = file.section_by_name(".BTF").ok_or(ObjectError::NoBtf)?;
        let btf = Btf::parse(section.data().map_err(not_elf)?)?.with_source(BtfSource::Object);
        let mut maps = definition::in_btf(&btf)?;
        for section in file.sections() {
            // The section in which maps were declared before BTF; aya-ebpf's
            // `#[map]` still uses it.
            if !section.name().is_ok_and(|name| name == "maps") {
                continue;
            }
            let data = section.data().map_err(not_elf)?;
            for symbol in
                file.symbols().filter(|symbol| symbol.section_index() == Some(section.index()))
            {
                if let (Ok(name @ (1.., _)), Some(at)) = (
                    symbol.name().map(|name| (name.len(), name)),
                    usize::try_from(symbol.address()).ok(),
                ) {
                    maps.push(definition::legacy(name.1, data, at, file.is_little_endian())?);
                }
            }
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
