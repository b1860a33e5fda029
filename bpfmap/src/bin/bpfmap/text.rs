//! Names and texts of others, as a terminal may see them.

/// Text that may hold anything.
pub(crate) trait Printable {
    /// Without what speaks to a terminal or is not to be seen; quotes and backslashes
    /// stay as they are.
    fn printable(&self) -> String;
}

impl Printable for str {
    fn printable(&self) -> String {
        let mut text = String::with_capacity(self.len());
        for c in self.chars() {
            match c {
                '\'' | '"' | '\\' => text.push(c),
                c => text.extend(c.escape_debug()),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_speaks_to_a_terminal_is_escaped() {
        let line = r#"SEC("socket") char c = '\\';"#;
        assert_eq!(line.printable(), line);
        assert_eq!("a\u{1b}[31m\u{202e}b\n".printable(), "a\\u{1b}[31m\\u{202e}b\\n");
    }
}
