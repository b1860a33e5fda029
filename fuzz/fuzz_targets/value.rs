//! Bytes as values of types that nobody wrote.
#![no_main]

use std::fmt::Write;

use arbitrary::{Result, Unstructured};
use bpfmap::Btf;
use bpfmap_fuzz::builder::Builder;
use bpfmap_fuzz::memory::VALUE;
use bpfmap_fuzz::wild::{self, once_in};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // What is left of the bytes when the types are made is their values.
    let _ = structured(bytes);
    if let Ok(btf) = Btf::parse(bytes) {
        show(&btf, bytes.len(), bytes);
    }
});

fn structured(bytes: &[u8]) -> Result<()> {
    let (mut u, mut btf) = (Unstructured::new(bytes), Builder::new());
    let big = once_in(&mut u, 4)?;
    wild::types(&mut u, &mut btf)?;
    let written = wild::write(&mut u, &btf, big)?;
    if let Ok(btf) = Btf::parse(&written) {
        show(&btf, written.len(), u.take_rest());
    }
    Ok(())
}

/// How many types of a BTF are tried, and how many bytes as a value.
const TYPES: usize = 16;
const BYTES: usize = 256;

fn show(btf: &Btf<'_>, len: usize, value: &[u8]) {
    let value = &value[..value.len().min(BYTES)];
    // Others of a large one each time.
    let first = usize::from(value.last().copied().unwrap_or(0)) % btf.types().count().max(1);
    for ty in btf.types().skip(first).take(TYPES) {
        let decoder = VALUE.check(len, || ty.decoder());
        for value in [value, &[], &[0xff; BYTES]] {
            let mut length = Length(0);
            // Whatever the type is, what is shown is no more than so much.
            let _ = write!(length, "{}", decoder.value(value));
            assert!(length.0 < 64 << 20, "{} bytes of {ty}", length.0);
        }
    }
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}
