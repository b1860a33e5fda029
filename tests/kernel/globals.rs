//! Global variables of loaded programs.

use std::path::Path;

use aya::programs::Xdp;
use aya::{Ebpf, TestRun, TestRunOptions};
use bpfmap::{
    BpfMapValue, BtfSource, Error, Globals, Loader, Note, Object, OpenOptions, Queue, Unverifiable,
    Verification,
};

use crate::support::*;

trials! {
    [Need::Bpf] => [
        one_variable_is_read_and_not_written,
        a_section_is_written_as_a_whole,
        constants_are_frozen,
        without_btf_a_section_is_not_verified,
        an_array_of_the_program_is_no_section,
    ]
    [Need::Bpf, Need::Bpffs, Need::Bpftool] => [
        sections_that_libbpf_loaded_have_btf_in_the_kernel,
    ]
    [Need::Bpf, Need::Ids] => [
        a_section_is_read_as_the_program_left_it,
        what_was_loaded_counts_and_not_the_object,
    ]
}

pub static GLOBALS: &[u8] = aya::include_bytes_aligned!("../bpf/globals.bpf.o");

#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct Bss {
    packets: u64,
    seen: u32,
    errors: u32,
}

#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct Swapped {
    packets: u64,
    errors: u32,
    seen: u32,
}

#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct Limits {
    rate: u32,
    burst: u32,
}

#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, packed)]
pub struct Data {
    limits: Limits,
    port: u16,
}

#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Rodata {
    sample_every: u32,
    device: [u8; 16],
}

/// Loads the program and runs it so many times.
fn run(times: u32) -> Result<Ebpf, Box<dyn std::error::Error>> {
    let mut ebpf = Ebpf::load(GLOBALS)?;
    let program: &mut Xdp = ebpf.program_mut("count").ok_or("no program")?.try_into()?;
    program.load()?;
    let packet = [0; 64];
    program.test_run(TestRunOptions {
        data_in: Some(&packet),
        repeat: times,
        ..TestRunOptions::default()
    })?;
    Ok(ebpf)
}

fn a_section_is_read_as_the_program_left_it() -> TestResult {
    let ebpf = run(3)?;
    // aya hands in no BTF of the section, but that of the program has it.
    let bss = Globals::<Bss>::open(&ebpf, ".bss")?;
    assert_eq!(bss.get()?, Bss { packets: 3, seen: 24, errors: 24 });
    assert!(matches!(
        bss.verification(),
        Verification::Verified { source: BtfSource::Program { .. } }
    ));
    let data = Globals::<Data>::open(&ebpf, ".data")?;
    assert_eq!(data.get()?, Data { limits: Limits { rate: 103, burst: 200 }, port: 446 });
    let refused = Globals::<Swapped>::open(&ebpf, ".bss");
    assert_eq!(differing(refused), ["value.errors", "value.seen"]);

    // With a descriptor alone it is the object that knows.
    let object = Object::parse(GLOBALS)?;
    let (options, fd) = (OpenOptions::new().object(&object), ebpf.map_fd(".bss").ok_or("no map")?);
    let bss: Globals<Bss> = options.from_fd(fd)?;
    assert_eq!(bss.verification(), Verification::Verified { source: BtfSource::Object });
    assert_eq!(bss.get()?.packets, 3);
    let refused = options.from_fd::<Globals<Swapped>>(fd);
    assert_eq!(differing(refused), ["value.errors", "value.seen"]);
    Ok(())
}

