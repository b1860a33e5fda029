//! The kernel's own BTF, mapped into memory: it is megabytes long, and the
//! kernel has it in memory already.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd};

use super::pages::Pages;

/// A file of sysfs that the kernel lets be mapped, which is a promise that its
/// bytes stay what they are.
pub(crate) struct Mapping(Pages);

impl Mapping {
    /// Maps all of `file`. `/sys/kernel/btf/vmlinux` can be since Linux 6.16;
    /// other files, and other kernels, answer with an error.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        // Anything else could be shortened or written to by somebody, under a
        // mount of theirs, and that would be undefined behaviour.
        if !is_in_sysfs(file)? {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        Pages::private(file.as_fd(), len).map(Self)
    }
}

/// Whether the kernel itself answers for the file.
pub(super) fn is_in_sysfs(file: &File) -> io::Result<bool> {
    // SAFETY: integers only.
    let mut found: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: `found` is what the kernel writes to.
    match unsafe { libc::fstatfs(file.as_raw_fd(), &mut found) } {
        // Their types differ between machines.
        0 => Ok(i128::from(found.f_type) == i128::from(libc::SYSFS_MAGIC)),
        _ => Err(io::Error::last_os_error()),
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: mapped for reading, all of it, for as long as `self` lives, and
        // not written to: see `Mapping`.
        unsafe { self.0.bytes().as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_sysfs_are_mapped() {
        // Somebody could shorten this one, or write to it.
        let file = File::open("Cargo.toml");
        let answer = file.and_then(|file| Mapping::of(&file));
        assert_eq!(answer.err().map(|error| error.kind()), Some(io::ErrorKind::Unsupported));
    }
}
