//! A value for programs.

use serde::ser::{Serialize, Serializer};

use super::BtfValue;
use super::display::Hex;
use super::look::{Place, Seen};

impl Serialize for BtfValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.place.serialize(serializer)
    }
}

impl Serialize for Place<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{SerializeMap, SerializeSeq};
        match self.look() {
            Seen::Unsigned(number) => serializer.serialize_u64(number),
            Seen::Signed(number) => serializer.serialize_i64(number),
            Seen::Wide(number) => serializer.collect_str(&format_args!("{number:#x}")),
            Seen::Bool(truth) => serializer.serialize_bool(truth),
            Seen::Float(number) if number.is_finite() => serializer.serialize_f32(number),
            Seen::Float(number) => serializer.collect_str(&number),
            Seen::Double(number) if number.is_finite() => serializer.serialize_f64(number),
            Seen::Double(number) => serializer.collect_str(&number),
            Seen::Pointer(address) => serializer.collect_str(&format_args!("{address:#x}")),
            Seen::Name(text) | Seen::Text(text) => serializer.serialize_str(text),
            Seen::Bytes(bytes) => serializer.collect_str(&Hex(bytes)),
            Seen::Array(elements) => {
                let mut array = serializer.serialize_seq(Some(elements.len()))?;
                for element in elements {
                    array.serialize_element(&element)?;
                }
                array.end()
            }
            Seen::Fields(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, field) in fields {
                    map.serialize_entry(name, &field)?;
                }
                map.end()
            }
        }
    }
}
