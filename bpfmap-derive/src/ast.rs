//! The struct as the derive sees it.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Generics, Ident, Result, Type, Visibility};

use crate::attr::{Counterpart, FieldAttrs, StructAttrs};

pub(crate) struct Struct<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) attrs: StructAttrs,
    pub(crate) fields: Vec<Field<'a>>,
    pub(crate) has_trailing_comma: bool,
    /// Whether the struct or a field of it is.
    pub(crate) is_deprecated: bool,
}

pub(crate) struct Field<'a> {
    /// As it is written after a dot: `addr`, `r#type`, `0`.
    pub(crate) member: TokenStream,
    /// Its name without `r#`.
    pub(crate) name: String,
    /// Its name on the other side, unless an attribute says otherwise.
    pub(crate) c_name: String,
    pub(crate) is_tuple_field: bool,
    /// As it is written, with a blank behind it: `pub `.
    pub(crate) visibility: String,
    /// Whether attributes or documentation stand before it.
    pub(crate) has_attributes: bool,
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
            let visibility = match &field.vis {
                Visibility::Inherited => String::new(),
                visibility => format!("{} ", visibility.to_token_stream()).replace(" (", "("),
            };
            let has_attributes = !field.attrs.is_empty();
            fields.push(match &field.ident {
                Some(ident) => Field {
                    visibility,
                    has_attributes,
                    member: ident.to_token_stream(),
                    name: ident.unraw().to_string(),
                    c_name: ident.unraw().to_string(),
                    is_tuple_field: false,
                    span: ident.span(),
                    ty: &field.ty,
                    attrs,
                },
                None => Field {
                    visibility,
                    has_attributes,
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
        let is_deprecated =
            |attrs: &[Attribute]| attrs.iter().any(|attr| attr.path().is_ident("deprecated"));
        Ok(Self {
            ident: &input.ident,
            generics: &input.generics,
            attrs,
            fields,
            has_trailing_comma: match &data.fields {
                Fields::Named(fields) => fields.named.trailing_punct(),
                Fields::Unnamed(fields) => fields.unnamed.trailing_punct(),
                Fields::Unit => false,
            },
            is_deprecated: is_deprecated(&input.attrs)
                || data.fields.iter().any(|field| is_deprecated(&field.attrs)),
        })
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
    match tokens.to_token_stream().into_iter().next() {
        // What a macro was given as a type is in a group that nobody sees.
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => {
            first_span(&group.stream())
        }
        Some(first) => first.span(),
        None => Span::call_site(),
    }
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

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn finish(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
