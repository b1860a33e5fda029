//! Where the comparison is on both sides, and what it has found so far.

use std::borrow::Cow;

use super::members::CMember;
use super::{Mismatch, MismatchKind, Place, Role, advice};
use crate::btf::{Btf, BtfError, TypeId, TypeName};
use crate::layout::{Allowed, Counterpart, Field, Layout, TypeName as RustName};

/// How deep structs and arrays of the Rust type are followed. The compiler
/// bounds their number, this bounds the stack.
pub(super) const MAX_DEPTH: usize = 64;

/// The fields that lead to where the comparison is, by their names on both
/// sides.
#[derive(Default)]
struct Path<'a>(Vec<Step<'a>>);

struct Step<'a> {
    rust: &'static str,
    btf: Cow<'a, str>,
}

/// The step from an array to its elements.
pub(super) const ELEMENT: &str = "[]";

fn join<'s>(steps: impl Iterator<Item = &'s str>) -> String {
    let mut text = String::new();
    // An empty one is of the other side alone.
    for step in steps.filter(|step| !step.is_empty()) {
        if !text.is_empty() && step != ELEMENT {
            text.push('.');
        }
        text.push_str(step);
    }
    text
}

impl Path<'_> {
    fn rust(&self) -> String {
        join(self.0.iter().map(|step| step.rust))
    }

    fn btf(&self) -> String {
        join(self.0.iter().map(|step| &*step.btf))
    }
}

/// A place on both sides.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) rust: &'static Layout,
    pub(super) rust_at: u64,
    pub(super) btf: TypeId,
    pub(super) btf_at: u64,
    pub(super) leeway: Leeway,
    pub(super) depth: usize,
}

/// What the field says that may differ.
#[derive(Clone, Copy, Default)]
pub(super) struct Leeway {
    pub(super) signedness: bool,
    pub(super) byte_order: bool,
    pub(super) pointer: bool,
}

impl Leeway {
    pub(super) fn of(field: &Field) -> Self {
        let Allowed { signedness, byte_order } = field.allowed();
        Self { signedness, byte_order, pointer: field.counterpart() == Counterpart::Pointer }
    }

    /// What one of two fields around a type says.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            signedness: self.signedness || other.signedness,
            byte_order: self.byte_order || other.byte_order,
            pointer: self.pointer || other.pointer,
        }
    }
}

pub(super) struct Walk<'a> {
    pub(super) btf: &'a Btf<'a>,
    pub(super) role: Role,
    path: Path<'a>,
    pub(super) found: Vec<Mismatch>,
    /// Whether a loader has put something else in the place of a type that
    /// differs.
    sanitised: bool,
}

impl<'a> Walk<'a> {
    /// Every difference between `layout` and the type `id`, in the order of the
    /// Rust fields, and whether a loader's rewriting has a part in one.
    pub(super) fn over(
        role: Role,
        layout: &'static Layout,
        btf: &'a Btf<'a>,
        id: TypeId,
    ) -> Result<(Vec<Mismatch>, bool), BtfError> {
        let mut walk =
            Self { btf, role, path: Path::default(), found: Vec::new(), sanitised: false };
        let leeway = Leeway::default();
        let depth = MAX_DEPTH;
        walk.types(Pair { rust: layout, rust_at: 0, btf: id, btf_at: 0, leeway, depth })?;
        Ok((walk.found, walk.sanitised))
    }

    /// Runs `inner` one step further down.
    pub(super) fn step<T>(
        &mut self,
        rust: &'static str,
        btf: Cow<'a, str>,
        inner: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.path.0.push(Step { rust, btf });
        let result = inner(self);
        self.path.0.pop();
        result
    }

    /// Reports that the types at this place do not agree.
    pub(super) fn differ(&mut self, kind: MismatchKind, pair: Pair) -> Result<(), BtfError> {
        // The whole key or value, or what is in an array that is.
        let is_whole = self.path.0.iter().all(|step| matches!(step.rust, "" | ELEMENT));
        let advice = advice::types(kind, pair.rust, self.btf, pair.btf, is_whole)?;
        self.differ_as(kind, pair, advice)
    }

    /// As [`differ`](Self::differ), where it is known what to do.
    pub(super) fn differ_as(
        &mut self,
        kind: MismatchKind,
        pair: Pair,
        advice: String,
    ) -> Result<(), BtfError> {
        self.sanitised |= self.is_placeholder(pair.btf)?;
        let rust = self.rust_place(pair.rust, pair.rust_at);
        let end = pair.btf_at.saturating_add(self.btf.size_of(pair.btf)?);
        let btf = Place {
            name: self.path.btf(),
            ty: TypeName::of(self.btf, pair.btf).to_string(),
            bytes: pair.btf_at..end,
        };
        self.push(kind, rust, btf, advice);
        Ok(())
    }

    /// Reports something about a field other than its type.
    pub(super) fn report(
        &mut self,
        kind: MismatchKind,
        pair: Pair,
        member: &CMember<'a>,
        advice: String,
    ) {
        let rust = self.rust_place(pair.rust, pair.rust_at);
        let btf = self.member_place(member);
        self.push(kind, rust, btf, advice);
    }

    fn push(&mut self, kind: MismatchKind, rust: Place, btf: Place, advice: String) {
        let path = rust.name.clone();
        self.found.push(Mismatch { path, kind, rust: Some(rust), btf: Some(btf), advice });
    }

    pub(super) fn rust_place(&self, layout: &'static Layout, at: u64) -> Place {
        Place {
            name: self.path.rust(),
            ty: RustName(layout).to_string(),
            bytes: at..at + layout.size() as u64,
        }
    }

    pub(super) fn member_place(&self, member: &CMember<'_>) -> Place {
        Place { name: self.path.btf(), ty: member.type_name(self.btf), bytes: member.bytes.clone() }
    }
}
