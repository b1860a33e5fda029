//! Opening: by name, id and descriptor.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use aya::Ebpf;
use aya::maps::Map;
use bpfmap::{
    Be16, Be32, BpfMapKey, BpfMapValue, BtfError, BtfSource, Error, HashMap, Loader, MapType,
    MismatchKind, Note, Object, OpenOptions, Pad, Unverifiable, Verification,
};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use crate::support::*;

trials! {
    [Need::Bpf] => [
        a_key_of_the_same_size_with_other_order_is_refused,
        every_difference_of_key_and_value_is_in_one_refusal,
        an_unknown_name_is_answered_with_the_names_that_exist,
        a_map_that_was_taken_is_opened_by_its_descriptor,
        another_type_of_map_is_refused,
        an_lru_hash_is_a_hash_map,
        a_map_opens_by_a_descriptor,
        a_descriptor_of_something_else_is_no_map,
        exchanged_types_are_recognised,
        an_open_map_outlives_its_loader_and_leaks_nothing,
    ]
    [Need::Bpf, Need::Ids] => [
        a_map_that_fits_opens_and_is_verified_by_the_kernels_btf,
        a_map_opens_by_its_id,
        a_map_without_btf_is_refused_unless_sizes_are_enough,
        a_map_without_types_is_compared_with_named_ones,
        the_btf_of_a_program_is_read_once_for_all_of_its_open_maps,
        the_readme_shows_the_refusal_that_is_printed,
    ]
    [] => [
        a_closed_descriptor_is_said_to_be_closed,
    ]
}

fn a_map_that_fits_opens_and_is_verified_by_the_kernels_btf() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let flows = HashMap::<FlowKey, FlowStats>::open(&ebpf, "flows")?;
    let Verification::Verified { source: BtfSource::KernelMap { btf_id } } = flows.verification()
    else {
        panic!("{:?}", flows.verification())
    };
    assert_ne!(btf_id, 0);
    Ok(())
}

fn a_key_of_the_same_size_with_other_order_is_refused() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let answer = with_object::<HashMap<SwappedKey, FlowStats>>(FLOWS, &ebpf, "flows");
    let mismatches = mismatches(answer);
    let found: Vec<_> =
        mismatches.iter().map(|(_, found)| (found.path.as_str(), found.kind)).collect();
    assert_eq!(found, [("dport", MismatchKind::Moved), ("sport", MismatchKind::Moved)]);
    Ok(())
}

fn every_difference_of_key_and_value_is_in_one_refusal() -> TestResult {
    #[derive(BpfMapKey, Clone, Copy)]
    #[repr(C)]
    struct WrongKey {
        saddr: u32,
        daddr: Be32,
        sport: Be16,
        dport: Be16,
        proto: u16,
        pad: Pad<2>,
    }
    #[derive(BpfMapValue, Clone, Copy)]
    #[repr(C)]
    struct WrongValue {
        packets: i64,
        octets: u64,
    }
    let ebpf = Ebpf::load(FLOWS)?;
    let answer = with_object::<HashMap<WrongKey, WrongValue>>(FLOWS, &ebpf, "flows");
    assert_eq!(differing(answer), ["key.saddr", "key.proto", "value.packets", "value.octets"]);
    Ok(())
}

fn an_unknown_name_is_answered_with_the_names_that_exist() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let error = HashMap::<FlowKey, FlowStats>::open(&ebpf, "flow").unwrap_err();
    assert_eq!(
        error.to_string(),
        "no map `flow` in the loaded program; did you mean `flows`? there are `flows`"
    );
    Ok(())
}

fn a_map_that_was_taken_is_opened_by_its_descriptor() -> TestResult {
    let mut ebpf = Ebpf::load(FLOWS)?;
    let Some(Map::HashMap(map_data)) = ebpf.take_map("flows") else {
        return Err("no hash map".into());
    };
    let error = HashMap::<FlowKey, FlowStats>::open(&ebpf, "flows").unwrap_err();
    assert_eq!(
        error.to_string(),
        "no map `flows` in the loaded program; it has no maps; one that `take_map` has taken out of it \
         is opened before that, or by its descriptor: `from_fd(map_data.fd())`"
    );
    let object = Object::parse(FLOWS)?;
    let options = OpenOptions::new().object(&object);
    options.from_fd::<HashMap<FlowKey, FlowStats>>(map_data.fd())?;
    Ok(())
}

fn another_type_of_map_is_refused() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    for (name, expected) in [("array", MapType::ARRAY), ("percpu", MapType::PERCPU_HASH)] {
        match HashMap::<u32, Value>::open(&ebpf, name) {
            Err(Error::MapType { found, .. }) => assert_eq!(found, expected),
            other => panic!("{other:?}"),
        }
    }
    Ok(())
}

