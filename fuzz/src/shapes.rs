//! A C type and a Rust table for it, made together: they agree, unless the
//! fuzzer lets them stray.
//!
//! Types that are drawn one by one hardly ever fit, and a comparison that fails
//! at the first member is not a test of it.

use std::mem;

use arbitrary::{Result, Unstructured};
use bpfmap::{
    Be16, Be32, Be64, BpfLayout, Counterpart, Kind, Kptr, Layout, ListNode, RbNode, SpinLock, Timer,
};

use crate::builder::{Builder, kind};
use crate::tables::{Arena, FieldOf, NAMES, name};
use crate::wild::{self, once_in};

/// What is compared.
#[derive(Debug)]
pub struct Shape {
    /// The Rust side.
    pub layout: &'static Layout,
    /// The bytes of the other side, whose type `t` it is.
    pub btf: Vec<u8>,
    /// Whether they have to agree.
    pub agree: bool,
    /// The size in C, where it has one.
    pub c_size: Option<u64>,
}

/// Bits that are added to a kind for `struct btf_type`.
const ENUM: u32 = 6;
const VOLATILE: u32 = 9;
const TYPE_TAG: u32 = 18;
const SIGNED: u32 = 1 << 24;

/// Nested structs and members in all; what is nested is of one page at most.
const MAX_DEPTH: usize = 6;
const MAX_FIELDS: usize = 350;
const MAX_NESTED: usize = 4096;

/// A type on both sides.
#[derive(Clone, Copy)]
struct Node {
    id: u32,
    size: usize,
    layout: &'static Layout,
}

/// A member in C, from the beginning of its struct.
#[derive(Clone, Copy)]
struct Member {
    name: &'static str,
    id: u32,
    bit: usize,
    /// 0 unless it is a bitfield.
    width: usize,
}

/// A struct that is being filled on both sides.
#[derive(Default)]
struct Scope {
    fields: Vec<FieldOf>,
    members: Vec<Member>,
    /// How many bytes it has so far.
    end: usize,
    names: usize,
}

struct Maker<'a, 'u> {
    u: &'a mut Unstructured<'u>,
    arena: &'a Arena,
    btf: Builder,
    /// Whether it may stray, and whether it did not.
    may_stray: bool,
    agree: bool,
    fields_left: usize,
    layouts: Vec<&'static Layout>,
}

/// Draws a shape.
///
/// # Errors
///
/// When the bytes are used up in the middle of something.
pub fn shape(u: &mut Unstructured<'_>, arena: &Arena) -> Result<Shape> {
    let mut btf = Builder::new();
    let (may_stray, wild) = (!once_in(u, 3)?, once_in(u, 8)?);
    if wild {
        wild::types(u, &mut btf)?;
    }
    let agree = !wild;
    let (fields_left, layouts) = (MAX_FIELDS, vec![u32::LAYOUT]);
    let mut maker = Maker { u, arena, btf, may_stray, agree, fields_left, layouts };
    let node = match !once_in(maker.u, 8)? {
        true => maker.structure(MAX_DEPTH)?,
        false => maker.node(MAX_DEPTH)?,
    };
    let top = maker.btf.typedef("t", node.id);
    while maker.strays(6)? {
        maker.change_a_word()?;
    }
    let Maker { btf, agree, .. } = maker;
    // The one of that name which was added first is compared.
    let c_size = if wild { None } else { size_of(&btf.types, top, 0) };
    let big = once_in(u, 8)?;
    let btf = match big {
        true => btf.write([0xeb, 0x9f], u32::to_be_bytes, 24),
        false => btf.into(),
    };
    Ok(Shape { layout: node.layout, btf, agree, c_size })
}

impl Maker<'_, '_> {
    /// Whether to stray here, once in that many times.
    fn strays(&mut self, times: u32) -> Result<bool> {
        let strays = self.may_stray && once_in(self.u, times)?;
        self.agree &= !strays;
        Ok(strays)
    }

