//! Ring buffers.

use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event::Event;
use super::failure::Operation;
use super::opening::opening;
use super::{FromOpen, OpenMap, TypedMap};
use crate::Error;
use crate::layout::Layout;
use crate::map_type::MapType;
use crate::sys::{Corrupt, Errno, Ring, wait};

/// A ring buffer of events: `BPF_MAP_TYPE_RINGBUF`, since Linux 5.8.
///
/// No map declares what its events are, so the type is named, and looked up in
/// the object or in the BTF of the program:
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ebpf = aya::Ebpf::load(&[])?;
/// use bpfmap::{BpfMapValue, OpenOptions, RingBuf};
///
/// #[derive(BpfMapValue, Clone, Copy, Debug)]
/// #[repr(C)]
/// struct Opened { at: u64, pid: u32, flags: u32 }
///
/// let mut events: RingBuf<Opened> = OpenOptions::new().event("opened").open(&ebpf, "events")?;
/// loop {
///     while let Some(event) = events.try_next()? {
///         println!("{event:?}");
///     }
///     events.wait(None)?;
/// }
/// # }
/// ```
///
/// For several types of events in one buffer see [`events!`](crate::events). A
/// ring buffer becomes readable for `epoll` and the like when there is an event:
/// in tokio, an `AsyncFd` takes it.
///
/// It is the only reader: who opens a buffer twice has each event read by one of
/// the two. An event is copied before its place is given back, so nothing that a
/// program writes later is seen in it.
pub struct RingBuf<E> {
    open: OpenMap,
    ring: Option<Ring>,
    types: PhantomData<fn() -> E>,
}

/// Since Linux 6.19: nobody waits for a reader, and where to read from is elsewhere.
const BPF_F_RB_OVERWRITE: u32 = 1 << 19;

impl<E: Event> TypedMap for RingBuf<E> {
    const NAME: &'static str = "RingBuf";
    const MAP_TYPES: &'static [MapType] = &[MapType::RINGBUF];
    const KEY: Option<&'static Layout> = None;
    const VALUE: Option<&'static Layout> = None;
}

impl<E: Event> FromOpen for RingBuf<E> {
    const EVENTS: Option<&'static [(&'static str, &'static Layout)]> = Some(E::TYPES);

    fn from_open(open: OpenMap) -> Self {
        Self { open, ring: None, types: PhantomData }
    }
}

opening!(RingBuf<E: Event>);

impl<E: Event> RingBuf<E> {
    /// The next event; `None` when there is none yet.
    ///
    /// # Errors
    ///
    /// - [`Error::Event`] when an event is none of the types; it is skipped, and
    ///   the next call goes on behind it;
    /// - [`Error::Kernel`] when the memory of the buffer cannot be mapped, when it was
    ///   made with `BPF_F_RB_OVERWRITE`, or when another reader has spoiled it.
    pub fn try_next(&mut self) -> Result<Option<E>, Error> {
        let ring = match &mut self.ring {
            Some(ring) => ring,
            None => {
                let info = self.open.map.info();
                if info.map_flags & BPF_F_RB_OVERWRITE != 0 {
                    return Err(self.open.refused(
                        Operation::MapMemory,
                        libc::EOPNOTSUPP,
                        "it was made with BPF_F_RB_OVERWRITE, so the kernel writes over events that \
                         are being read: this version of bpfmap does not read such buffers",
                    ));
                }
                let size = info.max_entries;
                let ring = Ring::map(self.open.map.fd().as_fd(), size)
                    .map_err(|error| self.open.io_failure(Operation::MapMemory, &error))?;
                self.ring.insert(ring)
            }
        };
        match ring.next() {
            Ok(None) => Ok(None),
            Ok(Some(sample)) => {
                let map = || Arc::clone(&self.open.label);
                E::from_sample(sample).map(Some).map_err(|wrong| Error::Event { map: map(), wrong })
            }
            Err(Corrupt) => Err(self.open.failure(Operation::ReadEvent, Errno(libc::EIO))),
        }
    }

    /// All events that there are now.
    pub fn drain(&mut self) -> impl Iterator<Item = Result<E, Error>> + '_ {
        std::iter::from_fn(|| self.try_next().transpose())
    }

    /// Waits for an event, for at most that long; `false` when the time is up. A time
    /// that no clock reaches, such as [`Duration::MAX`], is for ever.
    ///
    /// # Errors
    ///
    /// [`Error::Kernel`] when the kernel refuses to wait. An interruption by a
    /// signal is none: it goes on waiting.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool, Error> {
        // What no clock reaches is for ever.
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            // Rounded up, so as not to turn round and round for the last of them.
            let left = left.map_or(-1, |left| {
                i32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
            });
            match wait(self.open.map.fd().as_fd(), left) {
                Ok(ready) => return Ok(ready),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.open.io_failure(Operation::Wait, &error)),
            }
        }
    }
}

impl<E> std::os::fd::AsRawFd for RingBuf<E> {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.open.map.fd().as_raw_fd()
    }
}
