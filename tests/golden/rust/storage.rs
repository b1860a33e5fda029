use bpfmap::{BpfMapValue, LocalStorage};

/// `struct mark`, 8 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Mark {
    pub value: u32,
    pub mask: u32,
}

/// `inodes`, inode_storage: `Inodes::open(&ebpf, "inodes")?`.
pub type Inodes = LocalStorage<Mark>;

/// `cgroups`, cgrp_storage: `Cgroups::open(&ebpf, "cgroups")?`.
pub type Cgroups = LocalStorage<Mark>;
