//! `bpf(2)`, and what stands between it and this process.

use super::id;
use crate::preflight::answers::Answers;
use crate::preflight::machine::{Machine, UserNamespace};
use crate::preflight::report::{Check, Fix, Verdict};
use crate::preflight::status::Capability;
use crate::probe::{Feature, Inconclusive, Support};

const NEEDED: &str = "bpf(2), in a kernel that has it (CONFIG_BPF_SYSCALL, since Linux 3.18) and that lets \
                      this process call it: every operation on a map is one";

pub(super) fn check(machine: &Machine, answers: &Answers) -> Check {
    let check = |verdict, found: &str| Check::new(id::SYSCALL, NEEDED, verdict, found);
    match answers.of(Feature::Syscall) {
        Some(Support::Yes) => check(Verdict::Pass, "the kernel answers to it"),
        Some(Support::No) => {
            let (found, fixes) = absent(machine);
            check(Verdict::Fail, found).fixes(fixes)
        }
        // What else could be wrong with it is no refusal.
        Some(Support::Unknown(Inconclusive { errno: libc::EPERM, .. })) => {
            let (found, fixes) = refused(machine);
            check(Verdict::Fail, &found).fixes(fixes)
        }
        Some(Support::Unknown(inconclusive)) => {
            check(Verdict::Unknown, &format!("it could not be told: {inconclusive}"))
        }
        None => check(Verdict::Unknown, "not probed, as the files are of another machine")
            .fixes([Fix::step("run the preflight on the machine itself")]),
    }
}

fn filter() -> Fix {
    Fix::step(
        "let the filter pass bpf(2): in a systemd unit `SystemCallFilter=bpf`; with Docker \
         `--cap-add=BPF`, which its own profile goes by, or `--security-opt seccomp=PROFILE.json`",
    )
}

/// Whether a filter looks at the calls of this process.
fn is_filtered(machine: &Machine) -> Option<bool> {
    machine.status.as_ref().ok().map(|status| status.filtered)
}

/// ENOSYS.
fn absent(machine: &Machine) -> (&'static str, Vec<Fix>) {
    match (is_filtered(machine), machine.config.is_set("BPF_SYSCALL")) {
        (_, Some(false)) => (
            "ENOSYS: the kernel was built without CONFIG_BPF_SYSCALL",
            vec![super::options::build("BPF_SYSCALL")],
        ),
        (Some(true), Some(true)) => (
            "ENOSYS although CONFIG_BPF_SYSCALL is set: the seccomp filter of this process answers it",
            vec![filter()],
        ),
        (Some(false), _) => (
            "ENOSYS, and no seccomp filter: the kernel has none",
            vec![super::options::build("BPF_SYSCALL")],
        ),
        (Some(true) | None, _) => (
            "ENOSYS: the kernel has none, or a seccomp filter of this process answers it",
            vec![filter(), super::options::build("BPF_SYSCALL")],
        ),
    }
}

/// EPERM.
fn refused(machine: &Machine) -> (String, Vec<Fix>) {
    let name = machine.known(Capability::Bpf).name();
    let (found, fixes) = match (machine.counts(Capability::Bpf), is_filtered(machine)) {
        (Some(true), Some(true)) => {
            (format!("although this process has {name}: its seccomp filter answers it"), vec![filter()])
        }
        (Some(true), _) => (
            format!(
                "although this process has {name}, and no seccomp filter: another security module, such \
                 as SELinux, refuses it"
            ),
            vec![
                Fix::command("ausearch -m avc,user_avc -ts recent"),
                Fix::step("see what the module's log says (`dmesg`), and allow this process bpf(2)"),
            ],
        ),
        (Some(false), _) if machine.user_namespace == UserNamespace::Other => (
            "as this process is in a user namespace of its own, whose capabilities do not count"
                .to_owned(),
            super::process::leave_namespace(),
        ),
        (Some(false), Some(true)) => (
            format!("as this process lacks {name}, or by its seccomp filter; either may be the reason"),
            super::process::give(machine, Capability::Bpf).into_iter().chain([filter()]).collect(),
        ),
        (Some(false), _) => (
            format!(
                "and no seccomp filter: the kernel has it, and refuses it to a process without {name} \
                 (kernel.unprivileged_bpf_disabled)"
            ),
            super::process::give(machine, Capability::Bpf),
        ),
        (None, _) => (
            "as a capability is missing, or by a seccomp filter; which of the two is unknown, as this \
             process cannot read its own status"
                .to_owned(),
            machine.mount_proc().into_iter().collect(),
        ),
    };
    (format!("EPERM, {found}"), fixes)
}
