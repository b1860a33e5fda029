//! What opens with which capabilities.

use std::os::fd::{AsFd, BorrowedFd};

use aya::Ebpf;
use bpfmap::{
    BtfSource, Error, HashMap, Loader, Note, Object, OpenOptions, Queue, Unverifiable, Verification,
};
use caps::{CapSet, Capability};

use crate::features::PIN_WITHOUT_CAPABILITY;
use crate::support::*;

trials! {
    [Need::Bpf] => [
        without_sys_admin_the_object_is_the_way_out,
        an_object_that_is_not_the_maps_is_refused,
        an_id_needs_sys_admin,
        a_map_without_btf_needs_its_object,
        older_maps_do_not_vouch_for_one_another,
        a_name_that_is_cut_off_is_not_guessed,
    ]
    [Need::Bpf, Need::Bpffs, PIN_WITHOUT_CAPABILITY] => [
        without_any_capability_a_pin_opens_with_its_object,
    ]
    [Need::Bpf, Need::Ids] => [
        a_map_of_another_load_is_not_vouched_for,
    ]
}

/// Runs `body` on a thread that has only these capabilities.
pub fn with_only(kept: &[Capability], body: impl FnOnce() -> TestResult + Send) -> TestResult {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let kept = kept.iter().copied().collect();
            caps::set(None, CapSet::Effective, &kept).map_err(|error| error.to_string())?;
            body().map_err(|error| error.to_string())
        });
        thread.join().map_err(|_| "the thread panicked; its message is above")?.map_err(Into::into)
    })
}

pub const LEAST: &[Capability] =
    &[Capability::CAP_BPF, Capability::CAP_PERFMON, Capability::CAP_NET_ADMIN];

fn without_sys_admin_the_object_is_the_way_out() -> TestResult {
    with_only(LEAST, || {
        let ebpf = Ebpf::load(FLOWS)?;
        let error = HashMap::<FlowKey, FlowStats>::open(&ebpf, "flows").unwrap_err();
        let Error::Unverifiable { reason: reason @ Unverifiable::NotPermitted { .. }, .. } = error
        else {
            panic!("{error}")
        };
        let message = error.to_string();
        for part in
            ["needs CAP_SYS_ADMIN", ".object(&Object::parse(BYTES)?)", "allow_sizes_only(true)"]
        {
            assert!(message.contains(part), "{message}");
        }

        let object = Object::parse(FLOWS)?;
        let options = OpenOptions::new().object(&object);
        let flows: HashMap<FlowKey, FlowStats> = options.open(&ebpf, "flows")?;
        let verified = Verification::Verified { source: BtfSource::Object };
        assert_eq!(flows.verification(), verified);
        let wrong = options.open::<HashMap<SwappedKey, FlowStats>>(&ebpf, "flows");
        assert_eq!(differing(wrong), ["key.dport", "key.sport"]);
        // The object decides, even where sizes alone would have been enough.
        let wrong =
            options.allow_sizes_only(true).open::<HashMap<SwappedKey, FlowStats>>(&ebpf, "flows");
        assert_eq!(differing(wrong), ["key.dport", "key.sport"]);

        let options = OpenOptions::new().allow_sizes_only(true);
        let flows: HashMap<FlowKey, FlowStats> = options.open(&ebpf, "flows")?;
        assert_eq!(flows.verification(), Verification::SizesOnly { reason });
        flows.insert(&bpfmap::zeroed(), &FlowStats::default())?;

        // A name that the kernel has cut off is found in the object again.
        let ebpf = Ebpf::load(KINDS)?;
        let object = Object::parse(KINDS)?;
        let fd =
            bpfmap::Loader::map_fd(&ebpf, "a_name_longer_than_the_kernel_keeps").ok_or("no map")?;
        let long: HashMap<Key, Value> = OpenOptions::new().object(&object).from_fd(fd)?;
        assert_eq!(long.verification(), verified);
        Ok(())
    })
}

