//! What the derived code evaluates at compile time.
//!
//! Each function ends in a panic whose message is the error that the user
//! reads. `#[track_caller]` all the way down puts the error at the field in
//! the user's source, and not here.

use super::{Kind, Layout};

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

    const fn bytes_of_padding(self, number: usize) -> Self {
        let message = self.number(number).text(if number == 1 { " byte" } else { " bytes" });
        message.text(" of implicit padding ")
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
/// has no bytes. `pad` is the
/// beginning of the line to insert, as in `_pad1: bpfmap::Pad`.
#[track_caller]
pub const fn padding_before(layout: &Layout, index: usize, pad: &str) {
    let field = &layout.fields()[index];
    let end = match index {
        0 => 0,
        _ => layout.fields()[index - 1].offset() + layout.fields()[index - 1].size(),
    };
    if field.size() == 0 {
        let message = Message::new().text("`").text(field.name()).text("` in `");
        message.text(layout.name()).text("` has no bytes: remove it").panic();
    }
    if field.offset() < end {
        let message = Message::new().text("`").text(field.name()).text("` in `");
        message.text(layout.name()).text("` overlaps the field before it").panic();
    }
    if field.offset() == end {
        return;
    }
    Message::new()
        .bytes_of_padding(field.offset() - end)
        .text("before `")
        .text(field.name())
        .text("` in `")
        .text(layout.name())
        .text("` (bytes ")
        .number(end)
        .text("..")
        .number(field.offset())
        .text("): insert `")
        .text(pad)
        .text("<")
        .number(field.offset() - end)
        .text(">,` here")
        .panic();
}

/// Refuses bytes behind the last field that no field covers.
#[track_caller]
pub const fn padding_at_end(layout: &Layout, pad: &str) {
    let fields = layout.fields();
    let last = &fields[fields.len() - 1];
    let end = last.offset() + last.size();
    if end == layout.size() {
        return;
    }
    Message::new()
        .bytes_of_padding(layout.size() - end)
        .text("at the end of `")
        .text(layout.name())
        .text("` (bytes ")
        .number(end)
        .text("..")
        .number(layout.size())
        .text("): insert `")
        .text(pad)
        .text("<")
        .number(layout.size() - end)
        .text(">,` after `")
        .text(last.name())
        .text("`")
        .panic();
}

/// Stands for the table of a struct that the derive refused.
pub const NO_LAYOUT: &Layout = &Layout::new("", 0, 1, Kind::Struct { fields: &[] });
