//! The checks: what was read and answered in, verdicts out. No I/O but the probes.

mod kernel;
mod maps;
mod mounts;
mod options;
mod process;
mod settings;
mod syscall;

use std::path::Path;

use super::answers::Answers;
use super::machine::{Machine, Reason, UserNamespace};
use super::report::{Fix, Report};
use super::status::Capability;

/// The ids that others refer to.
pub(super) mod id {
    pub(in super::super) const SYSCALL: &str = "bpf-syscall";
    pub(in super::super) const NAMESPACE: &str = "user-namespace";
    pub(in super::super) const CONFIG: &str = "kernel-config";
    pub(in super::super) const CONFIG_BTF: &str = "config-debug-info-btf";
    pub(in super::super) const CONFIG_JIT: &str = "config-bpf-jit";
    pub(in super::super) const EVENTS: &str = "config-bpf-events";
    pub(in super::super) const BPF: &str = "cap-bpf";
    pub(in super::super) const PERFMON: &str = "cap-perfmon";
    pub(in super::super) const NET_ADMIN: &str = "cap-net-admin";
    pub(in super::super) const SYS_ADMIN: &str = "cap-sys-admin";
    pub(in super::super) const LOCKDOWN: &str = "lockdown";
    pub(in super::super) const BPFFS: &str = "bpffs";
    pub(in super::super) const MAP_BTF: &str = "map-btf";
}

/// Runs all of them.
pub(super) fn all(machine: &Machine, answers: &Answers) -> Report {
    let mut checks =
        vec![kernel::version(machine), syscall::check(machine, answers), kernel::config(machine)];
    checks.extend(options::all(machine));
    checks.extend([kernel::btf(machine), process::user_namespace(machine)]);
    checks.extend(process::capabilities(machine));
    checks.extend([
        settings::unprivileged(machine),
        settings::memlock(machine, answers),
        settings::lockdown(machine),
        settings::jit(machine),
        mounts::bpffs(machine, answers),
        mounts::cgroup2(machine),
    ]);
    checks.extend(maps::all(machine, answers));
    Report { checks }
}

impl Machine {
    /// Whether the kernel knows `CAP_BPF` and `CAP_PERFMON`, which do for BPF what
    /// `CAP_SYS_ADMIN` did before them. `None` when it does not tell.
    fn has_cap_bpf(&self) -> Option<bool> {
        let last = self.last_capability.as_ref().ok()?;
        Some(*last >= Capability::Bpf as u32)
    }

    /// The capability that the kernel asks for, where newer ones ask for `CAP_BPF` or
    /// `CAP_PERFMON`.
    fn known(&self, capability: Capability) -> Capability {
        match capability {
            Capability::Bpf | Capability::Perfmon if self.has_cap_bpf() == Some(false) => {
                Capability::SysAdmin
            }
            capability => capability,
        }
    }

    /// What makes files of `/proc` readable, when there are none at all.
    fn mount_proc(&self) -> Option<Fix> {
        let missing = self.mounts.as_ref().is_err_and(|unread| unread.reason == Reason::Missing);
        missing.then(|| Fix::command("mount -t proc proc /proc"))
    }

    /// Whether a file system of that type is mounted there, where its files are looked
    /// for; `None` when that is not known.
    fn has_mounted(&self, filesystem: &str, at: &str) -> Option<bool> {
        Some(self.mounts.as_ref().ok()?.of(filesystem).any(|place| place == Path::new(at)))
    }

    /// Whether the kernel takes this process for one that has the capability when
    /// it decides on BPF: with one that stands in for it, too.
    fn counts(&self, capability: Capability) -> Option<bool> {
        let status = self.status.as_ref().ok()?;
        let stands_in =
            capability != Capability::NetAdmin && status.effective.has(Capability::SysAdmin);
        match (status.effective.has(capability) || stands_in, &self.user_namespace) {
            (false, _) => Some(false),
            (true, UserNamespace::Initial) => Some(true),
            (true, UserNamespace::Other) => Some(false),
            (true, UserNamespace::Unknown) => None,
        }
    }
}