    /// A type that both sides have.
    fn node(&mut self, depth: usize) -> Result<Node> {
        let mut node = match self.u.int_in_range(0..=11)? {
            5 | 6 if depth > 0 => self.array(depth)?,
            7..=9 if depth > 0 => self.structure(depth - 1)?,
            10 if depth > 0 => self.newtype(depth - 1)?,
            11 => self.kernel_owned()?,
            _ => self.scalar()?,
        };
        if node.size > MAX_NESTED {
            node = self.scalar()?;
        }
        self.layouts.push(node.layout);
        node.id = self.wrapped(node.id)?;
        Ok(node)
    }

    /// Typedefs and qualifiers around a type.
    fn wrapped(&mut self, mut id: u32) -> Result<u32> {
        let times = if self.strays(64)? { 40 } else { self.u.int_in_range(0..=3)? };
        for _ in 0..times {
            id = match self.u.int_in_range(0..=3)? {
                0 => self.btf.typedef("alias", id),
                1 => self.btf.add(0, kind::CONST, 0, id, &[]),
                2 => self.btf.add(0, VOLATILE, 0, id, &[]),
                _ => {
                    let tag = self.btf.name("tag");
                    self.btf.add(tag, TYPE_TAG, 0, id, &[])
                }
            };
        }
        Ok(id)
    }

    fn int(&mut self, name: &str, size: usize, encoding: u32) -> u32 {
        let name = self.btf.name(name);
        self.btf.add(name, kind::INT, 0, size as u32, &[encoding | (size as u32 * 8)])
    }

    fn scalar(&mut self) -> Result<Node> {
        let size = *self.u.choose(&[4usize, 1, 2, 8])?;
        let (id, layout) = match self.u.int_in_range(0..=8)? {
            0..=2 => (self.btf.int(size as u32), unsigned(size)),
            3 => (self.int("int", size, SIGNED), signed(size)),
            4 if size > 1 => {
                let int = self.btf.int(size as u32);
                (self.btf.typedef(&format!("__be{}", size * 8), int), big(size))
            }
            // Where C says nothing of it, it may be in network byte order.
            5 if size > 1 => (self.btf.int(size as u32), big(size)),
            6 if size == 1 => {
                let encoding = if self.u.arbitrary()? { SIGNED } else { 0 };
                let layout = if self.u.arbitrary()? { u8::LAYOUT } else { i8::LAYOUT };
                (self.int("char", size, encoding), layout)
            }
            7 if size == 8 => {
                let int = self.int("enum64_placeholder", 4, 0);
                let members = [("A", int, 0), ("B", int, 0)];
                (self.btf.composite(kind::UNION, "e", 8, &members), u64::LAYOUT)
            }
            _ => {
                let layout = if self.u.arbitrary()? { unsigned(size) } else { signed(size) };
                (self.btf.add(0, ENUM, 0, size as u32, &[]), layout)
            }
        };
        Ok(Node { id, size, layout })
    }

    fn array(&mut self, depth: usize) -> Result<Node> {
        let (element, len) = (self.node(depth - 1)?, self.u.int_in_range(1..=4)?);
        let c_len = if self.strays(24)? { self.u.int_in_range(0..=9)? } else { len };
        let id = self.btf.array(element.id, c_len as u32);
        Ok(Node { id, size: element.size * len, layout: self.arena.array(element.layout, len) })
    }

    /// A struct in Rust alone, which stands for what is in it.
    fn newtype(&mut self, depth: usize) -> Result<Node> {
        let mut node = self.scalar_or_struct(depth)?;
        let times = if self.strays(24)? { 70 } else { 1 };
        for _ in 0..times {
            node.layout = self.arena.structure(&[FieldOf::new("newtype", node.layout)]);
        }
        Ok(node)
    }

