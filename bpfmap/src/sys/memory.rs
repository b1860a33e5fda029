//! The memory of an array that is mapped into this process, where programs write
//! to it at any time.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// Words that others may change while they are read: each is read and written
/// as one, and there is never a reference to what is in them.
pub(crate) struct SharedWords {
    start: NonNull<AtomicU64>,
    words: usize,
    /// How much is mapped, which is whole pages.
    len: usize,
    writable: bool,
}

// SAFETY: the words are atomic, and belong to no thread.
unsafe impl Send for SharedWords {}
// SAFETY: as above.
unsafe impl Sync for SharedWords {}

impl SharedWords {
    /// Maps the first `words` words of what `fd` offers. Read-only where it may
    /// not be written to.
    pub(crate) fn map(fd: BorrowedFd<'_>, words: usize) -> io::Result<Self> {
        // SAFETY: a question without an address.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page = usize::try_from(page).ok().filter(|page| page.is_power_of_two()).unwrap_or(4096);
        let too_large = || io::Error::from_raw_os_error(libc::EOVERFLOW);
        let bytes = words.checked_mul(8).ok_or_else(too_large)?;
        let len = bytes.checked_next_multiple_of(page).ok_or_else(too_large)?;
        let map = |protection| {
            // SAFETY: a new mapping, wherever the kernel likes.
            let start = unsafe {
                libc::mmap(
                    std::ptr::null_mut(),
                    len,
                    protection,
                    libc::MAP_SHARED,
                    fd.as_raw_fd(),
                    0,
                )
            };
            if start == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            NonNull::new(start.cast::<AtomicU64>()).ok_or_else(too_large)
        };
        // One that is frozen, or was opened for reading alone, cannot be
        // written to.
        let (start, writable) = match map(libc::PROT_READ | libc::PROT_WRITE) {
            Ok(start) => (start, true),
            Err(_) => (map(libc::PROT_READ)?, false),
        };
        Ok(Self { start, words, len, writable })
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        assert!(index < self.words, "within what is mapped");
        // SAFETY: within what was mapped (just asserted).
        let word = unsafe { self.start.add(index) };
        // SAFETY: mapped for as long as `self` lives, aligned as pages are, and
        // an atomic may be changed by others.
        unsafe { word.as_ref() }
    }

    /// Reads `bytes` from the word `index` on; a last word that is not filled
    /// by them is read in part.
    pub(crate) fn read(&self, index: usize, bytes: &mut [u8]) {
        for (offset, chunk) in bytes.chunks_mut(8).enumerate() {
            let word = self.word(index + offset).load(Ordering::Relaxed).to_ne_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// Writes `bytes` from the word `index` on; what is left of a last word is
    /// zeroed. Only for memory that is writable.
    pub(crate) fn write(&self, index: usize, bytes: &[u8]) {
        assert!(self.writable, "it is mapped for writing");
        for (offset, chunk) in bytes.chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(index + offset).store(u64::from_ne_bytes(word), Ordering::Relaxed);
        }
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: it was mapped by `map`, and nothing borrows from it.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
