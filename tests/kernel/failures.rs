//! What messages make of each errno, for each operation of each typed map.
//!
//! `failures.txt` has all of them, to be read; `BPFMAP_OVERWRITE=1` writes it
//! anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;

use aya::{Ebpf, EbpfLoader};
use bpfmap::{
    Array, ArrayOfMaps, BloomFilter, Error, Feature, Globals, HashMap, HashOfMaps, LocalStorage,
    LpmTrie, Object, OpenOptions, PerCpu, Queue, Stack, fault, zeroed,
};

use crate::features::{BLOOM_FILTER, CGROUP_STORAGE, FREEZING_WRITES, TASK_STORAGE};
use crate::globals::{Data, GLOBALS, Rodata};
use crate::inner::{INNER, Mark, TASKS, Tenant, load_tasks, this_process};
use crate::maps::{BLOOM, Count, MAPS, Prefix};
use crate::support::*;

trials! {
    [Need::Bpf, CGROUP_STORAGE, BLOOM_FILTER, TASK_STORAGE] => [no_answer_is_without_a_meaning]
    [Need::Bpf, Need::Ids] => [opening_says_what_an_answer_means]
    [Need::Bpf, FREEZING_WRITES] => [maps_for_one_direction_say_so]
}

pub static STORAGE: &[u8] = aya::include_bytes_aligned!("../bpf/storage.bpf.o");
static KNOWN: &str = include_str!("failures.txt");

/// Those that the kernel's sources have for these operations, and what a signal,
/// a security module or a seccomp filter may add. The text of every other number
/// is the same.
const ERRNOS: &[(i32, &str)] = &[
    (libc::EPERM, "EPERM"),
    (libc::ENOENT, "ENOENT"),
    (libc::ESRCH, "ESRCH"),
    (libc::EINTR, "EINTR"),
    (libc::E2BIG, "E2BIG"),
    (libc::EBADF, "EBADF"),
    (libc::EAGAIN, "EAGAIN"),
    (libc::ENOMEM, "ENOMEM"),
    (libc::EACCES, "EACCES"),
    (libc::EFAULT, "EFAULT"),
    (libc::EBUSY, "EBUSY"),
    (libc::EEXIST, "EEXIST"),
    (libc::EINVAL, "EINVAL"),
    (libc::ENFILE, "ENFILE"),
    (libc::EMFILE, "EMFILE"),
    (libc::ENOSPC, "ENOSPC"),
    (libc::ERANGE, "ERANGE"),
    (libc::EDEADLK, "EDEADLK"),
    (libc::ENOSYS, "ENOSYS"),
    (libc::EOVERFLOW, "EOVERFLOW"),
    (libc::ENOTSOCK, "ENOTSOCK"),
    (libc::EOPNOTSUPP, "EOPNOTSUPP"),
    (libc::ETIMEDOUT, "ETIMEDOUT"),
    (524, "524"),
    // None of the kernel's.
    (libc::EIO, "EIO"),
    (libc::EXDEV, "EXDEV"),
];

/// How the text begins that is left for what no kernel answers.
const NOT_THE_KERNELS: &str = "no kernel up to Linux 6.18 gives this answer here of its own";

type Call<'a> = Box<dyn Fn() -> Result<(), Error> + 'a>;

/// An operation of a typed map.
struct Case<'a> {
    kind: &'static str,
    operation: &'static str,
    call: Call<'a>,
}

/// What operations are handed.
struct Handed {
    /// Two, as some take a map and others a slice.
    tenant: Tenant,
    tenants: [Tenant; 1],
    socket: UdpSocket,
    process: OwnedFd,
    file: File,
    cgroup: File,
}

impl Handed {
    fn new(inner: &Ebpf) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self {
            tenant: with_object(INNER, inner, "tenant")?,
            tenants: [with_object(INNER, inner, "tenant")?],
            socket: UdpSocket::bind("127.0.0.1:0")?,
            process: this_process()?,
            file: File::open("/")?,
            cgroup: File::open("/sys/fs/cgroup")?,
        })
    }
}

macro_rules! cases {
    ($cases:ident, $kind:literal, $map:expr, $($operation:ident($($argument:expr),*);)*) => {
        let map = std::rc::Rc::new($map);
        $({
            let map = std::rc::Rc::clone(&map);
            let call: Call<'_> = Box::new(move || map.$operation($($argument),*).map(drop));
            $cases.push(Case { kind: $kind, operation: stringify!($operation), call });
        })*
    };
}

/// The first answer of a walk.
fn first<T>(mut walk: impl Iterator<Item = Result<T, Error>>) -> Result<(), Error> {
    walk.next().map_or(Ok(()), |answer| answer.map(drop))
}

