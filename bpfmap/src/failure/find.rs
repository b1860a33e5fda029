//! Which of its causes an answer has: looks at the map, the thread, the path and
//! the kernel, and changes none of them.
//!
//! It is slow beside a system call, so only what has failed comes here.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use super::Kind;
use super::cause::Cause;
use super::needs::{Needs, feature_of};
use super::operation::Operation;
use super::surroundings::{self, CAP_BPF, CAP_SYS_ADMIN, Surroundings};
use crate::map_type::MapType;
use crate::probe::{Probes, Support};
use crate::sys::{self, Access, Errno, Map};

/// The cause of the answer to an operation on an open map.
#[cold]
pub(super) fn of_map(map: &Map, operation: Operation, errno: Errno) -> Option<Cause> {
    match errno.0 {
        libc::EPERM => {
            let (fd, kind) = (map.fd().as_fd(), Kind::of(map.info()));
            let seen = Seen {
                frozen: is_frozen(fd),
                access: sys::access(fd),
                constants: kind == Kind::Rodata,
                refuses_all: matches!(sys::map_info(fd), Err(Errno(libc::EPERM))),
            };
            refused(Needs::of(operation), Some(&seen), &Surroundings::read())
        }
        // Before Linux 6.5 the answer to freezing a map twice.
        libc::EBUSY if operation == Operation::Freeze => (is_frozen(map.fd().as_fd())
            == Some(true))
        .then_some(Cause::Frozen { by_loader: Kind::of(map.info()) == Kind::Rodata }),
        libc::EINVAL | libc::EOPNOTSUPP | Errno::NOTSUPP => {
            feature(operation, MapType::from_raw(map.info().map_type))
        }
        libc::ENOSYS => no_call(&Surroundings::read()),
        _ => None,
    }
}

/// The cause of the answer to what was to open a map.
#[cold]
pub(super) fn of_opening(operation: Operation, path: Option<&Path>, errno: Errno) -> Option<Cause> {
    match (errno.0, path) {
        (libc::EPERM, _) => refused(Needs::of(operation), None, &Surroundings::read()),
        (libc::ENOENT, Some(path)) => nothing_at(path),
        (libc::EACCES, Some(path)) => not_opened(path),
        (libc::EINVAL, None) => feature(operation, MapType::HASH),
        (libc::ENOSYS, _) => no_call(&Surroundings::read()),
        _ => None,
    }
}

/// What is seen of a map that is open.
struct Seen {
    frozen: Option<bool>,
    access: Option<Access>,
    /// Whether it is a section of constants.
    constants: bool,
    /// Whether even a call that needs nothing is refused.
    refuses_all: bool,
}

/// Why `EPERM`.
fn refused(needs: Needs, seen: Option<&Seen>, around: &Surroundings) -> Option<Cause> {
    let writes = matches!(needs, Needs::Write | Needs::Both | Needs::Freeze);
    let reads = matches!(needs, Needs::Read | Needs::Both);
    if let Some(seen) = seen {
        match (seen.frozen, seen.access) {
            (Some(true), _) if writes => {
                return Some(Cause::Frozen { by_loader: seen.constants });
            }
            (_, Some(Access::Read)) if writes => return Some(Cause::OpenedReadOnly),
            (_, Some(Access::Write)) if reads => return Some(Cause::OpenedWriteOnly),
            _ => {}
        }
    }
    let seccomp = around.seccomp;
    let (capability, any) = match needs {
        Needs::SysAdmin => ("CAP_SYS_ADMIN", CAP_SYS_ADMIN),
        _ => ("CAP_BPF", CAP_BPF | CAP_SYS_ADMIN),
    };
    let refuses_all = match seen {
        Some(seen) => seen.refuses_all,
        // An empty path is refused with another errno where the call is allowed.
        None => matches!(sys::open_pin(Path::new(""), true), Err(Errno(libc::EPERM))),
    };
    let is_needed = needs == Needs::SysAdmin || refuses_all;
    if is_needed && !around.has_any(any) {
        let disabled = around.unprivileged_bpf_disabled.filter(|value| *value != 0);
        let disabled = disabled.filter(|_| needs != Needs::SysAdmin);
        // Without that setting it is not the kernel that demands it.
        if needs == Needs::SysAdmin || disabled.is_some() {
            let seccomp = seccomp && refuses_all;
            return Some(Cause::Capability {
                lacking: capability,
                unprivileged_bpf_disabled: disabled,
                seccomp,
            });
        }
    }
    if refuses_all && seccomp {
        return Some(Cause::Seccomp);
    }
    if is_needed && !around.first_user_namespace {
        return Some(Cause::UserNamespace { capability });
    }
    // Kernels before 6.5 demand it to freeze a map, and do not say so.
    if needs == Needs::Freeze && !around.has_any(any) {
        return None;
    }
    // What was not seen is not ruled out, and the table lists all that it may be.
    let all_was_seen = seen.is_none_or(|seen| seen.frozen.is_some() && seen.access.is_some());
    (all_was_seen && around.capabilities.is_some()).then(|| Cause::Others {
        seccomp,
        security_modules: around.security_modules.clone(),
        lockdown: around.lockdown.clone(),
    })
}

