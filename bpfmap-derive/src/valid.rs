//! What can be judged from the tokens alone.
//!
//! Only advice is given here: a type alias hides what it stands for, so the
//! authority is the trait `BpfLayout`, of which the compiler asks.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Error, GenericParam, PathSegment, Result, Type};

use crate::ast::{Errors, Field, Struct};

pub(crate) fn check(input: &Struct<'_>) -> Result<()> {
    let mut errors = Errors::default();
    let name = input.ident;
    let repr = &input.attrs.repr;
    if !repr.c && !repr.transparent && !repr.malformed {
        let repr = if repr.packed { "#[repr(C, packed)]" } else { "#[repr(C)]" };
        errors.push(Error::new_spanned(
            name,
            format!("`{name}` needs `{repr}`: without `C` Rust may put the fields in any order"),
        ));
    }
    if input.fields.is_empty() {
        errors.push(Error::new_spanned(
            name,
            format!("`{name}` has no fields: a map's keys and values have at least one byte"),
        ));
    }
    for field in &input.fields {
        errors.keep(check_type(field, field.ty).and_then(|()| {
            if calls_macro(field.ty.to_token_stream()) {
                refuse(field, field.ty, MACRO)
            } else {
                Ok(())
            }
        }));
    }
    if errors.is_empty() {
        // Else it is the lifetime of what has been refused.
        for param in &input.generics.params {
            if let GenericParam::Lifetime(lifetime) = param {
                errors.push(Error::new_spanned(
                lifetime,
                format!("`{name}` has a lifetime, so it holds a reference, and an address means nothing on the other side"),
            ));
            }
        }
    }
    for (index, field) in input.fields.iter().enumerate() {
        let Some(c_name) = &field.attrs.name else { continue };
        // Of two attributes the second is the one too many.
        let (before, after) = input.fields.split_at(index);
        let after = after[1..].iter().filter(|other| other.attrs.name.is_none());
        let mut others = before.iter().chain(after).filter(|other| !other.is_arm());
        let same = others.find(|other| other.name_on_the_other_side() == c_name.value());
        if let Some(other) = same
            && !field.is_arm()
        {
            errors.push(Error::new_spanned(
                c_name,
                format!("`{}` stands for the member `{}` already", other.name, c_name.value()),
            ));
        }
    }
    errors.finish()
}

/// Whether a macro is called anywhere in a type, in its arguments and lengths
/// too.
fn calls_macro(tokens: TokenStream) -> bool {
    /// What may stand before a `!` that negates.
    const KEYWORDS: &[&str] = &["if", "while", "match", "return", "break", "in"];
    let (mut name, mut bang) = (false, false);
    tokens.into_iter().any(|token| {
        let (after_name, after_bang) = (std::mem::take(&mut name), std::mem::take(&mut bang));
        match token {
            TokenTree::Group(group) => after_bang || calls_macro(group.stream()),
            TokenTree::Ident(ident) => {
                name = !KEYWORDS.iter().any(|keyword| ident == keyword);
                false
            }
            TokenTree::Punct(punct) => {
                bang = after_name && punct.as_char() == '!';
                false
            }
            TokenTree::Literal(_) => false,
        }
    })
}

fn check_type(field: &Field<'_>, ty: &Type) -> Result<()> {
    let advice = match ty {
        Type::Array(array) => return check_type(field, &array.elem),
        Type::Group(group) => return check_type(field, &group.elem),
        Type::Paren(paren) => return check_type(field, &paren.elem),
        Type::Reference(_) => "an address means nothing on the other side; share the data itself",
        Type::Ptr(_) => "it is as wide as the host's addresses; use `u64` with `#[bpf(pointer)]`",
        Type::FnPtr(_) => "a function's address means nothing on the other side; remove it",
        Type::Slice(_) => "its length is not known; use an array, `[T; N]`",
        Type::TraitObject(_) | Type::ImplTrait(_) => "its size is not known; use a concrete type",
        Type::Never(_) => "it has no values; remove it",
        Type::Tuple(tuple) if tuple.elems.is_empty() => "it has no bytes; remove it",
        Type::Tuple(_) => "Rust may order a tuple's parts as it likes; use a `#[repr(C)]` struct",
        Type::Macro(_) => MACRO,
        Type::Path(path) if path.qself.is_none() => {
            let Some(last) = path.path.segments.last() else { return Ok(()) };
            let first = &path.path.segments[0].ident;
            let known = path.path.segments.len() == 1 || first == "core" || first == "std";
            match advice_by_name(last, known) {
                Some(advice) => advice,
                None => return Ok(()),
            }
        }
        _ => return Ok(()),
    };
    refuse(field, ty, advice)
}

