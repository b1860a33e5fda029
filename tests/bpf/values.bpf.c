// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Maps whose values are shown by their BTF. No program uses them; the tests fill
// them with all sorts of bytes and compare what is shown with what bpftool shows.

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#define MAP(name, kind, K, V)                                                  \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_##kind);                             \
		__uint(max_entries, 64);                                       \
		__type(key, K);                                                \
		__type(value, V);                                              \
	} name SEC(".maps")

enum color { RED, GREEN, BLUE = 200 };
enum sign { MINUS = -1, ZERO, PLUS };

struct numbers {
	__u64 a;
	__s64 b;
	__u32 c;
	__s32 d;
	__u16 e;
	__s16 f;
	__u8 g;
	__s8 h;
	char i;
	bool j;
	volatile const __u32 k;
	enum color color;
	enum sign sign;
	long l;
	unsigned long long m;
};

struct orders {
	__be64 be64;
	__be32 be32;
	__be16 be16;
	__sum16 sum16;
	__le32 le32;
	__u16 host16;
	__u16 other16;
};

struct part {
	__u32 x;
	__u16 y[2];
};

struct parts {
	struct part first;
	struct part more[2];
	__u8 matrix[2][3];
	char name[6];
	struct {
		__u16 unnamed;
		__u16 too;
	};
	union {
		__u32 word;
		__u8 bytes[4];
	};
	union {
		__u64 wide;
		struct part part;
	} either;
	void *pointer;
	struct part *several[2];
};

struct __attribute__((packed)) tight {
	__u8 a;
	__u32 b;
	__u16 c;
	__u64 d;
};

struct bits {
	__u32 a : 3;
	__u32 b : 7;
	__s32 c : 5;
	__u32 : 2;
	__u32 d : 15;
	__u64 e : 33;
	__u64 f : 31;
	bool g : 1;
	enum color h : 9;
	__u8 whole;
};

struct wide {
	__int128 a;
	unsigned __int128 b;
};

struct real {
	double a;
	float b;
	float c;
};

struct text {
	char text[16];
	const char other[4];
	__u8 bytes[4];
};

struct flexible {
	__u32 len;
	__u32 data[];
};

struct prefix {
	__u32 prefixlen;
	__u8 addr[4];
};

MAP(numbers, HASH, __u32, struct numbers);
MAP(orders, HASH, struct orders, struct orders);
MAP(parts, LRU_HASH, struct part, struct parts);
MAP(tight, HASH, struct tight, struct tight);
MAP(bits, HASH, __u64, struct bits);
MAP(wide, HASH, __u32, struct wide);
MAP(real, HASH, __u32, struct real);
MAP(text, ARRAY, __u32, struct text);
MAP(flexible, HASH, __u32, struct flexible);
MAP(scalar, HASH, __s16, __u8);
MAP(per_cpu, PERCPU_HASH, __u32, struct part);
MAP(per_cpu_array, PERCPU_ARRAY, __u32, __u32);
MAP(name_of_more_than_15_bytes, ARRAY, __u32, __u64);

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 64);
	__type(key, struct prefix);
	__type(value, enum color);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(key_size, 6);
	__uint(value_size, 3);
} untyped SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__type(value, struct part);
} queue SEC(".maps");

char LICENSE[] SEC("license") = "Dual MIT/GPL";
