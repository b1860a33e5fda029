use bpfmap::{Array, BpfMapKey, BpfMapValue, HashMap, PerCpu, Queue, Stack};

/// `struct key`, 8 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Key {
    pub a: u32,
    pub c: u16,
    pub b: u16,
}

/// `struct twin`, 8 bytes.
#[derive(BpfMapKey, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(C)]
pub struct Twin {
    pub a: u32,
    pub b: u16,
    pub c: u16,
}

/// `struct value`, 16 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct Value {
    pub count: u64,
    pub first: u32,
    pub last: u32,
}

/// `struct older_value`, 16 bytes.
#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
pub struct OlderValue {
    pub first: u32,
    pub last: u32,
    pub count: u64,
}

/// `hash`, hash: `HashMap2::open(&ebpf, "hash")?`.
pub type HashMap2 = HashMap<Key, Value>;

/// `twins`, hash: `Twins::open(&ebpf, "twins")?`.
pub type Twins = HashMap<Twin, Value>;

/// `small`, hash: `Small::open(&ebpf, "small")?`.
pub type Small = HashMap<u32, u32>;

/// `lru`, lru_hash: `Lru::open(&ebpf, "lru")?`.
pub type Lru = HashMap<Key, Value>;

/// `percpu`, percpu_hash: `Percpu::open(&ebpf, "percpu")?`.
pub type Percpu = HashMap<Key, PerCpu<Value>>;

/// `array`, array: `ArrayMap::open(&ebpf, "array")?`.
pub type ArrayMap = Array<Value>;

/// `a_name_longer_than_the_kernel_keeps`, hash: `ANameLongerThanTheKernelKeeps::open(&ebpf, "a_name_longer_than_the_kernel_keeps")?`.
pub type ANameLongerThanTheKernelKeeps = HashMap<Key, Value>;

/// `keys`, queue: `Keys::open(&ebpf, "keys")?`.
pub type Keys = Queue<Key>;

/// `queue_of_values`, queue: `QueueOfValues::open(&ebpf, "queue_of_values")?`.
pub type QueueOfValues = Queue<Value>;

/// `queue_of_values_older`, queue: `QueueOfValuesOlder::open(&ebpf, "queue_of_values_older")?`.
pub type QueueOfValuesOlder = Queue<OlderValue>;

/// `queue`, queue: `QueueMap::open(&ebpf, "queue")?`.
pub type QueueMap = Queue<Value>;

/// `stack`, stack: `StackMap::open(&ebpf, "stack")?`.
pub type StackMap = Stack<Value>;

/// `untyped`, hash: `OpenOptions::new().allow_sizes_only(true).open::<Untyped>(&ebpf, "untyped")?`.
/// Declared by sizes and not by types, so there is nothing to compare with.
pub type Untyped = HashMap<[u8; 8], [u8; 16]>;

/// `legacy`, hash: `OpenOptions::new().allow_sizes_only(true).open::<Legacy>(&ebpf, "legacy")?`.
/// Declared by sizes and not by types, so there is nothing to compare with.
pub type Legacy = HashMap<[u8; 8], [u8; 16]>;
