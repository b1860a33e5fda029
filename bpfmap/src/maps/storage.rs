//! Storage that belongs to something else in the kernel.

use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use super::failure::Operation;
use super::freezing::freezing;
use super::opening::opening;
use super::{FromOpen, OpenMap, TypedMap};
use crate::Error;
use crate::layout::{BpfMapValue, Layout};
use crate::map_type::MapType;
use crate::sys::Update;

/// A value for each socket, inode, task or cgroup, which goes with it:
/// `BPF_MAP_TYPE_SK_STORAGE` (since Linux 5.2), `BPF_MAP_TYPE_INODE_STORAGE`
/// (since 5.10), `BPF_MAP_TYPE_TASK_STORAGE` (since 5.11) and
/// `BPF_MAP_TYPE_CGRP_STORAGE` (since 6.2).
///
/// The key is a descriptor: of the socket, of the file, of the process (a pidfd),
/// or of the cgroup's directory.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ebpf = aya::Ebpf::load(&[])?;
/// use bpfmap::LocalStorage;
///
/// let marks = LocalStorage::<u64>::open(&ebpf, "marks")?;
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// marks.insert(&socket, &7)?;
/// assert_eq!(marks.get(&socket)?, Some(7));
/// # Ok(())
/// # }
/// ```
pub struct LocalStorage<V> {
    open: OpenMap,
    types: PhantomData<fn(V) -> V>,
}

impl<V: BpfMapValue> TypedMap for LocalStorage<V> {
    const NAME: &'static str = "LocalStorage";
    const MAP_TYPES: &'static [MapType] = &[
        MapType::SK_STORAGE,
        MapType::INODE_STORAGE,
        MapType::TASK_STORAGE,
        MapType::CGRP_STORAGE,
    ];
    const KEY: Option<&'static Layout> = None;
    const VALUE: Option<&'static Layout> = Some(V::LAYOUT);
}

impl<V: BpfMapValue> FromOpen for LocalStorage<V> {
    fn from_open(open: OpenMap) -> Self {
        Self { open: open.with_lock_of(V::LAYOUT), types: PhantomData }
    }
}

opening!(LocalStorage<V: BpfMapValue>);
freezing!(LocalStorage<V>);

/// A descriptor of another kind than the map is for is refused with `EBADF`,
/// `ENOTSOCK` or `EINVAL`, and the error says what the map is for.
///
/// The kernel neither takes a value nor walks over those that there are: of what
/// user space has no descriptor, it sees no value.
impl<V: BpfMapValue> LocalStorage<V> {
    /// The value of what the descriptor is of; `None` when it has none.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn get(&self, owner: &impl AsFd) -> Result<Option<V>, Error> {
        self.open.get(Operation::Get, &key(owner.as_fd()))
    }

    /// Whether what the descriptor is of has a value.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn contains_key(&self, owner: &impl AsFd) -> Result<bool, Error> {
        let value = self.open.get::<V>(Operation::ContainsKey, &key(owner.as_fd()))?;
        Ok(value.is_some())
    }

    /// Writes the value of what the descriptor is of, whether it has one or not.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn insert(&self, owner: &impl AsFd, value: &V) -> Result<(), Error> {
        let key = key(owner.as_fd());
        self.open.update(Operation::Insert, Update::Any, &key, value)
    }

    /// Writes the value of what the descriptor is of, which has none yet.
    ///
    /// # Errors
    ///
    /// [`Error::KeyExists`] when it has one.
    pub fn insert_new(&self, owner: &impl AsFd, value: &V) -> Result<(), Error> {
        let key = key(owner.as_fd());
        self.open.update(Operation::InsertNew, Update::New, &key, value)
    }

    /// Writes the value of what the descriptor is of, which has one.
    ///
    /// # Errors
    ///
    /// [`Error::KeyMissing`] when it has none; of a process [`Error::Kernel`], as
    /// it may have ended.
    pub fn replace(&self, owner: &impl AsFd, value: &V) -> Result<(), Error> {
        let key = key(owner.as_fd());
        self.open.update(Operation::Replace, Update::Existing, &key, value)
    }

    /// Removes the value of what the descriptor is of; `false` when it had none.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub fn remove(&self, owner: &impl AsFd) -> Result<bool, Error> {
        self.open.remove(Operation::Remove, &key(owner.as_fd()))
    }
}

fn key(owner: BorrowedFd<'_>) -> [u8; 4] {
    owner.as_raw_fd().to_ne_bytes()
}
