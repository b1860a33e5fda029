//! Operations on the entries of maps.

use std::fmt::Debug;
use std::net::UdpSocket;
use std::sync::OnceLock;

use aya::{Ebpf, EbpfLoader};
use bpfmap::{
    Array, Be32, BloomFilter, BpfMapKey, BpfMapValue, HashMap, HashOfMaps, LocalStorage, LpmTrie,
    Object, OpenOptions, Pad, PerCpu, Queue, Stack,
};

use crate::every::{Answer, Made, Scenario, Setting};

pub static MAPS: &[u8] = aya::include_bytes_aligned!("../bpf/maps.bpf.o");
static BLOOM: &[u8] = aya::include_bytes_aligned!("../bpf/bloom.bpf.o");
static KINDS: &[u8] = aya::include_bytes_aligned!("../bpf/kinds.bpf.o");
pub static INNER: &[u8] = aya::include_bytes_aligned!("../bpf/inner.bpf.o");

#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
struct Key {
    a: u32,
    b: u16,
    c: u16,
}

#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
struct Value {
    count: u64,
    first: u32,
    last: u32,
}

#[derive(BpfMapValue, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Count {
    packets: u32,
    last: u16,
    pad: Pad<2>,
}

#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
struct Prefix {
    prefixlen: u32,
    addr: Be32,
}

fn key(a: u32) -> Key {
    Key { a, b: 7, c: 9 }
}

fn value(count: u64) -> Value {
    Value { count, first: 1, last: 2 }
}

pub fn count(packets: u32) -> Count {
    Count { packets, ..Count::default() }
}

fn prefix(prefixlen: u32, addr: [u8; 4]) -> Prefix {
    Prefix { prefixlen, addr: Be32::from(u32::from_be_bytes(addr)) }
}

/// A typed map, how it is filled, and an operation on it.
struct On<M> {
    map: M,
    /// The loader, for as long as it has to live.
    _ebpf: Ebpf,
    fill: fn(&M),
    run: fn(&M) -> Answer,
    state: fn(&M) -> String,
}

impl<M> Setting for On<M> {
    fn reset(&mut self) {
        (self.fill)(&self.map);
    }

    fn run(&mut self) -> Answer {
        (self.run)(&self.map)
    }

    fn state(&mut self) -> String {
        (self.state)(&self.map)
    }
}

/// What there is, whatever the order.
fn sorted<T: Debug>(entries: impl Iterator<Item = Result<T, bpfmap::Error>>) -> Answer {
    let mut entries = entries
        .map(|entry| Ok(format!("{:?}", entry?)))
        .collect::<Result<Vec<_>, bpfmap::Error>>()?;
    entries.sort_unstable();
    Ok(entries.join(" "))
}

pub fn text(answer: Result<impl Debug, bpfmap::Error>) -> Answer {
    answer.map(|answer| format!("{answer:?}"))
}

/// Scenarios of one map: its type, the object and its name, how it is filled, what
/// is there, and operations by name.
macro_rules! operations {
    ($all:ident, $ty:ty, $object:expr, $map:literal, $fill:expr, $state:expr, {
        $($name:literal => $run:expr,)*
    }) => {
        $($all.push(Scenario {
            name: concat!($map, "::", $name),
            setting: Box::new(|| {
                let object = Object::parse($object)?;
                let ebpf = EbpfLoader::new().allow_unsupported_maps().load($object)?;
                let map: $ty = OpenOptions::new().object(&object).open(&ebpf, $map)?;
                Ok(Box::new(On::<$ty> { map, _ebpf: ebpf, fill: $fill, run: $run, state: $state }))
            }),
        });)*
    };
}

const FILLED: &str = "a test fills its map";

