//! Operations on the entries of a map.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use aya_obj::generated::{
    BPF_ANY, BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST, bpf_attr__bindgen_ty_2, bpf_cmd,
};

use crate::map_type::MapType;

use super::cpus::possible;
use super::info::map_info;
use super::{Attributes, Errno, MapInfo, attributes, bpf, number};

/// The part of `bpf_attr` that operations on an entry have. The kernel takes the
/// rest for zero, and has less to copy.
type Element = bpf_attr__bindgen_ty_2;

// SAFETY: integers, and `bpf_attr` is a union of it and others.
unsafe impl Attributes for Element {}

/// An open map, with the sizes that the kernel gave for it. They never change
/// for a map, so a buffer that was compared with them once is long enough.
#[derive(Debug)]
pub(crate) struct Map {
    fd: OwnedFd,
    info: MapInfo,
    value_len: usize,
    /// `BPF_F_LOCK` when values are read and written under their spin lock.
    lock: u64,
}

/// Why nothing is known of what a descriptor is of.
#[derive(Debug)]
pub(crate) enum NotDescribed {
    /// The kernel did not say.
    Refused(Errno),
    /// How many CPUs are possible is not known.
    Cpus(io::Error),
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

impl Update {
    #[inline]
    fn flags(self) -> u64 {
        u64::from(match self {
            Self::Any => BPF_ANY,
            Self::New => BPF_NOEXIST,
            Self::Existing => BPF_EXIST,
        })
    }
}

impl Map {
    /// Takes a descriptor and asks the kernel what it is.
    pub(crate) fn new(fd: OwnedFd) -> Result<Self, (NotDescribed, OwnedFd)> {
        let info = map_info(fd.as_fd()).map_err(NotDescribed::Refused);
        let sizes = info.and_then(|info| Ok((value_len(&info)?, info)));
        match sizes {
            Ok((value_len, info)) => Ok(Self { fd, info, value_len, lock: 0 }),
            Err(why) => Err((why, fd)),
        }
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    pub(crate) fn info(&self) -> &MapInfo {
        &self.info
    }

    /// Reads and writes values under the spin lock in them: `BPF_F_LOCK`, since
    /// Linux 5.1. A map whose BTF has no lock answers `EINVAL`.
    pub(crate) fn use_lock(&mut self) {
        self.lock = u64::from(BPF_F_LOCK);
    }

    pub(super) fn lock(&self) -> u64 {
        self.lock
    }

    /// How long a key is, in bytes.
    #[inline]
    pub(crate) fn key_len(&self) -> usize {
        self.info.key_size as usize
    }

    /// How many bytes the kernel reads and writes for a value.
    #[inline]
    pub(crate) fn value_len(&self) -> usize {
        self.value_len
    }

    /// Reads the value of `key`: `BPF_MAP_LOOKUP_ELEM`, since Linux 3.19.
    #[inline]
    pub(crate) fn lookup(&self, key: &[u8], value: &mut [u8]) -> Result<(), Errno> {
        let mut attr = self.element(key);
        attr.__bindgen_anon_1.value = self.value_mut(value);
        attr.flags = self.lock;
        // SAFETY: key and value are as long as the map's, see `element` and
        // `value_mut`.
        unsafe { bpf(bpf_cmd::BPF_MAP_LOOKUP_ELEM, &mut attr) }.map(drop)
    }

    /// Reads and removes: `BPF_MAP_LOOKUP_AND_DELETE_ELEM`; on hash maps since
    /// Linux 5.14.
    pub(crate) fn lookup_and_delete(&self, key: &[u8], value: &mut [u8]) -> Result<(), Errno> {
        let mut attr = self.element(key);
        attr.__bindgen_anon_1.value = self.value_mut(value);
        attr.flags = self.lock;
        // SAFETY: key and value are as long as the map's, see `element` and
        // `value_mut`.
        unsafe { bpf(bpf_cmd::BPF_MAP_LOOKUP_AND_DELETE_ELEM, &mut attr) }.map(drop)
    }

    /// Writes an entry: `BPF_MAP_UPDATE_ELEM`, since Linux 3.19.
    #[inline]
    pub(crate) fn update(&self, key: &[u8], value: &[u8], update: Update) -> Result<(), Errno> {
        assert_eq!(value.len(), self.value_len(), "the gate compared the sizes");
        let mut attr = self.element(key);
        attr.__bindgen_anon_1.value = value.as_ptr().expose_provenance() as u64;
        attr.flags = update.flags() | self.lock;
        // SAFETY: key and value are as long as the map's, see `element` and
        // the assertion.
        unsafe { bpf(bpf_cmd::BPF_MAP_UPDATE_ELEM, &mut attr) }.map(drop)
    }

    /// Removes an entry: `BPF_MAP_DELETE_ELEM`, since Linux 3.19.
    #[inline]
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
        attr.__bindgen_anon_1.next_key = next.as_mut_ptr().expose_provenance() as u64;
        // SAFETY: both keys are as long as the map's, see `element` and the
        // assertion.
        unsafe { bpf(bpf_cmd::BPF_MAP_GET_NEXT_KEY, &mut attr) }.map(drop)
    }

