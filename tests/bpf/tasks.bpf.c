// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Storage of tasks, which Linux has since 5.11: on its own, so that the others
// load before that.

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct mark {
	__u32 value;
	__u32 mask;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct mark);
} tasks SEC(".maps");

char LICENSE[] SEC("license") = "Dual MIT/GPL";
