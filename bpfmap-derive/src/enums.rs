//! `#[derive(BpfEnum)]`: names for the numbers of an integer.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Result};

use crate::ast::Errors;
use crate::attr::StructAttrs;
use crate::expand::{refuse, runtime};

pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    expand(input).unwrap_or_else(|errors| {
        let krate = runtime(StructAttrs::krate(&input.attrs).as_ref());
        let errors = refuse(errors, &krate);
        let fallback = fallback(input, &krate);
        quote!(#errors #fallback)
    })
}

/// Stands for an enum that was refused, so that its users are not refused too.
fn fallback(input: &DeriveInput, krate: &TokenStream) -> TokenStream {
    let core = quote!(#krate::__private::core);
    let name = &input.ident;
    let (params, arguments, conditions) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #params #krate::BpfEnum for #name #arguments #conditions {
            type Int = #core::primitive::u32;
            const NAME: &'static #core::primitive::str = "";

            fn from_int(_: #core::primitive::u32) -> #core::option::Option<Self> {
                #core::option::Option::None
            }

            fn to_int(&self) -> #core::primitive::u32 {
                0
            }
        }
    }
}

fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let attrs = StructAttrs::parse(&input.attrs)?;
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(
            name,
            format!("`{name}` is no enum: derive `BpfMapKey` or `BpfMapValue` for a struct"),
        ));
    };
    let mut errors = Errors::default();
    if attrs.repr.int.is_none() {
        errors.push(Error::new_spanned(
            name,
            format!(
                "`{name}` needs the integer that it is on the other side: `#[repr(u32)]` for an enum of C, \
                 or another of 8 to 64 bits"
            ),
        ));
    }
    if data.variants.is_empty() {
        errors.push(Error::new_spanned(name, format!("`{name}` has no variants")));
    }
    if let Some(param) = input.generics.params.first() {
        errors.push(Error::new_spanned(param, "an enum of numbers has no parameters"));
    }
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            errors.push(Error::new_spanned(
                &variant.fields,
                format!("`{}` holds data, and a variant here is a number", variant.ident),
            ));
        }
    }
    errors.finish()?;
    let krate = runtime(attrs.krate.as_ref());
    let option = quote!(#krate::__private::core::option::Option);
    let int = attrs.repr.int;
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let text = name.unraw().to_string();
    let is_deprecated =
        |attrs: &[Attribute]| attrs.iter().any(|attr| attr.path().is_ident("deprecated"));
    let deprecated = is_deprecated(&input.attrs)
        || data.variants.iter().any(|variant| is_deprecated(&variant.attrs));
    let allow = deprecated.then(|| quote!(#[allow(deprecated)]));
    // Not `Self::Int`, which could be a variant of that name.
    let number = quote!(<Self as #krate::BpfEnum>::Int);
    Ok(quote! {
        #[automatically_derived]
        #allow
        impl #krate::BpfEnum for #name {
            type Int = #krate::__private::core::primitive::#int;
            const NAME: &'static #krate::__private::core::primitive::str = #text;

            fn from_int(__bpfmap_int: #number) -> #option<Self> {
                #(if __bpfmap_int == Self::#variants as #number {
                    return #option::Some(Self::#variants);
                })*
                #option::None
            }

            fn to_int(&self) -> #number {
                match self {
                    #(Self::#variants => Self::#variants as #number,)*
                }
            }
        }
    })
}
