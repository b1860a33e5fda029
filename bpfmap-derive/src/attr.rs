//! Attributes: `#[repr(...)]` and `#[bpf(...)]`.

use syn::{Attribute, Error, Ident, LitStr, Path, Result, Token, parenthesized};

#[derive(Default)]
pub(crate) struct StructAttrs {
    pub(crate) repr: Repr,
    /// Where the runtime crate is, if not at `::bpfmap`.
    pub(crate) krate: Option<Path>,
}

#[derive(Default)]
pub(crate) struct Repr {
    pub(crate) c: bool,
    pub(crate) transparent: bool,
}

#[derive(Default)]
pub(crate) struct FieldAttrs {
    /// The field's name on the other side.
    pub(crate) name: Option<LitStr>,
}

impl StructAttrs {
    pub(crate) fn parse(attrs: &[Attribute]) -> Result<Self> {
        let mut parsed = Self::default();
        for attr in attrs {
            if attr.path().is_ident("repr") {
                // rustc itself refuses what is no repr; here only two matter.
                attr.parse_nested_meta(|meta| {
                    parsed.repr.c |= meta.path.is_ident("C");
                    parsed.repr.transparent |= meta.path.is_ident("transparent");
                    if meta.input.peek(syn::token::Paren) {
                        let argument;
                        parenthesized!(argument in meta.input);
                        argument.parse::<proc_macro2::TokenStream>()?;
                    }
                    Ok(())
                })?;
            } else if attr.path().is_ident("bpf") {
                attr.parse_nested_meta(|meta| {
                    if meta.path.is_ident("crate") {
                        once(&parsed.krate, &meta.path)?;
                        meta.input.parse::<Token![=]>()?;
                        parsed.krate = Some(meta.input.call(Path::parse_mod_style)?);
                        Ok(())
                    } else if meta.path.is_ident("name") {
                        Err(meta.error(
                            "`name` belongs on a field: the names of structs are not compared",
                        ))
                    } else {
                        Err(unknown(&meta.path, "on a struct", "`crate = path`"))
                    }
                })?;
            }
        }
        Ok(parsed)
    }
}

impl FieldAttrs {
    pub(crate) fn parse(attrs: &[Attribute]) -> Result<Self> {
        let mut parsed = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("bpf")) {
            attr.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    once(&parsed.name, &meta.path)?;
                    let name: LitStr = meta.value()?.parse()?;
                    if name.value().is_empty() {
                        return Err(Error::new(name.span(), "a member's name cannot be empty"));
                    }
                    parsed.name = Some(name);
                    Ok(())
                } else {
                    Err(unknown(&meta.path, "on a field", "`name = \"c_name\"`"))
                }
            })?;
        }
        Ok(parsed)
    }
}

fn once<T>(slot: &Option<T>, path: &Path) -> Result<()> {
    match slot {
        Some(_) => Err(Error::new_spanned(path, "given twice")),
        None => Ok(()),
    }
}

fn unknown(path: &Path, place: &str, known: &str) -> Error {
    let name = path.get_ident().map_or_else(String::new, Ident::to_string);
    Error::new_spanned(path, format!("unknown attribute `{name}`: {place}, bpfmap knows {known}"))
}
