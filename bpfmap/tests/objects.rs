//! `bpfmap layout` and `bpfmap check`, run as people and CI run them: no kernel,
//! only object files.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const BPFMAP: &str = env!("CARGO_BIN_EXE_bpfmap");

/// Runs the command at the root of the repository.
fn run(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    Command::new(BPFMAP).args(arguments).current_dir(root).output().unwrap()
}

/// What it prints, when it ends with that code and says nothing else.
#[track_caller]
fn prints(arguments: &[&str], code: i32) -> String {
    let output = run(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), &*errors), (Some(code), ""), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line that it says to what it cannot do.
#[track_caller]
fn refuses(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!((output.status.code(), &*output.stdout), (Some(2), &[][..]), "{arguments:?}");
    let line = String::from_utf8(output.stderr).unwrap();
    let line = line.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "{line}");
    line.strip_prefix("bpfmap: ").unwrap().into()
}

const FLOWS: &str = "examples/bpf/flows.bpf.o";
const FINDINGS: &str = "tests/bpf/findings.bpf.o";
const SHAPES: &str = "tests/bpf/shapes.bpf.o";

#[test]
fn a_map_is_shown_as_tables() {
    let expected = "\
hash `flows`: struct flow_key (16 bytes) -> struct flow_stats (16 bytes), up to 1024 entries
key: struct flow_key, 16 bytes
  offset  size  member  type
  0       4     saddr   __be32
  4       4     daddr   __be32
  8       2     sport   __be16
  10      2     dport   __be16
  12      1     proto   __u8
  13      3     pad     __u8[3]
value: struct flow_stats, 16 bytes
  offset  size  member   type
  0       8     packets  __u64
  8       8     bytes    __u64
";
    assert_eq!(prints(&["layout", FLOWS], 0), expected);
    assert_eq!(prints(&["layout", FLOWS, "flows"], 0), expected);
}

#[test]
fn every_shape_has_its_rows() {
    let expected = "\
hash `arms`: __u32 (4 bytes) -> struct arms (16 bytes), up to 16 entries
key: __u32, 4 bytes
value: struct arms, 16 bytes
  offset  size  member           type
  0       4     kind             __u32
  4       4     -                union (anonymous)
  4       2     | port           __u16
  6       2     | zone           __u16
  4       4     | index          __u32
  8       8     named            union (anonymous)
  8       8     | named.word     __u64
  8       8     | named.inner    struct inner
  8       4     | named.inner.x  __u32
  12      2     | named.inner.y  __u16
  14      2     | named.inner.z  __u16

hash `bits`: __u32 (4 bytes) -> struct bits (8 bytes), up to 16 entries
key: __u32, 4 bytes
value: struct bits, 8 bytes
  offset  size    member  type
  0:0     3 bits  a       __u8:3
  0:3     5 bits  b       __u8:5
  1       1       whole   __u8
  2:0     9 bits  c       __u16:9
  4       4       end     __u32

hash `sizes_only`: 4 bytes -> 8 bytes, up to 16 entries
key: 4 bytes, without a type
value: 8 bytes, without a type
";
    assert_eq!(prints(&["layout", SHAPES, "arms", "bits", "sizes_only"], 0), expected);
    let expected = "\
array_of_maps `tenants`: __u32 (4 bytes) -> maps (hash `tenants.inner`: __u32 (4 bytes) -> \
__u64 (8 bytes), up to 64 entries), up to 8 entries
key: __u32, 4 bytes
the maps in it:
key: __u32, 4 bytes
value: __u64, 8 bytes
";
    assert_eq!(prints(&["layout", "tests/bpf/declared.bpf.o", "tenants"], 0), expected);
    let expected = "\
array `.rodata`: 4 bytes -> .rodata (20 bytes), 1 entry
value: .rodata, 20 bytes
  offset  size  member        type
  0       4     sample_every  const volatile __u32
  4       16    device        const volatile char[16]
";
    assert_eq!(prints(&["layout", "tests/bpf/globals.bpf.o", ".rodata"], 0), expected);
    let expected = "\
struct event, 24 bytes
  offset  size  member  type
  0       8     time    __u64
  8       4     pid     __u32
  12      12    comm    char[12]
";
    assert_eq!(prints(&["layout", SHAPES, "--type", "event"], 0), expected);
}