/// Why `ENOSYS`: the kernel has its file system for pins when it has the call.
fn no_call(around: &Surroundings) -> Option<Cause> {
    match around.has_bpf {
        Some(false) => Some(Cause::NotBuilt),
        Some(true) if around.seccomp => Some(Cause::Seccomp),
        _ => None,
    }
}

/// Whether the kernel has what the operation needs; `None` when it needs nothing
/// that may be missing, or it cannot be told.
fn feature(operation: Operation, map_type: MapType) -> Option<Cause> {
    let feature = feature_of(operation, map_type)?;
    // Asked anew: an answer that was kept may be that of another thread, with other
    // filters.
    match Probes::new().support(feature) {
        Support::Yes => Some(Cause::HasFeature(feature)),
        Support::No => Some(Cause::NoFeature(feature)),
        Support::Unknown(_) => None,
    }
}

/// Whether user space cannot write to a map any more; `None` when the kernel does
/// not say, as before Linux 5.2.
fn is_frozen(fd: BorrowedFd<'_>) -> Option<bool> {
    // Descriptors are those of the process, but a thread may have its own.
    let path = format!("/proc/thread-self/fdinfo/{}", fd.as_raw_fd());
    let text = std::fs::read_to_string(path).ok()?;
    let frozen = text.lines().find_map(|line| line.strip_prefix("frozen:"))?;
    Some(frozen.trim() == "1")
}

/// Why there is nothing at a path.
fn nothing_at(path: &Path) -> Option<Cause> {
    let path = std::path::absolute(path).ok()?;
    let directory = path.parent()?;
    // The first ancestor that is not there, and the one that it would be in.
    let mut missing: Option<&Path> = None;
    let mut there = directory;
    while !there.is_dir() {
        missing = Some(there);
        there = there.parent()?;
    }
    let in_bpffs = sys::is_in_bpffs(there).ok()?;
    Some(match (missing, in_bpffs) {
        (Some(missing), in_bpffs) => {
            Cause::NoDirectory { missing: missing.into(), in_bpffs, mounted: surroundings::bpffs() }
        }
        (None, false) => {
            Cause::NotInBpffs { path: directory.into(), mounted: surroundings::bpffs() }
        }
        (None, true) => {
            Cause::NothingPinned { directory: directory.into(), names: names_in(directory) }
        }
    })
}

/// What there is in a directory; some of it, when that is much.
fn names_in(directory: &Path) -> Vec<String> {
    const MAX: usize = 16;
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let names = entries.take(1024).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    // The kernel's own, in every bpffs.
    let names = names.filter(|name| !matches!(&**name, "maps.debug" | "progs.debug"));
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.truncate(MAX);
    names
}

