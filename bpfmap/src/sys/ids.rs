//! What the kernel holds, by the ids that it gives: maps, programs, links, BTF.

use std::os::fd::OwnedFd;

use aya_obj::generated::{BPF_F_RDONLY, bpf_attr, bpf_cmd};

use super::{Errno, attributes, bpf, bpf_fd};

/// What has ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Map,
    Program,
    Link,
    Btf,
}

/// The smallest id after `after`; `None` when there is none.
///
/// `BPF_MAP_GET_NEXT_ID` and `BPF_PROG_GET_NEXT_ID` since Linux 4.13,
/// `BPF_BTF_GET_NEXT_ID` since 5.3, `BPF_LINK_GET_NEXT_ID` since 5.8. Needs
/// `CAP_SYS_ADMIN`.
pub(crate) fn next_id(held: Held, after: u32) -> Result<Option<u32>, Errno> {
    let command = match held {
        Held::Map => bpf_cmd::BPF_MAP_GET_NEXT_ID,
        Held::Program => bpf_cmd::BPF_PROG_GET_NEXT_ID,
        Held::Link => bpf_cmd::BPF_LINK_GET_NEXT_ID,
        Held::Btf => bpf_cmd::BPF_BTF_GET_NEXT_ID,
    };
    let mut attr: bpf_attr = attributes();
    attr.__bindgen_anon_6.__bindgen_anon_1.start_id = after;
    // SAFETY: no addresses.
    match unsafe { bpf(command, &mut attr) } {
        // SAFETY: an integer, which the kernel wrote.
        Ok(_) => Ok(Some(unsafe { attr.__bindgen_anon_6.next_id })),
        Err(Errno(libc::ENOENT)) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Opens what has that id. `ENOENT` when nothing has.
///
/// `BPF_MAP_GET_FD_BY_ID` and `BPF_PROG_GET_FD_BY_ID` since Linux 4.13,
/// `BPF_BTF_GET_FD_BY_ID` since 4.18, `BPF_LINK_GET_FD_BY_ID` since 5.8. Needs
/// `CAP_SYS_ADMIN`. Only maps open read-only.
pub(crate) fn open_id(held: Held, id: u32, read_only: bool) -> Result<OwnedFd, Errno> {
    let command = match held {
        Held::Map => bpf_cmd::BPF_MAP_GET_FD_BY_ID,
        Held::Program => bpf_cmd::BPF_PROG_GET_FD_BY_ID,
        Held::Link => bpf_cmd::BPF_LINK_GET_FD_BY_ID,
        Held::Btf => bpf_cmd::BPF_BTF_GET_FD_BY_ID,
    };
    let mut attr: bpf_attr = attributes();
    attr.__bindgen_anon_6.open_flags = if read_only { BPF_F_RDONLY } else { 0 };
    attr.__bindgen_anon_6.__bindgen_anon_1.start_id = id;
    // SAFETY: no addresses.
    unsafe { bpf_fd(command, &mut attr) }
}
