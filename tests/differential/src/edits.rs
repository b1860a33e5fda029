//! Every single edit of a Rust type after which it must not fit any more.

use bpfmap::Counterpart;

use crate::c::Meaning;
use crate::rust::{Field, Scalar, Type};

/// An edited type, and which differences have to be reported.
pub(crate) struct Edit {
    pub(crate) what: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) expected: Expected,
}

/// The paths of differences.
#[derive(Debug)]
pub(crate) enum Expected {
    /// One of these is there, whatever else.
    AnyOf(Vec<String>),
    /// These and no others.
    Exactly(Vec<String>),
}

use Expected::{AnyOf, Exactly};

impl Expected {
    pub(crate) fn fits(&self, found: &[&str]) -> bool {
        match self {
            Self::AnyOf(paths) => paths.iter().any(|path| found.contains(&path.as_str())),
            Self::Exactly(paths) => {
                let all = paths.iter().all(|path| found.contains(&path.as_str()));
                all && found.iter().all(|found| paths.iter().any(|path| path == found))
            }
        }
    }
}

/// The name of fields that are put in.
const EXTRA: &str = "extra";

/// All edits of a struct, and of those inside it.
pub(crate) fn edits(root: &[Field]) -> Vec<Edit> {
    let mut edits = Edits { root, found: Vec::new() };
    edits.inside(&mut Vec::new(), root, &Prefixes { rust: String::new(), c: vec![String::new()] });
    edits.found
}

/// The paths of the struct around a field. C's members are reported by C's
/// names.
struct Prefixes {
    rust: String,
    c: Vec<String>,
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.into() } else { format!("{prefix}.{name}") }
}

impl Prefixes {
    fn own(&self, field: &Field) -> String {
        join(&self.rust, field.name)
    }

    fn c_names(&self, names: &[&str]) -> Vec<String> {
        let joined = |prefix: &String| names.iter().map(|name| join(prefix, name)).collect();
        self.c.iter().flat_map(|prefix| -> Vec<String> { joined(prefix) }).collect()
    }

    /// The paths under which a difference of this field may be reported.
    fn of(&self, field: &Field) -> Vec<String> {
        let mut path = self.own(field);
        let mut paths = Vec::new();
        for _ in 0..=field.ty.dimensions() {
            // The second is the field of a newtype.
            paths.extend([path.clone(), format!("{path}.0")]);
            path += "[]";
        }
        if let Counterpart::ArmOf(union) = field.word {
            paths.extend(self.c_names(&[union]));
        } else {
            paths.extend(self.c_names(&[field.c_name]));
        }
        paths
    }

    /// Those of what is in a field.
    fn inside(&self, field: &Field) -> Self {
        let brackets = "[]".repeat(field.ty.dimensions());
        let name = match field.word {
            Counterpart::ArmOf(union) => format!("{union}.{}", field.c_name),
            _ => field.c_name.into(),
        };
        let c = self.c_names(&[&name]).into_iter().map(|path| path + &brackets).collect();
        Self { rust: self.own(field) + &brackets, c }
    }
}

/// The struct at the end of the fields of these indices.
fn at<'a>(mut fields: &'a mut Vec<Field>, path: &[usize]) -> &'a mut Vec<Field> {
    for index in path {
        match fields[*index].ty.innermost_mut() {
            Type::Struct(inner) => fields = inner,
            other => unreachable!("{other:?} is no struct"),
        }
    }
    fields
}

struct Edits<'a> {
    root: &'a [Field],
    found: Vec<Edit>,
}

