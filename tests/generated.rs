//! The Rust types that are written for the objects of the repository: as text,
//! compiled, and checked against the same objects.
//!
//! `golden/rust/*.rs` are that text, untouched; `BPFMAP_BLESS=1` writes it anew,
//! and `golden/rust/checks.rs`, which runs the gate for each map of each.

use std::fmt::Write as _;
use std::path::Path;

use bpfmap::{Btf, Error, Generator, MapType, Object, TypedMap, Unverifiable, Verification};

/// What is written has to compile with these, and without any other warning.
#[deny(warnings)]
#[allow(dead_code, unused_imports)]
#[path = "golden/rust/checks.rs"]
mod checks;

macro_rules! objects {
    ($($name:ident $path:literal;)*) => {
        /// The objects, and the text that belongs to each.
        const OBJECTS: &[(&str, &[u8], &str)] = &[$((
            stringify!($name),
            include_bytes!($path),
            include_str!(concat!("golden/rust/", stringify!($name), ".rs")),
        )),*];
    };
}

objects! {
    bloom "bpf/bloom.bpf.o";
    declared "bpf/declared.bpf.o";
    findings "bpf/findings.bpf.o";
    flows "../examples/bpf/flows.bpf.o";
    globals "bpf/globals.bpf.o";
    inner "bpf/inner.bpf.o";
    kinds "bpf/kinds.bpf.o";
    maps "bpf/maps.bpf.o";
    older "bpf/older.bpf.o";
    rust_ebpf "rust-ebpf/maps.bpf.o";
    shapes "bpf/shapes.bpf.o";
    storage "bpf/storage.bpf.o";
    tasks "bpf/tasks.bpf.o";
    values "bpf/values.bpf.o";
}

/// The calls of the gate for one object, as source.
fn calls(name: &str, object: &Object<'_>) -> String {
    let generated = object.generate();
    let mut text = format!("\npub mod {name};\n");
    let _ = writeln!(text, "pub fn {name}(check: &mut crate::Check<'_>) {{");
    for map in generated.maps() {
        let _ = match &map.alias {
            Some(alias) => writeln!(text, "    check.map::<{name}::{alias}>({:?});", map.name),
            None => writeln!(text, "    check.without({:?});", map.name),
        };
    }
    for (c_name, ty) in generated.types() {
        let _ = writeln!(text, "    check.ty::<{name}::{ty}>({c_name:?});");
    }
    text + "}\n"
}

#[test]
fn the_text_is_what_it_was() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/rust");
    let bless = std::env::var_os("BPFMAP_BLESS").is_some();
    let mut checks = String::from("// Written by `BPFMAP_BLESS=1 cargo test --test generated`.\n");
    for (name, bytes, expected) in OBJECTS {
        let object = Object::parse(bytes).unwrap();
        let text = object.generate().to_string();
        checks += &calls(name, &object);
        if bless {
            std::fs::write(directory.join(name).with_extension("rs"), text).unwrap();
        } else {
            assert_eq!(text, *expected, "{name}: see the beginning of this file");
        }
    }
    if bless {
        std::fs::write(directory.join("checks.rs"), checks).unwrap();
    } else {
        assert_eq!(checks, include_str!("golden/rust/checks.rs"));
    }
}

/// What the gate says to the types that were written for an object.
pub struct Check<'a> {
    object: Object<'a>,
    verified: usize,
    by_sizes: usize,
    without: usize,
}

impl Check<'_> {
    fn generated(&self, name: &str) -> bpfmap::generate::GeneratedMap {
        let generated = self.object.generate();
        generated.maps().iter().find(|map| map.name == name).unwrap().clone()
    }

    fn map<M: TypedMap>(&mut self, name: &str) {
        let map = self.generated(name);
        match self.object.check::<M>(name) {
            Ok(Verification::Verified { .. }) => {
                assert!(map.verifiable, "{name}");
                self.verified += 1;
            }
            // Which it is says who opens it.
            Err(Error::Unverifiable { reason: Unverifiable::NoEventType, .. }) => {
                assert_eq!(map.map_type, MapType::RINGBUF, "{name}");
                assert!(map.verifiable && !map.events.is_empty(), "{name}");
                self.verified += 1;
            }
            Err(Error::Unverifiable { reason: Unverifiable::SizesInObject, .. }) => {
                assert!(!map.verifiable, "{name}");
                self.by_sizes += 1;
            }
            answer => panic!("{name}: {answer:?}"),
        }
    }

    fn without(&mut self, name: &str) {
        assert!(self.generated(name).problem.is_some(), "{name}");
        self.without += 1;
    }

    fn ty<T: bpfmap::BpfLayout>(&mut self, name: &str) {
        self.object.btf().check::<T>(name).unwrap();
    }
}

