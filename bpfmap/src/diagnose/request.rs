//! What is asked, and what is known beforehand.

use std::path::Path;

use super::chain::{Chain, Next};
use super::diagnosis::{Diagnosis, Question};
use super::leaf::{self, KeyField};
use super::{copies, key, layout, locate};
use crate::Error;
use crate::layout::{BpfLayout, bytes_of};
use crate::maps::{AnyMap, HasOpen, Keyed, OpenMap, TypedMap};
use crate::object::Object;
use crate::open::OpenOptions;
use crate::verification::{MapLabel, Verification};

/// Why a lookup finds nothing: asks one question after the other, up to the
/// first whose answer is no.
///
/// Whether the map is loaded; whether the descriptor is still that of the map;
/// whether a program that is loaded uses this map, or another copy of it; whether
/// it is pinned where it should be; whether the types fit; whether the key is
/// there; and if not, whether a key is there that differs in padding, in byte
/// order or in one field. Nothing in the kernel is changed.
///
/// It takes as long as a walk over the map, and looks at no more entries than
/// [`look_at_most`](Self::look_at_most) says. To see which programs use the map
/// it needs `CAP_SYS_ADMIN`, `CAP_BPF` and `CAP_PERFMON`; without them that answer
/// is [`Answer::Unknown`](crate::diagnose::Answer::Unknown), and the next question is asked.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ebpf = aya::Ebpf::load(&[])?;
/// use bpfmap::diagnose::MapRef;
/// use bpfmap::{HashMap, Why};
///
/// let ports = HashMap::<u32, u64>::open(&ebpf, "ports")?;
/// if ports.get(&443)?.is_none() {
///     eprintln!("{}", ports.why(&443));
///     // With what is known beforehand:
///     let why = Why::new().program("count_ports").pin("/sys/fs/bpf/ports");
///     eprintln!("{}", why.ask(&ports, &443));
///     // Without an open map:
///     eprintln!("{}", why.ask_at::<HashMap<u32, u64>>(MapRef::Name("ports"), &443));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Why<'a> {
    pub(super) program: Option<ProgramRef<'a>>,
    pub(super) pin: Option<&'a Path>,
    pub(super) object: Option<&'a Object<'a>>,
    pub(super) limit: u64,
}

/// Which map is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapRef<'a> {
    /// The only one of that name, of which the kernel keeps 15 bytes.
    Name(&'a str),
    /// The one that is pinned there.
    Pin(&'a Path),
    /// The one of that id.
    Id(u32),
}

/// Which program is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProgramRef<'a> {
    Name(&'a str),
    Id(u32),
}

/// How many entries are looked at: about as many as a walk reads in a second.
const LIMIT: u64 = 1 << 22;

impl Default for Why<'_> {
    fn default() -> Self {
        Self { program: None, pin: None, object: None, limit: LIMIT }
    }
}

impl<'a> Why<'a> {
    /// Nothing is known beforehand: that a program that is loaded uses the map is
    /// asked, and not which.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of the program that should use the map; the kernel keeps 15 bytes
    /// of it. Of several of that name one is enough.
    pub fn program(self, name: &'a str) -> Self {
        Self { program: Some(ProgramRef::Name(name)), ..self }
    }

    /// The id of the program that should use the map.
    pub fn program_id(self, id: u32) -> Self {
        Self { program: Some(ProgramRef::Id(id)), ..self }
    }

    /// Where the map should be pinned.
    pub fn pin<P: AsRef<Path> + ?Sized>(self, path: &'a P) -> Self {
        Self { pin: Some(path.as_ref()), ..self }
    }

    /// The object from which the map should have been loaded.
    pub fn object(self, object: &'a Object<'a>) -> Self {
        Self { object: Some(object), ..self }
    }

    /// How many entries are looked at when the key is not there; 4194304 unless
    /// that is said.
    pub fn look_at_most(self, entries: u64) -> Self {
        Self { limit: entries, ..self }
    }

    /// Why a map that is open has nothing for a key.
    pub fn ask<M: Keyed>(&self, map: &M, key: &M::Key) -> Diagnosis {
        let open = map.open_map();
        let mut chain = Chain::new(MapLabel::clone(&open.label));
        self.typed::<M>(&mut chain, open, key);
        chain.diagnosis
    }

    /// As [`ask`](Self::ask), for a map that is yet to be found and opened.
    pub fn ask_at<M: Keyed>(&self, map: MapRef<'_>, key: &M::Key) -> Diagnosis {
        let mut chain = Chain::new(map.label());
        let Some(found) = locate::find(self, &mut chain, map) else { return chain.diagnosis };
        let mut options = OpenOptions::new().read_only(true);
        options.object = self.object;
        match options.from_fd::<M>(&found) {
            Ok(map) => self.typed::<M>(&mut chain, map.open_map(), key),
            // As the next best, its sizes.
            Err(Error::Unverifiable { .. }) => {
                match options.allow_sizes_only(true).from_fd::<M>(&found) {
                    Ok(map) => self.typed::<M>(&mut chain, map.open_map(), key),
                    Err(error) => self.refused(&mut chain, &found, error),
                }
            }
            Err(error) => self.refused(&mut chain, &found, error),
        }
        chain.diagnosis
    }

