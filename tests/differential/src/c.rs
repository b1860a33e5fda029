//! C types, as the generator made them and as C spells them.

use std::fmt::Write;

/// What every translation unit begins with: the names of the kernel's headers,
/// and enums of all sizes.
pub(crate) const PRELUDE: &str = "\
typedef unsigned char __u8; typedef signed char __s8;
typedef unsigned short __u16; typedef short __s16;
typedef unsigned int __u32; typedef int __s32;
typedef unsigned long long __u64; typedef long long __s64;
typedef __u16 __be16; typedef __u32 __be32; typedef __u64 __be64; typedef __u16 __sum16;
typedef __u16 __le16; typedef __u32 __le32; typedef __u64 __le64;
enum plain { PLAIN };
enum negative { NEGATIVE = -1 };
enum wide { WIDE = 0x100000000 };
enum wide_negative { WIDE_NEGATIVE = -0x100000000 };
enum __attribute__((packed)) byte { BYTE = 200 };
enum __attribute__((packed)) half { HALF = -300 };
typedef enum { NAMELESS } nameless;
";

/// What the value of a scalar means, so far as a Rust type has to agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Unsigned,
    Signed,
    /// An enum or a plain `char`: it has a sign that is not compared.
    AnySign,
    Big,
    Little,
    /// An integer of 16 bytes.
    Wide,
    Float,
    Pointer,
}

pub(crate) const SCALARS: &[(&str, usize, Meaning)] = {
    use Meaning::*;
    &[
        ("__u8", 1, Unsigned),
        ("__u16", 2, Unsigned),
        ("__u32", 4, Unsigned),
        ("__u64", 8, Unsigned),
        ("__s8", 1, Signed),
        ("__s16", 2, Signed),
        ("__s32", 4, Signed),
        ("__s64", 8, Signed),
        ("char", 1, AnySign),
        ("signed char", 1, Signed),
        ("unsigned char", 1, Unsigned),
        ("_Bool", 1, Unsigned),
        ("short", 2, Signed),
        ("unsigned short", 2, Unsigned),
        ("int", 4, Signed),
        ("unsigned", 4, Unsigned),
        ("long", 8, Signed),
        ("unsigned long", 8, Unsigned),
        ("long long", 8, Signed),
        ("unsigned long long", 8, Unsigned),
        ("__be16", 2, Big),
        ("__be32", 4, Big),
        ("__be64", 8, Big),
        ("__sum16", 2, Big),
        ("__le16", 2, Little),
        ("__le32", 4, Little),
        ("__le64", 8, Little),
        ("enum plain", 4, AnySign),
        ("enum negative", 4, AnySign),
        ("enum wide", 8, AnySign),
        ("enum wide_negative", 8, AnySign),
        ("enum byte", 1, AnySign),
        ("enum half", 2, AnySign),
        ("nameless", 4, AnySign),
        ("__int128", 16, Wide),
        ("unsigned __int128", 16, Wide),
        ("float", 4, Float),
        ("double", 8, Float),
    ]
};

/// Before and after the name.
pub(crate) const POINTERS: &[(&str, &str)] = &[
    ("void *", ""),
    ("const char *const ", ""),
    ("struct undefined *", ""),
    ("__u32 **", ""),
    ("int (*", ")(int)"),
    ("__u8 (*", ")[4]"),
];

#[derive(Clone, Debug)]
pub(crate) enum Type {
    Scalar {
        name: &'static str,
        size: usize,
        meaning: Meaning,
    },
    Pointer {
        before: &'static str,
        after: &'static str,
    },
    Array {
        element: Box<Type>,
        len: usize,
    },
    /// A struct or a union without a tag.
    Inline(Body),
    /// A struct of file scope, by its index.
    Struct(usize),
    Typedef {
        name: String,
        target: Box<Type>,
    },
    Qualified {
        keyword: &'static str,
        target: Box<Type>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) union: bool,
    /// Where `packed` and `aligned` are.
    pub(crate) attributes: String,
    pub(crate) members: Vec<Member>,
    /// Of one with a name: from the beginning of the struct of file scope, as
    /// the compiler says.
    pub(crate) offset: usize,
    /// In bytes, as the compiler says.
    pub(crate) size: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Empty for an unnamed one.
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) attributes: String,
    /// Whether its name says that it means nothing.
    pub(crate) padding: bool,
    /// The width of a bitfield.
    pub(crate) bits: Option<usize>,
    /// From the beginning of the struct of file scope, as the compiler says.
    pub(crate) offset: usize,
    /// In bytes, as the compiler says. Of a bitfield: those that it is in.
    pub(crate) size: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Struct {
    pub(crate) name: String,
    pub(crate) body: Body,
}

impl Type {
    /// Behind typedefs and qualifiers.
    pub(crate) fn peel(&self) -> &Self {
        match self {
            Self::Typedef { target, .. } | Self::Qualified { target, .. } => target.peel(),
            other => other,
        }
    }

    /// What an array is made of.
    pub(crate) fn innermost(&self) -> &Self {
        match self.peel() {
            Self::Array { element, .. } => element.innermost(),
            other => other,
        }
    }

    /// The struct or union inside, and the subscripts that lead there.
    fn inline(&mut self) -> Option<(String, &mut Body)> {
        match self {
            Self::Inline(body) => Some((String::new(), body)),
            Self::Typedef { target, .. } | Self::Qualified { target, .. } => target.inline(),
            Self::Array { element, .. } => {
                element.inline().map(|(subscripts, body)| (format!("[0]{subscripts}"), body))
            }
            Self::Scalar { .. } | Self::Pointer { .. } | Self::Struct(_) => None,
        }
    }

