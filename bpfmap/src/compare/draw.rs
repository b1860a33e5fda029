//! The differences as text: one line for each, then both layouts.

use std::fmt::{self, Display, Formatter};

use super::paint::Paint;
use super::{MAX_FOUND, Mismatch, MismatchKind, Mismatches, Note, Place, Role, TypeMismatches};
use crate::btf::Printable;
use crate::layout::{Layout, TypeName};

/// Something as text, with colours or without.
struct Drawn<'a, T>(&'a T, Paint, Advice);

/// Whether to say what to change: not where one thing explains it all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Advice {
    Given,
    Left,
}

impl Mismatches {
    /// The same text as `Display`, in the colours of a terminal.
    pub fn colored(&self) -> impl Display + '_ {
        Drawn(self, Paint::Colors, Advice::Given)
    }
}

impl Display for Mismatches {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Drawn(self, Paint::Plain, Advice::Given).fmt(f)
    }
}

impl Display for TypeMismatches {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Drawn(self, Paint::Plain, Advice::Given).fmt(f)
    }
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Drawn(self, Paint::Plain, Advice::Given).fmt(f)
    }
}

impl Display for Drawn<'_, Mismatches> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let &Self(all, paint, _) = self;
        let advice = match all.note() {
            Some(Note::OtherBuild | Note::Exchanged) => Advice::Left,
            _ => Advice::Given,
        };
        write!(f, "{} does not fit its Rust type", paint.title(all.subject()))?;
        if all.types().iter().any(|ty| matches!(ty.role(), Role::Key | Role::Value | Role::Event)) {
            f.write_str("s")?;
        }
        write!(f, ", compared with {}", all.source())?;
        if let Some(note) = all.note() {
            write!(f, "\n\n{}", paint.advice(&note))?;
        }
        all.types().iter().try_for_each(|ty| write!(f, "\n\n{}", Drawn(ty, paint, advice)))
    }
}

impl Display for Role {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Value => "value",
            Self::Variable => "variable",
            Self::Event => "event",
            Self::Type => "type",
        })
    }
}

impl Display for Drawn<'_, TypeMismatches> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let &Self(all, paint, advice) = self;
        let count = all.mismatches().len();
        let more = if count >= MAX_FOUND { "at least " } else { "" };
        let differences = if count == 1 { "difference" } else { "differences" };
        let (rust, btf) = (TypeName(all.rust()), &all.btf().ty);
        let role = all.role();
        let role = paint.title(&role);
        write!(f, "{role}: {more}{count} {differences} between `{rust}` and `{btf}`")?;
        let (listed, more) = all.mismatches().split_at(count.min(MAX_LISTED));
        for mismatch in listed {
            write!(f, "\n  - {}", Drawn(mismatch, paint, advice))?;
        }
        if !more.is_empty() {
            write!(f, "\n  - and {} more; is `{btf}` the type that is meant?", more.len())?;
        }
        if all.rust().fields().is_empty() || all.members().is_empty() {
            return Ok(());
        }
        write!(f, "\n\n{}", SideBySide(all, paint))
    }
}

