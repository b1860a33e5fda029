//! The compiler: makes the BTF, and says itself how it laid the structs out.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection, ObjectSymbol};

use crate::c::{PRELUDE, Question, Struct};

/// The first line of what the compiler says of itself; `None` when there is no
/// such command.
pub fn version(clang: &str) -> Option<String> {
    let output = Command::new(clang).arg("--version").output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

/// Compiles the structs for BPF and fills in their offsets and sizes. The
/// object is the answer.
///
/// Offsets and sizes are constants in the object, so they are the compiler's
/// own and come neither from BTF nor from DWARF. A bitfield has no `offsetof`:
/// there is a constant for each, in which only its bits are set.
pub(crate) fn compile(clang: &str, structs: &mut [Struct]) -> Result<Vec<u8>> {
    let source = source(structs);
    let directory = tempfile::tempdir()?;
    let [c, o] = ["structs.bpf.c", "structs.bpf.o"].map(|name| directory.path().join(name));
    std::fs::write(&c, &source)?;
    run(clang, &c, &o).with_context(|| format!("the compiler refused\n{source}"))?;
    let object = std::fs::read(&o)?;
    answer(structs, &object)?;
    Ok(object)
}

fn run(clang: &str, source: &Path, object: &Path) -> Result<()> {
    // Without optimization: nothing here is code.
    let output = Command::new(clang)
        .args(["-target", "bpf", "-g", "-O0", "-w", "-c"])
        .arg(source)
        .arg("-o")
        .arg(object)
        .output()?;
    match output.status.success() {
        true => Ok(()),
        false => bail!("{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// The structs, a variable of each to keep it in the BTF, and the questions.
fn source(structs: &[Struct]) -> String {
    let (mut text, mut numbers, mut bits) = (String::from(PRELUDE), String::new(), 0);
    for ty in structs {
        text += &ty.define(structs);
        let name = &ty.name;
        let _ = writeln!(text, "struct {name} variable_{name};");
        ty.clone().questions(structs, &mut |question, _| match question {
            Question::Number(expression) => {
                let _ = writeln!(numbers, "\t{expression},");
            }
            Question::Bits(path) => {
                let constant = format!("const struct {name} bits_{bits}");
                let section = "__attribute__((section(\"constants\")))";
                let _ = writeln!(text, "{constant} {section} = {{ .{path} = -1 }};");
                bits += 1;
            }
            Question::BytesOfBits => {}
        });
    }
    let section = "__attribute__((section(\"constants\")))";
    let _ = writeln!(text, "const unsigned long numbers[] {section} = {{\n{numbers}}};");
    text
}

fn answer(structs: &mut [Struct], object: &[u8]) -> Result<()> {
    let file = object::File::parse(object)?;
    let constant = |name: &str| -> Result<&[u8]> {
        let symbol = file.symbol_by_name(name).with_context(|| format!("no constant {name}"))?;
        let section = symbol.section_index().with_context(|| format!("{name} is undefined"))?;
        let data = file.section_by_index(section)?.data()?;
        let (start, len) = (symbol.address() as usize, symbol.size() as usize);
        data.get(start..start + len).with_context(|| format!("{name} has no bytes"))
    };
    let mut numbers = constant("numbers")?.as_chunks::<8>().0.iter();
    let mut bits = 0;
    for index in 0..structs.len() {
        let (mut size_of_bits, mut failed) = (0, None);
        let mut ty = structs[index].clone();
        ty.questions(structs, &mut |question, answer| match question {
            Question::Number(_) => {
                *answer = numbers.next().map_or(0, |bytes| u64::from_le_bytes(*bytes) as usize);
            }
            Question::Bits(_) => {
                match constant(&format!("bits_{bits}")) {
                    Ok(bytes) => {
                        let is_set = |byte: &u8| *byte != 0;
                        *answer = bytes.iter().position(is_set).unwrap_or_default();
                        size_of_bits =
                            bytes.iter().rposition(is_set).map_or(0, |last| last + 1 - *answer);
                    }
                    Err(error) => failed = Some(error),
                }
                bits += 1;
            }
            Question::BytesOfBits => *answer = size_of_bits,
        });
        if let Some(error) = failed {
            return Err(error);
        }
        structs[index] = ty;
    }
    Ok(())
}
