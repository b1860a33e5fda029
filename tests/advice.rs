//! Ways out of a refusal that lead out: what an advice says, when it is followed,
//! is accepted.

mod builder;

use bpfmap::{Be32, BpfEnum, BpfMapValue, Btf, Enum, Error, Pad};
use builder::{Builder, kind};

macro_rules! structs {
    ($($name:ident { $($body:tt)* })*) => {$(
        #[derive(BpfMapValue, Clone, Copy)]
        #[repr(C)]
        struct $name { $($body)* }
    )*};
}

/// `struct route { union { __be32 v4; __u8 v6[16]; __be32 first; } src; __be32 via; __u32 color; }`
fn route() -> Btf<'static> {
    let mut btf = Builder::new();
    let (byte, word) = (btf.int(1), btf.int(4));
    let be32 = btf.typedef("__be32", word);
    let name = btf.name("color");
    let red = btf.name("RED");
    let color = btf.add(name, 6, 1, 4, &[red, 0]);
    let v6 = btf.array(byte, 16);
    let src =
        btf.composite(kind::UNION, "", 16, &[("v4", be32, 0), ("v6", v6, 0), ("first", be32, 0)]);
    let members = [("src", src, 0), ("via", be32, 128), ("mark", word, 160), ("color", color, 192)];
    btf.structure("route", 28, &members);
    Btf::parse(Vec::from(btf)).unwrap()
}

/// The advice of all differences.
#[track_caller]
fn advice<T: BpfMapValue>() -> Vec<String> {
    match route().check::<T>("route") {
        Err(Error::Mismatch(found)) => found.iter().map(|(_, one)| one.advice.clone()).collect(),
        other => panic!("not refused for its fields: {other:?}"),
    }
}

#[track_caller]
fn accepted<T: BpfMapValue>() {
    route().check::<T>("route").unwrap();
}

#[test]
fn opaque_bytes_are_all_of_a_union() {
    structs! {
        Short { #[bpf(opaque)] src: [u8; 8], _x: Pad<8>, via: Be32, mark: u32, color: u32 }
        Shorter { #[bpf(opaque)] src: [u8; 8], _x: Pad<12>, mark: u32, color: u32 }
        Long { #[bpf(opaque)] src: [u8; 20], mark: u32, color: u32 }
        Followed { #[bpf(opaque)] src: [u8; 16], via: Be32, mark: u32, color: u32 }
    }
    let all = "`#[bpf(opaque)]` takes all of its bytes: declare it `[u8; 16]` in Rust";
    assert_eq!(advice::<Short>(), [format!("{all}, and remove `_x`")]);
    assert_eq!(advice::<Shorter>()[0], format!("{all}, and make `_x` a `Pad<4>`"));
    assert_eq!(advice::<Long>()[0], all);
    accepted::<Followed>();
}

#[test]
fn what_is_left_of_a_union_is_a_pad() {
    structs! {
        Tail { #[bpf(arm_of = "src")] v4: Be32, tail: [u8; 12], via: Be32, mark: u32, color: u32 }
        Followed { #[bpf(arm_of = "src")] v4: Be32, tail: Pad<12>, via: Be32, mark: u32, color: u32 }
    }
    let rest = "the rest of the union is there, of which another field is an arm: write `Pad<12>`";
    assert_eq!(advice::<Tail>(), [rest]);
    accepted::<Followed>();
}

#[test]
fn an_arm_that_there_is_not_is_answered_with_those_that_there_are() {
    structs! {
        Other { #[bpf(arm_of = "src")] v5: Be32, _x: Pad<12>, via: Be32, mark: u32, color: u32 }
        Typo { #[bpf(arm_of = "src")] frist: Be32, _x: Pad<12>, via: Be32, mark: u32, color: u32 }
        NoUnion { #[bpf(opaque)] src: [u8; 16], #[bpf(arm_of = "via")] v4: Be32, mark: u32, color: u32 }
        Followed {
            #[bpf(arm_of = "src", name = "v4")] v5: Be32, _x: Pad<12>, via: Be32, mark: u32, color: u32,
        }
    }
    let end = "`v4`, `v6`, `first`; give the field the name of one, or say which with `#[bpf(name = \"...\")]`";
    let other = format!("the union `src` has no arm `v5`: its arms are {end}");
    assert_eq!(advice::<Other>(), [other]);
    let typo =
        format!("the union `src` has no arm `frist`: did you mean `first`? Its arms are {end}");
    assert_eq!(advice::<Typo>(), [typo]);
    let no_union =
        "`via` is no union: remove `arm_of` from the field, or name the union that is meant";
    assert_eq!(advice::<NoUnion>(), [no_union]);
    accepted::<Followed>();
}

#[test]
fn an_enum_of_another_size_is_given_another_representation() {
    #[derive(BpfEnum, Clone, Copy)]
    #[repr(u8)]
    enum Color {
        _Red,
    }
    structs! {
        Small {
            #[bpf(opaque)] src: [u8; 16], via: Be32, mark: u32, color: Enum<Color>, _x: Pad<3>,
        }
    }
    assert_eq!(advice::<Small>(), ["write `#[repr(u32)]` on the Rust enum `Color`"]);
    let text = route().check::<Small>("route").unwrap_err().to_string();
    assert!(text.contains("`Enum<Color>` at 24..25 in Rust"), "{text}");
    assert!(text.contains("color: Enum<Color>  "), "{text}");
}

#[test]
fn bytes_in_the_place_of_a_number_are_a_number_or_opaque() {
    structs! {
        Bytes { #[bpf(opaque)] src: [u8; 16], via: [u8; 4], mark: u32, color: u32 }
        Plain { #[bpf(opaque)] src: [u8; 16], via: Be32, mark: [u8; 4], color: u32 }
        Followed {
            #[bpf(opaque)] src: [u8; 16], #[bpf(opaque)] via: [u8; 4], mark: Be32, color: u32,
        }
    }
    let opaque = "or write `#[bpf(opaque)]` on it to take its bytes as they are";
    assert_eq!(advice::<Bytes>(), [format!("declare it `Be32` in Rust; {opaque}")]);
    let order = "`Be32` if it is in network order, such as an address of IPv4";
    assert_eq!(advice::<Plain>(), [format!("declare it `u32` in Rust, or {order}; {opaque}")]);
    accepted::<Followed>();
}