/// Why what is at a path was not opened.
fn not_opened(path: &Path) -> Option<Cause> {
    use std::os::unix::fs::PermissionsExt;
    match sys::is_in_bpffs(path) {
        Ok(false) => {
            let path = PathBuf::from(path);
            Some(Cause::NotInBpffs { path, mounted: surroundings::bpffs() })
        }
        Ok(true) => {
            let mode = std::fs::metadata(path).ok().map(|file| file.permissions().mode());
            Some(Cause::Permissions { mode, to_read: false })
        }
        // It cannot even be reached.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Some(Cause::Permissions { mode: None, to_read: false })
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Surroundings {
        Surroundings {
            capabilities: Some(u64::MAX),
            first_user_namespace: true,
            has_bpf: Some(true),
            security_modules: Some(Vec::new()),
            ..Surroundings::default()
        }
    }

    fn open() -> Seen {
        let (frozen, access) = (Some(false), Some(Access::Both));
        Seen { frozen, access, constants: false, refuses_all: false }
    }

    #[test]
    fn what_the_map_forbids_comes_first() {
        let nothing = Surroundings { capabilities: Some(0), ..all() };
        let frozen = Seen { frozen: Some(true), ..open() };
        let of = |needs, seen: &Seen| refused(needs, Some(seen), &nothing);
        assert_eq!(of(Needs::Write, &frozen), Some(Cause::Frozen { by_loader: false }));
        assert_eq!(of(Needs::Both, &frozen), Some(Cause::Frozen { by_loader: false }));
        // It may be read.
        assert!(matches!(of(Needs::Read, &frozen), Some(Cause::Others { .. })));
        let read = Seen { access: Some(Access::Read), ..open() };
        assert_eq!(of(Needs::Write, &read), Some(Cause::OpenedReadOnly));
        assert!(matches!(of(Needs::Read, &read), Some(Cause::Others { .. })));
        let write = Seen { access: Some(Access::Write), ..open() };
        assert_eq!(of(Needs::Both, &write), Some(Cause::OpenedWriteOnly));
        assert!(matches!(of(Needs::Write, &write), Some(Cause::Others { .. })));
    }

    #[test]
    fn a_capability_is_named_where_the_kernel_demands_it() {
        let locked = Seen { refuses_all: true, ..open() };
        let nobody =
            Surroundings { capabilities: Some(0), unprivileged_bpf_disabled: Some(2), ..all() };
        let lacking = |seccomp| Cause::Capability {
            lacking: "CAP_BPF",
            unprivileged_bpf_disabled: Some(2),
            seccomp,
        };
        assert_eq!(refused(Needs::Read, Some(&locked), &nobody), Some(lacking(false)));
        // The one stands in for the other.
        let admin = Surroundings { capabilities: Some(CAP_SYS_ADMIN), ..nobody.clone() };
        assert!(matches!(refused(Needs::Read, Some(&locked), &admin), Some(Cause::Others { .. })));
        // Newer kernels do not demand it for a map that is open.
        assert!(matches!(refused(Needs::Read, Some(&open()), &nobody), Some(Cause::Others { .. })));
        let filtered = Surroundings { seccomp: true, ..nobody.clone() };
        assert_eq!(refused(Needs::Read, Some(&locked), &filtered), Some(lacking(true)));
        // Where everybody may, it is the filter.
        let everybody = Surroundings { unprivileged_bpf_disabled: Some(0), ..filtered };
        assert_eq!(refused(Needs::Read, Some(&locked), &everybody), Some(Cause::Seccomp));
        let root = Surroundings { seccomp: true, ..all() };
        assert_eq!(refused(Needs::Read, Some(&locked), &root), Some(Cause::Seccomp));
        let rootless = Surroundings { first_user_namespace: false, ..all() };
        let inside = Cause::UserNamespace { capability: "CAP_BPF" };
        assert_eq!(refused(Needs::Read, Some(&locked), &rootless), Some(inside));
    }

    #[test]
    fn what_was_not_seen_is_not_ruled_out() {
        let unseen = Seen { frozen: None, ..open() };
        assert_eq!(refused(Needs::Write, Some(&unseen), &all()), None);
        let unread = Surroundings { capabilities: None, ..all() };
        assert_eq!(refused(Needs::Write, Some(&open()), &unread), None);
        let others = Surroundings { lockdown: Some("integrity".into()), ..all() };
        let text = refused(Needs::Write, Some(&open()), &others).unwrap().to_string();
        assert!(text.contains("locked down (integrity), which does not concern maps"), "{text}");
    }

    #[test]
    fn a_hidden_call_is_told_from_one_that_was_not_built() {
        assert_eq!(no_call(&Surroundings { has_bpf: Some(false), ..all() }), Some(Cause::NotBuilt));
        let filtered = Surroundings { seccomp: true, ..all() };
        assert_eq!(no_call(&filtered), Some(Cause::Seccomp));
        assert_eq!(no_call(&all()), None);
        assert_eq!(no_call(&Surroundings { has_bpf: None, ..filtered }), None);
    }
}
