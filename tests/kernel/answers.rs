//! What the kernel answers to each operation on each type of map: what the
//! methods of the typed maps, and the absence of others, are built on.

use aya_obj::generated::bpf_cmd::*;
use bpfmap::{Feature, MapType};

use crate::features::{BLOOM_FILTER, Brought};
use crate::raw::{Asked, Create};
use crate::support::*;

trials! {
    [Need::Bpf] => [
        each_type_answers_as_expected,
        flags_are_refused_where_they_mean_nothing,
        a_walk_from_a_key_that_is_gone_begins_again,
    ]
    [Need::Bpf, BLOOM_FILTER] => [a_bloom_filter_answers_as_expected]
    [] => [
        what_is_no_map_is_told_apart,
    ]
}

/// The kernel's internal `ENOTSUPP`.
const NOTSUPP: i32 = 524;
const ANY: u64 = 0;
const NOEXIST: u64 = 1;
const EXIST: u64 = 2;

/// A map of two entries, but for types that need more.
struct Row {
    map_type: MapType,
    key_size: u32,
    value_size: u32,
    flags: u32,
    max_entries: u32,
    per_cpu: bool,
    /// The answers to: an update with NOEXIST of a key that is there, one with
    /// EXIST of a key that is not, the removal of a key that is not there, and
    /// lookup_and_delete of one that is.
    elements: [i32; 4],
    /// The answer to a new key in a full map; `None` when it never is.
    full: Option<i32>,
    /// The answers to a batch that looks up, updates, removes, and looks up and
    /// removes.
    batches: [i32; 4],
}

const ROW: Row = Row {
    map_type: MapType::HASH,
    key_size: 8,
    value_size: 8,
    flags: 0,
    max_entries: 2,
    per_cpu: false,
    elements: [libc::EEXIST, libc::ENOENT, libc::ENOENT, 0],
    full: Some(libc::E2BIG),
    batches: [0; 4],
};

const ARRAY: Row = Row {
    map_type: MapType::ARRAY,
    key_size: 4,
    max_entries: 3,
    // All of its keys are always there.
    elements: [libc::EEXIST, 0, libc::EINVAL, NOTSUPP],
    full: Some(libc::E2BIG),
    batches: [0, 0, NOTSUPP, NOTSUPP],
    ..ROW
};

const QUEUE: Row = Row {
    map_type: MapType::QUEUE,
    key_size: 0,
    // EXIST writes over the oldest.
    elements: [libc::EINVAL, 0, libc::EINVAL, 0],
    batches: [NOTSUPP; 4],
    ..ROW
};

fn rows() -> [Row; 10] {
    const BPF_F_NO_PREALLOC: u32 = 1;
    [
        ROW,
        Row { map_type: MapType::PERCPU_HASH, per_cpu: true, ..ROW },
        Row { map_type: MapType::LRU_HASH, max_entries: 64, full: None, ..ROW },
        Row {
            map_type: MapType::LRU_PERCPU_HASH,
            max_entries: 64,
            per_cpu: true,
            full: None,
            ..ROW
        },
        ARRAY,
        Row { map_type: MapType::PERCPU_ARRAY, per_cpu: true, ..ARRAY },
        Row {
            map_type: MapType::LPM_TRIE,
            flags: BPF_F_NO_PREALLOC,
            elements: [libc::EEXIST, libc::ENOENT, libc::ENOENT, NOTSUPP],
            full: Some(libc::ENOSPC),
            batches: [0, 0, 0, NOTSUPP],
            ..ROW
        },
        QUEUE,
        Row { map_type: MapType::STACK, ..QUEUE },
        Row {
            map_type: MapType::RINGBUF,
            key_size: 0,
            value_size: 0,
            max_entries: 4096,
            elements: [NOTSUPP; 4],
            full: None,
            batches: [NOTSUPP; 4],
            ..ROW
        },
    ]
}

impl Row {
    fn create(&self) -> std::io::Result<std::os::fd::OwnedFd> {
        Create {
            map_type: self.map_type.as_raw(),
            name: "asked",
            key_size: self.key_size,
            value_size: self.value_size,
            max_entries: self.max_entries,
            map_flags: self.flags,
            btf: None,
            inner: None,
        }
        .create()
    }
}

/// A flag that does not exist, and that of a lock that is not there. Only the
/// ring buffer says that it has nothing to do with either.
fn flags_are_refused_where_they_mean_nothing() -> TestResult {
    const NO_FLAG: u64 = 1 << 30;
    const LOCK: u64 = 4;
    let cpus = bpfmap::PerCpu::splat(0)?.as_slice().len();
    for row in rows() {
        let map = row.create()?;
        let copies = if row.per_cpu { cpus } else { 1 };
        let (key_size, value_size) = (row.key_size as usize, row.value_size as usize * copies);
        let asked = Asked { map: &map, key_size, value_size };
        let expected = match row.map_type {
            MapType::RINGBUF => [NOTSUPP, libc::EINVAL],
            _ => [libc::EINVAL; 2],
        };
        assert_eq!([asked.update(1, NO_FLAG), asked.update(1, LOCK)], expected, "{}", row.map_type);
    }
    Ok(())
}

