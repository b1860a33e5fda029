//! File systems that BPF needs.

use std::path::Path;

use super::id;
use crate::preflight::answers::Answers;
use crate::preflight::machine::Machine;
use crate::preflight::report::{Check, Fix, Verdict};

/// Where loaders look for it.
const BPFFS: &str = "/sys/fs/bpf";

pub(super) fn bpffs(machine: &Machine, answers: &Answers) -> Check {
    let needed = "a bpffs (since Linux 4.4), at /sys/fs/bpf as loaders take it to be: pins, by which maps \
                  outlive their loader and others open them, are in one";
    let check = |verdict, found| Check::new(id::BPFFS, needed, verdict, found);
    let mounts = match &machine.mounts {
        Ok(mounts) => mounts,
        Err(unread) => {
            return check(Verdict::Unknown, unread.to_string()).fixes(machine.mount_proc());
        }
    };
    let mut places: Vec<_> = mounts.of("bpf").collect();
    places.sort_by_key(|place| *place != Path::new(BPFFS));
    let listed: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
    let listed = listed.join(", ");
    let mount = Fix::command(format!("mount -t bpf bpf {BPFFS}"));
    match places.first() {
        None => check(Verdict::Fail, "no bpffs is mounted".to_owned()).fixes([mount]),
        Some(place) if answers.is_here() && !can_enter(place) => {
            let place = place.display();
            check(Verdict::Fail, format!("mounted at {place}, which this process may not enter"))
                .fixes([Fix::command(format!("chmod o+x {place}"))])
        }
        Some(place) if *place == Path::new(BPFFS) => {
            check(Verdict::Pass, format!("mounted at {listed}"))
        }
        Some(_) => {
            check(Verdict::Warn, format!("mounted at {listed}, and not at {BPFFS}")).fixes([mount])
        }
    }
}

/// Whether this process can reach what is in a directory.
fn can_enter(directory: &Path) -> bool {
    let entered = std::fs::metadata(directory.join("."));
    !entered.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

pub(super) fn cgroup2(machine: &Machine) -> Check {
    let needed = "cgroup v2 (since Linux 4.5): programs are attached to its cgroups, and cgrp_storage maps \
                  are of them";
    let check = |verdict, found| Check::new("cgroup2", needed, verdict, found);
    let mounts = match &machine.mounts {
        Ok(mounts) => mounts,
        Err(unread) => {
            return check(Verdict::Unknown, unread.to_string()).waits_for(Some(id::BPFFS));
        }
    };
    match mounts.of("cgroup2").next() {
        Some(place) => check(Verdict::Pass, format!("mounted at {}", place.display())),
        None => check(Verdict::Warn, "no cgroup2 is mounted".to_owned()).fixes([Fix::command(
            "mkdir -p /run/cgroup2 && mount -t cgroup2 cgroup2 /run/cgroup2",
        )]),
    }
}
