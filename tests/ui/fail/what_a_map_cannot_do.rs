//! What the kernel does not do for a type of map does not compile.

use bpfmap::{
    Array, ArrayOfMaps, BloomFilter, BpfMapKey, Error, Globals, HashMap, LocalStorage, LpmTrie,
    PerCpu, Queue, RingBuf, Stack,
};

#[derive(BpfMapKey, Clone, Copy)]
#[repr(C)]
struct Prefix {
    prefixlen: u32,
    addr: u32,
}

fn main() -> Result<(), Error> {
    let array = Array::<u64>::from_id(1)?;
    array.occupancy()?;
    array.remove(1)?;
    array.take(1)?;
    array.insert_new(1, &1)?;
    array.drain();
    Array::<PerCpu<u64>>::from_id(1)?.map_memory()?;

    let trie = LpmTrie::<Prefix, u64>::from_id(1)?;
    let key = Prefix { prefixlen: 0, addr: 0 };
    trie.take(&key)?;
    trie.get(&key)?;
    trie.drain();

    let queue = Queue::<u64>::from_id(1)?;
    queue.get(&1)?;
    queue.iter();
    Stack::<u64>::from_id(1)?.remove(&1)?;

    let bloom = BloomFilter::<u64>::from_id(1)?;
    bloom.iter();
    bloom.remove(&1)?;

    LocalStorage::<u64>::from_id(1)?.iter();
    LocalStorage::<u64>::from_id(1)?.take(&std::io::stdin())?;

    ArrayOfMaps::<HashMap<u32, u64>>::from_id(1)?.insert_new(1, &HashMap::from_id(2)?)?;
    RingBuf::<u64>::from_id(1)?.freeze()?;
    Globals::<u64>::from_id(1)?.iter();
    Ok(())
}
