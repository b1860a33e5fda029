use bpfmap::{Array, BpfMapValue, Globals};

/// `struct limits`, 8 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Limits {
    pub rate: u32,
    pub burst: u32,
}

/// The variables of `.bss`.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Bss {
    pub packets: u64,
    pub seen: u32,
    pub errors: u32,
}

/// The variables of `.data`.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C, packed)]
pub struct Data {
    pub limits: Limits,
    pub port: u16,
}

/// The variables of `.data.hot`.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C, packed)]
pub struct DataHot {
    pub hot: u64,
    pub hotter: u8,
}

/// The variables of `.rodata`.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Rodata {
    pub sample_every: u32,
    pub device: [u8; 16],
}

/// `plain`, array: `Plain::open(&ebpf, "plain")?`.
pub type Plain = Array<Limits>;

/// `.bss`, array: `BssMap::open(&ebpf, ".bss")?`.
pub type BssMap = Globals<Bss>;

/// `.data`, array: `DataMap::open(&ebpf, ".data")?`.
pub type DataMap = Globals<Data>;

/// `.data.hot`, array: `DataHotMap::open(&ebpf, ".data.hot")?`.
pub type DataHotMap = Globals<DataHot>;

/// `.rodata`, array: `RodataMap::open(&ebpf, ".rodata")?`.
pub type RodataMap = Globals<Rodata>;
