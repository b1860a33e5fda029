//! The kernel's types of maps.

use std::fmt::{self, Display, Formatter};

use aya_obj::generated::bpf_map_type as kernel;

/// A type of map, as the kernel numbers them (`enum bpf_map_type`).
///
/// `Display` writes the name that `bpftool` uses.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MapType(u32);

macro_rules! map_types {
    ($($name:ident $kernel:ident $text:literal;)*) => {
        #[allow(missing_docs, reason = "they are the kernel's names")]
        impl MapType {
            $(pub const $name: Self = Self(kernel::$kernel as u32);)*

            /// Its name as `bpftool` has it; `None` when this crate does not
            /// know it.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

map_types! {
    HASH BPF_MAP_TYPE_HASH "hash";
    ARRAY BPF_MAP_TYPE_ARRAY "array";
    PROG_ARRAY BPF_MAP_TYPE_PROG_ARRAY "prog_array";
    PERF_EVENT_ARRAY BPF_MAP_TYPE_PERF_EVENT_ARRAY "perf_event_array";
    PERCPU_HASH BPF_MAP_TYPE_PERCPU_HASH "percpu_hash";
    PERCPU_ARRAY BPF_MAP_TYPE_PERCPU_ARRAY "percpu_array";
    STACK_TRACE BPF_MAP_TYPE_STACK_TRACE "stack_trace";
    CGROUP_ARRAY BPF_MAP_TYPE_CGROUP_ARRAY "cgroup_array";
    LRU_HASH BPF_MAP_TYPE_LRU_HASH "lru_hash";
    LRU_PERCPU_HASH BPF_MAP_TYPE_LRU_PERCPU_HASH "lru_percpu_hash";
    LPM_TRIE BPF_MAP_TYPE_LPM_TRIE "lpm_trie";
    ARRAY_OF_MAPS BPF_MAP_TYPE_ARRAY_OF_MAPS "array_of_maps";
    HASH_OF_MAPS BPF_MAP_TYPE_HASH_OF_MAPS "hash_of_maps";
    DEVMAP BPF_MAP_TYPE_DEVMAP "devmap";
    SOCKMAP BPF_MAP_TYPE_SOCKMAP "sockmap";
    CPUMAP BPF_MAP_TYPE_CPUMAP "cpumap";
    XSKMAP BPF_MAP_TYPE_XSKMAP "xskmap";
    SOCKHASH BPF_MAP_TYPE_SOCKHASH "sockhash";
    CGROUP_STORAGE BPF_MAP_TYPE_CGROUP_STORAGE_DEPRECATED "cgroup_storage";
    REUSEPORT_SOCKARRAY BPF_MAP_TYPE_REUSEPORT_SOCKARRAY "reuseport_sockarray";
    PERCPU_CGROUP_STORAGE BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE_DEPRECATED "percpu_cgroup_storage";
    QUEUE BPF_MAP_TYPE_QUEUE "queue";
    STACK BPF_MAP_TYPE_STACK "stack";
    SK_STORAGE BPF_MAP_TYPE_SK_STORAGE "sk_storage";
    DEVMAP_HASH BPF_MAP_TYPE_DEVMAP_HASH "devmap_hash";
    STRUCT_OPS BPF_MAP_TYPE_STRUCT_OPS "struct_ops";
    RINGBUF BPF_MAP_TYPE_RINGBUF "ringbuf";
    INODE_STORAGE BPF_MAP_TYPE_INODE_STORAGE "inode_storage";
    TASK_STORAGE BPF_MAP_TYPE_TASK_STORAGE "task_storage";
    BLOOM_FILTER BPF_MAP_TYPE_BLOOM_FILTER "bloom_filter";
    USER_RINGBUF BPF_MAP_TYPE_USER_RINGBUF "user_ringbuf";
    CGRP_STORAGE BPF_MAP_TYPE_CGRP_STORAGE "cgrp_storage";
    ARENA BPF_MAP_TYPE_ARENA "arena";
}

impl MapType {
    /// The type of that number, whether this crate knows it or not.
    pub const fn from_raw(number: u32) -> Self {
        Self(number)
    }

    /// Whether the kernel keeps BTF for maps of that type. It answers `ENOTSUPP`
    /// or `EINVAL` where it does not, so loaders do not even try.
    ///
    /// As Linux 6.18 has it; `true` for a type that this crate does not know.
    pub fn takes_btf(self) -> bool {
        let without = [
            Self::PERF_EVENT_ARRAY,
            Self::STACK_TRACE,
            Self::CGROUP_ARRAY,
            Self::ARRAY_OF_MAPS,
            Self::HASH_OF_MAPS,
            Self::DEVMAP,
            Self::DEVMAP_HASH,
            Self::SOCKMAP,
            Self::SOCKHASH,
            Self::CPUMAP,
            Self::XSKMAP,
            Self::QUEUE,
            Self::STACK,
            Self::RINGBUF,
            Self::USER_RINGBUF,
            Self::ARENA,
        ];
        !without.contains(&self)
    }

    /// Whether its keys are numbers from 0 on.
    pub(crate) fn is_indexed(self) -> bool {
        matches!(
            self,
            Self::ARRAY
                | Self::PROG_ARRAY
                | Self::PERF_EVENT_ARRAY
                | Self::PERCPU_ARRAY
                | Self::CGROUP_ARRAY
                | Self::ARRAY_OF_MAPS
                | Self::DEVMAP
                | Self::SOCKMAP
                | Self::CPUMAP
                | Self::XSKMAP
                | Self::REUSEPORT_SOCKARRAY
                | Self::STRUCT_OPS
        )
    }

    /// Whether user space is given ids for its values, of maps or of programs.
    pub(crate) fn holds_ids(self) -> bool {
        matches!(self, Self::PROG_ARRAY | Self::ARRAY_OF_MAPS | Self::HASH_OF_MAPS)
    }

    /// Whether there is a value for each possible CPU.
    pub(crate) fn is_per_cpu(self) -> bool {
        matches!(
            self,
            Self::PERCPU_HASH
                | Self::PERCPU_ARRAY
                | Self::LRU_PERCPU_HASH
                | Self::PERCPU_CGROUP_STORAGE
        )
    }

    /// The version of Linux that brought it; `None` for a type that this crate
    /// does not know.
    pub fn since(self) -> Option<&'static str> {
        Some(match self {
            Self::HASH | Self::ARRAY => "3.19",
            Self::PROG_ARRAY => "4.2",
            Self::PERF_EVENT_ARRAY => "4.3",
            Self::PERCPU_HASH | Self::PERCPU_ARRAY | Self::STACK_TRACE => "4.6",
            Self::CGROUP_ARRAY => "4.8",
            Self::LRU_HASH | Self::LRU_PERCPU_HASH => "4.10",
            Self::LPM_TRIE => "4.11",
            Self::ARRAY_OF_MAPS | Self::HASH_OF_MAPS => "4.12",
            Self::DEVMAP | Self::SOCKMAP => "4.14",
            Self::CPUMAP => "4.15",
            Self::XSKMAP | Self::SOCKHASH => "4.18",
            Self::CGROUP_STORAGE | Self::REUSEPORT_SOCKARRAY => "4.19",
            Self::PERCPU_CGROUP_STORAGE | Self::QUEUE | Self::STACK => "4.20",
            Self::SK_STORAGE => "5.2",
            Self::DEVMAP_HASH => "5.4",
            Self::STRUCT_OPS => "5.6",
            Self::RINGBUF => "5.8",
            Self::INODE_STORAGE => "5.10",
            Self::TASK_STORAGE => "5.11",
            Self::BLOOM_FILTER => "5.16",
            Self::USER_RINGBUF => "6.1",
            Self::CGRP_STORAGE => "6.2",
            Self::ARENA => "6.9",
            _ => return None,
        })
    }

    /// The type of this crate that opens maps of that type.
    pub(crate) fn opened_as(self) -> Option<&'static str> {
        Some(match self {
            Self::HASH | Self::LRU_HASH => "HashMap<K, V>",
            Self::PERCPU_HASH | Self::LRU_PERCPU_HASH => "HashMap<K, PerCpu<V>>",
            Self::ARRAY => "Array<V>",
            Self::PERCPU_ARRAY => "Array<PerCpu<V>>",
            Self::LPM_TRIE => "LpmTrie<K, V>",
            Self::QUEUE => "Queue<T>",
            Self::STACK => "Stack<T>",
            Self::BLOOM_FILTER => "BloomFilter<T>",
            Self::RINGBUF => "RingBuf<E>",
            Self::HASH_OF_MAPS => "HashOfMaps<K, M>",
            Self::ARRAY_OF_MAPS => "ArrayOfMaps<M>",
            Self::SK_STORAGE | Self::INODE_STORAGE | Self::TASK_STORAGE | Self::CGRP_STORAGE => {
                "LocalStorage<V>"
            }
            _ => return None,
        })
    }

    /// What `max_entries` says of a map of this type, in words: `up to 1024 entries`;
    /// `1024 entries` of an array, which has all of them; `4096 bytes` of a ring
    /// buffer. Empty for 0, which is no limit, or left to the loader.
    pub fn capacity(self, max_entries: u32) -> String {
        let entries = if max_entries == 1 { "entry" } else { "entries" };
        match self {
            _ if max_entries == 0 => String::new(),
            Self::RINGBUF | Self::USER_RINGBUF => format!("{max_entries} bytes"),
            Self::ARRAY | Self::PERCPU_ARRAY | Self::STRUCT_OPS => {
                format!("{max_entries} {entries}")
            }
            _ => format!("up to {max_entries} {entries}"),
        }
    }

    /// Its number.
    pub const fn as_raw(self) -> u32 {
        self.0
    }
}

impl Display for MapType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}, which this version of bpfmap does not know", self.0),
        }
    }
}

impl fmt::Debug for MapType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "MapType({self})")
    }
}
