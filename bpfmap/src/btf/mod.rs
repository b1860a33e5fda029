//! A reader of BTF: bytes in, types out.
//!
//! Nothing is copied: a type is decoded from the bytes each time it is asked
//! for, and only where each type begins is kept. The bytes may come from
//! anybody, so every offset is checked before it is followed, every chain of
//! types has a limit, and nothing panics.
//!
//! The format is that of the kernel's `include/uapi/linux/btf.h` and
//! `Documentation/bpf/btf.rst`.

mod bytes;
mod draw;
mod error;
mod header;
mod name;
mod read;
mod resolve;
mod section;
mod table;
mod types;
mod view;

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, Range};

pub use error::BtfError;
pub(crate) use name::{Printable, TypeName};
pub(crate) use read::Endian;
pub(crate) use resolve::{FIRST_FIELD, Order, Peeled};
pub(crate) use section::{Placement, Section};
pub use table::{BtfRow, BtfRowKind, BtfTable};
pub(crate) use types::{Composite, Enumerators, Int, Linkage, Member, Type, TypeId};
pub use view::{BtfKind, BtfMember, BtfType};

use crate::verification::BtfSource;
use bytes::Bytes;
use header::Header;
use types::Head;

/// Type information, as a BPF object's `.BTF` section or the kernel holds it.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bpfmap::{BpfMapValue, Btf};
///
/// #[derive(BpfMapValue, Clone, Copy)]
/// #[repr(C)]
/// struct ListHead {
///     #[bpf(pointer)]
///     first: u64,
/// }
///
/// Btf::vmlinux()?.check::<ListHead>("hlist_head")?;
/// # Ok(())
/// # }
/// ```
pub struct Btf<'a> {
    data: Bytes<'a>,
    endian: Endian,
    strings: Range<usize>,
    /// Where the type of id n + 1 begins in `data`; id 0 is void.
    types: Vec<u32>,
    /// Whose types they are.
    source: BtfSource,
    /// The BTF that this one goes on from.
    base: Option<&'a Btf<'a>>,
    /// Of the sections of an object.
    placement: Placement,
}

/// How much of a name is kept, in bytes: as much as the kernel allows
/// (`KSYM_NAME_LEN`). Thousands of members may share one, so a long one would
/// cost far more than the bytes that it is read from.
pub(crate) const MAX_NAME: usize = 512;

/// Stands for a name that cannot be one in Rust.
pub(crate) const NOT_UTF_8: &str = "(not UTF-8)";

impl<'a> Btf<'a> {
    /// Reads the header and finds the types.
    ///
    /// # Errors
    ///
    /// When the bytes are not BTF, when a section or a type reaches past their
    /// end, or when a type is of a kind that is newer than this crate.
    pub fn parse(data: impl Into<Cow<'a, [u8]>>) -> Result<Self, BtfError> {
        Self::read(data.into().into(), None)
    }

