//! The question as maps are asked it.

use std::os::fd::AsFd;

use super::chain::Chain;
use super::diagnosis::Diagnosis;
use super::key;
use super::request::Why;
use crate::layout::{BpfMapKey, BpfMapValue, LpmKey};
use crate::maps::{
    Array, ArrayOfMaps, HasOpen, HashMap, HashOfMaps, LocalStorage, LpmTrie, MapValue, TypedMap,
};
use crate::verification::MapLabel;

impl<K: BpfMapKey, V: MapValue> HashMap<K, V> {
    /// Why there is no value for a key: [`Why::ask`], with nothing known beforehand.
    pub fn why(&self, key: &K) -> Diagnosis {
        Why::new().ask(self, key)
    }
}

impl<K: LpmKey, V: BpfMapValue> LpmTrie<K, V> {
    /// Why no prefix covers a key: [`Why::ask`], with nothing known beforehand.
    pub fn why(&self, key: &K) -> Diagnosis {
        Why::new().ask(self, key)
    }
}

impl<V: MapValue> Array<V> {
    /// Why there is nothing at an index: [`Why::ask`], with nothing known beforehand.
    pub fn why(&self, index: u32) -> Diagnosis {
        Why::new().ask(self, &index)
    }
}

impl<K: BpfMapKey, M: TypedMap> HashOfMaps<K, M> {
    /// Why there is no map for a key: [`Why::ask`], with nothing known beforehand.
    pub fn why(&self, key: &K) -> Diagnosis {
        Why::new().ask(self, key)
    }
}

impl<M: TypedMap> ArrayOfMaps<M> {
    /// Why there is no map at an index: [`Why::ask`], with nothing known beforehand.
    pub fn why(&self, index: u32) -> Diagnosis {
        Why::new().ask(self, &index)
    }
}

impl<V: BpfMapValue> LocalStorage<V> {
    /// Why what the descriptor is of has no value: [`Why::ask_storage`], with nothing
    /// known beforehand.
    pub fn why(&self, owner: &impl AsFd) -> Diagnosis {
        Why::new().ask_storage(self, owner)
    }
}

impl Why<'_> {
    /// As [`ask`](Self::ask), for a map whose keys are descriptors: `owner` is that of
    /// the socket, the file, the process or the cgroup.
    pub fn ask_storage<V: BpfMapValue>(
        &self,
        map: &LocalStorage<V>,
        owner: &impl AsFd,
    ) -> Diagnosis {
        let open = map.open_map();
        let mut chain = Chain::new(MapLabel::clone(&open.label));
        if self.before_the_key::<LocalStorage<V>>(&mut chain, open).is_some() {
            key::ask_storage(&mut chain, open, owner.as_fd());
        }
        chain.diagnosis
    }
}
