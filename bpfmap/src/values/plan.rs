//! A type as it is read: what is where, worked out once.
//!
//! Types that are used many times are worked out once each, so a plan is hardly
//! larger than the BTF. What its values would be can be: a union of unions of
//! unions shows the same bytes again and again. There is a limit to that, as there
//! is one to how deep types go.

use std::collections::HashMap;
use std::sync::Arc;

use crate::btf::{Btf, Composite, Endian, Enumerators, Int, Order, Type, TypeId};

/// How deep values may be in one another; the kernel allows 32.
const MAX_DEPTH: usize = 64;

/// How many values there may be in one, for each of its bits.
const MAX_VALUES_PER_BIT: u64 = 8;
const MIN_VALUES: u64 = 1 << 12;

/// How many arrays without an end there may be in a type: each shows all bytes that
/// are behind it.
const MAX_ENDLESS: usize = 64;

/// How many members of anonymous members are taken for those of what these are in.
const MAX_FLATTENED: usize = 1 << 16;

/// A node by its number in a plan.
pub(super) type NodeId = usize;

#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) endian: Endian,
    nodes: Vec<Node>,
    root: NodeId,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// In bytes.
    pub(super) size: usize,
    /// How many values are in it.
    values: u64,
    /// How many arrays without an end are in it.
    endless: usize,
}

#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    /// An integer of at most 8 bytes.
    Int {
        signed: bool,
        endian: Endian,
    },
    /// One of more.
    Wide {
        endian: Endian,
    },
    Bool,
    Float,
    Pointer,
    /// The names of values, sorted by these.
    Enum {
        signed: bool,
        names: Vec<(u64, Arc<str>)>,
    },
    Array {
        element: NodeId,
        len: usize,
        /// Whether its elements are characters.
        text: bool,
    },
    /// A struct, a union or a section.
    Fields(Vec<Field>),
    /// What is only bytes.
    Bytes,
    /// All that there are.
    Rest,
}

/// A member, or one of an anonymous one.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: Arc<str>,
    pub(super) node: NodeId,
    pub(super) at: At,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    /// At so many bytes from the beginning of what it is in.
    Byte(usize),
    /// A bitfield, at so many bits.
    Bits { start: u64, width: u32 },
}

impl At {
    /// As a place in what begins so many bytes before.
    pub(super) fn moved(self, bytes: usize) -> Self {
        match self {
            Self::Byte(at) => Self::Byte(at.saturating_add(bytes)),
            Self::Bits { start, width } => {
                Self::Bits { start: start.saturating_add(bytes as u64 * 8), width }
            }
        }
    }
}

impl Plan {
    pub(super) fn of(btf: &Btf<'_>, id: TypeId) -> Self {
        let endian = btf.endian();
        let mut planner = Planner {
            btf,
            endian,
            nodes: Vec::new(),
            known: HashMap::new(),
            names: HashMap::new(),
            flattened: 0,
        };
        let root = planner.node(id, 0);
        let nodes = planner.nodes;
        match nodes[root] {
            // Nobody knows how long it is.
            Node { kind: NodeKind::Bytes, size: 0, .. } => Self { endian, ..Self::bytes() },
            _ => Self { endian, nodes, root },
        }
    }

    pub(super) fn bytes() -> Self {
        Self::leaf(NodeKind::Rest, 0)
    }

    pub(super) fn number() -> Self {
        Self::leaf(NodeKind::Int { signed: false, endian: HOST }, 4)
    }

    fn leaf(kind: NodeKind, size: usize) -> Self {
        Self { endian: HOST, nodes: vec![Node { kind, size, values: 1, endless: 0 }], root: 0 }
    }

    pub(super) fn root(&self) -> NodeId {
        self.root
    }

    #[inline]
    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }
}

const HOST: Endian = if cfg!(target_endian = "little") { Endian::Little } else { Endian::Big };

struct Planner<'a> {
    btf: &'a Btf<'a>,
    endian: Endian,
    nodes: Vec<Node>,
    /// What types are, behind their typedefs, and by the byte order of these.
    /// `None` while one is being worked out, which then is in itself.
    known: HashMap<(TypeId, Option<Endian>), Option<NodeId>>,
    /// By their offsets: thousands of members may have the same.
    names: HashMap<u32, Arc<str>>,
    /// How many members of anonymous members there are.
    flattened: usize,
}

