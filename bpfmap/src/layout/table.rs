//! The offset table.

/// What bpfmap knows of a Rust type: its name, size, alignment, and what its
/// bytes mean.
///
/// `Display` draws it as a table:
///
/// ```
/// use bpfmap::{Be16, BpfLayout, BpfMapKey, Pad};
///
/// #[derive(BpfMapKey, Clone, Copy)]
/// #[repr(C)]
/// struct Key { addr: [u8; 16], port: Be16, pad: Pad<2> }
///
/// assert_eq!(Key::LAYOUT.to_string(), "\
/// Key: 20 bytes, alignment 2
///   offset  size  field  type
///   0       16    addr   [u8; 16]
///   16      2     port   Be16
///   18      2     pad    Pad<2>
/// ");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub struct Layout {
    name: &'static str,
    size: usize,
    align: usize,
    kind: Kind,
    /// Whether the derive refused it, or a type in it: one error is enough.
    #[cfg_attr(feature = "serde", serde(skip))]
    refused: bool,
}

/// What the bytes of a type mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Kind {
    /// An unsigned integer in the byte order of the host.
    Unsigned,
    /// A signed integer in the byte order of the host.
    Signed,
    /// An unsigned integer in big-endian (network) byte order.
    BigEndian,
    /// `len` values of one type, without anything between them.
    Array {
        /// The type of one value.
        element: &'static Layout,
        /// How many there are.
        len: usize,
    },
    /// A struct; its fields cover every byte of it.
    Struct {
        /// The fields, by rising offset.
        fields: &'static [Field],
    },
    /// Bytes without a meaning, a [`Pad`](crate::Pad).
    Pad,
    /// Bytes that belong to the kernel, such as a
    /// [`SpinLock`](crate::SpinLock).
    KernelOwned {
        /// The name of the struct in the kernel.
        c_name: &'static str,
    },
}

/// What a field stands for on the other side.
///
/// Everything but `Member` is said by an attribute on the field, as it cannot
/// be inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Counterpart {
    /// A member of the same kind.
    Member,
    /// A pointer: `#[bpf(pointer)]`.
    Pointer,
    /// The bitfields in its bytes: `#[bpf(bitfields)]`.
    Bitfields,
    /// Whatever is in its bytes: `#[bpf(opaque)]`.
    Opaque,
    /// An arm of an anonymous union: `#[bpf(arm_of_union)]`.
    ArmOfUnion,
    /// An arm of the union that is the member of that name:
    /// `#[bpf(arm_of = "member")]`.
    ArmOf(&'static str),
}

/// In what a field may differ from its counterpart:
/// `#[bpf(allow(signedness, byte_order))]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub struct Allowed {
    /// One side may be signed and the other not.
    pub signedness: bool,
    /// The byte order may differ.
    pub byte_order: bool,
}

/// One field of a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub struct Field {
    name: &'static str,
    c_name: &'static str,
    offset: usize,
    layout: &'static Layout,
    counterpart: Counterpart,
    allowed: Allowed,
}

impl Layout {
    #[doc(hidden)]
    pub const fn new(name: &'static str, size: usize, align: usize, kind: Kind) -> Self {
        let refused = match kind {
            Kind::Array { element, .. } => element.refused,
            _ => false,
        };
        Self { name, size, align, kind, refused }
    }

    /// The layout of a struct. Unless it is packed its alignment is at least
    /// that of its fields in BPF, which is more than the host's on some 32-bit
    /// hosts.
    #[doc(hidden)]
    pub const fn of_struct(
        name: &'static str,
        size: usize,
        mut align: usize,
        packed: bool,
        fields: &'static [Field],
    ) -> Self {
        let (mut index, mut refused) = (0, false);
        while index < fields.len() {
            let layout = fields[index].layout;
            if !packed && layout.align > align {
                align = layout.align;
            }
            refused |= layout.refused;
            index += 1;
        }
        Self { name, size, align, kind: Kind::Struct { fields }, refused }
    }

    /// Stands for the layout of a struct that the derive refused.
    pub(crate) const REFUSED: Self =
        Self { name: "", size: 0, align: 1, kind: Kind::Struct { fields: &[] }, refused: true };

    /// Whether the derive refused it, or a type in it.
    pub(crate) const fn is_refused(&self) -> bool {
        self.refused
    }

    /// Whether it is that of an [`Enum`](crate::Enum), an integer with the name of
    /// the enum.
    pub(crate) fn is_enum(&self) -> bool {
        /// Those of integers.
        const PLAIN: [&str; 8] = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];
        matches!(self.kind, Kind::Unsigned | Kind::Signed) && !PLAIN.contains(&self.name)
    }

    /// The name of the Rust type, of an [`Enum`](crate::Enum) that of the enum. That of an array or a [`Pad`](crate::Pad) is
    /// empty: it is drawn from its [`kind`](Self::kind).
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its size in bytes.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Its alignment in bytes, as BPF has it: that of an integer is its size.
    pub const fn align(&self) -> usize {
        self.align
    }

    /// What its bytes mean.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The fields of a struct by rising offset; empty for any other kind.
    pub const fn fields(&self) -> &'static [Field] {
        match self.kind {
            Kind::Struct { fields } => fields,
            _ => &[],
        }
    }
}

impl Field {
    #[doc(hidden)]
    pub const fn new(
        name: &'static str,
        c_name: &'static str,
        offset: usize,
        layout: &'static Layout,
    ) -> Self {
        let (counterpart, allowed) =
            (Counterpart::Member, Allowed { signedness: false, byte_order: false });
        Self { name, c_name, offset, layout, counterpart, allowed }
    }

    #[doc(hidden)]
    pub const fn stands_for(self, counterpart: Counterpart) -> Self {
        Self { counterpart, ..self }
    }

    #[doc(hidden)]
    pub const fn allow(self, signedness: bool, byte_order: bool) -> Self {
        Self { allowed: Allowed { signedness, byte_order }, ..self }
    }

    /// Its name in the Rust struct, without `r#`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its name on the other side: that of `#[bpf(name = "...")]`, else
    /// [`name`](Self::name).
    pub const fn c_name(&self) -> &'static str {
        self.c_name
    }

    /// Where it begins, in bytes from the beginning of the struct.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Its size in bytes.
    pub const fn size(&self) -> usize {
        self.layout.size
    }

    /// The layout of its type.
    pub const fn layout(&self) -> &'static Layout {
        self.layout
    }

    /// What it stands for on the other side.
    pub const fn counterpart(&self) -> Counterpart {
        self.counterpart
    }

    /// In what it may differ from that.
    pub const fn allowed(&self) -> Allowed {
        self.allowed
    }

    /// Whether it may stand over bytes that mean nothing on the other side: a
    /// [`Pad`](crate::Pad), or an array of `u8` whose name starts with `_` and
    /// that has no attribute to say what it stands for.
    pub const fn is_padding(&self) -> bool {
        match self.layout.kind {
            Kind::Pad => true,
            Kind::Array { element, .. } => {
                matches!(element.kind, Kind::Unsigned)
                    && element.size == 1
                    && matches!(self.name.as_bytes(), [b'_', ..])
                    && matches!(self.counterpart, Counterpart::Member)
            }
            _ => false,
        }
    }
}
