//! BTF as `bpftool btf dump` prints it, and what follows from that.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::tool::print;

/// All types, by id.
pub(crate) struct Dump<'a> {
    /// That from which this one goes on.
    base: Option<&'a Dump<'a>>,
    types: Vec<Type>,
}

#[derive(Deserialize)]
struct Printed {
    types: Vec<Type>,
}

/// A type with all that types of any kind have.
#[derive(Deserialize)]
pub(crate) struct Type {
    pub(crate) id: u32,
    pub(crate) kind: Kind,
    name: String,
    pub(crate) size: Option<u64>,
    /// What a pointer points to, what a typedef stands for, what is in an array.
    pub(crate) type_id: Option<u32>,
    /// The length of an array.
    pub(crate) nr_elems: Option<u32>,
    /// Of a number, as compilers once encoded bitfields.
    nr_bits: Option<u64>,
    bits_offset: Option<u64>,
    #[serde(default)]
    pub(crate) members: Vec<Member>,
    /// Of a section.
    #[serde(default)]
    pub(crate) vars: Vec<Variable>,
    /// Of a variable.
    pub(crate) linkage: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Member {
    name: String,
    pub(crate) type_id: u32,
    bits_offset: u64,
    /// Where the struct says which of its members are bitfields.
    bitfield_size: Option<u64>,
}

#[derive(Deserialize)]
pub(crate) struct Variable {
    pub(crate) type_id: u32,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Kind {
    Int,
    Ptr,
    Array,
    Struct,
    Union,
    Enum,
    Enum64,
    Fwd,
    Typedef,
    Volatile,
    Const,
    Restrict,
    Func,
    FuncProto,
    Var,
    Datasec,
    Float,
    DeclTag,
    TypeTag,
}

impl Kind {
    pub(crate) fn is_composite(self) -> bool {
        matches!(self, Self::Struct | Self::Union)
    }

    fn is_qualifier(self) -> bool {
        matches!(self, Self::Volatile | Self::Const | Self::Restrict | Self::TypeTag)
    }
}

/// What bpftool writes where there is no name.
fn name(printed: &str) -> &str {
    if printed == "(anon)" { "" } else { printed }
}

impl Type {
    pub(crate) fn name(&self) -> &str {
        name(&self.name)
    }
}

impl Member {
    pub(crate) fn name(&self) -> &str {
        name(&self.name)
    }
}

impl<'a> Dump<'a> {
    /// # Errors
    ///
    /// When bpftool fails, as it does on a file without BTF.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        Self::read(path, &[], None)
    }

    /// As [`of`](Self::of), of BTF that goes on from that of another file.
    pub(crate) fn split(path: &Path, base_path: &str, base: &'a Dump<'a>) -> Result<Self> {
        Self::read(path, &["-B", base_path], Some(base))
    }

    fn read(path: &Path, options: &[&str], base: Option<&'a Dump<'a>>) -> Result<Self> {
        let arguments = [options, &["-j", "btf", "dump", "file"]].concat();
        let json = print("bpftool", &arguments, path)?;
        let of_file = || format!("what bpftool prints of {}", path.display());
        let Printed { types } = serde_json::from_slice(&json).with_context(of_file)?;
        let dump = Self { base, types };
        let ids = dump.base_types().len() + 1..;
        let are_in_order = dump.types.iter().zip(ids).all(|(ty, id)| ty.id as usize == id);
        ensure!(are_in_order, "{}: the ids are not in order", of_file());
        Ok(dump)
    }

    /// Those that are not of the base.
    pub(crate) fn types(&self) -> &[Type] {
        &self.types
    }

    /// Those of the base.
    pub(crate) fn base_types(&self) -> &[Type] {
        self.base.map_or(&[], |base| &base.types)
    }

    /// The type of that id; `None` for void.
    pub(crate) fn get(&self, id: u32) -> Option<&Type> {
        let index = id.checked_sub(1)? as usize;
        match (index.checked_sub(self.base_types().len()), self.base) {
            (None, Some(base)) => base.get(id),
            (own, _) => self.types.get(own?),
        }
    }

    pub(crate) fn section(&self, name: &str) -> Option<&Type> {
        self.types.iter().find(|ty| ty.kind == Kind::Datasec && ty.name == name)
    }

    /// The type behind typedefs, qualifiers and variables; `None` for void.
    pub(crate) fn behind(&self, id: u32) -> Option<&Type> {
        let mut ty = self.get(id)?;
        while ty.kind.is_qualifier() || matches!(ty.kind, Kind::Typedef | Kind::Var) {
            ty = self.get(ty.type_id?)?;
        }
        Some(ty)
    }

    /// The size in bytes; `None` for what has none.
    pub(crate) fn size(&self, id: u32) -> Option<u64> {
        let ty = self.get(id)?;
        match ty.kind {
            Kind::Ptr => Some(8),
            Kind::Array => self.size(ty.type_id?)?.checked_mul(ty.nr_elems?.into()),
            kind if kind.is_qualifier() || kind == Kind::Typedef || kind == Kind::Var => {
                self.size(ty.type_id?)
            }
            Kind::Func | Kind::FuncProto | Kind::Fwd | Kind::DeclTag => None,
            _ => ty.size,
        }
    }

    /// At which bit a member begins, how many it has, and whether it is a
    /// bitfield; `None` when its type has no size.
    pub(crate) fn bits(&self, member: &Member) -> Option<(u64, u64, bool)> {
        let start = member.bits_offset;
        if let Some(len) = member.bitfield_size.filter(|len| *len != 0) {
            return Some((start, len, true));
        }
        let bits = self.size(member.type_id)?.checked_mul(8)?;
        if let Some(Type { kind: Kind::Int, nr_bits: Some(len), bits_offset: Some(at), .. }) =
            self.behind(member.type_id)
            && (*len != bits || *at != 0)
        {
            return Some((start + at, *len, true));
        }
        Some((start, bits, false))
    }
}
