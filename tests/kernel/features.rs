//! What each version of Linux brought, and whether it is there.
//!
//! With `BPFMAP_FEATURES=FILE` in the environment the answers are written there,
//! from which `tests/kernels/run` makes `docs/kernels.md`.

use std::fmt::{self, Display, Formatter, Write as _};
use std::fs::File;
use std::io;

use aya::Ebpf;
use bpfmap::{Btf, BtfError, Feature, Loader, MapType, Support};

use crate::builder::{Builder, kind};
use crate::privilege::with_only;
use crate::raw;
use crate::support::*;

trials! {
    [Need::Bpf, Need::Bpffs, Need::Vmlinux] => [the_kernel_has_what_its_version_brought]
}

/// Something that some kernels have and others have not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brought {
    /// What the crate has a probe for.
    Probe(Feature),
    /// BTF with types of this kind.
    Kind(u32),
    /// Values with a field of this type, which the kernel knows by its name.
    Owned(&'static str),
    /// Opening a pin with no capability at all.
    PinWithoutCapability,
    /// Operations on a map that is open, for a process with no capability.
    CallsWithoutCapability,
    /// Mapping the kernel's own BTF, rather than reading it.
    MappedVmlinux,
    /// Freezing takes the permission to write.
    FreezingWrites,
    /// Freezing no map whose values have a spin lock.
    LocksStayUnfrozen,
}

pub const BLOOM_FILTER: Need = probe(Feature::MapType(MapType::BLOOM_FILTER));
pub const CGROUP_STORAGE: Need = probe(Feature::MapType(MapType::CGRP_STORAGE));
pub const TASK_STORAGE: Need = probe(Feature::MapType(MapType::TASK_STORAGE));
pub const TRIE_CONDITIONS: Need = probe(Feature::TrieConditions);
pub const TAKE: Need = probe(Feature::LookupAndDelete(MapType::HASH));
pub const FLOAT: Need = Need::Kernel(Brought::Kind(kind::FLOAT));
pub const CALLS_WITHOUT_CAPABILITY: Need = Need::Kernel(Brought::CallsWithoutCapability);
pub const TRIE_BATCH: Need = probe(Feature::LookupBatch(MapType::LPM_TRIE));
pub const FREEZING_WRITES: Need = Need::Kernel(Brought::FreezingWrites);
pub const LOCKS_STAY_UNFROZEN: Need = Need::Kernel(Brought::LocksStayUnfrozen);
pub const PIN_WITHOUT_CAPABILITY: Need = Need::Kernel(Brought::PinWithoutCapability);

const fn probe(feature: Feature) -> Need {
    Need::Kernel(Brought::Probe(feature))
}

/// All of them, under the headings of `docs/kernels.md`.
fn all() -> Vec<(&'static str, Vec<Brought>)> {
    use MapType as Map;
    let probes = |make: fn(MapType) -> Feature, types: &[MapType]| {
        types.iter().map(|map_type| Brought::Probe(make(*map_type))).collect::<Vec<_>>()
    };
    let hashes = [Map::HASH, Map::LRU_HASH, Map::PERCPU_HASH, Map::LRU_PERCPU_HASH];
    let arrays = [Map::ARRAY, Map::PERCPU_ARRAY];
    let others = [Map::LPM_TRIE, Map::HASH_OF_MAPS];
    let queues = [Map::QUEUE, Map::STACK];
    let storage = [Map::SK_STORAGE, Map::INODE_STORAGE, Map::TASK_STORAGE, Map::CGRP_STORAGE];
    let rest = [Map::ARRAY_OF_MAPS, Map::BLOOM_FILTER, Map::RINGBUF];
    let types = [&hashes[..], &arrays, &others, &queues, &rest, &storage].concat();
    let removable = [&hashes[..], &others].concat();
    let batched = [&removable[..], &arrays, &[Map::ARRAY_OF_MAPS]].concat();
    let takeable = [&hashes[..], &queues].concat();
    let mut operations = probes(Feature::LookupBatch, &batched);
    operations.extend(probes(Feature::UpdateBatch, &batched));
    operations.extend(probes(Feature::DeleteBatch, &removable));
    operations.extend(probes(Feature::LookupAndDelete, &takeable));
    operations.extend(
        [
            Feature::TrieConditions,
            Feature::MappedArray,
            Feature::LockFlag,
            Feature::Freeze,
            Feature::CgroupAccounting,
            Feature::Ids,
        ]
        .map(Brought::Probe),
    );
    operations.extend([
        Brought::FreezingWrites,
        Brought::LocksStayUnfrozen,
        Brought::PinWithoutCapability,
    ]);
    let kinds = [kind::FLOAT, kind::DECL_TAG, kind::TYPE_TAG, kind::ENUM64].map(Brought::Kind);
    let btf = [&[Brought::Probe(Feature::MapBtf), Brought::MappedVmlinux][..], &kinds].concat();
    let owned = OWNED.iter().map(|(name, _)| Brought::Owned(name)).collect();
    vec![
        ("Types of maps", probes(Feature::MapType, &types)),
        ("Operations", operations),
        ("BTF", btf),
        ("Fields of values that belong to the kernel", owned),
    ]
}

