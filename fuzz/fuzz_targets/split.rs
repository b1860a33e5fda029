//! BTF that goes on from another: both as bytes, one behind the other, or both
//! as random types.
#![no_main]

use arbitrary::{Result, Unstructured};
use bpfmap::{Btf, BtfError};
use bpfmap_fuzz::builder::Builder;
use bpfmap_fuzz::known::{check_types, names_in};
use bpfmap_fuzz::memory::{CHECK, PARSE};
use bpfmap_fuzz::verdict::{Examiner, drawn};
use bpfmap_fuzz::wild::{self, once_in};
use libfuzzer_sys::fuzz_target;

/// Version 1, in either byte order.
const BEGINNINGS: [[u8; 3]; 2] = [[0x9f, 0xeb, 1], [0xeb, 0x9f, 1]];

fuzz_target!(|bytes: &[u8]| {
    let begins = |bytes: &[u8]| BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning));
    if begins(bytes) {
        // The split is what the last header begins.
        let second = (1..bytes.len()).rev().find(|at| begins(&bytes[*at..]));
        let (base, split) = bytes.split_at(second.unwrap_or(bytes.len()));
        read(base, split);
    } else if let Ok((base, split)) = structured(bytes) {
        read(&base, &split);
    }
});

fn structured(bytes: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let (mut u, mut base) = (Unstructured::new(first), Builder::new());
    let big = once_in(&mut u, 8)?;
    wild::types(&mut u, &mut base)?;
    let base_bytes = wild::write(&mut u, &base, big)?;
    let (mut u, mut split) = (Unstructured::new(second), Builder::after(&base));
    let big = big ^ once_in(&mut u, 32)?;
    wild::types(&mut u, &mut split)?;
    Ok((base_bytes, wild::write(&mut u, &split, big)?))
}

fn read(base_bytes: &[u8], split_bytes: &[u8]) {
    let len = base_bytes.len() + split_bytes.len();
    let refused = |error: BtfError| drop(drawn(&error));
    let base = match PARSE.check(len, || Btf::parse(base_bytes)) {
        Ok(base) => base,
        Err(error) => return refused(error),
    };
    let split = match PARSE.check(len, || Btf::parse_split(split_bytes, &base)) {
        Ok(split) => split,
        Err(error) => return refused(error),
    };
    let mut examiner = Examiner::default();
    for name in names_in(split_bytes).into_iter().chain(names_in(base_bytes)) {
        CHECK.check(len, || {
            check_types(&split, name, |result| examiner.result(result));
        });
    }
}
