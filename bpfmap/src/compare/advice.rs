//! What to change, for each way in which two sides can differ.

pub(super) mod arms;

use std::ops::Range;

use super::MismatchKind;
use super::matching::Matching;
use super::members::CMember;
use crate::btf::{Btf, BtfError, Order, Type, TypeId};
use crate::layout::{Counterpart, Field, Kind, Layout, TypeName as RustName, kernel_owned_type};
use crate::verification::BtfSource;

pub(super) fn renamed(
    btf: &Btf<'_>,
    field: &Field,
    member: &CMember<'_>,
) -> Result<String, BtfError> {
    if arms::is_arm_of(btf, field, member)? {
        return Ok(arms::arm_of(member));
    }
    let (rust, btf) = (field.name(), &member.name);
    Ok(format!(
        "if they are the same, write `#[bpf(name = \"{btf}\")]` on `{rust}`, or rename one of them"
    ))
}

/// `in_order` says that the field stands behind the same one as in C.
pub(super) fn moved(
    btf: &Btf<'_>,
    field: &Field,
    member: &CMember<'_>,
    members: &[CMember<'_>],
    in_order: bool,
) -> String {
    let align = field.layout().align() as u64;
    if in_order {
        let aligned = (field.offset() as u64).is_multiple_of(align);
        return if aligned && !member.bytes.start.is_multiple_of(align) {
            "the C struct that it is in is packed: write `#[repr(C, packed)]` on that of Rust, and \
             remove its pads"
                .into()
        } else {
            "it is shifted by what stands before it".into()
        };
    }
    let before = members
        .iter()
        .filter(|other| other.bytes.end <= member.bytes.start && !other.name.is_empty())
        .max_by_key(|other| other.bytes.end);
    match before {
        Some(before) => {
            format!("put it after `{}` in Rust{}", before.name, or(btf, "change the order in C"))
        }
        None => format!("put it first in Rust{}", or(btf, "change the order in C")),
    }
}

/// `place` is where the field would be on the other side, and `end` the end of
/// the struct there.
pub(super) fn missing(
    btf: &Btf<'_>,
    field: &Field,
    place: Range<u64>,
    end: u64,
    (fields, members, matching): (&[Field], &[CMember<'_>], &Matching),
) -> Result<String, BtfError> {
    if let Some(rest) = arms::rest_of_union(fields, field, &place, members, matching) {
        return Ok(rest);
    }
    for member in members {
        if arms::is_arm_of(btf, field, member)? {
            return Ok(arms::arm_of(member));
        }
    }
    Ok(missing_here(btf, field, place, end, members))
}

/// What else to do, on the side of C; of the kernel's own types nobody can.
fn or(btf: &Btf<'_>, change: &str) -> String {
    match btf.source() {
        BtfSource::Vmlinux => String::new(),
        _ => format!(", or {change}"),
    }
}

fn missing_here(
    btf: &Btf<'_>,
    field: &Field,
    place: Range<u64>,
    end: u64,
    members: &[CMember<'_>],
) -> String {
    let name = field.c_name();
    match field.counterpart() {
        Counterpart::ArmOf(union) => {
            return format!("the C struct has no member `{union}`: correct the name in `arm_of`");
        }
        Counterpart::Bitfields if !members.iter().any(CMember::is_bitfield) => {
            return "the C struct has no bitfields: remove the attribute".into();
        }
        _ => {}
    }
    let overlaps =
        |member: &&CMember<'_>| member.bytes.start < place.end && place.start < member.bytes.end;
    let there: Vec<_> = members.iter().filter(overlaps).take(3).collect();
    if place.start >= end {
        let or = or(btf, &format!("add `{name}` there"));
        return format!("it is behind the end of the C struct: remove it{or}");
    }
    if there.iter().any(|member| member.arms.is_some()) {
        return format!("a union is there: {}", arms::ANONYMOUS);
    }
    if there.iter().any(|member| member.is_bitfield()) {
        return format!("bitfields are there: {BITFIELD}");
    }
    if there.is_empty() {
        let size = field.size();
        let or = or(btf, &format!("add `{name}` to the C struct"));
        return format!("there is a hole: write `Pad<{size}>`{or}");
    }
    let names: Vec<_> = there.iter().map(|member| format!("`{}`", member.name)).collect();
    let is = if names.len() == 1 { "is" } else { "are" };
    let or = or(btf, &format!("add `{name}` to the C struct"));
    format!("{} {is} there: remove the field{or}", names.join(", "))
}

/// Opaque bytes that are not as many as those that they stand for; `behind` is the
/// field behind them.
pub(super) fn opaque(rust: &Layout, size: u64, behind: Option<&Field>) -> String {
    let declare =
        format!("`#[bpf(opaque)]` takes all of its bytes: declare it `[u8; {size}]` in Rust");
    let more = size.saturating_sub(rust.size() as u64);
    match behind {
        Some(pad) if pad.is_padding() && more > 0 => match pad.size() as u64 {
            pad_size if pad_size <= more => format!("{declare}, and remove `{}`", pad.name()),
            pad_size => {
                format!("{declare}, and make `{}` a `Pad<{}>`", pad.name(), pad_size - more)
            }
        },
        _ => declare,
    }
}

/// A struct whose fields agree, and whose size does not.
pub(super) fn size_of_all(rust: &Layout, btf: u64, is_section: bool) -> String {
    let (align, rust) = (rust.align() as u64, rust.size() as u64);
    if is_section && btf.next_multiple_of(align) == rust {
        // No struct of C is like this.
        return "a section ends with its last variable: write `#[repr(C, packed)]` on the Rust struct, \
                and remove its last pad"
            .into();
    }
    if rust < btf {
        format!("add `Pad<{}>` at the end in Rust", btf - rust)
    } else {
        format!("remove the last {} from the Rust struct, or add them in C", bytes(rust - btf))
    }
}

fn bytes(len: u64) -> String {
    format!("{len} byte{}", if len == 1 { "" } else { "s" })
}

pub(super) fn unclaimed(
    kind: MismatchKind,
    btf: &Btf<'_>,
    member: &CMember<'_>,
) -> Result<String, BtfError> {
    let name = &member.name;
    Ok(match kind {
        MismatchKind::FlexibleArray => {
            "a key has a fixed size: give the array a length in C".into()
        }
        MismatchKind::Union => arms::ANONYMOUS.into(),
        MismatchKind::Bitfield => BITFIELD.into(),
        _ => match (btf.peel(member.target)?.ty, rust_type(btf, member.target)?) {
            (Type::Pointer { .. }, _) => format!(
                "declare it, `#[bpf(pointer)] {name}: u64`, or `{name}: bpfmap::Kptr` if it is a kptr"
            ),
            (Type::Composite(union), _) if union.union => arms::NAMED.into(),
            (Type::Composite(_), Some(ty)) => format!("declare it, `{name}: {ty}`"),
            (_, Some(ty)) => {
                format!("declare it, `{name}: {ty}`{}", or(btf, NO_MEANING))
            }
            (_, None) => format!("declare `{name}`{}", or(btf, NO_MEANING)),
        },
    })
}

pub(super) fn types(
    kind: MismatchKind,
    rust: &Layout,
    btf: &Btf<'_>,
    id: TypeId,
    is_whole: bool,
) -> Result<String, BtfError> {
    if matches!(btf.peel(id)?.ty, Type::Section(_)) {
        return Ok(
            "declare a struct with a field for each variable, or name the variable that is meant: \
                   `OpenOptions::variable`"
                .into(),
        );
    }
    Ok(match kind {
        // A word needs a field that it is written on.
        MismatchKind::Pointer if is_whole => {
            "declare a struct of it, `struct Name(#[bpf(pointer)] u64);`, if the address itself is meant"
                .into()
        }
        MismatchKind::Union if is_whole => format!(
            "declare a struct of its bytes, `struct Name(#[bpf(opaque)] [u8; {}]);`",
            btf.size_of(id)?
        ),
        MismatchKind::Pointer if rust.size() == 8 => POINTER.into(),
        MismatchKind::Pointer => format!("declare it `u64`; {POINTER}"),
        MismatchKind::Union => match btf.peel(id)?.ty {
            Type::Composite(union) if union.union => arms::NAMED.into(),
            _ => arms::ANONYMOUS.into(),
        },
        MismatchKind::Bitfield => BITFIELD.into(),
        MismatchKind::Attribute => "remove the attribute, or correct it".into(),
        MismatchKind::Size | MismatchKind::Signedness if rust.is_enum() => {
            match rust_type(btf, id)? {
                Some(int) => format!("write `#[repr({int})]` on the Rust enum `{}`", rust.name()),
                None => OPAQUE.into(),
            }
        }
        MismatchKind::Type if !is_whole && is_bytes_of(rust, btf, id)? => {
            match rust_type(btf, id)? {
                // C's headers do not always say that an address is in network order.
                Some(plain) if plain == "u32" => format!(
                    "declare it `u32` in Rust, or `Be32` if it is in network order, such as an \
                     address of IPv4; {OPAQUE}"
                ),
                Some(scalar) => format!("declare it `{scalar}` in Rust; {OPAQUE}"),
                None => OPAQUE.into(),
            }
        }
        _ => match (rust_type(btf, id)?.or(array_of(rust, btf, id)?), c_type(rust, btf, id)?) {
            (Some(rust), Some(_)) if is_struct(btf, id)? => format!("declare it `{rust}` in Rust"),
            (Some(rust), Some(c)) => {
                format!("declare it `{rust}` in Rust{}", or(btf, &format!("`{c}` in C")))
            }
            (Some(rust), None) => format!("declare it `{rust}` in Rust"),
            // An attribute needs a field.
            (None, _) if is_whole => {
                "declare a `#[repr(C)]` struct with the same members in Rust: `bpfmap layout --rust` \
                 writes it"
                    .into()
            }
            (None, _) => {
                "declare a `#[repr(C)]` struct with the same members in Rust, or write `#[bpf(opaque)]` \
                 on it to take its bytes as they are"
                    .into()
            }
        },
    })
}

const NO_MEANING: &str = "call it `__pad` in C if it means nothing";
const OPAQUE: &str = "or write `#[bpf(opaque)]` on it to take its bytes as they are";
const POINTER: &str = "write `#[bpf(pointer)]` on it if the address itself is meant";
pub(super) const BITFIELD: &str = "write `#[bpf(bitfields)]` on an integer over all of the bytes that the bitfields \
     are in, and mask it";

/// The Rust type that stands for a type in BTF; `None` for a struct.
fn rust_type(btf: &Btf<'_>, id: TypeId) -> Result<Option<String>, BtfError> {
    let mut id = id;
    let mut lengths = Vec::new();
    loop {
        let peeled = btf.peel_newtypes(id)?;
        let scalar = match peeled.ty {
            Type::Array { element, len } if lengths.len() < 8 => {
                lengths.push(len);
                id = element;
                continue;
            }
            Type::Int(int) => match (peeled.order, int.size) {
                (Some(Order::Big), size @ (2 | 4 | 8)) => format!("Be{}", size * 8),
                (_, size @ (1 | 2 | 4 | 8)) => {
                    // C's `char`, signed or not, holds bytes.
                    let signed = int.signed && !(size == 1 && btf.string(int.name)? == "char");
                    format!("{}{}", if signed { 'i' } else { 'u' }, size * 8)
                }
                (_, 16) => "[u64; 2]".into(),
                _ => return Ok(None),
            },
            Type::Enum { size: size @ (1 | 2 | 4 | 8), signed, .. } => {
                format!("{}{}", if signed { 'i' } else { 'u' }, size * 8)
            }
            Type::Composite(owned) => {
                let name = btf.string(owned.name)?;
                match kernel_owned_type(&name) {
                    Some(ty) => format!("bpfmap::{}", ty.name()),
                    None => return Ok(None),
                }
            }
            Type::Float { size: size @ (4 | 8), .. } => format!("u{}", size * 8),
            _ => return Ok(None),
        };
        let wrap = |inner: String, len: &u32| format!("[{inner}; {len}]");
        return Ok(Some(lengths.iter().rev().fold(scalar, wrap)));
    }
}

/// Whether Rust has bytes where the other side has a number of the same size.
fn is_bytes_of(rust: &Layout, btf: &Btf<'_>, id: TypeId) -> Result<bool, BtfError> {
    let is_number = matches!(btf.peel_newtypes(id)?.ty, Type::Int(_) | Type::Enum { .. });
    let is_bytes = match rust.kind() {
        Kind::Array { element, .. } => element.kind() == Kind::Unsigned && element.size() == 1,
        _ => false,
    };
    Ok(is_number && is_bytes && rust.size() as u64 == btf.size_of(id)?)
}

fn is_struct(btf: &Btf<'_>, id: TypeId) -> Result<bool, BtfError> {
    Ok(matches!(btf.peel(id)?.ty, Type::Composite(_)))
}

/// An array of the elements that the Rust array has, as long as the one in BTF.
fn array_of(rust: &Layout, btf: &Btf<'_>, id: TypeId) -> Result<Option<String>, BtfError> {
    Ok(match (rust.kind(), btf.peel(id)?.ty) {
        (Kind::Array { element, .. }, Type::Array { len, .. }) => {
            Some(format!("[{}; {len}]", RustName(element)))
        }
        _ => None,
    })
}

/// The C type that a Rust type stands for; `None` for a struct or padding.
/// Bytes in the place of a `char` are called that.
fn c_type(rust: &Layout, btf: &Btf<'_>, id: TypeId) -> Result<Option<String>, BtfError> {
    let (mut layout, mut id) = (rust, id);
    let mut lengths = String::new();
    while let Kind::Array { element, len } = layout.kind() {
        lengths += &format!("[{len}]");
        layout = element;
        if let Type::Array { element, .. } = btf.peel(id)?.ty {
            id = element;
        }
    }
    let bits = layout.size() * 8;
    let is_char = match btf.peel(id)?.ty {
        Type::Int(int) => bits == 8 && btf.string(int.name)? == "char",
        _ => false,
    };
    let scalar = match layout.kind() {
        _ if is_char => "char".into(),
        Kind::Unsigned => format!("__u{bits}"),
        Kind::Signed => format!("__s{bits}"),
        Kind::BigEndian => format!("__be{bits}"),
        _ => return Ok(None),
    };
    Ok(Some(scalar + &lengths))
}
