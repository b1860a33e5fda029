// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Global variables, in every section that loaders make a map of, and a program
// that changes them.

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct limits {
	__u32 rate;
	__u32 burst;
};

// .data
struct limits limits = {100, 200};
__u16 port = 443;

// .bss: not in the order of their declaration, and one that only this file sees.
__u64 packets;
static volatile __u32 seen;
__u32 errors;

// .rodata
const volatile __u32 sample_every = 8;
const volatile char device[16] = "eth0";

// A section of its own, whose last variable ends on no boundary of 8 bytes.
__u64 hot SEC(".data.hot") = 1;
__u8 hotter SEC(".data.hot") = 2;

// An array as any other.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct limits);
} plain SEC(".maps");

SEC("xdp")
int count(struct xdp_md *ctx)
{
	__u32 zero = 0;
	packets += 1;
	seen += sample_every;
	errors = seen;
	limits.rate += 1;
	port += 1;
	hot += hotter;
	if (!bpf_map_lookup_elem(&plain, &zero))
		return device[0];
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
