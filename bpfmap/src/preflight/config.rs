//! The options that a kernel was built with.

use std::io::Read;

use super::machine::{Root, Roots, Unread};

/// What was found of them.
#[derive(Clone, Debug)]
pub(super) struct Config {
    /// Where it was read, and its text.
    found: Option<(String, String)>,
    /// What came before it and could not be read, in the order in which it was
    /// tried.
    pub(super) passed_over: Vec<Unread>,
}

/// As long as a config may be; those that there are have 300 KiB.
const LONGEST: u64 = 16 << 20;

impl Config {
    /// Reads the first source that can be read: the kernel itself, what the
    /// distribution installed beside the kernel, what modules are built against.
    pub(super) fn read(roots: &Roots, release: Option<&str>) -> Self {
        let mut sources = vec![(Root::Proc, "config.gz".to_owned())];
        if let Some(release) = release {
            sources.push((Root::Boot, format!("config-{release}")));
            sources.push((Root::Modules, format!("{release}/build/.config")));
        }
        let mut passed_over = Vec::new();
        for (root, name) in sources {
            let text = roots.read(root, &name).and_then(|bytes| {
                let text = if name.ends_with(".gz") { inflate(&bytes) } else { Ok(bytes) };
                text.and_then(config).map_err(|reason| roots.corrupt(root, &name, reason))
            });
            match text {
                Ok(text) => {
                    return Self { found: Some((roots.shown(root, &name), text)), passed_over };
                }
                Err(unread) => passed_over.push(unread),
            }
        }
        Self { found: None, passed_over }
    }

    /// Where it was read.
    pub(super) fn source(&self) -> Option<&str> {
        self.found.as_ref().map(|(source, _)| source.as_str())
    }

    /// Whether the option is set, `y` or `m`; `None` when no config was read.
    pub(super) fn is_set(&self, option: &str) -> Option<bool> {
        let (_, text) = self.found.as_ref()?;
        let value = |line: &str| -> Option<bool> {
            let value = line.strip_prefix("CONFIG_")?.strip_prefix(option)?.strip_prefix('=')?;
            Some(matches!(value.trim_end(), "y" | "m"))
        };
        Some(text.lines().find_map(value).unwrap_or(false))
    }
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let read = flate2::read::GzDecoder::new(bytes).take(LONGEST + 1).read_to_end(&mut text);
    read.map(|_| text).map_err(|error| format!("it is not gzip, or cut off: {error}"))
}

/// A config without a single option is none, and of one that is not read to its end
/// nobody knows what is not set.
fn config(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() as u64 > LONGEST {
        return Err(format!("it is longer than {} MiB", LONGEST >> 20));
    }
    let text = String::from_utf8_lossy(&bytes);
    match text.lines().any(|line| line.starts_with("CONFIG_")) {
        true => Ok(text.into_owned()),
        false => Err("it has no line that begins with CONFIG_".to_owned()),
    }
}