/// Types that the kernel has once it knows them in values.
const OWNED: &[(&str, &str)] = &[
    ("bpf_spin_lock", "5.1"),
    ("bpf_timer", "5.15"),
    ("bpf_list_head", "6.2"),
    ("bpf_rb_root", "6.3"),
    ("bpf_refcount", "6.4"),
    ("bpf_wq", "6.10"),
    ("bpf_res_spin_lock", "6.15"),
];

impl Brought {
    /// The version of Linux that brought it.
    fn since(self) -> &'static str {
        match self {
            Self::Probe(feature) => feature.since().unwrap_or("?"),
            Self::Kind(kind::FLOAT) => "5.13",
            Self::Kind(kind::DECL_TAG) => "5.16",
            Self::Kind(kind::TYPE_TAG) => "5.17",
            Self::Kind(kind::ENUM64) => "6.0",
            Self::Kind(_) => "?",
            Self::Owned(name) => {
                OWNED.iter().find(|(known, _)| *known == name).map_or("?", |(_, since)| since)
            }
            Self::PinWithoutCapability | Self::CallsWithoutCapability => "5.19",
            Self::MappedVmlinux => "6.16",
            Self::FreezingWrites => "6.5",
            Self::LocksStayUnfrozen => "6.2",
        }
    }

    /// Whether this kernel has it; an error when that cannot be told.
    fn is_there(self) -> Result<bool, Box<dyn std::error::Error>> {
        match self {
            Self::Probe(feature) => match feature.probe() {
                Support::Yes => Ok(true),
                Support::No => Ok(false),
                // aya lifts the limit once a map was refused for it.
                Support::Unknown(unknown)
                    if feature == Feature::CgroupAccounting && unknown.call == "getrlimit" =>
                {
                    Ok(false)
                }
                unknown @ Support::Unknown(_) => Err(unknown.to_string().into()),
            },
            Self::Kind(kind) => unless(libc::EINVAL, raw::load_btf(&with_a_type_of(kind))),
            Self::Owned(name) => match Btf::vmlinux()?.type_named(name) {
                Ok(_) => Ok(true),
                Err(BtfError::NoSuchType { .. }) => Ok(false),
                Err(error) => Err(error.into()),
            },
            Self::PinWithoutCapability => {
                let (bpffs, ebpf) = (Bpffs::mount()?, Ebpf::load(FLOWS)?);
                let path = bpffs.path().join("flows");
                raw::pin(ebpf.map_fd("flows").ok_or("no map")?, &path)?;
                let mut opened = Ok(false);
                with_only(&[], || {
                    opened = unless(libc::EPERM, raw::open_pin(&path))
                        .map_err(|error| error.to_string());
                    Ok(())
                })?;
                Ok(opened?)
            }
            Self::CallsWithoutCapability => {
                let ebpf = Ebpf::load(FLOWS)?;
                let flows = ebpf.map_fd("flows").ok_or("no map")?.try_clone_to_owned()?;
                let mut written = Ok(false);
                with_only(&[], || {
                    written = unless(libc::EPERM, raw::update(&flows, &[0; 16], &[0; 16]))
                        .map_err(|error| error.to_string());
                    Ok(())
                })?;
                Ok(written?)
            }
            Self::FreezingWrites => {
                const BPF_F_RDONLY: u32 = 1 << 3;
                let map = raw::Create {
                    map_type: MapType::HASH.as_raw(),
                    name: "read_only",
                    key_size: 4,
                    value_size: 4,
                    max_entries: 1,
                    map_flags: BPF_F_RDONLY,
                    btf: None,
                    inner: None,
                };
                Ok(!unless(libc::EPERM, raw::freeze(map.create()?))?)
            }
            Self::LocksStayUnfrozen => {
                let ebpf = Ebpf::load(crate::maps::MAPS)?;
                Ok(!unless(524, raw::freeze(ebpf.map_fd("locked").ok_or("no map")?))?)
            }
            Self::MappedVmlinux => {
                unless(libc::ENODEV, raw::map(&File::open("/sys/kernel/btf/vmlinux")?))
            }
        }
    }

    /// Why a test has to do without it; an error when it may not.
    pub fn lacking(self) -> Result<Option<String>, String> {
        let (since, kernel) = (self.since(), Version::running());
        match self.is_there() {
            Ok(true) => Ok(None),
            Ok(false) if kernel < Version::of(since) => {
                Ok(Some(format!("needs {self}, which Linux has since {since}; this is {kernel}")))
            }
            Ok(false) => {
                Err(format!("no {self}, which Linux has since {since}, and this is {kernel}"))
            }
            Err(error) => Err(format!("whether there is {self} could not be told: {error}")),
        }
    }
}

