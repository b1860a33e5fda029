//! Writes what the targets start from: the objects that are checked in, their
//! BTF, and pieces of the running kernel's where it shows them.
//!
//! The argument is the directory of the corpora, such as `fuzz/corpus`.

use std::fs;
use std::path::Path;

use bpfmap::Btf;

const OBJECTS: [(&str, &[u8]); 4] = [
    ("kinds", include_bytes!("../../tests/bpf/kinds.bpf.o")),
    ("shapes", include_bytes!("../../tests/bpf/shapes.bpf.o")),
    ("older", include_bytes!("../../tests/bpf/older.bpf.o")),
    ("flows", include_bytes!("../../examples/bpf/flows.bpf.o")),
];

fn main() -> std::io::Result<()> {
    let corpora = std::env::args_os().nth(1).expect("the directory of the corpora");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let directory = Path::new(&corpora).join(target);
        fs::create_dir_all(&directory)?;
        fs::write(directory.join(name), bytes)
    };
    for (name, object) in OBJECTS {
        let btf = btf_of(object);
        write("object", name, object)?;
        write("btf", name, btf)?;
        write("value", name, btf)?;
        // Ids and names of the second go on from those of the first.
        write("split", name, &[btf, btf].concat())?;
    }
    if let Ok(kernel) = fs::read("/sys/kernel/btf/vmlinux") {
        for (name, types, strings) in [("kernel-1k", 1 << 10, 512), ("kernel-8k", 1 << 13, 4096)] {
            let piece = piece(&kernel, types, strings);
            write("btf", name, &piece)?;
            write("split", name, &[&*piece, btf_of(OBJECTS[0].1)].concat())?;
        }
    }
    Ok(())
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("a word")) as usize
}

/// The BTF in an object.
fn btf_of(object: &[u8]) -> &[u8] {
    let beginning = b"\x9f\xeb\x01\0\x18\0\0\0";
    let start = object.windows(8).position(|bytes| bytes == beginning).expect("it has BTF");
    let btf = &object[start..];
    &btf[..24 + word(btf, 16) + word(btf, 20)]
}

/// The first types and names of the kernel's; most references lead nowhere.
fn piece(kernel: &[u8], types: usize, strings: usize) -> Vec<u8> {
    let header_len = word(kernel, 4);
    let (all_types, all_strings) = (header_len + word(kernel, 8), header_len + word(kernel, 16));
    let (types, strings) = (types.min(word(kernel, 12)), strings.min(word(kernel, 20)));
    let cut = |types: usize| {
        let mut bytes = [&kernel[..4], &24u32.to_le_bytes()].concat();
        for word in [0, types, types, strings + 1] {
            bytes.extend((word as u32).to_le_bytes());
        }
        bytes.extend_from_slice(&kernel[all_types..all_types + types]);
        bytes.extend_from_slice(&kernel[all_strings..all_strings + strings]);
        bytes.push(0);
        bytes
    };
    // The last type has to be whole.
    let lens = (0..=types).rev();
    lens.map(cut).find(|bytes| Btf::parse(&**bytes).is_ok()).expect("no types at all are fine")
}
