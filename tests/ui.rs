//! What the compiler says to a struct with a mistake.
//!
//! Each `fail/*.stderr` is what a user reads; they are of the one toolchain
//! that the workspace names. `TRYBUILD=overwrite` writes them anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}

/// What the errors propose compiles, all of it applied at once.
#[test]
fn proposals() {
    let cases = trybuild::TestCases::new();
    for case in ["padding", "padding_from_macro", "readme"] {
        cases.pass(with_proposals(case));
    }
}

/// Writes a copy of a case into which every proposed line is inserted.
fn with_proposals(case: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/fail");
    let read = |extension| {
        let path = directory.join(case).with_extension(extension);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let (errors, text) = (read("stderr"), read("rs"));
    let source: Vec<&str> = text.lines().collect();
    // What to insert before which line, counted from 0.
    let mut insertions: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    let mut lines = errors.lines();
    while let Some(line) = lines.next() {
        let Some((_, proposal)) = line.split_once(": insert `") else { continue };
        let (pad, place) = proposal.split_once('`').expect("a line to insert");
        let position = lines.next().expect("a position");
        let number =
            position.split(':').nth(1).expect("a line").parse::<usize>().expect("a number");
        let before = match place {
            " here" => number - 1,
            " before its attributes" => {
                let is_attribute = |line: &&&str| line.trim().starts_with(['#', '/']);
                let attributes = source[..number - 1].iter().rev().take_while(is_attribute);
                number - 1 - attributes.count()
            }
            _ => number,
        };
        insertions.entry(before).or_default().push(pad);
    }
    assert!(!insertions.is_empty(), "no proposals for {case}");
    let mut mended = String::new();
    for (number, line) in source.iter().enumerate() {
        for pad in insertions.get(&number).into_iter().flatten() {
            mended += &format!("    {pad}\n");
        }
        mended += &format!("{line}\n");
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{case}_with_proposals.rs"));
    std::fs::write(&path, mended).expect("writing the case");
    path
}