fn an_lru_hash_is_a_hash_map() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    let lru = with_object::<HashMap<Key, Value>>(KINDS, &ebpf, "lru")?;
    for n in 0..100 {
        lru.insert(&key(n), &value(n.into()))?;
    }
    assert_eq!(lru.get(&key(99))?, Some(value(99)));
    assert!(lru.keys().count() <= 16);
    Ok(())
}

fn a_map_opens_by_its_id() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let Some(Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    let id = data.info()?.id();
    let flows = HashMap::<FlowKey, FlowStats>::from_id(id)?;
    assert!(matches!(flows.verification(), Verification::Verified { .. }));
    let refusal = mismatches(HashMap::<SwappedKey, FlowStats>::from_id(id)).to_string();
    let subject = format!("map `flows` (id {id}) does not fit its Rust types, ");
    assert!(refusal.starts_with(&subject), "{refusal}");

    let error = HashMap::<FlowKey, FlowStats>::from_id(u32::MAX).unwrap_err();
    assert_eq!(
        error.to_string(),
        "map with id 4294967295: opening it by id (BPF_MAP_GET_FD_BY_ID) failed: \
         No such file or directory (os error 2); there is no map of that id"
    );
    Ok(())
}

fn a_map_opens_by_a_descriptor() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let fd = ebpf.map_fd("flows").ok_or("no map")?;
    let object = Object::parse(FLOWS)?;
    let options = OpenOptions::new().object(&object);
    let flows: HashMap<FlowKey, FlowStats> = options.from_fd(fd)?;
    assert_ne!(flows.as_fd().as_raw_fd(), fd.as_raw_fd());
    assert_eq!(
        differing(options.from_fd::<HashMap<SwappedKey, FlowStats>>(fd)),
        ["key.dport", "key.sport"]
    );
    Ok(())
}

