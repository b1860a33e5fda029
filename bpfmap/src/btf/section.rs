//! Sections of global variables.

use super::{Btf, TypeId};

/// Bytes of `struct btf_var_secinfo`.
const VARIABLE_LEN: usize = 12;

/// A section of global variables: `.data`, `.bss`, `.rodata`.
#[derive(Clone, Copy)]
pub(crate) struct Section<'a> {
    pub(super) btf: &'a Btf<'a>,
    pub(crate) name: u32,
    pub(crate) size: u32,
    pub(crate) id: TypeId,
    pub(super) at: usize,
    pub(super) len: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct SectionVariable {
    /// A variable, and behind it its type.
    pub(crate) target: TypeId,
    /// From the beginning of the section.
    pub(crate) offset: u32,
}

/// What the symbol table says of the sections of an object: their sizes, which a
/// compiler leaves open, and where in them the variables are that other objects
/// may see.
#[derive(Debug, Default)]
pub(crate) struct Placement {
    /// By type id of the section.
    sizes: Vec<(TypeId, u32)>,
    /// By type id of the variable.
    offsets: Vec<(TypeId, u32)>,
    /// Variables that are not in the object.
    absent: Vec<TypeId>,
}

impl Placement {
    pub(crate) fn size(&mut self, section: TypeId, size: u32) {
        self.sizes.push((section, size));
    }

    pub(crate) fn offset(&mut self, variable: TypeId, offset: u32) {
        self.offsets.push((variable, offset));
    }

    pub(crate) fn absent(&mut self, variable: TypeId) {
        self.absent.push(variable);
    }

    /// As it has to be when it is used.
    pub(crate) fn sorted(mut self) -> Self {
        self.sizes.sort_unstable();
        self.offsets.sort_unstable();
        self.absent.sort_unstable();
        self
    }

    fn find(all: &[(TypeId, u32)], id: TypeId) -> Option<u32> {
        let index = all.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(all[index].1)
    }
}

impl<'a> Section<'a> {
    /// The section, with its size when the compiler left that open.
    pub(super) fn placed(self) -> Self {
        let size = Placement::find(&self.btf.placement.sizes, self.id);
        Self { size: size.unwrap_or(self.size), ..self }
    }

    /// How many variables it has.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) fn variables(self) -> impl Iterator<Item = SectionVariable> + use<'a> {
        (0..self.len())
            .filter_map(move |index| {
                let at = self.at + index * VARIABLE_LEN;
                let word = |at| self.btf.endian.u32(&self.btf.data, at);
                let (target, offset) = (word(at)?, word(at + 4)?);
                let placement = &self.btf.placement;
                let offset = Placement::find(&placement.offsets, target).unwrap_or(offset);
                Some((target, offset)).filter(|_| placement.absent.binary_search(&target).is_err())
            })
            .map(|(target, offset)| SectionVariable { target, offset })
    }
}

impl Btf<'_> {
    /// Every section, those of the base not among them.
    pub(crate) fn sections(&self) -> impl Iterator<Item = Section<'_>> {
        self.ids().filter_map(|id| match self.type_by_id(id) {
            Ok(super::Type::Section(section)) => Some(section),
            _ => None,
        })
    }

    /// Says what the compiler left open.
    pub(crate) fn with_placement(self, placement: Placement) -> Self {
        Self { placement, ..self }
    }
}

impl std::fmt::Debug for Section<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Section").field("size", &self.size).field("len", &self.len).finish()
    }
}
