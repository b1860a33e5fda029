//! The typed maps: one type for each way in which maps behave.

mod any;
mod array;
mod bloom;
mod bulk;
mod census;
mod entries;
pub(crate) mod event;
mod failure;
mod freezing;
mod globals;
mod hash;
mod in_kernel;
mod keyed;
mod lpm;
mod of_maps;
mod opening;
mod program;
mod queue;
mod ring;
mod storage;
mod value;
mod walk;

use std::sync::Arc;

use crate::layout::Layout;
use crate::map_type::MapType;
use crate::open::shared::SharedBtf;
use crate::sys;
use crate::verification::{MapLabel, Verification};

pub(crate) use census::uncountable;
pub(crate) use in_kernel::Counter;

pub use any::{AnyMap, RawEntries};
pub use array::{Array, Elements, MappedArray};
pub use bloom::BloomFilter;
pub use census::{Countable, Occupancy};
pub use event::{Event, WrongEvent};
pub use globals::Globals;
pub use hash::HashMap;
pub use keyed::Keyed;
pub use lpm::{LpmTrie, PrefixAddress};
pub use of_maps::{ArrayOfMaps, HashOfMaps};
pub use queue::{Queue, Stack};
pub use ring::RingBuf;
pub use storage::LocalStorage;
pub use value::{MapValue, PerCpu};
pub use walk::{Drain, Iter, Keys, Values};

/// A typed map, as [`OpenOptions`](crate::OpenOptions) opens it and
/// [`Object::check`](crate::Object::check) checks it.
///
/// Only this crate implements it.
///
/// Some types of the kernel's maps have no typed map, as they hold no bytes whose
/// layout could differ, but what else there is in the kernel: programs
/// (`prog_array`), devices and CPUs (`devmap`, `cpumap`), sockets (`sockmap`,
/// `xskmap`, `reuseport_sockarray`), cgroups. The loader's own types are for
/// these. So they are for `perf_event_array`, whose events
/// [`Btf::check`](crate::Btf::check) and [`from_bytes`](crate::from_bytes) are for,
/// and for `stack_trace`, whose values are addresses. `user_ringbuf` and `arena`
/// are not covered, nor is `struct_ops`.
pub trait TypedMap: sealed::FromOpen {
    /// Its name, for messages.
    const NAME: &'static str;

    /// The kernel's types of maps that work as this type does.
    const MAP_TYPES: &'static [MapType];

    /// The layout of the key, for maps that have one.
    const KEY: Option<&'static Layout>;

    /// The layout of the value, for maps that have one.
    const VALUE: Option<&'static Layout>;
}

/// A map that has passed the gate.
#[derive(Debug)]
pub struct OpenMap {
    /// What the map was compared with, for other maps that are opened while it
    /// is open. Dropped before the descriptor, which keeps its id from being
    /// given to other BTF.
    #[expect(dead_code, reason = "it is kept for as long as the map is open")]
    pub(crate) btf: Option<Arc<SharedBtf>>,
    pub(crate) map: sys::Map,
    pub(crate) label: Arc<MapLabel>,
    pub(crate) verification: Verification,
    /// Where in the value the Rust type begins.
    pub(crate) at: usize,
    pub(crate) counter: Counter,
}

mod sealed {
    /// Makes a typed map of one that has passed the gate, and keeps other
    /// crates from doing so.
    pub trait FromOpen: Sized {
        /// Whether the map is a section of global variables.
        const IS_SECTION: bool = false;

        /// The types of the events in it, by name, for a map of events.
        const EVENTS: Option<&'static [(&'static str, &'static crate::Layout)]> = None;

        /// What the maps in it are, for a map of maps.
        const INNER: Option<fn() -> crate::open::Wanted<'static>> = None;

        fn from_open(open: super::OpenMap) -> Self;
    }

    /// What every typed map is made of.
    pub trait HasOpen {
        fn open_map(&self) -> &super::OpenMap;
    }
}
pub(crate) use sealed::{FromOpen, HasOpen};

/// Typed maps, and what is made of them, may be used by several threads and sent
/// to others.
const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<HashMap<u32, u64>>();
    is_shared::<HashMap<u32, PerCpu<u64>>>();
    is_shared::<Array<u64>>();
    is_shared::<Array<PerCpu<u64>>>();
    is_shared::<MappedArray<u64>>();
    is_shared::<LpmTrie<[u32; 2], u64>>();
    is_shared::<Queue<u64>>();
    is_shared::<Stack<u64>>();
    is_shared::<BloomFilter<u64>>();
    is_shared::<RingBuf<u64>>();
    is_shared::<HashOfMaps<u32, Array<u64>>>();
    is_shared::<ArrayOfMaps<Array<u64>>>();
    is_shared::<LocalStorage<u64>>();
    is_shared::<Globals<u64>>();
    is_shared::<Iter<'static, u32, u64>>();
    is_shared::<Keys<'static, u32, u64>>();
    is_shared::<Values<'static, u32, u64>>();
    is_shared::<Drain<'static, u32, u64>>();
    is_shared::<Elements<'static, u64>>();
    is_shared::<crate::Error>();
};