fn a_descriptor_of_something_else_is_no_map() -> TestResult {
    let mut ebpf = Ebpf::load(FLOWS)?;
    let program: &mut aya::programs::Xdp =
        ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    let file = std::fs::File::open("/dev/null")?;
    for fd in [program.fd()?.as_fd(), file.as_fd()] {
        match HashMap::<FlowKey, FlowStats>::from_fd(fd) {
            Err(Error::NotAMap { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    Ok(())
}

fn a_closed_descriptor_is_said_to_be_closed() -> TestResult {
    struct Lost;
    impl Loader for Lost {
        fn map_fd(&self, _: &str) -> Option<BorrowedFd<'_>> {
            // SAFETY: a lie, to see what a lost descriptor does; it is only
            // duplicated, which fails.
            Some(unsafe { BorrowedFd::borrow_raw(987_654) })
        }
        fn map_names(&self) -> Vec<String> {
            Vec::new()
        }
    }
    let error = HashMap::<u32, u32>::open(&Lost, "lost").unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "map `lost`: its descriptor is closed (EBADF); was the program that owned it dropped?"
    );
    Ok(())
}

fn exchanged_types_are_recognised() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    #[derive(BpfMapKey, Clone, Copy)]
    #[repr(C)]
    struct Stats {
        packets: u64,
        bytes: u64,
    }
    let refusal = mismatches(with_object::<HashMap<Stats, FlowKey>>(FLOWS, &ebpf, "flows"));
    assert_eq!(refusal.note(), Some(Note::Exchanged), "{refusal}");
    assert!(
        mismatches(with_object::<HashMap<SwappedKey, FlowStats>>(FLOWS, &ebpf, "flows"))
            .note()
            .is_none()
    );
    Ok(())
}

fn a_map_without_btf_is_refused_unless_sizes_are_enough() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    let object = Object::parse(KINDS)?;
    for name in ["untyped", "legacy"] {
        match HashMap::<Key, Value>::open(&ebpf, name) {
            Err(Error::Unverifiable { reason: Unverifiable::NoBtf, .. }) => {}
            other => panic!("{other:?}"),
        }
        // The object knows no more than the sizes.
        match OpenOptions::new().object(&object).open::<HashMap<Key, Value>>(&ebpf, name) {
            Err(Error::Unverifiable { reason: Unverifiable::SizesInObject, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    let options = OpenOptions::new().allow_sizes_only(true);
    let map: HashMap<Key, Value> = options.open(&ebpf, "untyped")?;
    assert_eq!(map.verification(), Verification::SizesOnly { reason: Unverifiable::NoBtf });
    match options.open::<HashMap<u64, u64>>(&ebpf, "untyped") {
        Err(Error::Size { kernel: 16, .. }) => {}
        other => panic!("{other:?}"),
    }
    // It is a downgrade for what cannot be compared, and not for what differs.
    assert_eq!(differing(options.open::<HashMap<u64, Value>>(&ebpf, "hash")), ["key."]);
    Ok(())
}

fn a_map_without_types_is_compared_with_named_ones() -> TestResult {
    #[derive(BpfMapKey, Clone, Copy)]
    #[repr(C)]
    struct Swapped {
        a: u32,
        c: u16,
        b: u16,
    }
    let ebpf = Ebpf::load(KINDS)?;
    let object = Object::parse(KINDS)?;
    let options = OpenOptions::new().types("key", "value");
    for name in ["legacy", "untyped"] {
        // Nothing but the other maps says with which BTF they were loaded.
        let map: HashMap<Key, Value> = options.open(&ebpf, name)?;
        let Verification::Verified { source: BtfSource::Program { .. } } = map.verification()
        else {
            panic!("{:?}", map.verification())
        };
        assert_eq!(
            differing(options.open::<HashMap<Swapped, Value>>(&ebpf, name)),
            ["key.c", "key.b"]
        );

        // With a descriptor alone, those of the object.
        let options = options.object(&object).name(name);
        let fd = ebpf.map_fd(name).ok_or("no map")?;
        let map: HashMap<Key, Value> = options.from_fd(fd)?;
        assert_eq!(map.verification(), Verification::Verified { source: BtfSource::Object });
        assert_eq!(differing(options.from_fd::<HashMap<Swapped, Value>>(fd)), ["key.c", "key.b"]);

        match options.types("key", "nothing").open::<HashMap<Key, Value>>(&ebpf, name) {
            Err(Error::Btf { error: BtfError::NoSuchType { name, .. }, .. }) => {
                assert_eq!(name, "nothing")
            }
            other => panic!("{other:?}"),
        }
    }
    // A map that has types of its own is compared with these.
    let map: HashMap<Key, Value> = options.types("nothing", "nothing").open(&ebpf, "hash")?;
    assert!(matches!(
        map.verification(),
        Verification::Verified { source: BtfSource::KernelMap { .. } }
    ));
    Ok(())
}

fn an_open_map_outlives_its_loader_and_leaks_nothing() -> TestResult {
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}

    let ebpf = Ebpf::load(KINDS)?;
    let map = with_object::<HashMap<Key, Value>>(KINDS, &ebpf, "hash")?;
    is_send_and_sync(&map);
    drop(ebpf);
    map.insert(&key(1), &value(1))?;
    assert_eq!(map.get(&key(1))?, Some(value(1)));
    let flags = FdFlag::from_bits_truncate(fcntl(map.as_fd(), FcntlArg::F_GETFD)?);
    assert!(flags.contains(FdFlag::FD_CLOEXEC));

    // Other tests open and close descriptors meanwhile; a leak of a thousand
    // would stand out.
    let object = Object::parse(KINDS)?;
    let options = OpenOptions::new().object(&object);
    let before = open_descriptors();
    for _ in 0..1000 {
        drop(options.from_fd::<HashMap<Key, Value>>(&map)?);
        drop(options.from_fd::<HashMap<Key, Key>>(&map).unwrap_err());
    }
    assert!(open_descriptors() < before + 500);
    Ok(())
}

fn the_readme_shows_the_refusal_that_is_printed() -> TestResult {
    #[derive(BpfMapKey, Clone, Copy)]
    #[repr(C)]
    struct EditedKey {
        daddr: Be32,
        saddr: Be32,
        sport: Be16,
        dport: Be16,
        proto: u32,
    }
    /// Ids differ from run to run.
    fn without_ids(text: &str) -> String {
        let mut parts = text.split("id ");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            text + "id " + part.trim_start_matches(|c: char| c.is_ascii_digit())
        })
    }
    let ebpf = Ebpf::load(FLOWS)?;
    let refusal = mismatches(HashMap::<EditedKey, FlowStats>::open(&ebpf, "flows")).to_string();
    let shown = without_ids(include_str!("../../README.md"));
    let printed = without_ids(&refusal);
    assert!(
        shown.contains(&format!("```text\n{printed}\n```")),
        "the README shows another refusal than:\n{refusal}"
    );
    Ok(())
}

fn the_btf_of_a_program_is_read_once_for_all_of_its_open_maps() -> TestResult {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let ebpf = Ebpf::load(KINDS)?;
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let count = move |command: &str| {
        counted.fetch_add((command == "BPF_BTF_GET_FD_BY_ID").into(), Ordering::Relaxed);
        None
    };
    bpfmap::fault::with(count, || {
        let hash = HashMap::<Key, Value>::open(&ebpf, "hash")?;
        let lru = HashMap::<Key, Value>::open(&ebpf, "lru")?;
        assert_eq!(hash.verification(), lru.verification());
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        // A refusal keeps nothing, and needs nothing that is there already.
        assert!(HashMap::<Key, Value>::open(&ebpf, "small").is_err());
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        drop((hash, lru));
        HashMap::<Key, Value>::open(&ebpf, "hash")?;
        assert_eq!(reads.load(Ordering::Relaxed), 2);
        Ok(())
    })
}
