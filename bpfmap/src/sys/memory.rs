//! The memory of an array that is mapped into this process, where programs write
//! to it at any time.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use super::pages::{Pages, page_size};

/// Words that others may change while they are read: each is read and written
/// as one, and there is never a reference to what is in them.
pub(crate) struct SharedWords {
    pages: Pages,
    words: usize,
    writable: bool,
}

impl SharedWords {
    /// Maps the first `words` words of what `fd` offers. Read-only where it may
    /// not be written to.
    pub(crate) fn map(fd: BorrowedFd<'_>, words: usize) -> io::Result<Self> {
        let bytes = words.checked_mul(8);
        let len = bytes.and_then(|bytes| bytes.checked_next_multiple_of(page_size()));
        let len = len.ok_or_else(|| io::Error::from_raw_os_error(libc::EOVERFLOW))?;
        // One that is frozen, or was opened for reading alone, cannot be
        // written to.
        let (pages, writable) = match Pages::shared(fd, 0, len, libc::PROT_READ | libc::PROT_WRITE)
        {
            Ok(pages) => (pages, true),
            Err(_) => (Pages::shared(fd, 0, len, libc::PROT_READ)?, false),
        };
        Ok(Self { pages, words, writable })
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        assert!(index < self.words, "within the array");
        self.pages.word(index * 8)
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
