//! What can go wrong, in words: what happened, to which map, what it means,
//! and what to do.

use std::fmt::{self, Display, Formatter};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use crate::btf::BtfError;
use crate::compare::{Mismatches, Role};
use crate::failure::Cause;
use crate::layout::Layout;
use crate::map_type::MapType;
use crate::maps::WrongEvent;
use crate::object::ObjectError;
use crate::probe::Candidate;
use crate::sys::Errno;
use crate::verification::{BtfSource, MapLabel, Subject, Unverifiable};

/// Why a map was not opened, or an operation on it failed.
///
/// `Debug` prints the same text as `Display`, so that what `unwrap` and a
/// `main` that returns it print can be read.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The Rust types do not agree with the map's BTF.
    #[error("{0}")]
    Mismatch(Box<Mismatches>),

    /// There is no map of that name.
    #[error(
        "no map `{}` in {place}; {}{}", .name.escape_debug(), Known(.name, .known, "maps"),
        Taken(.name, .known, .place)
    )]
    UnknownMap {
        /// The name that was asked for.
        name: String,
        /// Where it was looked for.
        place: &'static str,
        /// The maps that there are.
        known: Vec<String>,
    },

    /// The map is of a type that does not work as the Rust type does.
    #[error(
        "{map} is of type {found}, and `{}` opens maps of type {}: {}declare it as such in the \
         BPF program",
        Wrapper(.wrapper, .accepted), Types(.accepted), OpenAs(*.found)
    )]
    MapType {
        /// The map.
        map: Arc<MapLabel>,
        /// Its type.
        found: MapType,
        /// The Rust type that it was to be opened as.
        wrapper: &'static str,
        /// The types that this one opens.
        accepted: &'static [MapType],
    },

    /// The kernel does not list the entries of maps of that type.
    #[error("{map} is of type {map_type}, and cannot be listed: {why}")]
    Unlistable {
        /// The map.
        map: Arc<MapLabel>,
        /// Its type.
        map_type: MapType,
        /// Why not.
        why: &'static str,
    },

    /// Nothing in the kernel has the types of the map's key and value, or they may not be
    /// read.
    #[error(
        "the types of {map} are not known: {reason}; the object that it was made from has them"
    )]
    Untyped {
        /// The map.
        map: Arc<MapLabel>,
        /// Why not.
        reason: Unverifiable,
    },

    /// Nobody can tell how many entries a map of that type has, or it has no limit that
    /// they could come near.
    #[error("{map} is of type {map_type}, and how full it is cannot be said: {why}")]
    Uncountable {
        /// The map.
        map: Arc<MapLabel>,
        /// Its type.
        map_type: MapType,
        /// Why not.
        why: &'static str,
    },

    /// The array is one that the program declares, and not a section of global
    /// variables.
    #[error(
        "{map} is an array that the program declares; Globals opens sections of global variables, \
         which are named `.data`, `.bss`, `.rodata` or with another dot"
    )]
    NotASection {
        /// The map.
        map: Arc<MapLabel>,
    },

    /// There is no global variable of that name.
    #[error(
        "no variable `{}` in {}; {}",
        .name.escape_debug(), PlaceOf(.map), Known(.name, .known, "variables")
    )]
    UnknownVariable {
        /// The map that is its section; `None` when all of an object was searched.
        map: Option<Arc<MapLabel>>,
        /// The name that was asked for.
        name: String,
        /// The variables that there are.
        known: Vec<String>,
    },

    /// There are several global variables of that name: static ones of different
    /// source files.
    #[error(
        "there are several variables `{}`: {}; give one of them another name in C",
        .name.escape_debug(), .places.join(", ")
    )]
    AmbiguousVariable {
        /// The name that was asked for.
        name: String,
        /// Where they are.
        places: Vec<String>,
    },

    /// One variable cannot be written without the others of its section.
    #[error(
        "{map}: the kernel writes a section as a whole, and the Rust type is one of its variables: \
         what a program has changed in the others meanwhile would be lost; open the section as a \
         struct to write all of it"
    )]
    OneOfSeveral {
        /// The map.
        map: Arc<MapLabel>,
    },

    /// A Rust type has another size than the kernel gives for the map.
    #[error(
        "{map}: `{}` is {} bytes, but the map's {role} is {kernel} bytes; {advice}",
        TypeName(.rust), .rust.size(), advice = SIZE_ADVICE
    )]
    Size {
        /// The map.
        map: Arc<MapLabel>,
        /// Whether it is the key or the value.
        role: Role,
        /// The Rust type.
        rust: &'static Layout,
        /// The size in the kernel, in bytes.
        kernel: u32,
    },

    /// The fields of the map could not be compared with anything.
    #[error("{map} cannot be verified: {reason}.\n{}", WayOut(.map, .reason))]
    Unverifiable {
        /// The map.
        map: Arc<MapLabel>,
        /// Why not.
        reason: Unverifiable,
    },

    /// The object that was handed in is not the one from which the map was
    /// made, so its BTF says nothing of the map.
    #[error(
        "{map} was not made from the object that was handed in: {difference}; \
         hand in the object that its loader loaded"
    )]
    OtherObject {
        /// The map.
        map: Arc<MapLabel>,
        /// What shows it.
        difference: String,
    },

    /// The BTF could not be read, or does not say enough.
    #[error("{subject}, against {source_of_btf}: {error}")]
    Btf {
        /// The map or the type that was to be compared.
        subject: Box<Subject>,
        /// Where the BTF came from.
        source_of_btf: BtfSource,
        /// What is wrong with it.
        error: BtfError,
    },

    /// The object could not be read.
    #[error(transparent)]
    Object(#[from] ObjectError),

    /// The descriptor is not open any more.
    #[error("{map}: its descriptor is closed (EBADF); was the program that owned it dropped?")]
    Closed {
        /// The map.
        map: Arc<MapLabel>,
    },

    /// The descriptor is open, and not on a BPF map.
    #[error(
        "{map}: the descriptor is not that of a BPF map, but of a program, a link, BTF or a file"
    )]
    NotAMap {
        /// The map.
        map: Arc<MapLabel>,
    },

    /// The descriptor is that of another map by now.
    #[error(
        "{map}: its descriptor is that of another map by now, `{}` (id {id}): another part of this \
         process has closed it by its number, and that was given out again",
        .name.escape_debug()
    )]
    OtherMap {
        /// The map that was opened.
        map: Arc<MapLabel>,
        /// The name of the other one, as the kernel keeps it.
        name: String,
        /// The id of the other one.
        id: u32,
    },

    /// The key is in the map already.
    #[error("{map}: the key is there already; `insert` writes whether it is or not")]
    KeyExists {
        /// The map.
        map: Arc<MapLabel>,
    },

    /// The key is not in the map.
    #[error("{map}: there is no such key to replace; `insert` writes whether there is or not")]
    KeyMissing {
        /// The map.
        map: Arc<MapLabel>,
    },

    /// There are values for another number of CPUs than the kernel counts.
    #[error(
        "{map} has a value for each of {possible} possible CPUs, but {given} were given; \
         `PerCpu::splat` makes as many as there are CPUs"
    )]
    Cpus {
        /// The map.
        map: Arc<MapLabel>,
        /// For how many CPUs values were given.
        given: usize,
        /// How many CPUs are possible.
        possible: usize,
    },

    /// An event is of none of the types that are read; it was skipped.
    #[error("{map}: an event was skipped: {wrong}; does the program send what the object says?")]
    Event {
        /// The map.
        map: Arc<MapLabel>,
        /// What is wrong with it.
        wrong: WrongEvent,
    },

    /// There is no element of that index.
    #[error("{map} has {len} elements, and none of index {index}")]
    OutOfRange {
        /// The map.
        map: Arc<MapLabel>,
        /// The index.
        index: u32,
        /// How many elements there are.
        len: u32,
    },

    /// A prefix is longer than the key of the trie has bits.
    #[error(
        "{map}: a prefix of {length} bits is longer than what it is a prefix of, which has {bits}; is \
         the length in the byte order of the host?"
    )]
    PrefixTooLong {
        /// The map.
        map: Arc<MapLabel>,
        /// How long the prefix is said to be.
        length: u32,
        /// How many bits the key, or the address, has.
        bits: u32,
    },

    /// The memory of the map cannot be written to.
    #[error(
        "{map} is mapped for reading alone, as it is frozen or was opened read-only (BPF_F_RDONLY)"
    )]
    ReadOnlyMemory {
        /// The map.
        map: Arc<MapLabel>,
    },

    /// There are not as many values as keys.
    #[error("{map}: {keys} keys and {values} values were given; nothing was written")]
    Lengths {
        /// The map.
        map: Arc<MapLabel>,
        /// How many keys there are.
        keys: usize,
        /// How many values there are.
        values: usize,
    },

    /// An operation on many entries went through for some of them.
    #[error("{error}; it had gone through for the first {done} of {all} entries")]
    Partial {
        /// For how many, from the beginning.
        done: usize,
        /// How many were given.
        all: usize,
        /// What was wrong with the next one.
        error: Box<Error>,
    },

    /// The map holds as many entries as it can.
    #[error("{map} is full: it holds {max_entries} entries; {advice}")]
    Full {
        /// The map.
        map: Arc<MapLabel>,
        /// How many entries it can hold.
        max_entries: u32,
        /// What to do, which depends on the type of the map.
        advice: &'static str,
    },

    /// The kernel has none of the types of maps that would do, or it cannot be
    /// told.
    #[error("none of the types of maps that would do can be used: {}", Tried(.tried))]
    NoMapType {
        /// Those that were tried, and what the kernel says of them.
        tried: Vec<Candidate>,
    },

    /// The kernel refused an operation. [`KernelError::cause`] says why, where the
    /// answer alone does not.
    #[error(transparent)]
    Kernel(#[from] Box<KernelError>),

    /// A file of the kernel could not be read.
    #[error("{}: {error}; {advice}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        error: std::io::Error,
        /// What to do.
        advice: &'static str,
    },
}