pub fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    operations!(all, HashMap<Key, Value>, KINDS, "hash", |map| {
        map.retain(|_, _| false).expect(FILLED);
        (0..20).for_each(|n| map.insert(&key(n), &value(n.into())).expect(FILLED));
    }, |map| sorted(map.iter()).expect(FILLED), {
        "get" => |map| text(map.get(&key(3))),
        "contains_key" => |map| text(map.contains_key(&key(3))),
        "insert" => |map| text(map.insert(&key(30), &value(1))),
        "insert_new" => |map| text(map.insert_new(&key(30), &value(1))),
        "replace" => |map| text(map.replace(&key(3), &value(1))),
        "remove" => |map| text(map.remove(&key(3))),
        "take" => |map| text(map.take(&key(3))),
        "iter" => |map| sorted(map.iter()),
        "keys" => |map| sorted(map.keys()),
        "values" => |map| sorted(map.values()),
        "drain" => |map| sorted(map.drain()),
        "retain" => |map| text(map.retain(|key, _| key.a % 2 == 0)),
        "insert_batch" => |map| text(map.insert_batch(&[key(40), key(41)], &[value(0), value(1)])),
        "remove_batch" => |map| text(map.remove_batch(&[key(1), key(99), key(2)])),
        "missing" => |map| text(map.missing(&[key(1), key(99)])),
        "unexpected" => |map| sorted(map.unexpected(&[key(1), key(2)])?.into_iter().map(Ok)),
        "occupancy" => |map| text(map.occupancy()),
        "check_alive" => |map| text(map.check_alive()),
    });
    // Room enough for the kernel to be asked to count.
    operations!(all, HashMap<u32, u64>, MAPS, "large", |map| {
        let keys: Vec<_> = (0..20).collect();
        map.insert_batch(&keys, &vec![1; keys.len()]).expect(FILLED);
    }, |_| String::new(), {
        "occupancy" => |map| text(map.occupancy()),
        "dump" => |map| sorted(map.dump()?.into_iter().map(Ok)),
    });
    operations!(all, HashMap<u32, PerCpu<Count>>, MAPS, "percpu_hash", |map| {
        map.retain(|_, _| false).expect(FILLED);
        let values = |n| PerCpu::splat(count(n)).expect(FILLED);
        (0..5).for_each(|n| map.insert(&n, &values(n)).expect(FILLED));
    }, |map| sorted(map.iter()).expect(FILLED), {
        "get" => |map| text(map.get(&3)),
        "insert" => |map| text(map.insert(&9, &PerCpu::splat(count(9)).expect(FILLED))),
        "take" => |map| text(map.take(&3)),
        "iter" => |map| sorted(map.iter()),
        "drain" => |map| sorted(map.drain()),
        "insert_batch" => |map| {
            let values = [1, 2].map(|n| PerCpu::splat(count(n)).expect(FILLED));
            text(map.insert_batch(&[10, 11], &values))
        },
    });
    operations!(all, Array<Count>, MAPS, "array", |map| {
        (0..8).for_each(|n| map.set(n, &count(n)).expect(FILLED));
    }, |map| sorted(map.iter()).expect(FILLED), {
        "get" => |map| text(map.get(3)),
        "set" => |map| text(map.set(3, &count(9))),
        "set_batch" => |map| text(map.set_batch(2, &[count(7), count(8)])),
        "iter" => |map| sorted(map.iter()),
    });
    operations!(all, Array<PerCpu<Count>>, MAPS, "percpu_array", |map| {
        let values = |n| PerCpu::splat(count(n)).expect(FILLED);
        (0..3).for_each(|n| map.set(n, &values(n)).expect(FILLED));
    }, |map| sorted(map.iter()).expect(FILLED), {
        "get" => |map| text(map.get(1)),
        "set_batch" => |map| {
            let values = [7, 8].map(|n| PerCpu::splat(count(n)).expect(FILLED));
            text(map.set_batch(0, &values))
        },
        "iter" => |map| sorted(map.iter()),
    });
    operations!(all, LpmTrie<Prefix, u32>, MAPS, "routes", |map| {
        let keys = map.keys().collect::<Result<Vec<_>, _>>().expect(FILLED);
        assert!(keys.iter().all(|key| map.remove(key).expect(FILLED)));
        map.insert(&prefix(8, [10, 0, 0, 0]), &8).expect(FILLED);
        map.insert(&prefix(16, [10, 1, 0, 0]), &16).expect(FILLED);
    }, |map| sorted(map.iter()).expect(FILLED), {
        "longest_match" => |map| text(map.longest_match(&prefix(32, [10, 1, 2, 3]))),
        "insert" => |map| text(map.insert(&prefix(24, [10, 1, 2, 0]), &24)),
        "insert_new" => |map| text(map.insert_new(&prefix(24, [10, 1, 2, 0]), &24)),
        "replace" => |map| text(map.replace(&prefix(8, [10, 0, 0, 0]), &9)),
        "remove" => |map| text(map.remove(&prefix(8, [10, 0, 0, 0]))),
        "iter" => |map| sorted(map.iter()),
        "insert_batch" => |map| text(map.insert_batch(&[prefix(24, [10, 1, 2, 0])], &[24])),
        "remove_batch" => |map| text(map.remove_batch(&[prefix(8, [10, 0, 0, 0])])),
        "longest_match_of" => |map| text(map.longest_match_of([10, 1, 2, 3])),
        "contains_key" => |map| text(map.contains_key(&prefix(16, [10, 1, 0, 0]))),
        "missing" => |map| text(map.missing(&[prefix(8, [10, 0, 0, 0]), prefix(9, [10, 0, 0, 0])])),
        "unexpected" => |map| {
            sorted(map.unexpected(&[prefix(8, [10, 0, 0, 0])])?.into_iter().map(Ok))
        },
        "occupancy" => |map| text(map.occupancy()),
        "retain" => |map| text(map.retain(|key, _| key.prefixlen == 8)),
    });
    operations!(all, Queue<Value>, KINDS, "queue", |map| {
        while map.pop().expect(FILLED).is_some() {}
        map.push(&value(1)).expect(FILLED);
    }, |map| text(map.peek()).expect(FILLED), {
        "push" => |map| text(map.push(&value(2))),
        "push_over_oldest" => |map| text(map.push_over_oldest(&value(2))),
        "pop" => |map| text(map.pop()),
        "peek" => |map| text(map.peek()),
        "drain" => |map| sorted(map.drain()),
    });
    operations!(all, Stack<Value>, KINDS, "stack", |map| {
        while map.pop().expect(FILLED).is_some() {}
        map.push(&value(1)).expect(FILLED);
    }, |map| text(map.peek()).expect(FILLED), {
        "push" => |map| text(map.push(&value(2))),
        "pop" => |map| text(map.pop()),
        "drain" => |map| sorted(map.drain()),
    });
    operations!(all, BloomFilter<Prefix>, BLOOM, "seen", |map| {
        map.insert(&prefix(8, [10, 0, 0, 0])).expect(FILLED);
    }, |_| String::new(), {
        "insert" => |map| text(map.insert(&prefix(8, [10, 0, 0, 0]))),
        "may_contain" => |map| text(map.may_contain(&prefix(8, [10, 0, 0, 0]))),
    });
    operations!(all, LocalStorage<Mark>, INNER, "sockets", |map| {
        map.insert(socket(), &MARK).expect(FILLED);
    }, |map| text(map.get(socket())).expect(FILLED), {
        "get" => |map| text(map.get(socket())),
        "insert" => |map| text(map.insert(socket(), &Mark { value: 3, mask: 4 })),
        "contains_key" => |map| text(map.contains_key(socket())),
        "replace" => |map| text(map.replace(socket(), &Mark { value: 3, mask: 4 })),
        "remove" => |map| text(map.remove(socket())),
        "insert_new" => |map| {
            map.remove(socket())?;
            text(map.insert_new(socket(), &MARK))
        },
    });
    type OnBoth = fn(&Tenants, &Tenant) -> Answer;
    let inner: [(&str, OnBoth); 12] = [
        ("tenants::get", |map, _| text(map.get(&1)?.map(|inner| inner.get(&5)).transpose())),
        ("tenants::insert", |map, tenant| text(map.insert(&2, tenant))),
        ("tenants::remove", |map, _| text(map.remove(&1))),
        ("tenants::keys", |map, _| sorted(map.keys())),
        ("tenants::contains_key", |map, _| text(map.contains_key(&1))),
        ("tenants::insert_new", |map, tenant| text(map.insert_new(&2, tenant))),
        ("tenants::replace", |map, tenant| text(map.replace(&1, tenant))),
        ("tenants::insert_batch", |map, tenant| {
            text(map.insert_batch(&[1, 2], &[Tenant::from_fd(tenant)?, Tenant::from_fd(tenant)?]))
        }),
        ("tenants::remove_batch", |map, _| text(map.remove_batch(&[1, 9]))),
        ("tenants::missing", |map, _| text(map.missing(&[1, 9]))),
        ("tenants::unexpected", |map, _| sorted(map.unexpected(&[9])?.into_iter().map(Ok))),
        ("tenants::occupancy", |map, _| text(map.occupancy())),
    ];
    all.extend(
        inner.map(|(name, run)| Scenario { name, setting: Box::new(move || inner_maps(run)) }),
    );
    all
}

