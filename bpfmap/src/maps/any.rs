//! A map without Rust types: bytes.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use super::census::uncountable;
use super::failure::Operation;
use super::walk::Walk;
use super::{Counter, Occupancy, OpenMap};
use crate::Error;
use crate::map_type::MapType;
use crate::object::Object;
use crate::open::format::unlistable;
use crate::open::{EntryFormat, MapTypes, handle, kernel_types};
use crate::sys::{self, Errno};
use crate::verification::{MapLabel, Unverifiable, Verification};

/// An open map whose keys and values are bytes: for programs that show any map.
///
/// Nothing is compared when it opens, and it cannot be written to. For the map of
/// a program that you know there are [`HashMap`](crate::HashMap) and the others.
///
/// ```no_run
/// # fn main() -> Result<(), bpfmap::Error> {
/// let map = bpfmap::AnyMap::from_pin("/sys/fs/bpf/flows")?;
/// let mut entries = map.entries();
/// while let Some(entry) = entries.next_entry() {
///     let (key, value) = entry?;
///     println!("{key:02x?} {value:02x?}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AnyMap {
    open: OpenMap,
}

impl AnyMap {
    /// Opens a map that is pinned in a bpffs, for reading.
    ///
    /// # Errors
    ///
    /// As for [`OpenOptions::from_pin`](crate::OpenOptions::from_pin), when there is
    /// no map.
    pub fn from_pin(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let label = MapLabel { name, pin: Some(path.into()), ..MapLabel::default() };
        Self::of(handle::by_pin(path, &label, true)?, label)
    }

    /// Opens the map of that id, for reading.
    ///
    /// # Errors
    ///
    /// As for [`OpenOptions::from_id`](crate::OpenOptions::from_id), when there is
    /// no map.
    pub fn from_id(id: u32) -> Result<Self, Error> {
        let label = MapLabel { id: Some(id), ..MapLabel::default() };
        Self::of(handle::by_id(id, &label, true)?, label)
    }

    /// Opens the map of a descriptor, of which it makes its own duplicate.
    ///
    /// # Errors
    ///
    /// As for [`OpenOptions::from_fd`](crate::OpenOptions::from_fd), when it is not
    /// one of a map.
    pub fn from_fd(fd: impl AsFd) -> Result<Self, Error> {
        let label = MapLabel::default();
        Self::of(handle::by_fd(fd.as_fd(), &label)?, label)
    }

    pub(crate) fn from_owned(fd: OwnedFd) -> Result<Self, Error> {
        Self::of(fd, MapLabel::default())
    }

    fn of(fd: OwnedFd, label: MapLabel) -> Result<Self, Error> {
        let (map, label) = handle::described(fd, label)?;
        if sys::is_map(map.fd().as_fd()) == Some(false) {
            return Err(handle::not_a_map(&label));
        }
        let label = Arc::new(label);
        let map_type = MapType::from_raw(map.info().map_type);
        let verification =
            Verification::SizesOnly { reason: Unverifiable::NoBtfForType { map_type } };
        Ok(Self {
            open: OpenMap {
                btf: None,
                map,
                label,
                verification,
                at: 0,
                counter: Counter::default(),
            },
        })
    }

    /// The name that the kernel keeps, of at most 15 bytes, by whatever way it was
    /// opened; that of the pin for a map without one.
    pub fn name(&self) -> &str {
        match &*self.open.map.info().name {
            "" => &self.open.label.name,
            name => name,
        }
    }

    /// How messages name it.
    pub fn label(&self) -> &Arc<MapLabel> {
        &self.open.label
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.open.map.info().id
    }

    /// Its type.
    pub fn map_type(&self) -> MapType {
        MapType::from_raw(self.open.map.info().map_type)
    }

    /// The size of a key, in bytes.
    pub fn key_size(&self) -> u32 {
        self.open.map.info().key_size
    }

    /// The size of a value, in bytes; that of one CPU for a map of a per-CPU type.
    pub fn value_size(&self) -> u32 {
        self.open.map.info().value_size
    }

    /// How many entries it can hold.
    pub fn max_entries(&self) -> u32 {
        self.open.map.info().max_entries
    }

    /// The flags with which it was made.
    pub fn map_flags(&self) -> u32 {
        self.open.map.info().map_flags
    }

    /// For how many CPUs there is a value; `None` for a map whose type has one for
    /// all. The values of an entry are one behind the other, each padded to 8 bytes.
    pub fn cpus(&self) -> Option<usize> {
        let stride = self.stride();
        self.map_type().is_per_cpu().then(|| self.open.map.value_len() / stride)
    }

