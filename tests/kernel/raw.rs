//! Maps that no loader makes: with BTF and names of the test's choice.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use aya_obj::generated::{bpf_attr, bpf_cmd};

/// A map to be made.
pub struct Create<'a> {
    pub map_type: u32,
    pub name: &'a str,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
    pub map_flags: u32,
    /// BTF that is loaded, and the ids of the types of key and value in it.
    pub btf: Option<(&'a OwnedFd, [u32; 2])>,
    /// What the maps in a map of maps are like.
    pub inner: Option<&'a OwnedFd>,
}

/// All zeros, which is what the kernel takes for "not given".
fn attributes() -> bpf_attr {
    // SAFETY: a union of integers and of structs of integers.
    unsafe { std::mem::zeroed() }
}

/// A call whose answer is a new descriptor.
///
/// # Safety
///
/// As for [`call`].
unsafe fn bpf(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promise.
    let fd = unsafe { call(command, attr) }?;
    // SAFETY: the kernel just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The system call.
///
/// # Safety
///
/// Every address in `attr` must be valid for what the kernel reads there.
unsafe fn call(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<i32> {
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

/// Gives BTF to the kernel.
pub fn load_btf(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut attr = attributes();
    attr.__bindgen_anon_7.btf = bytes.as_ptr().expose_provenance() as u64;
    attr.__bindgen_anon_7.btf_size = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    // SAFETY: `bytes` is as long as that.
    unsafe { bpf(bpf_cmd::BPF_BTF_LOAD, &mut attr) }
}

/// Keeps user space from writing to a map from now on: `BPF_MAP_FREEZE`.
pub fn freeze(map: impl AsFd) -> io::Result<()> {
    let mut attr = attributes();
    attr.__bindgen_anon_2.map_fd = map.as_fd().as_raw_fd().cast_unsigned();
    // SAFETY: no addresses.
    unsafe { call(bpf_cmd::BPF_MAP_FREEZE, &mut attr) }.map(drop)
}

impl Create<'_> {
    pub fn create(&self) -> io::Result<OwnedFd> {
        let mut attr = attributes();
        // SAFETY: zeros are valid for every part of the union.
        let map = unsafe { &mut attr.__bindgen_anon_1 };
        map.map_type = self.map_type;
        map.key_size = self.key_size;
        map.value_size = self.value_size;
        map.max_entries = self.max_entries;
        map.map_flags = self.map_flags;
        for (to, from) in map.map_name.iter_mut().zip(self.name.bytes()) {
            *to = from.cast_signed();
        }
        if let Some((btf, [key, value])) = self.btf {
            map.btf_fd = btf.as_raw_fd().cast_unsigned();
            map.btf_key_type_id = key;
            map.btf_value_type_id = value;
        }
        if let Some(inner) = self.inner {
            map.inner_map_fd = inner.as_raw_fd().cast_unsigned();
        }
        // SAFETY: no addresses.
        unsafe { bpf(bpf_cmd::BPF_MAP_CREATE, &mut attr) }
    }
}
