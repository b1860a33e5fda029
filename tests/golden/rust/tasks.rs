use bpfmap::{BpfMapValue, LocalStorage};

/// `struct mark`, 8 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Mark {
    pub value: u32,
    pub mask: u32,
}

/// `tasks`, task_storage: `Tasks::open(&ebpf, "tasks")?`.
pub type Tasks = LocalStorage<Mark>;
