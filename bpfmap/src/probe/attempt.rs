//! Trying a feature.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use super::smallest::{LOCKED_VALUE, Smallest, btf};
use super::{Feature, Inconclusive, Support};
use crate::map_type::MapType;
use crate::sys::{self, Cursor, Errno, Held, Map, NotDescribed, Update};

/// Why an attempt did not come to its end.
struct Stopped(Support);

type Attempt<T> = Result<T, Stopped>;

/// Tries it.
pub(super) fn of(feature: Feature) -> Support {
    match attempt(feature) {
        Ok(()) => Support::Yes,
        Err(Stopped(answer)) => answer,
    }
}

fn attempt(feature: Feature) -> Attempt<()> {
    match feature {
        // An empty path is refused with another errno where the call is there.
        Feature::Syscall => match sys::open_pin(Path::new(""), true) {
            Ok(_) | Err(Errno(libc::ENOENT | libc::EINVAL)) => Ok(()),
            Err(errno) => Err(stopped("bpf(2)", errno)),
        },
        Feature::Ids => sys::next_id(Held::Map, 0).map(drop).map_err(why("BPF_MAP_GET_NEXT_ID")),
        Feature::MapBtf => {
            let btf = btf().map_err(why("BPF_BTF_LOAD"))?;
            let map = sys::NewMap {
                map_type: MapType::HASH.as_raw(),
                key_size: 4,
                value_size: 4,
                max_entries: 1,
                btf: Some((btf.as_fd(), [1, 1])),
                ..sys::NewMap::default()
            };
            sys::create_map(&map).map(drop).map_err(why(CREATE))
        }
        Feature::MapType(map_type) => create(map_type).map(drop),
        Feature::MappedArray => {
            let array = sys::NewMap {
                map_type: MapType::ARRAY.as_raw(),
                key_size: 4,
                value_size: 4,
                max_entries: 1,
                map_flags: aya_obj::generated::BPF_F_MMAPABLE,
                ..sys::NewMap::default()
            };
            sys::create_map(&array).map(drop).map_err(why(CREATE))
        }
        Feature::LookupBatch(map_type) => {
            let Entry { map, mut key, mut value, .. } = entry(map_type)?;
            let read = map.lookup_batch(&mut Cursor::Start, &mut key, &mut value, 1, false);
            has_command("BPF_MAP_LOOKUP_BATCH", read.map(drop))
        }
        Feature::UpdateBatch(map_type) => {
            let Entry { map, key, value, _inner } = entry(map_type)?;
            let written = map.update_batch(&key, &value, 1).map_err(|partial| partial.errno);
            has_command("BPF_MAP_UPDATE_BATCH", written)
        }
        Feature::DeleteBatch(map_type) => {
            let Entry { map, key, .. } = entry(map_type)?;
            let removed = map.delete_batch(&key, 1).map_err(|partial| partial.errno);
            has_command("BPF_MAP_DELETE_BATCH", removed)
        }
        Feature::LookupAndDelete(map_type) => {
            let Entry { map, key, mut value, .. } = entry(map_type)?;
            let taken = map.lookup_and_delete(&key, &mut value);
            has_command("BPF_MAP_LOOKUP_AND_DELETE_ELEM", taken)
        }
        Feature::TrieConditions => {
            let Entry { map: trie, key, value, .. } = entry(MapType::LPM_TRIE)?;
            let update = "BPF_MAP_UPDATE_ELEM";
            trie.update(&key, &value, Update::Any).map_err(why(update))?;
            match trie.update(&key, &value, Update::New) {
                Err(Errno(libc::EEXIST)) => Ok(()),
                // Written again, or no room to: as if it were not there.
                Ok(()) | Err(Errno(libc::ENOSPC)) => Err(Stopped(Support::No)),
                Err(errno) => Err(stopped(update, errno)),
            }
        }
        Feature::LockFlag => {
            let btf = btf().map_err(why("BPF_BTF_LOAD"))?;
            let array = sys::NewMap {
                map_type: MapType::ARRAY.as_raw(),
                key_size: 4,
                value_size: 8,
                max_entries: 1,
                btf: Some((btf.as_fd(), [1, LOCKED_VALUE])),
                ..sys::NewMap::default()
            };
            let mut map = opened(sys::create_map(&array).map_err(why(CREATE))?)?;
            map.use_lock();
            let written = map.update(&[0; 4], &[0; 8], Update::Any);
            has_command("BPF_MAP_UPDATE_ELEM with BPF_F_LOCK", written)
        }
        Feature::CgroupAccounting => {
            // What is wrong with any map is none of the limit's doing.
            create(MapType::HASH)?;
            let limit = sys::memlock_limit().map_err(why("getrlimit"))?;
            let entries = u32::try_from(limit / u64::from(UNUSED_ENTRY)).unwrap_or(u32::MAX);
            if entries > MOST_UNUSED {
                // An unlimited one is no limit to exceed.
                return Err(stopped("getrlimit", Errno(libc::ERANGE)));
            }
            // Its entries would exceed the limit, and it has none.
            let too_large = sys::NewMap {
                map_type: MapType::HASH.as_raw(),
                key_size: 4,
                value_size: UNUSED_ENTRY,
                max_entries: entries + 1,
                map_flags: aya_obj::generated::BPF_F_NO_PREALLOC,
                ..sys::NewMap::default()
            };
            match sys::create_map(&too_large) {
                Err(Errno(libc::EPERM)) => Err(Stopped(Support::No)),
                answer => answer.map(drop).map_err(why(CREATE)),
            }
        }
        Feature::Freeze => {
            let (array, _inner) = create(MapType::ARRAY)?;
            has_command("BPF_MAP_FREEZE", sys::freeze(array.as_fd()))
        }
    }
}

