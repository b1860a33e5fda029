//! The struct as the derive sees it.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Error, Generics, Ident, Result, Type};

use crate::attr::{FieldAttrs, StructAttrs};

pub(crate) struct Struct<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) attrs: StructAttrs,
    pub(crate) fields: Vec<Field<'a>>,
}

pub(crate) struct Field<'a> {
    /// As it is written after a dot: `addr`, `r#type`, `0`.
    pub(crate) member: TokenStream,
    /// Its name without `r#`.
    pub(crate) name: String,
    /// Where an error about the field belongs.
    pub(crate) span: Span,
    pub(crate) ty: &'a Type,
    pub(crate) attrs: FieldAttrs,
}

impl<'a> Struct<'a> {
    pub(crate) fn parse(input: &'a DeriveInput) -> Result<Self> {
        let data = match &input.data {
            Data::Struct(data) => data,
            Data::Enum(data) => {
                return Err(Error::new(
                    data.enum_token.span,
                    "an enum cannot be shared with BPF: the kernel may hold a number that is none \
                     of its variants; use an integer of its size and convert",
                ));
            }
            Data::Union(data) => {
                return Err(Error::new(
                    data.union_token.span,
                    "a union cannot be shared with BPF as it is: use a struct with the arm that \
                     you need, or bytes",
                ));
            }
        };
        let mut errors = None;
        let attrs = keep(StructAttrs::parse(&input.attrs), &mut errors).unwrap_or_default();
        let mut fields = Vec::with_capacity(data.fields.len());
        for (index, field) in data.fields.iter().enumerate() {
            let (member, name, span) = match &field.ident {
                Some(ident) => (ident.to_token_stream(), ident.unraw().to_string(), ident.span()),
                None => {
                    let index = syn::Index::from(index);
                    let span = field.ty.span_of_first_token();
                    (index.to_token_stream(), index.index.to_string(), span)
                }
            };
            let attrs = keep(FieldAttrs::parse(&field.attrs), &mut errors).unwrap_or_default();
            fields.push(Field { member, name, span, ty: &field.ty, attrs });
        }
        match errors {
            Some(errors) => Err(errors),
            None => Ok(Self { ident: &input.ident, generics: &input.generics, attrs, fields }),
        }
    }
}

/// Keeps an error for later, so that one run reports all of them.
fn keep<T>(result: Result<T>, errors: &mut Option<Error>) -> Option<T> {
    result.map_err(|error| combine(errors, error)).ok()
}

pub(crate) fn combine(errors: &mut Option<Error>, error: Error) {
    match errors {
        Some(errors) => errors.combine(error),
        None => *errors = Some(error),
    }
}

trait FirstSpan {
    fn span_of_first_token(&self) -> Span;
}

impl FirstSpan for Type {
    fn span_of_first_token(&self) -> Span {
        let first = self.to_token_stream().into_iter().next();
        first.map_or_else(Span::call_site, |token| token.span())
    }
}
