//! The system calls that operations on a hash map need, and nothing else.

use std::os::fd::{AsFd, AsRawFd};

use aya_obj::generated::bpf_cmd;

use super::{FlowKey, FlowStats, Flows};

/// A map whose sizes the gate has compared.
#[derive(Clone, Copy)]
pub struct SystemCalls {
    fd: u32,
}

/// The part of `bpf_attr` that operations on an entry have.
#[repr(C)]
struct Element {
    map_fd: u32,
    unused: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// That of operations on many.
#[repr(C)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

impl SystemCalls {
    /// On a map that outlives it.
    pub fn on(map: &Flows) -> Self {
        Self { fd: map.as_fd().as_raw_fd().cast_unsigned() }
    }

    pub fn lookup(self, key: &FlowKey) -> Option<FlowStats> {
        let mut value = FlowStats { packets: 0, bytes: 0 };
        let value_address = std::ptr::from_mut(&mut value).expose_provenance();
        let mut attr = self.element(key, value_address);
        // SAFETY: both are as long as the map's.
        let found = unsafe { bpf(bpf_cmd::BPF_MAP_LOOKUP_ELEM, &mut attr) };
        found.then_some(value)
    }

    pub fn update(self, key: &FlowKey, value: &FlowStats) -> bool {
        let mut attr = self.element(key, std::ptr::from_ref(value).expose_provenance());
        // SAFETY: as above.
        unsafe { bpf(bpf_cmd::BPF_MAP_UPDATE_ELEM, &mut attr) }
    }

    pub fn delete(self, key: &FlowKey) -> bool {
        let mut attr = self.element(key, 0);
        // SAFETY: as above.
        unsafe { bpf(bpf_cmd::BPF_MAP_DELETE_ELEM, &mut attr) }
    }

    pub fn update_batch(self, keys: &[FlowKey], values: &[FlowStats]) -> bool {
        assert_eq!(keys.len(), values.len());
        let mut attr = self.batch(keys.len());
        attr.keys = keys.as_ptr().expose_provenance() as u64;
        attr.values = values.as_ptr().expose_provenance() as u64;
        // SAFETY: there are as many of both as it says.
        unsafe { bpf(bpf_cmd::BPF_MAP_UPDATE_BATCH, &mut attr) }
    }

    /// Hands each entry to `body`.
    pub fn walk(self, batch: usize, mut body: impl FnMut(FlowKey, FlowStats)) {
        let mut keys = vec![bpfmap::zeroed::<FlowKey>(); batch];
        let mut values = vec![bpfmap::zeroed::<FlowStats>(); batch];
        // A hash map's cursor is the number of a bucket.
        let (mut from, mut to) = (0_u32, 0_u32);
        let mut is_first = true;
        loop {
            let mut attr = self.batch(batch);
            if !is_first {
                attr.in_batch = std::ptr::from_mut(&mut from).expose_provenance() as u64;
            }
            attr.out_batch = std::ptr::from_mut(&mut to).expose_provenance() as u64;
            attr.keys = keys.as_mut_ptr().expose_provenance() as u64;
            attr.values = values.as_mut_ptr().expose_provenance() as u64;
            // SAFETY: the buffers hold as many as it says, and a cursor is a u32.
            let more = unsafe { bpf(bpf_cmd::BPF_MAP_LOOKUP_BATCH, &mut attr) };
            let count = attr.count as usize;
            for (key, value) in keys[..count].iter().zip(&values[..count]) {
                body(*key, *value);
            }
            if !more {
                return;
            }
            (from, is_first) = (to, false);
        }
    }

    fn element(self, key: &FlowKey, value: usize) -> Element {
        let key = std::ptr::from_ref(key).expose_provenance() as u64;
        Element { map_fd: self.fd, unused: 0, key, value: value as u64, flags: 0 }
    }

    fn batch(self, count: usize) -> Batch {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Batch {
            in_batch: 0,
            out_batch: 0,
            keys: 0,
            values: 0,
            count,
            map_fd: self.fd,
            elem_flags: 0,
            flags: 0,
        }
    }
}

/// Whether the call succeeds.
///
/// # Safety
///
/// As for [`bpf_answer`].
unsafe fn bpf<T>(command: bpf_cmd, attr: &mut T) -> bool {
    // SAFETY: the caller's promise.
    unsafe { bpf_answer(command, attr) >= 0 }
}

/// What the call answers.
///
/// # Safety
///
/// `attr` must be a beginning of `bpf_attr`, and every address in it valid for
/// what `command` reads or writes there.
pub unsafe fn bpf_answer<T>(command: bpf_cmd, attr: &mut T) -> libc::c_long {
    // SAFETY: `attr` is valid for its size; the rest is the caller's promise.
    unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as libc::c_int,
            std::ptr::from_mut(attr),
            size_of_val(attr),
        )
    }
}