    /// The values of an entry, one for each possible CPU; for a map whose type has
    /// one for all that one.
    pub fn values<'v>(&self, value: &'v [u8]) -> impl Iterator<Item = &'v [u8]> {
        let (size, stride) = (self.value_size() as usize, self.stride());
        let stride = if self.map_type().is_per_cpu() { stride } else { value.len().max(1) };
        value.chunks(stride).map(move |slot| slot.get(..size).unwrap_or(slot))
    }

    /// Whether it always has [`max_entries`](Self::max_entries), as arrays have.
    pub fn has_all_entries(&self) -> bool {
        matches!(self.map_type(), MapType::ARRAY | MapType::PERCPU_ARRAY)
    }

    fn stride(&self) -> usize {
        (self.value_size() as usize).next_multiple_of(8).max(1)
    }

    /// How its entries are read: the types of its key and its value, from the
    /// kernel's BTF of the map, or else from that of a program that uses it.
    ///
    /// Needs `CAP_SYS_ADMIN` for the BTF. Without, and where there is none, the
    /// entries are read as bytes, and [`EntryFormat::reason`] says why.
    ///
    /// # Errors
    ///
    /// [`Error::Btf`] when the BTF cannot be read; [`Error::Kernel`] when the kernel
    /// refuses it for another reason.
    pub fn format(&self) -> Result<EntryFormat, Error> {
        EntryFormat::of(self.open.map.info(), &self.open.label, None, None)
    }

    /// The types of its key and its value, from the kernel's BTF of the map, or else
    /// from that of a program that uses it. Needs `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    ///
    /// [`Error::Untyped`] when nothing in the kernel has them, or they may not be
    /// read; as for [`format`](Self::format).
    pub fn types(&self) -> Result<MapTypes, Error> {
        let (types, reason) = kernel_types(self.open.map.info(), self.label())?;
        types.ok_or_else(|| Error::Untyped {
            map: Arc::clone(self.label()),
            reason: reason.unwrap_or(Unverifiable::NoBtf),
        })
    }

    /// As [`format`](Self::format), as an object declares the map. `name` is its name
    /// there, for one that the kernel has cut off.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMap`] when the object has no such map;
    /// [`Error::OtherObject`] when its sizes there or its type are others.
    pub fn format_in(&self, object: &Object<'_>, name: Option<&str>) -> Result<EntryFormat, Error> {
        EntryFormat::of(self.open.map.info(), &self.open.label, Some(object), name)
    }

    /// Whether its entries can be listed.
    ///
    /// # Errors
    ///
    /// [`Error::Unlistable`] when they cannot.
    pub fn check_listable(&self) -> Result<(), Error> {
        unlistable(&self.open.map, &self.open.label).map_or(Ok(()), Err)
    }

    /// How many entries there are, and how many there can be; of an array of maps,
    /// how many of its slots hold one.
    ///
    /// One call where the kernel keeps the number, since Linux 6.6, which needs
    /// `CAP_BPF`; else a walk over the map.
    ///
    /// # Errors
    ///
    /// [`Error::Uncountable`] for a map of which it cannot be said, such as an array;
    /// [`Error::Kernel`] when the kernel refuses it, also when a walk over a map of
    /// another type than the hash types was disturbed too often.
    pub fn occupancy(&self) -> Result<Occupancy, Error> {
        self.check_countable()?;
        self.open.occupancy()
    }

    /// Whether it can be said how full it is.
    ///
    /// # Errors
    ///
    /// [`Error::Uncountable`] when it cannot.
    pub fn check_countable(&self) -> Result<(), Error> {
        let map_type = self.map_type();
        let refused =
            |why| Err(Error::Uncountable { map: Arc::clone(self.label()), map_type, why });
        uncountable(map_type).map_or(Ok(()), refused)
    }

    /// All entries, by batches where the kernel has them, since Linux 5.6.
    ///
    /// Those of a map that [cannot be listed](Self::check_listable) begin and end with
    /// that error.
    pub fn entries(&self) -> RawEntries<'_> {
        self.open.entries()
    }

    pub(crate) fn open_map(&self) -> &OpenMap {
        &self.open
    }
}

impl OpenMap {
    /// All entries, as bytes.
    pub(crate) fn entries(&self) -> RawEntries<'_> {
        let refused = unlistable(&self.map, &self.label);
        // In batches, older kernels stop where there is none.
        let walk = match MapType::from_raw(self.map.info().map_type).holds_ids() {
            true => Walk::by_key(self),
            false => Walk::new(self),
        };
        RawEntries { walk, refused, ended: false }
    }

    /// The bytes of the value of a key; `None` when the key is not there.
    pub(crate) fn value_of(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let mut value = vec![0; self.map.value_len()];
        match self.map.lookup(key, &mut value) {
            Ok(()) => Ok(Some(value)),
            Err(Errno(libc::ENOENT)) => Ok(None),
            Err(errno) => Err(self.failure(Operation::Get, errno)),
        }
    }
}

impl AsFd for AnyMap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.open.map.fd().as_fd()
    }
}

/// All entries of an [`AnyMap`], as bytes.
#[derive(Debug)]
pub struct RawEntries<'a> {
    walk: Walk<'a>,
    refused: Option<Error>,
    ended: bool,
}

impl RawEntries<'_> {
    /// The next key and value; `None` at the end. For a map of a per-CPU type the
    /// value is one for each possible CPU, each padded to 8 bytes.
    ///
    /// They are valid until the next call, as they are not copied.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it; then this was the last.
    #[allow(clippy::type_complexity, reason = "a key and a value")]
    pub fn next_entry(&mut self) -> Option<Result<(&[u8], &[u8]), Error>> {
        if self.ended {
            return None;
        }
        if let Some(error) = self.refused.take() {
            self.ended = true;
            return Some(Err(error));
        }
        self.walk.next()
    }
}
