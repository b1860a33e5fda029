//! Operations on many entries at once: since Linux 5.6, on the types of maps that
//! have them.

use std::os::fd::AsFd;

use aya_obj::generated::{bpf_attr__bindgen_ty_3, bpf_cmd};

use super::{Attributes, Errno, Map, attributes, bpf, number};

/// The part of `bpf_attr` that operations on many entries have.
type Many = bpf_attr__bindgen_ty_3;

// SAFETY: integers, and `bpf_attr` is a union of it and others.
unsafe impl Attributes for Many {}

/// Where a walk by batches is.
#[derive(Clone, Debug)]
pub(crate) enum Cursor {
    Start,
    At(Vec<u8>),
}

/// A part of a walk over all entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// How many entries were written to the buffers.
    pub(crate) count: usize,
    /// Whether there are no more.
    pub(crate) done: bool,
}

/// A batch that ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partial {
    /// How many entries went through.
    pub(crate) done: usize,
    /// What the kernel said of the next one.
    pub(crate) errno: Errno,
}

impl Map {
    /// Reads up to `count` entries from where `cursor` is, and removes them when
    /// `remove` says so: `BPF_MAP_LOOKUP_BATCH`, and
    /// `BPF_MAP_LOOKUP_AND_DELETE_BATCH`.
    ///
    /// `cursor` is at the start at the beginning of a walk. `ENOSPC` is a buffer
    /// that is smaller than one bucket of the map.
    pub(crate) fn lookup_batch(
        &self,
        cursor: &mut Cursor,
        keys: &mut [u8],
        values: &mut [u8],
        count: usize,
        remove: bool,
    ) -> Result<Batch, Errno> {
        let mut next = vec![0; self.cursor_len()];
        let mut attr = self.batch(keys, values, count);
        attr.in_batch = match cursor {
            Cursor::Start => 0,
            Cursor::At(at) => at.as_ptr().expose_provenance() as u64,
        };
        attr.out_batch = next.as_mut_ptr().expose_provenance() as u64;
        attr.keys = keys.as_mut_ptr().expose_provenance() as u64;
        attr.values = values.as_mut_ptr().expose_provenance() as u64;
        attr.elem_flags = self.lock();
        let command = match remove {
            true => bpf_cmd::BPF_MAP_LOOKUP_AND_DELETE_BATCH,
            false => bpf_cmd::BPF_MAP_LOOKUP_BATCH,
        };
        // SAFETY: the buffers hold `count` keys and values, see `batch`; both
        // cursors are as long as the kernel wants them, see `cursor_len`.
        let answer = unsafe { bpf(command, &mut attr) };
        let asked = count;
        let count = done(&attr).min(asked);
        match answer {
            Ok(_) => {
                *cursor = Cursor::At(next);
                Ok(Batch { count, done: false })
            }
            // The end is an error that comes with entries.
            Err(Errno(libc::ENOENT)) => Ok(Batch { count, done: true }),
            // So is a key that has no value, before Linux 6.14; the cursor is at
            // the last entry then.
            Err(Errno(libc::EINTR)) if (1..asked).contains(&count) => {
                *cursor = Cursor::At(next);
                Ok(Batch { count, done: false })
            }
            Err(errno) => Err(errno),
        }
    }

    /// Writes `count` entries, whether their keys are there or not:
    /// `BPF_MAP_UPDATE_BATCH`.
    pub(crate) fn update_batch(
        &self,
        keys: &[u8],
        values: &[u8],
        count: usize,
    ) -> Result<(), Partial> {
        let mut attr = self.batch(keys, values, count);
        attr.keys = keys.as_ptr().expose_provenance() as u64;
        attr.values = values.as_ptr().expose_provenance() as u64;
        attr.elem_flags = self.lock();
        // SAFETY: the buffers hold `count` keys and values, see `batch`.
        let answer = unsafe { bpf(bpf_cmd::BPF_MAP_UPDATE_BATCH, &mut attr) };
        answer.map(drop).map_err(|errno| Partial::of(&attr, count, errno))
    }

    /// Removes `count` entries: `BPF_MAP_DELETE_BATCH`. It ends at the first key
    /// that is not there, with `ENOENT`.
    pub(crate) fn delete_batch(&self, keys: &[u8], count: usize) -> Result<(), Partial> {
        assert_eq!(self.key_len().checked_mul(count), Some(keys.len()), "it holds `count` keys");
        let mut attr = self.attributes_of_batch(count);
        attr.keys = keys.as_ptr().expose_provenance() as u64;
        // SAFETY: the buffer holds `count` keys.
        let answer = unsafe { bpf(bpf_cmd::BPF_MAP_DELETE_BATCH, &mut attr) };
        answer.map(drop).map_err(|errno| Partial::of(&attr, count, errno))
    }

    /// For `count` keys and values, which the buffers hold.
    fn batch(&self, keys: &[u8], values: &[u8], count: usize) -> Many {
        let fits = |buffer: &[u8], len: usize| len.checked_mul(count) == Some(buffer.len());
        assert!(fits(keys, self.key_len()), "a buffer holds `count` keys");
        assert!(fits(values, self.value_len()), "a buffer holds `count` values");
        self.attributes_of_batch(count)
    }

    fn attributes_of_batch(&self, count: usize) -> Many {
        let mut attr: Many = attributes();
        attr.map_fd = number(self.fd().as_fd());
        attr.count = u32::try_from(count).unwrap_or(u32::MAX);
        attr
    }

    /// A hash map's cursor is a u32, the other types' is a key.
    fn cursor_len(&self) -> usize {
        self.key_len().max(4)
    }
}

/// How many entries the kernel says went through.
fn done(attr: &Many) -> usize {
    attr.count as usize
}

impl Partial {
    /// Whether the kernel does not have the operation, for this type of map or at
    /// all. An argument that is wrong has the same answer, and gets it again from
    /// the operation on a single entry.
    pub(crate) fn is_unknown(&self) -> bool {
        self.done == 0 && matches!(self.errno.0, libc::EINVAL | Errno::NOTSUPP)
    }

    /// Of `count` entries, of which one failed. A call that is refused before it
    /// begins leaves the number as it was.
    fn of(attr: &Many, count: usize, errno: Errno) -> Self {
        let done = done(attr);
        Self { done: if done < count { done } else { 0 }, errno }
    }
}
