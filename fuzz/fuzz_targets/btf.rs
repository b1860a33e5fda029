//! BTF, as bytes that begin like it, or as random types.
#![no_main]

use arbitrary::{Result, Unstructured};
use bpfmap::Btf;
use bpfmap_fuzz::builder::Builder;
use bpfmap_fuzz::known::{check_types, names_in};
use bpfmap_fuzz::memory::{CHECK, PARSE};
use bpfmap_fuzz::verdict::{Examiner, drawn};
use bpfmap_fuzz::wild::{self, once_in};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    if !matches!(bytes, [0x9f, 0xeb, ..] | [0xeb, 0x9f, ..])
        && let Ok(bytes) = structured(bytes)
    {
        read(&bytes);
    }
});

fn structured(bytes: &[u8]) -> Result<Vec<u8>> {
    let (mut u, mut btf) = (Unstructured::new(bytes), Builder::new());
    let big = once_in(&mut u, 4)?;
    wild::types(&mut u, &mut btf)?;
    wild::write(&mut u, &btf, big)
}

fn read(bytes: &[u8]) {
    let btf = match PARSE.check(bytes.len(), || Btf::parse(bytes)) {
        Ok(btf) => btf,
        Err(error) => return drop(drawn(&error)),
    };
    let _ = format!("{btf:?}");
    let mut examiner = Examiner::default();
    for name in names_in(bytes) {
        CHECK.check(bytes.len(), || {
            check_types(&btf, name, |result| examiner.result(result));
        });
    }
}
