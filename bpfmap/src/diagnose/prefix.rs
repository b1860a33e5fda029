//! Why no prefix of a trie covers a key.

use super::leaf::KeyField;
use super::near::reversed;

/// How long a prefix is, in bytes, before what it belongs to.
const LENGTH: usize = 4;

/// A prefix that fits by chance is too short to say anything.
const MIN_BITS: u32 = 8;

/// A key of a trie: the length of the prefix in bits, and the bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prefix<'a> {
    pub(super) len: u32,
    pub(super) data: &'a [u8],
}

impl<'a> Prefix<'a> {
    pub(super) fn of(key: &'a [u8]) -> Option<Self> {
        let (len, data) = key.split_first_chunk::<LENGTH>()?;
        Some(Self { len: u32::from_ne_bytes(*len), data })
    }

    /// How many bits there are.
    pub(super) fn max(self) -> u32 {
        u32::try_from(self.data.len()).map_or(u32::MAX, |len| len.saturating_mul(8))
    }

    /// Whether the kernel finds this one for `key`.
    pub(super) fn covers(self, key: Self) -> bool {
        self.len <= key.len && self.common(key) >= self.len
    }

    /// How many bits are the same from the first on.
    fn common(self, other: Self) -> u32 {
        let mut bits = 0;
        for (one, other) in self.data.iter().zip(other.data) {
            let same = (one ^ other).leading_zeros();
            bits += same;
            if same < 8 {
                break;
            }
        }
        bits
    }

    /// Whether bits are set behind the prefix, which the kernel does not look at.
    pub(super) fn has_bits_beyond(self) -> bool {
        let whole = (self.len / 8) as usize;
        let Some(rest) = self.data.get(whole..) else { return false };
        let mask = 0xff_u8.checked_shr(self.len % 8).unwrap_or(0);
        rest.first().is_some_and(|first| first & mask != 0)
            || rest.iter().skip(1).any(|byte| *byte != 0)
    }
}

/// What the prefixes that were looked at say of a key that none covers.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// The longest that covers the key, which came meanwhile or is what was found.
    pub(super) covering: Option<Vec<u8>>,
    /// The shortest of those that begin with the key and are longer.
    pub(super) longer: Option<Vec<u8>>,
    /// One that would cover it with the bytes of these leaves reversed.
    pub(super) reversed: Option<(Vec<u8>, Vec<String>)>,
}

impl Search {
    pub(super) fn consider(&mut self, leaves: &[KeyField], wanted: &[u8], found: &[u8]) {
        let (Some(key), Some(prefix)) = (Prefix::of(wanted), Prefix::of(found)) else { return };
        let len =
            |kept: &Option<Vec<u8>>| kept.as_deref().and_then(Prefix::of).map(|prefix| prefix.len);
        if prefix.covers(key) {
            if len(&self.covering).is_none_or(|kept| kept < prefix.len) {
                self.covering = Some(found.to_vec());
            }
        } else if prefix.len > key.len && prefix.common(key) >= key.len {
            if len(&self.longer).is_none_or(|kept| kept > prefix.len) {
                self.longer = Some(found.to_vec());
            }
        } else if self.reversed.is_none() && prefix.len >= MIN_BITS {
            self.reversed = reversed_covers(leaves, wanted, found).map(|at| (found.to_vec(), at));
        }
    }
}