#[test]
fn what_is_written_passes_the_gate_untouched() {
    let runs: [fn(&mut Check<'_>); 14] = [
        checks::bloom,
        checks::declared,
        checks::findings,
        checks::flows,
        checks::globals,
        checks::inner,
        checks::kinds,
        checks::maps,
        checks::older,
        checks::rust_ebpf,
        checks::shapes,
        checks::storage,
        checks::tasks,
        checks::values,
    ];
    let (mut verified, mut by_sizes, mut without) = (0, 0, 0);
    for ((_, bytes, _), run) in OBJECTS.iter().zip(runs) {
        let object = Object::parse(bytes).unwrap();
        let all = object.maps().count();
        let mut check = Check { object, verified: 0, by_sizes: 0, without: 0 };
        run(&mut check);
        assert_eq!(check.verified + check.by_sizes + check.without, all);
        verified += check.verified;
        by_sizes += check.by_sizes;
        without += check.without;
    }
    // Of these there is no typed map, or nobody says what is in them.
    assert_eq!((by_sizes, without, verified), (10, 6, 110));
}

#[test]
fn a_type_is_written_by_its_name() {
    let (_, bytes, _) = OBJECTS.iter().find(|(name, ..)| *name == "maps").unwrap();
    let object = Object::parse(bytes).unwrap();
    let mut generator = Generator::new(object.btf());
    generator.named("closed").unwrap().map(object.map("events").unwrap());
    let generated = generator.finish();
    let expected = r#"use bpfmap::{BpfMapValue, RingBuf};

/// `struct closed`, 8 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Closed {
    pub kind: u32,
    pub pid: u32,
}

/// `events`, ringbuf: `OpenOptions::new().event("closed").open::<Events>(&ebpf, "events")?`.
pub type Events = RingBuf<Closed>;
"#;
    assert_eq!(generated.to_string(), expected);
    assert!(Generator::new(object.btf()).named("no_such_type").is_err());
}

#[test]
fn a_map_of_the_kernel_is_written_like_one_of_an_object() {
    let (_, bytes, expected) = OBJECTS.iter().find(|(name, ..)| *name == "flows").unwrap();
    let object = Object::parse(bytes).unwrap();
    let map = object.map("flows").unwrap();
    let mut generator = Generator::new(object.btf());
    generator.loaded_map("flows", MapType::HASH, map.key(), map.value());
    assert_eq!(generator.finish().to_string(), *expected);
}

#[test]
fn what_cannot_be_written_is_said() {
    let mut builder = builder::Builder::new();
    let int = builder.int(4);
    builder.structure("nothing", 0, &[]);
    builder.structure("short", 4, &[("a", int, 16)]);
    let btf = Btf::parse(Vec::from(builder)).unwrap();
    let mut generator = Generator::new(&btf);
    generator.named("nothing").unwrap().named("short").unwrap();
    generator.loaded_map("whole", MapType::HASH, None, Some(btf.type_named("short").unwrap()));
    generator.loaded_map("sockets", MapType::SOCKMAP, None, None);
    let generated = generator.finish();
    let expected = "
// `nothing`: it has no bytes.

// `short`: malformed BTF at byte 52: a member reaches past the end of its struct.

// `whole` (hash): its key has no bytes.

// `sockets` (sockmap): bpfmap has no typed map for maps of this type.
";
    assert_eq!(generated.to_string(), expected);
    assert_eq!(generated.types().count(), 0);
}

/// Nothing that an object can say reaches the text but as a comment or a name.
#[test]
fn names_cannot_leave_their_place() {
    let mut builder = builder::Builder::new();
    let int = builder.int(4);
    let hostile = "x\n} fn main() { \u{202e} \"*/";
    builder.structure(hostile, 8, &[(hostile, int, 0), ("a\"b", int, 32)]);
    let btf = Btf::parse(Vec::from(builder)).unwrap();
    let mut generator = Generator::new(&btf);
    generator.named(hostile).unwrap();
    let text = generator.finish().to_string();
    let expected = r#"use bpfmap::BpfMapValue;

/// `struct x\n} fn main() { \u{202e} "*/`, 8 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct XFnMain {
    #[bpf(name = "x\n} fn main() { \u{202e} \"*/")]
    pub x_fn_main: u32,
    #[bpf(name = "a\"b")]
    pub a_b: u32,
}
"#;
    assert_eq!(text, expected);
}

mod builder;