    fn scalar_or_struct(&mut self, depth: usize) -> Result<Node> {
        if self.u.arbitrary()? {
            return self.structure(depth);
        }
        // An enum of 64 bits that is a union is only known where it stands
        // itself.
        let size = *self.u.choose(&[4, 1, 2, 8])?;
        Ok(Node { id: self.btf.int(size as u32), size, layout: unsigned(size) })
    }

    fn kernel_owned(&mut self) -> Result<Node> {
        let all = [SpinLock::LAYOUT, Timer::LAYOUT, ListNode::LAYOUT, RbNode::LAYOUT, Kptr::LAYOUT];
        let layout = *self.u.choose(&all)?;
        let Kind::KernelOwned { c_name } = layout.kind() else { unreachable!("all are") };
        let id = if c_name == "kptr" {
            let (task, tag) = (self.btf.structure("task", 8, &[]), self.btf.name("kptr"));
            let tagged = self.btf.add(tag, TYPE_TAG, 0, task, &[]);
            self.btf.pointer(tagged)
        } else {
            self.btf.structure(c_name, layout.size() as u32, &[])
        };
        Ok(Node { id, size: layout.size(), layout })
    }

    fn structure(&mut self, depth: usize) -> Result<Node> {
        let mut scope = Scope::default();
        self.fields(&mut scope, depth)?;
        if scope.fields.is_empty() {
            self.field(&mut scope, 0)?;
        }
        while self.strays(10)? {
            self.change_a_field(&mut scope.fields)?;
        }
        let layout = self.arena.structure(&scope.fields);
        let tag = *self.u.choose(&["", "inner", "odd\u{7}"])?;
        let id = self.composite(kind::STRUCT, tag, scope.end, scope.members)?;
        Ok(Node { id, size: scope.end, layout })
    }

    fn composite(
        &mut self,
        mut kind: u32,
        name: &str,
        size: usize,
        mut members: Vec<Member>,
    ) -> Result<u32> {
        while self.strays(16)? {
            self.change_a_member(&mut members)?;
        }
        let bitfields = members.iter().any(|member| member.width > 0);
        if bitfields {
            kind |= kind::FLAG;
        }
        let members: Vec<_> = members
            .iter()
            .map(|member| {
                let bit = if bitfields { member.bit & 0x00ff_ffff } else { member.bit };
                (member.name, member.id, (member.width << 24 | bit) as u32)
            })
            .collect();
        Ok(self.btf.composite(kind, name, size as u32, &members))
    }

    fn fields(&mut self, scope: &mut Scope, depth: usize) -> Result<()> {
        for _ in 0..self.u.int_in_range(1..=8)? {
            self.field(scope, depth)?;
        }
        if once_in(self.u, 64)? {
            // Many of one type, to reach the limits of a report.
            let node = self.scalar()?;
            for _ in 0..self.u.int_in_range(0..=300)? {
                if let Some(name) = self.name(scope) {
                    self.push(scope, FieldOf::new(name, node.layout), node.id, node.size);
                }
            }
        }
        Ok(())
    }

