// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A map of each type that user space can work on alone and Linux 5.10 has, and a
// program that counts in some of them.

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct count {
	__u32 packets;
	__u16 last;
};

struct locked {
	struct bpf_spin_lock lock;
	__u32 low;
	__u64 high;
};

struct prefix {
	__u32 prefixlen;
	__be32 addr;
};

#define MAP(name, kind, K, V, n)                                               \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_##kind);                             \
		__uint(max_entries, n);                                        \
		__type(key, K);                                                \
		__type(value, V);                                              \
	} name SEC(".maps")

MAP(percpu_hash, PERCPU_HASH, __u32, struct count, 1024);
MAP(lru_percpu_hash, LRU_PERCPU_HASH, __u32, struct count, 1024);
MAP(lru, LRU_HASH, __u32, __u64, 64);
MAP(large, HASH, __u32, __u64, 100000);
MAP(locked, HASH, __u32, struct locked, 16);
MAP(locked_array, ARRAY, __u32, struct locked, 4);
MAP(array, ARRAY, __u32, struct count, 8);
MAP(percpu_array, PERCPU_ARRAY, __u32, struct count, 3);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1000);
	__type(key, __u32);
	__type(value, struct count);
} mapped SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4);
	__type(key, struct prefix);
	__type(value, __u32);
} routes SEC(".maps");

struct opened {
	__u32 kind;
	__u32 pid;
	__u64 inode;
};

struct closed {
	__u32 kind;
	__u32 pid;
};

// Only local variables are of them, which do not reach BTF.
const struct opened *unused_opened __attribute__((unused));
const struct closed *unused_closed __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

// Sends an event of each type, and one that nobody knows.
SEC("xdp")
int report(struct xdp_md *ctx)
{
	static __u32 pid;
	struct opened *opened = bpf_ringbuf_reserve(&events, sizeof(*opened), 0);
	if (opened) {
		*opened = (struct opened){.kind = 1, .pid = ++pid, .inode = 77};
		bpf_ringbuf_submit(opened, 0);
	}
	// Given up: nobody is to see it.
	struct closed *closed = bpf_ringbuf_reserve(&events, sizeof(*closed), 0);
	if (closed)
		bpf_ringbuf_discard(closed, 0);
	closed = bpf_ringbuf_reserve(&events, sizeof(*closed), 0);
	if (closed) {
		*closed = (struct closed){.kind = 2, .pid = pid};
		bpf_ringbuf_submit(closed, 0);
	}
	return XDP_PASS;
}

SEC("xdp")
int report_unknown(struct xdp_md *ctx)
{
	struct closed unknown = {.kind = 3};
	struct opened known = {.kind = 1, .pid = 5};
	bpf_ringbuf_output(&events, &unknown, sizeof(unknown), 0);
	bpf_ringbuf_output(&events, &known, sizeof(unknown), 0);
	bpf_ringbuf_output(&events, &known, sizeof(known), 0);
	return XDP_PASS;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct count *count = bpf_map_lookup_elem(&percpu_array, &key);
	if (count)
		count->packets += 1;
	count = bpf_map_lookup_elem(&percpu_hash, &key);
	if (count)
		count->packets += 2;
	count = bpf_map_lookup_elem(&mapped, &key);
	if (count)
		__sync_fetch_and_add(&count->packets, 3);
	return XDP_PASS;
}

// Writes and removes keys that are not `STABLE`, over and over.
#define STABLE 1000
#define CHURNED 8000

SEC("xdp")
int churn(struct xdp_md *ctx)
{
	__u32 random = bpf_get_prandom_u32();
	__u32 key = STABLE + random % CHURNED;
	__u64 value = (__u64)key << 32 | (__u32)~key;
	if (random >> 31)
		bpf_map_delete_elem(&large, &key);
	else
		bpf_map_update_elem(&large, &key, &value, BPF_ANY);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
