//! Names for the kernel's numbers, as `bpftool` has them.

/// `enum bpf_prog_type`.
const PROGRAM_TYPES: [&str; 33] = [
    "unspec",
    "socket_filter",
    "kprobe",
    "sched_cls",
    "sched_act",
    "tracepoint",
    "xdp",
    "perf_event",
    "cgroup_skb",
    "cgroup_sock",
    "lwt_in",
    "lwt_out",
    "lwt_xmit",
    "sock_ops",
    "sk_skb",
    "cgroup_device",
    "sk_msg",
    "raw_tracepoint",
    "cgroup_sock_addr",
    "lwt_seg6local",
    "lirc_mode2",
    "sk_reuseport",
    "flow_dissector",
    "cgroup_sysctl",
    "raw_tracepoint_writable",
    "cgroup_sockopt",
    "tracing",
    "struct_ops",
    "ext",
    "lsm",
    "sk_lookup",
    "syscall",
    "netfilter",
];

/// `enum bpf_link_type`.
const LINK_TYPES: [&str; 15] = [
    "unspec",
    "raw_tracepoint",
    "tracing",
    "cgroup",
    "iter",
    "netns",
    "xdp",
    "perf_event",
    "kprobe_multi",
    "struct_ops",
    "netfilter",
    "tcx",
    "uprobe_multi",
    "netkit",
    "sockmap",
];

/// The flags of a map, by their bits.
const MAP_FLAGS: [&str; 20] = [
    "BPF_F_NO_PREALLOC",
    "BPF_F_NO_COMMON_LRU",
    "BPF_F_NUMA_NODE",
    "BPF_F_RDONLY",
    "BPF_F_WRONLY",
    "BPF_F_STACK_BUILD_ID",
    "BPF_F_ZERO_SEED",
    "BPF_F_RDONLY_PROG",
    "BPF_F_WRONLY_PROG",
    "BPF_F_CLONE",
    "BPF_F_MMAPABLE",
    "BPF_F_PRESERVE_ELEMS",
    "BPF_F_INNER_MAP",
    "BPF_F_LINK",
    "BPF_F_PATH_FD",
    "BPF_F_VTYPE_BTF_OBJ_FD",
    "BPF_F_TOKEN_FD",
    "BPF_F_SEGV_ON_FAULT",
    "BPF_F_NO_USER_CONV",
    "BPF_F_RB_OVERWRITE",
];

pub(super) fn program_type(number: u32) -> String {
    name(&PROGRAM_TYPES, number)
}

pub(super) fn link_type(number: u32) -> String {
    name(&LINK_TYPES, number)
}

/// A number that is newer than this crate stays one.
fn name(names: &[&str], number: u32) -> String {
    names.get(number as usize).map_or_else(|| number.to_string(), |name| (*name).into())
}

/// The names of the flags that are set; one without a name is a number.
pub(super) fn map_flags(flags: u32) -> Vec<String> {
    let set = (0..u32::BITS).filter(|bit| flags >> bit & 1 != 0);
    let name = |bit: u32| match MAP_FLAGS.get(bit as usize) {
        Some(name) => (*name).into(),
        None => format!("{:#x}", 1u32 << bit),
    };
    set.map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_a_name_stays_a_number() {
        assert_eq!(program_type(6), "xdp");
        assert_eq!(program_type(99), "99");
        assert_eq!(link_type(14), "sockmap");
        assert_eq!(map_flags(1 << 10 | 1), ["BPF_F_NO_PREALLOC", "BPF_F_MMAPABLE"]);
        assert_eq!(map_flags(1 << 31), ["0x80000000"]);
    }
}