    /// Finds a map without a Rust type, for [`ask_any`](Self::ask_any).
    ///
    /// # Errors
    ///
    /// The diagnosis, when that is where it ends.
    pub fn find(&self, map: MapRef<'_>) -> Result<AnyMap, Box<Diagnosis>> {
        let mut chain = Chain::new(map.label());
        locate::find(self, &mut chain, map).ok_or_else(|| Box::new(chain.diagnosis))
    }

    /// What a key of a map consists of, by the BTF that the kernel keeps for it, or
    /// the [`object`](Self::object); all of its bytes in one when there is neither.
    pub fn fields(&self, map: &AnyMap) -> Vec<KeyField> {
        layout::fields(self, map.open_map())
    }

    /// As [`ask`](Self::ask), for a map without a Rust type: the fields of its key
    /// are those of its BTF. `key` is as long as the keys of the map, or the
    /// kernel is not asked for it.
    pub fn ask_any(&self, map: &AnyMap, key: &[u8]) -> Diagnosis {
        self.any(map, None, key)
    }

    /// As [`ask_any`](Self::ask_any), with the fields by which the key is compared and
    /// shown: those of [`fields`](Self::fields), with those of one of its
    /// [arms](KeyField::arms) in the place of a union, say.
    pub fn ask_any_by(&self, map: &AnyMap, fields: &[KeyField], key: &[u8]) -> Diagnosis {
        self.any(map, Some(fields), key)
    }

    fn any(&self, map: &AnyMap, fields: Option<&[KeyField]>, key: &[u8]) -> Diagnosis {
        let open = map.open_map();
        let mut chain = Chain::new(MapLabel::clone(&open.label));
        locate::loaded(&mut chain, open);
        if chain.alive(open).is_none() || self.around(&mut chain, open).is_none() {
            return chain.diagnosis;
        }
        let leaves = match layout::of_map(self, &mut chain, open) {
            Some(leaves) => leaves,
            None => return chain.diagnosis,
        };
        self.of_key(&mut chain, open, fields.unwrap_or(&leaves), key);
        chain.diagnosis
    }

    /// All questions about a map that is open.
    fn typed<M: Keyed>(&self, chain: &mut Chain, open: &OpenMap, key: &M::Key) {
        if self.before_the_key::<M>(chain, open).is_some() {
            let leaves = leaf::of_layout(<M::Key as BpfLayout>::LAYOUT);
            self.of_key(chain, open, &leaves, bytes_of(key));
        }
    }

    fn of_key(&self, chain: &mut Chain, open: &OpenMap, leaves: &[KeyField], key: &[u8]) {
        key::ask(self, chain, open, leaves, key);
        copies::note(chain, key);
    }

    /// All questions but the last.
    pub(super) fn before_the_key<M: TypedMap + HasOpen>(
        &self,
        chain: &mut Chain,
        open: &OpenMap,
    ) -> Next {
        chain.alive(open)?;
        self.around(chain, open)?;
        self.verified::<M>(chain, open)
    }

    /// What does not depend on the types of the map.
    fn around(&self, chain: &mut Chain, open: &OpenMap) -> Next {
        locate::used(self, chain, open.map.info())?;
        locate::pinned(self, chain, open.map.info())
    }

    /// Whether the types fit.
    fn verified<M: TypedMap + HasOpen>(&self, chain: &mut Chain, open: &OpenMap) -> Next {
        if let Verification::Verified { .. } = open.verification {
            return chain.holds(Question::Layout, open.verification.to_string());
        }
        // It was opened without, and may be compared now.
        let mut options = OpenOptions::new();
        options.object = self.object;
        options.name = Some(&open.label.name);
        match options.from_fd::<M>(open.map.fd()) {
            Ok(map) => chain.holds(Question::Layout, map.open_map().verification.to_string()),
            Err(Error::Unverifiable { .. }) => {
                chain.unknown(Question::Layout, open.verification.to_string())
            }
            Err(error) => layout::refused(chain, error),
        }
    }

    /// A map that does not open as what it should be.
    fn refused(&self, chain: &mut Chain, found: &AnyMap, error: Error) {
        if self.around(chain, found.open_map()).is_some() {
            layout::refused(chain, error);
        }
    }
}

impl MapRef<'_> {
    fn label(self) -> MapLabel {
        match self {
            Self::Name(name) => MapLabel { name: name.into(), ..MapLabel::default() },
            Self::Pin(path) => MapLabel { pin: Some(path.into()), ..MapLabel::default() },
            Self::Id(id) => MapLabel { id: Some(id), ..MapLabel::default() },
        }
    }
}