fn one_variable_is_read_and_not_written() -> TestResult {
    let ebpf = run(2)?;
    let object = Object::parse(GLOBALS)?;
    let options = OpenOptions::new().object(&object);
    let seen: Globals<u32> = options.variable("seen").open(&ebpf, ".bss")?;
    assert_eq!(seen.get()?, 16);
    let limits: Globals<Limits> = options.variable("limits").open(&ebpf, ".data")?;
    assert_eq!(limits.get()?, Limits { rate: 102, burst: 200 });
    let hotter: Globals<u8> = options.variable("hotter").open(&ebpf, ".data.hot")?;
    assert_eq!(hotter.get()?, 2);
    let error = seen.set(&0).unwrap_err();
    assert!(matches!(error, Error::OneOfSeveral { .. }), "{error}");
    assert_eq!(seen.get()?, 16);

    let refused = options.variable("packets").open::<Globals<u32>>(&ebpf, ".bss");
    let text = mismatches(refused).to_string();
    assert!(text.starts_with("variable `packets` of map `.bss` (id "), "{text}");
    match options.variable("limits").open::<Globals<Limits>>(&ebpf, ".bss") {
        Err(error @ Error::UnknownVariable { .. }) => {
            let text = error.to_string();
            assert!(text.contains("no variable `limits` in map `.bss` (id "), "{text}");
        }
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn a_section_is_written_as_a_whole() -> TestResult {
    let ebpf = run(1)?;
    let object = Object::parse(GLOBALS)?;
    let data: Globals<Data> = OpenOptions::new().object(&object).open(&ebpf, ".data")?;
    let written = Data { limits: Limits { rate: 7, burst: 8 }, port: 9 };
    data.set(&written)?;
    assert_eq!(data.get()?, written);
    Ok(())
}

fn constants_are_frozen() -> TestResult {
    let ebpf = run(1)?;
    let object = Object::parse(GLOBALS)?;
    let constants: Globals<Rodata> = OpenOptions::new().object(&object).open(&ebpf, ".rodata")?;
    let values = constants.get()?;
    assert_eq!((values.sample_every, &values.device[..5]), (8, b"eth0\0".as_slice()));
    let error = constants.set(&values).unwrap_err().to_string();
    assert!(error.contains("`.rodata`") && error.contains("loaders freeze it"), "{error}");
    Ok(())
}

fn without_btf_a_section_is_not_verified() -> TestResult {
    let ebpf = run(1)?;
    let fd = ebpf.map_fd(".bss").ok_or("no map")?;
    match Globals::<Bss>::from_fd(fd) {
        Err(error @ Error::Unverifiable { reason: Unverifiable::NoBtf, .. }) => {
            let text = error.to_string();
            // It is not declared in any way.
            assert!(!text.contains("__type") && text.contains(".object(&Object"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    let options = OpenOptions::new().allow_sizes_only(true);
    let bss: Globals<Bss> = options.from_fd(fd)?;
    assert!(matches!(bss.verification(), Verification::SizesOnly { .. }));
    match options.variable("packets").from_fd::<Globals<u64>>(fd) {
        Err(error @ Error::Unverifiable { reason: Unverifiable::NoPlaceOfVariable, .. }) => {
            let text = error.to_string();
            assert!(!text.contains("allow_sizes_only"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    // An object that has no such section.
    let other = Object::parse(FLOWS)?;
    match options.object(&other).from_fd::<Globals<Bss>>(fd) {
        Err(Error::UnknownMap { .. }) => {}
        other => panic!("{other:?}"),
    }
    Ok(())
}

/// The object of another build agrees with the wrong types; what was loaded does
/// not.
fn what_was_loaded_counts_and_not_the_object() -> TestResult {
    let ebpf = Ebpf::load(OLDER)?;
    let object = Object::parse(KINDS)?;
    let options = OpenOptions::new().object(&object);
    let refusal = mismatches(options.open::<Queue<Key>>(&ebpf, "keys"));
    assert_eq!(refusal.note(), Some(Note::OtherBuild), "{refusal}");
    let older = Object::parse(OLDER)?;
    let refusal = mismatches(OpenOptions::new().object(&older).open::<Queue<Key>>(&ebpf, "keys"));
    assert_eq!(refusal.note(), None, "{refusal}");
    let by_name = options.types("", "key").open::<Queue<Key>>(&ebpf, "keys");
    assert_eq!(differing(by_name), ["value.b", "value.c"]);
    Ok(())
}

fn an_array_of_the_program_is_no_section() -> TestResult {
    let ebpf = run(1)?;
    let object = Object::parse(GLOBALS)?;
    match OpenOptions::new().object(&object).open::<Globals<Limits>>(&ebpf, "plain") {
        Err(Error::NotASection { .. }) => Ok(()),
        other => panic!("{other:?}"),
    }
}

fn sections_that_libbpf_loaded_have_btf_in_the_kernel() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let object = tempfile::Builder::new().prefix("g").suffix(".o").tempfile()?;
    std::fs::write(object.path(), GLOBALS)?;
    let (program, maps) = (bpffs.path().join("program"), bpffs.path().join("maps"));
    let [path, program, pins] = [object.path(), &program, &maps].map(Path::display);
    bpftool(&format!("prog load {path} {program} pinmaps {pins}"))?;
    let pin_of = |section: &str| -> Result<_, Box<dyn std::error::Error>> {
        for pin in std::fs::read_dir(&maps)? {
            let path = pin?.path();
            if path.to_string_lossy().ends_with(section) {
                return Ok(path);
            }
        }
        Err(format!("no pin of {section}").into())
    };
    let bss = Globals::<Bss>::from_pin(pin_of("_bss")?)?;
    assert!(matches!(
        bss.verification(),
        Verification::Verified { source: BtfSource::KernelMap { .. } }
    ));
    assert_eq!(bss.get()?, Bss { packets: 0, seen: 0, errors: 0 });
    assert_eq!(
        differing(Globals::<Swapped>::from_pin(pin_of("_bss")?)),
        ["value.errors", "value.seen"]
    );
    let port: Globals<u16> = OpenOptions::new().variable("port").from_pin(pin_of("_data")?)?;
    assert_eq!(port.get()?, 443);

    // Its name in the object is found although libbpf put another before it.
    let object = Object::parse(GLOBALS)?;
    let fd = bss;
    let again: Globals<Bss> = OpenOptions::new().object(&object).from_fd(&fd)?;
    assert_eq!(again.get()?, fd.get()?);
    Ok(())
}
