//! What the README shows is what is printed.

use bpfmap::{Be16, Be32, BpfMapKey, BpfMapValue, Error, HashMap, Object};

static README: &str = include_str!("../README.md");

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct EditedKey {
    daddr: Be32,
    saddr: Be32,
    sport: Be16,
    dport: Be16,
    proto: u32,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct FlowStats {
    packets: u64,
    bytes: u64,
}

/// The first line says which map it is; a test on the kernel compares that.
#[test]
fn the_refusal_is_the_one_that_is_printed() {
    let object = Object::parse(include_bytes!("../examples/bpf/flows.bpf.o")).unwrap();
    let Err(Error::Mismatch(mismatches)) = object.check::<HashMap<EditedKey, FlowStats>>("flows")
    else {
        panic!("accepted")
    };
    let text = mismatches.to_string();
    let (_, body) = text.split_once('\n').unwrap();
    assert!(
        README.contains(&format!("{body}\n```")),
        "the README shows another refusal than:\n{text}"
    );
}

#[test]
fn the_compile_error_is_the_one_that_is_printed() {
    let golden = include_str!("ui/fail/readme.stderr");
    let message = golden.lines().next().unwrap();
    assert!(
        README.contains(&format!("\n{message}\n")),
        "the README shows another error than:\n{message}"
    );
}
