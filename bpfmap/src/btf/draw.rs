//! The layout of a type as text.

use std::fmt::{self, Display, Formatter};

use super::Printable;
use super::table::{BtfRow, BtfRowKind, BtfTable};

impl Display for BtfTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plural = if self.size == 1 { "" } else { "s" };
        writeln!(f, "{}, {} byte{plural}", self.ty, self.size)?;
        if self.rows.is_empty() {
            return Ok(());
        }
        let heads = ["offset", "size", "member", "type"].map(String::from);
        let mut lines = vec![heads];
        lines.extend(self.rows.iter().map(cells));
        let width = |column: usize| {
            lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)
        };
        let widths = [width(0), width(1), width(2)];
        for [offset, size, member, ty] in &lines {
            let [first, second, third] = widths;
            writeln!(f, "  {offset:first$}  {size:second$}  {member:third$}  {ty}")?;
        }
        if self.truncated {
            writeln!(f, "  ...")?;
        }
        Ok(())
    }
}

fn cells(row: &BtfRow) -> [String; 4] {
    let (offset, size) = match &row.bits {
        // The byte, and the bit in it.
        Some(bits) => {
            let count = bits.end - bits.start;
            let plural = if count == 1 { "" } else { "s" };
            (format!("{}:{}", row.offset, bits.start % 8), format!("{count} bit{plural}"))
        }
        None => (row.offset.to_string(), row.size.to_string()),
    };
    // Of what shares its bytes.
    let arms = "| ".repeat(row.unions);
    let member = match (&*row.path, row.kind) {
        ("", _) => format!("{arms}-"),
        (path, _) => format!("{arms}{}", Printable(path)),
    };
    let ty = match row.kind {
        BtfRowKind::Hole => "(hole)".into(),
        BtfRowKind::Bitfield => {
            let bits = row.bits.as_ref().map_or(0, |bits| bits.end - bits.start);
            format!("{}:{bits}", row.ty)
        }
        _ => row.ty.clone(),
    };
    [offset, size, member, ty]
}