const SIZE_ADVICE: &str =
    "make the sizes agree, so that neither side reads or writes past the other's end";

/// An operation that the kernel refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{map}: {operation} failed: {}", Reason { errno: *errno, cause, meaning })]
#[non_exhaustive]
pub struct KernelError {
    /// The map.
    pub map: Arc<MapLabel>,
    /// What was tried, with the kernel's name for it.
    pub operation: &'static str,
    errno: Errno,
    /// What this answer means for this operation on this kind of map, and what
    /// to do. Never empty. `Display` has the cause in its place, where that is
    /// known.
    pub meaning: &'static str,
    cause: Option<Cause>,
}

impl KernelError {
    pub(crate) fn new(
        map: &Arc<MapLabel>,
        operation: &'static str,
        errno: Errno,
        meaning: &'static str,
        cause: Option<Cause>,
    ) -> Self {
        Self { map: Arc::clone(map), operation, errno, meaning, cause }
    }

    /// That no more was wanted.
    pub(crate) fn was_to_read(&mut self) {
        if let Some(Cause::Permissions { to_read, .. }) = &mut self.cause {
            *to_read = true;
        }
    }

    /// Which of the causes that the answer may have it was, as far as a look at the
    /// map, the process and the kernel told; `None` when the answer has only one, or
    /// nothing told.
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// The text without the map and the operation.
    pub(crate) fn reason(&self) -> String {
        let Self { errno, cause, meaning, .. } = self;
        Reason { errno: *errno, cause, meaning }.to_string()
    }

