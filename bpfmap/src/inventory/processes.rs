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
        let mut refused = Vec::new();
        for pid in all.pids.clone() {
            let root = proc.join(pid.to_string());
            match settled(&root) {
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
                Err(_) => refused.push(pid),
            }
        }
        if !refused.is_empty() {
            incomplete.push(Incomplete::Processes { pids: refused, of: all.pids.len() });
        }
        all
    }
}

/// The inode of the initial PID namespace, the same on every kernel
/// (`PROC_PID_INIT_INO`).
const INITIAL: &str = "pid:[4026531836]";

/// Whether this `/proc` has all processes: not those of a PID namespace alone, as in a
/// container, and not without those of others (`hidepid`).
pub(super) fn has_all(proc: &Path, pids: &[u32]) -> bool {
    // Every namespace has it.
    if !pids.contains(&1) {
        return false;
    }
    let namespace = |process: &str| fs::read_link(proc.join(process).join("ns/pid"));
    match namespace("1").or_else(|_| namespace("self")) {
        Ok(namespace) => namespace == Path::new(INITIAL),
        // A kernel without PID namespaces has others.
        Err(_) => proc.join("self/ns").is_dir() && !proc.join("self/ns/pid").is_symlink(),
    }
}

/// As [`descriptors`], once more when that is refused: so it is for a moment while a
/// process begins or ends.
fn settled(root: &Path) -> io::Result<Vec<(u32, Descriptor)>> {
    const TRIES: usize = 3;
    for _ in 1..TRIES {
        match descriptors(root) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            answer => return answer,
        }
    }
    descriptors(root)
}

