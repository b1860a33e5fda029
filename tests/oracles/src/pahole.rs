//! Structs as `pahole` prints them.

use std::path::Path;

use anyhow::{Context, Result};

use crate::tool::print;

/// A struct or a union, with what is written out in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// `struct flow_key`.
    pub(crate) title: String,
    /// In bytes; that of a union is not printed.
    pub(crate) size: Option<u64>,
    pub(crate) members: Vec<Place>,
}

/// Where a member is, in bits from the beginning of the outermost struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// In how many anonymous types it is.
    pub(crate) depth: usize,
    /// Empty for an anonymous one.
    pub(crate) name: String,
    pub(crate) start: u64,
    pub(crate) len: u64,
}

/// Every named struct and union of a file, and of the one from which it goes on.
pub(crate) fn written(path: &Path, base: Option<&str>) -> Result<Vec<Written>> {
    let base = base.map(|base| format!("--btf_base={base}"));
    let options: Vec<_> = ["-F", "btf"].into_iter().chain(base.as_deref()).collect();
    let text = print("pahole", &options, path)?;
    let text = String::from_utf8(text).context("pahole prints what is not UTF-8")?;
    let mut all = Vec::new();
    let mut current: Option<Written> = None;
    for line in text.lines() {
        let title = line.strip_suffix(" {").filter(|_| !line.starts_with('\t'));
        if let Some(title) = title {
            current = Some(Written { title: title.into(), size: None, members: Vec::new() });
        } else if line.starts_with('}') {
            all.extend(current.take());
        } else if let Some(written) = &mut current {
            if let Some(place) = place(line) {
                written.members.push(place);
            } else if let Some(size) = line.strip_prefix("\t/* size: ") {
                let digits = size.split(',').next().unwrap_or_default();
                written.size = Some(digits.parse().with_context(|| format!("pahole: {line}"))?);
            }
        }
    }
    Ok(all)
}

/// `int count:3; /* 8: 5 4 */`: 3 bits, from bit 5 of the unit of 4 bytes that
/// is at 8. `None` for a line without a place.
fn place(line: &str) -> Option<Place> {
    let (declaration, comment) = line.rsplit_once("/*")?;
    // `a __attribute__((__aligned__(64)))`, `} __attribute__((__packed__)) b`.
    let is_attribute = |word: &&str| word.starts_with("__attribute__((");
    let words = declaration.trim().strip_suffix(';')?.split_whitespace();
    let declaration = words.filter(|word| !is_attribute(word)).collect::<Vec<_>>().join(" ");
    let comment = comment.strip_suffix("*/")?.trim();
    let (at, rest) = comment.split_once([':', ' '])?;
    let start = 8 * at.parse::<u64>().ok()?;
    let numbers = rest.split_whitespace().map(str::parse).collect::<Result<Vec<u64>, _>>().ok()?;
    let (start, len, declaration) = match (numbers.as_slice(), declaration.rsplit_once(':')) {
        ([bit, _], Some((declaration, len))) => (start + bit, len.parse().ok()?, declaration),
        ([size], _) => (start, 8 * size, &*declaration),
        _ => return None,
    };
    let depth = line.chars().take_while(|c| *c == '\t').count().checked_sub(1)?;
    Some(Place { depth, name: declared(declaration).into(), start, len })
}

/// The name that a declaration of C declares.
fn declared(declaration: &str) -> &str {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let name = if let Some((_, inner)) = declaration.split_once("(*") {
        // A pointer to a function, or to one that answers with such a pointer.
        let inner = inner.trim_start_matches(['(', '*', ' ']);
        inner.split(|c| !is_of_name(c)).next()
    } else {
        let without_lengths = declaration.split('[').next().unwrap_or_default();
        without_lengths.rsplit(|c| !is_of_name(c)).next()
    };
    name.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<(String, u64, u64)> {
        place(line).map(|Place { name, start, len, .. }| (name, start, len))
    }

    #[test]
    fn lines_are_read() {
        let some = |name: &str, start, len| Some((name.to_owned(), start, len));
        assert_eq!(found("\tlong int    a[2][3];   /*  8  48 */"), some("a", 64, 384));
        assert_eq!(found("\tint   b:3;  /*  1188:20  4 */"), some("b", 8 * 1188 + 20, 3));
        assert_eq!(found("\tu8   c:3;  /*  18: 6  1 */"), some("c", 8 * 18 + 6, 3));
        assert_eq!(found("\tvoid (*(*d)(int))(int); /* 8 8 */"), some("d", 64, 64));
        assert_eq!(found("\tint (*e[2])(void (*)(int)); /* 8 16 */"), some("e", 64, 128));
        let aligned = "\tspinlock_t f __attribute__((__aligned__(64))); /*  64  4 */";
        assert_eq!(found(aligned), some("f", 512, 32));
        let aligned = "\tbool i:1 __attribute__((__aligned__(2))); /*  10: 0  1 */";
        assert_eq!(found(aligned), some("i", 80, 1));
        let packed = "\t} __attribute__((__packed__)) h; /*  8  2 */";
        assert_eq!(found(packed), some("h", 64, 16));
        assert_eq!(found("\t\t};     /*  0  2 */"), some("", 0, 16));
        assert_eq!(found("\t\t} * g;     /*  0  8 */"), some("g", 0, 64));
        assert_eq!(found("\tunsigned int               :0;"), None);
        assert_eq!(found("\t/* XXX 4 bytes hole, try to pack */"), None);
        assert_eq!(found("\t/* --- cacheline 1 boundary (64 bytes) --- */"), None);
    }
}
