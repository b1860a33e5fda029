//! What a type comes down to: behind its typedefs and qualifiers, in bytes.

use super::{Btf, BtfError, Composite, Int, Type, TypeId, TypeName};

/// How many types may wrap one another; the kernel's own limit.
const MAX_DEPTH: usize = 32;

/// The byte order that a typedef's name promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Big,
    Little,
}

impl Order {
    /// C has no type for byte order; the kernel's headers say it with these
    /// names, and BTF keeps them.
    fn of_typedef(name: &str) -> Option<Self> {
        match name {
            "__be16" | "__be32" | "__be64" | "__sum16" => Some(Self::Big),
            "__le16" | "__le32" | "__le64" => Some(Self::Little),
            _ => None,
        }
    }
}

/// A type behind its typedefs and qualifiers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peeled<'a> {
    pub(crate) ty: Type<'a>,
    pub(crate) order: Option<Order>,
}

impl Btf<'_> {
    /// Takes typedefs, qualifiers and type tags off.
    pub(crate) fn peel(&self, id: TypeId) -> Result<Peeled<'_>, BtfError> {
        let mut order = None;
        let mut current = id;
        for _ in 0..MAX_DEPTH {
            match self.type_by_id(current)? {
                Type::Typedef { name, target } => {
                    if order.is_none() {
                        order = Order::of_typedef(&self.string(name)?);
                    }
                    current = target;
                }
                Type::Qualifier { target, .. }
                | Type::Tagged { target, .. }
                | Type::Variable { target, .. } => current = target,
                ty => return Ok(Peeled { ty, order }),
            }
        }
        Err(BtfError::TooDeep { id })
    }

    /// The size in bytes.
    pub(crate) fn size_of(&self, id: TypeId) -> Result<u64, BtfError> {
        let mut elements = 1u64;
        let mut current = id;
        for _ in 0..MAX_DEPTH {
            let one = match self.peel(current)?.ty {
                Type::Array { element, len } => {
                    elements =
                        elements.checked_mul(u64::from(len)).ok_or(BtfError::TooDeep { id })?;
                    current = element;
                    continue;
                }
                Type::Int(Int { size, .. })
                | Type::Composite(Composite { size, .. })
                | Type::Enum { size, .. }
                | Type::Float { size, .. } => size,
                Type::Section(section) => section.size,
                Type::Pointer { .. } => 8,
                Type::Void
                | Type::Forward { .. }
                | Type::Function
                | Type::DeclTag
                | Type::Typedef { .. }
                | Type::Qualifier { .. }
                | Type::Tagged { .. }
                | Type::Variable { .. } => {
                    return Err(BtfError::Incomplete { name: TypeName::of(self, id).to_string() });
                }
            };
            return elements.checked_mul(u64::from(one)).ok_or(BtfError::TooDeep { id });
        }
        Err(BtfError::TooDeep { id })
    }
}
