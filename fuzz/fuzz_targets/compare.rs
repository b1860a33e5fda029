//! A random C type and a random Rust table, made together: agreeing, or not
//! any more.
#![no_main]

use arbitrary::Unstructured;
use bpfmap::{Btf, Error};
use bpfmap_fuzz::memory::{CHECK, PARSE};
use bpfmap_fuzz::shapes::{Shape, shape};
use bpfmap_fuzz::tables::Arena;
use bpfmap_fuzz::verdict::{drawn, examine};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut u = Unstructured::new(bytes);
    // SAFETY: the errors of a comparison, which name the table, end with it.
    unsafe {
        Arena::with(|arena| {
            if let Ok(shape) = shape(&mut u, arena) {
                compare(&shape);
            }
        });
    }
});

fn compare(shape: &Shape) {
    let Shape { layout, btf: bytes, agree, c_size } = shape;
    let btf = match PARSE.check(bytes.len(), || Btf::parse(&**bytes)) {
        Ok(btf) => btf,
        Err(error) => {
            drawn(&error);
            assert!(!agree, "{error}");
            return;
        }
    };
    let verdict = || CHECK.check(bytes.len(), || btf.check_layout(layout, "t"));
    let (first, second) = (verdict(), verdict());
    match &first {
        Ok(()) => {
            if let Some(c_size) = c_size {
                assert_eq!(layout.size() as u64, *c_size, "accepted: {layout}");
            }
        }
        Err(error) => {
            let text = CHECK.check(bytes.len(), || examine(error));
            assert!(!agree, "{text}\n\n{layout}");
        }
    }
    // Whoever asks twice is told the same.
    match (first, second) {
        (Ok(()), Ok(())) => {}
        (Err(first), Err(second)) => {
            // What `unwrap` prints is the text too.
            assert_eq!(first.to_string(), format!("{second:?}"));
            if let (Error::Mismatch(first), Error::Mismatch(second)) = (&first, &second) {
                assert!(first.iter().eq(second.iter()));
            }
        }
        (first, second) => panic!("{first:?}, and then {second:?}"),
    }
}