impl Planner<'_> {
    fn push(&mut self, kind: NodeKind, size: u64, values: u64) -> NodeId {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.nodes.push(Node { kind, size, values, endless: 0 });
        self.nodes.len() - 1
    }

    /// Bytes of a type that is not looked into.
    fn opaque(&mut self, id: TypeId) -> NodeId {
        let size = self.btf.size_of(id).unwrap_or(0);
        self.push(NodeKind::Bytes, size, 1)
    }

    fn node(&mut self, id: TypeId, depth: usize) -> NodeId {
        let Ok(peeled) = self.btf.peel_newtypes(id) else { return self.opaque(id) };
        let order = peeled.order.map(|order| match order {
            Order::Big => Endian::Big,
            Order::Little => Endian::Little,
        });
        let key = (peeled.id, order);
        match self.known.get(&key) {
            Some(Some(node)) => return *node,
            Some(None) => return self.opaque(id),
            None if depth >= MAX_DEPTH => return self.opaque(id),
            None => {}
        }
        self.known.insert(key, None);
        let node = match peeled.ty {
            // The bytes of a `Be16` of a program in Rust.
            Type::Array { len: len @ (2 | 4 | 8), .. } if let Some(endian) = order => {
                self.push(NodeKind::Int { signed: false, endian }, len.into(), 1)
            }
            ty => self.plan(peeled.id, ty, order.unwrap_or(self.endian), depth),
        };
        self.known.insert(key, Some(node));
        node
    }

    fn plan(&mut self, id: TypeId, ty: Type<'_>, endian: Endian, depth: usize) -> NodeId {
        match ty {
            Type::Int(int) => self.int(id, int, endian),
            Type::Float { size: size @ (4 | 8), .. } => self.push(NodeKind::Float, size.into(), 1),
            Type::Pointer { .. } => self.push(NodeKind::Pointer, 8, 1),
            Type::Enum { size: size @ (1 | 2 | 4 | 8), values, .. } => {
                let (names, signed) = (self.names(values, size), values.are_signed(size));
                self.push(NodeKind::Enum { signed, names }, size.into(), 1)
            }
            Type::Array { element, len } => self.array(id, element, len, depth),
            Type::Composite(composite) => self.composite(composite, depth),
            Type::Section(section) => {
                let mut fields = Vec::new();
                for variable in section.variables() {
                    let node = self.node(variable.target, depth + 1);
                    let name = self.btf.type_by_id(variable.target).ok().and_then(|ty| ty.name());
                    let at = At::Byte(variable.offset as usize);
                    fields.push(Field { name: self.name(name), node, at });
                }
                self.fields(fields, section.size.into())
            }
            _ => self.opaque(id),
        }
    }

    fn int(&mut self, id: TypeId, int: Int, endian: Endian) -> NodeId {
        let Int { size, signed, .. } = int;
        if int.is_bitfield() {
            // Outside of a struct nothing says which of its bits count.
            return self.push(NodeKind::Bytes, size.into(), 1);
        }
        match size {
            1 if int.is_bool => self.push(NodeKind::Bool, 1, 1),
            1 | 2 | 4 | 8 => self.push(NodeKind::Int { signed, endian }, size.into(), 1),
            16 => self.push(NodeKind::Wide { endian }, 16, 1),
            _ => self.opaque(id),
        }
    }

    fn names(&mut self, values: Enumerators<'_>, size: u32) -> Vec<(u64, Arc<str>)> {
        let mask = u64::MAX >> (64 - size * 8);
        let mut names = Vec::with_capacity(values.len());
        for (name, value) in values.iter() {
            // What is cut off is its sign.
            names.push((value as u64 & mask, self.name(Some(name))));
        }
        // The first one of a value counts, and the order of equals stays.
        names.sort_by_key(|(value, _)| *value);
        names.dedup_by_key(|(value, _)| *value);
        names
    }

    fn name(&mut self, name: Option<u32>) -> Arc<str> {
        let Some(offset) = name else { return Arc::default() };
        let (btf, names) = (self.btf, &mut self.names);
        let name =
            names.entry(offset).or_insert_with(|| btf.string(offset).unwrap_or_default().into());
        Arc::clone(name)
    }

    fn array(&mut self, id: TypeId, element: TypeId, len: u32, depth: usize) -> NodeId {
        let Ok(size) = self.btf.size_of(id) else { return self.opaque(id) };
        let text = self.is_char(element);
        let mut node = self.node(element, depth + 1);
        if self.nodes[node].values > most_values(self.nodes[node].size as u64) {
            node = self.opaque(element);
        }
        let Node { size: each, values, endless, .. } = self.nodes[node];
        // Nothing, however often.
        let len = if each == 0 { 0 } else { len };
        let values = values.saturating_mul(len.into()).saturating_add(1);
        let array =
            self.push(NodeKind::Array { element: node, len: len as usize, text }, size, values);
        // At most one of its elements is where the bytes of a value go on.
        self.nodes[array].endless = endless + usize::from(len == 0);
        array
    }

    /// As `bpftool` has it: `char` and nothing that is another name for it.
    fn is_char(&self, id: TypeId) -> bool {
        let mut id = id;
        for _ in 0..MAX_DEPTH {
            match self.btf.type_by_id(id) {
                Ok(Type::Qualifier { target, .. } | Type::Tagged { target, .. }) => id = target,
                Ok(Type::Int(int)) => {
                    return int.size == 1 && (int.is_char || self.btf.is_named(int.name, "char"));
                }
                _ => return false,
            }
        }
        false
    }

    fn composite(&mut self, composite: Composite<'_>, depth: usize) -> NodeId {
        let mut fields = Vec::new();
        for member in composite.members() {
            let Ok(bitfield) = self.btf.bitfield(&member) else { continue };
            let node = self.node(member.target, depth + 1);
            let name = self.name(Some(member.name));
            if let Some((start, width)) = bitfield {
                let width = u32::try_from(width).unwrap_or(u32::MAX);
                // Unnamed ones are there to fill.
                if !name.is_empty() {
                    let node = self.bitfield(member.target, node);
                    fields.push(Field { name, node, at: At::Bits { start, width } });
                }
                continue;
            }
            let byte = (member.bit_offset / 8) as usize;
            match &self.nodes[node].kind {
                NodeKind::Fields(inner)
                    if name.is_empty() && self.flattened + inner.len() <= MAX_FLATTENED =>
                {
                    let inner = inner.clone();
                    self.flattened += inner.len();
                    fields.extend(inner.into_iter().map(|field| field.moved(byte)));
                }
                _ => fields.push(Field { name, node, at: At::Byte(byte) }),
            }
        }
        self.fields(fields, composite.size.into())
    }

    /// What a bitfield of that type is: the old way of saying so has a type of its
    /// own for each, which is read in no other way.
    fn bitfield(&mut self, id: TypeId, node: NodeId) -> NodeId {
        match self.btf.peel(id).map(|peeled| peeled.ty) {
            Ok(Type::Int(int)) if int.is_bitfield() => {
                let kind = match int.is_bool {
                    true => NodeKind::Bool,
                    false => NodeKind::Int { signed: int.signed, endian: self.endian },
                };
                self.push(kind, int.size.into(), 1)
            }
            _ => node,
        }
    }

    /// A struct or the like, unless it would be far more to read than there is in
    /// its bytes.
    fn fields(&mut self, fields: Vec<Field>, size: u64) -> NodeId {
        let values = fields.iter().map(|field| self.nodes[field.node].values);
        let values = values.fold(1, u64::saturating_add);
        let endless = fields.iter().map(|field| self.nodes[field.node].endless);
        let endless = endless.fold(0, usize::saturating_add);
        let most = most_values(size).saturating_add(MIN_VALUES);
        if values > most || endless > MAX_ENDLESS {
            return self.push(NodeKind::Bytes, size, 1);
        }
        let node = self.push(NodeKind::Fields(fields), size, values);
        self.nodes[node].endless = endless;
        node
    }
}

/// How many values there may be in so many bytes, of which there are many.
fn most_values(bytes: u64) -> u64 {
    bytes.saturating_mul(8 * MAX_VALUES_PER_BIT)
}

impl Field {
    /// As a member of what begins so many bytes before.
    fn moved(self, bytes: usize) -> Self {
        Self { at: self.at.moved(bytes), ..self }
    }
}
