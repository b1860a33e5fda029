//! The derive macros of `bpfmap`; use them through that crate.
//!
//! The rooms, in the order in which a struct passes through them: `ast` parses
//! it, `attr` reads its attributes, `valid` judges what can be judged from its
//! tokens, and `expand` writes the table and the checks that the compiler
//! evaluates.

mod ast;
mod attr;
mod expand;
mod valid;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Which of the two derives was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Key,
    Value,
}

/// Makes a `#[repr(C)]` struct the key of a BPF map (or a value).
///
/// It refuses, at compile time and at the field, implicit padding and types
/// that cannot hold whatever bytes the kernel writes, and generates the table
/// of offsets, `BpfLayout::LAYOUT`.
///
/// Attributes:
/// - `#[bpf(name = "c_name")]` on a field: its name on the other side;
/// - `#[bpf(crate = path)]` on the struct: where `bpfmap` is, if renamed.
#[proc_macro_derive(BpfMapKey, attributes(bpf))]
pub fn derive_key(input: TokenStream) -> TokenStream {
    expand::derive(&parse_macro_input!(input as DeriveInput), Role::Key).into()
}

/// Makes a `#[repr(C)]` struct the value of a BPF map.
///
/// It refuses, at compile time and at the field, implicit padding and types
/// that cannot hold whatever bytes the kernel writes, and generates the table
/// of offsets, `BpfLayout::LAYOUT`.
///
/// Attributes:
/// - `#[bpf(name = "c_name")]` on a field: its name on the other side;
/// - `#[bpf(crate = path)]` on the struct: where `bpfmap` is, if renamed.
#[proc_macro_derive(BpfMapValue, attributes(bpf))]
pub fn derive_value(input: TokenStream) -> TokenStream {
    expand::derive(&parse_macro_input!(input as DeriveInput), Role::Value).into()
}
