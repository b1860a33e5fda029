//! Attributes: `#[repr(...)]` and `#[bpf(...)]`.

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Ident, LitStr, Path, Result, Token, parenthesized};

use crate::nearest::nearest;

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
    pub(crate) packed: bool,
    pub(crate) malformed: bool,
    /// The integer of an enum.
    pub(crate) int: Option<Ident>,
}

#[derive(Default)]
pub(crate) struct FieldAttrs {
    /// The field's name on the other side.
    pub(crate) name: Option<LitStr>,
    pub(crate) counterpart: Option<Counterpart>,
    pub(crate) allowed: Allowed,
}

/// What a field stands for, when it is not a member of its own kind.
pub(crate) enum Counterpart {
    Pointer,
    Bitfields,
    Opaque,
    ArmOfUnion,
    ArmOf(LitStr),
}

#[derive(Default)]
pub(crate) struct Allowed {
    pub(crate) signedness: bool,
    pub(crate) byte_order: bool,
}

const ON_STRUCT: &[&str] = &["crate"];
const ON_FIELD: &[&str] =
    &["name", "pointer", "bitfields", "opaque", "arm_of_union", "arm_of", "allow"];
const DIFFERENCES: &[&str] = &["signedness", "byte_order"];

impl StructAttrs {
    pub(crate) fn parse(attrs: &[Attribute]) -> Result<Self> {
        let mut parsed = Self::default();
        for attr in attrs {
            if attr.path().is_ident("repr") {
                parsed.repr.read(attr);
            } else if attr.path().is_ident("bpf") {
                attr.parse_nested_meta(|meta| {
                    if meta.path.is_ident("crate") {
                        once(parsed.krate.is_some(), &meta)?;
                        parsed.krate = Some(path(&meta)?);
                        return Ok(());
                    }
                    if ON_FIELD.iter().any(|known| meta.path.is_ident(known)) {
                        return Err(meta.error(format!(
                            "`{}` belongs on a field; the name and the layout of a struct are its own",
                            name(&meta.path)
                        )));
                    }
                    Err(unknown(&meta, "on a struct", ON_STRUCT))
                })?;
            }
        }
        Ok(parsed)
    }

    /// Where the runtime crate is, whatever else is wrong.
    pub(crate) fn krate(attrs: &[Attribute]) -> Option<Path> {
        let mut krate = None;
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("bpf")) {
            let _ = attr.parse_nested_meta(|meta| {
                if meta.path.is_ident("crate") {
                    krate = Some(path(&meta)?);
                }
                Ok(())
            });
        }
        krate
    }
}

impl Repr {
    /// rustc itself refuses what is no repr, and reprs that contradict.
    fn read(&mut self, attr: &Attribute) {
        const INTEGERS: &[&str] = &["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];
        let parsed = attr.parse_nested_meta(|meta| {
            self.c |= meta.path.is_ident("C");
            self.transparent |= meta.path.is_ident("transparent");
            self.packed |= meta.path.is_ident("packed");
            if let Some(ident) = meta.path.get_ident()
                && INTEGERS.iter().any(|int| ident == int)
            {
                self.int = Some(ident.clone());
            }
            if meta.input.peek(syn::token::Paren) {
                let argument;
                parenthesized!(argument in meta.input);
                argument.parse::<TokenStream>()?;
            }
            Ok(())
        });
        self.malformed |= parsed.is_err();
    }
}

impl FieldAttrs {
    pub(crate) fn parse(attrs: &[Attribute]) -> Result<Self> {
        let mut parsed = Self::default();
        let mut stands_for: Option<String> = None;
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("bpf")) {
            attr.parse_nested_meta(|meta| {
                let word = name(&meta.path);
                let counterpart = match word.as_str() {
                    "name" => {
                        once(parsed.name.is_some(), &meta)?;
                        parsed.name = Some(member(&meta)?);
                        return Ok(());
                    }
                    "allow" => return parsed.allowed.read(&meta),
                    "pointer" => Counterpart::Pointer,
                    "bitfields" => Counterpart::Bitfields,
                    "opaque" => Counterpart::Opaque,
                    "arm_of_union" => Counterpart::ArmOfUnion,
                    "arm_of" if !meta.input.peek(Token![=]) => {
                        return Err(meta.error(
                            "say of which member: `arm_of = \"member\"`; a union without a name is \
                             `arm_of_union`",
                        ));
                    }
                    "arm_of" => Counterpart::ArmOf(member(&meta)?),
                    _ => return Err(unknown(&meta, "on a field", ON_FIELD)),
                };
                if let Some(before) = &stands_for {
                    once(*before == word, &meta)?;
                    return Err(Error::new_spanned(
                        &meta.path,
                        format!("`{word}` contradicts `{before}`: a field stands for one thing"),
                    ));
                }
                stands_for = Some(word);
                parsed.counterpart = Some(counterpart);
                Ok(())
            })?;
            parsed.check_pairs(attr)?;
        }
        Ok(parsed)
    }

