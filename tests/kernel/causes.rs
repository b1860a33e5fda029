//! Errors that explain themselves: each cause of an answer, made for real.

use std::path::Path;

use aya::Ebpf;
use bpfmap::{
    AnyMap, Cause, Error, Feature, Globals, HashMap, MapType, Object, OpenOptions, fault,
};

use crate::features::TAKE;
use crate::globals::{GLOBALS, Rodata};
use crate::privilege::{LEAST, with_only};
use crate::raw::{Create, forbid_bpf, freeze};
use crate::support::*;

trials! {
    [Need::Bpf] => [
        a_frozen_map_is_said_to_be_frozen,
        a_descriptor_for_one_direction_is_named,
        a_capability_that_is_missing_is_named,
        what_nothing_explains_says_what_it_is_not,
        a_number_that_was_reused_is_no_map,
    ]
    [Need::Bpf, Need::Ids] => [
        a_seccomp_filter_is_told_from_a_kernel_without_bpf,
    ]
    [Need::Bpf, TAKE] => [
        what_the_kernel_lacks_is_told_from_a_wrong_argument,
    ]
    [Need::Bpf, Need::Bpffs] => [
        a_pin_that_opens_read_only_is_named,
        a_path_without_a_pin_says_what_is_missing,
        a_file_that_is_no_pin_is_told_from_permissions,
    ]
}

type Hash = HashMap<u32, u32>;

fn create(map_flags: u32) -> std::io::Result<std::os::fd::OwnedFd> {
    Create {
        map_type: MapType::HASH.as_raw(),
        name: "causes",
        key_size: 4,
        value_size: 4,
        max_entries: 4,
        map_flags,
        btf: None,
        inner: None,
    }
    .create()
}

fn open(fd: impl std::os::fd::AsFd) -> Result<Hash, Error> {
    OpenOptions::new().allow_sizes_only(true).from_fd(fd)
}

/// The cause of a refusal, and the text.
#[track_caller]
fn cause<T>(answer: Result<T, Error>) -> (Option<Cause>, String) {
    match answer {
        Err(Error::Partial { error, .. }) => cause::<T>(Err(*error)),
        Err(Error::Kernel(error)) => (error.cause().cloned(), error.to_string()),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("went through"),
    }
}

fn a_frozen_map_is_said_to_be_frozen() -> TestResult {
    let map = open(create(0)?)?;
    map.insert(&1, &1)?;
    freeze(&map)?;
    for answer in [map.insert(&2, &2), map.remove(&1).map(drop), map.insert_batch(&[2], &[2])] {
        let (cause, text) = cause(answer);
        assert_eq!(cause, Some(Cause::Frozen { by_loader: false }), "{text}");
        assert!(text.contains("; the map is frozen (BPF_MAP_FREEZE)"), "{text}");
        assert!(!text.contains("CAP_BPF") && !text.contains("RDONLY"), "{text}");
    }
    assert_eq!(cause(map.take(&1)).0, Some(Cause::Frozen { by_loader: false }));
    assert_eq!(map.get(&1)?, Some(1));

    let ebpf = Ebpf::load(GLOBALS)?;
    let object = Object::parse(GLOBALS)?;
    let rodata: Globals<Rodata> = OpenOptions::new().object(&object).open(&ebpf, ".rodata")?;
    let (cause, text) = cause(rodata.set(&bpfmap::zeroed()));
    assert_eq!(cause, Some(Cause::Frozen { by_loader: true }));
    assert!(text.contains("`EbpfLoader::override_global`"), "{text}");
    Ok(())
}

fn a_descriptor_for_one_direction_is_named() -> TestResult {
    const BPF_F_RDONLY: u32 = 1 << 3;
    const BPF_F_WRONLY: u32 = 1 << 4;
    let map = open(create(BPF_F_RDONLY)?)?;
    assert_eq!(map.get(&1)?, None);
    assert_eq!(cause(map.insert(&1, &1)).0, Some(Cause::OpenedReadOnly));
    assert_eq!(cause(map.take(&1)).0, Some(Cause::OpenedReadOnly));
    let map = open(create(BPF_F_WRONLY)?)?;
    map.insert(&1, &1)?;
    assert_eq!(cause(map.get(&1)).0, Some(Cause::OpenedWriteOnly));
    assert_eq!(cause(map.iter().next().ok_or("ended")?).0, Some(Cause::OpenedWriteOnly));
    Ok(())
}

