//! The smallest map of each type.

use std::os::fd::OwnedFd;

use aya_obj::generated::{BPF_F_MMAPABLE, BPF_F_NO_PREALLOC};

use crate::map_type::MapType;
use crate::sys::{self, Errno, NewMap};

/// How the smallest map of a type is made.
pub(super) struct Smallest {
    pub(super) new: NewMap<'static>,
    /// Whether it is to be told what the maps in it are like.
    pub(super) holds_maps: bool,
    /// Whether it is not made without BTF.
    pub(super) wants_btf: bool,
}

impl Smallest {
    pub(super) fn of(map_type: MapType) -> Self {
        let new = NewMap {
            map_type: map_type.as_raw(),
            key_size: 4,
            value_size: 4,
            max_entries: 1,
            ..NewMap::default()
        };
        // `struct bpf_cgroup_storage_key`.
        let for_cgroup = NewMap { key_size: 16, max_entries: 0, ..new };
        let local_storage = NewMap { map_flags: BPF_F_NO_PREALLOC, max_entries: 0, ..new };
        let page = u32::try_from(sys::page_size()).unwrap_or(4096);
        let pages = NewMap { key_size: 0, value_size: 0, max_entries: page, ..new };
        let new = match map_type {
            MapType::STACK_TRACE => NewMap { value_size: 8, ..new },
            MapType::LPM_TRIE => NewMap { key_size: 8, map_flags: BPF_F_NO_PREALLOC, ..new },
            MapType::CGROUP_STORAGE | MapType::PERCPU_CGROUP_STORAGE => for_cgroup,
            MapType::QUEUE | MapType::STACK | MapType::BLOOM_FILTER => {
                NewMap { key_size: 0, ..new }
            }
            MapType::SK_STORAGE
            | MapType::INODE_STORAGE
            | MapType::TASK_STORAGE
            | MapType::CGRP_STORAGE => local_storage,
            MapType::RINGBUF | MapType::USER_RINGBUF => pages,
            MapType::ARENA => NewMap { map_flags: BPF_F_MMAPABLE, max_entries: 1, ..pages },
            // There is no such value type; the kernel looks for it if it can.
            MapType::STRUCT_OPS => NewMap { vmlinux_value_type_id: 1, ..new },
            _ => new,
        };
        let holds_maps = matches!(map_type, MapType::ARRAY_OF_MAPS | MapType::HASH_OF_MAPS);
        let wants_btf = matches!(
            map_type,
            MapType::SK_STORAGE
                | MapType::INODE_STORAGE
                | MapType::TASK_STORAGE
                | MapType::CGRP_STORAGE
        );
        Self { new, holds_maps, wants_btf }
    }
}

/// In the BTF of [`btf`], a value of 8 bytes that begins with a spin lock.
pub(super) const LOCKED_VALUE: u32 = 3;

/// Gives the kernel BTF of three types: 1, `int`; 2, `struct bpf_spin_lock`; 3, a
/// struct of both.
pub(super) fn btf() -> Result<OwnedFd, Errno> {
    const NAMES: &[u8] = b"\0int\0bpf_spin_lock\0val\0v\0l\0";
    // Where each of them begins.
    const INT: u32 = 1;
    const SPIN_LOCK: u32 = 5;
    const VAL: u32 = 19;
    const V: u32 = 23;
    const L: u32 = 25;
    const KIND_INT: u32 = 1 << 24;
    const KIND_STRUCT: u32 = 4 << 24;
    const SIGNED_32_BITS: u32 = 1 << 24 | 32;
    #[rustfmt::skip]
    const TYPES: &[u32] = &[
        INT, KIND_INT, 4, SIGNED_32_BITS,
        SPIN_LOCK, KIND_STRUCT | 1, 4, VAL, 1, 0,
        V, KIND_STRUCT | 2, 8, L, 2, 0, VAL, 1, 32,
    ];
    const MAGIC: [u8; 2] = 0xeb9f_u16.to_ne_bytes();
    const VERSION_AND_FLAGS: [u8; 2] = [1, 0];
    const HEADER: u32 = 24;
    let types = u32::try_from(size_of_val(TYPES)).unwrap_or(0);
    let names = u32::try_from(NAMES.len()).unwrap_or(0);
    let rest_of_header = [HEADER, 0, types, types, names];
    let words = rest_of_header.iter().chain(TYPES).flat_map(|word| word.to_ne_bytes());
    let bytes = MAGIC.into_iter().chain(VERSION_AND_FLAGS).chain(words);
    sys::load_btf(&bytes.chain(NAMES.iter().copied()).collect::<Vec<_>>())
}
