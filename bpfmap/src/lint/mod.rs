//! What is to be found in an object before it is used: BTF that is not sound,
//! maps without types, and keys and values that are not easily shared. No I/O.

mod lines;
mod maps;
mod sound;

use std::collections::HashSet;
use std::fmt::{self, Display, Formatter};
use std::ops::Range;

use crate::btf::Printable;
use crate::compare::Role;
use crate::object::{Object, ObjectError, references};

/// What was found in an object, for CI.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bytes = std::fs::read("../examples/bpf/flows.bpf.o")?;
/// use bpfmap::Findings;
///
/// let findings = Findings::of_object(&bytes)?;
/// assert_eq!(findings.worst(), None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub struct Findings {
    maps: usize,
    findings: Vec<Finding>,
}

/// One thing that was found.
///
/// `Display` writes it in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in a word.
    pub kind: FindingKind,
    /// The map that it is about.
    pub map: Option<String>,
    /// Other maps of which it is to be said in the same words, as their keys or values
    /// are of the same type.
    pub other_maps: Vec<String>,
    /// Whether it is about the map's key or its value.
    pub role: Option<Role>,
    /// The member that it is about, through the structs around it. Empty when it
    /// is about no member alone.
    pub path: String,
    /// The bytes that it is about, of the key or the value.
    pub bytes: Option<Range<u64>>,
    /// It, for people, in a line.
    pub message: String,
    /// What to do. Empty when there is nothing to be done.
    pub advice: String,
    /// Where the program first uses the map; `None` when it does not, or when the
    /// object was compiled without lines.
    pub source: Option<SourceLine>,
}

/// A line of the source of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub struct SourceLine {
    /// The file, as the compiler was given it.
    pub file: String,
    /// The number of the line, counted from 1.
    pub line: u32,
    /// The column, counted from 1; 0 when it is not known.
    pub column: u32,
    /// The text of the line.
    pub text: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Severity {
    /// It may be meant so.
    Note,
    /// It works, until it does not.
    Warning,
    /// What should be compared cannot be.
    Error,
}

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum FindingKind {
    /// The object has no BTF.
    NoBtf,
    /// The BTF contradicts itself, or is newer than this crate.
    UnsoundBtf,
    /// A map is not declared as loaders expect.
    Declaration,
    /// A map is declared by sizes and not by types.
    Untyped,
    /// The BTF only declares a type.
    Incomplete,
    /// A key has bytes that no member covers.
    HoleInKey,
    /// A value has bytes that no member covers.
    HoleInValue,
    /// A key or a value has a bitfield.
    Bitfield,
    /// A key or a value has a pointer.
    Pointer,
    /// A key or a value has an array without a length.
    FlexibleArray,
    /// A key or a value has a union.
    Union,
    /// There is more than is looked at.
    Unfinished,
}

impl FindingKind {
    /// Its name, as it is in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoBtf => "no_btf",
            Self::UnsoundBtf => "unsound_btf",
            Self::Declaration => "declaration",
            Self::Untyped => "untyped",
            Self::Incomplete => "incomplete",
            Self::HoleInKey => "hole_in_key",
            Self::HoleInValue => "hole_in_value",
            Self::Bitfield => "bitfield",
            Self::Pointer => "pointer",
            Self::FlexibleArray => "flexible_array",
            Self::Union => "union",
            Self::Unfinished => "unfinished",
        }
    }
}

/// How many findings there are at most, and how many members are looked at: more
/// than anybody mends in a day. Maps may all be of one large type.
const MAX_FINDINGS: usize = 1 << 11;
const MAX_ROWS: usize = 1 << 16;

impl Findings {
    /// Looks at an object file. Needs no kernel.
    ///
    /// An object without BTF, or whose BTF cannot be read, is a finding.
    ///
    /// # Errors
    ///
    /// [`ObjectError::NotElf`] and [`ObjectError::NotBpf`], when `bytes` are no
    /// object of BPF.
    pub fn of_object(bytes: &[u8]) -> Result<Self, ObjectError> {
        let unreadable = |kind, error: &ObjectError| {
            let finding = Finding::new(Severity::Error, kind, error.to_string());
            Self { maps: 0, findings: vec![finding] }
        };
        let object = match Object::parse(bytes) {
            Ok(object) => object,
            Err(error @ ObjectError::NoBtf) => return Ok(unreadable(FindingKind::NoBtf, &error)),
            Err(error @ ObjectError::Btf(_)) => {
                return Ok(unreadable(FindingKind::UnsoundBtf, &error));
            }
            Err(error @ ObjectError::Map { .. }) => {
                return Ok(unreadable(FindingKind::Declaration, &error));
            }
            Err(error) => return Err(error),
        };
        let mut findings = sound::unsound(object.btf());
        let mut rows = 0;
        for map in object.maps() {
            maps::of_map(map, &mut rows, &mut findings);
            if findings.len() >= MAX_FINDINGS || rows >= MAX_ROWS {
                let message =
                    format!("the maps behind `{}` were not looked at", Printable(map.name()));
                findings.push(Finding::new(Severity::Warning, FindingKind::Unfinished, message));
                break;
            }
        }
        maps::say_once(&mut findings);
        add_sources(&object, bytes, &mut findings);
        // Those of one place stay in the order in which they were found.
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Ok(Self { maps: object.maps().count(), findings })
    }

    /// What was found, the worst first.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.findings.iter()
    }

    /// How many maps the object declares.
    pub fn maps(&self) -> usize {
        self.maps
    }

    /// How many findings are of that severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// How bad the worst is; `None` when nothing was found.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Finding;
    type IntoIter = std::slice::Iter<'a, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Says where the program first uses the maps that something was found of.
fn add_sources(object: &Object<'_>, bytes: &[u8], findings: &mut [Finding]) {
    let maps: HashSet<&str> = object.map_names().collect();
    let references = references(bytes, &maps);
    let mut known: Vec<_> = references.first.iter().collect();
    known.sort_unstable();
    let places: Vec<_> = known.iter().map(|(_, place)| **place).collect();
    let lines = lines::lines_of(object.btf(), references.btf_ext, &places);
    for finding in findings {
        let Some(map) = &finding.map else { continue };
        let index = known.binary_search_by(|(name, _)| name.as_str().cmp(map)).ok();
        finding.source = index.and_then(|index| lines[index].clone());
    }
}

impl Finding {
    fn new(severity: Severity, kind: FindingKind, message: String) -> Self {
        Self {
            severity,
            kind,
            map: None,
            other_maps: Vec::new(),
            role: None,
            path: String::new(),
            bytes: None,
            message,
            advice: String::new(),
            source: None,
        }
    }

    fn of(self, map: &str) -> Self {
        Self { map: Some(map.into()), ..self }
    }

    fn with_advice(self, advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), ..self }
    }
}

impl Display for Severity {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.message)
    }
}

impl Display for SourceLine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", Printable(&self.file), self.line)?;
        if self.column == 0 { Ok(()) } else { write!(f, ":{}", self.column) }
    }
}
