//! Structs as bpfmap reads them, and as pahole prints them.

use std::collections::HashMap;

use crate::pahole::Written;
use crate::structs::Structs;

/// Several structs may have one name, and pahole prints those that it takes for
/// the same once: it looks at little more than names and sizes. It prints the base
/// as well, which is not counted.
pub(crate) fn same_places(
    base: &[Written],
    own: &[Written],
    theirs: &[Written],
    figures: &mut Structs,
) {
    let mut by_title: HashMap<&str, Vec<(&Written, bool)>> = HashMap::new();
    for written in theirs {
        by_title.entry(&written.title).or_default().push((written, false));
    }
    let mut others = Vec::new();
    for (index, ours) in base.iter().chain(own).enumerate() {
        let one = usize::from(index >= base.len());
        let same_title = by_title.entry(&ours.title).or_default();
        let same = same_title.iter().position(|(theirs, _)| is_same(ours, theirs));
        if let Some(same) = same {
            same_title[same].1 = true;
            figures.printed += one;
            figures.places += one * ours.members.len();
        } else if same_title.iter().any(|(theirs, is_ours)| *is_ours && is_like(ours, theirs)) {
            figures.unprinted += one;
        } else {
            others.push(ours);
        }
    }
    let not_ours = |title: &str| by_title[title].iter().find(|(_, is_ours)| !is_ours);
    for ours in &others {
        let theirs = not_ours(&ours.title).map(|(theirs, _)| *theirs);
        figures.differences.push(|| difference(ours, theirs));
    }
    // Those of which bpfmap has none of that name.
    for written in theirs.iter().filter(|theirs| not_ours(&theirs.title).is_some()) {
        if !others.iter().any(|ours| ours.title == written.title) {
            figures.differences.push(|| format!("{}: printed by pahole only", written.title));
        }
    }
}

fn is_same(ours: &Written, theirs: &Written) -> bool {
    theirs.size.is_none_or(|size| ours.size == Some(size)) && ours.members == theirs.members
}

/// Whether pahole may take them for the same: they have as many members, and are
/// of one size.
fn is_like(ours: &Written, theirs: &Written) -> bool {
    let outermost = |of: &Written| of.members.iter().filter(|place| place.depth == 0).count();
    theirs.size.is_none_or(|size| ours.size == Some(size)) && outermost(ours) == outermost(theirs)
}

/// Where two structs of one name begin to differ.
fn difference(ours: &Written, theirs: Option<&Written>) -> String {
    let title = &ours.title;
    let Some(theirs) = theirs else { return format!("{title}: not printed by pahole") };
    let places = ours.members.iter().map(Some).chain([None]);
    let others = theirs.members.iter().map(Some).chain([None]);
    match places.zip(others).find(|(ours, theirs)| ours != theirs) {
        Some((ours, theirs)) => format!("{title}: bpfmap {ours:?}, pahole {theirs:?}"),
        None => format!("{title}: bpfmap {:?} bytes, pahole {:?}", ours.size, theirs.size),
    }
}