fn an_object_that_is_not_the_maps_is_refused() -> TestResult {
    with_only(LEAST, || {
        let ebpf = Ebpf::load(KINDS)?;
        let object = Object::parse(FLOWS)?;
        let options = OpenOptions::new().object(&object);
        match options.open::<HashMap<Key, Value>>(&ebpf, "hash") {
            Err(Error::UnknownMap { place, .. }) => {
                assert!(place.starts_with("the object"), "{place}")
            }
            other => panic!("{other:?}"),
        }
        // Of the same sizes and fields, and nevertheless not this map.
        let object = Object::parse(KINDS)?;
        let others = OpenOptions::new().object(&object);
        let differences = [
            ("twins", "there its key and value are types "),
            ("lru", "there it is of type lru_hash, in the kernel of type hash"),
        ];
        for (name, expected) in differences {
            match others.name(name).open::<HashMap<Key, Value>>(&ebpf, "hash") {
                Err(Error::OtherObject { difference, .. }) => {
                    assert!(difference.starts_with(expected), "{difference}");
                }
                other => panic!("{other:?}"),
            }
        }
        match options.name("flows").open::<HashMap<FlowKey, FlowStats>>(&ebpf, "hash") {
            Err(Error::OtherObject { difference, .. }) => {
                assert!(difference.contains("key and value"), "{difference}");
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    })
}

fn a_map_of_another_load_is_not_vouched_for() -> TestResult {
    /// A loader that took an older map over, as aya does with what is pinned.
    struct TookOver<'a>(&'a Ebpf, &'a Ebpf);
    impl Loader for TookOver<'_> {
        fn map_fd(&self, name: &str) -> Option<BorrowedFd<'_>> {
            if name == "hash" { self.1.map_fd(name) } else { self.0.map_fd(name) }
        }
        fn map_names(&self) -> Vec<String> {
            self.0.map_names()
        }
    }
    let (newer, older) = (Ebpf::load(KINDS)?, Ebpf::load(OLDER)?);
    let object = Object::parse(KINDS)?;
    let options = OpenOptions::new().object(&object);
    let open = || options.open::<HashMap<Key, Value>>(&TookOver(&newer, &older), "hash");
    with_only(LEAST, || {
        match open() {
            Err(Error::OtherObject { difference, .. }) => {
                assert!(difference.contains("an older map that was pinned"), "{difference}");
            }
            other => panic!("{other:?}"),
        }
        options.open::<HashMap<Key, Value>>(&newer, "hash")?;
        Ok(())
    })?;
    // Who may read the kernel's BTF is told which side is out of date.
    let refusal = mismatches(open());
    assert_eq!(refusal.note(), Some(Note::OtherBuild), "{refusal}");
    assert_eq!(differing::<()>(Err(Error::Mismatch(refusal))), ["key.b", "key.c"]);
    Ok(())
}

/// A loader with maps and programs of several loads.
struct Mixed<'a> {
    maps: Vec<(&'a str, BorrowedFd<'a>)>,
    programs: Vec<BorrowedFd<'a>>,
}

impl Loader for Mixed<'_> {
    fn map_fd(&self, name: &str) -> Option<BorrowedFd<'_>> {
        self.maps.iter().find(|(known, _)| *known == name).map(|(_, fd)| *fd)
    }
    fn map_names(&self) -> Vec<String> {
        self.maps.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
    fn program_fds(&self) -> Vec<BorrowedFd<'_>> {
        self.programs.clone()
    }
}

fn older_maps_do_not_vouch_for_one_another() -> TestResult {
    let (newer, older, mut flows) = (Ebpf::load(KINDS)?, Ebpf::load(OLDER)?, Ebpf::load(FLOWS)?);
    let program: &mut aya::programs::Xdp =
        flows.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    let fd = |ebpf: &Ebpf, name: &str| -> Result<_, Box<dyn std::error::Error>> {
        Ok(ebpf.map_fd(name).ok_or("no map")?.try_clone_to_owned()?)
    };
    let [hash, twins] = [fd(&older, "hash")?, fd(&older, "twins")?];
    let fresh = fd(&newer, "twins")?;
    let object = Object::parse(KINDS)?;
    let options = OpenOptions::new().object(&object);
    let difference = |loader: &Mixed<'_>| match options.open::<HashMap<Key, Value>>(loader, "hash")
    {
        Err(Error::OtherObject { difference, .. }) => difference,
        other => panic!("{other:?}"),
    };
    let maps = vec![("hash", hash.as_fd()), ("twins", twins.as_fd())];
    let program: &aya::programs::Xdp =
        flows.program("count_flows").ok_or("no program")?.try_into()?;
    let programs = vec![program.fd()?.as_fd()];
    with_only(LEAST, || {
        // Two of the same older load, beside a program of another.
        let text = difference(&Mixed { maps, programs });
        assert!(text.contains("it is an older map that was pinned"), "{text}");
        // Without a program nobody knows which of the maps are older.
        let maps = vec![("hash", hash.as_fd()), ("twins", fresh.as_fd()), ("more", twins.as_fd())];
        let text = difference(&Mixed { maps, programs: vec![] });
        assert!(text.contains("load the programs first"), "{text}");
        Ok(())
    })
}