    /// The kernel's answer, as an `errno`; 524 is the kernel's internal
    /// `ENOTSUPP`.
    pub fn errno(&self) -> i32 {
        self.errno.0
    }
}

struct Reason<'a> {
    errno: Errno,
    cause: &'a Option<Cause>,
    meaning: &'static str,
}

impl Display for Reason<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { errno, cause, meaning } = self;
        match cause {
            // Then it also says since when, and what to do without.
            Some(cause @ Cause::NoFeature(_)) => write!(f, "{errno}; {cause}: {meaning}"),
            Some(cause) => write!(f, "{errno}; {cause}"),
            None => write!(f, "{errno}; {meaning}"),
        }
    }
}

impl Error {
    /// The map that it is about, where it is about one.
    pub fn map(&self) -> Option<&MapLabel> {
        match self {
            Self::Mismatch(mismatches) => mismatches.subject().map(),
            Self::Btf { subject, .. } => subject.map(),
            Self::Kernel(error) => Some(&error.map),
            Self::MapType { map, .. }
            | Self::NotASection { map }
            | Self::Unlistable { map, .. }
            | Self::Untyped { map, .. }
            | Self::Uncountable { map, .. }
            | Self::OneOfSeveral { map }
            | Self::Size { map, .. }
            | Self::Unverifiable { map, .. }
            | Self::OtherObject { map, .. }
            | Self::Closed { map }
            | Self::NotAMap { map }
            | Self::OtherMap { map, .. }
            | Self::KeyExists { map }
            | Self::KeyMissing { map }
            | Self::Cpus { map, .. }
            | Self::Lengths { map, .. }
            | Self::OutOfRange { map, .. }
            | Self::PrefixTooLong { map, .. }
            | Self::Event { map, .. }
            | Self::ReadOnlyMemory { map }
            | Self::Full { map, .. } => Some(map),
            Self::Partial { error, .. } => error.map(),
            Self::UnknownVariable { map, .. } => map.as_deref(),
            Self::UnknownMap { .. }
            | Self::AmbiguousVariable { .. }
            | Self::NoMapType { .. }
            | Self::Object(_)
            | Self::Io { .. } => None,
        }
    }

