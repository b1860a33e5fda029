//! What can be wrong with BTF.

use std::fmt::{self, Display, Formatter};

use super::Printable;
use crate::verification::BtfSource;

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
    #[error("no type `{}` in {}", Printable(.name), Instead(.name, .meant.as_deref(), *.source_of_btf))]
    NoSuchType {
        /// The name that was asked for.
        name: String,
        /// One that there is, and that is nearly the same.
        meant: Option<Box<str>>,
        /// Whose types they are.
        source_of_btf: BtfSource,
    },
}

/// The types that there are, and what to do when the one that was asked for is none
/// of them.
struct Instead<'a>(&'a str, Option<&'a str>, BtfSource);

impl Display for Instead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let &Self(name, meant, source) = self;
        let is_kernel = source == BtfSource::Vmlinux;
        f.write_str(if is_kernel { "the kernel's BTF" } else { "this BTF" })?;
        match meant {
            Some(meant) => write!(f, ": did you mean `{}`?", Printable(meant)),
            None if is_kernel => f.write_str(
                "; the types of a module that is loaded are in the BTF of the module, and what the \
                 kernel was built without is in neither",
            ),
            None => write!(
                f,
                "; compilers leave out one that only the inside of functions uses, and a global \
                 variable keeps it: `const struct {0} *unused_{0} __attribute__((unused));`",
                Printable(name)
            ),
        }
    }
}
