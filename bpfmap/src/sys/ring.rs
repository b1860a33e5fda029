//! The memory of a ring buffer, which the kernel and programs write to.
//!
//! The layout is that of the kernel's `kernel/bpf/ringbuf.c`: a page with how far
//! user space has read, a page with how far programs have written, and the data,
//! mapped twice in a row so that a sample never wraps around.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

pub(crate) struct Ring {
    consumer: Pages,
    /// The producer's page and the data, of which nothing is written to.
    producer: Pages,
    page: usize,
    /// How long the data are: a power of two.
    size: u64,
    /// A copy of the last sample; a last word is not filled by it.
    sample: Vec<u64>,
}

/// What programs wrote is not what the kernel lets them write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt;

/// The sample is still being written, `BPF_RINGBUF_BUSY_BIT`.
const BUSY: u32 = 1 << 31;
/// The program gave it up, `BPF_RINGBUF_DISCARD_BIT`.
const DISCARDED: u32 = 1 << 30;
/// Bytes before each sample, `BPF_RINGBUF_HDR_SZ`.
const HEADER: u64 = 8;

impl Ring {
    /// Maps the ring buffer of that size in bytes.
    pub(crate) fn map(fd: BorrowedFd<'_>, size: u32) -> io::Result<Self> {
        // SAFETY: a question without an address.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page = usize::try_from(page).ok().filter(|page| page.is_power_of_two()).unwrap_or(4096);
        let too_large = || io::Error::from_raw_os_error(libc::EOVERFLOW);
        let len = (size as usize).checked_mul(2).and_then(|len| len.checked_add(page));
        let (read, write) = (libc::PROT_READ, libc::PROT_READ | libc::PROT_WRITE);
        let producer = Pages::map(fd, page, len.ok_or_else(too_large)?, read)?;
        let consumer = Pages::map(fd, 0, page, write)?;
        Ok(Self { consumer, producer, page, size: size.into(), sample: Vec::new() })
    }

    /// Copies the next sample, and makes room for another in its place; `None`
    /// when there is none yet.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, Corrupt> {
        // Whether what was consumed is known to programs: one that does not know
        // it yet wakes nobody up when it adds a sample.
        let mut is_known = false;
        let len = loop {
            // Written by user space alone, that is, here.
            let consumed = self.consumer.word(0).load(Ordering::Relaxed);
            // What was written before is seen from here on.
            let produced = self.producer.word(0).load(Ordering::Acquire);
            if consumed >= produced {
                if is_known {
                    return Ok(None);
                }
                fence(Ordering::SeqCst);
                is_known = true;
                continue;
            }
            if !consumed.is_multiple_of(8) {
                return Err(Corrupt);
            }
            // Less than `size`, which is a `u32`.
            let at = self.page + (consumed & (self.size - 1)) as usize;
            let header = self.producer.half_word(at).load(Ordering::Acquire);
            if header & BUSY != 0 {
                if is_known {
                    return Ok(None);
                }
                fence(Ordering::SeqCst);
                is_known = true;
                continue;
            }
            let len = header & !DISCARDED;
            let advance = (u64::from(len) + HEADER).next_multiple_of(8);
            // The second mapping goes on from the end of the first.
            if advance > self.size {
                return Err(Corrupt);
            }
            let is_kept = header & DISCARDED == 0;
            if is_kept {
                let words = self.producer.words(at + HEADER as usize, len.div_ceil(8) as usize);
                self.sample.clear();
                self.sample.extend(words.iter().map(|word| word.load(Ordering::Relaxed)));
            }
            self.consumer.word(0).store(consumed + advance, Ordering::Release);
            is_known = false;
            if is_kept {
                break len as usize;
            }
        };
        let sample = self.sample.as_ptr().cast::<u8>();
        // SAFETY: as many words as `len` bytes need were copied.
        Ok(Some(unsafe { std::slice::from_raw_parts(sample, len) }))
    }
}

/// Pages that others may change while they are read. There is never a reference
/// to what is in them, but as an atomic.
struct Pages {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: they are read as atomics, and belong to no thread.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

impl Pages {
    fn map(fd: BorrowedFd<'_>, at: usize, len: usize, protection: libc::c_int) -> io::Result<Self> {
        let at = libc::off_t::try_from(at).map_err(io::Error::other)?;
        // SAFETY: a new mapping, wherever the kernel likes.
        let start = unsafe {
            libc::mmap(std::ptr::null_mut(), len, protection, libc::MAP_SHARED, fd.as_raw_fd(), at)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::Other)?;
        Ok(Self { start, len })
    }

    /// Where `count` of `T` are from `at` on.
    fn address<T>(&self, at: usize, count: usize) -> NonNull<T> {
        let end = count.checked_mul(size_of::<T>()).and_then(|len| len.checked_add(at));
        let is_within = end.is_some_and(|end| end <= self.len);
        assert!(at.is_multiple_of(size_of::<T>()) && is_within, "within what is mapped");
        // SAFETY: within what was mapped (just asserted).
        unsafe { self.start.add(at) }.cast()
    }

    fn word(&self, at: usize) -> &AtomicU64 {
        // SAFETY: mapped for as long as `self` lives, and aligned, as pages are
        // and `at` is.
        unsafe { self.address(at, 1).as_ref() }
    }

    fn half_word(&self, at: usize) -> &AtomicU32 {
        // SAFETY: as above.
        unsafe { self.address(at, 1).as_ref() }
    }

    fn words(&self, at: usize, count: usize) -> &[AtomicU64] {
        // SAFETY: as above, for each.
        unsafe { NonNull::slice_from_raw_parts(self.address(at, count), count).as_ref() }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: it was mapped by `map`, and nothing borrows from it.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Waits until a descriptor can be read from, for so many milliseconds or, when
/// negative, for as long as it takes; `false` when the time is up.
pub(crate) fn wait(fd: BorrowedFd<'_>, timeout: i32) -> io::Result<bool> {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, which outlives the call.
    match unsafe { libc::poll(&mut poll, 1, timeout) } {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(io::Error::last_os_error()),
    }
}
