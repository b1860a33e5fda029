//! What is pinned, in every bpffs that is mounted anywhere.

use std::collections::HashSet;
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

/// How deep directories of a bpffs are followed.
const MAX_DEPTH: usize = 64;

/// A walk over the mounts of one mount namespace after the other.
pub(super) struct Pins<'a> {
    pub(super) pins: Vec<Pin>,
    kernel: &'a mut Kernel,
    incomplete: &'a mut Vec<Incomplete>,
    /// The bpffs that were walked as a whole.
    whole: HashSet<String>,
    /// By device and inode: a part of a bpffs may be mounted many times.
    files: HashSet<(u64, u64)>,
}

impl<'a> Pins<'a> {
    pub(super) fn new(kernel: &'a mut Kernel, incomplete: &'a mut Vec<Incomplete>) -> Self {
        let (whole, files) = (HashSet::new(), HashSet::new());
        Self { pins: Vec::new(), kernel, incomplete, whole, files }
    }

    /// Those that this process sees, and those that the other processes see that
    /// have mounts of their own, as in containers.
    pub(super) fn read(&mut self, proc: &Path, pids: &[u32]) {
        let namespace = |process: &Path| fs::read_link(process.join("ns/mnt")).ok();
        let own = proc.join("self");
        let mut seen: HashSet<PathBuf> = namespace(&own).into_iter().collect();
        let mountinfo = own.join("mountinfo");
        match fs::read(&mountinfo) {
            Ok(text) => self.mounts(&text, Path::new("/")),
            Err(error) => self.incomplete.push(unreadable(&mountinfo, &error)),
        }
        for pid in pids {
            let process = proc.join(pid.to_string());
            // What may not be asked is counted where its descriptors are read.
            if namespace(&process).is_some_and(|namespace| seen.insert(namespace))
                && let Ok(text) = fs::read(process.join("mountinfo"))
            {
                self.mounts(&text, &process.join("root"));
            }
        }
        self.pins.sort_by(|one, other| one.path.cmp(&other.path));
    }

    fn mounts(&mut self, mountinfo: &[u8], root: &Path) {
        for mount in mounts::parse(mountinfo) {
            if self.whole.contains(&mount.device) {
                continue;
            }
            if mount.root == Path::new("/") {
                self.whole.insert(mount.device);
            }
            let below = mount.point.strip_prefix("/").unwrap_or(&mount.point);
            self.directory(&root.join(below), MAX_DEPTH);
        }
    }

    fn directory(&mut self, path: &Path, depth: usize) {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if is_gone(&error) => return,
            Err(error) => return self.incomplete.push(unreadable(path, &error)),
        };
        for entry in entries.flatten() {
            let path = entry.path();
            // Links are not followed: what they lead to is found where it is.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_dir() && depth > 0 {
                self.directory(&path, depth - 1);
            } else if metadata.is_file() && self.files.insert((metadata.dev(), metadata.ino())) {
                self.file(path);
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
