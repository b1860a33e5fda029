//! The kernel's own types, and the objects of this repository; the command
//! takes any.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context;
use bpfmap_oracles::{
    Differences, Objects, Structs, object_in, objects, structs, structs_in, version,
};
use libtest_mimic::{Arguments, Completion, Failed, Trial};

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// Why the machine cannot do it.
fn lacks(tools: &[&str], vmlinux: bool) -> Option<String> {
    if vmlinux && !Path::new(VMLINUX).exists() {
        return Some(format!("there is no {VMLINUX}"));
    }
    let missing = tools.iter().find(|tool| version(tool).is_none())?;
    Some(format!("`{missing}` cannot be run"))
}

type Body = fn() -> anyhow::Result<()>;

fn trial(name: &str, tools: &'static [&str], vmlinux: bool, body: Body) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Some(reason) = lacks(tools, vmlinux) {
            return match std::env::var_os("BPFMAP_REQUIRE_KERNEL") {
                Some(_) => Err(Failed::from(format!("may not be ignored here: {reason}"))),
                None => Ok(Completion::ignored_with(reason)),
            };
        }
        body().map_err(|error| Failed::from(format!("{error:#}")))?;
        Ok(Completion::Completed)
    })
}

fn none(differences: &Differences) -> anyhow::Result<()> {
    let Differences { count, first } = differences;
    anyhow::ensure!(*count == 0, "{count} differences\n{}", first.join("\n"));
    Ok(())
}

fn types_of_the_kernel() -> anyhow::Result<()> {
    let figures = structs(Path::new(VMLINUX), None)?;
    none(&figures.differences)?;
    // Fewer would say that something was not read.
    anyhow::ensure!(figures.structs > 5000 && figures.printed > 5000, "only {figures}");
    Ok(())
}

/// Where this repository has objects.
fn fixtures() -> [PathBuf; 2] {
    ["../bpf", "../../examples/bpf"].map(|path| Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
}

fn types_of_objects() -> anyhow::Result<()> {
    let mut total = Structs::default();
    for directory in fixtures() {
        for entry in directory.read_dir()? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "o") {
                total.add(structs(&path, None)?);
            }
        }
    }
    none(&total.differences)?;
    anyhow::ensure!(total.structs > 50 && total.printed > 20, "only {total}");
    Ok(())
}

fn maps_of_objects() -> anyhow::Result<()> {
    let mut total = Objects::default();
    for directory in fixtures() {
        total.add(objects(&directory)?);
    }
    none(&total.differences)?;
    let Objects { declared, legacy, struct_ops, globals, .. } = total;
    anyhow::ensure!(declared > 20 && legacy > 0 && struct_ops > 0 && globals > 0, "only {total}");
    Ok(())
}

/// Where bpfmap reads another object than the tools, it shows.
fn differences_show() -> anyhow::Result<()> {
    let [objects, _] = fixtures();
    let (kinds, older) = (objects.join("kinds.bpf.o"), objects.join("older.bpf.o"));
    let Structs { printed, differences, .. } = structs_in(&std::fs::read(&older)?, &kinds, None)?;
    // They differ in the names of a few members.
    let by = |tool: &str| differences.first.iter().any(|line| line.contains(tool));
    anyhow::ensure!(printed > 0 && by("bpftool") && by("pahole"), "{differences:?}");
    let differences =
        object_in(&std::fs::read(&kinds)?, &objects.join("declared.bpf.o"))?.differences;
    anyhow::ensure!(differences.count > 10, "{differences:?}");
    Ok(())
}

/// Compiles sources and links them.
fn linked(directory: &Path, sources: &[&str]) -> anyhow::Result<Vec<u8>> {
    let run = |command: &mut Command| {
        let output = command.output()?;
        anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    };
    let (out, mut objects) = (directory.join("linked.o"), Vec::new());
    for (index, source) in sources.iter().enumerate() {
        let (c, object) =
            (directory.join(format!("{index}.c")), directory.join(format!("{index}.o")));
        std::fs::write(&c, source)?;
        let flags = ["-O2", "-g", "-target", "bpf", "-c", "-o"];
        run(Command::new("clang-14").args(flags).args([&object, &c]))?;
        objects.push(object);
    }
    run(Command::new("bpftool").args(["gen", "object"]).arg(&out).args(objects))?;
    Ok(std::fs::read(out)?)
}

/// A linker leaves the offset of a variable in BTF as it was when a definition of
/// another object takes its place, and static variables of one name are two.
fn variables_of_linked_objects() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let code = |what: &str, n: u32| {
        format!(
            "{what} static volatile int last = {n};\n\
             __attribute__((section(\"xdp\"))) int f{n}(void) {{ return w + last; }}"
        )
    };
    let sources = [
        code("long before = 3; __attribute__((weak)) volatile int w = 1;", 1),
        code("volatile int w = 2;", 2),
    ];
    let bytes = linked(directory.path(), &sources.each_ref().map(String::as_str))?;
    let path = directory.path().join("linked.o");
    none(&object_in(&bytes, &path)?.differences)?;
    let object = bpfmap::Object::parse(&bytes)?;
    match object.check_variable::<i32>("last") {
        Err(bpfmap::Error::AmbiguousVariable { places, .. }) => {
            anyhow::ensure!(places.len() == 2, "{places:?}");
        }
        other => anyhow::bail!("{other:?}"),
    }
    object.check_variable::<i32>("w")?;
    let section = object.map(".data").and_then(|map| map.value()).context("no .data")?;
    let w = section.members()?.into_iter().find(|member| member.name == "w").context("no w")?;
    // That of the first object is before its static variable, this one is not.
    anyhow::ensure!(w.bits.start / 8 >= 16, "{w:?}");
    Ok(())
}

fn main() -> ExitCode {
    let (all, of_types) = (&["bpftool", "pahole", "readelf"], &["bpftool", "pahole"]);
    let of_maps = &["bpftool", "readelf"];
    let linkers = &["bpftool", "clang-14", "readelf"];
    let trials = vec![
        trial("types_of_the_kernel_agree", of_types, true, types_of_the_kernel),
        trial("types_of_objects_agree", of_types, false, types_of_objects),
        trial("maps_of_objects_agree", of_maps, false, maps_of_objects),
        trial("differences_show", all, false, differences_show),
        trial("variables_of_linked_objects_agree", linkers, false, variables_of_linked_objects),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
