//! Types for programs to look at.

mod builder;

use bpfmap::{Btf, BtfKind};
use builder::{Builder, kind};

#[test]
fn functions_and_tags_have_names() {
    let mut builder = Builder::new();
    let prototype = builder.add(0, kind::FUNC_PROTO, 0, 0, &[]);
    let function = builder.name("handle");
    let function = builder.add(function, kind::FUNC, 0, prototype, &[]);
    let tag = builder.name("kptr");
    builder.add(tag, kind::TYPE_TAG, 0, 0, &[]);
    let note = builder.name("tagged");
    builder.add(note, kind::DECL_TAG, 0, function, &[u32::MAX]);
    let btf = Btf::parse(Vec::from(builder)).unwrap();
    let types: Vec<_> =
        btf.types().map(|ty| (ty.kind().unwrap(), ty.name().unwrap().into_owned())).collect();
    let expected = [
        (BtfKind::Func, ""),
        (BtfKind::Func, "handle"),
        (BtfKind::TypeTag, "kptr"),
        (BtfKind::DeclTag, "tagged"),
    ];
    assert_eq!(types, expected.map(|(kind, name)| (kind, name.to_owned())));
}

#[test]
fn what_is_beside_a_hole_and_has_no_name_has_a_place() {
    let mut builder = Builder::new();
    let (byte, word) = (builder.int(1), builder.int(4));
    let union = builder.composite(kind::UNION, "", 1, &[("a", byte, 0), ("b", byte, 0)]);
    let inner = builder.structure("", 2, &[("c", byte, 0), ("d", byte, 8)]);
    let key = builder.structure("key", 12, &[("", union, 0), ("x", word, 32), ("", inner, 64)]);
    builder.structure("outer", 16, &[("n", word, 0), ("key", key, 32)]);
    let btf = Btf::parse(Vec::from(builder)).unwrap();
    let table = btf.type_named("outer").unwrap().table().unwrap();
    let between: Vec<_> = table.rows.iter().filter_map(|row| row.between.clone()).collect();
    let name = |name: &str| Some(name.to_owned());
    let expected = [
        [name("the anonymous union at 4..5"), name("key.x")],
        [name("the anonymous struct at 12..14"), None],
    ];
    assert_eq!(between, expected);
}
