//! What a type comes down to: behind its typedefs and qualifiers, in bytes.

use super::types::{Member, kind};
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
    fn of_typedef(btf: &Btf<'_>, name: u32) -> Option<Self> {
        let name = btf.beginning_of_string(name, "__sum16".len())?;
        match name {
            b"__be16" | b"__be32" | b"__be64" | b"__sum16" => Some(Self::Big),
            b"__le16" | b"__le32" | b"__le64" => Some(Self::Little),
            _ => None,
        }
    }

    /// Rust has types for it, those of this crate, which a program in Rust may
    /// use too.
    fn of_newtype(btf: &Btf<'_>, name: u32) -> Option<Self> {
        let is_big = ["Be16", "Be32", "Be64"].iter().any(|known| btf.is_named(name, known));
        is_big.then_some(Self::Big)
    }
}

/// What the first field of a tuple struct is called in BTF.
pub(crate) const FIRST_FIELD: &str = "__0";

/// A type behind its typedefs and qualifiers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peeled<'a> {
    pub(crate) id: TypeId,
    pub(crate) ty: Type<'a>,
    pub(crate) order: Option<Order>,
}

impl Btf<'_> {
    /// Takes typedefs, qualifiers and type tags off.
    pub(crate) fn peel(&self, id: TypeId) -> Result<Peeled<'_>, BtfError> {
        let mut order = None;
        let mut current = id;
        for _ in 0..MAX_DEPTH {
            if current == 0 {
                return Ok(Peeled { id: current, ty: Type::Void, order });
            }
            let (btf, head) = self.head(current)?;
            match head.info.kind() {
                kind::TYPEDEF => {
                    if order.is_none() {
                        order = Order::of_typedef(self, head.name);
                    }
                }
                kind::CONST | kind::VOLATILE | kind::RESTRICT | kind::TYPE_TAG | kind::VAR => {}
                _ => {
                    let ty = Type::decode(btf, current, head)?;
                    return Ok(Peeled { id: current, ty, order });
                }
            }
            current = head.last;
        }
        Err(BtfError::TooDeep { id })
    }

    /// At which bit of its struct a member begins and how many bits it has, when
    /// it is a bitfield; both ways of saying so are understood.
    pub(crate) fn bitfield(&self, member: &Member) -> Result<Option<(u64, u64)>, BtfError> {
        let start = u64::from(member.bit_offset);
        if member.bitfield_size != 0 {
            return Ok(Some((start, member.bitfield_size.into())));
        }
        Ok(match self.peel(member.target)?.ty {
            Type::Int(int) if int.is_bitfield() => {
                Some((start + u64::from(int.bit_offset), int.bits.into()))
            }
            _ => None,
        })
    }

    /// As [`peel`](Self::peel), and takes off the newtypes of a program in Rust
    /// as well.
    pub(crate) fn peel_newtypes(&self, id: TypeId) -> Result<Peeled<'_>, BtfError> {
        let mut order = None;
        let mut current = id;
        for _ in 0..MAX_DEPTH {
            let peeled = self.peel(current)?;
            order = order.or(peeled.order);
            match peeled.ty {
                Type::Composite(newtype) if let Some(inner) = self.inside(newtype) => {
                    order = order.or(Order::of_newtype(self, newtype.name));
                    current = inner;
                }
                _ => return Ok(Peeled { order, ..peeled }),
            }
        }
        Err(BtfError::TooDeep { id })
    }

    /// Whether the target of a pointer is tagged as one that the kernel counts.
    pub(crate) fn is_kptr(&self, target: TypeId) -> Result<bool, BtfError> {
        match self.type_by_id(target)? {
            Type::Tagged { name, .. } => {
                Ok(matches!(&*self.string(name)?, "kptr" | "kptr_untrusted" | "percpu_kptr"))
            }
            _ => Ok(false),
        }
    }

    /// Whether it is a [`Pad`](crate::Pad) of a program in Rust: `Pad<3>`, as
    /// linkers write it in BTF.
    pub(crate) fn is_pad(&self, ty: Type<'_>) -> Result<bool, BtfError> {
        let Type::Composite(newtype) = ty else { return Ok(false) };
        let Some(inner) = self.inside(newtype) else { return Ok(false) };
        let name = self.string(newtype.name)?;
        let len = name.strip_prefix("Pad_3C_").and_then(|rest| rest.strip_suffix("_3E_"));
        let is_number = |len: &str| !len.is_empty() && len.bytes().all(|c| c.is_ascii_digit());
        let is_byte = |ty| matches!(ty, Type::Int(Int { size: 1, .. }));
        Ok(len.is_some_and(is_number)
            && match self.peel(inner)?.ty {
                Type::Array { element, .. } => is_byte(self.peel(element)?.ty),
                _ => false,
            })
    }

    /// What is in a newtype: a struct that is nothing but a field without a
    /// name.
    pub(crate) fn inside(&self, composite: Composite<'_>) -> Option<TypeId> {
        if composite.union || composite.len() != 1 {
            return None;
        }
        let only = composite.members().next()?;
        let is_all = only.bit_offset == 0
            && only.bitfield_size == 0
            && self.size_of(only.target).is_ok_and(|size| size == u64::from(composite.size));
        (is_all && self.is_named(only.name, FIRST_FIELD)).then_some(only.target)
    }

    /// The size in bytes.
    pub(crate) fn size_of(&self, id: TypeId) -> Result<u64, BtfError> {
        let overflow = || BtfError::Malformed {
            what: "an array is larger than any memory",
            at: self.place_of(id),
        };
        let mut elements = 1u64;
        let mut current = id;
        for _ in 0..MAX_DEPTH {
            // Not `peel`: the limit is on all that wraps the type together.
            let one = match self.type_by_id(current)? {
                Type::Array { element, len } => {
                    elements = elements.checked_mul(u64::from(len)).ok_or(overflow())?;
                    current = element;
                    continue;
                }
                Type::Typedef { target, .. }
                | Type::Qualifier { target, .. }
                | Type::Tagged { target, .. }
                | Type::Variable { target, .. } => {
                    current = target;
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
                | Type::Function { .. }
                | Type::DeclTag { .. } => {
                    return Err(BtfError::Incomplete { name: TypeName::of(self, id).to_string() });
                }
            };
            return elements.checked_mul(u64::from(one)).ok_or(overflow());
        }
        Err(BtfError::TooDeep { id })
    }
}
