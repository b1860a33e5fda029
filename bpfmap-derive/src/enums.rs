//! `#[derive(BpfEnum)]`: names for the numbers of an integer.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Error, Fields, Result};

use crate::ast::Errors;
use crate::attr::StructAttrs;
use crate::expand::runtime;

pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    expand(input).unwrap_or_else(Error::into_compile_error)
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
    let variants = data.variants.iter().map(|variant| &variant.ident);
    let text = name.unraw().to_string();
    Ok(quote! {
        #[automatically_derived]
        impl #krate::BpfEnum for #name {
            type Int = #krate::__private::core::primitive::#int;
            const NAME: &'static #krate::__private::core::primitive::str = #text;

            fn from_int(__bpfmap_int: Self::Int) -> #option<Self> {
                #(if __bpfmap_int == Self::#variants as Self::Int {
                    return #option::Some(Self::#variants);
                })*
                #option::None
            }

            fn to_int(self) -> Self::Int {
                self as Self::Int
            }
        }
    })
}