#[test]
fn tables_are_data_too() {
    let text = prints(&["layout", SHAPES, "bits", "--json"], 0);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&json["name"], &json["map_type"]), (&"bits".into(), &"hash".into()));
    assert_eq!(json["key"]["table"]["ty"], "__u32");
    let row = serde_json::json!({
        "path": "b",
        "offset": 0,
        "size": 1,
        "ty": "__u8",
        "kind": "bitfield",
        "lengths": [],
        "bits": { "start": 3, "end": 8 },
        "unions": 0,
        "between": null,
    });
    assert_eq!(json["value"]["table"]["rows"][1], row);
    // A line for each map.
    let text = prints(&["layout", SHAPES, "--json"], 0);
    assert_eq!(text.lines().count(), 25);
}

#[test]
fn rust_types_are_written() {
    let expected = std::fs::read_to_string("../tests/golden/rust/flows.rs").unwrap();
    assert_eq!(prints(&["layout", FLOWS, "--rust"], 0), expected);
    assert_eq!(prints(&["layout", FLOWS, "flows", "--rust"], 0), expected);
    let text = prints(&["layout", FLOWS, "--rust", "--json"], 0);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["source"], expected);
    assert_eq!(json["maps"][0]["target"], "HashMap<FlowKey, FlowStats>");
    let text = prints(&["layout", SHAPES, "--rust", "--type", "event"], 0);
    assert!(text.contains("pub struct Event {") && !text.contains("HashMap"), "{text}");
}

#[test]
fn a_ring_buffer_alone_has_the_events_that_it_has_among_others() {
    let maps = "tests/bpf/maps.bpf.o";
    let (whole, alone) =
        (prints(&["layout", maps, "--rust"], 0), prints(&["layout", maps, "events", "--rust"], 0));
    let of_events = |text: &str| {
        let lines = text.lines().skip_while(|line| !line.starts_with("// `events` (ringbuf)"));
        lines.take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of_events(&alone), of_events(&whole));
    assert!(of_events(&alone)[1].ends_with("opened, closed."), "{alone}");
    assert!(alone.contains("pub struct Opened"), "{alone}");
    // Those of another map are none of it, and who names them means these.
    let text = prints(&["layout", maps, "mapped", "--rust"], 0);
    assert!(!text.contains("Opened"), "{text}");
    let text = prints(&["layout", maps, "events", "--type", "closed", "--rust"], 0);
    assert!(text.contains("RingBuf<Closed>") && !text.contains("Opened"), "{text}");
}

#[test]
fn what_cannot_be_shown_is_said_in_a_line() {
    let error = refuses(&["layout", SHAPES, "armz"]);
    assert!(error.starts_with(&format!("{SHAPES}: no map `armz` in the object; did you mean")));
    let error = refuses(&["layout", SHAPES, "--type", "undefined"]);
    assert!(error.starts_with("`undefined` is only declared"), "{error}");
    let error = refuses(&["layout", SHAPES, "--type", "evnt"]);
    assert!(error.ends_with("no type `evnt` in this BTF: did you mean `event`?"), "{error}");
    let text = prints(&["layout", "tests/bpf/declared.bpf.o", "events", "--rust"], 0);
    assert!(text.contains("`bpfmap layout --rust --type NAME`"), "{text}");
    for command in ["layout", "check"] {
        assert_eq!(
            refuses(&[command, "tests"]),
            "tests is a directory: give the path of an object in it"
        );
        let error = refuses(&[command, "no/such/object"]);
        assert_eq!(error, "no/such/object cannot be read: No such file or directory (os error 2)");
        let error = refuses(&[command, "README.md"]);
        assert_eq!(error, "README.md: not a readable ELF file: Unknown file magic");
        let error = refuses(&[command, BPFMAP]);
        assert!(error.contains("and not for BPF"), "{error}");
    }
    // Elsewhere a word alone is a map.
    assert_eq!(
        refuses(&["layout", "conns"]),
        "conns cannot be read: No such file or directory (os error 2); for a map in the kernel say \
         --map conns"
    );
}

