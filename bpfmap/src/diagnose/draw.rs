//! A diagnosis in words.

use std::fmt::{self, Display, Formatter};

use super::diagnosis::{Answer, Break, Diagnosis, Holder, Question, SecondCopy};
use super::near::{KeyDifference, NearKey, Nearness};
use super::text;

impl Display for Diagnosis {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{}, key {}", self.map, printable(key))?,
            None => write!(f, "{}", self.map)?,
        }
        for link in &self.links {
            let (question, word) = (link.question, link.answer.word());
            match &link.answer {
                Answer::Holds(text) | Answer::Unknown(text) => {
                    write!(f, "\n  {word:8} {question}: {}", Indented(text))?;
                }
                Answer::Broken(broken) => {
                    write!(f, "\n  {word:8} {question}: {}", Indented(&broken.to_string()))?;
                    let advice = broken.advice();
                    if !advice.is_empty() {
                        write!(f, "\n  {:8} {}", "do", Indented(&advice))?;
                    }
                }
            }
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n  {:8} {}", "note", Indented(note)))
    }
}

impl Answer {
    fn word(&self) -> &'static str {
        match self {
            Self::Holds(_) => "ok",
            Self::Unknown(_) => "unknown",
            Self::Broken(_) => "BROKEN",
        }
    }
}

impl Display for Question {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loaded => "loaded",
            Self::Alive => "descriptor",
            Self::Used => "program",
            Self::Pinned => "pin",
            Self::Layout => "layout",
            Self::Key => "key",
        })
    }
}

/// Text of several lines, the further ones below the first.
struct Indented<'a>(&'a str);

impl Display for Indented<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut lines = self.0.lines();
        f.write_str(lines.next().unwrap_or_default())?;
        lines.try_for_each(|line| {
            if line.is_empty() { f.write_str("\n") } else { write!(f, "\n           {line}") }
        })
    }
}

fn printable(text: &str) -> impl Display + '_ {
    crate::btf::Printable(text)
}

impl Display for Break {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoaded { known } => {
                f.write_str("there is no such map in the kernel")?;
                names(f, known)
            }
            Self::NoId { id } => write!(f, "there is no map of id {id} in the kernel"),
            Self::Several { copies } => {
                write!(f, "{} maps have that name", copies.len())?;
                copies.iter().try_for_each(|copy| write!(f, "\n{copy}"))
            }
            Self::Closed => f.write_str("it was closed"),
            Self::Replaced => f.write_str("its number is now that of something else"),
            Self::NoProgram { program, known } => {
                write!(f, "no program `{}` is loaded", printable(program))?;
                names(f, known)
            }
            Self::OtherCopy { program, copy } => write!(
                f,
                "{program} uses another copy of it, map `{}` (id {}): it was loaded twice",
                printable(&copy.name),
                copy.id
            ),
            Self::NotUsed { program, uses } => {
                write!(f, "{program} does not use it")?;
                let mut uses = uses.iter();
                match uses.next() {
                    None => f.write_str("; it uses no maps"),
                    Some(first) => {
                        let one = |f: &mut Formatter<'_>, copy: &SecondCopy| {
                            write!(f, "`{}` (id {})", printable(&copy.name), copy.id)
                        };
                        f.write_str("; it uses ")?;
                        one(f, first)?;
                        uses.try_for_each(|copy| {
                            f.write_str(", ")?;
                            one(f, copy)
                        })
                    }
                }
            }
            Self::NotPinned { path, reason } => {
                write!(f, "it is not pinned at {}: {reason}", path.display())
            }
            Self::PinOfOther { path, copy, .. } => write!(
                f,
                "another map is pinned at {}: `{}` (id {})",
                path.display(),
                printable(&copy.name),
                copy.id
            ),
            Self::PinOfNoMap { path } => {
                write!(f, "what is pinned at {} is no map, but a program or a link", path.display())
            }
            Self::Layout(error) => error.fmt(f),
            Self::OtherObject { differences } => {
                f.write_str("the map in the kernel is not as the object declares it")?;
                differences.iter().try_for_each(|one| write!(f, "\n- {one}"))
            }
            Self::OutOfRange { index, len, reversed } => {
                write!(f, "the array has {len} elements, and none of index {index}")?;
                match reversed {
                    Some(reversed) => {
                        write!(f, "; with its bytes reversed the index is {reversed}, which it has")
                    }
                    None => Ok(()),
                }
            }
            Self::NoStorage => f.write_str("what the descriptor is of has no value in the map"),
            Self::EmptySlot => f.write_str("nothing was put at that index"),
            Self::Empty { .. } => f.write_str("the map has no entries"),
            Self::Near { nearness, count, keys, looked_at, all, .. } => {
                near(f, *nearness, *count, keys)?;
                looked(f, *looked_at, *all)
            }
            Self::Absent { looked_at, all, .. } => {
                f.write_str("it is not there, and no key is nearly it")?;
                looked(f, *looked_at, *all)
            }
            Self::NoPrefix { looked_at, all } => {
                f.write_str("no prefix covers it")?;
                looked(f, *looked_at, *all)
            }
            Self::PrefixTooLong { len, max, reversed } => {
                write!(f, "the prefix is {len} bits long, and the key has {max}")?;
                match reversed {
                    Some(reversed) => write!(
                        f,
                        "; with its bytes reversed the length is {reversed}, which would do"
                    ),
                    None => Ok(()),
                }
            }
            Self::PrefixTooShort { len, max, longer, looked_at } => {
                write!(
                    f,
                    "no prefix covers it: it was asked for with {len} of its {max} bits, and the \
                     kernel finds only prefixes that are no longer than that; {} is longer and begins \
                     with them",
                    printable(longer)
                )?;
                looked(f, *looked_at, true)
            }
            Self::PrefixByteOrder { fields, prefix, looked_at } => {
                write!(
                    f,
                    "no prefix covers it, but with the bytes of {} reversed one does: {}",
                    Fields(fields),
                    printable(prefix)
                )?;
                looked(f, *looked_at, true)
            }
        }
    }
}

