//! The struct as the derive sees it.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Error, Generics, Ident, Result, Type};

use crate::attr::{Counterpart, FieldAttrs, StructAttrs};

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
    /// Its name on the other side, unless an attribute says otherwise.
    pub(crate) c_name: String,
    pub(crate) is_tuple_field: bool,
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
                let name = &input.ident;
                return Err(Error::new(
                    data.enum_token.span,
                    format!(
                        "an enum cannot be shared with BPF: the kernel may hold a number that is none of \
                         its variants; derive `BpfEnum`, and declare fields as `Enum<{name}>`"
                    ),
                ));
            }
            Data::Union(data) => {
                return Err(Error::new(
                    data.union_token.span,
                    "a union cannot be shared with BPF: put the arm that is in use into the struct, \
                     with `#[bpf(arm_of = \"...\")]`, or bytes, with `#[bpf(opaque)]`",
                ));
            }
        };
        let mut errors = Errors::default();
        let attrs = errors.keep(StructAttrs::parse(&input.attrs)).unwrap_or_default();
        let mut fields = Vec::with_capacity(data.fields.len());
        for (index, field) in data.fields.iter().enumerate() {
            let attrs = errors.keep(FieldAttrs::parse(&field.attrs)).unwrap_or_default();
            fields.push(match &field.ident {
                Some(ident) => Field {
                    member: ident.to_token_stream(),
                    name: ident.unraw().to_string(),
                    c_name: ident.unraw().to_string(),
                    is_tuple_field: false,
                    span: ident.span(),
                    ty: &field.ty,
                    attrs,
                },
                None => Field {
                    member: syn::Index::from(index).to_token_stream(),
                    name: index.to_string(),
                    // As compilers of Rust to BPF call it in BTF.
                    c_name: format!("__{index}"),
                    is_tuple_field: true,
                    span: first_span(&field.ty),
                    ty: &field.ty,
                    attrs,
                },
            });
        }
        errors.finish()?;
        Ok(Self { ident: &input.ident, generics: &input.generics, attrs, fields })
    }
}

impl Field<'_> {
    pub(crate) fn name_on_the_other_side(&self) -> String {
        self.attrs.name.as_ref().map_or_else(|| self.c_name.clone(), syn::LitStr::value)
    }

    /// Whether its name is that of an arm, which is not among the members.
    pub(crate) fn is_arm(&self) -> bool {
        matches!(self.attrs.counterpart, Some(Counterpart::ArmOf(_)))
    }
}

fn first_span(tokens: &impl ToTokens) -> Span {
    let first = tokens.to_token_stream().into_iter().next();
    first.as_ref().map_or_else(Span::call_site, TokenTree::span)
}

/// Errors, gathered so that one run reports all of them.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn finish(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
