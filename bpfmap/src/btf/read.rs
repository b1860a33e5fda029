//! Numbers out of bytes, in either byte order, never past the end.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Endian {
    Little,
    Big,
}

impl Endian {
    #[inline]
    pub(crate) fn u32(self, data: &[u8], at: usize) -> Option<u32> {
        let [word] = self.words(data, at)?;
        Some(word)
    }

    /// As many words as are asked for.
    #[inline]
    pub(crate) fn words<const N: usize>(self, data: &[u8], at: usize) -> Option<[u32; N]> {
        let (words, rest) = data.get(at..)?.get(..N * 4)?.as_chunks::<4>();
        debug_assert!(rest.is_empty());
        let words = words.first_chunk::<N>()?;
        Some(match self {
            Self::Little => words.map(u32::from_le_bytes),
            Self::Big => words.map(u32::from_be_bytes),
        })
    }
}