macro_rules! walks {
    ($cases:ident, $kind:literal, $map:expr, $($walk:ident)*) => {
        let map = std::rc::Rc::new($map);
        $({
            let map = std::rc::Rc::clone(&map);
            let call: Call<'_> = Box::new(move || first(map.$walk()));
            $cases.push(Case { kind: $kind, operation: stringify!($walk), call });
        })*
    };
}

fn all_cases<'a>(
    inner: &Ebpf,
    handed: &'a Handed,
) -> Result<Vec<Case<'a>>, Box<dyn std::error::Error>> {
    // Known from here on, so that no failure is taken for the answer.
    let conditions = Feature::TrieConditions.probe();
    assert!(conditions.is_yes(), "{conditions}");
    let mut cases = Vec::new();
    let (ebpf, kinds) = (Ebpf::load(MAPS)?, Ebpf::load(KINDS)?);
    let storage = EbpfLoader::new().allow_unsupported_maps().load(STORAGE)?;
    let open = || with_object::<HashMap<u32, u64>>(MAPS, &ebpf, "large");
    cases! {
        cases, "hash", open()?,
        get(&1); contains_key(&1); insert(&1, &1); insert_new(&1, &1); replace(&1, &1);
        remove(&1); take(&1); insert_batch(&[1], &[1]); remove_batch(&[1]); missing(&[1]);
        unexpected(&[1]); retain(|_, _| false); occupancy(); freeze();
    }
    walks!(cases, "hash", open()?, iter keys values drain);
    cases! {
        cases, "lru_hash", with_object::<HashMap<u32, u64>>(MAPS, &ebpf, "lru")?,
        get(&1); insert(&1, &1); insert_new(&1, &1); insert_batch(&[1], &[1]); take(&1);
    }
    let of_all = || PerCpu::<Count>::splat(zeroed()).expect("a list of CPUs");
    cases! {
        cases, "percpu_hash", with_object::<HashMap<u32, PerCpu<Count>>>(MAPS, &ebpf, "percpu_hash")?,
        get(&1); insert(&1, &of_all()); insert_batch(&[1], &[of_all()]); take(&1); remove(&1);
    }
    cases! {
        cases, "array", with_object::<Array<Count>>(MAPS, &ebpf, "array")?,
        get(1); set(1, &zeroed()); set_batch(1, &[zeroed()]); freeze();
    }
    walks!(cases, "array", with_object::<Array<Count>>(MAPS, &ebpf, "array")?, iter);
    cases! {
        cases, "percpu_array", with_object::<Array<PerCpu<Count>>>(MAPS, &ebpf, "percpu_array")?,
        get(1); set(1, &of_all()); set_batch(1, &[of_all()]);
    }
    let routes = || with_object::<LpmTrie<Prefix, u32>>(MAPS, &ebpf, "routes");
    let ten = Prefix { prefixlen: 8, ..zeroed() };
    cases! {
        cases, "lpm_trie", routes()?,
        longest_match(&ten); longest_match_of([10, 0, 0, 1]); contains_key(&ten);
        insert(&ten, &1); insert_new(&ten, &1); replace(&ten, &1); remove(&ten);
        insert_batch(&[ten], &[1]); remove_batch(&[ten]); missing(&[ten]); unexpected(&[ten]);
        occupancy(); freeze();
    }
    walks!(cases, "lpm_trie", routes()?, iter);
    cases! {
        cases, "queue", with_object::<Queue<Value>>(KINDS, &kinds, "queue")?,
        push(&value(1)); push_over_oldest(&value(1)); pop(); peek(); freeze();
    }
    cases! {
        cases, "stack", with_object::<Stack<Value>>(KINDS, &kinds, "stack")?,
        push(&value(1)); push_over_oldest(&value(1)); pop(); peek();
    }
    cases! {
        cases, "bloom_filter", with_object::<BloomFilter<Prefix>>(BLOOM, &Ebpf::load(BLOOM)?, "seen")?,
        insert(&ten); may_contain(&ten); freeze();
    }
    let object = Object::parse(INNER)?;
    let options = OpenOptions::new().object(&object);
    let (one, all) = (&handed.tenant, &handed.tenants);
    let of_maps = || options.open::<HashOfMaps<u16, Tenant>>(inner, "tenants");
    cases! {
        cases, "hash_of_maps", of_maps()?,
        get(&1); contains_key(&1); insert(&1, one); insert_new(&1, one); replace(&1, one);
        remove(&1); insert_batch(&[1], all); remove_batch(&[1]); missing(&[1]);
        unexpected(&[1]); occupancy(); freeze();
    }
    walks!(cases, "hash_of_maps", of_maps()?, keys);
    cases! {
        cases, "array_of_maps", options.open::<ArrayOfMaps<Tenant>>(inner, "slots")?,
        get(1); contains_key(1); set(1, one); remove(1); freeze();
    }
    let mark = zeroed::<Mark>();
    macro_rules! storage {
        ($object:ident, $ebpf:expr, $kind:literal, $name:literal, $owner:expr) => {
            cases! {
                cases, $kind, with_object::<LocalStorage<Mark>>($object, $ebpf, $name)?,
                get($owner); contains_key($owner); insert($owner, &mark);
                insert_new($owner, &mark); replace($owner, &mark); remove($owner); freeze();
            }
        };
    }
    storage!(INNER, inner, "sk_storage", "sockets", &handed.socket);
    storage!(TASKS, &load_tasks()?, "task_storage", "tasks", &handed.process);
    storage!(STORAGE, &storage, "inode_storage", "inodes", &handed.file);
    storage!(STORAGE, &storage, "cgrp_storage", "cgroups", &handed.cgroup);
    let globals = Ebpf::load(GLOBALS)?;
    let object = Object::parse(GLOBALS)?;
    let options = OpenOptions::new().object(&object);
    cases! {
        cases, "section", options.open::<Globals<Data>>(&globals, ".data")?,
        get(); set(&zeroed()); freeze();
    }
    cases! {
        cases, "section of constants", options.open::<Globals<Rodata>>(&globals, ".rodata")?,
        get(); set(&zeroed());
    }
    Ok(cases)
}

