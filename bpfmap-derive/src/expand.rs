//! The code that the derives of structs write.
//!
//! For each struct: the table, the promises, one check per place where padding
//! could hide, and one closure that takes the struct apart by the types that
//! the table was made from. Every path is absolute, so that nothing in the
//! user's scope can stand in for it.

use proc_macro2::{Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{DeriveInput, Error, Generics, Path, WherePredicate, parse_quote};

use crate::Role;
use crate::ast::{Field, Struct};
use crate::attr::{Counterpart, StructAttrs};
use crate::valid;

pub(crate) fn derive(input: &DeriveInput, role: Role) -> TokenStream {
    let checked = Struct::parse(input).and_then(|parsed| valid::check(&parsed).map(|()| parsed));
    match checked {
        Ok(parsed) => expand(&parsed, role),
        Err(errors) => {
            let fallback = fallback(input, role);
            let krate = runtime(StructAttrs::krate(&input.attrs).as_ref());
            let errors = refuse(errors, &krate);
            quote!(#errors #fallback)
        }
    }
}

/// The errors for the compiler to print. syn names `::core::compile_error!`,
/// and a crate may have another `core`.
pub(crate) fn refuse(errors: Error, krate: &TokenStream) -> TokenStream {
    let refuse = |error: Error| {
        let path = at(error.span(), quote!(#krate::__private));
        let error = error.into_compile_error();
        quote!(#path #error)
    };
    errors.into_iter().map(refuse).collect()
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
    // Some crates forbid the lint, so it is allowed only where it would be seen.
    let allow = input.is_deprecated.then(|| quote!(#[allow(deprecated)]));
    quote!(#allow #items)
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
    let prefix = prefix(input, input.generics, role, krate);
    let checks = checks(input, krate).into_iter().map(|check| {
        let Check { constant, span, function, arguments } = check;
        let table = quote!(<#name as #krate::__private::DerivedLayout>::TABLE);
        at(span, quote!(const #constant: () = #function(#table, #arguments);))
    });
    // The checks have a scope of their own: the types of fields are not in it,
    // and what they name cannot be one of these constants.
    quote! {
        const _: () = {
            #promises
            #prefix
            #krate::__impl_pod! { #name }
        };
        const _: () = {
            #(#checks)*
        };
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
    let layout = quote! {{
        let __bpfmap_table: &'static #krate::Layout = #table;
        #(#checks)*
        __bpfmap_table
    }};
    let instances = instances(input.ident, &generics, role, krate, &layout);
    let prefix = prefix(input, &generics, role, krate);
    quote!(#instances #prefix)
}

/// Says of a key that it may be one of an `LpmTrie`, if its first field is the
/// length of a prefix: that the compiler knows, and not the derive.
fn prefix(input: &Struct<'_>, generics: &Generics, role: Role, krate: &TokenStream) -> TokenStream {
    let [first, _, ..] = input.fields.as_slice() else { return TokenStream::new() };
    if role == Role::Value {
        return TokenStream::new();
    }
    let (name, first) = (input.ident, first.ty);
    let mut generics = generics.clone();
    // Of a form that may be false: then it is no such key, and nothing is wrong.
    let length: WherePredicate =
        parse_quote!(for<'__bpfmap> #first: #krate::__private::PrefixLength);
    generics.make_where_clause().predicates.push(length);
    prefix_key(name, &generics, krate)
}

fn prefix_key(name: &Ident, generics: &Generics, krate: &TokenStream) -> TokenStream {
    let (params, arguments, conditions) = generics.split_for_impl();
    quote! {
        const _: () = {
            #[automatically_derived]
            impl #params #krate::__private::DerivedLpmKey for #name #arguments #conditions {}
        };
    }
}

/// The promises about all instances of a generic struct.
fn instances(
    name: &Ident,
    generics: &Generics,
    role: Role,
    krate: &TokenStream,
    layout: &TokenStream,
) -> TokenStream {
    let (params, arguments, conditions) = generics.split_for_impl();
    let key = match role {
        Role::Key => quote! {
            #[automatically_derived]
            unsafe impl #params #krate::BpfMapKey for #name #arguments #conditions {}
        },
        Role::Value => TokenStream::new(),
    };
    quote! {
        const _: () = {
            #[automatically_derived]
            unsafe impl #params #krate::BpfLayout for #name #arguments #conditions {
                const LAYOUT: &'static #krate::Layout = #layout;
                const DERIVED_AND_NOT_WRITTEN_BY_HAND: #krate::__private::Seal =
                    #krate::__private::Seal;
            }
            #key
        };
    }
}

/// The expression of the table.
fn table(input: &Struct<'_>, role: Role, krate: &TokenStream) -> TokenStream {
    let core = quote!(#krate::__private::core);
    let rows = input.fields.iter().map(|field| row(field, role, krate, &core));
    let name = input.ident.unraw().to_string();
    let packed = input.attrs.repr.packed;
    let types = same_types(input);
    quote! {{
        #types
        &#krate::Layout::of_struct(
            #name,
            #core::mem::size_of::<Self>(),
            #core::mem::align_of::<Self>(),
            #packed,
            &[#(#rows),*],
        )
    }}
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
        let pad = pads.next(field);
        let place = if field.has_attributes { "before its attributes" } else { "here" };
        checks.push(Check {
            constant: constant("PADDING_BEFORE", name),
            span,
            function: quote!(#krate::__private::padding_before),
            arguments: quote!(#index, #pad, #place),
        });
        let allowed = &field.attrs.allowed;
        if field.attrs.counterpart.is_some() || allowed.signedness || allowed.byte_order {
            checks.push(Check {
                constant: constant("ATTRIBUTES_OF", name),
                span,
                function: quote!(#krate::__private::attributes_fit),
                arguments: quote!(#index),
            });
        }
    }
    if let Some(last) = input.fields.last() {
        let comma = if input.has_trailing_comma { "" } else { ", " };
        let pad = format!("{comma}{}", pads.next(last));
        checks.push(Check {
            constant: constant("PADDING_AFTER", &last.name),
            span: last.span,
            function: quote!(#krate::__private::padding_at_end),
            arguments: quote!(#pad),
        });
    }
    checks
}

/// The name of a check, which the compiler shows at the field. With an
/// underscore and in capitals it is against no lint.
fn constant(place: &str, field: &str) -> Ident {
    format_ident!("_{place}_{}", field.to_uppercase())
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
        // What a macro calls `$crate` its user calls by a name.
        let krate = if krate.starts_with('$') { "bpfmap" } else { krate.trim_start_matches("::") };
        Self {
            taken: input.fields.iter().map(|field| field.name.as_str()).collect(),
            ty: format!("{krate}::Pad"),
            is_tuple: input.fields.iter().any(|field| field.is_tuple_field),
            next: 0,
        }
    }

    /// A pad beside that field, and as visible as it.
    fn next(&mut self, field: &Field<'_>) -> String {
        let visibility = &field.visibility;
        if self.is_tuple {
            return format!("{visibility}{}", self.ty);
        }
        loop {
            let name = format!("_pad{}", self.next);
            self.next += 1;
            if !self.taken.contains(&name.as_str()) {
                return format!("{visibility}{name}: {}", self.ty);
            }
        }
    }
}

/// A closure that takes the struct apart. It fails to compile when a macro that
/// runs after the derive gave a field another type than the table says.
fn same_types(input: &Struct<'_>) -> TokenStream {
    let name = input.ident;
    let members = input.fields.iter().map(|field| &field.member);
    let types = input.fields.iter().map(|field| field.ty);
    let bindings: Vec<_> = (0..input.fields.len())
        .map(|index| Ident::new(&format!("__bpfmap_field_{index}"), Span::mixed_site()))
        .collect();
    quote! {
        let _ = |__bpfmap_value: Self| {
            let #name { #(#members: #bindings),* } = __bpfmap_value;
            #(let _: #types = #bindings;)*
        };
    }
}

/// Promises about a struct that was refused, so that its users are not refused
/// as well: one error for one mistake.
fn fallback(input: &DeriveInput, role: Role) -> TokenStream {
    let krate = runtime(StructAttrs::krate(&input.attrs).as_ref());
    let (name, layout) = (&input.ident, quote!(#krate::__private::NO_LAYOUT));
    if !is_generic(&input.generics) {
        let promises = promises(name, role, &krate, &layout);
        let prefix = prefix_key(name, &input.generics, &krate);
        return quote!(const _: () = { #promises #prefix #krate::__impl_pod! { #name } };);
    }
    let mut generics = input.generics.clone();
    generics.make_where_clause().predicates.push(parse_quote!(Self: 'static));
    let instances = instances(name, &generics, role, &krate, &layout);
    let prefix = prefix_key(name, &generics, &krate);
    quote!(#instances #prefix)
}