    /// A name that the struct has not yet.
    fn name(&mut self, scope: &mut Scope) -> Option<&'static str> {
        self.fields_left = self.fields_left.checked_sub(1)?;
        scope.names += 1;
        (scope.names <= NAMES).then(|| name(scope.names - 1))
    }

    /// Adds a field, and the member that it stands for.
    fn push(&mut self, scope: &mut Scope, field: FieldOf, id: u32, size: usize) {
        scope.members.push(Member { name: field.c_name, id, bit: scope.end * 8, width: 0 });
        scope.fields.push(field);
        scope.end += size;
    }

    /// Adds a pad, over what C has no name for.
    fn pad(&mut self, scope: &mut Scope, size: usize) {
        if size > 0 {
            scope.fields.push(FieldOf::new("_pad", self.arena.pad(size)));
        }
    }

    fn field(&mut self, scope: &mut Scope, depth: usize) -> Result<()> {
        let Some(name) = self.name(scope) else { return Ok(()) };
        match self.u.int_in_range(0..=15)? {
            7 => self.padding(scope)?,
            8 => {
                let target = self.node(0)?;
                let id = self.btf.pointer(target.id);
                let field =
                    FieldOf { word: Counterpart::Pointer, ..FieldOf::new(name, u64::LAYOUT) };
                self.push(scope, field, id, 8);
            }
            9 => self.bitfields(scope, name)?,
            10 => self.anonymous_union(scope, name, depth)?,
            11 => self.named_union(scope, name, depth)?,
            12 => {
                let node = self.node(depth.saturating_sub(1))?;
                let layout = self.arena.array(u8::LAYOUT, node.size);
                let field = FieldOf { word: Counterpart::Opaque, ..FieldOf::new(name, layout) };
                self.push(scope, field, node.id, node.size);
            }
            // The members of an anonymous struct are those of the one around.
            13 if depth > 0 => {
                let (start, outer) = (scope.end, mem::take(&mut scope.members));
                self.fields(scope, depth - 1)?;
                let mut inner = mem::replace(&mut scope.members, outer);
                inner.iter_mut().for_each(|member| member.bit -= start * 8);
                let id = self.composite(kind::STRUCT, "", scope.end - start, inner)?;
                let id = self.wrapped(id)?;
                scope.members.push(Member { name: "", id, bit: start * 8, width: 0 });
            }
            14 => {
                let node = self.node(depth.saturating_sub(1))?;
                let field = FieldOf { name: "renamed", ..FieldOf::new(name, node.layout) };
                self.push(scope, field, node.id, node.size);
            }
            15 => {
                let size = *self.u.choose(&[1, 2, 4, 8])?;
                let id = self.btf.int(size as u32);
                let id = self.wrapped(id)?;
                let field = FieldOf { allow_sign: true, ..FieldOf::new(name, signed(size)) };
                self.push(scope, field, id, size);
            }
            _ => {
                let node = self.node(depth.saturating_sub(1))?;
                let allow_order = once_in(self.u, 8)?;
                let field = FieldOf { allow_order, ..FieldOf::new(name, node.layout) };
                self.push(scope, field, node.id, node.size);
            }
        }
        Ok(())
    }

    /// A hole, or a member that is padding by its name.
    fn padding(&mut self, scope: &mut Scope) -> Result<()> {
        let size = self.u.int_in_range(1..=7)?;
        if self.u.arbitrary()? {
            let byte = self.btf.int(1);
            let id = self.btf.array(byte, size as u32);
            let name = *self.u.choose(&["pad", "__pad1", "_reserved"])?;
            scope.members.push(Member { name, id, bit: scope.end * 8, width: 0 });
        }
        match self.u.arbitrary()? {
            true => self.pad(scope, size),
            false => {
                let bytes = self.arena.array(u8::LAYOUT, size);
                scope.fields.push(FieldOf::new("_bytes", bytes));
            }
        }
        scope.end += size;
        Ok(())
    }

    fn bitfields(&mut self, scope: &mut Scope, name: &'static str) -> Result<()> {
        let size = *self.u.choose(&[4, 1, 2, 8])?;
        let (start, mut bit) = (scope.end * 8, 0);
        for member in [name, "more_bits", "most_bits"] {
            let width = self.u.int_in_range(1..=7)?;
            if bit + width > size * 8 {
                break;
            }
            let of = |id, bit, width| Member { name: member, id, bit, width };
            scope.members.push(if bit < 32 && width != 32 && once_in(self.u, 4)? {
                // As older compilers write them: the type says which bits.
                let name = self.btf.name("bits");
                let encoding = [(bit << 16 | width) as u32];
                of(self.btf.add(name, kind::INT, 0, 4, &encoding), start, 0)
            } else {
                of(self.btf.int(4), start + bit, width)
            });
            bit += width + self.u.int_in_range(0..=2)?;
        }
        let word = Counterpart::Bitfields;
        scope.fields.push(FieldOf { word, ..FieldOf::new("flags", unsigned(size)) });
        scope.end += size;
        Ok(())
    }

    /// Each arm is a member, or an anonymous struct of two.
    fn anonymous_union(
        &mut self,
        scope: &mut Scope,
        name: &'static str,
        depth: usize,
    ) -> Result<()> {
        let (start, mut size) = (scope.end, 0);
        let (mut arms, mut fields) = (Vec::new(), Vec::new());
        for _ in 0..self.u.int_in_range(1..=3)? {
            let (Some(first), Some(second)) = (self.name(scope), self.name(scope)) else { break };
            let node = self.node(depth.saturating_sub(1))?;
            let mut fields_of_arm = vec![FieldOf::new(first, node.layout)];
            let (mut arm_size, mut arm) = (node.size, (first, node.id));
            if once_in(self.u, 3)? {
                let other = self.scalar()?;
                fields_of_arm.push(FieldOf::new(second, other.layout));
                let of = |name, id, at: usize| Member { name, id, bit: at * 8, width: 0 };
                let members = vec![of(first, node.id, 0), of(second, other.id, arm_size)];
                arm_size += other.size;
                arm = ("", self.composite(kind::STRUCT, "", arm_size, members)?);
            }
            size = size.max(arm_size);
            arms.push(Member { name: arm.0, id: arm.1, bit: 0, width: 0 });
            fields.push((fields_of_arm, arm_size));
        }
        if fields.is_empty() {
            return Ok(());
        }
        let id = self.composite(kind::UNION, "", size, arms)?;
        scope.members.push(Member { name: "", id, bit: start * 8, width: 0 });
        if once_in(self.u, 4)? {
            let bytes = self.arena.array(u8::LAYOUT, size);
            let word = Counterpart::Opaque;
            scope.fields.push(FieldOf { word, ..FieldOf::new(name, bytes) });
        } else {
            let (chosen, arm_size) = self.u.choose(&fields)?.clone();
            let word = Counterpart::ArmOfUnion;
            scope.fields.extend(chosen.into_iter().map(|field| FieldOf { word, ..field }));
            self.pad(scope, size - arm_size);
        }
        scope.end += size;
        Ok(())
    }

    fn named_union(&mut self, scope: &mut Scope, name: &'static str, depth: usize) -> Result<()> {
        let (mut arms, mut nodes, mut size) = (Vec::new(), Vec::new(), 0);
        for arm in ["v4", "v6", "raw"] {
            let node = self.node(depth.saturating_sub(1))?;
            size = size.max(node.size);
            arms.push(Member { name: arm, id: node.id, bit: 0, width: 0 });
            nodes.push((arm, node));
            if once_in(self.u, 3)? {
                break;
            }
        }
        let id = self.composite(kind::UNION, "addr", size, arms)?;
        let id = self.wrapped(id)?;
        let (arm, node) = *self.u.choose(&nodes)?;
        let word = Counterpart::ArmOf(name);
        scope.members.push(Member { name, id, bit: scope.end * 8, width: 0 });
        scope.fields.push(FieldOf { word, ..FieldOf::new(arm, node.layout) });
        self.pad(scope, size - node.size);
        scope.end += size;
        Ok(())
    }

    fn change_a_field(&mut self, fields: &mut Vec<FieldOf>) -> Result<()> {
        let index = self.u.choose_index(fields.len())?;
        let other = *self.u.choose(fields)?;
        let layout = *self.u.choose(&self.layouts)?;
        match self.u.int_in_range(0..=8)? {
            0 => fields.insert(index, FieldOf::new("_more", layout)),
            1 if fields.len() > 1 => drop(fields.remove(index)),
            2 => fields[index].layout = layout,
            3 => fields[index].c_name = other.c_name,
            4 => {
                fields[index].word = *self.u.choose(&[
                    Counterpart::Member,
                    Counterpart::Pointer,
                    Counterpart::Bitfields,
                    Counterpart::Opaque,
                    Counterpart::ArmOfUnion,
                    Counterpart::ArmOf("m1"),
                ])?;
            }
            5 => fields[index].allow_sign ^= true,
            6 => fields[index].allow_order ^= true,
            7 => fields[index].c_name = "v6",
            _ => fields.swap(index, 0),
        }
        Ok(())
    }

    fn change_a_member(&mut self, members: &mut Vec<Member>) -> Result<()> {
        if members.is_empty() {
            return Ok(());
        }
        let index = self.u.choose_index(members.len())?;
        let other = *self.u.choose(members)?;
        match self.u.int_in_range(0..=8)? {
            0 => members[index].name = other.name,
            1 => members[index].name = *self.u.choose(&["", "pad", "\u{202e}\u{1b}[m", "addr"])?,
            2 => members[index].id = self.u.int_in_range(0..=self.btf.next_id)?,
            3 => members[index].bit = self.u.int_in_range(0..=other.bit + 64)?,
            4 => members[index].width = self.u.int_in_range(0..=64)?,
            5 => drop(members.remove(index)),
            6 => members.swap(index, 0),
            7 => members.insert(index, other),
            _ => {
                let times = *self.u.choose(&[10, 300, 8000])?;
                members.splice(index..index, std::iter::repeat_n(other, times));
            }
        }
        Ok(())
    }

    /// Sizes, kinds, names and ids alike.
    fn change_a_word(&mut self) -> Result<()> {
        let index = self.u.choose_index(self.btf.types.len())?;
        let word = &mut self.btf.types[index];
        *word = match self.u.int_in_range(0..=3)? {
            0 => self.u.int_in_range(0..=self.btf.next_id)?,
            1 => *word ^ 1 << self.u.int_in_range(0..=31)?,
            2 => word.wrapping_add(1),
            _ => self.u.arbitrary()?,
        };
        Ok(())
    }
}

