//! The tables of Rust types that no compiler has seen.

use bpfmap::{Field as Row, Kind, Layout};

use crate::rust::{Field, Type};

/// Tables, which a derive would have made constants. There are millions of
/// them, so they do not stay for ever.
#[derive(Default)]
pub(crate) struct Tables {
    layouts: Vec<*mut Layout>,
    rows: Vec<*mut [Row]>,
}

impl Drop for Tables {
    fn drop(&mut self) {
        for layout in self.layouts.drain(..) {
            // SAFETY: it came from a box, and `with_table` sees to it that
            // nobody has it any more.
            drop(unsafe { Box::from_raw(layout) });
        }
        for rows in self.rows.drain(..) {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(rows) });
        }
    }
}

/// Calls `then` with the table of a struct with these fields, which is gone
/// afterwards. Text is all that remains of what was found.
pub(crate) fn with_table(
    fields: &[Field],
    then: impl FnOnce(&'static Layout) -> Option<String>,
) -> Option<String> {
    let mut tables = Tables::default();
    let table = tables.of_struct(fields);
    then(table)
}

impl Tables {
    fn keep(&mut self, layout: Layout) -> &'static Layout {
        let layout = Box::into_raw(Box::new(layout));
        self.layouts.push(layout);
        // SAFETY: it is there until this is dropped, see `with_table`.
        unsafe { &*layout }
    }

    fn keep_rows(&mut self, rows: Vec<Row>) -> &'static [Row] {
        let rows = Box::into_raw(rows.into_boxed_slice());
        self.rows.push(rows);
        // SAFETY: as above.
        unsafe { &*rows }
    }

    fn of_struct(&mut self, fields: &[Field]) -> &'static Layout {
        let mut offset = 0;
        let mut rows = Vec::with_capacity(fields.len());
        for field in fields {
            let row = Row::new(field.name, field.c_name, offset, self.of(&field.ty));
            let row = row.stands_for(field.word);
            rows.push(row.allow(field.allow_sign, field.allow_order));
            offset += row.size();
        }
        let fits = |row: &Row| row.offset().is_multiple_of(row.layout().align());
        let align = rows.iter().map(|row| row.layout().align()).max().unwrap_or(1);
        let is_packed = !rows.iter().all(fits) || !offset.is_multiple_of(align);
        let fields = self.keep_rows(rows);
        self.keep(match is_packed {
            true => Layout::new("Packed", offset, 1, Kind::Struct { fields }),
            false => Layout::of_struct("Struct", offset, 1, false, fields),
        })
    }

    fn of(&mut self, ty: &Type) -> &'static Layout {
        match ty {
            Type::Scalar(scalar, size) => scalar.layout(*size),
            Type::Pad(size) => self.keep(Layout::new("", *size, 1, Kind::Pad)),
            Type::Array(element, len) => {
                let element = self.of(element);
                let kind = Kind::Array { element, len: *len };
                self.keep(Layout::new("", element.size() * len, element.align(), kind))
            }
            Type::Newtype(inner) => {
                let inner = self.of(inner);
                let rows = self.keep_rows(vec![Row::new("0", "0", 0, inner)]);
                self.keep(Layout::of_struct("Newtype", inner.size(), 1, false, rows))
            }
            Type::Struct(fields) => self.of_struct(fields),
        }
    }
}