impl Display for Drawn<'_, Mismatch> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let &Self(found, paint, given) = self;
        let nothing = Place { name: String::new(), ty: String::new(), bytes: 0..0 };
        let rust = found.rust.as_ref().unwrap_or(&nothing);
        let btf = found.btf.as_ref().unwrap_or(&nothing);
        let whole = found.path.is_empty();
        match whole {
            true => f.write_str("the type as a whole ")?,
            false => write!(f, "`{}` ", paint.wrong(&Printable(&found.path)))?,
        }
        let both = |f: &mut Formatter<'_>, what: &str| match whole {
            true if rust.bytes.end == btf.bytes.end => {
                write!(f, "{what}: `{}` in Rust, `{}` in BTF", rust.ty, btf.ty)
            }
            true => write!(
                f,
                "{what}: `{}` has {} bytes in Rust, `{}` {} in BTF",
                rust.ty, rust.bytes.end, btf.ty, btf.bytes.end
            ),
            false => write!(
                f,
                "{what}: `{}` at {} in Rust, `{}` at {} in BTF",
                rust.ty,
                At(rust),
                btf.ty,
                At(btf)
            ),
        };
        match found.kind {
            MismatchKind::Moved => {
                write!(f, "has moved: bytes {} in Rust, {} in BTF", At(rust), At(btf))?;
            }
            MismatchKind::Renamed => {
                let name = Printable(&btf.name);
                write!(f, "has another name: bytes {} are `{name}` in BTF", At(rust))?;
            }
            MismatchKind::Missing => {
                write!(f, "is missing in BTF: `{}` at {} in Rust", rust.ty, At(rust))?;
            }
            MismatchKind::Unclaimed | MismatchKind::FlexibleArray => {
                write!(f, "is missing in Rust: `{}` at {} in BTF", btf.ty, At(btf))?;
                match &found.rust {
                    Some(rust) => write!(f, ", covered by `{}: {}`", rust.name, rust.ty)?,
                    None => f.write_str(", behind the end of the Rust type")?,
                }
            }
            MismatchKind::Size => both(f, "differs in size")?,
            MismatchKind::Signedness => both(f, "differs in signedness")?,
            MismatchKind::ByteOrder => both(f, "differs in byte order")?,
            MismatchKind::ArrayLength => both(f, "differs in array length")?,
            MismatchKind::Type => both(f, "differs in type")?,
            MismatchKind::Pointer => both(f, "is a pointer")?,
            MismatchKind::Attribute => both(f, "is not what its attribute says")?,
            MismatchKind::Bitfield => {
                write!(f, "is a bitfield: `{}` in {} in BTF", btf.ty, At(btf))?
            }
            MismatchKind::Union => {
                let what =
                    if btf.ty.starts_with("union ") { "a union" } else { "an arm of a union" };
                write!(f, "is {what}: `{}` at {} in BTF", btf.ty, At(btf))?;
            }
        }
        match found.advice.as_str() {
            "" => Ok(()),
            _ if given == Advice::Left => Ok(()),
            advice => write!(f, "; {}", paint.advice(&Printable(advice))),
        }
    }
}

/// `0..4`, the bytes of a place as messages write them.
struct At<'a>(&'a Place);

impl Display for At<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.0.bytes.start, self.0.bytes.end)
    }
}

/// Both layouts, a row for each place where something begins.
struct SideBySide<'a>(&'a TypeMismatches, Paint);

/// A line of the table: whether it differs, and the four columns.
struct Row {
    differs: bool,
    /// Whether it is written, or only counted.
    shown: bool,
    cells: [String; 4],
}

impl SideBySide<'_> {
    fn rows(&self) -> Vec<Row> {
        let mut rust = Vec::new();
        rust_places(self.0.rust(), 0, "", &mut rust);
        let btf = with_holes(self.0.members(), self.0.btf().bytes.end);
        let (mut rust, mut btf) = (rust.iter().peekable(), btf.iter().peekable());
        let mut rows = Vec::new();
        loop {
            let start = |place: Option<&&Place>| place.map_or(u64::MAX, |place| place.bytes.start);
            let (left, right) = (start(rust.peek()), start(btf.peek()));
            if left == u64::MAX && right == u64::MAX {
                return rows;
            }
            let left = if left <= right { rust.next() } else { None };
            let right =
                if right <= start(left.as_ref()) || left.is_none() { btf.next() } else { None };
            rows.push(self.row(left, right));
        }
    }

    fn row(&self, rust: Option<&Place>, btf: Option<&Place>) -> Row {
        let mismatches = self.0.mismatches();
        let differs = mismatches.iter().any(|mismatch| {
            let same = |cell: Option<&Place>, side: &Option<Place>| {
                cell.zip(side.as_ref())
                    .is_some_and(|(cell, side)| is_within(&cell.name, &side.name))
            };
            same(rust, &mismatch.rust) || same(btf, &mismatch.btf)
        });
        let bytes =
            |place: Option<&Place>| place.map_or_else(String::new, |place| At(place).to_string());
        let member = |place: Option<&Place>| match place {
            Some(place) if place.ty.is_empty() => "(hole)".to_owned(),
            Some(place) => format!("{}: {}", Printable(&place.name), place.ty),
            None => String::new(),
        };
        Row { differs, shown: true, cells: [bytes(rust), member(rust), bytes(btf), member(btf)] }
    }
}

