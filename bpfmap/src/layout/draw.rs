//! The table as text.

use core::fmt::{self, Display, Formatter, Write};

use super::{Field, Kind, Layout};

/// A layout's type as Rust spells it: `u32`, `[Be32; 4]`, `Pad<3>`, `Inner`.
#[derive(Clone, Copy)]
pub(crate) struct TypeName<'a>(pub(crate) &'a Layout);

impl Display for TypeName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.kind() {
            Kind::Array { element, len } => write!(f, "[{}; {len}]", TypeName(element)),
            Kind::Pad => write!(f, "Pad<{}>", self.0.size()),
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

/// Calls `row` with the bytes, the path and the type of each field, and of the
/// fields of nested structs, by rising offset.
fn walk(
    fields: &'static [Field],
    base: usize,
    parent: Option<&Path<'_>>,
    row: &mut dyn FnMut(&dyn Display, &Path<'_>, TypeName<'_>) -> fmt::Result,
) -> fmt::Result {
    for field in fields {
        let path = Path { parent, name: field.name() };
        let offset = base + field.offset();
        let bytes = format_args!("{offset}..{}", offset + field.size());
        row(&bytes, &path, TypeName(field.layout()))?;
        walk(field.layout().fields(), offset, Some(&path), row)?;
    }
    Ok(())
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
        let (mut first, mut second) = ("bytes".len(), "field".len());
        walk(self.fields(), 0, None, &mut |bytes, path, _| {
            first = first.max(width(bytes));
            second = second.max(width(path));
            Ok(())
        })?;
        let mut row = |bytes: &dyn Display, path: &dyn Display, ty: &dyn Display| {
            f.write_str("  ")?;
            column(f, bytes, first)?;
            column(f, path, second)?;
            writeln!(f, "{ty}")
        };
        row(&"bytes", &"field", &"type")?;
        walk(self.fields(), 0, None, &mut |bytes, path, ty| row(bytes, path, &ty))
    }
}
