//! Random C structs.

use fastrand::Rng;

use crate::c::{Body, Meaning, Member, POINTERS, SCALARS, Struct, Type};

/// How deep structs and arrays nest.
const MAX_DEPTH: usize = 3;

/// Structs of file scope; a later one may have an earlier one as a member.
pub(crate) fn structs(rng: &mut Rng, count: usize) -> Vec<Struct> {
    let mut structs = Vec::with_capacity(count);
    let mut generator = Generator { rng, names: 0, fit_for_members: Vec::new() };
    for index in 0..count {
        let (body, is_flexible) = generator.file_scope();
        if !is_flexible {
            generator.fit_for_members.push(index);
        }
        structs.push(Struct { name: format!("s{index}"), body });
    }
    structs
}

struct Generator<'a> {
    rng: &'a mut Rng,
    /// How many names there are. All differ, in one translation unit.
    names: usize,
    /// The structs without a flexible array.
    fit_for_members: Vec<usize>,
}

impl Generator<'_> {
    /// True about once in `n` times.
    fn one_in(&mut self, n: usize) -> bool {
        self.rng.usize(..n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.usize(..from.len())]
    }

    fn number(&mut self) -> usize {
        self.names += 1;
        self.names
    }

    fn name(&mut self) -> String {
        let number = self.number();
        let stem = self.pick(&["f", "f", "f", "_f", "padlock", "pad_of", "hole_in_"]);
        format!("{stem}{number}")
    }

    fn padding_name(&mut self) -> String {
        let number = self.number();
        let stem = self.pick(&["pad", "__pad", "_pad_", "reserved", "__reserved", "unused_"]);
        format!("{stem}{number}")
    }

    /// A struct, and whether it ends with a flexible array.
    fn file_scope(&mut self) -> (Body, bool) {
        let mut body = self.body(false, MAX_DEPTH);
        // A struct without any byte has no Rust counterpart.
        if body.members.iter().all(|member| member.bits.is_some()) {
            let ty = self.scalar();
            let member = self.member(ty);
            body.members.push(member);
        }
        let is_flexible = self.one_in(12);
        if is_flexible {
            let element = Box::new(self.scalar());
            let member = self.member(Type::Array { element, len: 0 });
            body.members.push(member);
        }
        (body, is_flexible)
    }

    fn body(&mut self, union: bool, depth: usize) -> Body {
        let attributes = match self.rng.usize(..12) {
            0 | 1 => "__attribute__((packed))".into(),
            2 => format!("__attribute__((aligned({})))", self.pick(&[2, 4, 8, 16, 64])),
            3 => format!("__attribute__((packed, aligned({})))", self.pick(&[2, 4, 8])),
            _ => String::new(),
        };
        let mut members = Vec::new();
        if union {
            // By this one the place of an anonymous union is known.
            let ty = self.scalar();
            members.push(self.member(ty));
        }
        let most = if depth == MAX_DEPTH { 10 } else { 4 };
        for _ in 0..self.rng.usize(1..=most) {
            match self.rng.usize(..20) {
                0..=2 => self.bitfields(union, &mut members),
                3 if depth > 0 => {
                    let inner = self.body(false, depth - 1);
                    members.push(self.anonymous(inner));
                }
                // An arm with several members.
                6..=8 if union && depth > 0 => {
                    let inner = self.body(false, depth - 1);
                    members.push(self.anonymous(inner));
                }
                4 | 6 if depth > 0 => {
                    let inner = self.body(true, depth - 1);
                    members.push(self.anonymous(inner));
                }
                5 if !union => {
                    let ty = if self.one_in(2) { self.ty(depth) } else { self.padding() };
                    let name = self.padding_name();
                    members.push(Member { name, padding: true, ..self.member(ty) });
                }
                _ => {
                    let ty = self.ty(depth);
                    members.push(self.member(ty));
                }
            }
        }
        Body { union, attributes, members, offset: 0, size: 0 }
    }

    fn member(&mut self, ty: Type) -> Member {
        let attributes = match self.rng.usize(..20) {
            0 => format!("__attribute__((aligned({})))", self.pick(&[2, 4, 8, 16, 32])),
            1 => "__attribute__((packed))".into(),
            _ => String::new(),
        };
        let name = self.name();
        Member { name, ty, attributes, padding: false, bits: None, offset: 0, size: 0 }
    }

    fn anonymous(&mut self, body: Body) -> Member {
        // An attribute on it would be one of its type, which has its own.
        let member = self.member(Type::Inline(body));
        Member { name: String::new(), attributes: String::new(), ..member }
    }

    /// A run of bitfields.
    fn bitfields(&mut self, union: bool, members: &mut Vec<Member>) {
        for _ in 0..self.rng.usize(1..=5) {
            let (name, size, meaning) = loop {
                let scalar = self.pick(SCALARS);
                if !matches!(scalar.2, Meaning::Wide | Meaning::Float) {
                    break scalar;
                }
            };
            let most = if name == "_Bool" { 1 } else { size * 8 };
            let ty = Type::Scalar { name, size, meaning };
            let mut member = self.member(ty);
            member.bits = Some(self.rng.usize(1..=most));
            match self.rng.usize(..10) {
                0 => {
                    (member.name, member.bits) = (String::new(), Some(0));
                    // C allows no attribute that aligns it.
                    member.attributes.clear();
                }
                1 => {
                    member.name.clear();
                    member.attributes.clear();
                }
                2 if !union => {
                    (member.name, member.padding) = (self.padding_name(), true);
                }
                _ => {}
            }
            members.push(member);
        }
    }

    /// What headers fill holes with.
    fn padding(&mut self) -> Type {
        let name = self.pick(&["__u8", "char"]);
        let meaning = if name == "char" { Meaning::AnySign } else { Meaning::Unsigned };
        let element = Box::new(Type::Scalar { name, size: 1, meaning });
        Type::Array { element, len: self.rng.usize(1..=7) }
    }

    fn ty(&mut self, depth: usize) -> Type {
        let ty = match self.rng.usize(..20) {
            0..=9 => return self.scalar(),
            10 | 11 => self.pointer(),
            12..=14 if depth > 0 => {
                Type::Array { element: Box::new(self.ty(depth - 1)), len: self.rng.usize(1..=4) }
            }
            15 if depth > 0 => Type::Inline(self.body(false, depth - 1)),
            16 if depth > 0 => Type::Inline(self.body(true, depth - 1)),
            17 if depth > 0 => Type::Inline(Body {
                union: false,
                attributes: String::new(),
                members: Vec::new(),
                offset: 0,
                size: 0,
            }),
            18 | 19 if depth > 1 && !self.fit_for_members.is_empty() => {
                let last = self.fit_for_members.len();
                let first = last.saturating_sub(8);
                Type::Struct(self.fit_for_members[self.rng.usize(first..last)])
            }
            _ => return self.scalar(),
        };
        self.disguise(ty)
    }

    fn pointer(&mut self) -> Type {
        let (before, after) = self.pick(POINTERS);
        Type::Pointer { before, after }
    }

    fn scalar(&mut self) -> Type {
        let (name, size, meaning) = self.pick(SCALARS);
        self.disguise(Type::Scalar { name, size, meaning })
    }

    /// Puts typedefs and qualifiers around a type.
    fn disguise(&mut self, mut ty: Type) -> Type {
        while self.one_in(6) {
            let target = Box::new(ty);
            ty = match self.one_in(2) {
                true => Type::Typedef { name: format!("t{}", self.number()), target },
                false => Type::Qualified { keyword: self.pick(&["const", "volatile"]), target },
            };
        }
        ty
    }
}
