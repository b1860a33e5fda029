//! Running the command.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// What it wrote, and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// It could not be done, and one line says why.
    #[track_caller]
    pub fn refused(&self) -> &str {
        assert_eq!((self.code, &*self.out), (Some(2), ""), "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        let line = self.err.strip_suffix('\n').unwrap_or(&self.err);
        assert!(!line.contains('\n'), "{self:?}");
        line.strip_prefix("bpfmap: ").unwrap_or(line)
    }

    /// What it wrote, each line as JSON.
    #[track_caller]
    pub fn json(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

pub fn command<S: AsRef<OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bpfmap"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it as a user without any privilege.
pub fn nobody<S: AsRef<OsStr>>(arguments: &[S]) -> std::io::Result<Ran> {
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all", "--reuid=65534", "--regid=65534"]);
    command.args(["--clear-groups", env!("CARGO_BIN_EXE_bpfmap")]).args(arguments);
    let output = command.output()?;
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ok(Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) })
}

/// Runs it; no argument holds a blank.
#[track_caller]
pub fn bpfmap(arguments: &str) -> Ran {
    let arguments: Vec<_> = arguments.split(' ').collect();
    let output = command(&arguments).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A map without types, for which an object has some.
pub fn hash(
    name: &str,
    key_size: u32,
    value_size: u32,
) -> Result<aya::maps::MapData, aya::maps::MapError> {
    let map = aya_obj::Map::Legacy(aya_obj::maps::LegacyMap {
        section_index: 0,
        section_kind: aya_obj::EbpfSectionKind::Maps,
        symbol_index: None,
        inner_def: None,
        def: aya_obj::maps::bpf_map_def {
            map_type: bpfmap::MapType::HASH.as_raw(),
            key_size,
            value_size,
            max_entries: 16,
            ..Default::default()
        },
        data: Vec::new(),
    });
    aya::maps::MapData::create(map, name, None)
}
