//! Numbers out of bytes, never past the end.

use crate::btf::Endian;

/// An unsigned number of up to 16 bytes.
#[inline]
pub(super) fn number(bytes: &[u8], endian: Endian) -> Option<u128> {
    let mut wide = [0; 16];
    match endian {
        Endian::Little => {
            wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(u128::from_le_bytes(wide))
        }
        Endian::Big => {
            let start = wide.len().checked_sub(bytes.len())?;
            wide[start..].copy_from_slice(bytes);
            Some(u128::from_be_bytes(wide))
        }
    }
}

/// An unsigned number of up to 8 bytes: nearly all are.
#[inline]
pub(super) fn small(bytes: &[u8], endian: Endian) -> Option<u64> {
    let little = endian == Endian::Little;
    Some(match *bytes {
        [a] => a.into(),
        [a, b] => u16::from_le_bytes(if little { [a, b] } else { [b, a] }).into(),
        [a, b, c, d] => u32::from_le_bytes(if little { [a, b, c, d] } else { [d, c, b, a] }).into(),
        _ => {
            let eight: [u8; 8] = bytes.try_into().ok()?;
            if little { u64::from_le_bytes(eight) } else { u64::from_be_bytes(eight) }
        }
    })
}

/// `width` bits from `start` on, which counts from the end of a byte that comes
/// first: the least significant bit on a little-endian machine.
pub(super) fn bits(bytes: &[u8], start: u64, width: u32, endian: Endian) -> Option<u64> {
    if width == 0 || width > 64 {
        return None;
    }
    let first = usize::try_from(start / 8).ok()?;
    let skipped = u32::try_from(start % 8).ok()?;
    let len = (skipped + width).div_ceil(8);
    let covered = bytes.get(first..first.checked_add(len as usize)?)?;
    let wide = number(covered, endian)?;
    let shifted = match endian {
        Endian::Little => wide >> skipped,
        Endian::Big => wide >> (len * 8 - skipped - width),
    };
    let mask = u64::MAX >> (64 - width);
    // The mask is of 64 bits.
    Some(shifted as u64 & mask)
}

/// A number of `width` bits whose highest one is its sign.
#[inline]
pub(super) fn signed(number: u64, width: u32) -> i64 {
    let unused = 64 - width.clamp(1, 64);
    (number << unused).cast_signed() >> unused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_both_orders() {
        assert_eq!(small(&[1, 2], Endian::Little), Some(0x0201));
        assert_eq!(small(&[1, 2], Endian::Big), Some(0x0102));
        assert_eq!(small(&[1, 2, 3, 4], Endian::Big), Some(0x0102_0304));
        assert_eq!(small(&[1, 0, 0, 0, 0, 0, 0, 0], Endian::Big), Some(1 << 56));
        assert_eq!(small(&[1, 2, 3], Endian::Little), None);
        assert_eq!(number(&[1, 2, 3], Endian::Little), Some(0x03_0201));
        assert_eq!(number(&[0; 17], Endian::Little), None);
        assert_eq!(number(&[0; 17], Endian::Big), None);
    }

    #[test]
    fn bits_count_from_where_the_machine_counts() {
        // struct { unsigned a:3, b:7; } with a = 5 and b = 100.
        let little = [0b0010_0101, 0b0000_0011];
        assert_eq!(bits(&little, 0, 3, Endian::Little), Some(5));
        assert_eq!(bits(&little, 3, 7, Endian::Little), Some(100));
        let big = [0b1011_1001, 0b0000_0000];
        assert_eq!(bits(&big, 0, 3, Endian::Big), Some(5));
        assert_eq!(bits(&big, 3, 7, Endian::Big), Some(100));
        let all = [0xff; 9];
        assert_eq!(bits(&all, 5, 64, Endian::Little), Some(u64::MAX));
        assert_eq!(bits(&all, 5, 64, Endian::Big), Some(u64::MAX));
        assert_eq!(bits(&all, 9, 64, Endian::Little), None);
        assert_eq!(bits(&all, 0, 65, Endian::Little), None);
        assert_eq!(bits(&all, u64::MAX, 8, Endian::Little), None);
    }

    #[test]
    fn the_highest_bit_is_the_sign() {
        assert_eq!(signed(0b111, 3), -1);
        assert_eq!(signed(0b011, 3), 3);
        assert_eq!(signed(u64::MAX, 64), -1);
        assert_eq!(signed(0x80, 8), -128);
        assert_eq!(signed(0, 0), 0);
    }
}
