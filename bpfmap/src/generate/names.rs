//! Names in Rust for names in C, which may be anything.

use std::collections::HashMap;

/// What `bpfmap`, the prelude and the language call types already.
const TAKEN: &[&str] = &[
    "Array",
    "ArrayOfMaps",
    "Be16",
    "Be32",
    "Be64",
    "BloomFilter",
    "Box",
    "BpfEnum",
    "BpfMapKey",
    "BpfMapValue",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "Drop",
    "Enum",
    "Eq",
    "Err",
    "Fn",
    "From",
    "Globals",
    "Hash",
    "HashMap",
    "HashOfMaps",
    "Into",
    "Iterator",
    "Kptr",
    "ListHead",
    "ListNode",
    "LocalStorage",
    "LpmTrie",
    "None",
    "Ok",
    "Option",
    "Pad",
    "PartialEq",
    "PerCpu",
    "Queue",
    "RbNode",
    "RbRoot",
    "Refcount",
    "ResilientSpinLock",
    "Result",
    "RingBuf",
    "Self",
    "Send",
    "Sized",
    "Some",
    "SpinLock",
    "Stack",
    "String",
    "Sync",
    "Timer",
    "ToString",
    "Vec",
    "Workqueue",
];

/// Words that are no names. Those that `r#` does not help are in `NEVER_NAMES`.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];
const NEVER_NAMES: &[&str] = &["self", "super", "crate", "_"];

/// How much of a name is kept, in characters.
const MAX_LEN: usize = 80;

/// Names that are in use at one place, of types or of fields, and the number that
/// the next of the same name gets.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, u32>);

impl Names {
    /// For types.
    pub(super) fn of_types() -> Self {
        Self(TAKEN.iter().map(|name| (String::from(*name), 2)).collect())
    }

    /// Keeps a name from being given.
    pub(super) fn reserve(&mut self, name: &str) {
        self.0.entry(name.into()).or_insert(2);
    }

    pub(super) fn is_free(&self, name: &str) -> bool {
        !self.0.contains_key(name)
    }

    /// The name, or that with a number behind it when it is in use.
    pub(super) fn unique(&mut self, name: String) -> String {
        let Some(next) = self.0.get(&name) else {
            self.0.insert(name.clone(), 2);
            return name;
        };
        let edge = if name.ends_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
        let mut number = *next;
        let mut numbered = format!("{name}{edge}{number}");
        while self.0.contains_key(&numbered) {
            number += 1;
            numbered = format!("{name}{edge}{number}");
        }
        self.0.insert(name, number + 1);
        self.0.insert(numbered.clone(), 2);
        numbered
    }
}

/// The name of a type: `flow_key` is `FlowKey`.
pub(super) fn camel(name: &str) -> String {
    let name = demangled(name);
    let mut camel = String::new();
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let digits = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        if digits(camel.chars().next_back()) && digits(word.chars().next()) {
            camel.push('_');
        }
        let shouted = word.len() > 1 && !word.contains(|c: char| c.is_ascii_lowercase());
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.extend(letters.map(|c| if shouted { c.to_ascii_lowercase() } else { c }));
    }
    let mut camel: String = camel.chars().take(MAX_LEN).collect();
    if !camel.starts_with(|c: char| c.is_ascii_alphabetic()) {
        camel.insert(0, 'T');
    }
    camel
}

/// What linkers write in BTF for the names of Rust: `Gen_3C_u32_3E_` for
/// `Gen<u32>`.
fn demangled(name: &str) -> String {
    if !is_mangled(name) {
        return name.into();
    }
    let (mut text, mut rest) = (String::new(), name);
    while let Some(at) = rest.find('_') {
        text.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (code, rest.get(at + 3..at + 4)) {
            (Some(code), Some("_")) if code.is_ascii() && !code.is_ascii_alphanumeric() => {
                text.push(code.into());
                rest = &rest[at + 4..];
            }
            _ => {
                text.push('_');
                rest = &rest[at + 1..];
            }
        }
    }
    text + rest
}

/// Whether it is the name of an instance of a type of Rust.
pub(super) fn is_mangled(name: &str) -> bool {
    name.contains("_3C_") && name.ends_with("_3E_")
}