fn refuse(field: &Field<'_>, ty: &Type, advice: &str) -> Result<()> {
    Err(Error::new_spanned(ty, format!("`{}` cannot be shared with BPF: {advice}", field.name)))
}

const MACRO: &str =
    "a macro may expand to something else each time; use a type alias, or a constant";

/// Advice on types that are known by their names. `alone` says that there is no
/// path before the name, or one of the standard library; another may lead to a
/// type of the user's own.
fn advice_by_name(segment: &PathSegment, alone: bool) -> Option<&'static str> {
    let name = segment.ident.to_string();
    let has_arguments = !segment.arguments.is_none();
    Some(match name.as_str() {
        "bool" if alone => {
            "a byte other than 0 and 1 would be undefined behaviour in a `bool`; use `u8`"
        }
        "char" if alone => {
            "most numbers would be undefined behaviour in a `char`; use `u32`, or `u8` for C's `char`"
        }
        "usize" if alone => "its size is that of the host's addresses; use `u64`",
        "isize" if alone => "its size is that of the host's addresses; use `i64`",
        "c_long" => "its size differs between hosts; use `i64`",
        "c_ulong" => "its size differs between hosts; use `u64`",
        "u128" | "i128" if alone => "its alignment differs between compilers; use `[u64; 2]`",
        "f32" if alone => "BPF has no floating point; use `u32` and `f32::from_bits`",
        "f64" if alone => "BPF has no floating point; use `u64` and `f64::from_bits`",
        "str" if alone => "its length is not known; use `[u8; N]`",
        "String" | "CString" | "OsString" | "PathBuf" => {
            "it is an address on the heap; use `[u8; N]`"
        }
        "Vec" | "Box" | "Rc" | "Arc" if has_arguments => {
            "it is an address on the heap; use an array, `[T; N]`"
        }
        "Option" | "Result" if has_arguments => {
            "C has no such type; use the type inside it, and a number of it that means \"none\""
        }
        "MaybeUninit" if has_arguments => "its bytes may be unset; use the type inside it",
        "Cell" | "UnsafeCell" | "RefCell" | "Mutex" | "RwLock" | "OnceCell" if has_arguments => {
            "its bytes may change behind a shared reference; use the type inside it"
        }
        "PhantomData" => "it has no bytes; remove it",
        "NonZero" if has_arguments => "the kernel may write a zero; use the plain integer",
        "Ipv4Addr" => {
            "its bytes are Rust's own affair; use `bpfmap::Be32`, which converts from and to it"
        }
        "Ipv6Addr" => {
            "its bytes are Rust's own affair; use `[u8; 16]`, which converts from and to it"
        }
        "IpAddr" | "SocketAddr" | "SocketAddrV4" | "SocketAddrV6" => {
            "its bytes are Rust's own affair; use `bpfmap::Be32` or `[u8; 16]`, and `bpfmap::Be16` for a port"
        }
        "Duration" | "Instant" | "SystemTime" => {
            "its bytes are Rust's own affair; use `u64` for nanoseconds"
        }
        name if alone && name.starts_with("NonZero") => {
            "the kernel may write a zero; use the plain integer"
        }
        name if alone && name.starts_with("Atomic") => {
            "its bytes may change behind a shared reference; use the plain integer"
        }
        _ => return None,
    })
}
