//! The memory of a ring buffer, which the kernel and programs write to.
//!
//! The layout is that of the kernel's `kernel/bpf/ringbuf.c`: a page with how far
//! user space has read, a page with how far programs have written, and the data,
//! mapped twice in a row so that a sample never wraps around.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{Ordering, fence};

use super::pages::{Pages, page_size};

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
        let page = page_size();
        let too_large = || io::Error::from_raw_os_error(libc::EOVERFLOW);
        let len = (size as usize).checked_mul(2).and_then(|len| len.checked_add(page));
        let (read, write) = (libc::PROT_READ, libc::PROT_READ | libc::PROT_WRITE);
        let producer = Pages::shared(fd, page, len.ok_or_else(too_large)?, read)?;
        let consumer = Pages::shared(fd, 0, page, write)?;
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileExt;

    use super::*;

    const SIZE: u32 = 4096;

    /// A file in place of the kernel's memory, whatever programs may have written.
    struct Written(File);

    impl Written {
        fn new(produced: u64) -> io::Result<Self> {
            let (file, page) = (tempfile::tempfile()?, page_size() as u64);
            file.set_len(2 * page + 2 * u64::from(SIZE))?;
            file.write_all_at(&produced.to_ne_bytes(), page)?;
            Ok(Self(file))
        }

        /// A sample, which begins there, in both mappings.
        fn sample(&self, at: u64, header: u32, bytes: &[u8]) -> io::Result<()> {
            let sample = [&header.to_ne_bytes()[..], &[0; 4], bytes].concat();
            let data = 2 * page_size() as u64 + at;
            self.0.write_all_at(&sample, data)?;
            self.0.write_all_at(&sample, data + u64::from(SIZE))
        }

        fn ring(&self) -> io::Result<Ring> {
            Ring::map(self.0.as_fd(), SIZE)
        }
    }

    fn next(ring: &mut Ring) -> Result<Option<Vec<u8>>, Corrupt> {
        Ok(ring.next()?.map(<[u8]>::to_vec))
    }

    #[test]
    fn samples_of_any_length_begin_at_words() -> io::Result<()> {
        let (written, samples) =
            (Written::new(64)?, [&b"four"[..], b"thirteen long", b"eight by", b""]);
        let mut at = 0;
        for sample in samples {
            written.sample(at, sample.len() as u32, sample)?;
            at += (HEADER + sample.len() as u64).next_multiple_of(8);
        }
        assert_eq!(at, 64);
        let mut ring = written.ring()?;
        for sample in samples {
            assert_eq!(next(&mut ring), Ok(Some(sample.to_vec())));
        }
        assert_eq!(next(&mut ring), Ok(None));
        Ok(())
    }

    #[test]
    fn a_sample_that_is_being_written_is_waited_for() -> io::Result<()> {
        let written = Written::new(32)?;
        written.sample(0, 8 | BUSY, b"half an ")?;
        written.sample(16, 8, b"complete")?;
        let mut ring = written.ring()?;
        assert_eq!(next(&mut ring), Ok(None));
        assert_eq!(next(&mut ring), Ok(None));
        written.sample(0, 8, b"sample 1")?;
        assert_eq!(next(&mut ring), Ok(Some(b"sample 1".to_vec())));
        // And one that is given up is passed over.
        written.sample(16, 8 | BUSY | DISCARDED, b"complete")?;
        assert_eq!(next(&mut ring), Ok(None));
        written.sample(16, 8 | DISCARDED, b"complete")?;
        assert_eq!(next(&mut ring), Ok(None));
        assert_eq!(ring.consumer.word(0).load(Ordering::Relaxed), 32);
        Ok(())
    }

    #[test]
    fn no_sample_is_longer_than_the_buffer() -> io::Result<()> {
        let longest = SIZE - HEADER as u32;
        let written = Written::new(SIZE.into())?;
        written.sample(0, longest, b"")?;
        assert_eq!(
            next(&mut written.ring()?).map(|sample| sample.map(|it| it.len())),
            Ok(Some(longest as usize))
        );
        for len in [longest + 1, SIZE, DISCARDED - 1] {
            for header in [len, len | DISCARDED] {
                let written = Written::new(SIZE.into())?;
                written.sample(0, header, b"")?;
                assert_eq!(next(&mut written.ring()?), Err(Corrupt), "{header:#x}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_sample_goes_on_behind_the_end() -> io::Result<()> {
        let written = Written::new(u64::from(SIZE) + 8)?;
        let mut ring = written.ring()?;
        ring.consumer.word(0).store(u64::from(SIZE) - 8, Ordering::Relaxed);
        written.sample(u64::from(SIZE) - 8, 8, b"")?;
        // Where the second mapping begins, and so the first does.
        written.0.write_all_at(b"all of i", 2 * page_size() as u64 + u64::from(SIZE))?;
        assert_eq!(next(&mut ring), Ok(Some(b"all of i".to_vec())));
        Ok(())
    }
}