    /// As [`parse`](Self::parse), for split BTF: that of a module, which goes on
    /// from the kernel's own. Its ids and names follow those of `base`.
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse), and when the byte order is another than
    /// that of the base.
    pub fn parse_split(
        data: impl Into<Cow<'a, [u8]>>,
        base: &'a Btf<'a>,
    ) -> Result<Self, BtfError> {
        Self::read(data.into().into(), Some(base))
    }

    /// As [`parse`](Self::parse), for bytes that are mapped into memory.
    pub(crate) fn parse_mapped(
        data: impl Deref<Target = [u8]> + Send + Sync + 'static,
    ) -> Result<Self, BtfError> {
        Self::read(Bytes::Mapped(Box::new(data)), None)
    }

    fn read(data: Bytes<'a>, base: Option<&'a Btf<'a>>) -> Result<Self, BtfError> {
        let Header { endian, types, strings, layouts } = Header::parse(&data, base.is_some())?;
        if base.is_some_and(|base| base.endian != endian) {
            let what = "its byte order is not that of its base";
            return Err(BtfError::Malformed { what, at: 0 });
        }
        let first = base.map_or(0, Btf::count) + 1;
        let described = &data[layouts];
        let types = types::index(&data[..types.end], types.start, described, endian, first)?;
        let (source, placement) = (BtfSource::Bytes, Placement::default());
        Ok(Self { data, endian, strings, types, source, base, placement })
    }

    /// How many types there are, those of the base included.
    fn count(&self) -> u32 {
        let own = u32::try_from(self.types.len()).unwrap_or(u32::MAX);
        self.base.map_or(0, Btf::count).saturating_add(own)
    }

    /// The byte order of the machine whose types they are.
    pub(crate) fn endian(&self) -> Endian {
        self.endian
    }

    /// How long the string table is, that of the base included.
    fn strings_len(&self) -> usize {
        self.base.map_or(0, Btf::strings_len) + self.strings.len()
    }

    /// Says whose types they are, for messages.
    pub(crate) fn with_source(self, source: BtfSource) -> Self {
        Self { source, ..self }
    }

    pub(crate) fn source(&self) -> BtfSource {
        self.source
    }

    /// The string at `offset` of the string table, or the beginning of a long
    /// one; empty for a type without a name.
    ///
    /// No compiler writes one that is not UTF-8. Thousands of members may have
    /// one, so it is not copied to make it readable.
    pub(crate) fn string(&self, offset: u32) -> Result<Cow<'_, str>, BtfError> {
        let rest = self.strings_from(offset);
        if rest.is_empty() {
            return Err(BtfError::Malformed {
                what: "a name lies outside of the string table",
                at: self.strings.end,
            });
        }
        let bytes = &rest[..rest.len().min(MAX_NAME)];
        let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
        Ok(match std::str::from_utf8(&bytes[..end]) {
            Ok(name) => name,
            // Cut off in the middle of a character.
            Err(error) if end == MAX_NAME && error.error_len().is_none() => {
                std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(NOT_UTF_8)
            }
            Err(_) => NOT_UTF_8,
        }
        .into())
    }

    /// Whether that is the name at `offset`. Reads no more of it than that.
    pub(crate) fn is_named(&self, offset: u32, name: &str) -> bool {
        let rest = self.strings_from(offset).strip_prefix(name.as_bytes());
        rest.is_some_and(|rest| rest.starts_with(&[0]))
    }

    /// The string at `offset` when it is no longer than `max` bytes.
    fn beginning_of_string(&self, offset: u32, max: usize) -> Option<&[u8]> {
        let rest = self.strings_from(offset);
        let beginning = rest.get(..=max).unwrap_or(rest);
        beginning.iter().position(|byte| *byte == 0).map(|end| &beginning[..end])
    }

    #[inline]
    fn strings_from(&self, offset: u32) -> &[u8] {
        let Some(_) = self.base else {
            return self.data[self.strings.clone()].get(offset as usize..).unwrap_or_default();
        };
        let before = self.base.map_or(0, Btf::strings_len);
        match ((offset as usize).checked_sub(before), self.base) {
            (None, Some(base)) => base.strings_from(offset),
            (own, _) => {
                let table = &self.data[self.strings.clone()];
                own.and_then(|own| table.get(own..)).unwrap_or_default()
            }
        }
    }

    /// A number of a section that goes with it, in its byte order.
    pub(crate) fn word(&self, section: &[u8], at: usize) -> Option<u32> {
        self.endian.u32(section, at)
    }

    pub(crate) fn is_little_endian(&self) -> bool {
        self.endian == Endian::Little
    }

    /// Where the type of that id begins, in the bytes that it is in.
    pub(crate) fn place_of(&self, id: TypeId) -> usize {
        match (id.checked_sub(self.first()), self.base) {
            (None, Some(base)) => base.place_of(id),
            (own, _) => {
                let at = own.and_then(|own| self.types.get(own as usize));
                at.map_or(0, |at| *at as usize)
            }
        }
    }

    /// The first id that is not of the base.
    #[inline]
    fn first(&self) -> TypeId {
        self.base.map_or(0, Btf::count).saturating_add(1)
    }

    /// The type of that id.
    pub(crate) fn type_by_id(&self, id: TypeId) -> Result<Type<'_>, BtfError> {
        if id == 0 {
            return Ok(Type::Void);
        }
        let (btf, head) = self.head(id)?;
        Type::decode(btf, id, head)
    }

    /// The beginning of a type that is not void, and the BTF that it is in.
    #[inline]
    fn head(&self, id: TypeId) -> Result<(&Btf<'_>, Head), BtfError> {
        let own = match (id.checked_sub(self.first()), self.base) {
            (None, Some(base)) => return base.head(id),
            (own, _) => own,
        };
        let at = own.and_then(|own| self.types.get(own as usize)).map(|at| *at as usize);
        let head = at.and_then(|at| Head::read(&self.data, at, self.endian));
        match head {
            Some(head) => Ok((self, head)),
            None => Err(self.no_such_id()),
        }
    }

    #[cold]
    fn no_such_id(&self) -> BtfError {
        BtfError::Malformed {
            what: "a type refers to an id that does not exist",
            at: self.strings.start,
        }
    }

    /// The ids of all types that are not of the base.
    pub(super) fn ids(&self) -> impl Iterator<Item = TypeId> + use<> {
        self.first()..=self.count()
    }

    /// The first type of that name that `wanted` accepts; one of the base only
    /// when there is no other.
    pub(crate) fn find(
        &self,
        name: &str,
        wanted: impl Fn(&Type<'_>) -> bool,
    ) -> Result<Option<TypeId>, BtfError> {
        self.find_with(name, &wanted)
    }

    /// All offsets at which the name stands, of the base's string table too;
    /// one name may be the end of another.
    fn places_of_name(&self, name: &str) -> Vec<u32> {
        let mut places = self.base.map_or_else(Vec::new, |base| base.places_of_name(name));
        let before = self.base.map_or(0, Btf::strings_len);
        let wanted = [name.as_bytes(), b"\0"].concat();
        let own = memchr::memmem::find_iter(&self.data[self.strings.clone()], &wanted);
        places.extend(own.filter_map(|at| u32::try_from(before + at).ok()));
        places
    }

    fn find_with(
        &self,
        name: &str,
        wanted: &dyn Fn(&Type<'_>) -> bool,
    ) -> Result<Option<TypeId>, BtfError> {
        if name.is_empty() {
            // Anonymous types have no name to be found by.
            return Ok(None);
        }
        // Where the name is in the string table is looked up once, and then
        // compared as a number: strings all over the table would be slow.
        let places = self.places_of_name(name);
        if !places.is_empty() {
            let has_name = |offset| match places.as_slice() {
                [only] => offset == *only,
                several => several.binary_search(&offset).is_ok(),
            };
            let data = &*self.data;
            for (id, at) in self.ids().zip(&self.types) {
                if !self.endian.u32(data, *at as usize).is_some_and(has_name) {
                    continue;
                }
                let ty = match self.type_by_id(id) {
                    // Whatever it is, it is not what is looked for.
                    Err(BtfError::UnknownKind { .. }) => continue,
                    ty => ty?,
                };
                if ty.name().is_some_and(has_name) && wanted(&ty) {
                    return Ok(Some(id));
                }
            }
        }
        match self.base {
            Some(base) => base.find_with(name, wanted),
            None => Ok(None),
        }
    }
}

impl fmt::Debug for Btf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Btf")
            .field("bytes", &self.data.len())
            .field("endian", &self.endian)
            .field("types", &self.types.len())
            .finish()
    }
}
