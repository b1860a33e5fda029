//! Where bpffs are mounted.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// A mounted bpffs, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// `major:minor`: mounts of the same one have the same.
    pub(super) device: String,
    /// Which part of it is mounted; `/` for all.
    pub(super) root: PathBuf,
    /// Where.
    pub(super) point: PathBuf,
}

/// Those in the text of a `mountinfo`, the mounts of all of one first.
pub(super) fn parse(text: &[u8]) -> Vec<Mount> {
    let mut mounts: Vec<_> = text.split(|byte| *byte == b'\n').filter_map(line).collect();
    mounts.sort_by_key(|mount| mount.root.components().count());
    mounts
}

/// `36 35 98:0 /root /point options [optional]... - bpf source options`
fn line(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|byte| *byte == b' ');
    let device = String::from_utf8(words.nth(2)?.to_vec()).ok()?;
    let (root, point) = (words.next()?, words.next()?);
    words.find(|word| *word == b"-")?;
    let path = |word| PathBuf::from(OsString::from_vec(unescaped(word)));
    (words.next()? == b"bpf").then(|| Mount { device, root: path(root), point: path(point) })
}

/// The number of a device, as a `mountinfo` writes it.
pub(super) fn number(device: u64) -> String {
    format!("{}:{}", libc::major(device), libc::minor(device))
}

/// Blanks, line ends and backslashes are written as `\040`.
fn unescaped(mut word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    while let Some((first, rest)) = word.split_first() {
        let octal = rest.first_chunk::<3>().filter(|_| *first == b'\\');
        let octal = octal.and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                word = &rest[3..];
            }
            None => {
                bytes.push(*first);
                word = rest;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bpffs_count_and_whole_ones_come_first() {
        let text = b"22 28 0:21 / /proc rw,nosuid - proc proc rw\n\
            40 28 0:50 /globals /run/my\\040maps rw,relatime shared:5 master:1 - bpf bpf rw,mode=700\n\
            41 28 0:50 / /sys/fs/bpf rw - bpf none rw\n\
            broken\n";
        let mounts = parse(text);
        let points: Vec<_> = mounts.iter().map(|mount| mount.point.to_str().unwrap()).collect();
        assert_eq!(points, ["/sys/fs/bpf", "/run/my maps"]);
        assert_eq!((&*mounts[0].device, mounts[1].root.to_str()), ("0:50", Some("/globals")));
    }
}
