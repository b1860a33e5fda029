//! What has to hold of every answer of the library.

use std::fmt::Display;

use bpfmap::{Error, Mismatch, MismatchKind, Mismatches, TypeMismatches};

/// How many differences the comparison reports of a type.
const MAX_FOUND: usize = 256;

/// Draws it. Nothing in it may speak to the terminal or turn the text around.
#[track_caller]
pub fn drawn(what: &dyn Display) -> String {
    let text = what.to_string();
    let hidden = |c: char| c.is_control() && c != '\n' || "\u{202e}\u{2066}\u{200b}".contains(c);
    assert!(!text.contains(hidden), "{text:?}");
    text
}

/// Examines what goes wrong with one input, until enough text is drawn: the
/// longest reports take much longer than all else.
#[derive(Debug)]
pub struct Examiner {
    left: usize,
}

impl Default for Examiner {
    fn default() -> Self {
        Self { left: 1 << 16 }
    }
}

impl Examiner {
    /// Examines an error, if there is one.
    pub fn result<T>(&mut self, result: Result<T, Error>) {
        if let Err(error) = result
            && self.left > 0
        {
            self.left = self.left.saturating_sub(examine(&error).len());
        }
    }
}

/// Draws an error, and goes through all that it has.
pub fn examine(error: &Error) -> String {
    let text = drawn(error);
    if let Error::Mismatch(mismatches) = error {
        report(mismatches);
    }
    text
}

fn report(mismatches: &Mismatches) {
    assert!(!mismatches.types().is_empty());
    let listed: usize = mismatches.types().iter().map(|ty| ty.mismatches().len()).sum();
    assert_eq!(mismatches.iter().count(), listed);
    drawn(mismatches.subject());
    mismatches.types().iter().for_each(one_type);
}

fn one_type(ty: &TypeMismatches) {
    let found = ty.mismatches();
    assert!(!found.is_empty(), "refused for nothing");
    assert!(found.len() <= MAX_FOUND, "{} differences", found.len());
    let offsets: Vec<_> = found.iter().map(offset).collect();
    assert!(offsets.is_sorted(), "{offsets:?}");
    for mismatch in found {
        one(mismatch, ty.rust().size() as u64);
    }
    for place in ty.members() {
        assert!(place.bytes.start <= place.bytes.end, "{place:?}");
    }
    drawn(ty.rust());
}

fn one(mismatch: &Mismatch, size: u64) {
    let text = drawn(mismatch);
    assert!(!text.contains('\n'), "{text:?}");
    let (rust, btf) = (mismatch.rust.as_ref(), mismatch.btf.as_ref());
    for place in [rust, btf].into_iter().flatten() {
        assert!(place.bytes.start <= place.bytes.end, "{mismatch:?}");
        assert!(!place.ty.is_empty(), "{mismatch:?}");
    }
    // A place in Rust is in the type.
    assert!(rust.is_none_or(|place| place.bytes.end <= size), "{mismatch:?}");
    use MismatchKind::{Bitfield, FlexibleArray, Missing, Unclaimed, Union};
    match mismatch.kind {
        Missing => assert!(rust.is_some() && btf.is_none(), "{mismatch:?}"),
        Unclaimed | FlexibleArray | Union | Bitfield => assert!(btf.is_some(), "{mismatch:?}"),
        _ => assert!(rust.is_some() && btf.is_some(), "{mismatch:?}"),
    }
    let names = [rust, btf].into_iter().flatten().map(|place| &place.name);
    assert!(names.into_iter().any(|name| *name == mismatch.path), "{mismatch:?}");
}

/// Where a difference stands in the list; the size of the whole is the last.
fn offset(mismatch: &Mismatch) -> u64 {
    if mismatch.path.is_empty() && mismatch.kind == MismatchKind::Size {
        return u64::MAX;
    }
    let place = mismatch.rust.as_ref().or(mismatch.btf.as_ref());
    place.expect("a difference is somewhere").bytes.start
}
