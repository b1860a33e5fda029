//! What to change, for each way in which two sides can differ.

use super::MismatchKind;
use super::members::CMember;
use crate::btf::{Btf, BtfError, Order, Type, TypeId};
use crate::layout::{Field, Kind, Layout};

pub(super) fn renamed(field: &Field, member: &CMember<'_>) -> String {
    let (rust, btf) = (field.name(), &member.name);
    format!(
        "if they are the same, write `#[bpf(name = \"{btf}\")]` on `{rust}`, or rename one of them"
    )
}

pub(super) fn moved(member: &CMember<'_>, members: &[CMember<'_>]) -> String {
    let before = members
        .iter()
        .filter(|other| other.bytes.end <= member.bytes.start && !other.name.is_empty())
        .max_by_key(|other| other.bytes.end);
    match before {
        Some(before) => format!("put it after `{}` in Rust, or change the order in C", before.name),
        None => "put it first in Rust, or change the order in C".into(),
    }
}

/// `at` is where the field would be on the other side.
pub(super) fn missing(field: &Field, at: u64, members: &[CMember<'_>]) -> String {
    let bytes = at..at + field.size() as u64;
    let overlaps =
        |member: &&CMember<'_>| member.bytes.start < bytes.end && bytes.start < member.bytes.end;
    let there: Vec<_> = members.iter().filter(overlaps).take(3).collect();
    match there.as_slice() {
        [] => format!(
            "BTF has no member there: write `Pad<{}>` if it is a hole, else remove the field",
            field.size()
        ),
        there => {
            let names: Vec<_> = there.iter().map(|member| format!("`{}`", member.name)).collect();
            format!(
                "BTF has {} there: declare that, or add `{}` to the C struct",
                names.join(", "),
                field.c_name()
            )
        }
    }
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
        MismatchKind::Union => UNION.into(),
        MismatchKind::Bitfield => BITFIELD.into(),
        _ => match rust_type(btf, member.target)? {
            Some(ty) => {
                format!("declare it, `{name}: {ty}`, or call it `__pad` in C if it means nothing")
            }
            None => format!("declare `{name}`, or call it `__pad` in C if it means nothing"),
        },
    })
}

pub(super) fn types(
    kind: MismatchKind,
    rust: &Layout,
    btf: &Btf<'_>,
    id: TypeId,
) -> Result<String, BtfError> {
    Ok(match kind {
        MismatchKind::Pointer => "an address of the kernel means nothing here: store what it points to, or a number".into(),
        MismatchKind::Union => UNION.into(),
        MismatchKind::Bitfield => BITFIELD.into(),
        _ => match (rust_type(btf, id)?, c_type(rust)) {
            (Some(rust), Some(c)) => format!("declare it `{rust}` in Rust, or `{c}` in C"),
            (Some(rust), None) => format!("declare it `{rust}` in Rust"),
            (None, _) if matches!(kind, MismatchKind::Size) => "add the bytes that are missing, as a `Pad` or as fields, to the side that is shorter".into(),
            (None, _) => "declare a `#[repr(C)]` struct with the same members in Rust".into(),
        },
    })
}

const UNION: &str =
    "Rust cannot tell which arm is in use: share a struct in C, with each arm a member of its own";
const BITFIELD: &str = "Rust has no bitfields: share the whole integer in C, and mask it";

/// The Rust type that stands for a type in BTF; `None` for a struct.
fn rust_type(btf: &Btf<'_>, id: TypeId) -> Result<Option<String>, BtfError> {
    let mut id = id;
    let mut lengths = Vec::new();
    loop {
        let peeled = btf.peel(id)?;
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
            Type::Enum { size: size @ (1 | 2 | 4 | 8), .. } => format!("u{}", size * 8),
            Type::Float { size: size @ (4 | 8), .. } => format!("u{}", size * 8),
            _ => return Ok(None),
        };
        let wrap = |inner: String, len: &u32| format!("[{inner}; {len}]");
        return Ok(Some(lengths.iter().rev().fold(scalar, wrap)));
    }
}

/// The C type that a Rust type stands for; `None` for a struct or padding.
fn c_type(layout: &Layout) -> Option<String> {
    let bits = layout.size() * 8;
    Some(match layout.kind() {
        Kind::Unsigned => format!("__u{bits}"),
        Kind::Signed => format!("__s{bits}"),
        Kind::BigEndian => format!("__be{bits}"),
        Kind::Array { element, len } => {
            let element = c_type(element)?;
            match element.split_once('[') {
                Some((scalar, rest)) => format!("{scalar}[{len}][{rest}"),
                None => format!("{element}[{len}]"),
            }
        }
        _ => return None,
    })
}
