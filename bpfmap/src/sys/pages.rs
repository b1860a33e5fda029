//! Memory that is mapped into this process.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::Errno;

/// How long a page is, in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: a question without an address.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(page).ok().filter(|page| page.is_power_of_two()).unwrap_or(4096)
}

/// How much memory this process may lock, in bytes; the largest number is
/// "unlimited".
pub(crate) fn memlock_limit() -> Result<u64, Errno> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for what is written to it.
    match unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) } {
        0 => Ok(limit.rlim_cur),
        _ => Err(Errno::last()),
    }
}

/// Pages, until it is dropped. Of those that others may change while they are
/// read there is never a reference to what is in them, but as an atomic.
pub(super) struct Pages {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: they are read as atomics, or never change, and belong to no thread.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

impl Pages {
    /// Pages that are shared with the kernel and with programs.
    pub(super) fn shared(
        fd: BorrowedFd<'_>,
        at: usize,
        len: usize,
        protection: libc::c_int,
    ) -> io::Result<Self> {
        Self::map(fd, at, len, protection, libc::MAP_SHARED)
    }

    /// Pages of a file that are only read, and that nobody else sees a change of.
    pub(super) fn private(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        Self::map(fd, 0, len, libc::PROT_READ, libc::MAP_PRIVATE)
    }

    fn map(
        fd: BorrowedFd<'_>,
        at: usize,
        len: usize,
        protection: libc::c_int,
        flags: libc::c_int,
    ) -> io::Result<Self> {
        let at = libc::off_t::try_from(at).map_err(io::Error::other)?;
        // SAFETY: a new mapping, wherever the kernel likes.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), len, protection, flags, fd.as_raw_fd(), at) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::Other)?;
        Ok(Self { start, len })
    }

    /// All of them.
    pub(super) fn bytes(&self) -> NonNull<[u8]> {
        NonNull::slice_from_raw_parts(self.start, self.len)
    }

    /// Where `count` of `T` are from `at` on.
    #[inline]
    fn address<T>(&self, at: usize, count: usize) -> NonNull<T> {
        let end = count.checked_mul(size_of::<T>()).and_then(|len| len.checked_add(at));
        let is_within = end.is_some_and(|end| end <= self.len);
        assert!(at.is_multiple_of(size_of::<T>()) && is_within, "within what is mapped");
        // SAFETY: within what was mapped (just asserted).
        unsafe { self.start.add(at) }.cast()
    }

    #[inline]
    pub(super) fn word(&self, at: usize) -> &AtomicU64 {
        // SAFETY: mapped for as long as `self` lives, and aligned, as pages are
        // and `at` is.
        unsafe { self.address(at, 1).as_ref() }
    }

    #[inline]
    pub(super) fn half_word(&self, at: usize) -> &AtomicU32 {
        // SAFETY: as above.
        unsafe { self.address(at, 1).as_ref() }
    }

    #[inline]
    pub(super) fn words(&self, at: usize, count: usize) -> &[AtomicU64] {
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn no_address_is_outside_of_what_is_mapped() -> io::Result<()> {
        let file = File::open("/proc/self/exe")?;
        let len = page_size();
        let pages = Pages::private(file.as_fd(), len)?;
        assert_eq!(pages.words(0, len / 8).len(), len / 8);
        assert!(pages.words(len, 0).is_empty());
        pages.word(len - 8);
        pages.half_word(len - 4);
        let outside: [&dyn Fn(); 8] = [
            &|| _ = pages.word(len),
            &|| _ = pages.word(usize::MAX - 7),
            &|| _ = pages.half_word(len),
            &|| _ = pages.words(0, len / 8 + 1),
            &|| _ = pages.words(len - 8, 2),
            &|| _ = pages.words(8, usize::MAX / 8),
            // And not aligned.
            &|| _ = pages.word(4),
            &|| _ = pages.half_word(2),
        ];
        for (number, ask) in outside.into_iter().enumerate() {
            assert!(catch_unwind(AssertUnwindSafe(ask)).is_err(), "number {number}");
        }
        Ok(())
    }
}
