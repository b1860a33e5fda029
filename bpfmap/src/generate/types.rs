//! The Rust type for a type in BTF.

use super::item::{Field, Item, Struct, Ty, Words};
use super::{Generator, names};
use crate::btf::{BtfError, Composite, Int, Order, Type, TypeId, TypeName};
use crate::layout::kernel_owned_type;

/// How deep structs and arrays are followed; the comparison goes a little
/// deeper.
const MAX_DEPTH: usize = 48;
/// How many structs are written. Members may be of so many that nobody reads
/// them.
const MAX_ITEMS: usize = 1 << 12;
/// How many members they have together.
const MAX_FIELDS: usize = 1 << 15;
/// How many typedefs and qualifiers are looked through for a name.
const MAX_TYPEDEFS: usize = 32;

const TOO_MANY: &str = "one of too many types";

impl Generator<'_> {
    /// A type with which a map, or another alias, can be written: what needs a
    /// word is in a struct of its own.
    pub(super) fn root(&mut self, id: TypeId, name: &str) -> Result<Ty, BtfError> {
        let ty = self.ty(id, name)?;
        if !ty.words.any() || ty.size == 0 {
            return Ok(ty);
        }
        let own = self.name_of(id)?;
        let name = self.types.unique(names::camel(own.as_deref().unwrap_or(name)));
        let mut docs = vec![self.described(id)?];
        docs.extend(ty.sentence());
        let (size, align) = (ty.size, ty.align);
        let field = Field { name: "0".into(), ty, c_name: None };
        self.items.push(Item::Struct(Struct {
            name: name.clone(),
            docs,
            key: self.key,
            packed: false,
            tuple: true,
            fields: vec![field],
        }));
        Ok(Ty { align, ..Ty::new(name, size) })
    }

    /// The type of a field. `name` is for what has none.
    pub(super) fn ty(&mut self, id: TypeId, name: &str) -> Result<Ty, BtfError> {
        if self.depth == MAX_DEPTH {
            return Ok(Ty::opaque(self.btf.size_of(id)?, "nested too deeply"));
        }
        self.depth += 1;
        let ty = self.ty_within(id, name);
        self.depth -= 1;
        ty
    }

    fn ty_within(&mut self, id: TypeId, name: &str) -> Result<Ty, BtfError> {
        let size = self.btf.size_of(id)?;
        let peeled = self.btf.peel(id)?;
        Ok(match peeled.ty {
            Type::Int(int) => self.int(int, peeled.order)?,
            Type::Float { size: size @ (2 | 4 | 8), .. } => {
                let size = u64::from(size);
                let note = format!("the bits of a `{}`", TypeName::of(self.btf, id));
                Ty::new(format!("u{}", size * 8), size).with_note(note)
            }
            Type::Enum { size, signed, values, .. } => match self.done.get(&peeled.id) {
                Some(done) => done.clone(),
                None if self.is_full() => Ty::opaque(size.into(), TOO_MANY),
                None => {
                    let own = self.name_of(id)?;
                    let name = own.as_deref().unwrap_or(name);
                    let ty = self.enumeration(peeled.id, size, signed, values, name)?;
                    self.done.insert(peeled.id, ty.clone());
                    ty
                }
            },
            Type::Pointer { target } if self.btf.is_kptr(target)? && !self.key => {
                Ty { align: 8, ..Ty::new("Kptr", 8) }
            }
            Type::Pointer { .. } => {
                let words = Words { pointer: true, ..Words::default() };
                let note = format!("`{}`", TypeName::of(self.btf, id));
                Ty { words, ..Ty::new("u64", 8) }.with_note(note)
            }
            Type::Array { element, len } => {
                let inner = self.ty(element, name)?;
                match inner.words.opaque {
                    true => Ty { size, text: format!("[u8; {size}]"), ..inner },
                    false => Ty { size, text: format!("[{}; {len}]", inner.text), ..inner },
                }
            }
            Type::Composite(union) if union.union => {
                let note = format!("a union: {}", self.arms(union)?);
                Ty::opaque(size, note)
            }
            Type::Composite(composite) => self.composite(id, composite, name)?,
            _ => Ty::opaque(size, "of a kind that is not data"),
        })
    }

    fn int(&mut self, int: Int, order: Option<Order>) -> Result<Ty, BtfError> {
        let (size, c_name) = (u64::from(int.size), self.btf.string(int.name)?);
        if int.is_bitfield() {
            return Ok(Ty::opaque(size, "an integer of less bits than its bytes have"));
        }
        let big = order == Some(Order::Big);
        let mut words = Words::default();
        let text = match int.size {
            2 | 4 | 8 if big => {
                words.signedness = int.signed;
                format!("Be{}", size * 8)
            }
            1 | 2 | 4 | 8 if !big => {
                words.byte_order = order == Some(Order::Little) && size > 1;
                // C's `char`, signed or not, holds bytes.
                let signed = int.signed && !(size == 1 && c_name == "char");
                format!("{}{}", if signed { 'i' } else { 'u' }, size * 8)
            }
            16 if order.is_none() => {
                let note = format!("`{c_name}`, the half that stands first in memory first");
                return Ok(Ty { align: 8, ..Ty::new("[u64; 2]", 16) }.with_note(note));
            }
            _ => return Ok(Ty::opaque(size, "an integer that Rust has not")),
        };
        let ty = Ty { words, ..Ty::new(text, size) };
        Ok(match &*c_name {
            "_Bool" | "bool" => ty.with_note("a `bool`: 0 is false, all else true"),
            _ if words.byte_order => ty.with_note("little-endian, whatever the host is"),
            _ => ty,
        })
    }

    /// A struct: one of this crate's own types, or one that is written.
    fn composite(
        &mut self,
        id: TypeId,
        composite: Composite<'_>,
        name: &str,
    ) -> Result<Ty, BtfError> {
        let (size, own) = (u64::from(composite.size), self.name_of(id)?);
        let own = own.as_deref();
        let inside = self.btf.inside(composite);
        if self.btf.is_pad(Type::Composite(composite))? {
            return Ok(Ty { align: 1, ..Ty::new(format!("Pad<{size}>"), size) });
        }
        if let Some(inner) = inside {
            let number = match self.btf.peel(inner)?.ty {
                Type::Int(int) => !int.signed && !int.is_bitfield() && u64::from(int.size) == size,
                _ => false,
            };
            if number && own == Some(&*format!("Be{}", size * 8)) {
                return Ok(Ty::new(own.unwrap_or_default(), size));
            }
            // An instance of a type with parameters, such as `Enum<...>`.
            if own.is_some_and(names::is_mangled) {
                return self.ty(inner, name);
            }
        }
        if let Some(ty) = own.and_then(kernel_owned_type)
            && self.btf.is_named(composite.name, own.unwrap_or_default())
            && ty.size() as u64 == size
        {
            return Ok(match self.key {
                true => Ty::opaque(size, "owned by the kernel, and yet in a key"),
                false => Ty { align: ty.align() as u64, ..Ty::new(ty.name(), size) },
            });
        }
        if let Some(done) = self.done.get(&composite.id) {
            return Ok(done.clone());
        }
        if size == 0 {
            return Ok(Ty { align: 1, ..Ty::new("[u8; 0]", 0) });
        }
        if self.is_full() {
            return Ok(Ty::opaque(size, TOO_MANY));
        }
        // A struct cannot hold itself, whatever hostile BTF says.
        let itself = Ty::opaque(size, "a struct that holds itself");
        self.done.insert(composite.id, itself);
        let ty = self.structure(id, composite, own.unwrap_or(name));
        match &ty {
            Ok(ty) => self.done.insert(composite.id, ty.clone()),
            Err(_) => self.done.remove(&composite.id),
        };
        ty
    }

    fn is_full(&self) -> bool {
        self.items.len() >= MAX_ITEMS || self.fields >= MAX_FIELDS
    }

    /// The name of a type: that of the struct, or of the last typedef before it.
    pub(super) fn name_of(&self, id: TypeId) -> Result<Option<String>, BtfError> {
        let (mut current, mut name) = (id, None);
        for _ in 0..MAX_TYPEDEFS {
            let ty = self.btf.type_by_id(current)?;
            let own = match ty {
                Type::Typedef { .. } | Type::Composite(_) | Type::Enum { .. } => ty.name(),
                _ => None,
            };
            if let Some(own) = own {
                name =
                    Some(self.btf.string(own)?.into_owned()).filter(|own| !own.is_empty()).or(name);
            }
            current = match ty {
                Type::Typedef { target, .. }
                | Type::Qualifier { target, .. }
                | Type::Tagged { target, .. }
                | Type::Variable { target, .. } => target,
                _ => break,
            };
        }
        Ok(name)
    }

    /// A type as C spells it, and its size.
    pub(super) fn described(&self, id: TypeId) -> Result<String, BtfError> {
        let size = self.btf.size_of(id)?;
        let plural = if size == 1 { "" } else { "s" };
        Ok(format!("{}, {size} byte{plural}.", self.spelled(id)))
    }

    /// A type as C spells it.
    pub(super) fn spelled(&self, id: TypeId) -> String {
        format!("`{}`", TypeName::of(self.btf, id))
    }
}
