//! The table. The first row that fits counts, and one of the last fits always.
//!
//! From the kernel's sources up to Linux 6.18: `kernel/bpf/syscall.c`, which
//! answers for all types, and the file of each type.

use libc::{
    E2BIG, EACCES, EAGAIN, EBADF, EBUSY, EDEADLK, EEXIST, EFAULT, EINTR, EINVAL, ELOOP, EMFILE,
    ENAMETOOLONG, ENFILE, ENODEV, ENOENT, ENOMEM, ENOSPC, ENOSYS, ENOTDIR, ENOTSOCK, EOPNOTSUPP,
    EOVERFLOW, EPERM, ESRCH, ETIMEDOUT,
};

use super::Kind::{
    self, Array, ArrayOfMaps, Cgroups, Hash, HashOfMaps, Inodes, Lru, Queue, RingBuf, Rodata,
    Section, Sockets, Stack, Tasks, Trie,
};
use super::Operation::{
    self, ContainsKey, Describe, Drain, DrainStep, Duplicate, Freeze, Get, Insert, InsertBatch,
    InsertNew, Iterate, LongestMatch, MapMemory, MayContain, OpenBtf, OpenId, OpenPin, Peek, Pop,
    Push, PushOverOldest, ReadBtf, ReadEvent, Remove, RemoveBatch, Replace, Set, SetBatch, Step,
    Take, Wait,
};
use crate::sys::Errno;

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// `Error::Closed`.
    Closed,
    /// `Error::KeyExists`.
    KeyExists,
    /// `Error::KeyMissing`.
    KeyMissing,
    /// `Error::Full`, and what to do.
    Full(&'static str),
    /// `Error::Kernel`: what it means and what to do.
    Says(&'static str),
}

use Meaning::{Closed, Full, KeyExists, KeyMissing, Says};

struct Row {
    errnos: &'static [i32],
    /// On which kinds of maps; empty for all.
    kinds: &'static [Kind],
    /// In answer to what; empty for all.
    operations: &'static [Operation],
    means: Meaning,
}

const fn row(
    errnos: &'static [i32],
    kinds: &'static [Kind],
    operations: &'static [Operation],
    means: Meaning,
) -> Row {
    Row { errnos, kinds, operations, means }
}

const NOTSUPP: i32 = Errno::NOTSUPP;

const ANY: &[Kind] = &[];
const HASHES: &[Kind] = &[Hash, Lru, HashOfMaps];
const QUEUES: &[Kind] = &[Queue, Stack];
const OF_MAPS: &[Kind] = &[HashOfMaps, ArrayOfMaps];
const STORAGE: &[Kind] = &[Sockets, Inodes, Tasks, Cgroups];
/// Those whose entries are told apart by a key that may be absent.
const KEYED: &[Kind] = &[Hash, Lru, Trie, HashOfMaps, Sockets, Inodes, Cgroups];

/// Those whose buckets and nodes the kernel locks.
const LOCKING: &[Kind] = &[Hash, Lru, HashOfMaps, Trie, Sockets, Inodes, Tasks, Cgroups];

const ALL: &[Operation] = &[];
const READS: &[Operation] = &[Get, ContainsKey, LongestMatch, MayContain, Peek, Iterate, Step];
const WRITES: &[Operation] = &[
    Set,
    SetBatch,
    Insert,
    InsertNew,
    Replace,
    InsertBatch,
    Remove,
    RemoveBatch,
    Push,
    PushOverOldest,
];
const READ_AND_WRITE: &[Operation] = &[Take, Pop, Drain, DrainStep];
const WALKS: &[Operation] = &[Iterate, Step, Drain, DrainStep];
const ADDS: &[Operation] = &[Insert, InsertNew, InsertBatch];
const STEPS: &[Operation] = &[Step, DrainStep];
/// All that storage has.
const OF_STORAGE: &[Operation] = &[Get, ContainsKey, Insert, InsertNew, Replace, Remove];
/// Those for which the kernel takes a lock.
const LOCKS: &[Operation] = &[
    Insert,
    InsertNew,
    Replace,
    InsertBatch,
    Remove,
    RemoveBatch,
    Push,
    PushOverOldest,
    Peek,
    Take,
    Pop,
    Iterate,
    Drain,
    DrainStep,
];
/// Those that make a descriptor, or are asked of one that is new.
const OPENS: &[Operation] = &[OpenPin, OpenId, Duplicate, Describe, OpenBtf, ReadBtf];
const UPDATES: &[Operation] = &[Set, SetBatch, Insert, InsertNew, Replace, InsertBatch];

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // The key is there, or is not, or there is no room for it.
    row(&[EEXIST], KEYED, &[InsertNew], KeyExists),
    row(&[EEXIST], &[Tasks], &[InsertNew], KeyExists),
    row(&[ENOENT], KEYED, &[Replace], KeyMissing),
    row(&[ENOENT], &[Tasks], &[Replace], Says(
        "the process has no value to replace, or has ended; `insert` writes whether it has one or not")),
    row(&[ENOENT], &[Tasks], UPDATES, Says("the process has ended")),
    row(&[ESRCH], &[Tasks], OF_STORAGE, Says("the process has ended")),
    row(&[E2BIG], &[Hash], ADDS, Full(
        "remove some, load it with a larger `max_entries`, or make it an lru_hash or \
         lru_percpu_hash, which drops the entry that was used least recently")),
    row(&[E2BIG], &[HashOfMaps], ADDS, Full("remove some, or load it with a larger `max_entries`")),
    row(&[ENOSPC], &[Trie], ADDS, Full("remove some, or load it with a larger `max_entries`")),
    row(&[ENOSPC], &[Trie], &[Replace], Says(
        "the trie is full, and before Linux 6.13 a full one takes no new value for a prefix that is \
         there either: remove the prefix and insert it")),
    row(&[E2BIG], QUEUES, &[Push], Full(
        "pop some, load it with a larger `max_entries`, or use `push_over_oldest`")),
    row(&[E2BIG], &[Array, ArrayOfMaps, Section, Rodata], UPDATES, Says(
        "the index is beyond the end of the array")),
    row(&[ENOMEM], &[Lru], UPDATES, Says(
        "no entry could be dropped for the new one, as all that could be are being written at this \
         moment; try again, or load it with a larger `max_entries`: some are kept for each CPU")),

    // What was given is not what the map takes.
    row(&[EBADF, ENOTSOCK], &[Sockets], OF_STORAGE, Says(
        "the descriptor that was given is not that of an open socket, which is what this map stores \
         values for")),
    row(&[EBADF], &[Inodes], OF_STORAGE, Says(
        "the descriptor that was given is not that of an open file, which is what this map stores \
         values for")),
    row(&[EBADF, EINVAL], &[Tasks], OF_STORAGE, Says(
        "the descriptor that was given is not that of a process, which is what this map stores values \
         for: `pidfd_open(2)` makes one")),
    row(&[EBADF], &[Cgroups], OF_STORAGE, Says(
        "the descriptor that was given is not that of an open directory of a cgroup, which is what \
         this map stores values for")),
    row(&[EBADF], OF_MAPS, UPDATES, Says(
        "a descriptor is closed: that of this map, or that of the map to put into it")),
    row(&[EBADF], ANY, &[OpenBtf, ReadBtf], Says(
        "the descriptor of the BTF was closed, by its number, by another part of this process")),
    row(&[EBADF], ANY, ALL, Closed),
    row(&[EINVAL], OF_MAPS, UPDATES, Says(
        "the map is not like the one that the outer map was made with, in its type, its sizes or its \
         flags")),
    row(&[EINVAL], &[Trie], &[Insert, InsertNew, Replace, InsertBatch, Remove, RemoveBatch], Says(
        "the kernel takes the prefix for longer than the key has bits; its length comes first in the \
         key, in the byte order of the host")),
    row(&[EINVAL], ANY, &[Describe], Says(
        "the descriptor is not that of a BPF map, but of a file of another kind")),

    // What may not be done.
    row(&[EPERM], &[Rodata], WRITES, Says(
        "loaders freeze it: set the variable before the program is loaded, with aya's \
         `EbpfLoader::override_global`")),
    row(&[EPERM], ANY, WRITES, Says(
        "the map is frozen, or was opened read-only (BPF_F_RDONLY), or the process lacks CAP_BPF, \
         which kernels before 5.19 demand where unprivileged BPF is disabled")),
    row(&[EPERM], ANY, READ_AND_WRITE, Says(
        "it reads and writes: the map is frozen, or was opened read-only (BPF_F_RDONLY) or write-only \
         (BPF_F_WRONLY), or the process lacks CAP_BPF, which kernels before 5.19 demand where \
         unprivileged BPF is disabled")),
    row(&[EPERM], ANY, READS, Says(
        "the map was opened write-only (BPF_F_WRONLY), or the process lacks CAP_BPF, which kernels \
         before 5.19 demand where unprivileged BPF is disabled")),
    row(&[EPERM], ANY, &[Freeze], Says(
        "the map is frozen already, or was opened read-only (BPF_F_RDONLY), or the process lacks \
         CAP_BPF, which kernels before 6.5 demand")),
    row(&[EPERM, EACCES], &[RingBuf], &[MapMemory], Says(
        "how far events are read is written into its memory, so it must be writable, and it is frozen \
         or was opened read-only (BPF_F_RDONLY)")),
    row(&[EPERM, EACCES], ANY, &[MapMemory], Says(
        "the map was opened write-only (BPF_F_WRONLY), or a security module forbids it")),
    row(&[EPERM], ANY, &[OpenPin], Says(
        "this kernel lets only a process with CAP_BPF open a pin, or a security module forbids it")),
    row(&[EACCES], ANY, &[OpenPin], Says(
        "either its permissions do not allow it (to read alone, open it with \
         `OpenOptions::new().read_only(true)`), or it is a file that is no pin: is the path in a \
         bpffs?")),
    row(&[EPERM], ANY, &[OpenId], Says(
        "opening a map by its id needs CAP_SYS_ADMIN; open it by its pin, or from its loader")),
    row(&[EPERM], ANY, &[OpenBtf], Says("reading BTF by its id needs CAP_SYS_ADMIN")),
    row(&[EPERM], ANY, &[Describe, ReadBtf], Says(
        "the process lacks CAP_BPF, which kernels before 5.19 demand where unprivileged BPF is \
         disabled, or a security module or a seccomp filter, as containers have, forbids bpf(2)")),

    // What is not there.
    row(&[ENOENT], ANY, &[OpenPin], Says("nothing is pinned there")),
    row(&[ENOENT], ANY, &[OpenId], Says("there is no map of that id")),
    row(&[ENOENT], ANY, &[OpenBtf], Says("the BTF of that id is gone: was the map replaced meanwhile?")),
    row(&[ENOTDIR], ANY, &[OpenPin], Says("a part of the path is not a directory")),
    row(&[ELOOP], ANY, &[OpenPin], Says("the path has too many symbolic links")),
    row(&[ENAMETOOLONG], ANY, &[OpenPin], Says("the path, or a name in it, is too long")),
    row(&[EINVAL], ANY, &[OpenPin], Says(
        "the path holds a NUL; or what is pinned there opens for reading and writing alone, as a \
         link does, and before Linux 4.15 everything")),
    row(&[EINVAL, NOTSUPP], ANY, &[OpenId, OpenBtf, ReadBtf], Says(
        "the kernel has maps by id since Linux 4.13, and BTF by id since 4.18")),
    row(&[EMFILE], ANY, OPENS, Says(
        "the process has as many descriptors as it may have: raise RLIMIT_NOFILE, or close some")),
    row(&[ENFILE], ANY, OPENS, Says("the machine has as many open files as it may have (fs.file-max)")),

    // What the kernel has not got.
    row(&[EINVAL, NOTSUPP], &[Hash, Lru], &[Take], Says(
        "the kernel has it for hash maps since Linux 5.14; before, `get` and `remove` do it in two \
         steps, between which others may write")),
    row(&[EINVAL], ANY, &[Freeze], Says("the kernel has it since Linux 5.2")),
    row(&[NOTSUPP], ANY, &[Freeze], Says(
        "the kernel freezes no map whose values hold what belongs to it, as a spin lock or a timer does")),
    row(&[EBUSY], ANY, &[Freeze], Says(
        "the map is frozen already, or somebody has it mapped into memory for writing, or writes to it \
         at this moment")),
    row(&[EINVAL, NOTSUPP, ENODEV], &[RingBuf], &[MapMemory], Says(
        "the kernel does not take the size that it gave for the buffer: please report it")),
    row(&[EINVAL, NOTSUPP, ENODEV], ANY, &[MapMemory], Says(
        "the kernel maps arrays since Linux 5.5, when they were made with BPF_F_MMAPABLE and their \
         values hold nothing that belongs to the kernel, as a spin lock does")),
    row(&[EAGAIN], ANY, &[MapMemory], Says(
        "the process may lock no more memory: raise RLIMIT_MEMLOCK")),
    row(&[ENOMEM, EOVERFLOW], ANY, &[MapMemory], Says(
        "the process has no room left in its addresses, or too many mappings (vm.max_map_count)")),
    row(&[EINVAL, ENOMEM], ANY, &[Wait], Says(
        "the process may have too few descriptors (RLIMIT_NOFILE), or the kernel no memory to wait with")),

    // What comes between.
    row(&[EAGAIN], HASHES, STEPS, Says(
        "entries were removed under the walk again and again, each time the one to go on from; walk \
         while there is less to do, or on a kernel with batches (since Linux 5.6), whose walk does not \
         mind")),
    row(&[EAGAIN, EINTR], &[Trie, ArrayOfMaps], WALKS, Says(
        "entries were removed under the walk again and again, each time the one to go on from; walk \
         while there is less to do")),
    row(&[EAGAIN], STORAGE, &[Insert, InsertNew, Replace], Says(
        "another write to the same value came between; try again")),
    row(&[EBUSY], HASHES, LOCKS, Says(
        "a bucket of the map is in use by what this operation has interrupted on its CPU; nothing was \
         done there, try again")),
    row(&[EBUSY], QUEUES, LOCKS, Says(
        "others hold the lock of the map; nothing was done, try again")),
    row(&[EDEADLK, ETIMEDOUT], LOCKING, LOCKS, Says(
        "the kernel gave up waiting for a lock of the map, as newer kernels do (hash maps and tries \
         since Linux 6.15) when others hold it for too long or wait for each other; nothing was done \
         there, try again")),
    row(&[ENOSPC], HASHES, &[Iterate, Drain], Says(
        "the kernel finds no room for one bucket in a buffer for all entries that the map can hold: \
         please report it")),
    row(&[EINTR], ANY, ALL, Says("a signal came before the kernel was done; call it again")),

    // What may come of anything.
    row(&[ENOMEM], &[Sockets], UPDATES, Says(
        "the kernel has no memory for the value, or the socket has as much of it as \
         net.core.optmem_max allows")),
    row(&[ENOMEM], KEYED, UPDATES, Says(
        "the kernel, or the memory cgroup that the map belongs to, has no memory for the entry")),
    row(&[ENOMEM], ANY, ALL, Says(
        "the kernel has no memory for what the call needs while it runs")),
    row(&[EFAULT], ANY, ALL, Says(
        "the kernel could not read or write the memory that it was given, which is a mistake of this \
         crate or of something that unmapped it: please report it")),
    row(&[ENOSYS], ANY, ALL, Says(
        "the kernel was built without CONFIG_BPF_SYSCALL, or a seccomp filter, as containers have, \
         hides bpf(2)")),
    row(&[EPERM, EACCES], ANY, ALL, Says(
        "a security module, a seccomp filter or the map's permissions forbid it; the audit log and the \
         kernel log may say which")),
    row(&[NOTSUPP, EOPNOTSUPP], ANY, ALL, Says(
        "this kernel does not have the operation for this type of map")),
    row(&[EINVAL], ANY, ALL, Says(
        "this kernel does not know the operation, or one of the flags that it is given, for this type \
         of map")),
    row(&[E2BIG], ANY, OPENS, Says(
        "the request has a part that this kernel is too old for")),
    row(&[EOVERFLOW], ANY, &[Describe], Says(
        "a value for each CPU is more than this process can have in memory")),
    row(&[], ANY, &[ReadEvent], Says(
        "its memory is not as the kernel writes it: does another process read it too?")),
    row(&[], ANY, &[Duplicate], Says("the operating system refused it a copy of the descriptor")),
    row(&[], ANY, ALL, Says(
        "no kernel up to Linux 6.18 gives this answer here of its own: a security module, a seccomp \
         filter, a fault that was injected or a newer kernel did; the kernel log may say which")),
];

