// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Keys and values of which there is something to be said before they are used,
// and programs that use them.

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

#define MAP(name, kind, K, V, n)                                               \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_##kind);                             \
		__uint(max_entries, n);                                        \
		__type(key, K);                                                \
		__type(value, V);                                              \
	} name SEC(".maps")

// A hole inside a nested struct, and one at the end.
struct endpoint {
	__u8 proto;
	__u16 port;
};
struct holed {
	struct endpoint from;
	__u64 cookie;
	__u8 last;
};
MAP(holed, HASH, struct holed, __u64, 16);

// Only this file sees it, so code refers to its section.
static MAP(hidden, HASH, struct endpoint, __u64, 16);

// Bitfields in several integers, and beside other members.
struct flags {
	__u16 first : 1;
	__u16 second : 7;
	__u8 whole;
	__u32 low : 24;
	__u64 wide : 40;
	__u8 type;
};
MAP(flags, HASH, __u32, struct flags, 16);

// Of which C and Rust have the same names for different things.
struct Self {
	__u32 self;
	__u32 type;
	__u32 srcIP;
	__u32 src_ip;
	__u32 _pad0;
	__u16 gen;
};
MAP(Option, HASH, __u32, struct Self, 16);
MAP(HashMap, ARRAY, __u32, struct Self, 16);

// A union as a whole, and an array of them.
union address {
	__be32 v4;
	__be32 v6[4];
};
MAP(addresses, HASH, union address, union address, 16);
typedef union address pair[2];
MAP(pairs, HASH, __u32, pair, 16);

// A pointer as a whole, and an integer that is wider than any of Rust.
MAP(pointers, HASH, void *, __int128, 16);

// The header of the kernel's own tries.
struct header {
	__u32 prefixlen;
	__u8 data[0];
};
struct prefix {
	struct header header;
	__u8 address[4];
	__u16 rest;
} __attribute__((packed));
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, double);
} routes SEC(".maps");

// Packed around what is aligned, and what is less aligned than it could be.
struct aligned {
	__u64 wide;
	__u8 narrow;
} __attribute__((aligned(32)));
struct __attribute__((packed)) packed {
	__u8 first;
	struct aligned aligned;
	__u32 odd;
};
MAP(packed, HASH, struct packed, struct aligned, 16);

enum verdict { VERDICT_PASS, VERDICT_DROP = 2, VERDICT_BLOCK = 2 };
typedef enum { ONE = 1 } number;
struct nameless {
	enum verdict verdict;
	number number;
	struct {
		__u16 low;
		__u16 high;
	} halves[2];
	enum { LEFT, RIGHT } side;
};
MAP(nameless, HASH, __u32, struct nameless, 16);

// The bytes of what is not there.
struct empty {
	int : 32;
};
MAP(empty, HASH, __u32, struct empty, 16);

SEC("xdp")
int look(struct xdp_md *ctx)
{
	struct holed key = {};
	__u32 zero = 0;
	struct flags *found;

	key.from.proto = 6;
	bpf_map_delete_elem(&holed, &key);
	found = bpf_map_lookup_elem(&flags, &zero);
	return found ? XDP_PASS : XDP_DROP;
}

SEC("tc")
int look_again(struct __sk_buff *skb)
{
	struct holed key = {};
	struct endpoint endpoint = {};

	bpf_map_delete_elem(&holed, &key);
	bpf_map_delete_elem(&hidden, &endpoint);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
