//! A struct that a macro made is refused at the field that its user wrote.

use bpfmap::BpfMapKey;

macro_rules! key {
    ($name:ident { $($body:tt)* }) => {
        #[derive(BpfMapKey, Clone, Copy)]
        #[repr(C)]
        struct $name { $($body)* }
    };
}

key!(Key {
    proto: u8,
    addr: u32,
});

fn main() {}
