//! A type taken apart: the numbers and bytes in it, each with its path and its
//! place, whether the type is known by a Rust layout or by BTF.

use std::ops::Range;

use crate::btf::{
    Btf, BtfError, BtfType, Composite, Enumerators, Member, Order, Type, TypeId, TypeName,
};
use crate::compare::is_padding_name;
use crate::layout::{Kind, Layout};

/// How deep types are followed, and how many leaves one has: what is beyond is
/// bytes.
const MAX_DEPTH: usize = 16;
const MAX_LEAVES: usize = 256;

/// How many values of an enum are named.
const MAX_NAMES: usize = 1 << 12;

/// How many leaves there are in all arms of unions: those of unions in unions of
/// unions could be any number.
const MAX_IN_ARMS: usize = 1024;

/// A number or bytes that a key has, however deep in its type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KeyField {
    /// The names that lead there: `flow.addr[0]`; empty for a key that is a number,
    /// and for bytes that no field covers.
    pub path: String,
    /// From the beginning of the key; whole bytes but for bitfields.
    pub bits: Range<u64>,
    /// What its bits are.
    pub kind: FieldKind,
    /// Its type, as its side spells it.
    pub ty: String,
    /// Of an enum, the names of its values; not all, where these are thousands.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub names: Vec<(String, i128)>,
    /// Of a union, what its arms have: other names for the same bytes. Empty where
    /// there are too many.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub arms: Vec<UnionArm>,
}

/// One of the ways to read a union.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct UnionArm {
    /// The names that lead there; empty for an arm that is anonymous.
    pub path: String,
    /// What it consists of. Bytes of the union that it does not cover are not in it.
    pub fields: Vec<KeyField>,
}

/// What the bits of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum FieldKind {
    /// An unsigned integer in the byte order of the host.
    Unsigned,
    /// A signed integer in the byte order of the host.
    Signed,
    /// An unsigned integer in network byte order.
    BigEndian,
    /// Bytes in a row: an address, a text, a union.
    Bytes,
    /// What means nothing, and is compared by the kernel all the same.
    Padding,
}

impl KeyField {
    /// What a key of this type consists of, in the order of the bytes; those that
    /// no member covers are padding.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bytes = std::fs::read("../examples/bpf/flows.bpf.o")?;
    /// use bpfmap::Object;
    /// use bpfmap::diagnose::{FieldKind, KeyField};
    ///
    /// let object = Object::parse(&bytes)?;
    /// let fields = KeyField::of(&object.btf().type_named("flow_key")?)?;
    /// assert_eq!((&*fields[3].path, fields[3].kind), ("dport", FieldKind::BigEndian));
    /// assert_eq!(fields[3].bytes(), Some(10..12));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When it is incomplete, or the BTF is malformed there.
    pub fn of(ty: &BtfType<'_>) -> Result<Vec<Self>, BtfError> {
        of_btf(ty.btf(), ty.id())
    }

    /// Its bytes; `None` for a bitfield.
    pub fn bytes(&self) -> Option<Range<usize>> {
        let whole = self.bits.start.is_multiple_of(8) && self.bits.end.is_multiple_of(8);
        let at = |bit: u64| usize::try_from(bit / 8).ok();
        if whole { Some(at(self.bits.start)?..at(self.bits.end)?) } else { None }
    }

    /// Whether its bytes could stand in another order.
    pub(crate) fn has_order(&self) -> bool {
        self.kind != FieldKind::Padding
            && self.bytes().is_some_and(|bytes| matches!(bytes.len(), 2 | 4 | 8 | 16))
    }
}

/// What is in a Rust type.
pub(crate) fn of_layout(layout: &Layout) -> Vec<KeyField> {
    let mut leaves = Vec::new();
    rust(&mut leaves, layout, String::new(), 0, MAX_DEPTH);
    leaves
}