    /// The declaration of `name`.
    fn declare(&self, structs: &[Struct], name: &str) -> String {
        match self {
            Self::Scalar { name: ty, .. } => format!("{ty} {name}"),
            Self::Pointer { before, after } => format!("{before}{name}{after}"),
            Self::Array { element, len } => {
                // Zero elements at the end are a flexible array.
                let len = if *len == 0 { String::new() } else { len.to_string() };
                element.declare(structs, &format!("{name}[{len}]"))
            }
            Self::Inline(body) => format!("{} {name}", body.spell(structs)),
            Self::Struct(index) => format!("struct {} {name}", structs[*index].name),
            Self::Typedef { name: ty, .. } => format!("{ty} {name}"),
            Self::Qualified { keyword, target } => {
                format!("{keyword} {}", target.declare(structs, name))
            }
        }
    }

    /// Appends the typedefs that it is made with.
    fn typedefs(&self, structs: &[Struct], text: &mut String) {
        match self {
            Self::Array { element: target, .. } | Self::Qualified { target, .. } => {
                target.typedefs(structs, text);
            }
            Self::Inline(body) => body.typedefs(structs, text),
            Self::Typedef { name, target } => {
                target.typedefs(structs, text);
                let _ = writeln!(text, "typedef {};", target.declare(structs, name));
            }
            Self::Scalar { .. } | Self::Pointer { .. } | Self::Struct(_) => {}
        }
    }
}

impl Body {
    /// It without a tag, as an expression takes it.
    fn spell(&self, structs: &[Struct]) -> String {
        let keyword = if self.union { "union" } else { "struct" };
        format!("{keyword} {{\n{}}} {}", self.lines(structs), self.attributes)
    }

    fn lines(&self, structs: &[Struct]) -> String {
        let mut text = String::new();
        for member in &self.members {
            let declared = member.ty.declare(structs, &member.name);
            let bits = member.bits.map_or(String::new(), |bits| format!(" : {bits}"));
            for line in format!("{declared}{bits} {};", member.attributes).lines() {
                let _ = writeln!(text, "\t{}", line.replace(" ;", ";"));
            }
        }
        text
    }

    fn typedefs(&self, structs: &[Struct], text: &mut String) {
        for member in &self.members {
            member.ty.typedefs(structs, text);
        }
    }

    /// Calls `ask` for each number that the compiler has to say, with C's
    /// question. Always in the same order.
    fn questions(
        &mut self,
        structs: &[Struct],
        root: &str,
        path: &str,
        ask: &mut dyn FnMut(Question<'_>, &mut usize),
    ) {
        for member in &mut self.members {
            let path = format!("{path}{}", member.name);
            if member.bits.is_some() {
                if !member.name.is_empty() {
                    ask(Question::Bits(&path), &mut member.offset);
                    ask(Question::BytesOfBits, &mut member.size);
                }
                continue;
            }
            if member.name.is_empty() {
                if let Type::Inline(body) = &mut member.ty {
                    let text = body.spell(structs);
                    ask(Question::Number(&format!("sizeof({text})")), &mut body.size);
                    body.questions(structs, root, &path, ask);
                }
                continue;
            }
            let offset = format!("__builtin_offsetof(struct {root}, {path})");
            ask(Question::Number(&offset), &mut member.offset);
            // `sizeof` does not take an array without a length.
            if !matches!(member.ty, Type::Array { len: 0, .. }) {
                let size = format!("sizeof(((struct {root} *)0)->{path})");
                ask(Question::Number(&size), &mut member.size);
            }
            if let Some((subscripts, body)) = member.ty.inline() {
                let path = format!("{path}{subscripts}");
                let offset = format!("__builtin_offsetof(struct {root}, {path})");
                ask(Question::Number(&offset), &mut body.offset);
                let size = format!("sizeof(((struct {root} *)0)->{path})");
                ask(Question::Number(&size), &mut body.size);
                body.questions(structs, root, &format!("{path}."), ask);
            }
        }
    }
}

/// What only the compiler knows of a layout.
pub(crate) enum Question<'a> {
    /// A constant expression.
    Number(&'a str),
    /// Where the bits of the bitfield begin, in bytes.
    Bits(&'a str),
    /// How many bytes the bitfield of the last question is in.
    BytesOfBits,
}

impl Struct {
    /// The definition, with its typedefs.
    pub(crate) fn define(&self, structs: &[Self]) -> String {
        let mut text = String::new();
        self.body.typedefs(structs, &mut text);
        let (name, lines) = (&self.name, self.body.lines(structs));
        let _ = writeln!(text, "struct {name} {{\n{lines}}} {};", self.body.attributes);
        text
    }

    /// As [`Body::questions`], and the size of all.
    pub(crate) fn questions(
        &mut self,
        structs: &[Self],
        ask: &mut dyn FnMut(Question<'_>, &mut usize),
    ) {
        let size = format!("sizeof(struct {})", self.name);
        ask(Question::Number(&size), &mut self.body.size);
        self.body.questions(structs, &self.name, "", ask);
    }

    /// The structs of file scope that it is made of, itself the last.
    pub(crate) fn with_parts(index: usize, structs: &[Self]) -> Vec<usize> {
        fn visit(body: &Body, structs: &[Struct], found: &mut Vec<usize>) {
            for member in &body.members {
                match member.ty.innermost() {
                    Type::Inline(body) => visit(body, structs, found),
                    Type::Struct(index) => {
                        found.push(*index);
                        visit(&structs[*index].body, structs, found);
                    }
                    _ => {}
                }
            }
        }
        let mut found = vec![index];
        visit(&structs[index].body, structs, &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }
}
