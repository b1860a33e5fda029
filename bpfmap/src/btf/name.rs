//! A type as C spells it, for people to read.

use std::fmt::{self, Display, Formatter, Write};

use super::{Btf, Composite, Int, Type, TypeId};

/// How far pointers, arrays and qualifiers are spelled out.
const MAX_DEPTH: usize = 8;

/// Draws a type: `__u32`, `struct flow_key`, `__u8[6]`, `struct sock *`.
///
/// Names in BTF may come from anybody, so control characters are escaped.
#[derive(Clone, Copy)]
pub(crate) struct TypeName<'a> {
    btf: &'a Btf<'a>,
    id: TypeId,
}

impl<'a> TypeName<'a> {
    pub(crate) fn of(btf: &'a Btf<'a>, id: TypeId) -> Self {
        Self { btf, id }
    }

    fn fmt_at(&self, f: &mut Formatter<'_>, id: TypeId, depth: usize) -> fmt::Result {
        let Ok(ty) = self.btf.type_by_id(id) else { return f.write_str("?") };
        if depth == MAX_DEPTH {
            return f.write_str("...");
        }
        match ty {
            Type::Void => f.write_str("void"),
            Type::Int(Int { name, .. })
            | Type::Typedef { name, .. }
            | Type::Float { name, .. }
            | Type::Section(super::Section { name, .. }) => self.named(f, "", name),
            Type::Composite(Composite { name, union, .. }) => {
                self.named(f, if union { "union " } else { "struct " }, name)
            }
            Type::Forward { name, union } => {
                self.named(f, if union { "union " } else { "struct " }, name)
            }
            Type::Enum { name, .. } => self.named(f, "enum ", name),
            Type::Pointer { target } => {
                self.fmt_at(f, target, depth + 1)?;
                f.write_str(" *")
            }
            Type::Array { .. } => {
                // `a[2][3]`: the outermost length stands first.
                let mut lengths = String::new();
                let mut innermost = id;
                for _ in 0..MAX_DEPTH {
                    match self.btf.type_by_id(innermost) {
                        Ok(Type::Array { element, len }) => {
                            lengths += &format!("[{len}]");
                            innermost = element;
                        }
                        _ => break,
                    }
                }
                self.fmt_at(f, innermost, depth + 1)?;
                f.write_str(&lengths)
            }
            Type::Qualifier { keyword, target } => {
                f.write_str(keyword)?;
                self.fmt_at(f, target, depth + 1)
            }
            Type::Tagged { target, .. } | Type::Variable { target, .. } => {
                self.fmt_at(f, target, depth + 1)
            }
            Type::Function { .. } => f.write_str("a function"),
            Type::DeclTag { .. } => f.write_str("a tag"),
        }
    }

    fn named(&self, f: &mut Formatter<'_>, keyword: &str, name: u32) -> fmt::Result {
        let name = self.btf.string(name).unwrap_or_default();
        let name = if name.is_empty() { "(anonymous)".into() } else { name };
        write!(f, "{keyword}{}", Printable(&name))
    }
}

impl Display for TypeName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.fmt_at(f, self.id, 0)
    }
}

/// How much of a name, a path or a sentence is drawn, in characters. A path
/// through hostile names would be thousands, on each line of a report.
const MAX_DRAWN: usize = 512;

/// A name without what speaks to the terminal: control characters, and those
/// that nobody sees or that turn the text around.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl Display for Printable<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut left = MAX_DRAWN;
        for c in self.0.chars() {
            left = match left.checked_sub(c.escape_debug().len()) {
                Some(left) => left,
                None => return f.write_str("..."),
            };
            match c {
                '\'' | '"' | '\\' => f.write_char(c)?,
                _ => write!(f, "{}", c.escape_debug())?,
            }
        }
        Ok(())
    }
}