fn rust(leaves: &mut Vec<KeyField>, layout: &Layout, path: String, at: u64, depth: usize) {
    let (size, left) = (layout.size() as u64, leaves_left(leaves));
    let mut leaf = |kind| {
        let ty = crate::layout::TypeName(layout).to_string();
        let bits = at * 8..(at + size) * 8;
        leaves.push(KeyField {
            path: path.clone(),
            bits,
            kind,
            ty,
            names: Vec::new(),
            arms: Vec::new(),
        });
    };
    if depth == 0 {
        return leaf(FieldKind::Bytes);
    }
    match layout.kind() {
        Kind::Unsigned => leaf(FieldKind::Unsigned),
        Kind::Signed => leaf(FieldKind::Signed),
        Kind::BigEndian => leaf(FieldKind::BigEndian),
        Kind::Pad | Kind::KernelOwned { .. } => leaf(FieldKind::Padding),
        Kind::Array { element, .. } if element.size() == 1 && element.fields().is_empty() => {
            leaf(FieldKind::Bytes);
        }
        Kind::Array { len, .. } if left < len => leaf(FieldKind::Bytes),
        Kind::Array { element, len } => {
            for index in 0..len {
                let at = at + (index * element.size()) as u64;
                rust(leaves, element, format!("{path}[{index}]"), at, depth - 1);
            }
        }
        Kind::Struct { fields } if left < fields.len() => leaf(FieldKind::Bytes),
        Kind::Struct { fields } => {
            for field in fields {
                let (at, before) = (at + field.offset() as u64, leaves.len());
                let path = match (fields.len(), field.c_name()) {
                    // A newtype stands for what is in it.
                    (1, "__0") => path.clone(),
                    _ => join(&path, field.name()),
                };
                rust(leaves, field.layout(), path, at, depth - 1);
                if field.is_padding() {
                    leaves[before..].iter_mut().for_each(|leaf| leaf.kind = FieldKind::Padding);
                }
            }
        }
    }
}

fn leaves_left(leaves: &[KeyField]) -> usize {
    MAX_LEAVES.saturating_sub(leaves.len())
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}.{name}") }
}

/// What is in a type of BTF; bytes that no member covers are padding.
///
/// # Errors
///
/// When it is incomplete, or the BTF is malformed there.
pub(crate) fn of_btf(btf: &Btf<'_>, id: TypeId) -> Result<Vec<KeyField>, BtfError> {
    let mut open = Open { btf, leaves: Vec::new(), left_in_arms: MAX_IN_ARMS };
    open.ty(id, String::new(), 0, MAX_DEPTH)?;
    let size = btf.size_of(id)?.saturating_mul(8);
    let mut leaves = open.leaves;
    leaves.sort_by_key(|leaf| leaf.bits.start);
    let mut holes = Vec::new();
    let mut covered = 0;
    let mut hole = |bits: Range<u64>| {
        let (path, ty) = (String::new(), String::new());
        holes.push(KeyField {
            path,
            bits,
            kind: FieldKind::Padding,
            ty,
            names: Vec::new(),
            arms: Vec::new(),
        });
    };
    for field in &leaves {
        if field.bits.start > covered {
            hole(covered..field.bits.start);
        }
        covered = covered.max(field.bits.end);
    }
    if size > covered {
        hole(covered..size);
    }
    leaves.append(&mut holes);
    leaves.sort_by_key(|leaf| leaf.bits.start);
    Ok(leaves)
}

fn names(btf: &Btf<'_>, values: Enumerators<'_>) -> Result<Vec<(String, i128)>, BtfError> {
    let name = |(name, value)| Ok((btf.string(name)?.into_owned(), value));
    values.iter().take(MAX_NAMES).map(name).collect()
}

struct Open<'a> {
    btf: &'a Btf<'a>,
    leaves: Vec<KeyField>,
    left_in_arms: usize,
}

