//! Files that are named on the command line: objects, of which some come through a
//! pipe.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use anyhow::{Context, bail};

/// What standard input is called.
const STDIN: &str = "-";

/// How long a file may be, in bytes: far more than any object of BPF, and what does
/// not end stops here.
const MAX_LEN: u64 = 1 << 28;

/// The bytes of a file or of a pipe.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path == Path::new(STDIN) {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            bail!("standard input is a terminal: give the path of an object, or pipe one into it");
        }
        return all_of(stdin.lock(), "standard input");
    }
    let name = path.display().to_string();
    let cannot = || format!("{name} cannot be read");
    // Before it is opened: that alone does something to some devices.
    let kind = std::fs::metadata(path).with_context(cannot)?.file_type();
    if kind.is_dir() {
        bail!("{name} is a directory: give the path of an object in it");
    }
    if kind.is_char_device() || kind.is_block_device() {
        bail!("{name} is a device: an object is a file, or comes from a pipe, as with `-`");
    }
    all_of(File::open(path).with_context(cannot)?, &name)
}

fn all_of(file: impl Read, name: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = file.take(MAX_LEN + 1);
    file.read_to_end(&mut bytes).with_context(|| format!("{name} cannot be read"))?;
    if file.limit() == 0 {
        bail!("{name} is longer than {} MiB, as no object of BPF is", MAX_LEN >> 20);
    }
    Ok(bytes)
}