/// The name of a field, as Rust wants it: `srcIP` is `src_ip`. Not yet fit to be
/// written, see [`written`].
pub(super) fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().take(MAX_LEN).collect();
    let mut snake = String::new();
    for (index, c) in letters.iter().enumerate() {
        if c.is_ascii_uppercase() {
            let before = index.checked_sub(1).map(|before| letters[before]);
            let after_lower = before.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
            let begins_word = before.is_some_and(|c| c.is_ascii_uppercase())
                && letters.get(index + 1).is_some_and(char::is_ascii_lowercase);
            if after_lower || begins_word {
                snake.push('_');
            }
        }
        snake.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    // Of underscores only those at the edges may be several, and only where they
    // are in C.
    let inner = snake.trim_matches('_');
    let start = "_".repeat(name.len() - name.trim_start_matches('_').len());
    let end = name.trim_start_matches('_');
    let end = "_".repeat(end.len() - end.trim_end_matches('_').len());
    let words: Vec<_> = inner.split('_').filter(|word| !word.is_empty()).collect();
    let mut snake = format!("{start}{}{end}", words.join("_"));
    if snake.is_empty() || snake.starts_with(|c: char| c.is_ascii_digit()) {
        snake.insert(0, '_');
    }
    match NEVER_NAMES.contains(&&*snake) {
        true => snake + "_",
        false => snake,
    }
}

/// The name of a field as it is written: with `r#` where it is a keyword.
pub(super) fn written(name: &str) -> String {
    if KEYWORDS.contains(&name) { format!("r#{name}") } else { name.into() }
}

/// The names of an enum's variants: what all of the names begin with is left
/// out, as far as words go.
pub(super) fn variants(names: &[&str]) -> Vec<String> {
    let prefix = match names {
        [first, _, ..] => {
            let ends = first.match_indices('_').map(|(at, _)| at + 1);
            let shared = |end: &usize| {
                names.iter().all(|name| {
                    let rest = name.strip_prefix(&first[..*end]);
                    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
                })
            };
            ends.filter(shared).max().unwrap_or(0)
        }
        _ => 0,
    };
    let mut used = Names::default();
    used.reserve("Self");
    names.iter().map(|name| used.unique(camel(&name[prefix..]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_called_as_rust_has_it() {
        for (c, rust) in [
            ("flow_key", "FlowKey"),
            ("FlowKey", "FlowKey"),
            ("URB", "Urb"),
            ("in6_addr", "In6Addr"),
            ("a_1_2", "A1_2"),
            ("9p", "T9p"),
            ("", "T"),
            ("Gen_3C_u32_2C__20_2_3E_", "GenU32_2"),
            (".data.hot", "DataHot"),
        ] {
            assert_eq!(camel(c), rust, "{c}");
        }
    }

    #[test]
    fn fields_are_called_as_rust_has_it() {
        for (c, rust) in [
            ("saddr", "saddr"),
            ("_f1", "_f1"),
            ("__pad", "__pad"),
            ("srcIP", "src_ip"),
            ("IPAddr", "ip_addr"),
            ("LICENSE", "license"),
            ("a__b", "a_b"),
            ("report.pid", "report_pid"),
            ("0x", "_0x"),
            ("self", "self_"),
            ("_", "__"),
            ("", "__"),
            ("größe", "gr_e"),
            ("$a$_", "a_"),
        ] {
            assert_eq!(snake(c), rust, "{c}");
        }
        assert_eq!(written("type"), "r#type");
        assert_eq!(written("typed"), "typed");
    }

    #[test]
    fn variants_lose_what_all_begin_with() {
        assert_eq!(variants(&["XDP_PASS", "XDP_DROP"]), ["Pass", "Drop"]);
        assert_eq!(variants(&["XDP_PASS", "XDP_2"]), ["XdpPass", "Xdp2"]);
        assert_eq!(variants(&["RED", "GREEN", "Self"]), ["Red", "Green", "Self2"]);
        assert_eq!(variants(&["A_B", "A_b"]), ["B", "B2"]);
        assert_eq!(variants(&["ONLY_ONE"]), ["OnlyOne"]);
    }

    #[test]
    fn a_name_in_use_gets_a_number() {
        let mut names = Names::of_types();
        let given = ["Key", "Key", "HashMap", "A1", "A1"].map(|name| names.unique(name.into()));
        assert_eq!(given, ["Key", "Key2", "HashMap2", "A1", "A1_2"]);
    }
}