impl Edits<'_> {
    fn add(
        &mut self,
        path: &[usize],
        what: String,
        expected: Expected,
        edit: impl FnOnce(&mut Vec<Field>),
    ) {
        let mut fields = self.root.to_vec();
        edit(at(&mut fields, path));
        self.found.push(Edit { what, fields, expected });
    }

    /// The edits of a struct's fields.
    fn inside(&mut self, path: &mut Vec<usize>, fields: &[Field], prefixes: &Prefixes) {
        for (index, field) in fields.iter().enumerate() {
            let own = prefixes.own(field);
            self.place(path, fields, index, prefixes);
            if field.is_pad() {
                continue;
            }
            self.word(path, fields, index, prefixes);
            if field.goes_by_place() {
                continue;
            }
            for (other, with) in fields.iter().enumerate().skip(index + 1) {
                let same_size = with.ty.size() == field.ty.size();
                if same_size && !with.is_pad() && !with.goes_by_place() {
                    let expected = Exactly(vec![own.clone(), prefixes.own(with)]);
                    let what = format!("`{own}` and `{}` are swapped", with.name);
                    self.add(path, what, expected, |fields| fields.swap(index, other));
                }
            }
            // Of opaque bytes the name does not count, and of a newtype neither.
            let only_opaque = match field.ty.peel() {
                Type::Struct(inner) => {
                    let opaque = |field: &Field| field.word == Counterpart::Opaque;
                    fields.len() == 1 && inner.iter().all(|field| field.is_pad() || opaque(field))
                }
                _ => false,
            };
            if field.word != Counterpart::Opaque && !only_opaque {
                let mut paths = prefixes.of(field);
                paths.push(join(&prefixes.rust, EXTRA));
                if let [_] = fields {
                    // With a name that C has not it may be a newtype, and is
                    // compared by what is in it.
                    paths.extend(names_inside(field).iter().map(|name| join(&prefixes.rust, name)));
                }
                self.add(path, format!("`{own}` is renamed"), AnyOf(paths), |fields| {
                    (fields[index].name, fields[index].c_name) = (EXTRA, EXTRA);
                });
            }
            if field.word != Counterpart::Opaque || !field.truth.padding {
                self.types(path, field, index, prefixes);
            }
            if let Type::Struct(inner) = field.ty.innermost() {
                path.push(index);
                self.inside(path, inner, &prefixes.inside(field));
                path.pop();
            }
        }
        let what = format!("`{EXTRA}` is put at the end of `{}`", prefixes.rust);
        let expected = AnyOf(vec![join(&prefixes.rust, EXTRA)]);
        self.add(path, what, expected, |fields| fields.push(extra(4)));
        let what = format!("there is a pad at the end of `{}`", prefixes.rust);
        let expected = AnyOf(vec![prefixes.rust.clone()]);
        self.add(path, what, expected, |fields| fields.push(Field::pad("_end", 1)));
    }

    /// The edits of where a field is, and of whether it is there.
    fn place(&mut self, path: &[usize], fields: &[Field], index: usize, prefixes: &Prefixes) {
        let field = &fields[index];
        let (own, size) = (prefixes.own(field), field.ty.size());
        let extra_path = || AnyOf(vec![join(&prefixes.rust, EXTRA)]);
        if field.is_pad() {
            self.add(path, format!("`{EXTRA}` is put into `{own}`"), extra_path(), |fields| {
                fields[index] = extra(1);
                if size > 1 {
                    fields.insert(index + 1, Field::pad("_rest", size - 1));
                }
            });
            for (offset, rival) in &field.truth.rivals {
                self.second_arm(path, fields, index, *offset, rival, prefixes);
            }
            return;
        }
        let what = format!("`{EXTRA}` is put before `{own}`");
        self.add(path, what, extra_path(), |fields| fields.insert(index, extra(4)));

        // Where a field goes by its place, what it stood for is reported.
        let lost = |by: Box<dyn Fn(usize) -> bool>| -> Vec<&'static str> {
            let inside = field.truth.inside.iter();
            let outside = inside.filter(|(_, bytes)| !bytes.clone().all(&by));
            outside.map(|(name, _)| *name).collect()
        };
        let by_place = field.goes_by_place();
        let gone = lost(Box::new(move |at| (1..=size).contains(&at)));
        let expected = |exactly: bool| match by_place {
            true => {
                let mut paths = prefixes.c_names(&gone);
                paths.push(own.clone());
                AnyOf(paths)
            }
            false if exactly => Exactly(vec![own.clone()]),
            false => AnyOf(vec![own.clone()]),
        };
        if !by_place || !gone.is_empty() {
            self.add(path, format!("`{own}` is shifted by a byte"), expected(false), |fields| {
                fields.insert(index, Field::pad("_shift", 1));
            });
        }
        let before = index.checked_sub(1).map(|before| &fields[before]);
        let gone_back = lost(Box::new(move |at| at + 1 < size));
        if let Some(before) = before.filter(|before| before.is_pad()) {
            let shorter = before.ty.size() - 1;
            if !by_place || !gone_back.is_empty() {
                let expected = match by_place {
                    true => {
                        let mut paths = prefixes.c_names(&gone_back);
                        paths.push(own.clone());
                        AnyOf(paths)
                    }
                    false => expected(true),
                };
                self.add(path, format!("`{own}` alone is a byte earlier"), expected, |fields| {
                    fields.insert(index + 1, Field::pad("_behind", 1));
                    match shorter {
                        0 => drop(fields.remove(index - 1)),
                        _ => fields[index - 1].ty = Type::Pad(shorter),
                    }
                });
            }
        }
        if let Some(next) = fields.get(index + 1)
            && next.ty.size() != size
            && !(by_place && (next.is_pad() || next.goes_by_place()))
        {
            let mut paths = Vec::new();
            for field in [field, next] {
                if !field.is_pad() && !field.goes_by_place() {
                    paths.push(prefixes.own(field));
                }
            }
            let what = format!("`{own}` is behind `{}`", next.name);
            let is_one = paths.len() == 1;
            let expected = if is_one && !by_place && !next.goes_by_place() {
                Exactly(paths)
            } else {
                AnyOf(paths)
            };
            self.add(path, what, expected, |fields| fields.swap(index, index + 1));
        }
        let gone_at_end = lost(Box::new(move |at| at + 1 < size));
        if !gone_at_end.is_empty() && size > 1 {
            let mut paths = prefixes.c_names(&gone_at_end);
            paths.push(own.clone());
            self.add(path, format!("`{own}` is a byte shorter"), AnyOf(paths), |fields| {
                fields[index].ty = bytes(size - 1);
                fields.insert(index + 1, Field::pad("_rest", 1));
            });
        }
        if let Some(next) = fields.get(index + 1)
            && field.word == Counterpart::Bitfields
            && !next.truth.padding
            && !next.goes_by_place()
            && next.truth.union.is_none()
        {
            let longer = size + next.ty.size();
            let what = format!("`{own}` is over `{}` too", next.name);
            self.add(path, what, AnyOf(prefixes.of(next)), |fields| {
                fields[index].ty = bytes(longer);
                fields.remove(index + 1);
            });
        }
        let others = fields.iter().enumerate().filter(|(other, _)| *other != index);
        let mut unions = others.filter_map(|(_, other)| other.truth.union.as_ref());
        let group = field.truth.union.as_ref();
        let another_arm = group.is_some_and(|(own, _)| unions.any(|(other, _)| other == own));
        // One field of a union is enough.
        if !field.truth.padding && !another_arm {
            let mut names: Vec<_> = field.truth.inside.iter().map(|(name, _)| *name).collect();
            names.extend(group.map(|(_, names)| names.as_slice()).unwrap_or_default());
            let mut paths = prefixes.of(field);
            paths.extend(prefixes.c_names(&names));
            self.add(path, format!("`{own}` is dropped"), AnyOf(paths), |fields| {
                fields[index] = Field::pad("_dropped", size);
            });
        }
    }

    /// Puts a field of another arm of a union into a pad.
    fn second_arm(
        &mut self,
        path: &[usize],
        fields: &[Field],
        index: usize,
        offset: usize,
        rival: &Field,
        prefixes: &Prefixes,
    ) {
        let number = |field: &Field| field.truth.union.as_ref().map(|(number, _)| *number);
        // Either of the two arms is the one too many.
        let arms = fields.iter().filter(|field| number(field) == number(rival));
        let expected = AnyOf(arms.chain([rival]).map(|field| prefixes.own(field)).collect());
        let what = format!("`{}` of another arm is put in", prefixes.own(rival));
        let rest = fields[index].ty.size() - offset - rival.ty.size();
        self.add(path, what, expected, |fields| {
            let around = [(0, offset), (2, rest)];
            let mut parts = vec![rival.clone()];
            for (at, size) in around {
                if size > 0 {
                    parts.insert(at.min(parts.len()), Field::pad("_around", size));
                }
            }
            fields.splice(index..=index, parts);
        });
    }

    /// The edits of the word on a field.
    fn word(&mut self, path: &[usize], fields: &[Field], index: usize, prefixes: &Prefixes) {
        let field = &fields[index];
        let own = prefixes.own(field);
        let mut paths = prefixes.of(field);
        let inside: Vec<_> = field.truth.inside.iter().map(|(name, _)| *name).collect();
        paths.extend(prefixes.c_names(&inside));
        if let [_] = fields {
            // Without a word it may be a newtype, as above.
            paths.extend(names_inside(field).iter().map(|name| join(&prefixes.rust, name)));
        }
        let words: &[Counterpart] = match field.word {
            Counterpart::Member => &[
                Counterpart::Pointer,
                Counterpart::Bitfields,
                Counterpart::ArmOfUnion,
                Counterpart::ArmOf(""),
            ],
            // By its name in Rust an array of bytes may be a pad without it.
            _ if field.name.starts_with('_') && field.truth.padding => &[],
            _ => &[Counterpart::Member],
        };
        for &word in words {
            let word = match word {
                Counterpart::ArmOf(_) => Counterpart::ArmOf(field.c_name),
                other => other,
            };
            let what = format!("`{own}` stands for {word:?} and no longer for {:?}", field.word);
            self.add(path, what, AnyOf(paths.clone()), |fields| fields[index].word = word);
        }
        let (sign, order) = differs(field);
        if field.allow_sign && sign {
            let what = format!("`{own}` may not differ in sign");
            let expected = AnyOf(paths.clone());
            self.add(path, what, expected, |fields| fields[index].allow_sign = false);
        }
        if field.allow_order && order {
            let what = format!("`{own}` may not differ in byte order");
            let expected = AnyOf(paths.clone());
            self.add(path, what, expected, |fields| fields[index].allow_order = false);
        }
    }

    /// The edits of the type of a field that goes by its name.
    fn types(&mut self, path: &[usize], field: &Field, index: usize, prefixes: &Prefixes) {
        let own = prefixes.own(field);
        let mut change = |what: &str, rest: usize, ty: Type| {
            let what = format!("{what}: `{own}`");
            self.add(path, what, AnyOf(prefixes.of(field)), |fields| {
                let edited = Field { ty, ..field.clone() };
                // What would be a pad by its name is none of these edits.
                fields[index] = edited;
                if rest > 0 {
                    fields.insert(index + 1, Field::pad("_rest", rest));
                }
            });
        };
        let is_opaque = field.word == Counterpart::Opaque;
        let (meaning, size) = (field.truth.meaning, field.ty.size());
        let with = |innermost: Type| {
            let mut ty = field.ty.clone();
            *ty.innermost_mut() = innermost;
            ty
        };
        // Bytes over a member that is padding by its name are a pad.
        let may_be_bytes = !field.truth.padding;
        if let Type::Scalar(scalar, of) = *field.ty.innermost()
            && (may_be_bytes || field.ty.dimensions() == 0)
        {
            if of < 8 {
                let wider = with(Type::Scalar(scalar, of * 2));
                change("widened", 0, wider);
            }
            if of > 1 && (of > 2 || scalar != Scalar::Big) {
                let narrower = with(Type::Scalar(scalar, of / 2));
                change("narrowed", size / 2, narrower);
            }
            if !is_opaque {
                if meaning != Some(Meaning::AnySign) && !field.allow_sign && !field.allow_order {
                    let other = match scalar {
                        Scalar::Signed => Scalar::Unsigned,
                        Scalar::Unsigned | Scalar::Big => Scalar::Signed,
                    };
                    // A `Be` over a plain number becomes wrong in its sign only.
                    change("of another sign", 0, with(Type::Scalar(other, of)));
                }
                // An allowance is taken away, or there is none.
                let host = with(Type::Scalar(Scalar::Unsigned, of));
                match meaning {
                    _ if field.allow_order || field.allow_sign => {}
                    Some(Meaning::Big) => change("in the order of the host", 0, host),
                    // C's headers do not always say it.
                    Some(Meaning::Unsigned) | None => {}
                    Some(_) if of > 1 => {
                        change("in network order", 0, with(Type::Scalar(Scalar::Big, of)));
                    }
                    Some(_) => {}
                }
                if may_be_bytes && of > 1 {
                    change("as bytes", 0, with(bytes(of)));
                    let mut halves = field.ty.clone();
                    *halves.innermost_mut() =
                        Type::Array(Box::new(Type::Scalar(Scalar::Unsigned, of / 2)), 2);
                    change("in halves", 0, halves);
                }
            }
        }
        if let (Type::Struct(_), false) = (field.ty.innermost(), is_opaque) {
            let of = field.ty.innermost().size();
            if may_be_bytes {
                change("as bytes", 0, with(bytes(of)));
            }
        }
        if may_be_bytes && !is_opaque {
            let inner = Box::new(field.ty.innermost().clone());
            change("in an array of one", 0, with(Type::Array(inner, 1)));
        }
        for depth in 0..field.ty.dimensions() {
            if !may_be_bytes {
                break;
            }
            let resized = |by: isize| {
                let mut ty = field.ty.clone();
                let mut at = ty.peel_mut();
                for _ in 0..depth {
                    if let Type::Array(element, _) = at {
                        at = element.peel_mut();
                    }
                }
                match at {
                    Type::Array(_, len) => *len = len.checked_add_signed(by).unwrap_or_default(),
                    other => unreachable!("{other:?} is no array"),
                }
                ty
            };
            change("a longer array", 0, resized(1));
            let shorter = resized(-1);
            if shorter.size() > 0 {
                change("a shorter array", size - shorter.size(), shorter);
            }
        }
        if let Type::Array(element, len) = field.ty.peel()
            && !is_opaque
            && may_be_bytes
        {
            if let Type::Array(inner, inner_len) = element.peel() {
                change("flat", 0, Type::Array(inner.clone(), len * inner_len));
                if len != inner_len {
                    let turned = Box::new(Type::Array(inner.clone(), *len));
                    change("turned over", 0, Type::Array(turned, *inner_len));
                }
            }
            if *len == 1 {
                change("not in an array", 0, (**element).clone());
            }
        }
    }
}

