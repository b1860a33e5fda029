//! What a descriptor may be used for, and what a path is on.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// For what a descriptor was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    Both,
}

/// `F_GETFL`; `None` when it is not open.
pub(crate) fn access(fd: BorrowedFd<'_>) -> Option<Access> {
    // SAFETY: no addresses.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    match flags {
        ..0 => None,
        flags if flags & libc::O_ACCMODE == libc::O_RDONLY => Some(Access::Read),
        flags if flags & libc::O_ACCMODE == libc::O_WRONLY => Some(Access::Write),
        _ => Some(Access::Both),
    }
}

/// Whether a path is in a bpffs: `statfs(2)`.
pub(crate) fn is_in_bpffs(path: &Path) -> io::Result<bool> {
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: integers only.
    let mut found: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: `path` ends with a NUL, and both outlive the call.
    match unsafe { libc::statfs(path.as_ptr(), &raw mut found) } {
        0 => Ok(found.f_type == libc::BPF_FS_MAGIC),
        _ => Err(io::Error::last_os_error()),
    }
}
