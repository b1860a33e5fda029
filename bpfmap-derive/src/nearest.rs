//! "Did you mean": the known word that is most like a misspelled one.

/// The nearest of `known`, if one is near.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |known: &&&str| edits(word, known);
    let best = known.iter().min_by_key(distance)?;
    let near = edits(word, best) <= best.len().max(word.len()) / 2;
    let contained = !word.is_empty() && (best.contains(word) || word.contains(best));
    (near || contained).then_some(best)
}

/// How many characters to insert, remove or replace: the Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("pointer", "pointer"), 0);
        assert_eq!(edits("pionter", "pointer"), 2);
        assert_eq!(edits("kitten", "sitting"), 3);
    }

    #[test]
    fn only_what_is_near_is_offered() {
        let known = ["name", "pointer", "bitfields", "opaque"];
        assert_eq!(nearest("ponter", &known), Some("pointer"));
        assert_eq!(nearest("bitfield", &known), Some("bitfields"));
        assert_eq!(nearest("rename", &known), Some("name"));
        assert_eq!(nearest("zebra", &known), None);
        assert_eq!(nearest("", &known), None);
    }
}
