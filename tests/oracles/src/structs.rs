//! Every type of a BTF, with bpftool and pahole.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use bpfmap::{Btf, BtfKind, BtfType};
use object::read::elf::ElfFile64;
use object::{Endianness, Object as _, ObjectSection as _};

use crate::bpftool::{Dump, Kind, Type};
use crate::differences::Differences;
use crate::pahole::{self, Written};
use crate::places::same_places;
use crate::written;

/// What was compared, and what was not the same.
#[derive(Clone, Debug, Default)]
pub struct Structs {
    /// Types of all kinds: kind, name, size and what is behind typedefs, with
    /// bpftool.
    pub types: usize,
    /// Structs and unions among them.
    pub structs: usize,
    /// Their members: name, type, place and length, with bpftool.
    pub members: usize,
    /// Structs and unions with a name, with pahole.
    pub printed: usize,
    /// Their members, and those of the anonymous types in them, with pahole.
    pub places: usize,
    /// Structs of which pahole has printed another for the same.
    pub unprinted: usize,
    /// Whatever was not the same.
    pub differences: Differences,
}

impl Structs {
    /// Takes in what was found elsewhere.
    pub fn add(&mut self, other: Self) {
        self.types += other.types;
        self.structs += other.structs;
        self.members += other.members;
        self.printed += other.printed;
        self.places += other.places;
        self.unprinted += other.unprinted;
        self.differences.add(other.differences);
    }
}

impl Display for Structs {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { types, structs, members, printed, places, unprinted, differences } = self;
        write!(
            f,
            "bpftool: {types} types, {structs} of them structs and unions with {members} members; \
             pahole: {printed} structs and unions with {places} members, and {unprinted} not printed; {} differences",
            differences.count
        )
    }
}

/// BTF from which that of other files goes on: the kernel's, for its modules.
pub struct Base {
    path: String,
    btf: Btf<'static>,
    dump: Dump<'static>,
}

impl Base {
    /// # Errors
    ///
    /// As for [`structs`].
    pub fn read(path: &Path) -> Result<Self> {
        let in_file = || path.display().to_string();
        let bytes = fs::read(path).with_context(in_file)?;
        let btf = Btf::parse(btf_in(&bytes)?.to_owned()).with_context(in_file)?;
        Ok(Self { path: in_file(), btf, dump: Dump::of(path)? })
    }
}

/// Compares all types of a file: BTF, or ELF that holds it.
///
/// # Errors
///
/// When the file cannot be read, by bpfmap or by a tool.
pub fn structs(path: &Path, base: Option<&Base>) -> Result<Structs> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    structs_in(&bytes, path, base)
}

/// The same, where bpfmap reads `bytes`, and the tools the file.
///
/// # Errors
///
/// As for [`structs`].
pub fn structs_in(bytes: &[u8], path: &Path, base: Option<&Base>) -> Result<Structs> {
    let in_file = || path.display().to_string();
    let btf = btf_in(bytes).with_context(in_file)?;
    let Some(base) = base else {
        let btf = Btf::parse(btf).with_context(in_file)?;
        let (ours, theirs) = (btf.types().collect::<Vec<_>>(), pahole::written(path, None)?);
        return compare(&ours, &Dump::of(path)?, &theirs);
    };
    let btf = Btf::parse_split(btf, &base.btf).with_context(in_file)?;
    let ours: Vec<_> = base.btf.types().chain(btf.types()).collect();
    let theirs = pahole::written(path, Some(&base.path))?;
    compare(&ours, &Dump::split(path, &base.path, &base.dump)?, &theirs)
}

/// The BTF in an ELF file; otherwise the bytes are BTF themselves.
fn btf_in(bytes: &[u8]) -> Result<&[u8]> {
    if !bytes.starts_with(b"\x7fELF") {
        return Ok(bytes);
    }
    let file = ElfFile64::<Endianness>::parse(bytes)?;
    Ok(file.section_by_name(".BTF").context("there is no section .BTF")?.data()?)
}

/// `ours` are the types from id 1 on, those of the base among them.
fn compare(ours: &[BtfType<'_>], dump: &Dump<'_>, printed: &[Written]) -> Result<Structs> {
    let mut figures = Structs::default();
    let count = dump.base_types().len() + dump.types().len();
    figures.differences.compare("bpftool", || "types".into(), &ours.len(), &count);
    let own = ours.iter().skip(dump.base_types().len());
    for (ty, theirs) in own.zip(dump.types()) {
        same_type(ty, theirs, dump, &mut figures);
    }
    let base = written::written(ours, dump.base_types(), dump)?;
    let own = written::written(ours, dump.types(), dump)?;
    same_places(&base, &own, printed, &mut figures);
    Ok(figures)
}

/// As bpfmap calls that kind.
fn kind(kind: Kind) -> BtfKind {
    match kind {
        Kind::Int => BtfKind::Int,
        Kind::Ptr => BtfKind::Ptr,
        Kind::Array => BtfKind::Array,
        Kind::Struct => BtfKind::Struct,
        Kind::Union => BtfKind::Union,
        Kind::Enum | Kind::Enum64 => BtfKind::Enum,
        Kind::Fwd => BtfKind::Fwd,
        Kind::Typedef => BtfKind::Typedef,
        Kind::Volatile | Kind::Const | Kind::Restrict => BtfKind::Qualifier,
        Kind::Func | Kind::FuncProto => BtfKind::Func,
        Kind::Var => BtfKind::Var,
        Kind::Datasec => BtfKind::Datasec,
        Kind::Float => BtfKind::Float,
        Kind::DeclTag => BtfKind::DeclTag,
        Kind::TypeTag => BtfKind::TypeTag,
    }
}

fn same_type(ty: &BtfType<'_>, theirs: &Type, dump: &Dump<'_>, figures: &mut Structs) {
    let Structs { types, structs, members, differences, .. } = figures;
    *types += 1;
    let what = |of| move || format!("{of} of type {} `{}`", theirs.id, theirs.name());
    differences.compare("bpftool", what("id"), &ty.id(), &theirs.id);
    differences.compare("bpftool", what("kind"), &ty.kind().ok(), &Some(kind(theirs.kind)));
    let name = ty.name().ok();
    differences.compare("bpftool", what("name"), &name.as_deref(), &Some(theirs.name()));
    let peeled = ty.peeled().ok().map(|ty| ty.id());
    let behind = dump.behind(theirs.id).map_or(0, |ty| ty.id);
    differences.compare("bpftool", what("what is behind"), &peeled, &Some(behind));
    // The size of a section of an object is in its ELF sections, where bpftool
    // does not look.
    if theirs.kind != Kind::Datasec {
        differences.compare("bpftool", what("size"), &ty.size().ok(), &dump.size(theirs.id));
    }
    if !theirs.kind.is_composite() {
        return;
    }
    *structs += 1;
    let ours = match ty.members() {
        Ok(ours) => ours,
        Err(error) => return differences.push(|| format!("{}: {error}", what("members")())),
    };
    let count = theirs.members.len();
    differences.compare("bpftool", what("members"), &ours.len(), &count);
    for (ours, member) in ours.iter().zip(&theirs.members) {
        *members += 1;
        let what = || format!("member `{}` {}", member.name(), what("")());
        let is = (&*ours.name, ours.ty.id());
        differences.compare("bpftool", what, &is, &(member.name(), member.type_id));
        let is = (ours.bits.start, ours.bits.end - ours.bits.start, ours.is_bitfield);
        differences.compare("bpftool", what, &Some(is), &dump.bits(member));
    }
}
