//! What can be wrong with BTF.

use std::fmt::{self, Display, Formatter};

use super::Printable;

/// Why bytes cannot be read as BTF, or a type in them not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BtfError {
    /// The bytes do not begin with BTF's magic number.
    #[error("not BTF: it begins with {found:#06x}, BTF with 0xeb9f")]
    NotBtf {
        /// What they begin with.
        found: u16,
    },
    /// BTF of a version that nobody has defined yet.
    #[error("BTF of version {found}; known is version 1")]
    Version {
        /// The version that it gives.
        found: u8,
    },
    /// A kind of type that is newer than this crate.
    #[error(
        "BTF type {id} is of kind {kind}, which this version of bpfmap does not know; a newer one may"
    )]
    UnknownKind {
        /// The id of the type.
        id: u32,
        /// Its kind.
        kind: u32,
    },
    /// The bytes contradict themselves.
    #[error("malformed BTF at byte {at}: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
        /// Where, from the beginning of the BTF.
        at: usize,
    },
    /// A chain of types that is longer than any compiler emits, or circular.
    #[error("BTF type {id} is nested too deeply, or contains itself")]
    TooDeep {
        /// The id at which reading was given up.
        id: u32,
    },
    /// A struct of more members than can be compared in reasonable time.
    #[error("BTF type {id} has more members than bpfmap compares ({limit})")]
    TooLarge {
        /// The id of the struct or union.
        id: u32,
        /// How many members may be compared.
        limit: usize,
    },
    /// The BTF declares the type without saying what it consists of.
    #[error(
        "`{0}` is only declared, not defined, in this BTF: compilers leave out the members of what is \
         used through pointers alone, and of what the maps in a map hold; a global variable keeps \
         them: `const {0} *unused __attribute__((unused));`",
        Printable(.name)
    )]
    Incomplete {
        /// The type, as C spells it.
        name: String,
    },
    /// There is no type of that name.
    #[error(
        "no type `{0}` in this BTF{1} leave out one that only the inside of functions uses, and a \
         global variable keeps it: `const struct {0} *unused_{0} __attribute__((unused));`",
        Printable(.name), Meant(.meant.as_deref())
    )]
    NoSuchType {
        /// The name that was asked for.
        name: String,
        /// One that there is, and that is nearly the same.
        meant: Option<Box<str>>,
    },
}

struct Meant<'a>(Option<&'a str>);

impl Display for Meant<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, ": did you mean `{}`? Compilers", Printable(name)),
            None => f.write_str("; compilers"),
        }
    }
}
