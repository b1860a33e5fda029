//! Which processes have maps, programs or links open.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::fdinfo::{self, Descriptor, MapFdinfo};
use super::incomplete::Incomplete;
use super::records::{OpenDescriptor, Process};

/// What `/proc` says of all processes.
#[derive(Debug, Default)]
pub(super) struct Processes {
    /// Those that have something open.
    pub(super) processes: Vec<Process>,
    /// The maps that they have open, as `/proc` describes them; not each once.
    pub(super) maps: Vec<MapFdinfo>,
    /// All of them, by their numbers.
    pub(super) pids: Vec<u32>,
}

impl Processes {
    /// Reads them below `proc`. A process that ends meanwhile is none.
    pub(super) fn read(proc: &Path, incomplete: &mut Vec<Incomplete>) -> Self {
        let mut all = Self::default();
        let entries = match fs::read_dir(proc) {
            Ok(entries) => entries,
            Err(error) => {
                incomplete.push(unreadable(proc, &error));
                return all;
            }
        };
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        all.pids = pids.collect();
        all.pids.sort_unstable();
        let mut refused = 0;
        for pid in all.pids.clone() {
            let root = proc.join(pid.to_string());
            match descriptors(&root) {
                Ok(open) if open.is_empty() => {}
                Ok(open) => {
                    let comm = fs::read(root.join("comm")).unwrap_or_default();
                    let comm = String::from_utf8_lossy(&comm).trim_end_matches('\n').into();
                    let maps = open.iter().filter_map(|(_, descriptor)| match descriptor {
                        Descriptor::Map(map) => Some(*map),
                        _ => None,
                    });
                    all.maps.extend(maps);
                    let open = open.iter().map(|(fd, descriptor)| OpenDescriptor {
                        fd: *fd,
                        object: descriptor.object(),
                    });
                    all.processes.push(Process { pid, comm, open: open.collect() });
                }
                Err(error) if is_gone(&error) => {}
                Err(_) => refused += 1,
            }
        }
        if refused > 0 {
            incomplete.push(Incomplete::Processes { unreadable: refused, of: all.pids.len() });
        }
        all
    }
}

/// The descriptors of BPF that a process has, by their numbers.
fn descriptors(root: &Path) -> io::Result<Vec<(u32, Descriptor)>> {
    let mut open = Vec::new();
    for entry in fs::read_dir(root.join("fd"))? {
        let entry = entry?;
        let Some(fd) = entry.file_name().to_str().and_then(|fd| fd.parse::<u32>().ok()) else {
            continue;
        };
        // The link tells without a file to be read: most descriptors are others.
        let is_bpf = match fs::read_link(entry.path()) {
            Ok(target) => target.as_os_str().as_encoded_bytes().starts_with(b"anon_inode:bpf"),
            Err(error) if is_gone(&error) => false,
            Err(error) => return Err(error),
        };
        if !is_bpf {
            continue;
        }
        match fs::read_to_string(root.join("fdinfo").join(fd.to_string())) {
            Ok(text) => open.extend(fdinfo::parse(&text).map(|descriptor| (fd, descriptor))),
            // Closed meanwhile.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    open.sort_by_key(|(fd, _)| *fd);
    Ok(open)
}

/// Whether it is because a process has ended or has closed something.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Incomplete {
    Incomplete::Path { path: path.into(), errno: error.raw_os_error().unwrap_or(0) }
}
