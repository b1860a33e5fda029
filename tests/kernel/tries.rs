//! Tries of prefixes.

use std::cell::Cell;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use aya::Ebpf;
use bpfmap::{BpfMapKey, Error, LpmKey, LpmTrie, MapType, OpenOptions, Pad, fault};

use crate::features::TRIE_BATCH;
use crate::maps::{MAPS, Prefix, prefix};
use crate::support::*;

trials! {
    [Need::Bpf] => [
        a_key_is_made_of_an_address,
        the_very_prefix_is_told_from_shorter_ones,
        too_long_a_prefix_is_refused,
        prefixes_in_batches_and_one_by_one,
    ]
    [Need::Bpf, TRIE_BATCH] => [
        a_walk_goes_on_where_a_batch_gave_up,
        a_walk_in_batches_has_an_end,
    ]
}

type Routes = LpmTrie<Prefix, u32>;

/// For 1000 prefixes.
fn large() -> Result<Routes, Box<dyn std::error::Error>> {
    const BPF_F_NO_PREALLOC: u32 = 1;
    let fd = crate::raw::Create {
        map_type: MapType::LPM_TRIE.as_raw(),
        name: "large",
        key_size: 8,
        value_size: 4,
        max_entries: 1000,
        map_flags: BPF_F_NO_PREALLOC,
        btf: None,
        inner: None,
    }
    .create()?;
    Ok(OpenOptions::new().allow_sizes_only(true).from_fd(fd)?)
}

/// 10.0.x.0/24, 10.1.x.0/24, ...
fn nets(count: u32) -> Vec<Prefix> {
    (0..count).map(|n| prefix(24, (0x0a00_0000 + (n << 8)).to_be_bytes())).collect()
}

#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct Prefix6 {
    prefixlen: u32,
    addr: [u8; 16],
}

#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct PrefixOfMac {
    prefixlen: u32,
    mac: [u8; 6],
    pad: Pad<2>,
}

fn raw<K: LpmKey>() -> Result<LpmTrie<K, u32>, Box<dyn std::error::Error>> {
    let fd = crate::raw::Create {
        map_type: MapType::LPM_TRIE.as_raw(),
        name: "trie",
        key_size: size_of::<K>().try_into()?,
        value_size: 4,
        max_entries: 8,
        map_flags: 1,
        btf: None,
        inner: None,
    }
    .create()?;
    Ok(OpenOptions::new().allow_sizes_only(true).from_fd(fd)?)
}