/// The text behind the map's name.
fn behind_label(text: &str) -> &str {
    text.split_once(") ").or_else(|| text.split_once("): ")).map_or(text, |(_, rest)| rest)
}

fn no_answer_is_without_a_meaning() -> TestResult {
    let inner = Ebpf::load(INNER)?;
    let handed = Handed::new(&inner)?;
    let cases = all_cases(&inner, &handed)?;
    // By errno, by what it means, by kind of map: the operations.
    let mut found: BTreeMap<usize, BTreeMap<String, BTreeMap<&str, Vec<&str>>>> = BTreeMap::new();
    let mut others = Vec::new();
    for Case { kind, operation, call } in &cases {
        for errno in (1..=133).chain(512..=531) {
            let rule = move |command: &str| command.starts_with("BPF_MAP_").then_some(errno);
            let error = match fault::with(rule, call) {
                Ok(()) => {
                    // Only what is no failure.
                    assert_eq!(errno, libc::ENOENT, "{kind} {operation} went through");
                    continue;
                }
                Err(Error::Partial { done: 0, all: 1, error }) => *error,
                Err(error) => error,
            };
            let text = error.to_string();
            assert!(text.starts_with("map `") && text.contains("(id "), "{text}");
            let meaning = match &error {
                Error::Kernel(error) => {
                    assert_eq!(error.errno(), errno, "{kind} {operation}");
                    assert!(error.operation.contains("BPF_MAP_"), "{text}");
                    assert!(text.contains(&format!("(os error {errno}); ")), "{text}");
                    let end = match error.cause() {
                        Some(cause) if !text.ends_with(error.meaning) => cause.to_string(),
                        _ => error.meaning.to_owned(),
                    };
                    assert!(text.ends_with(&end) && error.meaning.len() > 15, "{text}");
                    error.meaning.to_owned()
                }
                Error::Closed { .. }
                | Error::KeyExists { .. }
                | Error::KeyMissing { .. }
                | Error::Full { .. } => format!("= {}", behind_label(&text)),
                other => panic!("{kind} {operation} {errno}: {other}"),
            };
            match ERRNOS.iter().position(|(known, _)| *known == errno) {
                Some(index) => {
                    let kinds = found.entry(index).or_default().entry(meaning).or_default();
                    kinds.entry(kind).or_default().push(operation);
                }
                None => others.push(meaning),
            }
        }
    }
    let mut text = String::new();
    for (index, meanings) in &found {
        writeln!(text, "{}", ERRNOS[*index].1)?;
        for (meaning, kinds) in meanings {
            writeln!(text, "  {meaning}")?;
            if meaning.starts_with(NOT_THE_KERNELS) {
                writeln!(text, "    all others")?;
                continue;
            }
            for (kind, operations) in kinds {
                writeln!(text, "    {kind}: {}", operations.join(" "))?;
            }
        }
        writeln!(text)?;
    }
    if std::env::var_os("BPFMAP_OVERWRITE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/kernel/failures.txt");
        std::fs::write(path, &text)?;
        return Ok(());
    }
    let differs = text.lines().zip(KNOWN.lines()).find(|(found, known)| found != known);
    assert_eq!(differs, None, "found, and known from failures.txt");
    assert_eq!(text.lines().count(), KNOWN.lines().count());
    let known = others.iter().find(|text| !text.starts_with(NOT_THE_KERNELS));
    assert_eq!(known, None, "an errno that failures.txt should have");
    Ok(())
}

