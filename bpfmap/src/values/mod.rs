//! Values by BTF: bytes and a type in, data out.
//!
//! ```text
//!  BtfType --plan, once--> Decoder --+
//!                                    +--> BtfValue --> Display, Serialize
//!  bytes of a key or a value --------+
//! ```

mod display;
mod holes;
mod look;
mod plan;
mod read;
#[cfg(feature = "serde")]
mod serialize;

use std::sync::OnceLock;

use look::Place;
use plan::Plan;

use crate::btf::BtfType;

/// How the bytes of a type are read, worked out once for many values.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bytes = std::fs::read("../examples/bpf/flows.bpf.o")?;
/// let object = bpfmap::Object::parse(&bytes)?;
/// let decoder = object.btf().type_named("flow_key")?.decoder();
/// let bytes = [10, 0, 0, 1, 10, 0, 0, 2, 0x1f, 0x90, 0, 53, 17, 0, 0, 0];
/// assert_eq!(
///     decoder.value(&bytes).to_string(),
///     "{saddr: 167772161, daddr: 167772162, sport: 8080, dport: 53, proto: 17, pad: [0, 0, 0]}"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    plan: Plan,
    /// Bytes, and the bits of them that are not shown; worked out when it is asked for.
    holes: OnceLock<Box<[(usize, u8)]>>,
}

impl BtfType<'_> {
    /// How values of the type are read. What cannot be, such as a type that is only
    /// declared, is shown as its bytes.
    pub fn decoder(&self) -> Decoder {
        Decoder::of(Plan::of(self.btf(), self.id()))
    }
}

impl Decoder {
    fn of(plan: Plan) -> Self {
        Self { plan, holes: OnceLock::new() }
    }

    /// For bytes of which nothing is known.
    pub fn bytes() -> Self {
        Self::of(Plan::bytes())
    }

    /// For an unsigned number of 4 bytes in the byte order of this machine: the
    /// index of an array, the id of a map.
    pub fn number() -> Self {
        Self::of(Plan::number())
    }

    /// Whether bits are set in the bytes that the value does not show, as no member
    /// covers them: those of two keys may differ, and their values look the same. It is
    /// about the first 64 KiB.
    pub fn hides(&self, bytes: &[u8]) -> bool {
        let holes = self.holes.get_or_init(|| holes::of(&self.plan));
        holes.iter().any(|(at, bits)| bytes.get(*at).is_some_and(|byte| byte & bits != 0))
    }

    /// The bytes as a value of the type.
    pub fn value<'a>(&'a self, bytes: &'a [u8]) -> BtfValue<'a> {
        BtfValue { place: Place::new(&self.plan, bytes) }
    }
}

/// Bytes as a value of a BTF type.
///
/// `Display` writes it for people, and with the feature `serde` it is
/// `Serialize`:
///
/// - an integer is a number, one of more than 64 bits the text of a hexadecimal
///   one. One whose typedef says its byte order (`__be16`) is the number that it
///   means: port 443 is 443;
/// - a `bool` is `true` or `false`, or its number when it is neither 0 nor 1;
/// - an enum is the name of its value, or a number when there is no name for it;
/// - a floating-point number is a number, and `"NaN"`, `"inf"` or `"-inf"` where
///   JSON has none;
/// - a pointer is the text of a hexadecimal number;
/// - an array is a list. One of `char` is a text when it is ASCII that can be
///   printed up to a NUL, and only NULs follow; else it is a list of numbers, so
///   that nothing is lost;
/// - a struct is a map from names to values, in the order of its members; those
///   of an anonymous member are among them. A section of global variables is a map
///   from their names;
/// - a union is a map with all of its members;
/// - a bitfield is a number;
/// - an array without a length, at the end of a struct, goes on to the end of the
///   bytes;
/// - anything else is the text of its bytes in hexadecimal digits: what is only
///   declared, what the bytes are too few for, and what refers to itself.
///
/// Bytes that no member covers are left out ([`Decoder::hides`] says whether there is
/// anything in them), and a newtype of a program in Rust is
/// what is in it.
///
/// `bpftool map dump -j` shows the same, but for this: numbers with a byte order as
/// they are in memory, bitfields as texts and without their sign, pointers as decimal
/// numbers, anonymous members under an empty name, a `char` array as text up to its
/// NUL whatever follows, every `bool` but 0 as true, a value without a name of an enum
/// as a signed number, and sections as lists. It shows no floating-point numbers.
#[derive(Clone, Copy)]
pub struct BtfValue<'a> {
    place: Place<'a>,
}
