//! Every `unsafe` is on `docs/soundness.md`, with the argument that covers it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

static PAGE: &str = include_str!("../docs/soundness.md");

/// The crates that are compiled into a user's program.
const CRATES: [&str; 2] = ["bpfmap/src", "bpfmap-derive/src"];

/// How many blocks, implementations, functions and traits there are in a source that
/// are `unsafe`.
fn unsafe_in(source: &str) -> usize {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let is_one = |after: &str| {
        ["{", "impl", "fn", "trait", "extern"].iter().any(|what| after.starts_with(what))
    };
    let in_line = |line: &str| line.split("unsafe ").skip(1).filter(|after| is_one(after)).count();
    code.map(in_line).sum()
}

/// Adds each file of a folder that has some.
fn count(root: &Path, folder: &str, found: &mut BTreeMap<String, usize>) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            count(root, &path, found);
        } else if path.ends_with(".rs") {
            let number = unsafe_in(&fs::read_to_string(entry.path()).unwrap());
            found.extend((number > 0).then_some((path, number)));
        }
    }
}

#[test]
fn each_unsafe_is_on_the_page_with_its_argument() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeMap::new();
    CRATES.iter().for_each(|folder| count(root, folder, &mut found));
    let arguments: Vec<_> =
        PAGE.lines().filter_map(|line| Some(line.strip_prefix("**")?.split_once(':')?.0)).collect();
    assert_eq!(arguments.len(), 5);
    let mut known = BTreeMap::new();
    for row in PAGE.lines().filter_map(|line| line.strip_prefix("| `bpfmap")) {
        let [file, number, argument] = row.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        let (name, _) = argument.split_once(':').unwrap();
        assert!(arguments.contains(&name), "{file} rests on `{name}`, which is no argument");
        let file = format!("bpfmap{}", file.trim_end_matches('`'));
        assert_eq!(known.insert(file, number.parse().unwrap()), None, "{row}");
    }
    assert_eq!(found, known, "found, and known from docs/soundness.md");
}

#[test]
fn what_is_unsafe_is_counted() {
    assert_eq!(
        unsafe_in("// unsafe { }\nlet a = unsafe { b(unsafe { c }) };\n#![deny(unsafe_code)]"),
        2
    );
    assert_eq!(unsafe_in("pub unsafe trait A {}\n    unsafe impl A for B {}\nunsafe fn f() {}"), 3);
}
