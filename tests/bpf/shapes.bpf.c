// SPDX-License-Identifier: MIT OR Apache-2.0
//
// One map for each shape that a shared type can have. No program uses them; the
// tests check Rust types against them.

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#define MAP(name, kind, K, V)                                                  \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_##kind);                             \
		__uint(max_entries, 16);                                       \
		__type(key, K);                                                \
		__type(value, V);                                              \
	} name SEC(".maps")

#define SHAPE(name) MAP(name, HASH, __u32, struct name)

// Every integer, by every name that C has for it.
typedef unsigned short port_t;
typedef const port_t the_port_t;
struct integers {
	__u64 a;
	__s64 b;
	unsigned long c;
	long long d;
	__u32 e;
	int f;
	the_port_t g;
	__s16 h;
	__u8 i;
	signed char j;
	char k;
	bool l;
	volatile __u32 m;
};
SHAPE(integers);

struct orders {
	__be64 be64;
	__be32 be32;
	__be16 be16;
	__sum16 sum16;
	__le32 le32;
	__u16 host16;
	__u16 other16;
};
SHAPE(orders);

enum color { RED, GREEN, BLUE };
enum sign { MINUS = -1, PLUS = 1 };
struct enums {
	enum color color;
	enum sign sign;
};
SHAPE(enums);

struct inner {
	__u32 x;
	__u16 y;
	__u16 z;
};
struct nested {
	struct inner first;
	struct inner more[2];
	__u8 matrix[2][3];
	__u16 end;
};
SHAPE(nested);

// One hole inside, one at the end.
struct holes {
	__u8 a;
	__u32 b;
	__u16 c;
};
SHAPE(holes);

struct padding {
	__u8 a;
	__u8 __pad1[3];
	__u32 b;
	__u32 reserved;
	__u32 padlock;
};
SHAPE(padding);

struct __attribute__((packed)) packed {
	__u8 a;
	__u32 b;
	__u16 c;
};
SHAPE(packed);

// Members of an anonymous struct belong to the struct around it.
struct anonymous {
	__u32 a;
	struct {
		__u16 b;
		__u16 c;
	};
	__u64 d;
};
SHAPE(anonymous);

struct unions {
	__u32 kind;
	union {
		__be32 v4;
		__u8 v6[16];
	};
	union {
		__u32 word;
		__u8 bytes[4];
	} named;
};
SHAPE(unions);

struct bitfields {
	__u32 a : 4;
	__u32 b : 12;
	__u32 c : 16;
	__u32 d;
};
SHAPE(bitfields);

struct pointers {
	void *address;
	__u64 number;
	struct inner *several[2];
};
SHAPE(pointers);

// Arms that are structs, and a union that is the last member.
struct arms {
	__u32 kind;
	union {
		struct {
			__u16 port;
			__u16 zone;
		};
		struct {
			__u32 index;
		};
	};
	union {
		__u64 word;
		struct inner inner;
	} named;
};
SHAPE(arms);

struct bits {
	__u8 a : 3;
	__u8 b : 5;
	__u8 whole;
	__u16 c : 9;
	__u32 end;
};
SHAPE(bits);

struct task_struct;
#define __kptr __attribute__((btf_type_tag("kptr")))
struct kernel_owned {
	struct bpf_spin_lock lock;
	__u32 count;
	struct bpf_timer timer;
	struct task_struct __kptr *task;
	struct task_struct *plain;
};
SHAPE(kernel_owned);

// By its name the kernel's, and of another size.
struct bpf_wq {
	__u64 half;
};
struct odd {
	struct bpf_wq work;
	__u64 rest;
};
SHAPE(odd);

struct port {
	__u16 number;
};
struct newtypes {
	__be16 port;
	__u16 zone;
	struct inner inner;
	struct port wrapped;
	__u16 end;
};
SHAPE(newtypes);

struct flexible {
	__u32 len;
	__u32 data[];
};
MAP(flexible, HASH, struct flexible, struct flexible);

MAP(scalar, HASH, __u32, __u64);
MAP(bytes, HASH, __u8[6], char[16]);
MAP(an_inner, HASH, __u32, struct inner);
MAP(an_array, ARRAY, __u32, struct inner);
MAP(an_lru, LRU_HASH, struct inner, struct inner);
MAP(a_name_longer_than_the_kernel_keeps, HASH, __u32, struct inner);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__uint(key_size, 4);
	__uint(value_size, 8);
} sizes_only SEC(".maps");

// Not in a map: an event for a ring buffer, and one that is only declared.
struct event {
	__u64 time;
	__u32 pid;
	char comm[12];
};
struct event *unused_event __attribute__((unused));
struct undefined;
struct undefined *unused_undefined __attribute__((unused));