/// How many differences are written, and how many rows that differ: what is more
/// than that is another type.
const MAX_LISTED: usize = 48;

/// How many rows are written in full.
const SHORT: usize = 16;
/// In a longer table, how many that agree are written around one that differs.
const AROUND: usize = 3;

/// Leaves out of a long table what agrees, far from what does not.
fn shortened(mut rows: Vec<Row>) -> Vec<Row> {
    if rows.len() <= SHORT {
        return rows;
    }
    let differs: Vec<_> = rows.iter().map(|row| row.differs).collect();
    let mut left = MAX_LISTED;
    for (index, row) in rows.iter_mut().enumerate() {
        let around = index.saturating_sub(AROUND)..(index + AROUND + 1).min(differs.len());
        row.shown = left > 0 && differs[around].contains(&true);
        left -= usize::from(row.shown && row.differs);
    }
    rows
}

/// Whether one of two paths leads through the other.
fn is_within(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let rest = long.strip_prefix(short);
    !short.is_empty()
        && rest.is_some_and(|rest| matches!(rest.chars().next(), None | Some('.' | '[')))
}

impl Display for SideBySide<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let rows = shortened(self.rows());
        let titles = [
            "bytes".to_owned(),
            format!("Rust `{}`", TypeName(self.0.rust())),
            "bytes".to_owned(),
            format!("BTF `{}`", self.0.btf().ty),
        ];
        let width = |column: usize| {
            let cells = rows.iter().map(|row| &row.cells[column]).chain([&titles[column]]);
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths = [width(0), width(1), width(2)];
        let line = |differs: bool, cells: &[String; 4]| {
            let mark = if differs { '>' } else { ' ' };
            let [a, b, c, d] = cells;
            let [aw, bw, cw] = widths;
            format!("  {mark} {a:<aw$}  {b:<bw$}   {c:<cw$}  {d}").trim_end().to_owned()
        };
        f.write_str(&line(false, &titles))?;
        let mut rows = rows.as_slice();
        while !rows.is_empty() {
            let hidden = rows.iter().take_while(|row| !row.shown).count();
            if hidden > 0 {
                let what = match rows[..hidden].iter().any(|row| row.differs) {
                    true => "more",
                    false => "that agree",
                };
                write!(f, "\n    ... {hidden} {what}")?;
                rows = &rows[hidden..];
                continue;
            }
            let (row, rest) = (&rows[0], &rows[1..]);
            let line = line(row.differs, &row.cells);
            match row.differs {
                true => write!(f, "\n{}", self.1.wrong(&line))?,
                false => write!(f, "\n{line}")?,
            }
            rows = rest;
        }
        Ok(())
    }
}

fn rust_places(layout: &'static Layout, base: u64, path: &str, found: &mut Vec<Place>) {
    for field in layout.fields() {
        let start = base + field.offset() as u64;
        let dot = if path.is_empty() { "" } else { "." };
        let name = format!("{path}{dot}{}", field.name());
        if field.layout().fields().is_empty() {
            let mut ty = TypeName(field.layout()).to_string();
            if field.c_name() != field.name() && !field.is_padding() {
                ty += &format!(" (`{}`)", field.c_name());
            }
            found.push(Place { name, ty, bytes: start..start + field.size() as u64 });
        } else {
            rust_places(field.layout(), start, &name, found);
        }
    }
}

/// The members, with a place without a type for bytes that none of them has.
fn with_holes(members: &[Place], size: u64) -> Vec<Place> {
    let mut all = Vec::with_capacity(members.len());
    let mut end = 0;
    let hole = |bytes| Place { name: String::new(), ty: String::new(), bytes };
    for member in members {
        if member.bytes.start > end {
            all.push(hole(end..member.bytes.start));
        }
        end = end.max(member.bytes.end);
        all.push(member.clone());
    }
    if size > end && !members.is_empty() {
        all.push(hole(end..size));
    }
    all
}
