//! What bpfmap reads of a struct, written out as pahole does.

use anyhow::{Context, Result, ensure};
use bpfmap::BtfType;

use crate::bpftool::{Dump, Kind, Type};
use crate::pahole::{Place, Written};

/// Every named struct and union of `types`; `ours` are the types from id 1 on.
/// Names and numbers are bpfmap's; bpftool's is only which anonymous
/// types are written out where.
pub(crate) fn written(
    ours: &[BtfType<'_>],
    types: &[Type],
    dump: &Dump<'_>,
) -> Result<Vec<Written>> {
    let mut all = Vec::new();
    for theirs in types {
        let ty = at(ours, theirs)?;
        let keyword = match theirs.kind {
            Kind::Struct => "struct",
            Kind::Union => "union",
            _ => continue,
        };
        let name = ty.name()?;
        if name.is_empty() {
            continue;
        }
        let mut members = Vec::new();
        write(ours, dump, theirs, Some(0), 0, &mut members)?;
        all.push(Written { title: format!("{keyword} {name}"), size: Some(ty.size()?), members });
    }
    Ok(all)
}

/// bpfmap's type of that id.
fn at<'a>(ours: &[BtfType<'a>], ty: &Type) -> Result<BtfType<'a>> {
    ours.get(ty.id as usize - 1).copied().context("bpfmap has fewer types than bpftool")
}

/// How deep types without a name may nest, and nobody's do.
const MAX_DEPTH: usize = 32;

/// The members of an anonymous type come before the one that they are in.
fn write(
    ours: &[BtfType<'_>],
    dump: &Dump<'_>,
    ty: &Type,
    start: Option<u64>,
    depth: usize,
    places: &mut Vec<Place>,
) -> Result<()> {
    ensure!(depth < MAX_DEPTH, "types without a name nest too deeply");
    for member in at(ours, ty)?.members()? {
        let at = start.unwrap_or(0) + member.bits.start;
        let len = member.bits.end - member.bits.start;
        if let Some((inner, is_pointer)) = written_out(dump, member.ty.id()) {
            // What is behind a pointer begins anew, and so does all that is in it.
            let inner_start = start.filter(|_| !is_pointer).map(|_| at);
            write(ours, dump, inner, inner_start, depth + 1, places)?;
        }
        places.push(Place { depth, name: member.name.into(), start: at, len });
    }
    Ok(())
}

/// The struct or union without a name that is written out where it is used:
/// itself, the elements of an array of it, or what a pointer points to. A volatile
/// one is not.
fn written_out<'a>(dump: &'a Dump<'_>, id: u32) -> Option<(&'a Type, bool)> {
    let mut ty = dump.get(id)?;
    let mut is_pointer = false;
    while matches!(ty.kind, Kind::Const | Kind::Array | Kind::Ptr) {
        is_pointer |= ty.kind == Kind::Ptr;
        ty = dump.get(ty.type_id?)?;
    }
    Some((ty, is_pointer)).filter(|_| ty.kind.is_composite() && ty.name().is_empty())
}