fn names(f: &mut Formatter<'_>, known: &[String]) -> fmt::Result {
    let mut known = known.iter();
    match known.next() {
        None => Ok(()),
        Some(first) => {
            write!(f, "; there is `{}`", printable(first))?;
            known.try_for_each(|name| write!(f, ", `{}`", printable(name)))
        }
    }
}

fn looked(f: &mut Formatter<'_>, looked_at: u64, all: bool) -> fmt::Result {
    let entries = if looked_at == 1 { "entry" } else { "entries" };
    match all {
        true => write!(f, "\n({looked_at} {entries} looked at)"),
        false => write!(f, "\n(the first {looked_at} {entries} looked at, and there are more)"),
    }
}

fn near(f: &mut Formatter<'_>, nearness: Nearness, count: u64, keys: &[NearKey]) -> fmt::Result {
    let but = match nearness {
        Nearness::Padding => "only in its padding, which the kernel compares too",
        Nearness::ByteOrder => "only in the byte order of fields",
        Nearness::OneField => "in one field alone",
    };
    match count {
        1 => write!(f, "it is not there, but a key is that differs {but}")?,
        count => write!(f, "it is not there, but {count} keys are that differ {but}")?,
    }
    for key in keys {
        key.differences.iter().try_for_each(|difference| write!(f, "\n- {difference}"))?;
    }
    match usize::try_from(count).is_ok_and(|count| count > keys.len()) {
        true => f.write_str("\n- ..."),
        false => Ok(()),
    }
}

impl Display for KeyDifference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { field, bytes, wanted, found, .. } = self;
        match &**field {
            "" => write!(f, "bytes {}..{}", bytes.start, bytes.end)?,
            field => write!(f, "`{}` (bytes {}..{})", printable(field), bytes.start, bytes.end)?,
        }
        write!(f, ": wanted {wanted}, there is {found}")
    }
}

impl Display for NearKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&text::hex(&self.key))
    }
}

/// Names of fields in a sentence.
struct Fields<'a>(&'a [String]);

impl Display for Fields<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut fields = self.0.iter();
        match fields.next().map(|field| &**field) {
            None | Some("") => return f.write_str("the address"),
            Some(first) => write!(f, "`{}`", printable(first))?,
        }
        fields.try_for_each(|field| write!(f, ", `{}`", printable(field)))
    }
}

impl Display for SecondCopy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "- id {}", self.id)?;
        let mut programs = self.programs.iter();
        match programs.next() {
            None => f.write_str(", which no program uses"),
            Some(first) => {
                write!(f, ", which {first}")?;
                programs.try_for_each(|program| write!(f, ", {program}"))?;
                f.write_str(if self.programs.len() == 1 { " uses" } else { " use" })
            }
        }
    }
}

impl Display for Holder {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &*self.name {
            "" => write!(f, "program {}", self.id),
            name => write!(f, "program `{}` (id {})", printable(name), self.id),
        }
    }
}

