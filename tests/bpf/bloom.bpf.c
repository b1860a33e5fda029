// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A Bloom filter, which Linux has since 5.16: on its own, so that the others load
// before that.

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct prefix {
	__u32 prefixlen;
	__be32 addr;
};

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 1000);
	__type(value, struct prefix);
} seen SEC(".maps");

char LICENSE[] SEC("license") = "Dual MIT/GPL";