fn opening_says_what_an_answer_means() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    let fd = bpfmap::Loader::map_fd(&ebpf, "hash").ok_or("no map")?;
    type Hash = HashMap<Key, Value>;
    type Open<'a> = &'a dyn Fn() -> Result<Hash, Error>;
    let opens: [(&str, Open<'_>); 3] = [
        ("BPF_OBJ_GET_INFO_BY_FD", &|| Hash::from_fd(fd)),
        ("BPF_MAP_GET_FD_BY_ID", &|| Hash::from_id(1)),
        ("BPF_BTF_GET_FD_BY_ID", &|| Hash::from_fd(fd)),
    ];
    for (command, open) in opens {
        for errno in (1..=133).chain(512..=531) {
            let rule = move |asked: &str| (asked == command).then_some(errno);
            let error = fault::with(rule, open).unwrap_err();
            let text = error.to_string();
            assert!(text.starts_with("map"), "{text}");
            match &error {
                Error::Kernel(error) => {
                    assert_eq!(error.errno(), errno);
                    assert!(error.operation.contains(command), "{text}");
                    assert!(text.contains(&format!(" (os error {errno}); ")), "{text}");
                    let end = match error.cause() {
                        Some(cause) if !text.ends_with(error.meaning) => cause.to_string(),
                        _ => error.meaning.to_owned(),
                    };
                    assert!(text.ends_with(&end) && error.meaning.len() > 15, "{text}");
                }
                Error::Closed { .. } if errno == libc::EBADF => {}
                Error::Unverifiable { .. } if errno == libc::EPERM => {}
                _ => panic!("{command} {errno}: {text}"),
            }
        }
    }
    let rule = |command: &str| (command == "BPF_OBJ_GET").then_some(libc::EMFILE);
    let error = fault::with(rule, || Hash::from_pin("/sys/fs/bpf/any")).unwrap_err().to_string();
    assert!(error.contains("raise RLIMIT_NOFILE"), "{error}");
    // An id that no map has.
    let error = Hash::from_id(u32::MAX - 7).unwrap_err().to_string();
    assert!(error.contains("there is no map of that id"), "{error}");
    Ok(())
}

/// On the kernel itself: maps that this process may only read, or only write.
fn maps_for_one_direction_say_so() -> TestResult {
    const BPF_F_RDONLY: u32 = 1 << 3;
    const BPF_F_WRONLY: u32 = 1 << 4;
    let create = |map_flags| {
        crate::raw::Create {
            map_type: bpfmap::MapType::HASH.as_raw(),
            name: "one_way",
            key_size: 4,
            value_size: 4,
            max_entries: 4,
            map_flags,
            btf: None,
            inner: None,
        }
        .create()
    };
    let open = |flags| -> Result<HashMap<u32, u32>, Box<dyn std::error::Error>> {
        Ok(OpenOptions::new().allow_sizes_only(true).from_fd(create(flags)?)?)
    };
    let refused = |answer: Result<(), Error>, says: &str| {
        let error = answer.unwrap_err();
        assert!(matches!(&error, Error::Kernel(error) if error.errno() == libc::EPERM), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    };
    let map = open(BPF_F_RDONLY)?;
    assert_eq!((map.get(&1)?, map.iter().count()), (None, 0));
    for answer in [map.insert(&1, &1), map.remove(&1).map(drop), map.insert_batch(&[1], &[1])] {
        let answer = answer.map_err(|error| match error {
            Error::Partial { error, .. } => *error,
            error => error,
        });
        refused(answer, "was opened read-only (BPF_F_RDONLY)");
    }
    refused(map.take(&1).map(drop), "was opened read-only (BPF_F_RDONLY)");
    refused(first(map.drain()), "was opened read-only (BPF_F_RDONLY)");
    refused(map.freeze(), "was opened read-only (BPF_F_RDONLY)");
    let map = open(BPF_F_WRONLY)?;
    map.insert(&1, &1)?;
    refused(map.get(&1).map(drop), "was opened write-only (BPF_F_WRONLY)");
    refused(first(map.iter()), "was opened write-only (BPF_F_WRONLY)");
    refused(map.occupancy().map(drop), "was opened write-only (BPF_F_WRONLY)");
    refused(map.take(&1).map(drop), "was opened write-only (BPF_F_WRONLY)");
    map.freeze()?;
    Ok(())
}