/// What it means that the kernel answered `errno`.
pub(crate) fn meaning(kind: Kind, operation: Operation, errno: Errno) -> Meaning {
    let fits = |row: &&Row| {
        let Row { errnos, kinds, operations, .. } = row;
        (errnos.is_empty() || errnos.contains(&errno.0))
            && (kinds.is_empty() || kinds.contains(&kind))
            && (operations.is_empty() || operations.contains(&operation))
    };
    TABLE.iter().find(fits).expect("the last row fits always").means
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row says something, and none is hidden by those before it.
    #[test]
    fn every_row_is_of_use() {
        let mut used = vec![false; TABLE.len()];
        for &kind in Kind::ALL {
            for &operation in Operation::ALL {
                for errno in 1..=600 {
                    let means = meaning(kind, operation, Errno(errno));
                    if let Says(text) | Full(text) = means {
                        assert!(text.len() > 15, "{kind:?} {operation:?} {errno}: {text}");
                        assert!(!text.ends_with('.') && !text.contains("  "), "{text}");
                    }
                    let row = TABLE.iter().position(|row| {
                        (row.errnos.is_empty() || row.errnos.contains(&errno))
                            && (row.kinds.is_empty() || row.kinds.contains(&kind))
                            && (row.operations.is_empty() || row.operations.contains(&operation))
                    });
                    used[row.expect("a row")] = true;
                }
            }
        }
        let unused: Vec<_> = (0..TABLE.len()).filter(|row| !used[*row]).collect();
        let texts: Vec<_> = unused.iter().map(|row| TABLE[*row].means).collect();
        assert!(texts.is_empty(), "never reached: {texts:?}");
    }
}
