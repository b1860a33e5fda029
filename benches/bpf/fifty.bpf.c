// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Fifty maps, each with a key and a value of its own: as much as large programs
// have.

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct address {
	__be32 ip[4];
	__be16 port;
	__u8 family;
	__u8 prefix;
};

#define MAP(n)                                                                 \
	struct key##n {                                                        \
		struct address from;                                           \
		struct address to;                                             \
		__u32 zone##n;                                                 \
		__u8 proto;                                                    \
		__u8 pad[3];                                                   \
	};                                                                     \
	struct value##n {                                                      \
		__u64 packets;                                                 \
		__u64 bytes;                                                   \
		__u64 seen##n;                                                 \
		__u32 flags;                                                   \
		__u16 mark[2];                                                 \
	};                                                                     \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_HASH);                               \
		__uint(max_entries, 16);                                       \
		__type(key, struct key##n);                                    \
		__type(value, struct value##n);                                \
	} map##n SEC(".maps");

#define TEN(n)                                                                 \
	MAP(n##0) MAP(n##1) MAP(n##2) MAP(n##3) MAP(n##4)                      \
	MAP(n##5) MAP(n##6) MAP(n##7) MAP(n##8) MAP(n##9)

TEN(1) TEN(2) TEN(3) TEN(4) TEN(5)

char LICENSE[] SEC("license") = "Dual MIT/GPL";