fn a_key_is_made_of_an_address() -> TestResult {
    let routes = with_object::<Routes>(MAPS, &Ebpf::load(MAPS)?, "routes")?;
    let address = Ipv4Addr::new(10, 129, 255, 7);
    // The bits behind are cleared.
    assert_eq!(routes.prefix(address, 0)?, prefix(0, [0; 4]));
    assert_eq!(routes.prefix(address, 8)?, prefix(8, [10, 0, 0, 0]));
    assert_eq!(routes.prefix(address, 9)?, prefix(9, [10, 128, 0, 0]));
    assert_eq!(routes.prefix(address, 23)?, prefix(23, [10, 129, 254, 0]));
    assert_eq!(routes.prefix([10, 129, 255, 7], 32)?, prefix(32, [10, 129, 255, 7]));
    match routes.prefix(address, 33) {
        Err(error @ Error::PrefixTooLong { length: 33, bits: 32, .. }) => {
            let text = error.to_string();
            assert!(text.contains("`routes` (id ") && text.contains("33 bits"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    routes.insert(&routes.prefix(address, 8)?, &8)?;
    assert_eq!(routes.longest_match_of(Ipv4Addr::new(10, 0, 0, 1))?, Some(8));
    assert_eq!(routes.longest_match_of([11, 0, 0, 1])?, None);

    let routes = raw::<Prefix6>()?;
    let address = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);
    let key = routes.prefix(address, 33)?;
    assert_eq!((key.prefixlen, &key.addr[..6]), (33, [0x20, 1, 0xd, 0xb8, 0x80, 0].as_slice()));
    routes.insert(&key, &33)?;
    assert_eq!(routes.longest_match_of(address)?, Some(33));
    assert_eq!(routes.longest_match_of(Ipv6Addr::LOCALHOST)?, None);
    assert!(routes.prefix(address, 128).is_ok() && routes.prefix(address, 129).is_err());

    let vendors = raw::<PrefixOfMac>()?;
    let mac = [0xb8, 0x27, 0xeb, 1, 2, 3];
    vendors.insert(&vendors.prefix(mac, 24)?, &24)?;
    vendors.insert(&vendors.prefix(mac, 48)?, &48)?;
    // The padding is no part of the address.
    assert!(matches!(
        vendors.prefix(mac, 49),
        Err(Error::PrefixTooLong { length: 49, bits: 48, .. })
    ));
    assert_eq!(vendors.longest_match_of([0xb8, 0x27, 0xeb, 9, 9, 9])?, Some(24));
    assert_eq!(vendors.longest_match_of(mac)?, Some(48));
    Ok(())
}

fn the_very_prefix_is_told_from_shorter_ones() -> TestResult {
    let routes = large()?;
    let (ten, one) = (prefix(8, [10, 0, 0, 0]), prefix(16, [10, 1, 0, 0]));
    assert!(!routes.contains_key(&ten)?);
    routes.insert(&ten, &8)?;
    assert!(routes.contains_key(&ten)?);
    // The bits behind do not count.
    assert!(routes.contains_key(&prefix(8, [10, 9, 9, 9]))?);
    // A shorter one is there, and is found; the very one is not.
    assert_eq!(routes.longest_match(&one)?, Some(8));
    assert!(!routes.contains_key(&one)?);
    assert!(!routes.contains_key(&prefix(7, [10, 0, 0, 0]))?);
    assert!(!routes.contains_key(&prefix(8, [11, 0, 0, 0]))?);
    let expected = [prefix(8, [10, 9, 9, 9]), one];
    assert_eq!(routes.missing(&expected)?, [&one]);
    routes.insert(&prefix(0, [0; 4]), &0)?;
    assert_eq!(routes.unexpected(&expected)?, [prefix(0, [0; 4])]);
    let occupancy = routes.occupancy()?;
    assert_eq!((occupancy.entries, occupancy.max_entries), (2, 1000));
    assert!(!occupancy.is_approximate);
    Ok(())
}

/// The kernel would say of a lookup that there is nothing.
fn too_long_a_prefix_is_refused() -> TestResult {
    let routes = large()?;
    routes.insert(&prefix(0, [0; 4]), &1)?;
    let (long, fits) = (prefix(33, [10, 0, 0, 0]), prefix(32, [10, 0, 0, 0]));
    let refused = |answer: Result<(), Error>| match answer {
        Err(Error::PrefixTooLong { length: 33, bits: 32, .. }) => {}
        other => panic!("{other:?}"),
    };
    refused(routes.longest_match(&long).map(drop));
    refused(routes.contains_key(&long).map(drop));
    refused(routes.insert(&long, &1));
    refused(routes.insert_new(&long, &1));
    refused(routes.replace(&long, &1));
    refused(routes.remove(&long).map(drop));
    refused(routes.insert_batch(&[fits, long], &[1, 1]));
    refused(routes.remove_batch(&[fits, long]).map(drop));
    refused(routes.missing(&[fits, long]).map(drop));
    refused(routes.unexpected(&[fits, long]).map(drop));
    assert!(!routes.contains_key(&fits)?);
    // In the byte order of the network.
    match routes.insert(&Prefix { prefixlen: 24_u32.to_be(), ..fits }, &1) {
        Err(error @ Error::PrefixTooLong { .. }) => {
            assert!(error.to_string().contains("in the byte order of the host"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn prefixes_in_batches_and_one_by_one() -> TestResult {
    for old in [false, true] {
        let rule = move |command: &str| (old && command.contains("BATCH")).then_some(libc::EINVAL);
        fault::with(rule, || -> TestResult {
            let (routes, keys) = (large()?, nets(700));
            let values: Vec<_> = (0..700).collect();
            routes.insert_batch(&keys, &values)?;
            assert_eq!(routes.occupancy()?.entries, 700);
            let mut found = routes.iter().collect::<Result<Vec<_>, _>>()?;
            found.sort_by_key(|(_, value)| *value);
            assert_eq!(found, keys.iter().copied().zip(values).collect::<Vec<_>>());
            assert_eq!(routes.remove_batch(&[keys[3], prefix(9, [0; 4]), keys[5]])?, 2);
            assert_eq!(routes.missing(&keys)?, [&keys[3], &keys[5]]);
            assert_eq!(routes.retain(|key, value| key.prefixlen == 24 && *value != 7)?, 1);
            routes.insert(&keys[7], &7)?;
            // Full: of 400 more there is room for 302.
            let more: Vec<_> = (0..400).map(|n: u32| prefix(32, n.to_be_bytes())).collect();
            match routes.insert_batch(&more, &[1; 400]) {
                Err(Error::Partial { done: 302, all: 400, error }) => {
                    assert!(matches!(*error, Error::Full { max_entries: 1000, .. }), "{error}");
                    assert!(!error.to_string().contains("lru"), "{error}");
                }
                other => panic!("{other:?}"),
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Before Linux 6.14 a batch ends with EINTR where a key has no value any more.
fn a_walk_goes_on_where_a_batch_gave_up() -> TestResult {
    let (routes, keys) = (large()?, nets(700));
    routes.insert_batch(&keys, &(0..700).collect::<Vec<_>>())?;
    for refused_from in [1, 2] {
        let calls = Cell::new(0);
        let rule = move |command: &str| {
            calls.set(calls.get() + usize::from(command == "BPF_MAP_LOOKUP_BATCH"));
            let refuse = command == "BPF_MAP_LOOKUP_BATCH" && calls.get() >= refused_from;
            refuse.then_some(libc::EINTR)
        };
        let mut values = fault::with(rule, || routes.values().collect::<Result<Vec<_>, _>>())?;
        values.sort_unstable();
        assert_eq!(values, (0..700).collect::<Vec<_>>());
    }
    // With the entries that it had read before, the 188 behind the first batch.
    let mut calls = 0;
    let rule = move |command: &str| {
        calls += usize::from(command == "BPF_MAP_LOOKUP_BATCH");
        (command == "BPF_MAP_LOOKUP_BATCH" && calls == 2).then_some(libc::EINTR)
    };
    let one_by_one = |command: &str| {
        assert_ne!(command, "BPF_MAP_GET_NEXT_KEY", "there was no need to");
        None
    };
    let walk = || routes.values().collect::<Result<Vec<_>, _>>();
    let mut values = fault::with(one_by_one, || fault::with_after(rule, walk))?;
    values.sort_unstable();
    assert_eq!(values, (0..700).collect::<Vec<_>>());
    Ok(())
}

/// The key to go on from is gone each time, so the kernel begins again.
fn a_walk_in_batches_has_an_end() -> TestResult {
    let (routes, keys) = (large()?, nets(999));
    routes.insert_batch(&keys, &(0..999).collect::<Vec<_>>())?;
    let last = Rc::new(Cell::new(None::<Prefix>));
    let (mut seen, mut end) = (0, None);
    for entry in routes.iter() {
        match entry {
            Ok((key, _)) => {
                seen += 1;
                last.set(Some(key));
                // At the end of each batch.
                if seen % 512 == 0 {
                    routes.remove(&key)?;
                    routes.insert(&prefix(32, [11, 0, 0, 0]), &1)?;
                }
            }
            Err(error) => end = Some(error),
        }
        assert!(seen <= 2000, "it is endless");
    }
    let error = end.ok_or("no restart was seen")?.to_string();
    assert!(error.contains("again and again"), "{error}");
    Ok(())
}