/// The kernel keeps 15 bytes of a name, which may be all of another's.
fn a_name_that_is_cut_off_is_not_guessed() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    let object = Object::parse(KINDS)?;
    let options = OpenOptions::new().object(&object);
    let fd = ebpf.map_fd("queue_of_values_older").ok_or("no map")?;
    match options.from_fd::<Queue<Value>>(fd) {
        Err(error @ Error::UnknownMap { .. }) => {
            let text = error.to_string();
            assert!(text.contains("the kernel has cut its name off"), "{text}");
            assert!(text.contains("`queue_of_values`, `queue_of_values_older`"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    let named = options.name("queue_of_values_older");
    assert_eq!(
        differing(named.from_fd::<Queue<Value>>(fd)),
        ["value.count", "value.first", "value.last"]
    );
    Ok(())
}

/// The BTF of the program around it, which has its types, is not to be read.
fn a_map_without_btf_needs_its_object() -> TestResult {
    with_only(LEAST, || {
        let ebpf = Ebpf::load(KINDS)?;
        match Queue::<Value>::open(&ebpf, "queue") {
            Err(error @ Error::Unverifiable { .. }) => {
                let text = error.to_string();
                assert!(text.contains(".object(&Object::parse(BYTES)?)"), "{text}");
            }
            other => panic!("{other:?}"),
        }
        match OpenOptions::new().types("", "value").open::<Queue<Value>>(&ebpf, "queue") {
            Err(
                error @ Error::Unverifiable {
                    reason: Unverifiable::ProgramNotPermitted { .. }, ..
                },
            ) => {
                let text = error.to_string();
                assert!(text.contains("the BTF of the program around it"), "{text}");
            }
            other => panic!("{other:?}"),
        }
        let object = Object::parse(KINDS)?;
        let queue: Queue<Value> = OpenOptions::new().object(&object).open(&ebpf, "queue")?;
        assert_eq!(queue.verification(), Verification::Verified { source: BtfSource::Object });
        Ok(())
    })
}

fn an_id_needs_sys_admin() -> TestResult {
    with_only(LEAST, || {
        let error = HashMap::<FlowKey, FlowStats>::from_id(1).unwrap_err();
        assert!(error.to_string().contains("needs CAP_SYS_ADMIN"), "{error}");
        Ok(())
    })
}

fn without_any_capability_a_pin_opens_with_its_object() -> TestResult {
    let bpffs = Bpffs::mount()?;
    let path = bpffs.path().join("flows");
    let ebpf = Ebpf::load(FLOWS)?;
    let Some(aya::maps::Map::HashMap(data)) = ebpf.map("flows") else { panic!("no map") };
    data.pin(&path)?;
    with_only(&[], || {
        match HashMap::<FlowKey, FlowStats>::from_pin(&path) {
            Err(Error::Unverifiable { reason: Unverifiable::NotPermitted { .. }, .. }) => {}
            other => panic!("{other:?}"),
        }
        let object = Object::parse(FLOWS)?;
        let flows: HashMap<FlowKey, FlowStats> =
            OpenOptions::new().object(&object).from_pin(&path)?;
        assert_eq!(flows.verification(), Verification::Verified { source: BtfSource::Object });
        flows.insert(&bpfmap::zeroed(), &FlowStats::default())?;
        assert_eq!(flows.iter().count(), 1);
        Ok(())
    })
}
