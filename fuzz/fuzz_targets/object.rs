//! Objects: as bytes that begin like ELF, or real ones, damaged or with random
//! types in place of their own. They are checked, looked through, and Rust types
//! are written for them.
#![no_main]

use arbitrary::{Result, Unstructured};
use bpfmap::{Findings, Object};
use bpfmap_fuzz::builder::Builder;
use bpfmap_fuzz::known::{check_map, check_types, names_in};
use bpfmap_fuzz::memory::{CHECK, WRITE};
use bpfmap_fuzz::verdict::{Examiner, drawn};
use bpfmap_fuzz::wild;
use libfuzzer_sys::fuzz_target;

static OBJECTS: [&[u8]; 4] = [
    include_bytes!("../../tests/bpf/kinds.bpf.o"),
    include_bytes!("../../tests/bpf/shapes.bpf.o"),
    include_bytes!("../../tests/bpf/older.bpf.o"),
    include_bytes!("../../examples/bpf/flows.bpf.o"),
];

/// How many of an object's maps are checked.
const MAX_MAPS: usize = 8;
/// Of how many types a table is drawn.
const MAX_TABLES: usize = 64;

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    if !bytes.starts_with(b"\x7fELF")
        && let Ok(bytes) = structured(bytes)
    {
        read(&bytes);
    }
});

fn structured(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut u = Unstructured::new(bytes);
    let mut object = u.choose(&OBJECTS)?.to_vec();
    if u.arbitrary()? {
        wild::damage(&mut u, &mut object)?;
        return Ok(object);
    }
    let mut btf = Builder::new();
    wild::types(&mut u, &mut btf)?;
    let btf = wild::write(&mut u, &btf, false)?;
    replace_btf(&mut object, &btf);
    wild::damage(&mut u, &mut object)?;
    Ok(object)
}

/// Lets the header of the section `.BTF` lead to other bytes, at the end.
fn replace_btf(object: &mut Vec<u8>, btf: &[u8]) {
    let word = |at: usize| u64::from_le_bytes(*object[at..].first_chunk().expect("a word"));
    // `.BTF.ext` has the same beginning and a longer header.
    let beginning = b"\x9f\xeb\x01\0\x18\0\0\0";
    let is_btf = |at: &usize| object[word(at + 24) as usize..].starts_with(beginning);
    let header = (word(40) as usize..object.len()).step_by(64).find(is_btf).expect("it has BTF");
    let place = object.len() as u64;
    object.extend_from_slice(btf);
    object[header + 24..header + 32].copy_from_slice(&place.to_le_bytes());
    object[header + 32..header + 40].copy_from_slice(&(btf.len() as u64).to_le_bytes());
}

fn read(bytes: &[u8]) {
    let check = || {
        let object = match Object::parse(bytes) {
            Ok(object) => object,
            Err(error) => return drop(drawn(&error)),
        };
        let (mut examiner, unknown) = (Examiner::default(), ["no such map"].into_iter());
        for name in object.map_names().take(MAX_MAPS).chain(unknown) {
            check_map(&object, name, |result| examiner.result(result));
        }
        for name in names_in(bytes) {
            check_types(object.btf(), name, |result| examiner.result(result));
        }
    };
    CHECK.check(bytes.len(), check);
    WRITE.check(bytes.len(), || look_through(bytes));
}

/// What needs no Rust type: findings, tables, and Rust types to be written.
fn look_through(bytes: &[u8]) {
    match Findings::of_object(bytes) {
        Ok(findings) => {
            for finding in &findings {
                assert!(!drawn(finding).contains('\n'));
            }
        }
        Err(error) => drop(drawn(&error)),
    }
    let Ok(object) = Object::parse(bytes) else { return };
    drawn(&object.generate());
    for ty in object.btf().types().take(MAX_TABLES) {
        if let Ok(table) = ty.table() {
            drawn(&table);
        }
    }
}