    #[inline]
    fn request(&self) -> Element {
        let mut attr: Element = attributes();
        attr.map_fd = number(self.fd.as_fd());
        attr
    }

    #[inline]
    fn element(&self, key: &[u8]) -> Element {
        assert_eq!(key.len(), self.key_len(), "the gate compared the sizes");
        let mut attr = self.request();
        // The kernel wants none where a map has no keys.
        if !key.is_empty() {
            attr.key = key.as_ptr().expose_provenance() as u64;
        }
        attr
    }

    #[inline]
    fn value_mut(&self, value: &mut [u8]) -> u64 {
        assert_eq!(value.len(), self.value_len(), "the gate compared the sizes");
        value.as_mut_ptr().expose_provenance() as u64
    }
}

/// How many bytes the kernel reads and writes for a value: a per-CPU map has
/// one for each CPU, padded to 8 bytes.
fn value_len(info: &MapInfo) -> Result<usize, NotDescribed> {
    let size = info.value_size as usize;
    match MapType::from_raw(info.map_type).is_per_cpu() {
        true => {
            let cpus = possible().map_err(NotDescribed::Cpus)?;
            let len = size.next_multiple_of(8).checked_mul(cpus);
            len.ok_or(NotDescribed::Refused(Errno(libc::EOVERFLOW)))
        }
        false => Ok(size),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::super::Cursor;
    use super::*;

    /// A map of keys of 4 bytes and values of 16, of which there is only what is
    /// said of it: the kernel refuses its descriptor.
    fn map() -> io::Result<Map> {
        let info = MapInfo {
            map_type: MapType::HASH.as_raw(),
            id: 1,
            key_size: 4,
            value_size: 16,
            max_entries: 8,
            map_flags: 0,
            name: String::new(),
            btf_id: 0,
            btf_key_type_id: 0,
            btf_value_type_id: 0,
            btf_vmlinux_value_type_id: 0,
            map_extra: 0,
        };
        Ok(Map { fd: File::open("/dev/null")?.into(), info, value_len: 16, lock: 0 })
    }

    /// No call is made with a buffer that is longer or shorter than the kernel takes
    /// it for, whoever forgot to compare.
    #[test]
    fn no_call_is_made_with_a_buffer_of_another_length() -> io::Result<()> {
        let map = map()?;
        let call = |key: usize, value: usize| -> [(&str, bool); 10] {
            let (keys, values) = (vec![0; key], vec![0; value]);
            let asserts = |call: &dyn Fn()| catch_unwind(AssertUnwindSafe(call)).is_err();
            let lookup_batch = |count| {
                let (mut keys, mut values) = (keys.clone(), values.clone());
                let _ = map.lookup_batch(&mut Cursor::Start, &mut keys, &mut values, count, false);
            };
            [
                ("lookup", asserts(&|| _ = map.lookup(&keys, &mut values.clone()))),
                ("take", asserts(&|| _ = map.lookup_and_delete(&keys, &mut values.clone()))),
                ("update", asserts(&|| _ = map.update(&keys, &values, Update::Any))),
                ("delete", asserts(&|| _ = map.delete(&keys))),
                ("first_key", asserts(&|| _ = map.next_key(None, &mut keys.clone()))),
                ("next_key", asserts(&|| _ = map.next_key(Some(&[0; 4]), &mut keys.clone()))),
                ("after_key", asserts(&|| _ = map.next_key(Some(&keys), &mut [0; 4]))),
                ("lookup_batch", asserts(&|| lookup_batch(1))),
                ("update_batch", asserts(&|| _ = map.update_batch(&keys, &values, 1))),
                ("delete_batch", asserts(&|| _ = map.delete_batch(&keys, 1))),
            ]
        };
        for (name, asserts) in call(4, 16) {
            assert!(!asserts, "{name}");
        }
        for key in [3, 5, 8] {
            for (name, asserts) in call(key, 16) {
                assert!(asserts, "{name} with a key of {key} bytes");
            }
        }
        for value in [0, 15, 17, 32] {
            for (name, asserts) in call(4, value) {
                let has_value = ["lookup", "take", "update", "lookup_batch", "update_batch"];
                assert_eq!(asserts, has_value.contains(&name), "{name} with {value} bytes");
            }
        }
        Ok(())
    }
}
