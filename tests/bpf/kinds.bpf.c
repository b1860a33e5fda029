// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Maps of several types, for the tests that run on the kernel.

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct key {
	__u32 a;
#ifdef OLDER
	__u16 c;
	__u16 b;
#else
	__u16 b;
	__u16 c;
#endif
};

// The same as `struct key`, and yet another type.
struct twin {
	__u32 a;
	__u16 b;
	__u16 c;
};

struct value {
	__u64 count;
	__u32 first;
	__u32 last;
};

struct older_value {
	__u32 first;
	__u32 last;
	__u64 count;
};

#define MAP(name, kind, K, V, n)                                               \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_##kind);                             \
		__uint(max_entries, n);                                        \
		__type(key, K);                                                \
		__type(value, V);                                              \
	} name SEC(".maps")

MAP(hash, HASH, struct key, struct value, 4096);
MAP(twins, HASH, struct twin, struct value, 16);
MAP(small, HASH, __u32, __u32, 2);
MAP(lru, LRU_HASH, struct key, struct value, 16);
MAP(percpu, PERCPU_HASH, struct key, struct value, 16);
MAP(array, ARRAY, __u32, struct value, 4);
MAP(a_name_longer_than_the_kernel_keeps, HASH, struct key, struct value, 16);

// Maps without keys, for which the kernel keeps no BTF.
#define SEQUENCE(name, kind)                                                   \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_##kind);                             \
		__uint(max_entries, 2);                                        \
		__type(value, struct value);                                   \
	} name SEC(".maps")

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 2);
	__type(value, struct key);
} keys SEC(".maps");

// Of 15 bytes, which is all that the kernel keeps of the other one.
SEQUENCE(queue_of_values, QUEUE);
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 2);
	__type(value, struct older_value);
} queue_of_values_older SEC(".maps");

SEQUENCE(queue, QUEUE);
SEQUENCE(stack, STACK);

// Of the same sizes as `hash`, and without types.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__uint(key_size, 8);
	__uint(value_size, 16);
} untyped SEC(".maps");

// As maps were declared before BTF.
struct bpf_map_def {
	unsigned int type;
	unsigned int key_size;
	unsigned int value_size;
	unsigned int max_entries;
	unsigned int map_flags;
};
struct bpf_map_def SEC("maps") legacy = {
	.type = BPF_MAP_TYPE_HASH,
	.key_size = sizeof(struct key),
	.value_size = sizeof(struct value),
	.max_entries = 16,
};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
