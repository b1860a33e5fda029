//! BTF put together by hand, for what no compiler here writes.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::HashMap as Names;

pub mod kind {
    pub const INT: u32 = 1;
    pub const PTR: u32 = 2;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const FWD: u32 = 7;
    pub const TYPEDEF: u32 = 8;
    pub const CONST: u32 = 10;
    pub const FUNC: u32 = 12;
    pub const FUNC_PROTO: u32 = 13;
    pub const VAR: u32 = 14;
    pub const DATASEC: u32 = 15;
    pub const FLOAT: u32 = 16;
    pub const DECL_TAG: u32 = 17;
    pub const TYPE_TAG: u32 = 18;
    pub const ENUM64: u32 = 19;
    /// Members give the sizes of bitfields.
    pub const FLAG: u32 = 0x80;
}

/// Name, type and bit offset.
pub type Member<'a> = (&'a str, u32, u32);

/// Puts BTF together, type by type; each method returns the id of its type.
pub struct Builder {
    pub types: Vec<u32>,
    pub next_id: u32,
    pub strings: Vec<u8>,
    /// Equal names are stored once: that is how small input names much.
    pub names: Names<Vec<u8>, u32>,
    pub strings_before: usize,
}

impl Builder {
    pub fn new() -> Self {
        Self {
            types: vec![],
            next_id: 1,
            strings: vec![0],
            names: [(vec![], 0)].into(),
            strings_before: 0,
        }
    }

    /// Goes on from another BTF, as that of a module does from the kernel's.
    pub fn after(base: &Self) -> Self {
        Self {
            types: vec![],
            next_id: base.next_id,
            strings: vec![],
            names: base.names.clone(),
            strings_before: base.strings.len(),
        }
    }

    pub fn name(&mut self, name: impl AsRef<[u8]>) -> u32 {
        let name = name.as_ref();
        *self.names.entry(name.to_owned()).or_insert_with(|| {
            let at = self.strings_before + self.strings.len();
            self.strings.extend_from_slice(name);
            self.strings.push(0);
            at as u32
        })
    }

    /// Any type: `last` is its size or the type that it refers to.
    pub fn add(&mut self, name: u32, kind: u32, len: usize, last: u32, rest: &[u32]) -> u32 {
        self.types.extend([name, kind << 24 | len as u32, last]);
        self.types.extend_from_slice(rest);
        self.next_id += 1;
        self.next_id - 1
    }

    pub fn int(&mut self, size: u32) -> u32 {
        let name = self.name(format!("__u{}", size * 8));
        self.add(name, kind::INT, 0, size, &[size * 8])
    }

    pub fn array(&mut self, element: u32, len: u32) -> u32 {
        self.add(0, kind::ARRAY, 0, 0, &[element, element, len])
    }

    pub fn pointer(&mut self, target: u32) -> u32 {
        self.add(0, kind::PTR, 0, target, &[])
    }

    pub fn typedef(&mut self, name: &str, target: u32) -> u32 {
        let name = self.name(name);
        self.add(name, kind::TYPEDEF, 0, target, &[])
    }

    pub fn composite(&mut self, kind: u32, name: &str, size: u32, members: &[Member<'_>]) -> u32 {
        let words: Vec<_> =
            members.iter().flat_map(|&(name, ty, bit)| [self.name(name), ty, bit]).collect();
        let name = self.name(name);
        self.add(name, kind, members.len(), size, &words)
    }

    pub fn structure(&mut self, name: &str, size: u32, members: &[Member<'_>]) -> u32 {
        self.composite(kind::STRUCT, name, size, members)
    }

    /// The variable that declares a hash map of two types.
    pub fn map(&mut self, name: &str, key: u32, value: u32) -> u32 {
        let hash = self.array(0, 1);
        let [hash, key, value] = [hash, key, value].map(|target| self.pointer(target));
        let members = [("type", hash, 0), ("key", key, 64), ("value", value, 128)];
        let definition = self.structure("", 24, &members);
        self.variable(name, definition)
    }

    pub fn variable(&mut self, name: &str, target: u32) -> u32 {
        let name = self.name(name);
        self.add(name, kind::VAR, 0, target, &[1])
    }

    pub fn maps_section(&mut self, variables: &[u32]) -> u32 {
        let words: Vec<_> = variables.iter().flat_map(|id| [*id, 0, 0]).collect();
        let name = self.name(".maps");
        self.add(name, kind::DATASEC, variables.len(), 0, &words)
    }

    pub fn write(&self, magic: [u8; 2], word: fn(u32) -> [u8; 4], header_len: u32) -> Vec<u8> {
        let types_len = self.types.len() as u32 * 4;
        let sections = [0, types_len, types_len, self.strings.len() as u32];
        let mut bytes = [magic, [1, 0]].concat();
        bytes.extend(word(header_len));
        bytes.extend(sections.into_iter().flat_map(word));
        bytes.resize(header_len as usize, 0);
        bytes.extend(self.types.iter().copied().flat_map(word));
        bytes.extend_from_slice(&self.strings);
        bytes
    }
}

impl From<Builder> for Vec<u8> {
    fn from(builder: Builder) -> Self {
        builder.write([0x9f, 0xeb], u32::to_le_bytes, 24)
    }
}

/// An object with other BTF, at its end.
pub fn in_object(object: &[u8], btf: &[u8]) -> Vec<u8> {
    let mut object = object.to_vec();
    let word = |at: usize| u64::from_le_bytes(*object[at..].first_chunk().unwrap());
    let is_btf =
        |at: &usize| object[word(at + 24) as usize..].starts_with(b"\x9f\xeb\x01\0\x18\0\0\0");
    let header = (word(40) as usize..object.len()).step_by(64).find(is_btf).unwrap();
    let place = object.len() as u64;
    object.extend_from_slice(btf);
    object[header + 24..header + 32].copy_from_slice(&place.to_le_bytes());
    object[header + 32..header + 40].copy_from_slice(&(btf.len() as u64).to_le_bytes());
    object
}
