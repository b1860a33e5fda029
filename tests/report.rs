//! What a refusal looks like, large and small, and in colours.

mod builder;

use std::io::IsTerminal;

use bpfmap::{BpfMapValue, Btf, Error, Mismatches, Pad};
use builder::Builder;

macro_rules! large {
    ($($field:ident)*) => {
        /// Of forty fields.
        #[derive(BpfMapValue, Clone, Copy)]
        #[repr(C)]
        struct Large {
            $($field: u32,)*
        }
        const FIELDS: &[&str] = &[$(stringify!($field)),*];
    };
}

large! {
    f00 f01 f02 f03 f04 f05 f06 f07 f08 f09 f10 f11 f12 f13 f14 f15 f16 f17 f18 f19
    f20 f21 f22 f23 f24 f25 f26 f27 f28 f29 f30 f31 f32 f33 f34 f35 f36 f37 f38 f39
}

/// The same in BTF, but for those fields, which are signed.
fn large(signed: &[&str]) -> Btf<'static> {
    let mut btf = Builder::new();
    let unsigned = btf.int(4);
    let name = btf.name("__s32");
    let int = btf.add(name, builder::kind::INT, 0, 4, &[1 << 24 | 32]);
    let members: Vec<_> = FIELDS
        .iter()
        .zip((0..).step_by(32))
        .map(|(name, at)| (*name, if signed.contains(name) { int } else { unsigned }, at))
        .collect();
    btf.structure("large", 160, &members);
    Btf::parse(Vec::from(btf)).unwrap()
}