fn unsigned(size: usize) -> &'static Layout {
    match size {
        1 => u8::LAYOUT,
        2 => u16::LAYOUT,
        4 => u32::LAYOUT,
        _ => u64::LAYOUT,
    }
}

fn signed(size: usize) -> &'static Layout {
    match size {
        1 => i8::LAYOUT,
        2 => i16::LAYOUT,
        4 => i32::LAYOUT,
        _ => i64::LAYOUT,
    }
}

fn big(size: usize) -> &'static Layout {
    match size {
        2 => Be16::LAYOUT,
        4 => Be32::LAYOUT,
        _ => Be64::LAYOUT,
    }
}

/// The size of the type `id`, read once more from the words that were written,
/// and without the library.
fn size_of(words: &[u32], id: u32, depth: usize) -> Option<u64> {
    let (mut at, mut current) = (0, 1);
    while current < id {
        let info = words.get(at + 1)?;
        let len = *info as usize & 0x00ff_ffff;
        at += 3 + match info >> 24 & 0x7f {
            1 | 14 | 17 => 1,
            3 => 3,
            4 | 5 | 15 | 19 => 3 * len,
            6 | 13 => 2 * len,
            _ => 0,
        };
        current += 1;
    }
    let (info, last) = (*words.get(at + 1)?, *words.get(at + 2)?);
    if depth == 64 {
        return None;
    }
    match info >> 24 & 0x7f {
        1 | 4 | 5 | 6 | 15 | 16 | 19 => Some(u64::from(last)),
        2 => Some(8),
        3 => {
            let (element, len) = (*words.get(at + 3)?, *words.get(at + 5)?);
            size_of(words, element, depth + 1)?.checked_mul(u64::from(len))
        }
        8..=11 | 14 | 18 => size_of(words, last, depth + 1),
        _ => None,
    }
}
