//! Maps whose values are found by a key.

use super::{Array, ArrayOfMaps, HasOpen, HashMap, HashOfMaps, LpmTrie, MapValue, TypedMap};
use crate::layout::{BpfMapKey, BpfMapValue, LpmKey};

/// A typed map whose values are found by a key, of which [`Why`](crate::Why) says
/// why there is none.
///
/// Only this crate implements it.
pub trait Keyed: TypedMap + HasOpen {
    /// The key; for arrays the index.
    type Key: BpfMapKey;
}

impl<K: BpfMapKey, V: MapValue> Keyed for HashMap<K, V> {
    type Key = K;
}

impl<K: LpmKey, V: BpfMapValue> Keyed for LpmTrie<K, V> {
    type Key = K;
}

impl<V: MapValue> Keyed for Array<V> {
    type Key = u32;
}

impl<K: BpfMapKey, M: TypedMap> Keyed for HashOfMaps<K, M> {
    type Key = K;
}

impl<M: TypedMap> Keyed for ArrayOfMaps<M> {
    type Key = u32;
}
