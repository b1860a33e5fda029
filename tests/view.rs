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
