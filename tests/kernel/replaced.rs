//! Maps that are replaced, unpinned, given up and frozen while they are open.

use aya::Ebpf;
use aya::maps::Map;
use bpfmap::{Error, HashMap, Loader, Object, OpenOptions};

use crate::maps::MAPS;
use crate::support::*;

trials! {
    [Need::Bpf] => [
        a_map_stays_while_it_is_open,
        a_map_that_another_freezes_is_read_on,
    ]
    [Need::Bpf, Need::Bpffs] => [
        a_pin_that_is_replaced_is_another_map,
        a_pin_that_is_gone_leaves_the_map,
    ]
}

type Hash = HashMap<Key, Value>;

/// Pins a map of a loaded program.
fn pin(ebpf: &Ebpf, name: &str, path: &std::path::Path) -> TestResult {
    let Some(Map::HashMap(map)) = ebpf.map(name) else { panic!("no map") };
    Ok(map.pin(path)?)
}

fn a_pin_that_is_replaced_is_another_map() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("hash");
    let older = Ebpf::load(KINDS)?;
    pin(&older, "hash", &path)?;
    let open = Hash::from_pin(&path)?;
    open.insert(&key(1), &value(1))?;
    drop(older);

    // Of the same types: the new one is opened, and the old one is still there.
    std::fs::remove_file(&path)?;
    let newer = Ebpf::load(KINDS)?;
    pin(&newer, "hash", &path)?;
    let again = Hash::from_pin(&path)?;
    assert_eq!((again.get(&key(1))?, open.get(&key(1))?), (None, Some(value(1))));
    open.check_alive()?;
    open.insert(&key(2), &value(2))?;
    assert_eq!((again.iter().count(), open.iter().count()), (0, 2));

    // Of the same sizes, and other fields; and of other sizes.
    std::fs::remove_file(&path)?;
    let changed = Ebpf::load(OLDER)?;
    pin(&changed, "hash", &path)?;
    assert_eq!(differing(Hash::from_pin(&path)), ["key.b", "key.c"]);
    // The object agrees with the type, but not with the map.
    let object = Object::parse(KINDS)?;
    let refusal = mismatches(OpenOptions::new().object(&object).from_pin::<Hash>(&path));
    assert_eq!(refusal.note(), Some(bpfmap::Note::OtherBuild), "{refusal}");
    std::fs::remove_file(&path)?;
    pin(&Ebpf::load(MAPS)?, "large", &path)?;
    mismatches(Hash::from_pin(&path));
    let sizes = OpenOptions::new().allow_sizes_only(true).from_pin::<Hash>(&path);
    mismatches(sizes);
    assert_eq!((again.iter().count(), open.iter().count()), (0, 2));
    Ok(())
}

fn a_pin_that_is_gone_leaves_the_map() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("hash");
    let ebpf = Ebpf::load(KINDS)?;
    pin(&ebpf, "hash", &path)?;
    let open = Hash::from_pin(&path)?;
    drop(ebpf);
    std::fs::remove_file(&path)?;
    // Not even the file system is needed.
    drop(bpffs);
    open.insert(&key(1), &value(1))?;
    open.check_alive()?;
    assert_eq!(open.iter().collect::<Result<Vec<_>, _>>()?, [(key(1), value(1))]);
    assert!(matches!(Hash::from_pin(&path), Err(Error::Kernel(_))));
    Ok(())
}

/// Of each kind of holder there is none but the typed map, and what was made of it.
fn a_map_stays_while_it_is_open() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let map: HashMap<u32, u64> = with_object(MAPS, &ebpf, "large")?;
    let mapped: bpfmap::Array<crate::maps::Count> = with_object(MAPS, &ebpf, "mapped")?;
    map.insert_batch(&[1, 2, 3], &[1, 2, 3])?;
    let walk = map.iter();
    let memory = mapped.map_memory()?;
    drop((ebpf, mapped));
    assert_eq!(walk.count(), 3);
    map.check_alive()?;
    // Without any descriptor, by the memory alone.
    memory.set(999, &bpfmap::zeroed())?;
    assert_eq!(memory.iter().count(), 1000);
    Ok(())
}

fn a_map_that_another_freezes_is_read_on() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let map: HashMap<u32, u64> = with_object(MAPS, &ebpf, "large")?;
    let keys: Vec<_> = (0..2000).collect();
    map.insert_batch(&keys, &vec![7; 2000])?;
    let mut walk = map.iter();
    assert_eq!(walk.next().ok_or("no entry")??.1, 7);
    crate::raw::freeze(ebpf.map_fd("large").ok_or("no map")?)?;
    assert_eq!(walk.collect::<Result<Vec<_>, _>>()?.len(), 1999);
    for answer in [map.insert(&1, &1), map.remove(&1).map(drop), map.retain(|_, _| false).map(drop)]
    {
        let error = answer.unwrap_err().to_string();
        assert!(error.contains("the map is frozen"), "{error}");
    }
    assert_eq!(map.get(&1)?, Some(7));
    Ok(())
}
