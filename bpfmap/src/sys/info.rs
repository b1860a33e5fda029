//! What the kernel says of a map or of BTF.

use std::os::fd::{AsRawFd, BorrowedFd};

use aya_obj::generated::{
    bpf_attr, bpf_btf_info, bpf_cmd, bpf_link_info, bpf_link_type, bpf_map_info, bpf_prog_info,
};

use super::{Errno, attributes, bpf, number};

/// `struct bpf_map_info`, as far as it is needed here.
#[derive(Clone, Debug)]
pub(crate) struct MapInfo {
    pub(crate) map_type: u32,
    pub(crate) id: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) map_flags: u32,
    /// Cut off after 15 bytes.
    pub(crate) name: String,
    /// 0 when the kernel has no BTF for the map.
    pub(crate) btf_id: u32,
    /// Ids within that BTF; 0 is void.
    pub(crate) btf_key_type_id: u32,
    pub(crate) btf_value_type_id: u32,
    /// The type of the value in the kernel's own BTF, for `struct_ops`; else 0.
    pub(crate) btf_vmlinux_value_type_id: u32,
    /// What depends on the type of the map, such as the number of hash functions
    /// of a bloom filter; since Linux 5.16.
    pub(crate) map_extra: u64,
}

/// `struct bpf_prog_info`, as far as it is needed here.
#[derive(Clone, Debug)]
pub(crate) struct ProgramInfo {
    pub(crate) prog_type: u32,
    pub(crate) id: u32,
    /// Cut off after 15 bytes.
    pub(crate) name: String,
    /// 0 when it was loaded without BTF.
    pub(crate) btf_id: u32,
    /// The maps that it uses.
    pub(crate) map_ids: Vec<u32>,
}

/// `struct bpf_link_info`, as far as it is needed here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkInfo {
    pub(crate) link_type: u32,
    pub(crate) id: u32,
    /// The program that is attached; 0 for a link of `struct_ops`.
    pub(crate) prog_id: u32,
    /// The map that a link of `struct_ops` is of, or that an iterator walks.
    pub(crate) map_id: Option<u32>,
}

/// `BPF_OBJ_GET_INFO_BY_FD` on a map, since Linux 4.13. Needs no privilege
/// beyond the descriptor.
pub(crate) fn map_info(fd: BorrowedFd<'_>) -> Result<MapInfo, Errno> {
    let mut info: bpf_map_info = nothing_asked();
    // SAFETY: nothing is asked for.
    unsafe { ask(fd, &mut info) }?;
    Ok(MapInfo {
        map_type: info.type_,
        id: info.id,
        key_size: info.key_size,
        value_size: info.value_size,
        max_entries: info.max_entries,
        map_flags: info.map_flags,
        name: name(info.name),
        btf_id: info.btf_id,
        btf_key_type_id: info.btf_key_type_id,
        btf_value_type_id: info.btf_value_type_id,
        btf_vmlinux_value_type_id: info.btf_vmlinux_value_type_id,
        map_extra: info.map_extra,
    })
}

/// A name as the kernel keeps it.
fn name(bytes: [std::ffi::c_char; 16]) -> String {
    let bytes = bytes.map(|c| c.cast_unsigned());
    let len = bytes.iter().position(|c| *c == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..len]).into_owned()
}

/// `BPF_OBJ_GET_INFO_BY_FD` on a program, since Linux 4.13. The maps are told to
/// a process with `CAP_BPF` and `CAP_PERFMON`, to others there are none.
pub(crate) fn program_info(fd: BorrowedFd<'_>) -> Result<ProgramInfo, Errno> {
    let mut map_ids: Vec<u32> = Vec::new();
    for _ in 0..MOST_TRIES {
        let mut info: bpf_prog_info = nothing_asked();
        info.map_ids = map_ids.as_mut_ptr().expose_provenance() as u64;
        info.nr_map_ids = u32::try_from(map_ids.len()).unwrap_or(u32::MAX);
        // SAFETY: `map_ids` is as long as `info` says, and outlives the call.
        unsafe { ask(fd, &mut info) }?;
        // The kernel answers with how many there are, however many it copied.
        let len = info.nr_map_ids as usize;
        if len <= map_ids.len() {
            map_ids.truncate(len);
            return Ok(ProgramInfo {
                prog_type: info.type_,
                id: info.id,
                name: name(info.name),
                btf_id: info.btf_id,
                map_ids,
            });
        }
        map_ids.resize(len, 0);
    }
    Err(Errno(libc::EAGAIN))
}