impl Display for Brought {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probe(feature) => feature.fmt(f),
            Self::Kind(kind::FLOAT) => f.write_str("floating point in BTF"),
            Self::Kind(kind::DECL_TAG) => f.write_str("tags of declarations in BTF"),
            Self::Kind(kind::TYPE_TAG) => f.write_str("tags of types in BTF"),
            Self::Kind(kind::ENUM64) => f.write_str("enums of 64 bits in BTF"),
            Self::Kind(number) => write!(f, "kind {number} in BTF"),
            Self::Owned(name) => write!(f, "struct {name}"),
            Self::PinWithoutCapability => f.write_str("opening a pin with no capability"),
            Self::CallsWithoutCapability => f.write_str("operations on maps with no capability"),
            Self::FreezingWrites => f.write_str("freezing takes the permission to write"),
            Self::LocksStayUnfrozen => f.write_str("no freezing of values with a spin lock"),
            Self::MappedVmlinux => f.write_str("the kernel's own BTF in memory"),
        }
    }
}

/// An answer, of which this errno says that the kernel does not know the question.
fn unless<T>(errno: i32, answer: io::Result<T>) -> Result<bool, Box<dyn std::error::Error>> {
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(errno) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn with_a_type_of(number: u32) -> Vec<u8> {
    let mut btf = Builder::new();
    let int = btf.int(4);
    let name = btf.name("name");
    match number {
        kind::FLOAT => btf.add(name, number, 0, 8, &[]),
        kind::DECL_TAG => {
            let structure = btf.structure("tagged", 4, &[("member", int, 0)]);
            // Of the whole of it, not of a member.
            btf.add(name, number, 0, structure, &[u32::MAX])
        }
        kind::TYPE_TAG => {
            let tag = btf.add(name, number, 0, int, &[]);
            btf.pointer(tag)
        }
        _ => btf.add(name, number, 1, 8, &[name, 1, 1]),
    };
    btf.into()
}

/// The first two numbers of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Version {
    /// Of a text like `5.10.0-32-cloud-amd64`.
    fn of(text: &str) -> Self {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Self(major, minor),
            _ => panic!("no version: {text}"),
        }
    }

    fn running() -> Self {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
        Self::of(&release.expect("the kernel says its version"))
    }
}

impl Display for Version {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

fn the_kernel_has_what_its_version_brought() -> TestResult {
    let file = std::env::var_os("BPFMAP_FEATURES");
    let (mut answers, mut wrong) = (String::new(), Vec::new());
    for (heading, group) in all() {
        for brought in group {
            let (since, lacking) = (brought.since(), brought.lacking());
            let answer = if lacking == Ok(None) { "yes" } else { "no" };
            writeln!(answers, "{heading}\t{brought}\t{since}\t{answer}")?;
            match lacking {
                Err(reason) => wrong.push(reason),
                // Distributions carry features to older kernels; those that the
                // table is made from carry fixes alone.
                Ok(None)
                    if file.is_some()
                        && brought != Brought::Probe(Feature::TrieConditions)
                        && Version::running() < Version::of(since) =>
                {
                    wrong.push(format!("there is {brought} before Linux {since}"));
                }
                Ok(_) => {}
            }
        }
    }
    if let Some(file) = file {
        std::fs::write(file, answers)?;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