fn a_pin_that_opens_read_only_is_named() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("flows");
    let ebpf = Ebpf::load(FLOWS)?;
    let Some(aya::maps::Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    data.pin(&path)?;
    let flows: HashMap<FlowKey, FlowStats> = OpenOptions::new().read_only(true).from_pin(&path)?;
    let (cause, text) = cause(flows.insert(&bpfmap::zeroed(), &FlowStats::default()));
    assert_eq!(cause, Some(Cause::OpenedReadOnly), "{text}");
    Ok(())
}

fn a_capability_that_is_missing_is_named() -> TestResult {
    with_only(LEAST, || {
        let (cause, text) = cause(Hash::from_id(1));
        match cause {
            Some(Cause::Capability {
                lacking: "CAP_SYS_ADMIN",
                unprivileged_bpf_disabled: None,
                seccomp: false,
            }) => {}
            other => panic!("{other:?}: {text}"),
        }
        assert!(text.contains("it needs CAP_SYS_ADMIN, which this thread does not have"), "{text}");
        Ok(())
    })
}

fn a_seccomp_filter_is_told_from_a_kernel_without_bpf() -> TestResult {
    let map = open(create(0)?)?;
    for errno in [libc::EPERM, libc::ENOSYS] {
        let map = &map;
        let refused = move || -> Result<(), String> {
            forbid_bpf(errno).map_err(|error| error.to_string())?;
            for answer in [map.insert(&1, &1), map.get(&1).map(drop), Hash::from_id(1).map(drop)] {
                let (cause, text) = cause(answer);
                assert_eq!(cause, Some(Cause::Seccomp), "{errno}: {text}");
                assert!(text.contains("a seccomp filter of this thread refuses bpf(2)"), "{text}");
            }
            let alive = map.check_alive().unwrap_err();
            assert!(matches!(alive, Error::Kernel(_)), "{alive}");
            Ok(())
        };
        // A filter is never taken off again: it goes with its thread.
        std::thread::scope(|scope| scope.spawn(refused).join().map_err(|_| "panicked"))??;
    }
    Ok(())
}

fn what_the_kernel_lacks_is_told_from_a_wrong_argument() -> TestResult {
    let map = open(create(0)?)?;
    map.insert(&1, &1)?;
    // A kernel that has it on no map.
    let without =
        |command: &str| (command == "BPF_MAP_LOOKUP_AND_DELETE_ELEM").then_some(libc::EINVAL);
    let (found, text) = cause(fault::with(without, || map.take(&1)));
    let feature = Feature::LookupAndDelete(MapType::HASH);
    assert_eq!(found, Some(Cause::NoFeature(feature)));
    for part in
        ["does not have lookup_and_delete on hash", "since Linux 5.14", "`get` and `remove`"]
    {
        assert!(text.contains(part), "{text}");
    }
    // One that has it, and refuses it for this map.
    let mut calls = 0;
    let once = move |command: &str| {
        let asked = command == "BPF_MAP_LOOKUP_AND_DELETE_ELEM";
        calls += usize::from(asked);
        (asked && calls == 1).then_some(libc::EINVAL)
    };
    let (found, text) = cause(fault::with(once, || map.take(&1)));
    assert_eq!(found, Some(Cause::HasFeature(feature)));
    assert!(text.contains("this kernel has lookup_and_delete on hash"), "{text}");
    assert!(!text.contains("5.14"), "{text}");
    assert_eq!(map.get(&1)?, Some(1), "nothing was changed");
    // One that does not say.
    let unknown = |command: &str| match command {
        "BPF_MAP_LOOKUP_AND_DELETE_ELEM" => Some(libc::EINVAL),
        "BPF_MAP_CREATE" => Some(libc::EPERM),
        _ => None,
    };
    assert_eq!(cause(fault::with(unknown, || map.take(&1))).0, None);
    Ok(())
}