    /// The same text as `Display`; a mismatch in colours when `stream` is a
    /// terminal that has them, and the environment does not say `NO_COLOR`.
    ///
    /// ```no_run
    /// # fn open() -> Result<(), bpfmap::Error> { Ok(()) }
    /// if let Err(error) = open() {
    ///     eprintln!("{}", error.for_stream(&std::io::stderr()));
    /// }
    /// ```
    pub fn for_stream(&self, stream: &impl IsTerminal) -> impl Display + '_ {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        ForStream { error: self, colors: stream.is_terminal() && !no_color && !is_dumb }
    }
}

struct ForStream<'a> {
    error: &'a Error,
    colors: bool,
}

impl Display for ForStream<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.error {
            Error::Mismatch(mismatches) if self.colors => mismatches.colored().fmt(f),
            error => error.fmt(f),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

struct TypeName<'a>(&'a Layout);

impl Display for TypeName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        crate::layout::TypeName(self.0).fmt(f)
    }
}

/// How many names are listed: more than most objects have.
const MAX_LISTED: usize = 64;

struct PlaceOf<'a>(&'a Option<Arc<MapLabel>>);

impl Display for PlaceOf<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(map) => map.fmt(f),
            None => f.write_str("the object"),
        }
    }
}

/// The name that was asked for, those that there are, and what they are names
/// of.
struct Known<'a>(&'a str, &'a [String], &'static str);

impl Display for Known<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let &Self(wanted, known, what) = self;
        let Some((first, rest)) = known.split_first() else {
            return write!(f, "it has no {what}");
        };
        if let Some(meant) = similar(wanted, known) {
            write!(f, "did you mean `{}`? ", meant.escape_debug())?;
        }
        write!(f, "there are `{}`", first.escape_debug())?;
        let (listed, more) = rest.split_at(rest.len().min(MAX_LISTED - 1));
        listed.iter().try_for_each(|name| write!(f, ", `{}`", name.escape_debug()))?;
        if more.is_empty() { Ok(()) } else { write!(f, " and {} more", more.len()) }
    }
}

/// What the maps of a loader are said to be in.
pub(crate) const LOADER: &str = "the loaded program";

/// Where a map may have gone that a loader had.
struct Taken<'a>(&'a str, &'a [String], &'static str);

impl Display for Taken<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let &Self(wanted, known, place) = self;
        if place != LOADER || similar(wanted, known).is_some() {
            return Ok(());
        }
        f.write_str(
            "; one that `take_map` has taken out of it is opened before that, or by its descriptor: \
             `from_fd(map_data.fd())`",
        )
    }
}

/// The name that is nearly the one that was asked for.
fn similar<'a>(wanted: &str, known: &'a [String]) -> Option<&'a str> {
    most_like(wanted, known.iter().take(MAX_LISTED).map(String::as_str))
}

/// The name that is nearly another one.
pub(crate) fn most_like<N: AsRef<str>>(wanted: &str, known: impl Iterator<Item = N>) -> Option<N> {
    /// How alike they are for a typing mistake, and not another name.
    const ALIKE: f64 = 0.85;
    let bare = |name: &str| name.trim_start_matches('.').to_owned();
    let wanted = bare(wanted);
    let known = known.map(|name| (strsim::jaro_winkler(&bare(name.as_ref()), &wanted), name));
    let best = known.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (best.0 >= ALIKE).then_some(best.1)
}

