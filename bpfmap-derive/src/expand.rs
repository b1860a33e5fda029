//! The code that the derive writes.
//!
//! For each struct: the table, the promises, one constant per place where
//! padding could hide, and one function that takes the struct apart by the
//! types that the table was made from. Every path is absolute, so that nothing
//! in the user's scope can stand in for it.

use proc_macro2::{Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::DeriveInput;

use crate::Role;
use crate::ast::{Field, Struct};
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

fn expand(input: &Struct<'_>, role: Role) -> TokenStream {
    let krate = match &input.attrs.krate {
        Some(path) => quote!(#path),
        None => quote!(::bpfmap),
    };
    let name = input.ident;
    let table = table(input, role, &krate);
    let traits = traits(name, role, &krate, &table);
    let checks = padding_checks(input, &krate);
    let types = same_types(input);
    quote! {
        #[allow(dead_code, deprecated, non_upper_case_globals)]
        const _: () = {
            #traits
            #checks
            #types
        };
    }
}

/// The expression that `LAYOUT` is.
fn table(input: &Struct<'_>, role: Role, krate: &TokenStream) -> TokenStream {
    let core = quote!(#krate::__private::core);
    let rows = input.fields.iter().map(|field| {
        let Field { member, name, ty, attrs, .. } = field;
        let c_name = attrs.name.as_ref().map_or_else(|| name.clone(), syn::LitStr::value);
        let layout = match role {
            Role::Key => quote!(<#ty as #krate::BpfMapKey>::KEY_LAYOUT),
            Role::Value => quote!(<#ty as #krate::BpfLayout>::LAYOUT),
        };
        quote! {
            #krate::Field::new(#name, #c_name, #core::mem::offset_of!(Self, #member), #layout),
        }
    });
    let name = syn::ext::IdentExt::unraw(input.ident).to_string();
    quote! {
        &#krate::Layout::new(
            #name,
            #core::mem::size_of::<Self>(),
            #core::mem::align_of::<Self>(),
            #krate::Kind::Struct { fields: &[#(#rows)*] },
        )
    }
}

fn traits(name: &Ident, role: Role, krate: &TokenStream, table: &TokenStream) -> TokenStream {
    let key = match role {
        Role::Key => quote! {
            #[automatically_derived]
            unsafe impl #krate::BpfMapKey for #name {}
        },
        Role::Value => TokenStream::new(),
    };
    quote! {
        #[automatically_derived]
        unsafe impl #krate::BpfLayout for #name {
            const LAYOUT: &'static #krate::Layout = #table;
            const SEAL: #krate::__private::Seal = #krate::__private::Seal;
        }
        #[automatically_derived]
        unsafe impl #krate::BpfMapValue for #name {}
        #key
    }
}

/// One constant per place where padding could be. Its tokens carry the span of
/// the field, so that is where the compiler puts the message.
fn padding_checks(input: &Struct<'_>, krate: &TokenStream) -> TokenStream {
    let name = input.ident;
    let mut pads = PadNames::new(input);
    let mut checks = TokenStream::new();
    for (index, field) in input.fields.iter().enumerate() {
        let constant = format_ident!("padding_before_{}", field.name);
        let index = Literal::usize_unsuffixed(index);
        let pad = pads.next(krate);
        let check = quote! {
            const #constant: () = #krate::__private::padding_before(
                <#name as #krate::BpfLayout>::LAYOUT, #index, #pad
            );
        };
        checks.extend(at(field.span, check));
    }
    if let Some(last) = input.fields.last() {
        let constant = format_ident!("padding_after_{}", last.name);
        let pad = pads.next(krate);
        let check = quote! {
            const #constant: () = #krate::__private::padding_at_end(
                <#name as #krate::BpfLayout>::LAYOUT, #pad
            );
        };
        checks.extend(at(last.span, check));
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

/// Names for the pads to insert, none of them in use.
struct PadNames<'a> {
    taken: Vec<&'a str>,
    next: usize,
}

impl<'a> PadNames<'a> {
    fn new(input: &'a Struct<'_>) -> Self {
        Self { taken: input.fields.iter().map(|field| field.name.as_str()).collect(), next: 0 }
    }

    /// The beginning of the line to insert, up to the number of bytes.
    fn next(&mut self, krate: &TokenStream) -> String {
        loop {
            let name = format!("_pad{}", self.next);
            self.next += 1;
            if !self.taken.contains(&name.as_str()) {
                let krate = krate.to_string().replace(' ', "");
                return format!("{name}: {}::Pad", krate.trim_start_matches("::"));
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
    quote! {
        fn __bpfmap_fields(__bpfmap_value: #name) {
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
    if !input.generics.params.is_empty() {
        return TokenStream::new();
    }
    let krate = quote!(::bpfmap);
    let layout = quote!(#krate::__private::NO_LAYOUT);
    let traits = traits(&input.ident, role, &krate, &layout);
    quote!(const _: () = { #traits };)
}
