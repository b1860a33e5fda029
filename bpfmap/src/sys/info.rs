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
    /// The map that a link of `struct_ops` is of.
    pub(crate) map_id: Option<u32>,
}

/// `BPF_OBJ_GET_INFO_BY_FD` on a map, since Linux 4.13. Needs no privilege
/// beyond the descriptor.
pub(crate) fn map_info(fd: BorrowedFd<'_>) -> Result<MapInfo, Errno> {
    // SAFETY: integers only. Older kernels fill in less of it; zero is "none".
    let mut info: bpf_map_info = unsafe { std::mem::zeroed() };
    let mut attr =
        request(fd, std::ptr::from_mut(&mut info).expose_provenance(), size_of_val(&info));
    // SAFETY: `info` is as long as the request says and outlives the call.
    unsafe { bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attr) }?;
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
    loop {
        // SAFETY: integers only, and zero lengths for what is not asked for.
        let mut info: bpf_prog_info = unsafe { std::mem::zeroed() };
        info.map_ids = map_ids.as_mut_ptr().expose_provenance() as u64;
        info.nr_map_ids = u32::try_from(map_ids.len()).unwrap_or(u32::MAX);
        let mut attr =
            request(fd, std::ptr::from_mut(&mut info).expose_provenance(), size_of_val(&info));
        // SAFETY: `info` is as long as the request says, `map_ids` as long as
        // `info` says, and both outlive the call.
        unsafe { bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attr) }?;
        // The kernel answers with how many there are, however many it copied.
        let len = info.nr_map_ids as usize;
        if len > map_ids.len() {
            map_ids.resize(len, 0);
            continue;
        }
        map_ids.truncate(len);
        return Ok(ProgramInfo {
            prog_type: info.type_,
            id: info.id,
            name: name(info.name),
            btf_id: info.btf_id,
            map_ids,
        });
    }
}

/// `BPF_OBJ_GET_INFO_BY_FD` on a link, since Linux 5.8.
pub(crate) fn link_info(fd: BorrowedFd<'_>) -> Result<LinkInfo, Errno> {
    const STRUCT_OPS: u32 = bpf_link_type::BPF_LINK_TYPE_STRUCT_OPS as u32;
    // SAFETY: integers only, and zero lengths for the names that are not asked
    // for.
    let mut info: bpf_link_info = unsafe { std::mem::zeroed() };
    let mut attr =
        request(fd, std::ptr::from_mut(&mut info).expose_provenance(), size_of_val(&info));
    // SAFETY: `info` is as long as the request says and outlives the call.
    unsafe { bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attr) }?;
    let map_id = match info.type_ {
        // SAFETY: an integer, whatever was written to the union.
        STRUCT_OPS => Some(unsafe { info.__bindgen_anon_1.struct_ops.map_id }),
        _ => None,
    };
    Ok(LinkInfo { link_type: info.type_, id: info.id, prog_id: info.prog_id, map_id })
}

/// The id of the BTF with which a program was loaded, 0 for none:
/// `BPF_OBJ_GET_INFO_BY_FD` on a program, which says so since Linux 5.0.
pub(crate) fn program_btf_id(fd: BorrowedFd<'_>) -> Result<u32, Errno> {
    // SAFETY: integers only, and zero lengths for what is not asked for.
    let mut info: bpf_prog_info = unsafe { std::mem::zeroed() };
    let mut attr =
        request(fd, std::ptr::from_mut(&mut info).expose_provenance(), size_of_val(&info));
    // SAFETY: `info` is as long as the request says and outlives the call; it
    // asks for nothing to be written elsewhere.
    unsafe { bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attr) }?;
    Ok(info.btf_id)
}

/// The bytes of BTF that is open as `fd`; since Linux 4.18.
pub(crate) fn btf_bytes(fd: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        // SAFETY: integers only.
        let mut info: bpf_btf_info = unsafe { std::mem::zeroed() };
        info.btf = bytes.as_mut_ptr().expose_provenance() as u64;
        info.btf_size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut attr =
            request(fd, std::ptr::from_mut(&mut info).expose_provenance(), size_of_val(&info));
        // SAFETY: `info` is as long as the request says, `bytes` as long as
        // `info` says, and both outlive the call.
        unsafe { bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attr) }?;
        // The kernel answers with the size of the BTF, whatever it copied.
        let size = info.btf_size as usize;
        if size <= bytes.len() {
            bytes.truncate(size);
            return Ok(bytes);
        }
        bytes.resize(size, 0);
    }
}

fn request(fd: BorrowedFd<'_>, info: usize, len: usize) -> bpf_attr {
    let mut attr: bpf_attr = attributes();
    attr.info.bpf_fd = number(fd);
    attr.info.info = info as u64;
    attr.info.info_len = u32::try_from(len).unwrap_or(u32::MAX);
    attr
}

/// Whether an open descriptor is a BPF map; `None` when `/proc` does not tell.
///
/// The kernel describes a program or BTF through the same call as a map, so its
/// answer alone does not tell what was described.
pub(crate) fn is_map(fd: BorrowedFd<'_>) -> Option<bool> {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()?;
    Some(link.to_str() == Some("anon_inode:bpf-map"))
}
