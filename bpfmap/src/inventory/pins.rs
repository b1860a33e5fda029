//! What is pinned, in every bpffs that is mounted anywhere.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::fdinfo::{self, Descriptor};
use super::incomplete::Incomplete;
use super::kernel::Kernel;
use super::mounts;
use super::processes::{is_gone, unreadable};
use super::records::Pin;
use crate::sys::{self, Errno};

/// A walk over the mounts of one mount namespace after the other.
pub(super) struct Pins<'a> {
    pub(super) pins: Vec<Pin>,
    kernel: &'a mut Kernel,
    incomplete: &'a mut Vec<Incomplete>,
    /// The bpffs that were walked as a whole.
    whole: HashSet<String>,
    /// By device and inode: a part of a bpffs may be mounted many times.
    files: HashSet<(u64, u64)>,
    /// Those that something else is mounted over, and where.
    covered: BTreeMap<String, PathBuf>,
}

/// What a process sees: its mount namespace, and the root directory of it that it
/// has, by device and inode.
type View = (PathBuf, (u64, u64));

fn view(process: &Path) -> Option<View> {
    let namespace = fs::read_link(process.join("ns/mnt")).ok()?;
    let root = fs::metadata(process.join("root")).ok()?;
    Some((namespace, (root.dev(), root.ino())))
}

impl<'a> Pins<'a> {
    pub(super) fn new(kernel: &'a mut Kernel, incomplete: &'a mut Vec<Incomplete>) -> Self {
        let (whole, files, covered) = (HashSet::new(), HashSet::new(), BTreeMap::new());
        Self { pins: Vec::new(), kernel, incomplete, whole, files, covered }
    }

    /// Those that this process sees, and those that the other processes see that
    /// have mounts of their own, as in containers.
    pub(super) fn read(&mut self, proc: &Path, pids: &[u32]) {
        let own = proc.join("self");
        let mut seen: HashSet<View> = view(&own).into_iter().collect();
        let mountinfo = own.join("mountinfo");
        match fs::read(&mountinfo) {
            Ok(text) => {
                self.mounts(&text, Path::new("/"));
            }
            Err(error) => self.incomplete.push(unreadable(&mountinfo, &error)),
        }
        for pid in pids {
            let process = proc.join(pid.to_string());
            // What may not be asked is counted where its descriptors are read.
            let Some(view) = view(&process).filter(|view| !seen.contains(view)) else { continue };
            // One that has ended says nothing of the others that see the same.
            let Ok(text) = fs::read(process.join("mountinfo")) else { continue };
            if self.mounts(&text, &process.join("root")) {
                seen.insert(view);
            }
        }
        let covered = std::mem::take(&mut self.covered);
        for (device, path) in covered {
            if !self.whole.contains(&device) {
                self.incomplete.push(Incomplete::Covered { path });
            }
        }
        self.pins.sort_by(|one, other| one.path.cmp(&other.path));
    }

    /// `false` when the process whose root directory it is has ended meanwhile.
    fn mounts(&mut self, mountinfo: &[u8], root: &Path) -> bool {
        for mount in mounts::parse(mountinfo) {
            if self.whole.contains(&mount.device) {
                continue;
            }
            let below = mount.point.strip_prefix("/").unwrap_or(&mount.point);
            let point = root.join(below);
            let device = match fs::metadata(&point) {
                Ok(metadata) => Some(metadata.dev()),
                Err(error) if is_gone(&error) && fs::metadata(root).is_err() => return false,
                Err(error) if is_gone(&error) => None,
                Err(error) => {
                    self.incomplete.push(unreadable(&point, &error));
                    continue;
                }
            };
            // Another file system may be mounted over it.
            let Some(device) = device.filter(|device| mounts::number(*device) == mount.device)
            else {
                self.covered.entry(mount.device).or_insert(point);
                continue;
            };
            if mount.root == Path::new("/") {
                self.whole.insert(mount.device);
            }
            self.directory(point, device);
        }
        true
    }

