//! Types for programs to look at.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};
use std::ops::Range;

use super::{Btf, BtfError, Int, Type, TypeId, TypeName};

/// One type of a [`Btf`], as it is there.
///
/// `Display` spells it as C does: `struct flow_key`, `__u8[6]`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bytes = std::fs::read("../examples/bpf/flows.bpf.o")?;
/// let object = bpfmap::Object::parse(&bytes)?;
/// let key = object.btf().type_named("flow_key")?;
/// assert_eq!(key.size()?, 16);
/// let port = &key.members()?[3];
/// assert_eq!((&*port.name, port.ty.to_string(), port.bits.start / 8), ("dport", "__be16".into(), 10));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct BtfType<'a> {
    btf: &'a Btf<'a>,
    id: TypeId,
}

/// A member of a struct or a union, or a variable of a section.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BtfMember<'a> {
    /// Empty for an anonymous one.
    pub name: Cow<'a, str>,
    /// Its type; a bitfield may use less of it.
    pub ty: BtfType<'a>,
    /// Where it is, in bits from the beginning of what it is in.
    pub bits: Range<u64>,
    /// Whether it is a bitfield.
    pub is_bitfield: bool,
}

/// What a type is: the kinds of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "they are the format's names")]
#[non_exhaustive]
pub enum BtfKind {
    Void,
    Int,
    Ptr,
    Array,
    Struct,
    Union,
    /// An enum of any size.
    Enum,
    Fwd,
    Typedef,
    /// `const`, `volatile` or `restrict`.
    Qualifier,
    TypeTag,
    /// A function or its prototype.
    Func,
    Var,
    Datasec,
    Float,
    DeclTag,
}

impl<'a> BtfType<'a> {
    pub(crate) fn btf(&self) -> &'a Btf<'a> {
        self.btf
    }

    /// Its number in the BTF, by which other types refer to it.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its name; empty when it has none.
    ///
    /// # Errors
    ///
    /// When the BTF is malformed there, here and in what follows.
    pub fn name(&self) -> Result<Cow<'a, str>, BtfError> {
        self.btf.type_by_id(self.id)?.name().map_or(Ok("".into()), |name| self.btf.string(name))
    }

    /// What it is, typedefs and qualifiers not taken off.
    ///
    /// # Errors
    ///
    /// [`BtfError::UnknownKind`] when this crate does not know.
    pub fn kind(&self) -> Result<BtfKind, BtfError> {
        Ok(match self.btf.type_by_id(self.id)? {
            Type::Void => BtfKind::Void,
            Type::Int(_) => BtfKind::Int,
            Type::Pointer { .. } => BtfKind::Ptr,
            Type::Array { .. } => BtfKind::Array,
            Type::Composite(composite) if composite.union => BtfKind::Union,
            Type::Composite(_) => BtfKind::Struct,
            Type::Enum { .. } => BtfKind::Enum,
            Type::Forward { .. } => BtfKind::Fwd,
            Type::Typedef { .. } => BtfKind::Typedef,
            Type::Qualifier { .. } => BtfKind::Qualifier,
            Type::Tagged { .. } => BtfKind::TypeTag,
            Type::Function { .. } => BtfKind::Func,
            Type::Variable { .. } => BtfKind::Var,
            Type::Section(_) => BtfKind::Datasec,
            Type::Float { .. } => BtfKind::Float,
            Type::DeclTag { .. } => BtfKind::DeclTag,
        })
    }

    /// Its size in bytes. A pointer has 8, as in BPF.
    ///
    /// # Errors
    ///
    /// [`BtfError::Incomplete`] when it has none: a function, or a struct that
    /// is only declared.
    pub fn size(&self) -> Result<u64, BtfError> {
        self.btf.size_of(self.id)
    }

    /// What it is behind typedefs, qualifiers and type tags.
    ///
    /// # Errors
    ///
    /// [`BtfError::TooDeep`] when they go in circles.
    pub fn peeled(&self) -> Result<Self, BtfError> {
        Ok(Self { id: self.btf.peel(self.id)?.id, ..*self })
    }

    /// The members of a struct or a union, or the variables of a section, in
    /// their order, those of anonymous members not among them; empty for any
    /// other type.
    ///
    /// # Errors
    ///
    /// [`BtfError::Incomplete`] when one has no size.
    pub fn members(&self) -> Result<Vec<BtfMember<'a>>, BtfError> {
        let btf = self.btf;
        let at = |id| BtfType { btf, id };
        match btf.peel(self.id)?.ty {
            Type::Composite(composite) => composite
                .members()
                .map(|member| {
                    let start = u64::from(member.bit_offset);
                    let (start, len, is_bitfield) = match btf.bitfield(&member)? {
                        Some((start, width)) => (start, width, true),
                        None => (start, btf.size_of(member.target)?.saturating_mul(8), false),
                    };
                    let bits = start..start.saturating_add(len);
                    let name = btf.string(member.name)?;
                    Ok(BtfMember { name, ty: at(member.target), bits, is_bitfield })
                })
                .collect(),
            Type::Section(section) => section
                .variables()
                .map(|variable| {
                    let name = btf.type_by_id(variable.target)?.name();
                    let name = name.map_or(Ok("".into()), |name| btf.string(name))?;
                    let start = u64::from(variable.offset) * 8;
                    let bits = start
                        ..start.saturating_add(btf.size_of(variable.target)?.saturating_mul(8));
                    Ok(BtfMember { name, ty: at(variable.target), bits, is_bitfield: false })
                })
                .collect(),
            _ => Ok(Vec::new()),
        }
    }
}