/// The id of the BTF with which a program was loaded, 0 for none; the kernel says
/// so since Linux 5.0.
pub(crate) fn program_btf_id(fd: BorrowedFd<'_>) -> Result<u32, Errno> {
    let mut info: bpf_prog_info = nothing_asked();
    // SAFETY: nothing is asked for.
    unsafe { ask(fd, &mut info) }?;
    Ok(info.btf_id)
}

/// `BPF_OBJ_GET_INFO_BY_FD` on a link, since Linux 5.8.
pub(crate) fn link_info(fd: BorrowedFd<'_>) -> Result<LinkInfo, Errno> {
    const STRUCT_OPS: u32 = bpf_link_type::BPF_LINK_TYPE_STRUCT_OPS as u32;
    const ITER: u32 = bpf_link_type::BPF_LINK_TYPE_ITER as u32;
    let mut info: bpf_link_info = nothing_asked();
    // SAFETY: nothing is asked for.
    unsafe { ask(fd, &mut info) }?;
    let map_id = match info.type_ {
        // SAFETY: an integer, whatever was written to the union.
        STRUCT_OPS => Some(unsafe { info.__bindgen_anon_1.struct_ops.map_id }),
        ITER => {
            // SAFETY: as above, and of an iterator over something else it is zero.
            let iter = unsafe { info.__bindgen_anon_1.iter };
            // SAFETY: as above.
            Some(unsafe { iter.__bindgen_anon_1.map }.map_id)
        }
        _ => None,
    };
    // There is no map of id 0: an iterator over something else.
    let map_id = map_id.filter(|id| *id != 0);
    Ok(LinkInfo { link_type: info.type_, id: info.id, prog_id: info.prog_id, map_id })
}

/// The bytes of BTF that is open as `fd`; since Linux 4.18.
pub(crate) fn btf_bytes(fd: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
    let mut bytes: Vec<u8> = Vec::new();
    for _ in 0..MOST_TRIES {
        let mut info: bpf_btf_info = nothing_asked();
        info.btf = bytes.as_mut_ptr().expose_provenance() as u64;
        info.btf_size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        // SAFETY: `bytes` is as long as `info` says, and outlives the call.
        unsafe { ask(fd, &mut info) }?;
        // The kernel answers with the size of the BTF, whatever it copied.
        let size = info.btf_size as usize;
        if size <= bytes.len() {
            bytes.truncate(size);
            return Ok(bytes);
        }
        bytes.resize(size, 0);
    }
    Err(Errno(libc::EAGAIN))
}

/// How often a size that was asked for is taken to have grown meanwhile. It
/// hardly ever has.
const MOST_TRIES: usize = 8;

/// What the kernel says of a descriptor.
///
/// # Safety
///
/// It must be made of integers, and be what the kernel takes for "nothing is
/// asked for" when all of them are zero.
unsafe trait Info {}

// SAFETY: integers, unions and structs of them; without lengths no address is
// looked at. Older kernels fill in less of it, and zero is "none".
unsafe impl Info for bpf_map_info {}
// SAFETY: as above.
unsafe impl Info for bpf_prog_info {}
// SAFETY: as above.
unsafe impl Info for bpf_link_info {}
// SAFETY: as above.
unsafe impl Info for bpf_btf_info {}

fn nothing_asked<I: Info>() -> I {
    // SAFETY: it is made of integers.
    unsafe { std::mem::zeroed() }
}

/// `BPF_OBJ_GET_INFO_BY_FD`.
///
/// # Safety
///
/// Each address in `info` must be valid for the length that it has there.
unsafe fn ask<I: Info>(fd: BorrowedFd<'_>, info: &mut I) -> Result<(), Errno> {
    let mut attr: bpf_attr = attributes();
    attr.info.bpf_fd = number(fd);
    attr.info.info = std::ptr::from_mut(info).expose_provenance() as u64;
    attr.info.info_len = u32::try_from(size_of::<I>()).unwrap_or(u32::MAX);
    // SAFETY: `info` is as long as that, and outlives the call; the rest is the
    // caller's promise.
    unsafe { bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attr) }?;
    #[cfg(feature = "fault-injection")]
    {
        let bytes = std::ptr::from_mut(info).cast::<u8>();
        // SAFETY: integers, of whatever value.
        super::fault::rewrite(unsafe { std::slice::from_raw_parts_mut(bytes, size_of::<I>()) });
    }
    Ok(())
}

/// Whether an open descriptor is a BPF map; `None` when `/proc` does not tell.
///
/// The kernel describes a program or BTF through the same call as a map, so its
/// answer alone does not tell what was described.
pub(crate) fn is_map(fd: BorrowedFd<'_>) -> Option<bool> {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()?;
    Some(link.to_str() == Some("anon_inode:bpf-map"))
}