#[test]
fn a_file_that_is_cut_off_is_said_in_a_line() {
    let whole = std::fs::read(Path::new("..").join(FLOWS)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut.o");
    for len in [0, 3, 16, 63, 64, 500, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..len]).unwrap();
        let path = path.to_str().unwrap();
        let error = refuses(&["layout", path]);
        assert!(error.starts_with(path), "{error}");
        refuses(&["check", path]);
    }
}

#[test]
fn a_clean_object_passes() {
    let expected = "examples/bpf/flows.bpf.o: 1 map, nothing found\n";
    assert_eq!(prints(&["check", FLOWS], 0), expected);
    assert_eq!(prints(&["check", FLOWS, "--deny", "notes"], 0), expected);
}

#[test]
fn the_exit_code_is_that_of_the_worst() {
    // Of several objects each counts.
    prints(&["check", FINDINGS, FLOWS], 0);
    prints(&["check", FINDINGS, FLOWS, "--deny", "warnings"], 1);
    prints(&["check", FLOWS, FINDINGS, "--deny", "notes"], 1);
    prints(&["check", "tests/bpf/maps.bpf.o", "--deny", "warnings"], 0);
    prints(&["check", "tests/bpf/maps.bpf.o", "--deny", "notes"], 1);
}

#[test]
fn findings_are_a_report() {
    let text = prints(&["check", "tests/bpf/kinds.bpf.o", "tests/bpf/maps.bpf.o"], 0);
    let expected = "\
tests/bpf/kinds.bpf.o: 14 maps, 2 warnings
  warning: map `untyped` is declared by size and not by type: the key is 8 bytes, the value is \
16 bytes
    declare `__type(key, ...)` and `__type(value, ...)`, so that it can be compared
  warning: map `legacy` is declared in the section `maps`, which has no types: the key is 8 bytes, \
the value is 16 bytes
    declare `__type(key, ...)` and `__type(value, ...)` in the section `.maps`, so that it can be \
compared
tests/bpf/maps.bpf.o: 12 maps, 1 note
  note: value of maps `percpu_array`, `percpu_hash`, `mapped`, `lru_percpu_hash`, `array`, \
`struct count`: 2 bytes that no member covers (bytes 6..8), after `last`, at the end
    ./tests/bpf/maps.bpf.c:116:24: struct count *count = bpf_map_lookup_elem(&percpu_array, &key);
";
    assert!(text.starts_with(expected), "{text}");
    // Colours are for those who ask for them.
    let text = prints(&["check", "tests/bpf/kinds.bpf.o", "--color", "always"], 0);
    assert!(text.contains("\u{1b}[1m\u{1b}[33mwarning\u{1b}[0m: map"), "{text:?}");
}

#[test]
fn findings_are_annotations() {
    let text = prints(&["check", FINDINGS, "--format", "github"], 0);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 15);
    // A line is of the source where there is one, and a comma is no separator.
    assert_eq!(
        lines[0],
        "::warning file=tests/bpf/findings.bpf.c,line=125,col=2,title=bpfmap%3A hole_in_key::\
         key of map `holed`, `struct holed`: 1 byte that no member covers (bytes 1..2), between \
         `from.proto` and `from.port`%0Aall bytes of a key are compared, so what is left in these \
         makes a lookup miss: declare them there, `__u8 pad1[1];`, and clear them where a key is made, \
         as `struct holed key = {};` does; or clear the whole key with `__builtin_memset`"
    );
    assert!(
        lines[5].starts_with("::warning file=tests/bpf/findings.bpf.o,title=bpfmap%3A pointer::")
    );
    assert!(lines[14].starts_with("::notice file="), "{}", lines[14]);
}