const CREATE: &str = "BPF_MAP_CREATE";

/// The size of an entry that is counted, but never made, in bytes.
const UNUSED_ENTRY: u32 = 64 << 10;

/// So many of them are short of 4 GiB, which no map exceeded when they counted
/// against the limit.
const MOST_UNUSED: u32 = 65_000;

/// Makes the smallest map of a type; the second is what the maps in it are like.
fn create(map_type: MapType) -> Attempt<(OwnedFd, Option<OwnedFd>)> {
    let smallest = Smallest::of(map_type);
    let inner = match smallest.holds_maps {
        true => Some(sys::create_map(&Smallest::of(MapType::ARRAY).new).map_err(why(CREATE))?),
        false => None,
    };
    let btf = match smallest.wants_btf {
        true => Some(btf().map_err(why("BPF_BTF_LOAD"))?),
        false => None,
    };
    let new = sys::NewMap {
        inner: inner.as_ref().map(AsFd::as_fd),
        btf: btf.as_ref().map(|btf| (btf.as_fd(), [1, 1])),
        ..smallest.new
    };
    match sys::create_map(&new) {
        Ok(map) => Ok((map, inner)),
        Err(errno) => Err(stopped(CREATE, errno)),
    }
}

fn opened(map: OwnedFd) -> Attempt<Map> {
    Map::new(map).map_err(|(why, _)| match why {
        NotDescribed::Refused(errno) => stopped("BPF_OBJ_GET_INFO_BY_FD", errno),
        NotDescribed::Cpus(error) => {
            let (call, errno) = (sys::POSSIBLE_CPUS, error.raw_os_error().unwrap_or(libc::EIO));
            Stopped(Support::Unknown(Inconclusive { call, errno }))
        }
    })
}

/// A map, and a key and a value for it.
struct Entry {
    map: Map,
    key: Vec<u8>,
    value: Vec<u8>,
    /// What the value of a map of maps names, for as long as it does.
    _inner: Option<OwnedFd>,
}

fn entry(map_type: MapType) -> Attempt<Entry> {
    let (map, inner) = create(map_type)?;
    let map = opened(map)?;
    let mut value = vec![0; map.value_len()];
    if let Some(inner) = &inner {
        // What such a map is given is a descriptor.
        value.copy_from_slice(&inner.as_raw_fd().to_ne_bytes());
    }
    let key = vec![0; map.key_len()];
    Ok(Entry { map, key, value, _inner: inner })
}

/// What the kernel answered to a command on a map that it has made: it may have
/// found nothing, but it has looked.
fn has_command(call: &'static str, answer: Result<(), Errno>) -> Attempt<()> {
    match answer {
        Ok(()) | Err(Errno(libc::ENOENT)) => Ok(()),
        Err(errno) => Err(stopped(call, errno)),
    }
}

fn why(call: &'static str) -> impl Fn(Errno) -> Stopped {
    move |errno| stopped(call, errno)
}

/// A refusal of what was asked for is an answer, every other one is none.
fn stopped(call: &'static str, errno: Errno) -> Stopped {
    Stopped(match errno.0 {
        libc::EINVAL | libc::E2BIG | libc::EOPNOTSUPP | libc::ENOSYS | Errno::NOTSUPP => {
            Support::No
        }
        errno => Support::Unknown(Inconclusive { call, errno }),
    })
}
