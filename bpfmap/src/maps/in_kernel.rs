//! What a program in the kernel answers of a map, many times faster than user
//! space can. Where the kernel or the rights do not allow one there is no answer,
//! and the caller walks.

use std::os::fd::AsRawFd;
use std::sync::OnceLock;

use super::OpenMap;
use super::program;
use super::value::sealed::Value;
use super::walk::is_hash;
use crate::btf::{Btf, Type};
use crate::layout::{BpfMapKey, value_of};
use crate::map_type::MapType;
use crate::sys::{Errno, Map, Output, Program};

/// A smaller map is walked as fast as a program is loaded.
const WORTH_IT: u32 = 4096;

/// An entry that is longer takes as long to copy one way as the other.
const MAX_STRIDE: usize = 512;

/// How many bytes a program may copy; the verifier knows no larger offsets.
const MAX_OUTPUT: u64 = (1 << 29) - 4096;

/// Counts the entries of a hash map: the program, once it is loaded.
#[derive(Debug, Default)]
pub(crate) struct Counter(OnceLock<Program>);

impl Counter {
    /// How many entries there are: the kernel keeps the number since Linux 6.6.
    /// Needs `CAP_BPF`.
    pub(super) fn count(&self, map: &Map) -> Option<u64> {
        if map.info().max_entries < WORTH_IT || !is_hash(map) {
            return None;
        }
        let mut answer = [0];
        self.program(map)?.run(&mut answer).ok()?;
        match answer[0] {
            // What a map without the number says, too.
            0 => is_empty(map).then_some(0),
            // The numbers of all CPUs are added up while they change.
            entries => (entries <= map.info().max_entries.into()).then_some(entries),
        }
    }

    fn program(&self, map: &Map) -> Option<&Program> {
        if let Some(program) = self.0.get() {
            return Some(program);
        }
        let code = program::count(map.fd().as_raw_fd(), kfunc()?);
        let program = Program::load("bpfmap_count", &code, None).ok()?;
        Some(self.0.get_or_init(|| program))
    }
}

fn is_empty(map: &Map) -> bool {
    map.next_key(None, &mut vec![0; map.key_len()]) == Err(Errno(libc::ENOENT))
}

/// The BTF id of the kernel's function that counts; `None` before Linux 6.6.
fn kfunc() -> Option<u32> {
    static ID: OnceLock<Option<u32>> = OnceLock::new();
    if let Some(id) = ID.get() {
        return *id;
    }
    // That it cannot be read may pass, so it is not kept.
    let btf = Btf::vmlinux().ok()?;
    let is_function = |ty: &Type<'_>| matches!(ty, Type::Function { .. });
    let id = btf.find("bpf_map_sum_elem_count", is_function).ok()?;
    *ID.get_or_init(|| id)
}

impl OpenMap {
    /// All entries of a hash map, copied in one go: since Linux 5.14. Needs
    /// `CAP_BPF`.
    pub(super) fn dump<K: BpfMapKey, V: Value>(&self) -> Option<Vec<(K, V)>> {
        let info = self.map.info();
        // Of the others a program sees the value of one CPU alone.
        let is_one_value =
            matches!(MapType::from_raw(info.map_type), MapType::HASH | MapType::LRU_HASH);
        let max = u64::from(info.max_entries);
        if !is_one_value {
            return None;
        }
        let entries = self.counter.count(&self.map);
        if entries.unwrap_or(max) < WORTH_IT.into() {
            return None;
        }
        // Others may add some meanwhile.
        let room = entries.map(|entries| max.min(entries + entries / 8 + 1024));
        let dump = |room| self.dump_up_to(room);
        room.and_then(dump).or_else(|| if room == Some(max) { None } else { dump(max) })
    }

    /// All entries, when there are no more than that.
    fn dump_up_to<K: BpfMapKey, V: Value>(&self, room: u64) -> Option<Vec<(K, V)>> {
        let (key, value) = (self.map.key_len(), self.map.value_len());
        let stride = program::stride(key, value);
        let bytes = room.checked_mul(stride as u64).filter(|bytes| *bytes <= MAX_OUTPUT)?;
        let bytes = u32::try_from(bytes).ok()?;
        if stride > MAX_STRIDE {
            return None;
        }
        let output = Output::new((program::HEAD + bytes) / 8).ok()?;
        let map = self.map.fd().as_raw_fd();
        let (code, callback) = program::dump(map, key, value, output.number(), bytes);
        let mut answer = [0; 2];
        Program::load("bpfmap_dump", &code, Some(callback)).ok()?.run(&mut answer).ok()?;
        let [calls, copied] = answer;
        // Otherwise it ended at an entry for which there was no room.
        if copied > bytes.into() || calls.checked_mul(stride as u64) != Some(copied) {
            return None;
        }
        let mut entry = [0; MAX_STRIDE];
        let entry = &mut entry[..stride];
        let entries = (0..calls as usize).map(|index| {
            output.words().read((program::HEAD as usize + index * stride) / 8, entry);
            let of_value = &entry[key.next_multiple_of(8)..][..value];
            (value_of(&entry[..key]), V::of_bytes(of_value))
        });
        Some(entries.collect())
    }
}
