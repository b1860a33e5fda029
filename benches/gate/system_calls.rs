//! The system calls of the gate, and nothing else.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use aya_obj::generated::{bpf_attr, bpf_btf_info, bpf_cmd, bpf_map_info};

/// What has to be asked of the kernel before the BTF of maps can be compared.
pub struct SystemCalls<'a> {
    /// Of one program, so they have one BTF.
    maps: Vec<BorrowedFd<'a>>,
    /// Where the BTF goes. Kept, as memory is not what is measured here.
    btf: Vec<u8>,
    /// The descriptors that a typed map has of its own.
    open: Vec<OwnedFd>,
}

impl<'a> SystemCalls<'a> {
    /// The calls that the gate makes when it opens `maps`.
    pub fn of_gates(maps: Vec<BorrowedFd<'a>>) -> Self {
        Self { maps, btf: Vec::new(), open: Vec::new() }
    }

    /// Makes each call once, in the gate's order.
    pub fn perform(&mut self) -> io::Result<()> {
        let mut known = 0;
        for map in &self.maps {
            // `F_DUPFD_CLOEXEC`.
            let map = map.try_clone_to_owned()?;
            // SAFETY: integers only.
            let mut map_info: bpf_map_info = unsafe { std::mem::zeroed() };
            // SAFETY: there are no addresses in it.
            unsafe { describe(map.as_fd(), &mut map_info) }?;
            self.open.push(map);
            if map_info.btf_id == known {
                continue;
            }
            known = map_info.btf_id;
            let btf = open_btf(known)?;
            let len = read_btf(&btf, &mut [])?;
            self.btf.resize(len, 0);
            read_btf(&btf, &mut self.btf)?;
        }
        // A descriptor is closed in the end.
        self.open.clear();
        Ok(())
    }
}

/// Reads as much BTF as there is room for, and answers how long all of it is.
fn read_btf(btf: &OwnedFd, bytes: &mut [u8]) -> io::Result<usize> {
    // SAFETY: integers only.
    let mut info: bpf_btf_info = unsafe { std::mem::zeroed() };
    info.btf = bytes.as_mut_ptr().expose_provenance() as u64;
    info.btf_size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    // SAFETY: `bytes` is as long as `info` says.
    unsafe { describe(btf.as_fd(), &mut info) }?;
    Ok(info.btf_size as usize)
}

/// `BPF_OBJ_GET_INFO_BY_FD`.
///
/// # Safety
///
/// `info` must be the kernel's structure for what `fd` is, and every address in
/// it valid for as many bytes as it says.
unsafe fn describe<T>(fd: BorrowedFd<'_>, info: &mut T) -> io::Result<()> {
    let mut attr = attributes();
    attr.info.bpf_fd = fd.as_raw_fd().cast_unsigned();
    attr.info.info = std::ptr::from_mut(info).expose_provenance() as u64;
    attr.info.info_len = u32::try_from(size_of::<T>()).unwrap_or(u32::MAX);
    // SAFETY: `info` is as long as the request says and outlives the call; what
    // is in it is the caller's promise.
    unsafe { bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attr) }.map(drop)
}

/// `BPF_BTF_GET_FD_BY_ID`.
fn open_btf(id: u32) -> io::Result<OwnedFd> {
    let mut attr = attributes();
    attr.__bindgen_anon_6.__bindgen_anon_1.btf_id = id;
    // SAFETY: no addresses.
    let fd = unsafe { bpf(bpf_cmd::BPF_BTF_GET_FD_BY_ID, &mut attr) }?;
    // SAFETY: the kernel just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// All zeros, which is what the kernel takes for "not given".
fn attributes() -> bpf_attr {
    // SAFETY: a union of integers and of structs of integers.
    unsafe { std::mem::zeroed() }
}

/// The system call.
///
/// # Safety
///
/// Every address in `attr` must be valid for what `command` reads or writes
/// there.
unsafe fn bpf(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<i32> {
    // SAFETY: `attr` is valid for its size; the rest is the caller's promise.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as libc::c_int,
            std::ptr::from_mut(attr),
            size_of_val(attr),
        )
    };
    match i32::try_from(answer) {
        Ok(answer @ 0..) => Ok(answer),
        _ => Err(io::Error::last_os_error()),
    }
}
