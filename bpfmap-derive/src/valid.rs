//! What can be judged from the tokens alone.
//!
//! Only advice is given here: a type alias hides what it stands for, so the
//! authority is the trait `BpfLayout`, of which the compiler asks.

use syn::{Error, GenericArgument, PathArguments, Result, Type};

use crate::ast::{Field, Struct, combine};

pub(crate) fn check(input: &Struct<'_>) -> Result<()> {
    let mut errors = None;
    let mut refuse = |error| combine(&mut errors, error);
    let name = input.ident;
    if !input.attrs.repr.c && !input.attrs.repr.transparent {
        refuse(Error::new_spanned(
            name,
            format!("`{name}` needs `#[repr(C)]`: without it Rust may put the fields in any order"),
        ));
    }
    if let Some(param) = input.generics.params.first() {
        refuse(Error::new_spanned(
            param,
            format!("`{name}` is generic: write one struct for each type that is shared with BPF"),
        ));
    }
    if input.fields.is_empty() {
        refuse(Error::new_spanned(
            name,
            format!("`{name}` has no fields: a map's keys and values have at least one byte"),
        ));
    }
    for field in &input.fields {
        if let Err(error) = check_type(field, field.ty) {
            refuse(error);
        }
    }
    errors.map_or(Ok(()), Err)
}

fn check_type(field: &Field<'_>, ty: &Type) -> Result<()> {
    let refuse = |advice: &str| {
        Err(Error::new_spanned(ty, format!("`{}` cannot be shared with BPF: {advice}", field.name)))
    };
    match ty {
        Type::Array(array) => check_type(field, &array.elem),
        Type::Group(group) => check_type(field, &group.elem),
        Type::Paren(paren) => check_type(field, &paren.elem),
        Type::Reference(_) | Type::Ptr(_) => {
            refuse("an address means nothing on the other side; share the data, or a `u64`")
        }
        Type::FnPtr(_) => refuse("a function's address means nothing on the other side"),
        Type::Slice(_) | Type::TraitObject(_) => refuse("its size is not known; use an array"),
        Type::Tuple(tuple) if tuple.elems.is_empty() => refuse("`()` has no bytes; remove it"),
        Type::Tuple(_) => {
            refuse("Rust may order a tuple's parts as it likes; use a `#[repr(C)]` struct")
        }
        Type::Macro(_) => refuse("a macro may expand to another type each time; use a type alias"),
        Type::Path(path) if path.qself.is_none() => {
            let Some(last) = path.path.segments.last() else { return Ok(()) };
            // A path of more segments may lead to a type of the user's own.
            let alone = path.path.segments.len() == 1;
            match last.ident.to_string().as_str() {
                "bool" if alone => refuse(
                    "a byte other than 0 and 1 would be undefined behaviour in a `bool`; use `u8`",
                ),
                "char" if alone => {
                    refuse("most numbers are no `char`; use `u32`, or `u8` for C's `char`")
                }
                "usize" if alone => refuse("its size is that of the host; use `u64`"),
                "isize" if alone => refuse("its size is that of the host; use `i64`"),
                "u128" | "i128" if alone => {
                    refuse("its alignment differs among compilers; use `[u64; 2]`")
                }
                "f32" if alone => refuse("BPF has no floating point; use `u32`"),
                "f64" if alone => refuse("BPF has no floating point; use `u64`"),
                "str" if alone => refuse("its size is not known; use `[u8; N]`"),
                "String" => refuse("it is an address on the heap; use `[u8; N]`"),
                "Vec" | "Box" | "Rc" | "Arc" if !last.arguments.is_none() => {
                    refuse("it is an address on the heap; use an array")
                }
                "Option" if !last.arguments.is_none() => refuse(match first_argument(last) {
                    Some(Type::Reference(_)) => "an address means nothing on the other side",
                    _ => "C has no such type; use the type itself and a number that means none",
                }),
                "MaybeUninit" | "UnsafeCell" | "Cell" | "RefCell" | "Mutex"
                    if !last.arguments.is_none() =>
                {
                    refuse("its bytes may be unset or change unseen; use the type inside it")
                }
                name if alone && (name.starts_with("NonZero") || name.starts_with("Atomic")) => {
                    refuse("the kernel writes any number at any time; use the plain integer")
                }
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn first_argument(segment: &syn::PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