fn refusal(signed: &[&str]) -> Box<Mismatches> {
    match large(signed).check::<Large>("large") {
        Err(Error::Mismatch(mismatches)) => mismatches,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_difference_in_a_large_struct_is_short_to_read() {
    let text = refusal(&["f20"]).to_string();
    let expected = "\
type `large` does not fit its Rust type, compared with the BTF that was handed in

type: 1 difference between `Large` and `struct large`
  - `f20` differs in signedness: `u32` at 80..84 in Rust, `__s32` at 80..84 in BTF; declare it `i32` in Rust, or `__u32` in C

    bytes     Rust `Large`   bytes     BTF `struct large`
    ... 17 that agree
    68..72    f17: u32       68..72    f17: __u32
    72..76    f18: u32       72..76    f18: __u32
    76..80    f19: u32       76..80    f19: __u32
  > 80..84    f20: u32       80..84    f20: __s32
    84..88    f21: u32       84..88    f21: __u32
    88..92    f22: u32       88..92    f22: __u32
    92..96    f23: u32       92..96    f23: __u32
    ... 16 that agree";
    assert_eq!(text, expected);
}

#[test]
fn forty_differences_are_a_line_each_and_then_a_table() {
    let text = refusal(FIELDS).to_string();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[2].starts_with("type: 40 differences"), "{text}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("  - `f")).count(), 40, "{text}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("  > ")).count(), 40, "{text}");
    assert_eq!(lines.len(), 2 + 1 + 40 + 1 + 1 + 40, "{text}");
}

#[test]
fn colors_are_asked_for() {
    let refusal = refusal(&["f01"]);
    let plain = refusal.to_string();
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let colored = refusal.colored().to_string();
    assert!(colored.contains("\u{1b}[1m\u{1b}[31mf01\u{1b}[0m"), "{colored:?}");
    let codes = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m"];
    let stripped = codes.iter().fold(colored, |text, code| text.replace(code, ""));
    assert_eq!(stripped, plain);
}

#[test]
fn a_file_is_no_terminal() {
    let file = tempfile::tempfile().unwrap();
    assert!(!file.is_terminal());
    let error = Error::Mismatch(refusal(&["f01"]));
    assert_eq!(error.for_stream(&file).to_string(), error.to_string());
}

#[test]
fn a_terminal_gets_colors() {
    let terminal = nix::pty::openpty(None, None).unwrap();
    let error = Error::Mismatch(refusal(&["f01"]));
    let text = error.for_stream(&terminal.slave).to_string();
    // The test is run with `NO_COLOR` by some.
    assert_eq!(
        text.contains('\u{1b}'),
        std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty())
    );
}

#[test]
fn a_refusal_is_data_too() {
    let error = Error::Mismatch(refusal(&["f01"]));
    let json = serde_json::to_value(&error).unwrap();
    assert_eq!(json["error"], "mismatch");
    assert_eq!(json["message"], error.to_string());
    let all = &json["mismatches"];
    assert_eq!(all["subject"], serde_json::json!({ "type": "large" }));
    assert_eq!(all["source"], "bytes");
    let ty = &all["types"][0];
    assert_eq!(ty["role"], "type");
    assert_eq!(ty["rust"]["size"], 160);
    assert_eq!(ty["members"].as_array().map(Vec::len), Some(40));
    let expected = serde_json::json!([{
        "path": "f01",
        "kind": "signedness",
        "rust": { "name": "f01", "ty": "u32", "bytes": { "start": 4, "end": 8 } },
        "btf": { "name": "f01", "ty": "__s32", "bytes": { "start": 4, "end": 8 } },
        "advice": "declare it `i32` in Rust, or `__u32` in C",
    }]);
    assert_eq!(ty["mismatches"], expected);
}

#[test]
fn every_error_says_which_it_is_and_of_which_map() {
    let object = include_bytes!("bpf/globals.bpf.o");
    let object = bpfmap::Object::parse(object).unwrap();
    let error = object.check::<bpfmap::HashMap<u32, u64>>("plain").unwrap_err();
    let expected = serde_json::json!({
        "error": "map_type",
        "message": error.to_string(),
        "found": "array",
        "accepted": ["hash", "lru_hash"],
        "map": { "name": "plain", "id": null, "pin": null },
    });
    assert_eq!(serde_json::to_value(&error).unwrap(), expected);
    assert_eq!(error.map().map(|map| map.name.as_str()), Some("plain"));
}

#[test]
fn a_member_of_an_arm_is_named_through_its_union() {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Arm {
        port: u32,
    }
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Event {
        #[bpf(arm_of = "u")]
        tcp: Arm,
    }
    let mut btf = Builder::new();
    let int = btf.int(4);
    let tcp = btf.structure("tcp", 8, &[("port", int, 0), ("flags", int, 32)]);
    let union = btf.composite(builder::kind::UNION, "", 8, &[("tcp", tcp, 0)]);
    btf.structure("event", 8, &[("u", union, 0)]);
    let btf = Btf::parse(Vec::from(btf)).unwrap();
    let Err(Error::Mismatch(found)) = btf.check::<Event>("event") else { panic!() };
    let paths: Vec<_> = found.iter().map(|(_, found)| found.path.as_str()).collect();
    assert_eq!(paths, ["tcp", "u.tcp.flags", ""], "{found}");
}

/// What agrees at first sight must agree by all of the rules.
#[test]
fn a_pad_stands_over_padding_alone() {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Pads {
        a: u32,
        x: [Pad<4>; 3],
    }
    let mut btf = Builder::new();
    let int = btf.int(4);
    let array = btf.array(int, 3);
    btf.structure("numbers", 16, &[("a", int, 0), ("x", array, 32)]);
    let bytes = btf.int(1);
    let four = btf.array(bytes, 4);
    let pad = btf.structure("Pad_3C_4_3E_", 4, &[("__0", four, 0)]);
    let pads = btf.array(pad, 3);
    btf.structure("pads", 16, &[("a", int, 0), ("x", pads, 32)]);
    let btf = Btf::parse(Vec::from(btf)).unwrap();
    for (ty, path) in [("numbers", "x[]"), ("__u32", "")] {
        let answer = match ty {
            "numbers" => btf.check::<Pads>(ty),
            _ => btf.check::<Pad<4>>(ty),
        };
        let Err(Error::Mismatch(found)) = answer else { panic!("{ty}: {answer:?}") };
        let paths: Vec<_> = found.iter().map(|(_, found)| found.path.as_str()).collect();
        assert_eq!(paths, [path], "{found}");
    }
    // The pads of a program in Rust are pads in an array too.
    btf.check::<Pads>("pads").unwrap();
}

#[test]
fn padding_is_not_what_another_field_stands_for() {
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct Twice {
        p: Pad<4>,
        a: u32,
        pad: [u8; 4],
    }
    let mut btf = Builder::new();
    let (int, byte) = (btf.int(4), btf.int(1));
    let bytes = btf.array(byte, 4);
    btf.structure("twice", 12, &[("pad", bytes, 0), ("a", int, 32), ("pad", bytes, 64)]);
    let btf = Btf::parse(Vec::from(btf)).unwrap();
    assert!(matches!(btf.check::<Twice>("twice"), Err(Error::Mismatch(_))));
}
