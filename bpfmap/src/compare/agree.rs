//! The common case, decided without a note of anything: two sides that agree
//! member by member.
//!
//! What it does not recognise is left to the walk, which knows all of the rules;
//! it must never accept what the walk would not.

use super::members::is_padding_name;
use crate::btf::{Btf, BtfError, Composite, Int, MAX_NAME, Member, Order, Type, TypeId};
use crate::layout::{Allowed, Counterpart, Field, Kind, Layout};

/// How deep structs and arrays are followed.
const MAX_DEPTH: usize = 16;
/// How many pairs of types are remembered: programs have many fields and few
/// types.
const REMEMBERED: usize = 16;

/// Types of one BTF that were found to agree with Rust types.
#[derive(Debug, Default)]
pub(crate) struct Agreed {
    pairs: [Option<(&'static Layout, TypeId)>; REMEMBERED],
    /// Which is replaced next.
    oldest: usize,
}

impl Agreed {
    fn contains(&self, layout: &'static Layout, id: TypeId) -> bool {
        let same = |known: &(&Layout, TypeId)| known.1 == id && std::ptr::eq(known.0, layout);
        self.pairs.iter().flatten().any(same)
    }

    fn insert(&mut self, layout: &'static Layout, id: TypeId) {
        self.pairs[self.oldest] = Some((layout, id));
        self.oldest = (self.oldest + 1) % REMEMBERED;
    }
}

/// Whether `layout` agrees with the type `id` for certain; `agreed` is of the
/// same BTF.
pub(super) fn agree(
    layout: &'static Layout,
    btf: &Btf<'_>,
    id: TypeId,
    agreed: &mut Agreed,
) -> Result<bool, BtfError> {
    // The types of maps themselves are seldom the same.
    Agreement { btf, agreed }.compare(layout, id, MAX_DEPTH)
}

struct Agreement<'a> {
    btf: &'a Btf<'a>,
    agreed: &'a mut Agreed,
}

impl Agreement<'_> {
    fn types(&mut self, rust: &'static Layout, id: TypeId, depth: usize) -> Result<bool, BtfError> {
        if self.agreed.contains(rust, id) {
            return Ok(true);
        }
        let agree = self.compare(rust, id, depth)?;
        if agree {
            self.agreed.insert(rust, id);
        }
        Ok(agree)
    }

    fn compare(
        &mut self,
        rust: &'static Layout,
        id: TypeId,
        depth: usize,
    ) -> Result<bool, BtfError> {
        let Some(depth) = depth.checked_sub(1) else { return Ok(false) };
        let peeled = self.btf.peel(id)?;
        Ok(match (rust.kind(), peeled.ty) {
            (Kind::Unsigned, Type::Int(int)) => {
                is_plain(rust, int) && !int.signed && peeled.order.is_none()
            }
            // C's `char` is of one byte, and may be signed or not.
            (Kind::Signed, Type::Int(int)) => {
                is_plain(rust, int) && int.signed && int.size > 1 && peeled.order.is_none()
            }
            (Kind::BigEndian, Type::Int(int)) => {
                is_plain(rust, int) && !int.signed && peeled.order != Some(Order::Little)
            }
            (Kind::Array { element, len }, Type::Array { element: inner, len: btf_len }) => {
                len as u64 == u64::from(btf_len) && self.types(element, inner, depth)?
            }
            (Kind::Struct { fields }, Type::Composite(composite)) => {
                !composite.union
                    && rust.size() as u64 == u64::from(composite.size)
                    && self.members(fields, composite, depth)?
            }
            _ => false,
        })
    }

    /// Each member has a field at its place, and other fields are pads.
    fn members(
        &mut self,
        fields: &'static [Field],
        composite: Composite<'_>,
        depth: usize,
    ) -> Result<bool, BtfError> {
        let mut rest = fields.iter();
        for member in composite.members() {
            if member.bitfield_size != 0 {
                return Ok(false);
            }
            let mut agree = false;
            for field in rest.by_ref() {
                let same_place = field.offset() as u64 * 8 == u64::from(member.bit_offset);
                if is_pad(field) {
                    if same_place && self.is_padding(fields, field, &member)? {
                        agree = true;
                        break;
                    }
                    // It is over a hole, or else the next field is not where the
                    // member is.
                    continue;
                }
                agree = same_place && self.field(field, &member, depth)?;
                break;
            }
            if !agree {
                return Ok(false);
            }
        }
        Ok(rest.all(is_pad))
    }

    /// Whether a member of the place of a pad is padding, by its name and by
    /// nothing else: not what another field stands for.
    fn is_padding(&self, fields: &[Field], pad: &Field, member: &Member) -> Result<bool, BtfError> {
        let is_other =
            |field: &Field| !is_pad(field) && self.btf.is_named(member.name, field.c_name());
        Ok(is_padding_name(&self.btf.string(member.name)?)
            && self.btf.size_of(member.target)? == pad.size() as u64
            && self.btf.bitfield(member)?.is_none()
            && !fields.iter().any(is_other))
    }

    /// Whether a field and a member of the same place agree.
    fn field(
        &mut self,
        field: &'static Field,
        member: &Member,
        depth: usize,
    ) -> Result<bool, BtfError> {
        Ok(is_ordinary(field)
            && self.btf.is_named(member.name, field.c_name())
            && self.types(field.layout(), member.target, depth)?)
    }
}

fn is_pad(field: &Field) -> bool {
    matches!(field.layout().kind(), Kind::Pad)
}

/// Whether the field says nothing of its counterpart.
fn is_ordinary(field: &Field) -> bool {
    let Allowed { signedness, byte_order } = field.allowed();
    let is_short = field.c_name().len() < MAX_NAME;
    field.counterpart() == Counterpart::Member && !signedness && !byte_order && is_short
}

/// Whether an integer is of that size, and not a bitfield.
fn is_plain(rust: &Layout, int: Int) -> bool {
    !int.is_bitfield() && rust.size() as u64 == u64::from(int.size)
}