    /// Walks a directory and those below it, as far as they are of the same bpffs:
    /// another one that is mounted there is a mount of its own.
    fn directory(&mut self, path: PathBuf, device: u64) {
        let mut directories = vec![path];
        while let Some(path) = directories.pop() {
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(error) if is_gone(&error) => continue,
                Err(error) => {
                    self.incomplete.push(unreadable(&path, &error));
                    continue;
                }
            };
            for entry in entries.flatten() {
                let path = entry.path();
                // Links are not followed: what they lead to is found where it is.
                let metadata = match fs::symlink_metadata(&path) {
                    Ok(metadata) if metadata.dev() == device => metadata,
                    Ok(_) => continue,
                    Err(error) if is_gone(&error) => continue,
                    // A directory that may be listed, and no more.
                    Err(error) => {
                        self.incomplete.push(unreadable(&path, &error));
                        continue;
                    }
                };
                if metadata.is_dir() {
                    directories.push(path);
                } else if metadata.is_file() && self.files.insert((metadata.dev(), metadata.ino()))
                {
                    self.file(path);
                }
            }
        }
    }

    fn file(&mut self, path: PathBuf) {
        let (fd, descriptor) = match open(&path) {
            Ok(opened) => opened,
            Err(Errno(libc::ENOENT)) => return,
            Err(Errno(errno)) => return self.incomplete.push(Incomplete::Path { path, errno }),
        };
        self.kernel.add(&descriptor, Some(fd.as_fd()));
        self.pins.push(Pin { path, object: descriptor.object() });
    }
}

/// Opens what is pinned there, and says what it is.
pub(super) fn open(path: &Path) -> Result<(OwnedFd, Descriptor), Errno> {
    let fd = match sys::open_pin(path, true) {
        // Links open only for writing too.
        Err(Errno(libc::EINVAL)) => sys::open_pin(path, false)?,
        answer => answer?,
    };
    let fdinfo = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd()));
    let fdinfo = fdinfo.map_err(|error| Errno(error.raw_os_error().unwrap_or(libc::EIO)))?;
    let descriptor = fdinfo::parse(&fdinfo).ok_or(Errno(libc::EIO))?;
    Ok((fd, descriptor))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Two processes of one mount namespace, of which one has another root directory
    /// and so sees a mount that the first does not. There is no bpffs in a recorded
    /// `/proc`, so what is seen is that something else is there.
    #[test]
    fn who_has_another_root_sees_other_mounts() -> std::io::Result<()> {
        let proc = tempfile::tempdir()?;
        for (process, mountinfo) in
            [("self", ""), ("40", ""), ("41", "41 28 0:0 / /maps rw - bpf bpf rw\n")]
        {
            let process = proc.path().join(process);
            fs::create_dir_all(process.join("ns"))?;
            symlink("mnt:[1]", process.join("ns/mnt"))?;
            fs::write(process.join("mountinfo"), mountinfo)?;
        }
        let all = proc.path().join("all");
        let jail = all.join("jail");
        fs::create_dir_all(jail.join("maps"))?;
        for (process, root) in [("self", &all), ("40", &all), ("41", &jail)] {
            symlink(root, proc.path().join(process).join("root"))?;
        }
        let (mut kernel, mut incomplete) = (Kernel::default(), Vec::new());
        let mut pins = Pins::new(&mut kernel, &mut incomplete);
        pins.read(proc.path(), &[40, 41]);
        assert_eq!(pins.pins, []);
        let path = proc.path().join("41/root/maps");
        let said = format!(
            "what is pinned in the bpffs at {} is out of sight, as something else is mounted over it",
            path.display()
        );
        assert_eq!(incomplete, [Incomplete::Covered { path }]);
        assert_eq!(incomplete[0].to_string(), said);
        Ok(())
    }
}
