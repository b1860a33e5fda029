//! Global variables, in the object alone.

use bpfmap::{BpfMapValue, Error, Globals, MismatchKind, Object, TypedMap};

static GLOBALS: &[u8] = include_bytes!("bpf/globals.bpf.o");

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Limits {
    rate: u32,
    burst: u32,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C, packed)]
struct Data {
    limits: Limits,
    port: u16,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Bss {
    packets: u64,
    seen: u32,
    errors: u32,
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Rodata {
    sample_every: u32,
    device: [u8; 16],
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C, packed)]
struct Hot {
    hot: u64,
    hotter: u8,
}

fn check<T: BpfMapValue>(section: &str) -> Result<(), Error> {
    Object::parse(GLOBALS).unwrap().check::<Globals<T>>(section).map(drop)
}

fn variable<T: BpfMapValue>(name: &str) -> Result<(), Error> {
    Object::parse(GLOBALS).unwrap().check_variable::<T>(name)
}

#[track_caller]
fn differences(answer: Result<(), Error>) -> Vec<(String, MismatchKind)> {
    match answer {
        Err(Error::Mismatch(all)) => all.iter().map(|(_, it)| (it.path.clone(), it.kind)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_struct_stands_for_a_section() {
    check::<Data>(".data").unwrap();
    check::<Bss>(".bss").unwrap();
    check::<Rodata>(".rodata").unwrap();
    check::<Hot>(".data.hot").unwrap();
}

#[test]
fn variables_are_where_the_symbols_are_and_not_where_they_were_declared() {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Declared {
        packets: u64,
        errors: u32,
        seen: u32,
    }
    let found = differences(check::<Declared>(".bss"));
    let moved = |name: &str| (name.to_owned(), MismatchKind::Moved);
    assert_eq!(found, [moved("errors"), moved("seen")]);
}

#[test]
fn a_section_ends_with_its_last_variable() {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Padded {
        hot: u64,
        hotter: u8,
        pad: bpfmap::Pad<7>,
    }
    let error = check::<Padded>(".data.hot").unwrap_err().to_string();
    assert!(error.contains("`#[repr(C, packed)]`"), "{error}");
}

#[test]
fn a_variable_stands_alone() {
    variable::<u64>("packets").unwrap();
    variable::<u32>("seen").unwrap();
    variable::<u16>("port").unwrap();
    variable::<Limits>("limits").unwrap();
    variable::<[u8; 16]>("device").unwrap();
    variable::<u8>("hotter").unwrap();
}

#[test]
fn a_variable_of_another_type_is_refused_by_its_name() {
    assert_eq!(differences(variable::<u32>("packets")), [(String::new(), MismatchKind::Size)]);
    let error = variable::<u32>("packets").unwrap_err().to_string();
    assert_eq!(
        error,
        "variable `packets` of map `.bss` does not fit its Rust type, compared with the BTF of the \
         object\n\n\
         variable: 1 difference between `u32` and `__u64`\n  \
         - the type as a whole differs in size: `u32` has 4 bytes in Rust, `__u64` 8 in BTF; \
         declare it `u64` in Rust, or `__u32` in C"
    );

    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Swapped {
        burst: u32,
        rate: u32,
    }
    let found = differences(variable::<Swapped>("limits"));
    assert_eq!(found.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["burst", "rate"]);
}

#[test]
fn an_unknown_variable_is_answered_with_those_that_exist() {
    let error = variable::<u64>("packet").unwrap_err().to_string();
    let beginning = "no variable `packet` in the object; did you mean `packets`? there are `";
    assert!(error.starts_with(beginning), "{error}");
    for name in ["packets", "seen", "errors", "limits", "port", "sample_every", "hot"] {
        assert!(error.contains(&format!("`{name}`")), "{error}");
    }
    // The license is in a section of which no loader makes a map.
    assert!(!error.contains("LICENSE"), "{error}");
}

#[test]
fn an_array_is_no_section() {
    match check::<Limits>("plain") {
        Err(Error::NotASection { map }) => assert_eq!(map.name, "plain"),
        other => panic!("{other:?}"),
    }
    assert!(Globals::<Limits>::MAP_TYPES.contains(&bpfmap::MapType::ARRAY));
}