impl Open<'_> {
    fn leaf(&mut self, id: TypeId, path: String, bits: Range<u64>, kind: FieldKind) {
        let ty = TypeName::of(self.btf, id).to_string();
        self.leaves.push(KeyField { path, bits, kind, ty, names: Vec::new(), arms: Vec::new() });
    }

    /// A union is bytes, and has arms; `within` is the path to these.
    fn union(
        &mut self,
        id: TypeId,
        path: String,
        within: &str,
        at: u64,
        depth: usize,
    ) -> Result<(), BtfError> {
        let bits = at..at.saturating_add(self.btf.size_of(id)?.saturating_mul(8));
        let arms = self.arms(id, within, at, depth)?;
        self.leaf(id, path, bits, FieldKind::Bytes);
        if let Some(leaf) = self.leaves.last_mut() {
            leaf.arms = arms;
        }
        Ok(())
    }

    fn arms(
        &mut self,
        id: TypeId,
        within: &str,
        at: u64,
        depth: usize,
    ) -> Result<Vec<UnionArm>, BtfError> {
        let Type::Composite(union) = self.btf.peel_newtypes(id)?.ty else { return Ok(Vec::new()) };
        let mut arms = Vec::new();
        let outside = std::mem::take(&mut self.leaves);
        if depth > 0 {
            for arm in union.members() {
                if self.left_in_arms == 0 {
                    break;
                }
                let name = self.btf.string(arm.name)?;
                let path = if name.is_empty() { String::new() } else { join(within, &name) };
                self.member(&arm, within, at, depth)?;
                let fields = std::mem::take(&mut self.leaves);
                // One that is empty counts, too.
                self.left_in_arms = self.left_in_arms.saturating_sub(fields.len().max(1));
                arms.push(UnionArm { path, fields });
            }
        }
        self.leaves = outside;
        // Half of them would say that the others are wrong.
        if self.left_in_arms == 0 {
            arms.clear();
        }
        Ok(arms)
    }

    /// `at` is in bits.
    fn ty(&mut self, id: TypeId, path: String, at: u64, depth: usize) -> Result<(), BtfError> {
        let size = self.btf.size_of(id)?;
        let bits = at..at.saturating_add(size.saturating_mul(8));
        let peeled = self.btf.peel_newtypes(id)?;
        let names = match peeled.ty {
            Type::Enum { values, .. } => names(self.btf, values)?,
            _ => Vec::new(),
        };
        let kind = match (peeled.ty, peeled.order) {
            _ if depth == 0 => FieldKind::Bytes,
            (Type::Int(_) | Type::Enum { .. }, Some(Order::Big)) => FieldKind::BigEndian,
            (Type::Int(int), _) if int.size > 8 => FieldKind::Bytes,
            (Type::Int(int), _) if int.signed => FieldKind::Signed,
            (Type::Int(_) | Type::Enum { .. } | Type::Pointer { .. }, _) => FieldKind::Unsigned,
            (ty, _) if self.btf.is_pad(ty)? => FieldKind::Padding,
            (Type::Array { element, len }, _) => {
                let one = self.btf.size_of(element)?;
                // Bytes in a row are one leaf, but for what has names or members.
                let is_byte = matches!(self.btf.peel_newtypes(element)?.ty, Type::Int(_));
                let is_opened =
                    (one > 1 || one == 1 && !is_byte) && len as usize <= leaves_left(&self.leaves);
                if !is_opened {
                    self.leaf(id, path, bits, FieldKind::Bytes);
                    return Ok(());
                }
                for index in 0..len {
                    let at = at + u64::from(index) * one * 8;
                    self.ty(element, format!("{path}[{index}]"), at, depth - 1)?;
                }
                return Ok(());
            }
            (Type::Composite(composite), _) if composite.union => {
                let within = path.clone();
                return self.union(id, path, &within, at, depth - 1);
            }
            (Type::Composite(composite), _) if composite.len() <= leaves_left(&self.leaves) => {
                return self.members(composite, &path, at, depth);
            }
            _ => FieldKind::Bytes,
        };
        self.leaf(id, path, bits, kind);
        if let Some(leaf) = self.leaves.last_mut() {
            leaf.names = names;
        }
        Ok(())
    }

    fn members(
        &mut self,
        composite: Composite<'_>,
        path: &str,
        at: u64,
        depth: usize,
    ) -> Result<(), BtfError> {
        composite.members().try_for_each(|member| self.member(&member, path, at, depth))
    }

    /// A member of what is at `path` and at `at`.
    fn member(
        &mut self,
        member: &Member,
        path: &str,
        at: u64,
        depth: usize,
    ) -> Result<(), BtfError> {
        let name = self.btf.string(member.name)?;
        let (before, start) = (self.leaves.len(), at + u64::from(member.bit_offset));
        if let Some((start, width)) = self.btf.bitfield(member)? {
            let bits = at + start..at + start + width;
            let path = if name.is_empty() { path.into() } else { join(path, &name) };
            let (kind, names) = match self.btf.peel(member.target)?.ty {
                Type::Int(int) if int.signed => (FieldKind::Signed, Vec::new()),
                Type::Enum { values, .. } => (FieldKind::Unsigned, names(self.btf, values)?),
                _ => (FieldKind::Unsigned, Vec::new()),
            };
            self.leaf(member.target, path, bits, kind);
            if let Some(leaf) = self.leaves.last_mut() {
                leaf.names = names;
            }
        } else if !name.is_empty() {
            self.ty(member.target, join(path, &name), start, depth - 1)?;
        } else {
            // In C its members belong to the struct around it.
            match self.arms_joined(path, member.target)? {
                Some(joined) => self.union(member.target, joined, path, start, depth - 1)?,
                None => self.ty(member.target, path.into(), start, depth - 1)?,
            }
        }
        if is_padding_name(&name) {
            self.leaves[before..].iter_mut().for_each(|leaf| leaf.kind = FieldKind::Padding);
        }
        Ok(())
    }

    /// The path to an anonymous union, which is named after its arms.
    fn arms_joined(&self, path: &str, id: TypeId) -> Result<Option<String>, BtfError> {
        match self.btf.peel(id)?.ty {
            Type::Composite(union) if union.union => {
                let arms = union.members().take(4).map(|arm| self.btf.string(arm.name));
                let arms = arms.collect::<Result<Vec<_>, _>>()?;
                Ok(Some(join(path, &arms.join("|"))))
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Object;

    fn fields(name: &str) -> Vec<String> {
        let bytes = std::fs::read("../tests/bpf/shapes.bpf.o").expect("the object");
        let object = Object::parse(&bytes).expect("an object");
        let ty = object.btf().type_named(name).expect("a type");
        let fields = KeyField::of(&ty).expect("fields");
        let one = |field: &KeyField| {
            let (start, end) = (field.bits.start, field.bits.end);
            match field.bytes() {
                Some(bytes) => format!("{} {bytes:?} {:?}", field.path, field.kind),
                None => format!("{} bits {start}..{end} {:?}", field.path, field.kind),
            }
        };
        fields.iter().map(one).collect()
    }

    #[test]
    fn bytes_that_no_member_covers_are_padding() {
        let expected = [
            "a 0..1 Unsigned",
            " 1..4 Padding",
            "b 4..8 Unsigned",
            "c 8..10 Unsigned",
            " 10..12 Padding",
        ];
        assert_eq!(fields("holes"), expected);
        let padding = fields("padding");
        assert_eq!(padding[1], "__pad1 1..4 Padding");
        assert_eq!(padding[3..], ["reserved 8..12 Padding", "padlock 12..16 Unsigned"]);
    }

    #[test]
    fn members_are_found_wherever_they_are() {
        let nested = fields("nested");
        assert_eq!(nested[0], "first.x 0..4 Unsigned");
        assert_eq!(nested[5], "more[0].z 14..16 Unsigned");
        assert_eq!(
            nested[9..12],
            ["matrix[0] 24..27 Bytes", "matrix[1] 27..30 Bytes", "end 30..32 Unsigned"]
        );
        assert_eq!(fields("anonymous")[1], "b 4..6 Unsigned");
        let unions = fields("unions");
        assert_eq!(unions[1..], ["v4|v6 4..20 Bytes", "named 20..24 Bytes"]);
    }

    #[test]
    fn a_union_has_the_fields_of_its_arms() {
        let bytes = std::fs::read("../tests/bpf/shapes.bpf.o").expect("the object");
        let object = Object::parse(&bytes).expect("an object");
        let fields = KeyField::of(&object.btf().type_named("arms").expect("a type"));
        let fields = fields.expect("fields");
        let arms = |field: &KeyField| -> Vec<_> {
            let arm = |arm: &UnionArm| {
                let fields = arm.fields.iter().map(|field| (field.path.clone(), field.bytes()));
                (arm.path.clone(), fields.collect::<Vec<_>>())
            };
            field.arms.iter().map(arm).collect()
        };
        let anonymous = vec![
            (String::new(), vec![("port".into(), Some(4..6)), ("zone".into(), Some(6..8))]),
            (String::new(), vec![("index".into(), Some(4..8))]),
        ];
        assert_eq!(arms(&fields[1]), anonymous);
        let (x, y, z) = ("named.inner.x", "named.inner.y", "named.inner.z");
        let inner =
            [(x, 8..12), (y, 12..14), (z, 14..16)].map(|(path, at)| (path.into(), Some(at)));
        let named = vec![
            ("named.word".into(), vec![("named.word".into(), Some(8..16))]),
            ("named.inner".into(), inner.to_vec()),
        ];
        assert_eq!(arms(&fields[2]), named);
        assert_eq!(arms(&fields[0]), []);
    }

    #[test]
    fn orders_and_bitfields_are_told_apart() {
        let orders = fields("orders");
        assert_eq!(
            orders[0..3],
            ["be64 0..8 BigEndian", "be32 8..12 BigEndian", "be16 12..14 BigEndian"]
        );
        assert_eq!(orders[5], "host16 20..22 Unsigned");
        let bitfields = fields("bitfields");
        assert_eq!(bitfields[0..2], ["a bits 0..4 Unsigned", "b bits 4..16 Unsigned"]);
        assert_eq!(bitfields[2], "c 2..4 Unsigned");
        assert_eq!(fields("enums"), ["color 0..4 Unsigned", "sign 4..8 Unsigned"]);
    }
}