/// The fields whose bytes have to be reversed for `found` to cover `wanted`: one
/// side has them in the byte order of the host.
fn reversed_covers(leaves: &[KeyField], wanted: &[u8], found: &[u8]) -> Option<Vec<String>> {
    let data: Vec<_> = leaves
        .iter()
        .filter(|leaf| leaf.has_order() && leaf.bits.start >= LENGTH as u64 * 8)
        .collect();
    let covers = |found: &[u8], wanted: &[u8]| {
        Prefix::of(found).zip(Prefix::of(wanted)).is_some_and(|(found, key)| found.covers(key))
    };
    let swap = |leaves: &[&KeyField]| {
        let leaves = || leaves.iter().copied();
        covers(found, &reversed(wanted, leaves())) || covers(&reversed(found, leaves()), wanted)
    };
    let names = |leaves: &[&KeyField]| leaves.iter().map(|leaf| leaf.path.clone()).collect();
    let one = data.iter().find(|leaf| swap(&[leaf])).map(|leaf| names(&[leaf]));
    one.or_else(|| swap(&data).then(|| names(&data)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::leaf::of_layout;
    use crate::{Be32, BpfLayout, Field, Layout};

    const KEY: Layout = Layout::of_struct(
        "Key",
        8,
        4,
        false,
        &[
            Field::new("prefixlen", "prefixlen", 0, u32::LAYOUT),
            Field::new("addr", "addr", 4, Be32::LAYOUT),
        ],
    );

    fn key(prefixlen: u32, addr: [u8; 4]) -> Vec<u8> {
        [prefixlen.to_ne_bytes(), addr].concat()
    }

    fn search(wanted: &[u8], found: &[Vec<u8>]) -> Search {
        let mut search = Search::default();
        let leaves = of_layout(&KEY);
        found.iter().for_each(|found| search.consider(&leaves, wanted, found));
        search
    }

    #[test]
    fn the_longest_that_covers_is_what_the_kernel_finds() {
        let all = [key(8, [10, 0, 0, 0]), key(16, [10, 1, 9, 9]), key(24, [10, 1, 3, 0])];
        let found = search(&key(32, [10, 1, 2, 3]), &all);
        assert_eq!(found.covering, Some(all[1].clone()), "bits beyond the length do not count");
        // Whichever the walk comes to first.
        let backwards: Vec<_> = all.iter().rev().cloned().collect();
        assert_eq!(search(&key(32, [10, 1, 2, 3]), &backwards).covering, found.covering);
        assert_eq!(search(&key(32, [11, 1, 2, 3]), &all).covering, None);
        // A prefix of no bits covers everything.
        let all = [key(0, [1, 2, 3, 4])];
        assert_eq!(search(&key(32, [10, 1, 2, 3]), &all).covering, Some(all[0].clone()));
    }

    #[test]
    fn a_prefix_that_is_longer_than_the_key_is_named() {
        let all = [key(32, [10, 1, 2, 3]), key(24, [10, 1, 2, 0]), key(24, [10, 2, 2, 0])];
        let found = search(&key(16, [10, 1, 2, 3]), &all);
        assert_eq!((found.covering, &found.longer), (None, &Some(all[1].clone())));
        let backwards: Vec<_> = all.iter().rev().cloned().collect();
        assert_eq!(search(&key(16, [10, 1, 2, 3]), &backwards).longer, found.longer);
    }

    #[test]
    fn the_byte_order_of_either_side_is_named() {
        let reversed = |wanted: Vec<u8>, found: Vec<u8>| search(&wanted, &[found]).reversed;
        let network = key(16, [10, 1, 0, 0]);
        let (prefix, fields) = reversed(key(32, [3, 2, 1, 10]), network.clone()).unwrap();
        assert_eq!((prefix, &*fields), (network, &["addr".to_owned()][..]));
        // A prefix that somebody put in as the host has the address.
        let host = key(16, [0, 0, 1, 10]);
        assert!(reversed(key(32, [10, 1, 2, 3]), host).is_some());
        assert!(reversed(key(32, [10, 1, 2, 3]), key(16, [10, 2, 0, 0])).is_none());
        // Of four bits one in sixteen addresses has them.
        assert!(reversed(key(32, [3, 2, 1, 0xa0]), key(8, [0xa0, 0, 0, 0])).is_some());
        assert!(reversed(key(32, [3, 2, 1, 0xa0]), key(4, [0xa0, 0, 0, 0])).is_none());
    }

    #[test]
    fn bits_beyond_the_length_are_seen() {
        let beyond = |key: Vec<u8>| Prefix::of(&key).unwrap().has_bits_beyond();
        assert!(beyond(key(8, [10, 0, 0, 1])));
        assert!(beyond(key(12, [10, 8, 0, 0])));
        assert!(!beyond(key(12, [10, 240, 0, 0])));
        assert!(!beyond(key(32, [10, 1, 2, 3])));
        assert!(beyond(key(0, [0, 0, 0, 1])));
    }
}
