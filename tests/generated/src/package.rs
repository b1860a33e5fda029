//! A package of what was written for many objects.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use bpfmap::{Object, ObjectError};
use tempfile::TempDir;

use crate::source::{Figures, of_object};

/// What every `main` begins with.
const MAIN: &str = r#"#![deny(warnings)]
#![allow(dead_code)]
#![forbid(unsafe_code)]
use bpfmap::{Error, Object, TypedMap, Unverifiable};
use std::sync::atomic::{AtomicUsize, Ordering};

static FAILED: AtomicUsize = AtomicUsize::new(0);

fn fail(name: &str, why: &dyn std::fmt::Display) {
    FAILED.fetch_add(1, Ordering::Relaxed);
    println!("{name}: {why}\n");
}

pub fn passes<M: TypedMap>(object: &Object<'_>, name: &str) {
    if let Err(error) = object.check::<M>(name) {
        fail(name, &error);
    }
}

/// Of a ring buffer the gate is not told the type; that is checked by its name.
pub fn event<M: TypedMap>(object: &Object<'_>, name: &str) {
    match object.check::<M>(name) {
        Err(Error::Unverifiable { reason: Unverifiable::NoEventType, .. }) => {}
        Err(error) => fail(name, &error),
        Ok(_) => fail(name, &"accepted without a type"),
    }
}

pub fn by_sizes<M: TypedMap>(object: &Object<'_>, name: &str) {
    match object.check::<M>(name) {
        Err(Error::Unverifiable { reason: Unverifiable::SizesInObject, .. }) => {}
        Err(error) => fail(name, &error),
        Ok(_) => fail(name, &"verified without types"),
    }
}

pub fn without(name: &str, map_type: &str, why: &str) {
    println!("without a typed map: {name} ({map_type}): {why}");
}

#[macro_export]
macro_rules! check_named {
    ($object:expr, $name:expr, $ty:ty) => {
        if let Err(error) = $object.btf().check::<$ty>($name) {
            $crate::fail($name, &error);
        }
    };
}

"#;

/// What is written for objects, to be compiled and run.
#[derive(Debug)]
pub struct Package {
    directory: TempDir,
    modules: Vec<String>,
    figures: Figures,
}

impl Package {
    /// An empty one.
    ///
    /// # Errors
    ///
    /// When there is no room for it.
    pub fn new() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        fs::create_dir(directory.path().join("src"))?;
        Ok(Self { directory, modules: Vec::new(), figures: Figures::default() })
    }

    /// Adds what is written for an object: for all of its maps, or for the types
    /// of these names. One without BTF is skipped.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn add(&mut self, title: &str, bytes: &[u8], types: &[String]) -> Result<()> {
        let object = match Object::parse(bytes) {
            Err(ObjectError::NoBtf) => return Ok(()),
            object => object.with_context(|| title.to_owned())?,
        };
        let (generated, body, figures) = of_object(&object, types);
        let index = self.modules.len();
        let source = self.directory.path().join("src");
        fs::write(source.join(format!("o{index}.o")), bytes)?;
        fs::write(source.join(format!("o{index}_types.rs")), generated.to_string())?;
        let module = format!(
            "//! {}\n\
             #[path = \"o{index}_types.rs\"]\npub mod types;\n\
             #[allow(unused_imports)]\nuse crate::{{by_sizes, event, passes, without}};\n\n\
             pub fn check() {{\n    let object = bpfmap::Object::parse(include_bytes!(\"o{index}.o\")).unwrap();\n\
             #[allow(unused_macros)]\n\
             macro_rules! named {{ ($name:expr, $ty:ty) => {{{{ #[allow(unused_imports)] use types::*; \
             #[allow(unused_imports)] use bpfmap::*; crate::check_named!(object, $name, $ty) }}}} }}\n\
             {body}    let _ = object;\n}}\n",
            title.escape_debug(),
        );
        fs::write(source.join(format!("o{index}.rs")), module)?;
        self.modules.push(title.into());
        self.figures.add(figures);
        Ok(())
    }

    /// What is in it.
    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// Compiles it, and runs the gate. The text is what it printed.
    ///
    /// # Errors
    ///
    /// When it does not compile, or does not pass.
    pub fn check(&self) -> Result<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut main = String::from(MAIN);
        for index in 0..self.modules.len() {
            main += &format!("mod o{index};\n");
        }
        main += "\nfn main() {\n";
        for (index, title) in self.modules.iter().enumerate() {
            main += &format!("    println!(\"-- {{}}\", {title:?});\n    o{index}::check();\n");
        }
        main += "    std::process::exit((FAILED.load(Ordering::Relaxed) > 0).into());\n}\n";
        let directory = self.directory.path();
        fs::write(directory.join("src/main.rs"), main)?;
        let manifest = format!(
            "[package]\nname = \"generated\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
             bpfmap = {{ path = {:?}, default-features = false, features = [\"std\"] }}\n\n\
             [profile.dev]\ndebug = false\nincremental = false\n",
            root.join("bpfmap"),
        );
        fs::write(directory.join("Cargo.toml"), manifest)?;
        // The versions that the workspace has.
        fs::copy(root.join("Cargo.lock"), directory.join("Cargo.lock"))?;
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["run", "--offline", "--quiet"])
            .arg("--target-dir")
            .arg(root.join("target/generated"))
            .current_dir(directory)
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("RUSTFLAGS")
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.success() {
            true => Ok(text),
            false => {
                let kept = self.keep()?;
                let errors = String::from_utf8_lossy(&output.stderr);
                bail!("{errors}\n{text}\n{}, kept in {}", self.figures, kept.display())
            }
        }
    }

    /// Where what fails can be looked at.
    fn keep(&self) -> Result<PathBuf> {
        let kept = std::env::temp_dir().join("bpfmap-generated-failed");
        if kept.exists() {
            fs::remove_dir_all(&kept)?;
        }
        fs::create_dir_all(kept.join("src"))?;
        fs::copy(self.directory.path().join("Cargo.toml"), kept.join("Cargo.toml"))?;
        for entry in fs::read_dir(self.directory.path().join("src"))? {
            let entry = entry?;
            fs::copy(entry.path(), kept.join("src").join(entry.file_name()))?;
        }
        Ok(kept)
    }
}
