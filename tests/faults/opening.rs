//! Opening maps, in every way, and asking for features.

use std::os::fd::AsFd;
use std::path::PathBuf;

use aya::Ebpf;
use bpfmap::{
    BpfMapKey, BpfMapValue, Error, Feature, HashMap, Loader, MapType, Object, OpenOptions, Probes,
};

use crate::every::{Answer, Made, Scenario, Setting};

static KINDS: &[u8] = aya::include_bytes_aligned!("../bpf/kinds.bpf.o");

#[derive(BpfMapKey, Clone, Copy, Debug)]
#[repr(C)]
struct Key {
    a: u32,
    b: u16,
    c: u16,
}

#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
struct Value {
    count: u64,
    first: u32,
    last: u32,
}

type Hash = HashMap<Key, Value>;

/// A loaded program, a pin of one of its maps, and a way to open it.
struct Open {
    ebpf: Ebpf,
    object: Object<'static>,
    pin: PathBuf,
    /// Unmounted and removed with this.
    _bpffs: Bpffs,
    run: fn(&Self) -> Result<Hash, Error>,
}

/// A bpffs of the test's own.
struct Bpffs(tempfile::TempDir);

impl Bpffs {
    fn mount() -> std::io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("bpfmap-").tempdir()?;
        let none = None::<&str>;
        let flags = nix::mount::MsFlags::empty();
        nix::mount::mount(Some("bpf"), directory.path(), Some("bpf"), flags, none)?;
        Ok(Self(directory))
    }
}

impl Drop for Bpffs {
    fn drop(&mut self) {
        let _ = nix::mount::umount(self.0.path());
    }
}

fn open(run: fn(&Open) -> Result<Hash, Error>) -> Made {
    let mut ebpf = Ebpf::load(KINDS)?;
    let bpffs = Bpffs::mount()?;
    let pin = bpffs.0.path().join("hash");
    let Some(aya::maps::Map::HashMap(map)) = ebpf.map_mut("hash") else {
        return Err("no hash map".into());
    };
    map.pin(&pin)?;
    Ok(Box::new(Open { ebpf, object: Object::parse(KINDS)?, pin, _bpffs: bpffs, run }))
}

impl Setting for Open {
    fn reset(&mut self) {}

    fn run(&mut self) -> Answer {
        (self.run)(self).map(|_| "open".into())
    }

    fn state(&mut self) -> String {
        String::new()
    }

    /// Whatever is answered, a map that is open was verified.
    fn is_answer(&self, _: &str, _: i32) -> bool {
        false
    }
}

impl Open {
    fn id(&self) -> u32 {
        // Not one of the calls that are to fail.
        let fd = self.ebpf.map_fd("hash").expect("it is loaded");
        let info = format!("/proc/self/fdinfo/{}", std::os::fd::AsRawFd::as_raw_fd(&fd.as_fd()));
        let text = std::fs::read_to_string(info).expect("a descriptor has one");
        let id = text.lines().find_map(|line| line.strip_prefix("map_id:"));
        id.and_then(|id| id.trim().parse().ok()).expect("a map has an id")
    }

    fn options(&self) -> OpenOptions<'_> {
        OpenOptions::new().object(&self.object)
    }
}

/// Probes, whose answers are about the faults.
struct Ask(Feature);

impl Setting for Ask {
    fn reset(&mut self) {}

    fn run(&mut self) -> Answer {
        Ok(Probes::new().support(self.0).to_string())
    }

    fn state(&mut self) -> String {
        String::new()
    }

    fn is_answer(&self, _: &str, _: i32) -> bool {
        true
    }
}

pub fn scenarios() -> Vec<Scenario> {
    type Way = fn(&Open) -> Result<Hash, Error>;
    let ways: [(&str, Way); 8] = [
        ("open::by_name", |open| Hash::open(&open.ebpf, "hash")),
        ("open::by_name_with_object", |open| open.options().open(&open.ebpf, "hash")),
        ("open::by_pin", |open| Hash::from_pin(&open.pin)),
        ("open::by_pin_with_object", |open| open.options().from_pin(&open.pin)),
        ("open::by_id", |open| Hash::from_id(open.id())),
        ("open::by_id_with_object", |open| open.options().from_id(open.id())),
        ("open::by_fd", |open| Hash::from_fd(open.ebpf.map_fd("hash").expect("it is loaded"))),
        ("open::sizes_only", |open| OpenOptions::new().allow_sizes_only(true).from_pin(&open.pin)),
    ];
    let ways = ways.map(|(name, run)| Scenario { name, setting: Box::new(move || open(run)) });
    let features = [
        ("probe::map_type", Feature::MapType(MapType::HASH_OF_MAPS)),
        ("probe::storage", Feature::MapType(MapType::SK_STORAGE)),
        ("probe::batch", Feature::LookupBatch(MapType::HASH)),
        ("probe::lookup_and_delete", Feature::LookupAndDelete(MapType::HASH)),
        ("probe::spin_lock", Feature::LockFlag),
        ("probe::freeze", Feature::Freeze),
        ("probe::ids", Feature::Ids),
    ];
    let features = features.map(|(name, feature)| Scenario {
        name,
        setting: Box::new(move || Ok(Box::new(Ask(feature)))),
    });
    ways.into_iter().chain(features).collect()
}
