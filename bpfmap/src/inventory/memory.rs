//! Processes that have memory of a map, and not the map.

use std::fs;
use std::path::Path;

use super::{Incomplete, Inventory, KernelMap, ObjectId};
use crate::map_type::MapType;

const BPF_F_MMAPABLE: u32 = 1 << 10;

/// How `/proc/<pid>/maps` names it, without saying of which map.
const MEMORY: &[u8] = b"anon_inode:bpf-map";

impl Inventory {
    /// A process that has mapped the memory of a map may have closed it since, and uses
    /// it all the same. Where a map seems to be used by nobody, it may be that one.
    pub(super) fn look_for_memory(&mut self, proc: &Path, pids: &[u32]) {
        if !self.stale().iter().any(|stale| may_be_mapped(stale.map)) {
            return;
        }
        let has_one_open = |pid: u32| {
            let open = self.processes.iter().filter(|process| process.pid == pid);
            open.flat_map(|process| &process.open).any(|open| match open.object {
                ObjectId::Map(id) => self.map(id).is_some_and(may_be_mapped),
                _ => false,
            })
        };
        // What may not be asked is counted where its descriptors are read.
        let has_memory = |pid: u32| {
            let maps = fs::read(proc.join(pid.to_string()).join("maps"));
            maps.is_ok_and(|maps| memchr::memmem::find(&maps, MEMORY).is_some())
        };
        let is_one = |pid: &u32| has_memory(*pid) && !has_one_open(*pid);
        let pids: Vec<_> = pids.iter().copied().filter(is_one).collect();
        if !pids.is_empty() {
            self.incomplete.push(Incomplete::Memory { pids });
        }
    }
}

fn may_be_mapped(map: &KernelMap) -> bool {
    map.map_flags & BPF_F_MMAPABLE != 0
        || matches!(map.map_type, MapType::RINGBUF | MapType::USER_RINGBUF | MapType::ARENA)
}

#[cfg(test)]
mod tests {
    use super::super::fdinfo::MapFdinfo;
    use super::super::{OpenDescriptor, Pin, Process};
    use super::*;

    #[test]
    fn memory_of_a_map_that_is_not_open_is_said() -> std::io::Result<()> {
        let proc = tempfile::tempdir()?;
        let line = |what: &str| format!("7f00-7f01 rw-s 00000000 00:0f 1061  {what}\n");
        for (pid, what) in
            [("20", "/lib/libc.so.6"), ("21", "anon_inode:bpf-map"), ("22", "anon_inode:bpf-map")]
        {
            fs::create_dir(proc.path().join(pid))?;
            fs::write(proc.path().join(pid).join("maps"), line("[heap]") + &line(what))?;
        }
        let array = |map_flags| {
            let map_type = MapType::ARRAY.as_raw();
            let map = MapFdinfo { id: 10, map_type, map_flags, ..MapFdinfo::default() };
            Inventory {
                maps: vec![KernelMap::of_fdinfo(&map)],
                pins: vec![Pin { path: "/sys/fs/bpf/a".into(), object: ObjectId::Map(10) }],
                ..Inventory::default()
            }
        };
        let read = |mut inventory: Inventory| {
            inventory.look_for_memory(proc.path(), &[19, 20, 21, 22]);
            inventory.incomplete
        };
        let pids = vec![21, 22];
        assert_eq!(read(array(BPF_F_MMAPABLE)), [Incomplete::Memory { pids }]);
        assert_eq!(read(array(0)), [], "it has no memory");
        // One that has another such map open has its memory.
        let mut inventory = array(BPF_F_MMAPABLE);
        let other = KernelMap { id: 11, ..inventory.maps[0].clone() };
        inventory.maps.push(other);
        let open = vec![OpenDescriptor { fd: 3, object: ObjectId::Map(11) }];
        inventory.processes.push(Process { pid: 21, comm: "agent".into(), open });
        let said = read(inventory);
        assert_eq!(said, [Incomplete::Memory { pids: vec![22] }]);
        assert_eq!(
            said[0].to_string(),
            "process 22 has mapped memory of a map that it does not have open, and of which one \
             the kernel does not say"
        );
        Ok(())
    }
}
