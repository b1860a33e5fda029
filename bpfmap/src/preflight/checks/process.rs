//! What this process may do.

use std::collections::HashSet;

use super::id;
use crate::preflight::machine::{Machine, UserNamespace};
use crate::preflight::report::{Check, Fix, Verdict};
use crate::preflight::status::Capability;

pub(super) fn user_namespace(machine: &Machine) -> Check {
    let needed = "the initial user namespace: bpf(2) counts only capabilities in that one";
    let check = |verdict, found| Check::new(id::NAMESPACE, needed, verdict, found);
    match machine.user_namespace {
        UserNamespace::Initial => check(Verdict::Pass, "the initial one"),
        UserNamespace::Other => check(
            Verdict::Fail,
            "another than the initial one: to bpf(2) this process has no capability, whatever its sets say",
        )
        .fixes(leave_namespace()),
        UserNamespace::Unknown => check(
            Verdict::Unknown,
            "neither /proc/self/ns/user nor /proc/self/uid_map can be read",
        )
        .fixes(machine.mount_proc()),
    }
}

pub(super) fn leave_namespace() -> Vec<Fix> {
    vec![Fix::step(
        "run it outside of the user namespace: with Docker `--userns=host`, with Podman as root, in a \
         systemd unit `PrivateUsers=no`",
    )]
}

/// A capability, and the jobs that need it.
struct Needed {
    id: &'static str,
    capability: Capability,
    why: &'static str,
    without: Verdict,
}

const CAPABILITIES: [Needed; 4] = [
    Needed {
        id: id::BPF,
        capability: Capability::Bpf,
        why: "CAP_BPF (CAP_SYS_ADMIN before Linux 5.8), to make maps and load programs; who opens pinned \
              maps only does without since 5.19",
        without: Verdict::Fail,
    },
    Needed {
        id: id::PERFMON,
        capability: Capability::Perfmon,
        why: "CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8), to load programs that trace, or read the \
              kernel's memory",
        without: Verdict::Warn,
    },
    Needed {
        id: id::NET_ADMIN,
        capability: Capability::NetAdmin,
        why: "CAP_NET_ADMIN, to load and attach programs that handle packets, and to make devmap, cpumap, \
              xskmap and sockmap maps",
        without: Verdict::Warn,
    },
    Needed {
        id: id::SYS_ADMIN,
        capability: Capability::SysAdmin,
        why: "CAP_SYS_ADMIN, to open maps by id and to compare with the BTF that the kernel keeps for a \
              map; without it OpenOptions::object does that, and least privilege is to do without",
        without: Verdict::Warn,
    },
];

pub(super) fn capabilities(machine: &Machine) -> impl Iterator<Item = Check> {
    CAPABILITIES.iter().map(|needed| check(machine, needed))
}

fn check(machine: &Machine, needed: &Needed) -> Check {
    let name = needed.capability.name();
    let check = |verdict, found: String| Check::new(needed.id, needed.why, verdict, found);
    let status = match &machine.status {
        Ok(status) => status,
        Err(unread) => {
            let check = check(Verdict::Unknown, format!("{name}: {unread}"));
            return match needed.id {
                id::BPF => check.fixes(machine.mount_proc()),
                _ => check.waits_for(Some(id::BPF)),
            };
        }
    };
    let has = status.effective.has(needed.capability);
    match machine.counts(needed.capability) {
        Some(true) if has => check(Verdict::Pass, format!("{name} is effective")),
        Some(true) => check(Verdict::Pass, format!("CAP_SYS_ADMIN stands in for {name}")),
        None => check(
            Verdict::Unknown,
            format!("{name} is effective in a user namespace that is not known"),
        )
        .waits_for(Some(id::NAMESPACE)),
        Some(false) if machine.user_namespace == UserNamespace::Other => {
            let verb = if has { "is effective" } else { "is not effective" };
            let found = format!("{name} {verb}, and would not count in this user namespace");
            check(needed.without, found).fixes(leave_namespace()).waits_for(Some(id::NAMESPACE))
        }
        Some(false) => {
            let instead = match needed.capability {
                capability if machine.known(capability) != capability => {
                    "; this kernel does not know it, and has CAP_SYS_ADMIN for it"
                }
                Capability::NetAdmin if status.effective.has(Capability::SysAdmin) => {
                    "; CAP_SYS_ADMIN stands in for it to load programs, and not to attach them"
                }
                _ => "",
            };
            check(needed.without, format!("{name} is not effective{instead}"))
                .fixes(give(machine, needed.capability))
        }
    }
}

/// What gives a process a capability that it has not.
pub(super) fn give(machine: &Machine, capability: Capability) -> Vec<Fix> {
    let capability = machine.known(capability);
    let name = capability.name();
    let Ok(status) = &machine.status else { return Vec::new() };
    let unit = format!("in a systemd unit `AmbientCapabilities={name}`");
    if status.permitted.has(capability) {
        return vec![Fix::step(format!(
            "{name} is permitted: make it effective in the program, before its first call (the crate \
             `caps` does)"
        ))];
    }
    if !status.bounding.has(capability) {
        let short = name.trim_start_matches("CAP_");
        return vec![Fix::step(format!(
            "the bounding set leaves {name} out, so whoever starts the process must leave it in: with \
             Docker `--cap-add={short}`, {unit} and, if there is one, in its `CapabilityBoundingSet=`"
        ))];
    }
    if status.no_new_privs {
        return vec![Fix::step(format!(
            "no_new_privs is set, so a file gives no capability: whoever starts the process must, {unit}"
        ))];
    }
    // `setcap` replaces what a file had, so there is one list for all that is missing.
    let mut list = COMMON.map(|capability| machine.known(capability)).to_vec();
    // With one that is out of bounds the kernel does not run the program.
    list.retain(|capability| status.bounding.has(*capability));
    let others_are_there = list
        .iter()
        .all(|capability| status.effective.has(*capability) || status.permitted.has(*capability));
    let lower = |capability: Capability| capability.name().to_lowercase();
    if capability == Capability::SysAdmin && !list.contains(&capability) && !others_are_there {
        // Who follows the other line, and does without it, is better off.
        let step = format!(
            "add {} to the list in the `setcap` line, which replaces what the file had",
            lower(capability)
        );
        return vec![Fix::step(step), Fix::step(unit)];
    }
    if capability == Capability::SysAdmin || status.effective.has(Capability::SysAdmin) {
        list.push(Capability::SysAdmin);
    }
    let mut names: Vec<_> = list.into_iter().map(lower).collect();
    let mut known = HashSet::new();
    names.retain(|name| known.insert(name.clone()));
    vec![Fix::command(format!("setcap {}+ep ./program", names.join(","))), Fix::step(unit)]
}

/// What the jobs take that least privilege leaves.
const COMMON: [Capability; 3] = [Capability::Bpf, Capability::Perfmon, Capability::NetAdmin];
