//! Every `bpf(2)` call of this crate, with types.
//!
//! The functions outside are safe: a descriptor is borrowed or owned, and
//! [`Map`] compares each buffer with the sizes that the kernel itself gave for
//! the map, so the kernel never writes past one.

#![allow(unsafe_code, reason = "system calls take addresses")]

mod access;
mod batch;
mod cpus;
mod create;
mod element;
#[cfg(feature = "fault-injection")]
pub mod fault;
mod ids;
mod info;
mod mapping;
mod memory;
mod pages;
mod program;
mod ring;

use std::fmt::{self, Display, Formatter};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;

use aya_obj::generated::{BPF_F_RDONLY, bpf_attr, bpf_cmd};

pub(crate) use access::{Access, access, is_in_bpffs};
pub(crate) use batch::{Cursor, Partial};
pub(crate) use cpus::{POSSIBLE as POSSIBLE_CPUS, possible as possible_cpus};
pub(crate) use create::{NewMap, create_map, freeze, load_btf};
pub(crate) use element::{Map, NotDescribed, Update};
pub(crate) use ids::{Held, next_id, open_id};
pub(crate) use info::{
    LinkInfo, MapInfo, ProgramInfo, btf_bytes, is_map, link_info, map_info, program_btf_id,
    program_info,
};
pub(crate) use mapping::Mapping;
pub(crate) use memory::SharedWords;
pub(crate) use pages::{memlock_limit, page_size};
pub(crate) use program::{Output, Program};
pub(crate) use ring::{Corrupt, Ring, wait};

/// What the kernel answered instead of success.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) i32);

impl Errno {
    /// The kernel's internal `ENOTSUPP`, which has no name in libc: the map's
    /// type does not have the operation.
    pub(crate) const NOTSUPP: i32 = 524;

    fn last() -> Self {
        // `bpf` fails with an errno, always.
        Self(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
    }
}

impl Display for Errno {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Self::NOTSUPP => {
                f.write_str("Operation not supported by this type of map (os error 524)")
            }
            errno => std::io::Error::from_raw_os_error(errno).fmt(f),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "Errno({})", self.0)
    }
}

/// What `bpf(2)` takes: `bpf_attr`, or the part of it that a command has. The
/// kernel takes the rest for zero, and it is most of what there is to copy.
///
/// # Safety
///
/// It must be a beginning of `bpf_attr`, and made of integers.
unsafe trait Attributes {}

// SAFETY: all of it.
unsafe impl Attributes for bpf_attr {}

/// All zeros, which is what the kernel takes for "not given".
fn attributes<A: Attributes>() -> A {
    // SAFETY: integers, unions and structs of them.
    unsafe { std::mem::zeroed() }
}

/// The system call.
///
/// # Safety
///
/// Every address in `attr` must be valid for what `command` reads or writes
/// there.
#[inline]
unsafe fn bpf<A: Attributes>(command: bpf_cmd, attr: &mut A) -> Result<i32, Errno> {
    #[cfg(feature = "fault-injection")]
    if let Some(errno) = fault::answer(command) {
        return Err(Errno(errno));
    }
    // SAFETY: `attr` is valid for its size; the rest is the caller's promise.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as libc::c_int,
            std::ptr::from_mut(attr),
            size_of_val(attr),
        )
    };
    let answer = match i32::try_from(answer) {
        Ok(answer @ 0..) => Ok(answer),
        _ => Err(Errno::last()),
    };
    #[cfg(feature = "fault-injection")]
    if let Some(errno) = fault::answer_after(command) {
        return Err(Errno(errno));
    }
    answer
}

/// A call whose answer is a new descriptor; the kernel opens it close-on-exec.
///
/// # Safety
///
/// As for [`bpf`].
unsafe fn bpf_fd<A: Attributes>(command: bpf_cmd, attr: &mut A) -> Result<OwnedFd, Errno> {
    // SAFETY: the caller's promise.
    let fd = unsafe { bpf(command, attr) }?;
    // SAFETY: the kernel just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Opens what is pinned at `path`: `BPF_OBJ_GET`, since Linux 4.4; read-only
/// since 4.15.
pub(crate) fn open_pin(path: &Path, read_only: bool) -> Result<OwnedFd, Errno> {
    use std::os::unix::ffi::OsStrExt;
    let path =
        std::ffi::CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno(libc::EINVAL))?;
    let mut attr: bpf_attr = attributes();
    attr.__bindgen_anon_4.pathname = path.as_ptr().expose_provenance() as u64;
    attr.__bindgen_anon_4.file_flags = if read_only { BPF_F_RDONLY } else { 0 };
    // SAFETY: `path` ends with a NUL and outlives the call.
    unsafe { bpf_fd(bpf_cmd::BPF_OBJ_GET, &mut attr) }
}

/// A close-on-exec duplicate.
pub(crate) fn duplicate(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let errno = |error: std::io::Error| Errno(error.raw_os_error().unwrap_or(libc::EBADF));
    fd.try_clone_to_owned().map_err(errno)
}

/// A descriptor as `bpf_attr` has it. Open descriptors are not negative.
#[inline]
fn number(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}
