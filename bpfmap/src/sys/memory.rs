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

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// The pages are longer than the array, and what is behind it is none of it.
    #[test]
    fn no_word_is_beyond_the_array() -> io::Result<()> {
        let file = tempfile::tempfile()?;
        file.set_len(page_size() as u64)?;
        let words = SharedWords::map(file.as_fd(), 3)?;
        assert!(words.is_writable());
        words.write(1, &[7; 12]);
        let mut read = [1; 16];
        words.read(1, &mut read);
        assert_eq!(read, [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0]);
        let beyond: [&dyn Fn(); 3] =
            [&|| words.read(3, &mut [0; 1]), &|| words.read(2, &mut [0; 9]), &|| {
                words.write(2, &[0; 9])
            }];
        for (number, access) in beyond.into_iter().enumerate() {
            assert!(catch_unwind(AssertUnwindSafe(access)).is_err(), "number {number}");
        }
        Ok(())
    }

    #[test]
    fn memory_that_is_read_only_is_not_written_to() -> io::Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        file.as_file().set_len(page_size() as u64)?;
        let words = SharedWords::map(file.reopen()?.as_fd(), 1)?;
        assert!(words.is_writable());
        words.write(0, &[5; 8]);
        let words = SharedWords::map(std::fs::File::open(file.path())?.as_fd(), 1)?;
        assert!(!words.is_writable());
        let mut read = [0; 8];
        words.read(0, &mut read);
        assert_eq!(read, [5; 8]);
        assert!(catch_unwind(AssertUnwindSafe(|| words.write(0, &[6; 8]))).is_err());
        Ok(())
    }
}