const DROPPED: &str = " It is an LRU map, which drops entries to make room for others, so it may also \
                       have been there.";

impl Break {
    /// What to do about it; empty when that is said with what is wrong.
    pub fn advice(&self) -> String {
        let dropped = |may: bool| if may { DROPPED } else { "" };
        match self {
            Self::NotLoaded { .. } => {
                "load the program that declares it, or look for it in another name: the kernel keeps 15 \
                 bytes of one"
                    .into()
            }
            Self::NoId { .. } => {
                "`bpfmap maps` lists those that there are, with their ids: a map has another one each \
                 time that its program is loaded"
                    .into()
            }
            Self::Several { .. } => {
                "say which is meant, by its id or its pin; the loader may have been started twice".into()
            }
            Self::Closed => {
                "keep the loader (`Ebpf`) or whoever owns the descriptor for as long as the map is used"
                    .into()
            }
            Self::Replaced => {
                "something in this process closes descriptors by number that are not its own".into()
            }
            Self::NoProgram { .. } => "load it, or ask for it by its id".into(),
            Self::OtherCopy { copy, .. } => format!(
                "open the map that the program uses, by id {}, or by a pin that both share \
                 (`LIBBPF_PIN_BY_NAME`); or end what loaded the program the other time",
                copy.id
            ),
            Self::NotUsed { .. } => {
                "open the map of the loader that loaded the program; a program holds only the maps that \
                 its code names"
                    .into()
            }
            Self::NotPinned { .. } => {
                "pin it, or have its loader do so: `__uint(pinning, LIBBPF_PIN_BY_NAME)`".into()
            }
            Self::PinOfOther { copy, is_copy: false, .. } => format!(
                "that is another map and not another load of this one: look at the path, or whether \
                 `{}` is what should be asked",
                printable(&copy.name)
            ),
            Self::PinOfOther { copy, .. } => format!(
                "the pin is of another load of the program: open id {} for what is pinned, or remove the \
                 pin and load again",
                copy.id
            ),
            Self::PinOfNoMap { .. } => "look at the path: programs are pinned by it, too".into(),
            // The error says it.
            Self::Layout(_) => String::new(),
            Self::OtherObject { .. } => {
                "the map was made by another build of the program: load this one, and remove the pin of \
                 the map if it has one"
                    .into()
            }
            Self::OutOfRange { reversed: Some(_), .. } => {
                "give the index in the byte order of the host".into()
            }
            Self::OutOfRange { .. } => {
                "take a smaller index, or load the map with a larger `max_entries`".into()
            }
            Self::NoStorage => {
                "a program makes one with `BPF_LOCAL_STORAGE_GET_F_CREATE`: see whether it runs for this \
                 one, and whether the descriptor is of what it runs for"
                    .into()
            }
            Self::EmptySlot => "put a map there, with `ArrayOfMaps::set` or where it is declared, or a program".into(),
            Self::Empty { may_be_dropped } => format!(
                "see whether the program runs, is attached, and comes to where it writes.{}",
                dropped(*may_be_dropped)
            ),
            Self::Near { nearness: Nearness::Padding, .. } => {
                "zero it where the key is made: in C with `__builtin_memset(&key, 0, sizeof(key))`, as an \
                 initialiser need not reach it; or give it a name and a value"
                    .into()
            }
            Self::Near { nearness: Nearness::ByteOrder, .. } => {
                "one side has these in network byte order and the other has not: use `bpf_htons` and \
                 `bpf_htonl` in C, `Be16` and `Be32` in Rust, or neither on both"
                    .into()
            }
            Self::Near { nearness: Nearness::OneField, may_be_dropped, .. } => {
                format!("compare how both sides come to the field.{}", dropped(*may_be_dropped))
            }
            Self::Absent { may_be_dropped, .. } => format!(
                "look at the keys that are there, with `iter()` or `bpfmap dump`, and at what the program \
                 writes.{}",
                dropped(*may_be_dropped)
            ),
            Self::NoPrefix { .. } => {
                "look at the prefixes that are there, with `iter()` or `bpfmap dump`, and at what should \
                 put this one in"
                    .into()
            }
            Self::PrefixTooLong { .. } => {
                "the length of the prefix comes first in the key, in the byte order of the host".into()
            }
            Self::PrefixTooShort { max, .. } => {
                format!("look an address up with all of its bits: a prefix length of {max}")
            }
            Self::PrefixByteOrder { .. } => {
                "a trie compares from the first bit on, so addresses are in network byte order: `Be32` in \
                 Rust, `__be32` in C"
                    .into()
            }
        }
    }
}
