// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Storage of inodes and of cgroups.

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct mark {
	__u32 value;
	__u32 mask;
};

#define STORAGE(name, kind)                                                    \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_##kind);                             \
		__uint(map_flags, BPF_F_NO_PREALLOC);                          \
		__type(key, int);                                              \
		__type(value, struct mark);                                    \
	} name SEC(".maps")

// Not in the headers of Debian 12.
#define BPF_MAP_TYPE_CGRP_STORAGE 32

STORAGE(inodes, INODE_STORAGE);
STORAGE(cgroups, CGRP_STORAGE);

char LICENSE[] SEC("license") = "Dual MIT/GPL";