/// What `check_alive` and the gate are built on.
fn what_is_no_map_is_told_apart() -> TestResult {
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    let file: OwnedFd = std::fs::File::open("/dev/null")?.into();
    let asked = Asked { map: &file, key_size: 4, value_size: 4 };
    assert_eq!(asked.update(1, ANY), libc::EINVAL);
    assert_eq!(asked.element_of(BPF_MAP_LOOKUP_ELEM, 1), libc::EINVAL);
    // A number that no descriptor has; it is never closed.
    // SAFETY: nothing is done with it but asking the kernel, and it is forgotten.
    let closed = unsafe { OwnedFd::from_raw_fd(i32::MAX - 1) };
    let asked = Asked { map: &closed, key_size: 4, value_size: 4 };
    assert_eq!(asked.map.as_raw_fd(), i32::MAX - 1);
    let answers = [asked.update(1, ANY), asked.element_of(BPF_MAP_LOOKUP_ELEM, 1)];
    std::mem::forget(closed);
    assert_eq!(answers, [libc::EBADF; 2]);
    Ok(())
}

fn a_walk_from_a_key_that_is_gone_begins_again() -> TestResult {
    let map = ROW.create()?;
    let asked = Asked { map: &map, key_size: 8, value_size: 8 };
    assert_eq!(asked.next_key(None), Err(libc::ENOENT));
    asked.update(7, ANY);
    assert_eq!(asked.next_key(None), Ok(7));
    assert_eq!(asked.next_key(Some(7)), Err(libc::ENOENT));
    assert_eq!(asked.next_key(Some(8)), Ok(7));
    Ok(())
}

const BLOOM: Row = Row {
    map_type: MapType::BLOOM_FILTER,
    key_size: 0,
    elements: [libc::EINVAL, libc::EINVAL, libc::EOPNOTSUPP, NOTSUPP],
    full: None,
    batches: [NOTSUPP; 4],
    ..ROW
};

impl Row {
    /// What the kernel answers where it is too old for an operation of the type.
    fn on_this_kernel(mut self) -> Result<Self, String> {
        let too_old = |feature| Brought::Probe(feature).lacking().map(|reason| reason.is_some());
        let map_type = self.map_type;
        if self.elements[3] == 0 && too_old(Feature::LookupAndDelete(map_type))? {
            self.elements[3] = NOTSUPP;
        }
        if self.map_type == MapType::LPM_TRIE && too_old(Feature::TrieConditions)? {
            self.elements[..2].fill(0);
        }
        let batches = [Feature::LookupBatch, Feature::UpdateBatch, Feature::DeleteBatch];
        for (number, batch) in batches.into_iter().enumerate() {
            if self.batches[number] == 0 && too_old(batch(map_type))? {
                self.batches[number] = NOTSUPP;
            }
        }
        Ok(self)
    }
}

fn each_type_answers_as_expected() -> TestResult {
    answers_as_expected(rows())
}

fn a_bloom_filter_answers_as_expected() -> TestResult {
    answers_as_expected([BLOOM])
}

fn answers_as_expected(rows: impl IntoIterator<Item = Row>) -> TestResult {
    let cpus = bpfmap::PerCpu::splat(0)?.as_slice().len();
    let mut wrong = Vec::new();
    for row in rows {
        let row = row.on_this_kernel()?;
        let Row { map_type, key_size, value_size, max_entries, .. } = row;
        let map = row.create()?;
        let copies = if row.per_cpu { cpus } else { 1 };
        let asked = Asked {
            map: &map,
            key_size: key_size as usize,
            value_size: value_size as usize * copies,
        };
        // A key of an LPM trie begins with its length; these are of 1 and 2 bits
        // of zeros.
        let (there, absent) = (1, 2);
        asked.update(there, ANY);
        let elements = [
            asked.update(there, NOEXIST),
            asked.update(absent, EXIST),
            // The queues have something to remove now, and nothing has a third.
            asked.element_of(BPF_MAP_DELETE_ELEM, 3),
            asked.element_of(BPF_MAP_LOOKUP_AND_DELETE_ELEM, there),
        ];
        let mut expect = |what: &str, expected: &[i32], found: &[i32]| {
            if expected != found {
                wrong.push(format!("{map_type}, {what}: {expected:?} expected, {found:?} found"));
            }
        };
        expect("elements", &row.elements, &elements);
        asked.update(there, ANY);
        let batches = [
            asked.batch(BPF_MAP_LOOKUP_BATCH, there),
            asked.batch(BPF_MAP_UPDATE_BATCH, there),
            asked.batch(BPF_MAP_DELETE_BATCH, there),
            asked.batch(BPF_MAP_LOOKUP_AND_DELETE_BATCH, there),
        ];
        expect("batches", &row.batches, &batches);
        // As many as it may take, and some more.
        let last = (0..max_entries.min(256) + 8).map(|n| asked.update(n, ANY)).max();
        if map_type != MapType::RINGBUF {
            expect("full", &[row.full.unwrap_or(0)], &[last.unwrap_or(-1)]);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
