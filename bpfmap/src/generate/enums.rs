//! Enums.

use super::Generator;
use super::item::{Enum, Item, Ty, Variant};
use super::names;
use crate::btf::{BtfError, Enumerators, Printable, TypeId};

/// How many numbers an enum may name. More are a list of something, and few
/// look at them.
const MAX_VARIANTS: usize = 256;

impl Generator<'_> {
    /// `Enum<...>` over an enum of Rust, or an integer where that cannot be.
    pub(super) fn enumeration(
        &mut self,
        id: TypeId,
        size: u32,
        signed: bool,
        values: Enumerators<'_>,
        name: &str,
    ) -> Result<Ty, BtfError> {
        let mut numbers = Vec::new();
        for (name, number) in values.iter().take(MAX_VARIANTS + 1) {
            numbers.push((self.btf.string(name)?.into_owned(), number));
        }
        let unsigned_negatives = !signed && size == 4 && values.are_signed(size);
        if unsigned_negatives {
            for (_, number) in &mut numbers {
                // As the bytes have it.
                *number = i128::from((*number as u32).cast_signed());
            }
        }
        let signed = signed || unsigned_negatives;
        let int = match (signed, size) {
            (false, 1) => "u8",
            (false, 2) => "u16",
            (false, 4) => "u32",
            (false, 8) => "u64",
            (true, 1) => "i8",
            (true, 2) => "i16",
            (true, 4) => "i32",
            (true, 8) => "i64",
            _ => return Ok(Ty::opaque(size.into(), "an enum of a size that Rust has not")),
        };
        let size = u64::from(size);
        if numbers.is_empty() {
            return Ok(Ty::new(int, size).with_note("an enum that names no numbers"));
        }
        if numbers.len() > MAX_VARIANTS {
            let note = format!("an enum that names {} numbers", values.len());
            return Ok(Ty::new(int, size).with_note(note));
        }
        let c_names: Vec<_> = numbers.iter().map(|(name, _)| name.as_str()).collect();
        let rust_names = names::variants(&c_names);
        let mut docs = vec![format!("{}.", self.spelled(id))];
        let mut variants: Vec<Variant> = Vec::new();
        for ((c_name, number), name) in numbers.iter().zip(rust_names) {
            let number = truncated(*number, int);
            // Two names for one number are none in Rust.
            match variants.iter().find(|known| known.number == number) {
                Some(known) => docs.push(format!(
                    "`{}` has the number of `{}` too.",
                    Printable(c_name),
                    known.name
                )),
                None => variants.push(Variant { name, number, c_name: c_name.clone() }),
            }
        }
        let name = self.types.unique(names::camel(name));
        self.items.push(Item::Enum(Enum { name: name.clone(), docs, int, variants }));
        Ok(Ty::new(format!("Enum<{name}>"), size))
    }
}

/// The number that is in the bytes of that integer.
fn truncated(number: i128, int: &str) -> i128 {
    match int {
        "u8" => i128::from(number as u8),
        "u16" => i128::from(number as u16),
        "u32" => i128::from(number as u32),
        "u64" => i128::from(number as u64),
        "i8" => i128::from(number as i8),
        "i16" => i128::from(number as i16),
        "i32" => i128::from(number as i32),
        _ => i128::from(number as i64),
    }
}
