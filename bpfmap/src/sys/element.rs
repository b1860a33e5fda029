//! Operations on the entries of a map.

use std::os::fd::{AsFd, OwnedFd};

use aya_obj::generated::{BPF_ANY, BPF_EXIST, BPF_NOEXIST, bpf_attr, bpf_cmd};

use crate::map_type::MapType;

use super::cpus::possible;
use super::info::map_info;
use super::{Errno, MapInfo, attributes, bpf, number};

/// An open map, with the sizes that the kernel gave for it. They never change
/// for a map, so a buffer that was compared with them once is long enough.
#[derive(Debug)]
pub(crate) struct Map {
    fd: OwnedFd,
    info: MapInfo,
    value_len: usize,
}

/// Under which condition an entry is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    /// Always: `BPF_ANY`.
    Any,
    /// When the key is not there yet: `BPF_NOEXIST`.
    New,
    /// When the key is there: `BPF_EXIST`.
    Existing,
}

/// A part of a walk over all entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// How many entries were written to the buffers.
    pub(crate) count: usize,
    /// Whether there are no more.
    pub(crate) done: bool,
}

impl Map {
    /// Takes a descriptor and asks the kernel what it is.
    pub(crate) fn new(fd: OwnedFd) -> Result<Self, (Errno, OwnedFd)> {
        let sizes = map_info(fd.as_fd()).and_then(|info| Ok((value_len(&info)?, info)));
        match sizes {
            Ok((value_len, info)) => Ok(Self { fd, info, value_len }),
            Err(errno) => Err((errno, fd)),
        }
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    pub(crate) fn info(&self) -> &MapInfo {
        &self.info
    }

    /// How long a key is, in bytes.
    pub(crate) fn key_len(&self) -> usize {
        self.info.key_size as usize
    }

    /// How many bytes the kernel reads and writes for a value.
    pub(crate) fn value_len(&self) -> usize {
        self.value_len
    }

    /// Reads the value of `key`: `BPF_MAP_LOOKUP_ELEM`, since Linux 3.19.
    pub(crate) fn lookup(&self, key: &[u8], value: &mut [u8]) -> Result<(), Errno> {
        let mut attr = self.element(key);
        attr.__bindgen_anon_2.__bindgen_anon_1.value = self.value_mut(value);
        // SAFETY: key and value are as long as the map's, see `element` and
        // `value_mut`.
        unsafe { bpf(bpf_cmd::BPF_MAP_LOOKUP_ELEM, &mut attr) }.map(drop)
    }

    /// Reads and removes: `BPF_MAP_LOOKUP_AND_DELETE_ELEM`; on hash maps since
    /// Linux 5.14.
    pub(crate) fn lookup_and_delete(&self, key: &[u8], value: &mut [u8]) -> Result<(), Errno> {
        let mut attr = self.element(key);
        attr.__bindgen_anon_2.__bindgen_anon_1.value = self.value_mut(value);
        // SAFETY: key and value are as long as the map's, see `element` and
        // `value_mut`.
        unsafe { bpf(bpf_cmd::BPF_MAP_LOOKUP_AND_DELETE_ELEM, &mut attr) }.map(drop)
    }

    /// Writes an entry: `BPF_MAP_UPDATE_ELEM`, since Linux 3.19.
    pub(crate) fn update(&self, key: &[u8], value: &[u8], update: Update) -> Result<(), Errno> {
        assert_eq!(value.len(), self.value_len(), "the gate compared the sizes");
        let mut attr = self.element(key);
        attr.__bindgen_anon_2.__bindgen_anon_1.value = value.as_ptr().expose_provenance() as u64;
        attr.__bindgen_anon_2.flags = u64::from(match update {
            Update::Any => BPF_ANY,
            Update::New => BPF_NOEXIST,
            Update::Existing => BPF_EXIST,
        });
        // SAFETY: key and value are as long as the map's, see `element` and
        // the assertion.
        unsafe { bpf(bpf_cmd::BPF_MAP_UPDATE_ELEM, &mut attr) }.map(drop)
    }

    /// Removes an entry: `BPF_MAP_DELETE_ELEM`, since Linux 3.19.
    pub(crate) fn delete(&self, key: &[u8]) -> Result<(), Errno> {
        let mut attr = self.element(key);
        // SAFETY: the key is as long as the map's, see `element`.
        unsafe { bpf(bpf_cmd::BPF_MAP_DELETE_ELEM, &mut attr) }.map(drop)
    }

    /// Reads the key after `key`, or the first one: `BPF_MAP_GET_NEXT_KEY`,
    /// since Linux 3.19 (`None` since 4.12). `ENOENT` is the end.
    pub(crate) fn next_key(&self, key: Option<&[u8]>, next: &mut [u8]) -> Result<(), Errno> {
        assert_eq!(next.len(), self.key_len(), "a key is as long as the map's");
        let mut attr = match key {
            Some(key) => self.element(key),
            None => self.request(),
        };
        attr.__bindgen_anon_2.__bindgen_anon_1.next_key =
            next.as_mut_ptr().expose_provenance() as u64;
        // SAFETY: both keys are as long as the map's, see `element` and the
        // assertion.
        unsafe { bpf(bpf_cmd::BPF_MAP_GET_NEXT_KEY, &mut attr) }.map(drop)
    }

    /// Reads up to `count` entries from where `cursor` is:
    /// `BPF_MAP_LOOKUP_BATCH`, on hash maps since Linux 5.6.
    ///
    /// `cursor` is empty at the beginning of a walk. `ENOSPC` is a buffer that
    /// is smaller than one bucket of the map.
    pub(crate) fn lookup_batch(
        &self,
        cursor: &mut Cursor,
        keys: &mut [u8],
        values: &mut [u8],
        count: usize,
    ) -> Result<Batch, Errno> {
        let fits = |buffer: &[u8], len: usize| len.checked_mul(count) == Some(buffer.len());
        assert!(fits(keys, self.key_len()), "a buffer holds `count` keys");
        assert!(fits(values, self.value_len()), "a buffer holds `count` values");
        let mut next = vec![0; self.cursor_len()];
        let mut attr = attributes();
        attr.batch.map_fd = number(self.fd.as_fd());
        attr.batch.in_batch = match cursor {
            Cursor::Start => 0,
            Cursor::At(at) => at.as_ptr().expose_provenance() as u64,
        };
        attr.batch.out_batch = next.as_mut_ptr().expose_provenance() as u64;
        attr.batch.keys = keys.as_mut_ptr().expose_provenance() as u64;
        attr.batch.values = values.as_mut_ptr().expose_provenance() as u64;
        attr.batch.count = u32::try_from(count).unwrap_or(u32::MAX);
        // SAFETY: the buffers hold `count` keys and values (asserted above);
        // both cursors are as long as the kernel wants them, see `cursor_len`.
        let answer = unsafe { bpf(bpf_cmd::BPF_MAP_LOOKUP_BATCH, &mut attr) };
        // SAFETY: `batch` is what was set above; the kernel wrote its count.
        let count = unsafe { attr.batch.count } as usize;
        match answer {
            Ok(_) => {
                *cursor = Cursor::At(next);
                Ok(Batch { count, done: false })
            }
            // The end is an error that comes with entries.
            Err(Errno(libc::ENOENT)) => Ok(Batch { count, done: true }),
            Err(errno) => Err(errno),
        }
    }

    /// A hash map's cursor is a u32, the other types' is a key.
    fn cursor_len(&self) -> usize {
        self.key_len().max(4)
    }

    fn request(&self) -> bpf_attr {
        let mut attr = attributes();
        attr.__bindgen_anon_2.map_fd = number(self.fd.as_fd());
        attr
    }

    fn element(&self, key: &[u8]) -> bpf_attr {
        assert_eq!(key.len(), self.key_len(), "the gate compared the sizes");
        let mut attr = self.request();
        // The kernel wants none where a map has no keys.
        if !key.is_empty() {
            attr.__bindgen_anon_2.key = key.as_ptr().expose_provenance() as u64;
        }
        attr
    }

    fn value_mut(&self, value: &mut [u8]) -> u64 {
        assert_eq!(value.len(), self.value_len(), "the gate compared the sizes");
        value.as_mut_ptr().expose_provenance() as u64
    }
}

/// How many bytes the kernel reads and writes for a value: a per-CPU map has
/// one for each CPU, padded to 8 bytes.
fn value_len(info: &MapInfo) -> Result<usize, Errno> {
    let size = info.value_size as usize;
    match MapType::from_raw(info.map_type) {
        MapType::PERCPU_HASH
        | MapType::PERCPU_ARRAY
        | MapType::LRU_PERCPU_HASH
        | MapType::PERCPU_CGROUP_STORAGE => {
            let cpus =
                possible().map_err(|error| Errno(error.raw_os_error().unwrap_or(libc::EIO)))?;
            size.next_multiple_of(8).checked_mul(cpus).ok_or(Errno(libc::EOVERFLOW))
        }
        _ => Ok(size),
    }
}

/// Where a walk by batches is.
#[derive(Clone, Debug)]
pub(crate) enum Cursor {
    Start,
    At(Vec<u8>),
}
