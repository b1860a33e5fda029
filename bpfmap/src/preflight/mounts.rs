//! What is mounted where: `/proc/self/mountinfo`.

use std::path::{Path, PathBuf};

/// The mounts that this process has.
#[derive(Clone, Debug, Default)]
pub(super) struct Mounts(Vec<Mount>);

/// One line.
#[derive(Clone, Debug)]
struct Mount {
    id: u32,
    parent: u32,
    at: PathBuf,
    filesystem: String,
}

impl Mounts {
    /// Lines that are not as `proc_pid_mountinfo(5)` says are left out.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(Mount::parse).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where file systems of that type can be reached: not below what was mounted
    /// over them later.
    pub(super) fn of<'a>(&'a self, filesystem: &'a str) -> impl Iterator<Item = &'a Path> {
        let wanted = self.0.iter().filter(move |mount| mount.filesystem == filesystem);
        wanted.filter(|mount| !self.is_hidden(mount)).map(|mount| mount.at.as_path())
    }

    /// A mount hides what its parent has mounted at its place or below it, and its
    /// parent itself when it is mounted on the root of that.
    fn is_hidden(&self, mount: &Mount) -> bool {
        let over = |below: &Mount, at: &Path| {
            self.0.iter().any(|other| {
                other.parent == below.id && other.id != below.id && at.starts_with(&other.at)
            })
        };
        if over(mount, &mount.at) {
            return true;
        }
        let mut mount = mount;
        // As long as any chain of parents can be.
        for _ in 0..self.0.len() {
            let Some(parent) = self.0.iter().find(|other| other.id == mount.parent) else {
                return false;
            };
            let covered = self.0.iter().any(|other| {
                other.parent == parent.id
                    && other.id != mount.id
                    && other.id != parent.id
                    && mount.at.starts_with(&other.at)
            });
            if covered {
                return true;
            }
            mount = parent;
        }
        false
    }
}

impl Mount {
    fn parse(line: &str) -> Option<Self> {
        // The optional fields before the dash are of any number.
        let (place, what) = line.split_once(" - ")?;
        let mut place = place.split(' ');
        Some(Self {
            id: place.next()?.parse().ok()?,
            parent: place.next()?.parse().ok()?,
            at: unescape(place.nth(2)?),
            filesystem: what.split(' ').next()?.to_owned(),
        })
    }
}

/// Blanks and backslashes are written as three octal digits.
fn unescape(path: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        let (byte, after) = match code {
            Some(code) if *first == b'\\' => (code, &after[3..]),
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bpffs(text: &str) -> Vec<String> {
        let mounts = Mounts::parse(text);
        mounts.of("bpf").map(|at| at.display().to_string()).collect()
    }

    #[test]
    fn mounts_are_found_with_all_their_optional_fields() {
        let text = "\
            27 1 254:0 / / rw - ext4 /dev/vda rw\n\
            40 27 0:30 / /sys/fs/bpf rw,nosuid shared:9 master:1 - bpf bpf rw,mode=700\n\
            41 27 0:31 / /with\\040blank\\134 rw - bpf bpf rw\n\
            nonsense\n42 - bpf\n";
        assert_eq!(bpffs(text), ["/sys/fs/bpf", "/with blank\\"]);
    }

    #[test]
    fn what_is_mounted_over_is_not_found() {
        let below = "27 1 254:0 / / rw - ext4 /dev/vda rw\n\
            30 27 0:22 / /sys rw - sysfs sysfs rw\n\
            40 30 0:30 / /sys/fs/bpf rw - bpf bpf rw\n";
        assert_eq!(bpffs(below), ["/sys/fs/bpf"]);
        for over in [
            // On it, around it, and on what is around it.
            "50 40 0:40 / /sys/fs/bpf rw - tmpfs tmpfs rw\n",
            "50 30 0:40 / /sys/fs rw - tmpfs tmpfs rw\n",
            "50 30 0:40 / /sys rw - sysfs sysfs rw\n",
        ] {
            assert!(bpffs(&format!("{below}{over}")).is_empty(), "{over}");
        }
        // Beside it, and within it.
        for other in [
            "50 30 0:40 / /sys/fs/bpf2 rw - tmpfs tmpfs rw\n",
            "50 40 0:40 / /sys/fs/bpf/x rw - tmpfs tmpfs rw\n",
        ] {
            assert_eq!(bpffs(&format!("{below}{other}")), ["/sys/fs/bpf"], "{other}");
        }
    }

    #[test]
    fn circles_end() {
        assert!(bpffs("1 2 0:1 / / rw - bpf bpf rw\n2 1 0:1 / /a rw - bpf bpf rw\n").len() <= 2);
    }
}
