//! The table as text.

use core::fmt::{self, Display, Formatter, Write};

use super::{Counterpart, Field, Kind, Layout};

/// A layout's type as Rust spells it: `u32`, `[Be32; 4]`, `Pad<3>`,
/// `Enum<Verdict>`, `Inner`.
#[derive(Clone, Copy)]
pub(crate) struct TypeName<'a>(pub(crate) &'a Layout);

impl Display for TypeName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.kind() {
            Kind::Array { element, len } => write!(f, "[{}; {len}]", TypeName(element)),
            Kind::Pad => write!(f, "Pad<{}>", self.0.size()),
            _ if self.0.is_enum() => write!(f, "Enum<{}>", self.0.name()),
            _ => f.write_str(self.0.name()),
        }
    }
}

/// A field among its parents, drawn as `inner.port`.
struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    name: &'static str,
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)
    }
}

/// Calls `row` with the offset, the path and the field, for each field and the
/// fields of nested structs, by rising offset.
fn walk(
    fields: &'static [Field],
    base: usize,
    parent: Option<&Path<'_>>,
    row: &mut dyn FnMut(usize, &Path<'_>, &'static Field) -> fmt::Result,
) -> fmt::Result {
    for field in fields {
        let path = Path { parent, name: field.name() };
        let offset = base + field.offset();
        row(offset, &path, field)?;
        walk(field.layout().fields(), offset, Some(&path), row)?;
    }
    Ok(())
}

/// A field's type, and what its attributes say.
struct Declaration(&'static Field);

impl Display for Declaration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let field = self.0;
        TypeName(field.layout()).fmt(f)?;
        match field.counterpart() {
            Counterpart::Member => {}
            Counterpart::Pointer => f.write_str(", a pointer")?,
            Counterpart::Bitfields => f.write_str(", bitfields")?,
            Counterpart::Opaque => f.write_str(", opaque")?,
            Counterpart::ArmOfUnion => f.write_str(", an arm of a union")?,
            Counterpart::ArmOf(member) => write!(f, ", an arm of `{member}`")?,
        }
        if field.c_name() != field.name() {
            write!(f, ", `{}` in BTF", field.c_name())?;
        }
        let allowed = field.allowed();
        if allowed.signedness {
            f.write_str(", of any sign")?;
        }
        if allowed.byte_order {
            f.write_str(", in any byte order")?;
        }
        Ok(())
    }
}

/// How many characters `value` is wide when drawn.
fn width(value: &dyn Display) -> usize {
    struct Count(usize);
    impl Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.chars().count();
            Ok(())
        }
    }
    let mut count = Count(0);
    let _ = write!(count, "{value}");
    count.0
}

/// Draws `value` and fills up with blanks; `{:<width$}` would need a string.
fn column(f: &mut Formatter<'_>, value: &dyn Display, to: usize) -> fmt::Result {
    write!(f, "{value}{:fill$}  ", "", fill = to.saturating_sub(width(value)))
}

impl Display for Layout {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (name, size, align) = (TypeName(self), self.size(), self.align());
        let plural = if size == 1 { "" } else { "s" };
        writeln!(f, "{name}: {size} byte{plural}, alignment {align}")?;
        if self.fields().is_empty() {
            return Ok(());
        }
        let mut widths = ["offset".len(), "size".len(), "field".len()];
        walk(self.fields(), 0, None, &mut |offset, path, field| {
            let cells: [&dyn Display; 3] = [&offset, &field.size(), path];
            for (to, cell) in widths.iter_mut().zip(cells) {
                *to = width(cell).max(*to);
            }
            Ok(())
        })?;
        let mut row = |cells: [&dyn Display; 3], last: &dyn Display| {
            f.write_str("  ")?;
            for (cell, to) in cells.into_iter().zip(widths) {
                column(f, cell, to)?;
            }
            writeln!(f, "{last}")
        };
        row([&"offset", &"size", &"field"], &"type")?;
        walk(self.fields(), 0, None, &mut |offset, path, field| {
            row([&offset, &field.size(), path], &Declaration(field))
        })
    }
}
