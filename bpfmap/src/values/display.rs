//! A value for people: `{packets: 3, name: "eth0", flags: [1, 2]}`.

use std::fmt::{self, Debug, Display, Formatter};

use super::BtfValue;
use super::look::{Place, Seen};
use crate::btf::Printable;

impl Display for BtfValue<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        place(self.place, f)
    }
}

impl Debug for BtfValue<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

fn place(at: Place<'_>, f: &mut Formatter<'_>) -> fmt::Result {
    match at.look() {
        Seen::Unsigned(number) => write!(f, "{number}"),
        Seen::Signed(number) => write!(f, "{number}"),
        Seen::Wide(number) => write!(f, "{number:#x}"),
        Seen::Bool(truth) => write!(f, "{truth}"),
        Seen::Float(number) => write!(f, "{number}"),
        Seen::Double(number) => write!(f, "{number}"),
        Seen::Pointer(address) => write!(f, "{address:#x}"),
        Seen::Name(name) => write!(f, "{}", Printable(name)),
        Seen::Text(text) => write!(f, "{text:?}"),
        Seen::Bytes(bytes) => Hex(bytes).fmt(f),
        Seen::Array(elements) => {
            f.write_str("[")?;
            for (index, element) in elements.enumerate() {
                f.write_str(if index == 0 { "" } else { ", " })?;
                place(element, f)?;
            }
            f.write_str("]")
        }
        Seen::Fields(fields) => {
            f.write_str("{")?;
            for (index, (name, field)) in fields.enumerate() {
                let before = if index == 0 { "" } else { ", " };
                write!(f, "{before}{}: ", Printable(name))?;
                place(field, f)?;
            }
            f.write_str("}")
        }
    }
}

/// Bytes in hexadecimal digits, as they are in memory.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        // Many at a time, as a value may be long.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for bytes in self.0.chunks(32) {
            let mut text = [0; 64];
            for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
                pair.copy_from_slice(&[
                    DIGITS[usize::from(byte >> 4)],
                    DIGITS[usize::from(byte & 15)],
                ]);
            }
            f.write_str(std::str::from_utf8(&text[..bytes.len() * 2]).unwrap_or_default())?;
        }
        Ok(())
    }
}