#[test]
fn names_do_not_leave_an_annotation() {
    // A file of such a name is no other property.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a,line=1::b%0A\n::error ::c.o");
    std::fs::copy(Path::new("..").join("tests/bpf/kinds.bpf.o"), &path).unwrap();
    let text = prints(&["check", path.to_str().unwrap(), "--format", "github"], 0);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    for line in lines {
        assert!(line.contains("/a%2Cline=1%3A%3Ab%250A%0A%3A%3Aerror %3A%3Ac.o,title="), "{line}");
    }
}

#[test]
fn findings_are_data_too() {
    for arguments in
        [["check", FINDINGS, "--json"].as_slice(), &["check", FINDINGS, "--format=json"]]
    {
        let text = prints(arguments, 0);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["object"], FINDINGS);
        assert_eq!(
            (&json["maps"], &json["findings"][0]["kind"]),
            (&12.into(), &"hole_in_key".into())
        );
        assert_eq!(json["findings"][0]["source"]["line"], 125);
    }
}

#[test]
fn an_object_without_btf_is_found() {
    let mut object = std::fs::read(Path::new("..").join(FLOWS)).unwrap();
    let at = object.windows(5).rposition(|bytes| bytes == b".BTF\0").unwrap();
    object[at + 3] = b'X';
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("without.o");
    std::fs::write(&path, object).unwrap();
    let text = prints(&["check", path.to_str().unwrap()], 1);
    let expected = "no maps, 1 error\n  error: the object has no BTF: compile it with `-g` (clang), or \
                    with `--btf` (bpf-linker)\n";
    assert!(text.ends_with(expected), "{text}");
    refuses(&["layout", path.to_str().unwrap()]);
}

#[test]
fn an_object_that_cannot_be_read_does_not_hide_the_others() {
    let output = run(&["check", FLOWS, "nosuch.o", "README.md", FINDINGS, "--deny", "notes"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        errors,
        "bpfmap: nosuch.o cannot be read: No such file or directory (os error 2)\n\
         bpfmap: README.md: not a readable ELF file: Unknown file magic\n"
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with(FLOWS) && text.contains(&format!("\n{FINDINGS}: 12 maps")), "{text}");
}

#[test]
fn what_is_no_file_is_not_read_for_ever() {
    for command in ["layout", "check"] {
        assert_eq!(
            refuses(&[command, "/dev/zero"]),
            "/dev/zero is a device: an object is a file, or comes from a pipe, as with `-`"
        );
    }
    let zero = File::open("/dev/zero").unwrap();
    let output = Command::new(BPFMAP).args(["check", "-"]).stdin(zero).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error, "bpfmap: standard input is longer than 256 MiB, as no object of BPF is\n");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn an_object_may_come_through_a_pipe() {
    let expected = prints(&["layout", FLOWS], 0);
    for name in ["-", "/dev/stdin", "/dev/fd/0"] {
        let mut command = Command::new(BPFMAP);
        command.args(["layout", name, "flows"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let bytes = std::fs::read(format!("{}/../{FLOWS}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        stdin.write_all(&bytes).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{name}");
    }
}

#[test]
fn a_signal_ends_it_where_it_waits_for_a_pipe() {
    for name in ["-", "/dev/stdin"] {
        let mut command = Command::new(BPFMAP);
        command.args(["check", "nosuch.o", name]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        // It is past the first, and then there is nothing to read.
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("nosuch.o"), "{line}");
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
        drop(stdin);
        assert_eq!(child.wait().unwrap().signal(), Some(15), "{name}");
    }
}
