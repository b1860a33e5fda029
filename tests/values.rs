//! Values by BTF, of types that compilers write and of some that none does.

mod builder;

use bpfmap::{Btf, Decoder, Object};
use builder::{Builder, kind};

static SHAPES: &[u8] = include_bytes!("bpf/shapes.bpf.o");
static VALUES: &[u8] = include_bytes!("bpf/values.bpf.o");
static GLOBALS: &[u8] = include_bytes!("bpf/globals.bpf.o");
static RUST: &[u8] = include_bytes!("rust-ebpf/maps.bpf.o");

/// Bytes as a value of the last type that was added, for people and as JSON.
#[track_caller]
fn shown(builder: Builder, bytes: &[u8]) -> (String, String) {
    let bytes_of_types = Vec::from(builder);
    let btf = Btf::parse(bytes_of_types).unwrap();
    let decoder = btf.types().last().unwrap().decoder();
    both(&decoder, bytes)
}

fn both(decoder: &Decoder, bytes: &[u8]) -> (String, String) {
    let value = decoder.value(bytes);
    (value.to_string(), serde_json::to_string(&value).unwrap())
}

/// Bytes as a value of a type of an object.
#[track_caller]
fn of(object: &[u8], name: &str, bytes: &[u8]) -> (String, String) {
    let object = Object::parse(object).unwrap();
    both(&object.btf().type_named(name).unwrap().decoder(), bytes)
}

