// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Maps by every way of declaring one. No loader is asked to load them.

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u64 at;
	__u32 pid;
	__u16 port;
	__u8 comm[2];
};

struct per_tenant {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 8);
	__type(key, __u32);
	__array(values, struct per_tenant);
} tenants SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 32);
	__type(value, struct event);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 128);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, 8);
	__type(value, __u32);
} routes SEC(".maps");

// The one that is here, and one of another object.
__u32 here SEC(".data") = 1;
extern __u32 elsewhere SEC(".data");

SEC("xdp")
int sum(struct xdp_md *ctx)
{
	return here + elsewhere;
}

SEC("xdp")
int submit(struct xdp_md *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event)
		bpf_ringbuf_submit(event, 0);
	return XDP_PASS;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, int(struct xdp_md *));
} jumps SEC(".maps") = {
	.values = { [0] = &submit },
};

// What a kernel module would define, and this program implements.
struct scheduler_ops {
	__u32 (*pick)(void);
	__u32 flags;
};

SEC("struct_ops/pick")
__u32 pick(void)
{
	return 0;
}

SEC(".struct_ops")
struct scheduler_ops scheduler = {
	.pick = pick,
	.flags = 1,
};

struct bpf_map_def {
	unsigned int type;
	unsigned int key_size;
	unsigned int value_size;
	unsigned int max_entries;
	unsigned int map_flags;
};
struct bpf_map_def SEC("maps") legacy = {
	.type = BPF_MAP_TYPE_LRU_HASH,
	.key_size = 4,
	.value_size = 8,
	.max_entries = 16,
	.map_flags = BPF_F_NO_COMMON_LRU,
};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