    /// Refuses words that have no meaning together.
    fn check_pairs(&self, attr: &Attribute) -> Result<()> {
        let any_difference = self.allowed.signedness || self.allowed.byte_order;
        let message = match self.counterpart {
            Some(Counterpart::Bitfields) if self.name.is_some() => {
                "`name` contradicts `bitfields`: C has no name for what bitfields are in"
            }
            Some(Counterpart::Bitfields | Counterpart::Opaque | Counterpart::Pointer)
                if any_difference =>
            {
                "`allow` has nothing to allow here: signs and byte orders are not compared"
            }
            _ => return Ok(()),
        };
        Err(Error::new_spanned(attr, message))
    }
}

impl Allowed {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if !meta.input.peek(syn::token::Paren) {
            return Err(meta.error("say what to allow: `allow(signedness)`, `allow(byte_order)`"));
        }
        meta.parse_nested_meta(|meta| match name(&meta.path).as_str() {
            "signedness" => once(std::mem::replace(&mut self.signedness, true), &meta),
            "byte_order" => once(std::mem::replace(&mut self.byte_order, true), &meta),
            _ => Err(unknown(&meta, "in `allow`", DIFFERENCES)),
        })
    }
}

/// The name of a member of the C struct.
fn member(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let word = name(&meta.path);
    if !meta.input.peek(Token![=]) {
        return Err(meta.error(format!("say its name: `{word} = \"c_name\"`")));
    }
    let value = meta.value()?;
    let name: LitStr = match value.peek(LitStr) {
        true => value.parse()?,
        false => return Err(value.error(format!("write it in quotes: `{word} = \"c_name\"`"))),
    };
    if name.value().is_empty() {
        return Err(Error::new(name.span(), "a member's name cannot be empty"));
    }
    Ok(name)
}

/// The path of the runtime crate.
fn path(meta: &ParseNestedMeta<'_>) -> Result<Path> {
    let input = meta.input;
    if !input.peek(Token![=]) || input.peek2(LitStr) {
        return Err(meta.error("write a path, and no quotes: `crate = some::path::bpfmap`"));
    }
    input.parse::<Token![=]>()?;
    input.call(Path::parse_mod_style)
}

fn name(path: &Path) -> String {
    path.get_ident().map_or_else(String::new, Ident::to_string)
}

fn once(again: bool, meta: &ParseNestedMeta<'_>) -> Result<()> {
    if again {
        return Err(Error::new_spanned(
            &meta.path,
            format!("`{}` is given twice", name(&meta.path)),
        ));
    }
    Ok(())
}

fn unknown(meta: &ParseNestedMeta<'_>, place: &str, known: &[&str]) -> Error {
    let word = name(&meta.path);
    let list = known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
    let message = match nearest(&word, known) {
        Some(nearest) => format!(
            "unknown attribute `{word}`: did you mean `{nearest}`? {place} there are {list}"
        ),
        None => format!("unknown attribute `{word}`: {place} there are {list}"),
    };
    Error::new_spanned(&meta.path, message)
}