/// The descriptors of BPF that a process has, by their numbers: those of all its
/// threads, as one may have a table of its own (`CLONE_FILES`), and as the first may
/// have ended before the others, which leaves it none.
fn descriptors(root: &Path) -> io::Result<Vec<(u32, Descriptor)>> {
    let threads = match fs::read_dir(root.join("task")) {
        Ok(threads) => threads.map(|thread| Ok(thread?.path())).collect::<io::Result<_>>()?,
        Err(error) if is_gone(&error) => vec![root.to_owned()],
        Err(error) => return Err(error),
    };
    let mut open = Vec::new();
    for thread in threads {
        match table(&thread) {
            Ok(table) => open.extend(table),
            // It has ended, or the process has.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    open.sort_by_key(|(fd, _)| *fd);
    // Most threads have the same.
    open.dedup();
    Ok(open)
}

/// Those in the table of one thread.
fn table(thread: &Path) -> io::Result<Vec<(u32, Descriptor)>> {
    let mut open = Vec::new();
    for entry in fs::read_dir(thread.join("fd"))? {
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
        match fs::read_to_string(thread.join("fdinfo").join(fd.to_string())) {
            Ok(text) => open.extend(fdinfo::parse(&text).map(|descriptor| (fd, descriptor))),
            // Closed meanwhile.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(open)
}

/// Whether it is because a process has ended or has closed something.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Incomplete {
    Incomplete::Path { path: path.into(), errno: error.raw_os_error().unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::records::ObjectId;
    use super::*;

    /// A `/proc` with a process that has a map and a program open, one that has
    /// nothing of BPF, and one that cannot be looked into.
    #[test]
    fn a_recorded_proc() -> io::Result<()> {
        let proc = tempfile::tempdir()?;
        let process = |pid: &str, comm: &str| -> io::Result<std::path::PathBuf> {
            let root = proc.path().join(pid);
            fs::create_dir_all(root.join("fdinfo"))?;
            fs::write(root.join("comm"), comm)?;
            Ok(root)
        };
        let agent = process("20", "agent\n")?;
        fs::create_dir(agent.join("fd"))?;
        for (fd, target, text) in [
            ("11", "anon_inode:bpf-prog", "prog_id:\t40\n"),
            ("3", "anon_inode:bpf-map", "map_type:\t1\nmap_id:\t13\n"),
            ("4", "socket:[22]", "map_id:\t99\n"),
        ] {
            symlink(target, agent.join("fd").join(fd))?;
            fs::write(agent.join("fdinfo").join(fd), text)?;
        }
        // Closed between two looks.
        symlink("anon_inode:bpf-map", agent.join("fd/12"))?;
        fs::create_dir(process("1", "init\n")?.join("fd"))?;
        fs::write(process("30", "hidden\n")?.join("fd"), "no directory")?;
        process("31", "gone\n")?;
        fs::create_dir(proc.path().join("sys"))?;

        let mut incomplete = Vec::new();
        let found = Processes::read(proc.path(), &mut incomplete);
        assert_eq!(found.pids, [1, 20, 30, 31]);
        let open = |fd, object| OpenDescriptor { fd, object };
        let open = vec![open(3, ObjectId::Map(13)), open(11, ObjectId::Program(40))];
        assert_eq!(found.processes, [Process { pid: 20, comm: "agent".into(), open }]);
        assert_eq!(found.maps.iter().map(|map| map.id).collect::<Vec<_>>(), [13]);
        assert_eq!(incomplete, [Incomplete::Processes { pids: vec![30], of: 4 }]);
        assert!(incomplete[0].to_string().starts_with(
            "the descriptors of 1 of 4 processes cannot be read: pid 30, which is another user's or has "
        ));
        Ok(())
    }

    /// A process whose first thread has ended, and whose others have tables of their
    /// own.
    #[test]
    fn the_threads_of_a_process_count() -> io::Result<()> {
        let proc = tempfile::tempdir()?;
        let root = proc.path().join("20");
        fs::create_dir_all(root.join("task/20"))?;
        for (thread, fd, id) in [("21", "3", 13), ("22", "3", 13), ("23", "3", 14)] {
            let thread = root.join("task").join(thread);
            fs::create_dir_all(thread.join("fdinfo"))?;
            fs::create_dir(thread.join("fd"))?;
            symlink("anon_inode:bpf-map", thread.join("fd").join(fd))?;
            fs::write(thread.join("fdinfo").join(fd), format!("map_type:\t1\nmap_id:\t{id}\n"))?;
        }
        let mut incomplete = Vec::new();
        let found = Processes::read(proc.path(), &mut incomplete);
        assert_eq!(incomplete, []);
        let [process] = &*found.processes else { panic!("{found:?}") };
        assert_eq!(process.open.len(), 2, "{process:?}");
        assert!(process.has_open(ObjectId::Map(13)) && process.has_open(ObjectId::Map(14)));
        // One of them may not be asked.
        fs::remove_dir_all(root.join("task/23/fd"))?;
        fs::write(root.join("task/23/fd"), "no directory")?;
        let found = Processes::read(proc.path(), &mut incomplete);
        assert_eq!((found.processes, incomplete.len()), (vec![], 1));
        Ok(())
    }

    #[test]
    fn whether_these_are_all_processes_is_told_by_the_first() -> io::Result<()> {
        let proc = tempfile::tempdir()?;
        let all = |pids: &[u32]| has_all(proc.path(), pids);
        assert!(!all(&[1, 2]), "nothing is known");
        fs::create_dir_all(proc.path().join("self/ns"))?;
        assert!(all(&[1, 2]), "there are no such namespaces");
        assert!(!all(&[2]), "hidden");
        symlink("pid:[4026532198]", proc.path().join("self/ns/pid"))?;
        assert!(!all(&[1, 2]));
        // That of the host in a container.
        fs::create_dir_all(proc.path().join("1/ns"))?;
        symlink(INITIAL, proc.path().join("1/ns/pid"))?;
        assert!(all(&[1, 2]));
        Ok(())
    }

    #[test]
    fn no_proc_is_said() {
        let mut incomplete = Vec::new();
        Processes::read(Path::new("/not/there"), &mut incomplete);
        assert_eq!(incomplete.len(), 1);
        assert_eq!(
            incomplete[0].to_string(),
            "/not/there cannot be read: No such file or directory (os error 2)"
        );
    }
}