fn what_nothing_explains_says_what_it_is_not() -> TestResult {
    let map = open(create(0)?)?;
    let rule = |command: &str| (command == "BPF_MAP_UPDATE_ELEM").then_some(libc::EPERM);
    let (cause, text) = cause(fault::with(rule, || map.insert(&1, &1)));
    assert!(matches!(cause, Some(Cause::Others { .. })), "{text}");
    assert!(text.contains("it is none of what the kernel itself refuses it for"), "{text}");
    assert!(!text.contains("frozen") && !text.contains("read-only"), "{text}");
    Ok(())
}

/// Numbers of closed descriptors are given out again.
fn a_number_that_was_reused_is_no_map() -> TestResult {
    let map = open(create(0)?)?;
    let mut ebpf = Ebpf::load(FLOWS)?;
    let program: &mut aya::programs::Xdp =
        ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    crate::raw::replace(&map, program.fd()?)?;
    for answer in [map.insert(&1, &1), map.get(&1).map(drop), map.check_alive()] {
        assert!(matches!(answer, Err(Error::NotAMap { .. })), "{answer:?}");
    }
    Ok(())
}

fn a_path_without_a_pin_says_what_is_missing() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let elsewhere = tempfile::tempdir()?;
    let ebpf = Ebpf::load(FLOWS)?;
    let Some(aya::maps::Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    data.pin(bpffs.path().join("flows"))?;
    let of = |path: &Path| cause(AnyMap::from_pin(path));

    let (found, text) = of(&bpffs.path().join("flow"));
    let (directory, names) = (bpffs.path().into(), vec!["flows".to_owned()]);
    assert_eq!(found, Some(Cause::NothingPinned { directory, names }));
    assert!(text.contains("nothing is pinned there"), "{text}");
    assert!(text.contains(" has `flows`"), "{text}");

    let (found, text) = of(&bpffs.path().join("app/maps/flows"));
    match found {
        Some(Cause::NoDirectory { missing, in_bpffs: true, .. }) => {
            assert_eq!(missing, bpffs.path().join("app"));
        }
        other => panic!("{other:?}: {text}"),
    }
    let (found, text) = of(&elsewhere.path().join("flows"));
    match found {
        Some(Cause::NotInBpffs { path, mounted }) => {
            assert_eq!(path, elsewhere.path());
            assert!(!mounted.is_empty(), "{mounted:?}");
        }
        other => panic!("{other:?}: {text}"),
    }
    assert!(text.contains("; one is mounted at "), "{text}");
    let (found, text) = of(&elsewhere.path().join("app/flows"));
    match found {
        Some(Cause::NoDirectory { missing, in_bpffs: false, .. }) => {
            assert_eq!(missing, elsewhere.path().join("app"));
        }
        other => panic!("{other:?}: {text}"),
    }
    assert!(text.contains("is no bpffs"), "{text}");
    // The typed way in says the same.
    let (typed, _) = cause(Hash::from_pin(elsewhere.path().join("flows")));
    assert!(matches!(typed, Some(Cause::NotInBpffs { .. })), "{typed:?}");
    Ok(())
}

fn a_file_that_is_no_pin_is_told_from_permissions() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let file = tempfile::NamedTempFile::new()?;
    let (found, text) = cause(AnyMap::from_pin(file.path()));
    assert!(matches!(found, Some(Cause::NotInBpffs { .. })), "{found:?}: {text}");

    let path = bpffs.path().join("flows");
    let ebpf = Ebpf::load(FLOWS)?;
    let Some(aya::maps::Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    data.pin(&path)?;
    let mut permissions = std::fs::metadata(&path)?.permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o400);
    std::fs::set_permissions(&path, permissions)?;
    // Without what lets root write in any case.
    with_only(LEAST, || {
        let (found, text) = cause(HashMap::<FlowKey, FlowStats>::from_pin(&path));
        match found {
            Some(Cause::Permissions { mode: Some(mode), .. }) => assert_eq!(mode & 0o777, 0o400),
            // Older kernels demand more than that.
            other => panic!("{other:?}: {text}"),
        }
        assert!(text.contains("`OpenOptions::new().read_only(true)`"), "{text}");
        Ok(())
    })
}
