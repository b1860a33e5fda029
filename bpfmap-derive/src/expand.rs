//! The code that the derives of structs write.
//!
//! For each struct: the table, the promises, one check per place where padding
//! could hide, and one function that takes the struct apart by the types that
//! the table was made from. Every path is absolute, so that nothing in the
//! user's scope can stand in for it.

use proc_macro2::{Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{DeriveInput, Generics, Path, WherePredicate, parse_quote};

use crate::Role;
use crate::ast::{Field, Struct};
use crate::attr::{Counterpart, StructAttrs};
use crate::valid;

pub(crate) fn derive(input: &DeriveInput, role: Role) -> TokenStream {
    let checked = Struct::parse(input).and_then(|parsed| valid::check(&parsed).map(|()| parsed));
    match checked {
        Ok(parsed) => expand(&parsed, role),
        Err(error) => {
            let error = error.into_compile_error();
            let fallback = fallback(input, role);
            quote!(#error #fallback)
        }
    }
}

/// Where the runtime crate is.
pub(crate) fn runtime(krate: Option<&Path>) -> TokenStream {
    match krate {
        Some(path) => quote!(#path),
        None => quote!(::bpfmap),
    }
}

fn expand(input: &Struct<'_>, role: Role) -> TokenStream {
    let krate = runtime(input.attrs.krate.as_ref());
    let table = table(input, role, &krate);
    let items = if is_generic(input.generics) {
        generic(input, role, &krate, &table)
    } else {
        concrete(input, role, &krate, &table)
    };
    let types = same_types(input);
    quote! {
        #[allow(dead_code, deprecated, non_upper_case_globals)]
        const _: () = {
            #items
            #types
        };
    }
}

fn is_generic(generics: &Generics) -> bool {
    !generics.params.is_empty()
}

/// A struct of one layout. Its checks are constants of their own, as
/// `cargo check` evaluates these, and reports all of them.
fn concrete(
    input: &Struct<'_>,
    role: Role,
    krate: &TokenStream,
    table: &TokenStream,
) -> TokenStream {
    let name = input.ident;
    let promises = promises(name, role, krate, table);
    let checks = checks(input, krate).into_iter().map(|check| {
        let Check { constant, span, function, arguments } = check;
        at(
            span,
            quote! {
                const #constant: () = #function(<#name as #krate::__private::DerivedLayout>::TABLE, #arguments);
            },
        )
    });
    quote! {
        #promises
        #(#checks)*
        #krate::__impl_pod! { #name }
    }
}

/// A struct of many layouts. There is none to check before it is used, so the
/// checks are a part of `LAYOUT`, of which every use asks.
///
/// `aya::Pod` is not implemented: it has no constant that could check.
fn generic(
    input: &Struct<'_>,
    role: Role,
    krate: &TokenStream,
    table: &TokenStream,
) -> TokenStream {
    let mut generics = input.generics.clone();
    let bound = match role {
        Role::Key => quote!(#krate::BpfMapKey),
        Role::Value => quote!(#krate::BpfLayout),
    };
    let predicates = &mut generics.make_where_clause().predicates;
    predicates.push(parse_quote!(Self: 'static));
    for ty in input.fields.iter().map(|field| field.ty) {
        let predicate: WherePredicate = parse_quote!(#ty: #bound);
        predicates.push(predicate);
    }
    let checks = checks(input, krate).into_iter().map(|check| {
        let Check { span, function, arguments, .. } = check;
        at(span, quote!(#function(__bpfmap_table, #arguments);))
    });
    let name = input.ident;
    let (params, arguments, conditions) = generics.split_for_impl();
    let key = match role {
        Role::Key => quote! {
            #[automatically_derived]
            unsafe impl #params #krate::BpfMapKey for #name #arguments #conditions {}
        },
        Role::Value => TokenStream::new(),
    };
    quote! {
        #[automatically_derived]
        unsafe impl #params #krate::BpfLayout for #name #arguments #conditions {
            const LAYOUT: &'static #krate::Layout = {
                let __bpfmap_table: &'static #krate::Layout = #table;
                #(#checks)*
                __bpfmap_table
            };
            const DERIVED_AND_NOT_WRITTEN_BY_HAND: #krate::__private::Seal =
                #krate::__private::Seal;
        }
        #key
    }
}

/// The expression of the table.
fn table(input: &Struct<'_>, role: Role, krate: &TokenStream) -> TokenStream {
    let core = quote!(#krate::__private::core);
    let rows = input.fields.iter().map(|field| row(field, role, krate, &core));
    let name = input.ident.unraw().to_string();
    let size = quote!(#core::mem::size_of::<Self>());
    let align = quote!(#core::mem::align_of::<Self>());
    if input.attrs.repr.packed {
        quote! {
            &#krate::Layout::new(#name, #size, #align, #krate::Kind::Struct { fields: &[#(#rows),*] })
        }
    } else {
        quote!(&#krate::Layout::of_struct(#name, #size, #align, &[#(#rows),*]))
    }
}

fn row(field: &Field<'_>, role: Role, krate: &TokenStream, core: &TokenStream) -> TokenStream {
    let Field { member, name, ty, attrs, .. } = field;
    let c_name = field.name_on_the_other_side();
    let layout = match role {
        Role::Key => quote!(<#ty as #krate::BpfMapKey>::KEY_LAYOUT),
        Role::Value => quote!(<#ty as #krate::BpfLayout>::LAYOUT),
    };
    let mut row = quote! {
        #krate::Field::new(#name, #c_name, #core::mem::offset_of!(Self, #member), #layout)
    };
    let counterpart = attrs.counterpart.as_ref().map(|counterpart| match counterpart {
        Counterpart::Pointer => quote!(Pointer),
        Counterpart::Bitfields => quote!(Bitfields),
        Counterpart::Opaque => quote!(Opaque),
        Counterpart::ArmOfUnion => quote!(ArmOfUnion),
        Counterpart::ArmOf(union) => quote!(ArmOf(#union)),
    });
    if let Some(counterpart) = counterpart {
        row.extend(quote!(.stands_for(#krate::Counterpart::#counterpart)));
    }
    let (signedness, byte_order) = (attrs.allowed.signedness, attrs.allowed.byte_order);
    if signedness || byte_order {
        row.extend(quote!(.allow(#signedness, #byte_order)));
    }
    row
}

/// The promises, from which those of the public traits follow.
fn promises(name: &Ident, role: Role, krate: &TokenStream, table: &TokenStream) -> TokenStream {
    let key = match role {
        Role::Key => quote! {
            #[automatically_derived]
            unsafe impl #krate::__private::DerivedKey for #name {}
        },
        Role::Value => TokenStream::new(),
    };
    quote! {
        #[automatically_derived]
        unsafe impl #krate::__private::DerivedLayout for #name {
            const TABLE: &'static #krate::Layout = #table;
        }
        #key
    }
}

/// Something that the compiler evaluates, and the place to which the error
/// belongs if it fails.
struct Check {
    constant: Ident,
    span: Span,
    function: TokenStream,
    /// Those after the layout.
    arguments: TokenStream,
}

fn checks(input: &Struct<'_>, krate: &TokenStream) -> Vec<Check> {
    let mut pads = Pads::new(input, krate);
    let mut checks = Vec::with_capacity(input.fields.len() + 1);
    for (index, field) in input.fields.iter().enumerate() {
        let (name, span) = (&field.name, field.span);
        let index = Literal::usize_unsuffixed(index);
        let pad = pads.next();
        checks.push(Check {
            constant: format_ident!("padding_before_{name}"),
            span,
            function: quote!(#krate::__private::padding_before),
            arguments: quote!(#index, #pad),
        });
        let allowed = &field.attrs.allowed;
        if field.attrs.counterpart.is_some() || allowed.signedness || allowed.byte_order {
            checks.push(Check {
                constant: format_ident!("attributes_of_{name}"),
                span,
                function: quote!(#krate::__private::attributes_fit),
                arguments: quote!(#index),
            });
        }
    }
    if let Some(last) = input.fields.last() {
        let pad = pads.next();
        checks.push(Check {
            constant: format_ident!("padding_after_{}", last.name),
            span: last.span,
            function: quote!(#krate::__private::padding_at_end),
            arguments: quote!(#pad),
        });
    }
    checks
}

/// The same tokens, all of them at one place. A call whose tokens are from
/// several places is shown at the derive, and not at the field.
fn at(span: Span, tokens: TokenStream) -> TokenStream {
    let respan = |token| match token {
        TokenTree::Group(group) => {
            let mut moved = Group::new(group.delimiter(), at(span, group.stream()));
            moved.set_span(span);
            TokenTree::Group(moved)
        }
        // Its span is what says which crate is meant.
        TokenTree::Ident(ident) if ident == "$crate" => ident.into(),
        mut token => {
            token.set_span(span);
            token
        }
    };
    tokens.into_iter().map(respan).collect()
}

/// The lines to insert for padding, up to the number of bytes. Their names are
/// not in use.
struct Pads<'a> {
    taken: Vec<&'a str>,
    ty: String,
    is_tuple: bool,
    next: usize,
}

impl<'a> Pads<'a> {
    fn new(input: &'a Struct<'_>, krate: &TokenStream) -> Self {
        let krate = krate.to_string().replace(' ', "");
        Self {
            taken: input.fields.iter().map(|field| field.name.as_str()).collect(),
            ty: format!("{}::Pad", krate.trim_start_matches("::")),
            is_tuple: input.fields.iter().any(|field| field.is_tuple_field),
            next: 0,
        }
    }

    fn next(&mut self) -> String {
        if self.is_tuple {
            return self.ty.clone();
        }
        loop {
            let name = format!("_pad{}", self.next);
            self.next += 1;
            if !self.taken.contains(&name.as_str()) {
                return format!("{name}: {}", self.ty);
            }
        }
    }
}

/// A function that takes the struct apart. It fails to compile when a macro
/// that runs after the derive gave a field another type than the table says.
fn same_types(input: &Struct<'_>) -> TokenStream {
    let name = input.ident;
    let members = input.fields.iter().map(|field| &field.member);
    let types = input.fields.iter().map(|field| field.ty);
    let bindings: Vec<_> = (0..input.fields.len())
        .map(|index| Ident::new(&format!("__bpfmap_field_{index}"), Span::mixed_site()))
        .collect();
    let (params, arguments, conditions) = input.generics.split_for_impl();
    quote! {
        fn __bpfmap_fields #params (__bpfmap_value: #name #arguments) #conditions {
            let #name { #(#members: #bindings),* } = __bpfmap_value;
            #(let _: #types = #bindings;)*
        }
    }
}

/// Promises about a struct that was refused, so that its users are not refused
/// as well: one error for one mistake.
fn fallback(input: &DeriveInput, role: Role) -> TokenStream {
    // A generic type is not `Copy` for every parameter, which would be one more
    // error.
    if is_generic(&input.generics) {
        return TokenStream::new();
    }
    let krate = runtime(StructAttrs::krate(&input.attrs).as_ref());
    let promises = promises(&input.ident, role, &krate, &quote!(#krate::__private::NO_LAYOUT));
    quote!(const _: () = { #promises };)
}