pub type Tenant = HashMap<u32, u64>;
type Tenants = HashOfMaps<u16, Tenant>;

/// A map of maps, a map that fits into it, and an operation on both.
struct Inner {
    tenants: Tenants,
    tenant: Tenant,
    _ebpf: Ebpf,
    run: fn(&Tenants, &Tenant) -> Answer,
}

fn inner_maps(run: fn(&Tenants, &Tenant) -> Answer) -> Made {
    let object = Object::parse(INNER)?;
    let ebpf = EbpfLoader::new().allow_unsupported_maps().load(INNER)?;
    let tenants = OpenOptions::new().object(&object).open(&ebpf, "tenants")?;
    let tenant = Tenant::open(&ebpf, "tenant")?;
    tenant.insert(&5, &50)?;
    Ok(Box::new(Inner { tenants, tenant, _ebpf: ebpf, run }))
}

impl Setting for Inner {
    fn reset(&mut self) {
        self.tenants.remove(&2).expect(FILLED);
        self.tenants.insert(&1, &self.tenant).expect(FILLED);
    }

    fn run(&mut self) -> Answer {
        (self.run)(&self.tenants, &self.tenant)
    }

    fn state(&mut self) -> String {
        sorted(self.tenants.keys()).expect(FILLED)
    }
}

#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct Mark {
    value: u32,
    mask: u32,
}

const MARK: Mark = Mark { value: 1, mask: 2 };

/// A socket for which there is a value.
fn socket() -> &'static UdpSocket {
    static SOCKET: OnceLock<UdpSocket> = OnceLock::new();
    SOCKET.get_or_init(|| UdpSocket::bind("127.0.0.1:0").expect("a socket on loopback"))
}