/// The types of maps that were tried, one after the other.
struct Tried<'a>(&'a [Candidate]);

impl Display for Tried<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.0.split_first() else {
            return f.write_str("none was named");
        };
        write!(f, "{first}")?;
        rest.iter().try_for_each(|next| write!(f, "; {next}"))
    }
}

/// The Rust type, with its parameters where these decide which maps it opens.
struct Wrapper<'a>(&'static str, &'a [MapType]);

impl Display for Wrapper<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let per_cpu = [MapType::PERCPU_HASH, MapType::PERCPU_ARRAY];
        let first = self.1.first().filter(|first| per_cpu.contains(first));
        f.write_str(first.and_then(|first| first.opened_as()).unwrap_or(self.0))
    }
}

/// What opens maps of a type.
struct OpenAs(MapType);

impl Display for OpenAs {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.opened_as() {
            Some(ty) => write!(f, "open it as `{ty}`, or "),
            None => Ok(()),
        }
    }
}

struct Types<'a>(&'a [MapType]);

impl Display for Types<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, map_type) in self.0.iter().enumerate() {
            let before = match index {
                0 => "",
                _ if index + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(f, "{before}{map_type}")?;
        }
        Ok(())
    }
}

struct WayOut<'a>(&'a MapLabel, &'a Unverifiable);

impl Display for WayOut<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.1 {
            Unverifiable::NotPermitted { .. } => {
                "  - hand in the object that the map was loaded from, which needs no privilege:\n      \
                 OpenOptions::new().object(&Object::parse(BYTES)?), and open it with these\n  \
                 - or give the process CAP_SYS_ADMIN"
            }
            Unverifiable::ProgramNotPermitted { .. } => {
                "  - hand in the object that the map was loaded from, which needs no privilege:\n      \
                 OpenOptions::new().object(&Object::parse(BYTES)?), and open it with these\n  \
                 - or give the process CAP_SYS_ADMIN"
            }
            Unverifiable::NoPlaceOfVariable => {
                "  - hand in the object that the map was loaded from:\n      \
                 OpenOptions::new().object(&Object::parse(BYTES)?), and open it with these"
            }
            Unverifiable::NoInnerMap => {
                "  - declare it with `__array(values, struct ...)` in section \".maps\""
            }
            Unverifiable::NoEventType => {
                "  - say which type of the program its events are of: \
                 OpenOptions::new().event(\"event\")"
            }
            Unverifiable::NoBtfForType { map_type: MapType::RINGBUF } => {
                "  - hand in the object that the map was loaded from:\n      \
                 OpenOptions::new().object(&Object::parse(BYTES)?), and open it with these\n  \
                 - or open it from its loader as CAP_SYS_ADMIN, with the program loaded"
            }
            Unverifiable::NoBtfForType { .. } => {
                "  - hand in the object that the map was loaded from:\n      \
                 OpenOptions::new().object(&Object::parse(BYTES)?), and open it with these\n  \
                 - or say which types of the program they are: OpenOptions::new().types(\"key\", \
                 \"value\"), with \"\" for a key that it has not"
            }
            // A section is not declared.
            Unverifiable::NoBtf if self.0.name.contains('.') => {
                "  - hand in the object that the map was loaded from:\n      \
                 OpenOptions::new().object(&Object::parse(BYTES)?), and open it with these"
            }
            Unverifiable::NoBtf => {
                "  - hand in the object that the map was loaded from:\n      \
                 OpenOptions::new().object(&Object::parse(BYTES)?), and open it with these\n  \
                 - or declare the map with `__type(key, ...)` and `__type(value, ...)` in section \
                 \".maps\", and compile with -g\n  \
                 - or say which types of the program they are: OpenOptions::new().types(\"key\", \"value\")"
            }
            Unverifiable::SizesInObject => {
                "  - declare it with `__type(key, ...)` and `__type(value, ...)` in section \
                 \".maps\", in place of key_size and value_size\n  \
                 - or say which of its types they are: OpenOptions::new().types(\"key\", \"value\")"
            }
        })?;
        // An object alone is checked in full or not at all, and a variable too.
        if self.0.id.is_none() || matches!(self.1, Unverifiable::NoPlaceOfVariable) {
            return Ok(());
        }
        f.write_str(
            "\n  - or accept a check of the sizes alone: OpenOptions::new().allow_sizes_only(true)",
        )
    }
}
