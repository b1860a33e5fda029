use bpfmap::{ArrayOfMaps, BpfMapValue, HashMap, HashOfMaps, LocalStorage};

/// `struct mark`, 8 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Mark {
    pub value: u32,
    pub mask: u32,
}

/// `tenant`, hash: `Tenant::open(&ebpf, "tenant")?`.
pub type Tenant = HashMap<u32, u64>;

/// `other`, hash: `Other::open(&ebpf, "other")?`.
pub type Other = HashMap<u32, u32>;

/// `tenants`, hash_of_maps: `Tenants::open(&ebpf, "tenants")?`.
pub type Tenants = HashOfMaps<u16, HashMap<u32, u64>>;

/// `slots`, array_of_maps: `Slots::open(&ebpf, "slots")?`.
pub type Slots = ArrayOfMaps<HashMap<u32, u64>>;

/// `sockets`, sk_storage: `Sockets::open(&ebpf, "sockets")?`.
pub type Sockets = LocalStorage<Mark>;
