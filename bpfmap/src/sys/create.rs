//! Making maps, and the BTF that they are made with.

use std::os::fd::{BorrowedFd, OwnedFd};

use aya_obj::generated::{bpf_attr, bpf_attr__bindgen_ty_1, bpf_cmd};

use super::{Attributes, Errno, attributes, bpf, bpf_fd, number};

/// The part of `bpf_attr` that describes a new map.
type Create = bpf_attr__bindgen_ty_1;

// SAFETY: integers, and `bpf_attr` is a union of it and others.
unsafe impl Attributes for Create {}

/// A map to be made; zero is "not given".
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NewMap<'a> {
    pub(crate) map_type: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) map_flags: u32,
    /// What the maps in a map of maps are like.
    pub(crate) inner: Option<BorrowedFd<'a>>,
    /// BTF, and the types of key and value in it.
    pub(crate) btf: Option<(BorrowedFd<'a>, [u32; 2])>,
    /// The type of the value in the kernel's own BTF, for `struct_ops`.
    pub(crate) vmlinux_value_type_id: u32,
}

/// `BPF_MAP_CREATE`, since Linux 3.18; most types need `CAP_BPF`.
pub(crate) fn create_map(map: &NewMap<'_>) -> Result<OwnedFd, Errno> {
    let mut attr: Create = attributes();
    attr.map_type = map.map_type;
    attr.key_size = map.key_size;
    attr.value_size = map.value_size;
    attr.max_entries = map.max_entries;
    attr.map_flags = map.map_flags;
    attr.inner_map_fd = map.inner.map_or(0, number);
    attr.btf_vmlinux_value_type_id = map.vmlinux_value_type_id;
    if let Some((btf, [key, value])) = map.btf {
        attr.btf_fd = number(btf);
        attr.btf_key_type_id = key;
        attr.btf_value_type_id = value;
    }
    // SAFETY: no addresses.
    unsafe { bpf_fd(bpf_cmd::BPF_MAP_CREATE, &mut attr) }
}

/// Gives BTF to the kernel: `BPF_BTF_LOAD`, since Linux 4.18; needs `CAP_BPF`.
pub(crate) fn load_btf(bytes: &[u8]) -> Result<OwnedFd, Errno> {
    let mut attr: bpf_attr = attributes();
    attr.__bindgen_anon_7.btf = bytes.as_ptr().expose_provenance() as u64;
    attr.__bindgen_anon_7.btf_size = u32::try_from(bytes.len()).map_err(|_| Errno(libc::E2BIG))?;
    // SAFETY: `bytes` is as long as that, and outlives the call.
    unsafe { bpf_fd(bpf_cmd::BPF_BTF_LOAD, &mut attr) }
}

/// Keeps user space from writing to a map from now on: `BPF_MAP_FREEZE`, since
/// Linux 5.2.
pub(crate) fn freeze(map: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut attr: bpf_attr = attributes();
    attr.__bindgen_anon_2.map_fd = number(map);
    // SAFETY: no addresses.
    unsafe { bpf(bpf_cmd::BPF_MAP_FREEZE, &mut attr) }.map(drop)
}