impl<'a> Btf<'a> {
    /// Every type, those of the base of split BTF not among them.
    pub fn types(&self) -> impl Iterator<Item = BtfType<'_>> {
        self.ids().map(|id| BtfType { btf: self, id })
    }

    /// The type of that id.
    pub(crate) fn view(&self, id: TypeId) -> BtfType<'_> {
        BtfType { btf: self, id }
    }

    /// The type of data that has that name: a struct, a union, an enum, a
    /// typedef, a number or a section. `struct flow_key` is `flow_key`.
    ///
    /// # Errors
    ///
    /// - [`BtfError::NoSuchType`] when there is none;
    /// - [`BtfError::Incomplete`] when it is only declared.
    pub fn type_named(&self, name: &str) -> Result<BtfType<'_>, BtfError> {
        let is_data = |ty: &Type<'_>| {
            matches!(
                ty,
                Type::Composite(_)
                    | Type::Typedef { .. }
                    | Type::Enum { .. }
                    | Type::Int(Int { .. })
                    | Type::Float { .. }
                    | Type::Section(_)
            )
        };
        let keywords = ["struct ", "union ", "enum "];
        let bare = keywords.iter().find_map(|keyword| name.strip_prefix(keyword));
        let name = bare.unwrap_or(name);
        if let Some(id) = self.find(name, is_data)? {
            return Ok(self.view(id));
        }
        let is_forward = |ty: &Type<'_>| matches!(ty, Type::Forward { .. });
        let declared = self.find(name, is_forward)?.is_some();
        if declared {
            return Err(BtfError::Incomplete { name: name.into() });
        }
        let meant = self.name_like(name, is_data);
        Err(BtfError::NoSuchType { name: name.into(), meant, source_of_btf: self.source() })
    }

    /// The name of a type that is nearly this one.
    fn name_like(&self, name: &str, wanted: impl Fn(&Type<'_>) -> bool) -> Option<Box<str>> {
        let types = self.ids().filter_map(|id| self.type_by_id(id).ok()).filter(|ty| wanted(ty));
        let names = types.filter_map(|ty| self.string(ty.name()?).ok());
        // Others than a word of this length are not what a typing mistake makes of it.
        let names = names.filter(|known| known.len().abs_diff(name.len()) <= 4);
        crate::error::most_like(name, names).map(Into::into)
    }
}

impl Display for BtfType<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        TypeName::of(self.btf, self.id).fmt(f)
    }
}

impl fmt::Debug for BtfType<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "BtfType({}, {self})", self.id)
    }
}
