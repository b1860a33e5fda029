//! Whether two types agree.

use super::MismatchKind;
use super::matching::newtype;
use super::members::{members, variables};
use super::walk::{ELEMENT, Leeway, Pair, Walk};
use crate::btf::{BtfError, Composite, FIRST_FIELD, Order, Type, TypeId, TypeName};
use crate::layout::{Counterpart, Kind, Layout};
use crate::verification::BtfSource;

/// The size of a pointer in BPF, on every host.
const POINTER_SIZE: usize = 8;

/// The byte order of this machine.
const HOST_ORDER: Order = if cfg!(target_endian = "big") { Order::Big } else { Order::Little };

/// What is in a newtype, and what its field says may differ.
struct Newtype {
    rust: &'static Layout,
    leeway: Leeway,
}

impl Walk<'_> {
    /// Compares the types at one place, and what is in them.
    pub(super) fn types(&mut self, mut pair: Pair) -> Result<(), BtfError> {
        // Newtypes may be deep: the stack is for what is nested.
        while let Some(inner) = self.compare(pair)? {
            let leeway = pair.leeway.or(inner.leeway);
            pair = Pair { rust: inner.rust, leeway, depth: pair.depth - 1, ..pair };
        }
        Ok(())
    }

    /// Compares the types at one place; what is in a newtype is yet to be
    /// compared.
    fn compare(&mut self, pair: Pair) -> Result<Option<Newtype>, BtfError> {
        if pair.depth == 0 {
            return Err(BtfError::TooDeep { id: pair.btf });
        }
        // The pads of a program in Rust, as elements of an array.
        if pair.rust.kind() == Kind::Pad
            && self.btf.is_pad(self.btf.peel(pair.btf)?.ty)?
            && self.btf.size_of(pair.btf)? == pair.rust.size() as u64
        {
            return Ok(None);
        }
        // A newtype stands for what is in it, on either side; where there is one
        // on both their fields are compared, with what the attributes say.
        let peeled = match pair.rust.kind() {
            Kind::Struct { fields: [only] } if only.c_name() == FIRST_FIELD => {
                self.btf.peel(pair.btf)?
            }
            _ => self.btf.peel_newtypes(pair.btf)?,
        };
        let is_struct = match peeled.ty {
            Type::Composite(composite) => !composite.union,
            Type::Section(_) => true,
            _ => false,
        };
        if let Kind::Struct { fields: [only] } = pair.rust.kind()
            && matches!(only.counterpart(), Counterpart::Member | Counterpart::Pointer)
            && !is_struct
        {
            if only.counterpart() == Counterpart::Pointer && !self.is_pointer(pair.btf)? {
                return self.wrong_word(pair).map(|()| None);
            }
            return Ok(Some(Newtype { rust: only.layout(), leeway: Leeway::of(only) }));
        }
        // A struct of nothing but opaque bytes stands for what is no struct, such
        // as a union, as a field of them does.
        if let Kind::Struct { fields: [only] } = pair.rust.kind()
            && only.counterpart() == Counterpart::Opaque
            && !is_struct
        {
            return self.opaque(pair, self.btf.size_of(pair.btf)?, None).map(|()| None);
        }
        let compared = match (pair.rust.kind(), peeled.ty) {
            (
                _,
                Type::Void | Type::Forward { .. } | Type::Function { .. } | Type::DeclTag { .. },
            ) => Err(BtfError::Incomplete { name: TypeName::of(self.btf, pair.btf).to_string() }),
            (Kind::KernelOwned { c_name: "kptr" }, Type::Pointer { target })
                if self.btf.is_kptr(target)? =>
            {
                Ok(())
            }
            (Kind::Unsigned, Type::Pointer { .. })
                if pair.leeway.pointer && pair.rust.size() == POINTER_SIZE =>
            {
                Ok(())
            }
            (_, Type::Pointer { .. }) => self.differ(MismatchKind::Pointer, pair),
            // A kernel that does not know ENUM64 was given this in its place.
            (
                rust @ (Kind::Unsigned | Kind::Signed | Kind::BigEndian),
                Type::Composite(composite),
            ) if composite.union && self.is_enum64(composite)? => {
                let order = if rust == Kind::BigEndian { Some(HOST_ORDER) } else { None };
                self.scalars(pair, composite.size, rust == Kind::Signed, order)
            }
            (_, Type::Composite(composite)) if composite.union => {
                self.differ(MismatchKind::Union, pair)
            }
            // The bits of a floating-point number, as `from_bits` takes them. A
            // kernel that does not know FLOAT was given an empty struct instead.
            (Kind::Unsigned, Type::Float { size, .. }) => self.scalars(pair, size, false, None),
            (Kind::Unsigned, Type::Composite(empty)) if self.is_float_placeholder(empty) => {
                self.scalars(pair, empty.size, false, None)
            }
            (Kind::Unsigned | Kind::Signed | Kind::BigEndian, Type::Int(int))
                if int.is_bitfield() =>
            {
                self.differ(MismatchKind::Bitfield, pair)
            }
            (rust @ (Kind::Unsigned | Kind::Signed | Kind::BigEndian), Type::Int(int)) => {
                // C does not say whether a `char` is signed. `signed char` is.
                let plain_char = int.size == 1 && self.btf.string(int.name)? == "char";
                let signed = if plain_char { rust == Kind::Signed } else { int.signed };
                self.scalars(pair, int.size, signed, peeled.order)
            }
            (rust @ (Kind::Unsigned | Kind::Signed | Kind::BigEndian), Type::Enum { size, .. }) => {
                // Older compilers do not record whether an enum is signed. It
                // is in the byte order of the host.
                let order = if rust == Kind::BigEndian { Some(HOST_ORDER) } else { None };
                self.scalars(pair, size, rust == Kind::Signed, order)
            }
            (Kind::Array { element, len }, Type::Array { element: btf, len: btf_len }) => {
                let inner = Pair { rust: element, btf, depth: pair.depth - 1, ..pair };
                let same_length = len as u64 == u64::from(btf_len);
                if !same_length {
                    self.differ(MismatchKind::ArrayLength, pair)?;
                }
                // Whatever else is wrong with a scalar is in the advice; the
                // fields of a struct are not.
                if same_length || matches!(element.kind(), Kind::Struct { .. }) {
                    self.step(ELEMENT, ELEMENT.into(), |walk| walk.types(inner))?;
                }
                Ok(())
            }
            // C's `__int128`, for which Rust has no type of the same alignment.
            (Kind::Array { element, len: 2 }, Type::Int(int))
                if int.size == 16 && element.size() == 8 && element.kind() == Kind::Unsigned =>
            {
                Ok(())
            }
            (Kind::KernelOwned { c_name }, Type::Composite(composite)) => {
                let same_size = pair.rust.size() as u64 == u64::from(composite.size);
                match self.btf.string(composite.name)? == c_name {
                    true if same_size => Ok(()),
                    true => self.differ(MismatchKind::Size, pair),
                    false => self.differ(MismatchKind::Type, pair),
                }
            }
            (Kind::Struct { fields }, Type::Composite(composite)) => {
                let members = members(self.btf, composite, pair.btf_at)?;
                if let Some(inner) = newtype(fields, &members) {
                    return Ok(Some(Newtype { rust: inner, leeway: Leeway::default() }));
                }
                self.fields(pair, fields, &members)?;
                if pair.rust.size() as u64 != u64::from(composite.size) {
                    self.differ(MismatchKind::Size, pair)?;
                }
                Ok(())
            }
            (Kind::Struct { fields }, Type::Section(section)) => {
                let variables = variables(self.btf, section, pair.btf_at)?;
                self.fields(pair, fields, &variables)?;
                if pair.rust.size() as u64 != u64::from(section.size) {
                    self.differ(MismatchKind::Size, pair)?;
                }
                Ok(())
            }
            _ => self.differ(MismatchKind::Type, pair),
        };
        compared.map(|()| None)
    }

    fn scalars(
        &mut self,
        pair: Pair,
        size: u32,
        signed: bool,
        order: Option<Order>,
    ) -> Result<(), BtfError> {
        let rust = pair.rust.kind();
        if pair.rust.size() as u64 != u64::from(size) {
            self.differ(MismatchKind::Size, pair)?;
        }
        if signed != (rust == Kind::Signed) && !pair.leeway.signedness {
            self.differ(MismatchKind::Signedness, pair)?;
        }
        let agree = match (rust, order) {
            (_, None) => true,
            (Kind::BigEndian, Some(order)) => order == Order::Big,
            (_, Some(Order::Big)) => false,
            // There is no Rust type for it; on a host of that order an integer is one.
            (_, Some(Order::Little)) => HOST_ORDER == Order::Little,
        };
        if agree || pair.leeway.byte_order {
            return Ok(());
        }
        self.differ(MismatchKind::ByteOrder, pair)
    }

    /// Whether a union stands for an enum of 64 bits: loaders make one whose
    /// members, the enumerators, are all of a type of this name.
    fn is_enum64(&self, union: Composite<'_>) -> Result<bool, BtfError> {
        if union.size != 8 || union.len() == 0 {
            return Ok(false);
        }
        for member in union.members() {
            match self.btf.type_by_id(member.target)? {
                Type::Int(int) if self.btf.is_named(int.name, "enum64_placeholder") => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Whether a struct stands for a floating-point number: loaders make an
    /// empty one of its size. In an object it is what the program has written.
    fn is_float_placeholder(&self, composite: Composite<'_>) -> bool {
        self.btf.source() != BtfSource::Object
            && !composite.union
            && composite.len() == 0
            && matches!(composite.size, 4 | 8)
            && self.btf.is_named(composite.name, "")
    }

    /// Whether a loader has put that in the place of a type.
    pub(super) fn is_placeholder(&self, id: TypeId) -> Result<bool, BtfError> {
        Ok(match self.btf.peel(id)?.ty {
            Type::Composite(composite) => {
                self.is_float_placeholder(composite)
                    || composite.union && self.is_enum64(composite)?
            }
            _ => false,
        })
    }
}