#[test]
fn members_of_anonymous_members_are_among_the_others() {
    let bytes: Vec<u8> = (1..=16).collect();
    let (text, json) = of(SHAPES, "anonymous", &bytes);
    assert_eq!(text, "{a: 67305985, b: 1541, c: 2055, d: 1157159078456920585}");
    assert_eq!(json, r#"{"a":67305985,"b":1541,"c":2055,"d":1157159078456920585}"#);
}

/// Before LLVM 15 compilers did not say that an enum has such.
#[test]
fn numbers_of_enums_are_below_zero_where_one_of_theirs_is() {
    let of = |kind: u32, size: u32, number: &[u32], bytes: &[u8]| {
        let mut builder = Builder::new();
        let (name, first) = (builder.name("e"), builder.name("FIRST"));
        builder.add(name, kind, 1, size, &[&[first], number].concat());
        shown(builder, bytes).1
    };
    assert_eq!(of(kind::ENUM, 1, &[200], &[0xb6]), "182");
    assert_eq!(of(kind::ENUM, 1, &[200], &[200]), "\"FIRST\"");
    assert_eq!(of(kind::ENUM, 1, &[-1_i32 as u32], &[0xb6]), "-74");
    assert_eq!(of(kind::ENUM, 1, &[-1_i32 as u32], &[0xff]), "\"FIRST\"");
    assert_eq!(of(kind::ENUM, 2, &[0xfff0], &[0xf1, 0xff]), "65521");
    let flags = 0x8000_0001_u32.to_le_bytes();
    assert_eq!(of(kind::ENUM, 4, &[0x8000_0000], &flags), "2147483649");
    assert_eq!(of(kind::ENUM, 4, &[-1_i32 as u32], &flags), "-2147483647");
    assert_eq!(of(kind::ENUM | kind::FLAG, 4, &[1], &flags), "-2147483647");
    let wide = (1_u64 << 63 | 1).to_le_bytes();
    assert_eq!(of(kind::ENUM64, 8, &[0, 1 << 31], &wide), "9223372036854775809");
    assert_eq!(of(kind::ENUM64 | kind::FLAG, 8, &[0, 1], &wide), "-9223372036854775807");
}

#[test]
fn all_arms_of_a_union_are_shown() {
    let mut bytes = [0; 24];
    bytes[4..8].copy_from_slice(&[10, 0, 0, 1]);
    bytes[20] = 7;
    let (_, json) = of(SHAPES, "unions", &bytes);
    assert_eq!(
        json,
        r#"{"kind":0,"v4":167772161,"v6":[10,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0],"named":{"word":7,"bytes":[7,0,0,0]}}"#
    );
}

#[test]
fn texts_are_texts_when_nothing_is_lost() {
    let with = |text: &[u8], other: &[u8]| {
        let mut bytes = [0; 24];
        bytes[..text.len()].copy_from_slice(text);
        bytes[16..16 + other.len()].copy_from_slice(other);
        of(VALUES, "text", &bytes).1
    };
    assert_eq!(with(b"eth0", b""), r#"{"text":"eth0","other":"","bytes":[0,0,0,0]}"#);
    assert_eq!(with(b"a \"b\"", b"xyz"), r#"{"text":"a \"b\"","other":"xyz","bytes":[0,0,0,0]}"#);
    // No NUL, something behind it, and what is no ASCII.
    let lists = with(b"a", b"full");
    assert!(lists.contains(r#""other":[102,117,108,108]"#), "{lists}");
    let lists = with(b"", b"a\0b");
    assert!(lists.contains(r#""other":[97,0,98,0]"#), "{lists}");
    let lists = with(b"", b"\xc3\xa4");
    assert!(lists.contains(r#""other":[-61,-92,0,0]"#), "{lists}");
}

#[test]
fn numbers_of_all_kinds() {
    let mut bytes = [0xff; 80];
    // `g`, `h`, `i`, `j`.
    bytes[28..32].copy_from_slice(&[200, 200, b'x', 2]);
    bytes[36..40].copy_from_slice(&200u32.to_le_bytes());
    let (text, _) = of(VALUES, "numbers", &bytes);
    assert_eq!(
        text,
        "{a: 18446744073709551615, b: -1, c: 4294967295, d: -1, e: 65535, f: -1, g: 200, h: -56, \
         i: 120, j: 2, k: 4294967295, color: BLUE, sign: MINUS, l: -1, m: 18446744073709551615}"
    );
    let (_, json) = of(VALUES, "wide", &[[0xff; 16], [1; 16]].concat());
    assert_eq!(
        json,
        r#"{"a":"0xffffffffffffffffffffffffffffffff","b":"0x1010101010101010101010101010101"}"#
    );
}

#[test]
fn floating_point_numbers() {
    let bytes = |a: f64, b: f32, c: f32| {
        [&a.to_le_bytes()[..], &b.to_le_bytes(), &c.to_le_bytes()].concat()
    };
    let (text, json) = of(VALUES, "real", &bytes(0.1, 0.1, -2.5));
    assert_eq!(text, "{a: 0.1, b: 0.1, c: -2.5}");
    assert_eq!(json, r#"{"a":0.1,"b":0.1,"c":-2.5}"#);
    let (_, json) = of(VALUES, "real", &bytes(f64::NAN, f32::INFINITY, f32::NEG_INFINITY));
    assert_eq!(json, r#"{"a":"NaN","b":"inf","c":"-inf"}"#);
}

#[test]
fn a_section_is_its_variables() {
    let object = Object::parse(GLOBALS).unwrap();
    let section = object.btf().type_named(".data.hot").unwrap();
    let mut bytes = vec![0; section.size().unwrap() as usize];
    bytes[0] = 9;
    let (text, _) = both(&section.decoder(), &bytes);
    assert!(text.starts_with("{hot: 9, hotter: 0") || text.starts_with("{hotter: "), "{text}");
}

#[test]
fn an_array_without_a_length_goes_on_to_the_end() {
    let bytes = [3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9, 9];
    assert_eq!(of(VALUES, "flexible", &bytes).1, r#"{"len":3,"data":[1,2]}"#);
    assert_eq!(of(VALUES, "flexible", &bytes[..4]).1, r#"{"len":3,"data":[]}"#);
}

#[test]
fn newtypes_of_a_program_in_rust_are_what_is_in_them() {
    let object = Object::parse(RUST).unwrap();
    let is_newtype = |name: &str| matches!(name, "Be16" | "Be32");
    let found = object.btf().types().find(|ty| ty.name().is_ok_and(|name| is_newtype(&name)));
    let ty = found.expect("the program uses one");
    let bytes = &[0, 0, 1, 2][4 - ty.size().unwrap() as usize..];
    assert_eq!(both(&ty.decoder(), bytes).1, "258");
}

#[test]
fn old_and_new_bitfields_in_both_byte_orders() {
    let with = |order: fn(u32) -> [u8; 4], magic, bytes: &[u8]| {
        let mut builder = Builder::new();
        let int = builder.int(4);
        // As compilers wrote them before there was a flag: an integer of 5 bits.
        let name = builder.name("int");
        let old = builder.add(name, kind::INT, 0, 4, &[1 << 24 | 3 << 16 | 5]);
        let flagged = [("a", int, 3 << 24), ("b", int, 7 << 24 | 3)];
        builder.composite(kind::STRUCT | kind::FLAG, "new", 4, &flagged);
        builder.structure("old", 4, &[("c", old, 0), ("d", int, 0)]);
        let btf = Btf::parse(builder.write(magic, order, 24)).unwrap();
        let shown = |name| both(&btf.type_named(name).unwrap().decoder(), bytes).0;
        [shown("new"), shown("old")]
    };
    let little = with(u32::to_le_bytes, [0x9f, 0xeb], &[0b0010_0101, 0b0000_0011, 0, 0]);
    assert_eq!(little, ["{a: 5, b: 100}", "{c: 4, d: 805}"]);
    let big = with(u32::to_be_bytes, [0xeb, 0x9f], &[0b1011_1001, 0, 0, 1]);
    assert_eq!(big, ["{a: 5, b: 100}", "{c: -7, d: 3103784961}"]);
}

#[test]
fn what_is_not_shown_is_known() {
    let hidden = |object: &[u8], name: &str, size: usize| -> Vec<usize> {
        let object = Object::parse(object).unwrap();
        let decoder = object.btf().type_named(name).unwrap().decoder();
        assert!(!decoder.hides(&vec![0; size]));
        let is_hidden = |bit: &usize| {
            let mut bytes = vec![0_u8; size];
            bytes[bit / 8] |= 1 << (bit % 8);
            decoder.hides(&bytes)
        };
        (0..size * 8).filter(is_hidden).collect()
    };
    let holes: Vec<_> = (8..32).chain(80..96).collect();
    assert_eq!(hidden(SHAPES, "holes", 12), holes);
    // A bitfield without a name.
    assert_eq!(hidden(VALUES, "bits", 24)[..2], [15, 16]);
    // The longest arm of a union shows all of it.
    assert!(!hidden(SHAPES, "unions", 24).iter().any(|bit| (32..192).contains(bit)));
    assert!(!Decoder::bytes().hides(&[0xff; 9]));
}

#[test]
fn bytes_that_are_too_few_are_shown_as_they_are() {
    for len in 0..16 {
        let bytes = vec![0xab; len];
        let hex = format!("0x{}", "ab".repeat(len));
        assert_eq!(of(SHAPES, "anonymous", &bytes).0, hex);
    }
    let mut builder = Builder::new();
    let int = builder.int(8);
    builder.array(int, 3);
    assert_eq!(shown(builder, &[1, 2, 3]).1, r#""0x010203""#);
}

#[test]
fn what_has_no_size_is_bytes() {
    let mut builder = Builder::new();
    let name = builder.name("unknown");
    builder.add(name, kind::FWD, 0, 0, &[]);
    assert_eq!(shown(builder, &[1, 0xff]).1, r#""0x01ff""#);
    // As a member it is nothing, and not all of the rest.
    let mut builder = Builder::new();
    let name = builder.name("unknown");
    let forward = builder.add(name, kind::FWD, 0, 0, &[]);
    let int = builder.int(1);
    builder.structure("s", 2, &[("a", int, 0), ("b", forward, 8)]);
    assert_eq!(shown(builder, &[1, 2]).0, "{a: 1, b: 0x}");
    assert_eq!(both(&Decoder::bytes(), &[1, 2]).0, "0x0102");
    assert_eq!(both(&Decoder::bytes(), &[]).0, "0x");
}

#[test]
fn a_struct_in_itself_ends() {
    let mut builder = Builder::new();
    let int = builder.int(4);
    let next = builder.next_id;
    builder.structure("s", 8, &[("a", int, 0), ("again", next, 0)]);
    let (text, _) = shown(builder, &[1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(text, "{a: 1, again: 0x0100000000000000}");
}

#[test]
fn unions_of_unions_are_not_shown_for_ever() {
    for name in ["named", ""] {
        let mut builder = Builder::new();
        let mut arm = builder.int(4);
        for _ in 0..40 {
            arm = builder.composite(kind::UNION, "u", 4, &[(name, arm, 0), (name, arm, 0)]);
        }
        let (text, json) = shown(builder, &[1, 2, 3, 4]);
        assert!(text.len() < 1 << 20, "{}", text.len());
        assert!(text.contains("0x01020304"), "{}", &text[..100]);
        assert!(json.len() < 1 << 20);
    }
}

#[test]
fn arrays_without_an_end_are_not_shown_for_ever() {
    let bytes = [1; 256];
    let endless = |members: usize, count: usize| {
        let mut builder = Builder::new();
        let byte = builder.int(1);
        let element = builder.structure("element", 1, &vec![("m", byte, 0); members]);
        let array = builder.array(element, 0);
        let mut fields = vec![("len", byte, 0)];
        fields.extend(vec![("data", array, 8); count]);
        builder.structure("s", 1, &fields);
        shown(builder, &bytes).0
    };
    assert_eq!(endless(2, 64).matches("m: 1").count(), 2 * 64 * 255);
    let hex = format!("0x{}", "01".repeat(256));
    assert_eq!(endless(2, 65), hex[..4], "more than anybody needs");
    let text = endless(1000, 1);
    assert_eq!(text.matches("0x01").count(), 255, "more in each byte than anybody needs: {text}");
}

#[test]
fn nothing_many_times_is_nothing() {
    let mut builder = Builder::new();
    let empty = builder.structure("empty", 0, &[]);
    builder.array(empty, u32::MAX);
    assert_eq!(shown(builder, &[1]).1, "[]");
}

#[test]
fn types_that_are_deeper_than_any_end() {
    let mut builder = Builder::new();
    let mut inner = builder.int(4);
    for _ in 0..10_000 {
        inner = builder.structure("s", 4, &[("m", inner, 0)]);
    }
    let (text, _) = shown(builder, &[1, 2, 3, 4]);
    assert!(text.contains("0x01020304"), "{text}");
    assert!(text.len() < 1 << 10, "{text}");
}

#[test]
fn names_do_not_speak_to_the_terminal() {
    let mut builder = Builder::new();
    let int = builder.int(1);
    builder.structure("s", 1, &[("\x1b[31mred", int, 0)]);
    let (text, json) = shown(builder, &[1]);
    assert_eq!(text, "{\\u{1b}[31mred: 1}");
    assert_eq!(json, r#"{"\u001b[31mred":1}"#);
}

/// An enum of that size, with numbers as they are in BTF.
fn enumeration(builder: &mut Builder, flag: u32, size: u32, values: &[(&str, u32)]) -> u32 {
    let words: Vec<_> =
        values.iter().flat_map(|(name, number)| [builder.name(name), *number]).collect();
    builder.add(0, kind::ENUM | flag, values.len(), size, &words)
}

#[test]
fn a_number_of_an_enum_is_its_name_or_itself() {
    let of = |flag, size, values: &[(&str, u32)], bytes: &[u8]| {
        let mut builder = Builder::new();
        enumeration(&mut builder, flag, size, values);
        shown(builder, bytes).0
    };
    let signs = [("MINUS", u32::MAX), ("ZERO", 0), ("ONE", 1)];
    for flag in [0, kind::FLAG] {
        assert_eq!(of(flag, 4, &signs, &[0xff; 4]), "MINUS");
        assert_eq!(of(flag, 1, &signs, &[0xff]), "MINUS", "cut off");
        assert_eq!(of(flag, 2, &signs, &[1, 0]), "ONE");
        // A compiler that does not say so has one that is negative.
        assert_eq!(of(flag, 4, &signs, &[0xfe, 0xff, 0xff, 0xff]), "-2");
    }
    let colors = [("RED", 2), ("CRIMSON", 2), ("BLUE", 0)];
    assert_eq!(of(0, 4, &colors, &[2, 0, 0, 0]), "RED", "the first of two");
    assert_eq!(of(0, 4, &colors, &[0, 0, 0, 0]), "BLUE");
    assert_eq!(of(0, 4, &colors, &[0xfe, 0xff, 0xff, 0xff]), "4294967294");
    assert_eq!(of(kind::FLAG, 4, &colors, &[0xfe, 0xff, 0xff, 0xff]), "-2");
}

#[test]
fn an_enum_of_64_bits_is_one_with_both_halves() {
    let of = |flag, values: &[(&str, u64)], number: u64| {
        let mut builder = Builder::new();
        let words: Vec<_> = values
            .iter()
            .flat_map(|(name, number)| [builder.name(name), *number as u32, (number >> 32) as u32])
            .collect();
        builder.add(0, kind::ENUM64 | flag, values.len(), 8, &words);
        shown(builder, &number.to_le_bytes()).0
    };
    let values = [("LOW", 7), ("HIGH", 1 << 40 | 7), ("MINUS", u64::MAX - 1)];
    // All compilers that have it say whether it is signed.
    for (flag, all_ones) in [(0, "18446744073709551615"), (kind::FLAG, "-1")] {
        for (name, number) in values {
            assert_eq!(of(flag, &values, number), name);
        }
        assert_eq!(of(flag, &values, u64::MAX), all_ones);
    }
}

/// What an integer is for is in its encoding; clang says it of `bool` alone, and names
/// `char`.
#[test]
fn truth_values_and_characters() {
    const CHAR: u32 = 2 << 24;
    const BOOL: u32 = 4 << 24;
    let of = |name: &str, encoding: u32, count: Option<u32>, bytes: &[u8]| {
        let mut builder = Builder::new();
        let name = builder.name(name);
        let int = builder.add(name, kind::INT, 0, 1, &[encoding | 8]);
        if let Some(count) = count {
            builder.array(int, count);
        }
        shown(builder, bytes).1
    };
    assert_eq!(of("_Bool", BOOL, None, &[1]), "true");
    assert_eq!(of("_Bool", BOOL, None, &[0]), "false");
    assert_eq!(of("_Bool", BOOL, None, &[2]), "2", "as no compiler writes it");
    assert_eq!(of("letter", CHAR, Some(4), b"ab\0\0"), r#""ab""#);
    assert_eq!(of("char", 0, Some(4), b"ab\0\0"), r#""ab""#);
    assert_eq!(of("unsigned char", 0, Some(4), b"ab\0\0"), "[97,98,0,0]");
}

#[test]
fn a_pointer_is_an_address() {
    let mut builder = Builder::new();
    let int = builder.int(4);
    builder.pointer(int);
    let (text, json) = shown(builder, &0xffff_8881_0000_1000_u64.to_le_bytes());
    assert_eq!(text, "0xffff888100001000");
    assert_eq!(json, r#""0xffff888100001000""#);
}

/// In both ways to say so: of a member, and of its type.
#[test]
fn bitfields_are_of_their_type() {
    const OLD_BOOL: u32 = 4 << 24 | 1;
    let mut builder = Builder::new();
    let int = builder.int(4);
    let color = enumeration(&mut builder, 0, 4, &[("RED", 1), ("BLUE", 2)]);
    let name = builder.name("_Bool");
    let truth = builder.add(name, kind::INT, 0, 1, &[4 << 24 | 8]);
    let (color_bits, truth_bits, unnamed) = (2 << 24 | 3, 1 << 24 | 5, 3 << 24 | 6);
    let members = [
        ("a", int, 3 << 24),
        ("color", color, color_bits),
        ("on", truth, truth_bits),
        ("", int, unnamed),
    ];
    let inner = builder.composite(kind::STRUCT | kind::FLAG, "inner", 4, &members);
    builder.structure("outer", 8, &[("before", int, 0), ("inner", inner, 32)]);
    // Behind other bytes, where its bits count from its own beginning.
    let bytes = [9, 0, 0, 0, 0b1111_0101, 0xff, 0xff, 0xff];
    assert_eq!(shown(builder, &bytes).0, "{before: 9, inner: {a: 5, color: BLUE, on: true}}");

    let mut builder = Builder::new();
    let name = builder.name("_Bool");
    let truth = builder.add(name, kind::INT, 0, 1, &[OLD_BOOL]);
    builder.structure("old", 1, &[("off", truth, 0), ("on", truth, 1)]);
    assert_eq!(shown(builder, &[0b10]).0, "{off: false, on: true}");
}

/// Only what is behind a struct goes on to the end.
#[test]
fn an_array_without_a_length_that_is_not_the_last_is_empty() {
    let mut builder = Builder::new();
    let byte = builder.int(1);
    let none = builder.array(byte, 0);
    builder.structure("s", 2, &[("a", byte, 0), ("none", none, 8), ("b", byte, 8)]);
    assert_eq!(shown(builder, &[1, 2]).1, r#"{"a":1,"none":[],"b":2}"#);
    let mut builder = Builder::new();
    let byte = builder.int(1);
    builder.array(byte, 0);
    assert_eq!(shown(builder, &[1, 2]).1, "[]");
}
