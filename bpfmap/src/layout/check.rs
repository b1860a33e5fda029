//! What the derived code evaluates at compile time.
//!
//! Each function ends in a panic whose message is the error that the user
//! reads. `#[track_caller]` all the way down puts the error at the field in
//! the user's source, and not here.

use super::{Allowed, Counterpart, Field, Kind, Layout};

/// Keeps hand-written implementations of [`BpfLayout`](super::BpfLayout) out.
#[derive(Clone, Copy, Debug)]
pub struct Seal;

/// Text put together at compile time.
struct Message {
    bytes: [u8; Message::CAPACITY],
    len: usize,
}

impl Message {
    const CAPACITY: usize = 1024;

    const fn new() -> Self {
        Self { bytes: [0; Self::CAPACITY], len: 0 }
    }

    const fn text(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut i = 0;
        while i < text.len() && self.len < Self::CAPACITY {
            self.bytes[self.len] = text[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    const fn number(self, number: usize) -> Self {
        let message = if number >= 10 { self.number(number / 10) } else { self };
        let digit = [b'0' + (number % 10) as u8];
        match core::str::from_utf8(&digit) {
            Ok(digit) => message.text(digit),
            Err(_) => message,
        }
    }

    /// The line to insert.
    const fn pad(self, pad: &str, len: usize) -> Self {
        self.text(pad).text("<").number(len).text(">,")
    }

    #[track_caller]
    const fn panic(&self) -> ! {
        let (text, _) = self.bytes.split_at(self.len);
        match core::str::from_utf8(text) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("implicit padding"),
        }
    }
}

/// Refuses bytes before field `index` that no field covers, and a field that
/// has no bytes. `pad` is the beginning of the line to insert, as in
/// `_pad1: bpfmap::Pad`, and `place` where that is, as in `here`.
#[track_caller]
pub const fn padding_before(layout: &Layout, index: usize, pad: &str, place: &str) {
    if layout.is_refused() {
        // That has an error of its own.
        return;
    }
    let field = &layout.fields()[index];
    let end = match index {
        0 => 0,
        _ => layout.fields()[index - 1].offset() + layout.fields()[index - 1].size(),
    };
    if field.size() == 0 {
        of_field(field, layout).text(" has no bytes: remove it").panic();
    }
    if field.offset() < end {
        of_field(field, layout).text(" overlaps the field before it").panic();
    }
    if field.offset() != end {
        implicit_padding(field.offset() - end)
            .text(" before `")
            .text(field.name())
            .text("` in `")
            .text(layout.name())
            .text("` (bytes ")
            .number(end)
            .text("..")
            .number(field.offset())
            .text("): insert `")
            .pad(pad, field.offset() - end)
            .text("` ")
            .text(place)
            .panic();
    }
    // An i686 host aligns a u64 to 4 bytes, BPF to 8. Packed structs have the
    // alignment that they say on all hosts.
    let align = min(field.layout().align(), layout.align());
    if !field.offset().is_multiple_of(align) {
        let missing = align - field.offset() % align;
        of_field(field, layout)
            .text(" is at byte ")
            .number(field.offset())
            .text(" on this host, but BPF aligns it to ")
            .number(align)
            .text(": insert `")
            .pad(pad, missing)
            .text("` ")
            .text(place)
            .panic();
    }
}

/// Refuses bytes behind the last field that no field covers.
#[track_caller]
pub const fn padding_at_end(layout: &Layout, pad: &str) {
    if layout.is_refused() {
        return;
    }
    let fields = layout.fields();
    let last = &fields[fields.len() - 1];
    let end = last.offset() + last.size();
    if end != layout.size() {
        implicit_padding(layout.size() - end)
            .text(" at the end of `")
            .text(layout.name())
            .text("` (bytes ")
            .number(end)
            .text("..")
            .number(layout.size())
            .text("): insert `")
            .pad(pad, layout.size() - end)
            .text("` after `")
            .text(last.name())
            .text("`")
            .panic();
    }
    // As for fields: on some hosts a struct is shorter than in BPF.
    if !layout.size().is_multiple_of(layout.align()) {
        let missing = layout.align() - layout.size() % layout.align();
        Message::new()
            .text("`")
            .text(layout.name())
            .text("` is ")
            .number(layout.size())
            .text(" bytes on this host, but BPF rounds it up to a multiple of ")
            .number(layout.align())
            .text(": insert `")
            .pad(pad, missing)
            .text("` after `")
            .text(last.name())
            .text("`")
            .panic();
    }
}

/// Refuses an attribute that says of field `index` what its type cannot be.
#[track_caller]
pub const fn attributes_fit(layout: &Layout, index: usize) {
    if layout.is_refused() {
        return;
    }
    let field = &layout.fields()[index];
    let scalar = innermost(field.layout());
    let unsigned = matches!(scalar.kind(), Kind::Unsigned);
    match field.counterpart() {
        Counterpart::Pointer if !unsigned || scalar.size() != 8 => {
            of_field(field, layout)
                .text(" stands for a pointer, which has 8 bytes in BPF: declare it `u64`")
                .panic();
        }
        Counterpart::Bitfields if !unsigned => {
            of_field(field, layout)
                .text(
                    " stands for bitfields: declare it as an unsigned integer, or an array of `u8`",
                )
                .panic();
        }
        _ => {}
    }
    let Allowed { signedness, byte_order } = field.allowed();
    let is_integer = matches!(scalar.kind(), Kind::Unsigned | Kind::Signed | Kind::BigEndian);
    if (signedness || byte_order) && !is_integer {
        of_field(field, layout)
            .text(" has neither sign nor byte order: remove `allow` from it")
            .panic();
    }
    if byte_order && scalar.size() == 1 {
        of_field(field, layout)
            .text(" has no byte order: remove `allow(byte_order)` from it")
            .panic();
    }
}

/// Refuses prefixes of an address, of `len` bytes, for a key that has no place for
/// it, or for more than that.
#[cfg(feature = "std")]
#[track_caller]
pub(crate) const fn address_fits(layout: &Layout, address: &str, len: usize) {
    /// How long the length of the prefix is.
    const LENGTH: usize = size_of::<u32>();
    if layout.is_refused() || layout.size() == (LENGTH + len).next_multiple_of(layout.align()) {
        return;
    }
    Message::new()
        .text("`")
        .text(layout.name())
        .text("`, the key of this `LpmTrie`, has ")
        .number(layout.size() - LENGTH)
        .text(" bytes behind the length of the prefix, and an address that is ")
        .text(address)
        .text(" has ")
        .number(len)
        .text(": it takes addresses of the kind that the key has")
        .panic();
}

/// What an array is made of.
const fn innermost(mut layout: &Layout) -> &Layout {
    while let Kind::Array { element, .. } = layout.kind() {
        layout = element;
    }
    layout
}

const fn min(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

/// Begins a message about a field.
const fn of_field(field: &Field, layout: &Layout) -> Message {
    Message::new().text("`").text(field.name()).text("` in `").text(layout.name()).text("`")
}

/// Begins a message about padding.
const fn implicit_padding(len: usize) -> Message {
    let message = Message::new().number(len);
    message.text(if len == 1 { " byte" } else { " bytes" }).text(" of implicit padding")
}

/// Stands for the table of a struct that the derive refused.
pub const NO_LAYOUT: &Layout = &Layout::REFUSED;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::BpfLayout;

    /// What a check panics with; none of the targets here lays structs out as
    /// these tables do.
    fn refusal(check: impl FnOnce() + std::panic::UnwindSafe) -> String {
        let payload = std::panic::catch_unwind(check).expect_err("accepted");
        *payload.downcast::<String>().expect("a message")
    }

    /// `struct { a: u32, b: u64 }` and `struct { a: u64, b: u32 }` on i686.
    const NARROW: [Layout; 2] = [
        Layout::of_struct(
            "Narrow",
            12,
            4,
            false,
            &[Field::new("a", "a", 0, u32::LAYOUT), Field::new("b", "b", 4, u64::LAYOUT)],
        ),
        Layout::of_struct(
            "Short",
            12,
            4,
            false,
            &[Field::new("a", "a", 0, u64::LAYOUT), Field::new("b", "b", 8, u32::LAYOUT)],
        ),
    ];

    #[test]
    fn a_host_that_aligns_less_than_bpf_does_not_differ_silently() {
        let [narrow, short] = &NARROW;
        assert_eq!(
            refusal(|| padding_before(narrow, 1, "_pad1: bpfmap::Pad", "here")),
            "`b` in `Narrow` is at byte 4 on this host, but BPF aligns it to 8: \
             insert `_pad1: bpfmap::Pad<4>,` here"
        );
        padding_before(short, 1, "", "");
        assert_eq!(
            refusal(|| padding_at_end(short, "_pad2: bpfmap::Pad")),
            "`Short` is 12 bytes on this host, but BPF rounds it up to a multiple of 8: \
             insert `_pad2: bpfmap::Pad<4>,` after `b`"
        );
    }

    #[cfg(feature = "std")]
    #[test]
    fn an_address_of_another_kind_is_named_beside_the_key() {
        const FIELDS: &[Field] =
            &[Field::new("len", "len", 0, u32::LAYOUT), Field::new("addr", "addr", 4, u32::LAYOUT)];
        const ROUTE: Layout = Layout::of_struct("Route", 8, 4, false, FIELDS);
        assert_eq!(
            refusal(|| address_fits(&ROUTE, "an `Ipv6Addr`", 16)),
            "`Route`, the key of this `LpmTrie`, has 4 bytes behind the length of the prefix, and an \
             address that is an `Ipv6Addr` has 16: it takes addresses of the kind that the key has"
        );
        address_fits(&ROUTE, "an `Ipv4Addr`", 4);
        // With padding behind it.
        address_fits(&ROUTE, "an array", 3);
    }

    #[test]
    fn fields_that_overlap_are_refused() {
        const FIELDS: &[Field] =
            &[Field::new("a", "a", 0, u32::LAYOUT), Field::new("b", "b", 2, u16::LAYOUT)];
        const OVERLAPPING: Layout = Layout::of_struct("Overlapping", 4, 4, false, FIELDS);
        assert_eq!(
            refusal(|| padding_before(&OVERLAPPING, 1, "", "")),
            "`b` in `Overlapping` overlaps the field before it"
        );
    }

    #[test]
    fn a_message_that_is_too_long_is_cut_off() {
        let message = (0..200).fold(Message::new(), |message, _| message.text("0123456789"));
        assert_eq!(message.len, Message::CAPACITY);
    }
}