fn bytes(len: usize) -> Type {
    Type::Array(Box::new(Type::Scalar(Scalar::Unsigned, 1)), len)
}

/// Whether a field differs from its member in sign, and in byte order.
fn differs(field: &Field) -> (bool, bool) {
    let (Some(meaning), Type::Scalar(scalar, _)) = (field.truth.meaning, field.ty.innermost())
    else {
        return (false, false);
    };
    let is_signed = meaning == Meaning::Signed;
    let sign = meaning != Meaning::AnySign && is_signed != (*scalar == Scalar::Signed);
    let order = match meaning {
        Meaning::Big => *scalar != Scalar::Big,
        Meaning::Little | Meaning::AnySign => *scalar == Scalar::Big,
        _ => false,
    };
    (sign, order)
}

/// The names in the struct that a field is, and in the one that its only field
/// is.
fn names_inside(field: &Field) -> Vec<&'static str> {
    let mut names = vec!["0"];
    let mut ty = field.ty.peel();
    while let Type::Struct(fields) = ty {
        names.extend(fields.iter().map(|field| field.name));
        let [only] = fields.as_slice() else { break };
        ty = only.ty.peel();
    }
    names
}

/// A field that C has not.
fn extra(size: usize) -> Field {
    Field::new(EXTRA, Type::Scalar(Scalar::Unsigned, size), Counterpart::Member)
}
