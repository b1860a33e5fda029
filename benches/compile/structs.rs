//! The structs that the generated crates declare.

use std::fmt::Write;

/// Fields of each struct.
const FIELDS: usize = 10;

/// Each struct takes ten of them in a row.
const NAMES: [&str; 16] = [
    "saddr", "daddr", "sport", "dport", "proto", "flags", "pid", "tgid", "uid", "ifindex", "mark",
    "cookie", "packets", "bytes", "latency", "dropped",
];

/// What fields are made of, with size and alignment.
const TYPES: [(&str, usize, usize); 9] = [
    ("u64", 8, 8),
    ("u64", 8, 8),
    ("u32", 4, 4),
    ("u32", 4, 4),
    ("u16", 2, 2),
    ("u8", 1, 1),
    ("[u8; 4]", 4, 1),
    ("[u8; 6]", 6, 1),
    ("[u8; 16]", 16, 1),
];

/// As many structs, with `head` before each. They differ, have no padding, and
/// are the same in every run.
pub fn many(count: usize, head: &str) -> String {
    let mut random = Random(1);
    let mut source = String::new();
    for index in 0..count {
        let mut fields = String::new();
        let mut end = 0;
        for field in 0..FIELDS - 1 {
            // There is always one: bytes fit everywhere.
            let (ty, size) = loop {
                let (ty, size, align) = TYPES[random.below(TYPES.len())];
                if end % align == 0 {
                    break (ty, size);
                }
            };
            let _ = writeln!(fields, "    pub {}: {ty},", NAMES[(index + field) % NAMES.len()]);
            end += size;
        }
        // The last one fills up to the alignment that any of them may have.
        let rest = 8 - end % 8;
        let _ = writeln!(fields, "    pub rest: [u8; {rest}],");
        let _ = writeln!(source, "{head}\n#[repr(C)]\npub struct Event{index} {{\n{fields}}}\n");
    }
    source
}

/// One struct, with `head` before it.
pub fn one(head: &str) -> String {
    format!(
        "#![no_std]\n\n{head}\n#[repr(C)]\npub struct FlowKey {{ pub saddr: u32, pub daddr: u32, \
         pub sport: u16, pub dport: u16, pub proto: u8, pub rest: [u8; 3] }}\n"
    )
}

/// Numbers that look random (Knuth's MMIX generator).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}
