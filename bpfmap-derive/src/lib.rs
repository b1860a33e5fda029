//! The derive macros of `bpfmap`; use them through that crate.
//!
//! The rooms, in the order in which a struct passes through them: `ast` parses
//! it, `attr` reads its attributes, `valid` judges what can be judged from its
//! tokens, and `expand` writes the table and the checks that the compiler
//! evaluates.

mod ast;
mod attr;
mod enums;
mod expand;
mod nearest;
mod valid;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Which of the two derives was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Key,
    Value,
}

/// Makes a `#[repr(C)]` struct the key of a BPF map; it may be a value too.
///
/// So a struct has one of the two derives, and never both: the compiler says of
/// both that their implementations conflict (E0119), and to derive `BpfMapKey` alone
/// is what is meant.
///
/// Refused at compile time, each at its field and with what to write instead:
/// implicit padding, and types that cannot hold whatever bytes the kernel
/// writes or that differ between machines. Generated: the table of offsets,
/// `BpfLayout::LAYOUT`, and `aya::Pod`; and `LpmKey`, where the first field of
/// several is a `u32`.
///
/// A struct with parameters is checked for each of its instances: by
/// `bpfmap::assert_layout!(Key<u32>)` in `cargo check`, and in any case wherever
/// a map of it is opened. It is not `aya::Pod`, which could not be checked.
///
/// # Attributes of a field
///
/// They say what the field stands for on the other side, where that cannot be
/// told from its type.
///
/// - `#[bpf(name = "c_name")]`: a member of another name.
/// - `#[bpf(pointer)]`: a pointer. The field is a `u64`, or an array of them.
/// - `#[bpf(bitfields)]`: the bitfields in its bytes. The field is an unsigned
///   integer, or an array of `u8`.
/// - `#[bpf(arm_of_union)]`: an arm of an anonymous union, by its name.
/// - `#[bpf(arm_of = "member")]`: an arm, by its name, of the union that is that
///   member.
/// - `#[bpf(opaque)]`: whatever is in its bytes. Only the place and the size
///   are compared.
/// - `#[bpf(allow(signedness))]`, `#[bpf(allow(byte_order))]`: a member that
///   differs in that.
///
/// # Attribute of the struct
///
/// - `#[bpf(crate = path)]`: where `bpfmap` is, if it was renamed.
#[proc_macro_derive(BpfMapKey, attributes(bpf))]
pub fn derive_key(input: TokenStream) -> TokenStream {
    expand::derive(&parse_macro_input!(input as DeriveInput), Role::Key).into()
}

/// Makes a `#[repr(C)]` struct the value of a BPF map.
///
/// It is as `BpfMapKey` in all but one thing: its fields may belong to the
/// kernel, such as `SpinLock`, so it is not a key. A key is a value too, so a struct
/// that is both derives `BpfMapKey` alone; with both derives their implementations
/// conflict (E0119).
#[proc_macro_derive(BpfMapValue, attributes(bpf))]
pub fn derive_value(input: TokenStream) -> TokenStream {
    expand::derive(&parse_macro_input!(input as DeriveInput), Role::Value).into()
}

/// Names the numbers of an enum of C, for use in a field as `Enum<...>`.
///
/// The enum has a `#[repr(u32)]`, or that of another integer of 8 to 64 bits,
/// and variants without data.
#[proc_macro_derive(BpfEnum, attributes(bpf))]
pub fn derive_enum(input: TokenStream) -> TokenStream {
    enums::derive(&parse_macro_input!(input as DeriveInput)).into()
}
