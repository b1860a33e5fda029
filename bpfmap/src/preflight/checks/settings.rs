//! What the administrator has set.

use super::id;
use crate::preflight::answers::Answers;
use crate::preflight::machine::{Machine, Reason};
use crate::preflight::report::{Check, Fix, Verdict};
use crate::preflight::status::Capability;
use crate::probe::{Feature, Support};

pub(super) fn unprivileged(machine: &Machine) -> Check {
    let needed = "1 or 2 (the default with CONFIG_BPF_UNPRIV_DEFAULT_OFF): only who has CAP_BPF gives programs \
                  to the kernel, as side channels let others read its memory; at 1 nobody can change it \
                  before the next boot, 2 is there since Linux 5.13";
    let check = |verdict, found| Check::new("unprivileged-bpf", needed, verdict, found);
    let default = match machine.config.is_set("BPF_UNPRIV_DEFAULT_OFF") {
        Some(true) => "; CONFIG_BPF_UNPRIV_DEFAULT_OFF is set, so that somebody has changed it",
        _ => "",
    };
    let capability = match machine.counts(Capability::Bpf) {
        Some(true) => ", which this process has",
        Some(false) => ", which this process lacks",
        None => "",
    };
    match &machine.unprivileged_disabled {
        Ok(0) => check(
            Verdict::Warn,
            format!(
                "kernel.unprivileged_bpf_disabled is 0: anybody may load some programs{default}"
            ),
        )
        .fixes([
            Fix::command("sysctl kernel.unprivileged_bpf_disabled=2"),
            Fix::step(
                "before Linux 5.13, which has no 2: `sysctl kernel.unprivileged_bpf_disabled=1`",
            ),
        ]),
        Ok(value @ 1..=2) => check(
            Verdict::Pass,
            format!(
                "kernel.unprivileged_bpf_disabled is {value}: BPF is for those who have {}{capability}{}",
                machine.known(Capability::Bpf).name(),
                if *value == 1 { ", until the next boot" } else { "" }
            ),
        ),
        Ok(value) => check(
            Verdict::Unknown,
            format!(
                "kernel.unprivileged_bpf_disabled is {value}, which this version does not know"
            ),
        ),
        Err(unread) => check(Verdict::Unknown, unread.to_string()).fixes(machine.mount_proc()),
    }
}

pub(super) fn memlock(machine: &Machine, answers: &Answers) -> Check {
    let needed = "no limit where the kernel counts maps against RLIMIT_MEMLOCK (before Linux 5.11; since then \
                  cgroups count them): a map that exceeds it is refused with EPERM";
    let check = |verdict, found| Check::new("memlock", needed, verdict, found);
    let limit = match &machine.memlock {
        Ok(None) => return check(Verdict::Pass, "RLIMIT_MEMLOCK is unlimited".to_owned()),
        Ok(Some(limit)) => format!("RLIMIT_MEMLOCK is {} KiB", limit / 1024),
        Err(unread) => unread.to_string(),
    };
    let fixes = [
        Fix::command("ulimit -l unlimited"),
        Fix::step("in a systemd unit `LimitMEMLOCK=infinity`; with Docker `--ulimit memlock=-1`"),
    ];
    match (super::maps::answer(answers, Feature::CgroupAccounting), &machine.memlock) {
        (Some(Support::Yes), _) => check(
            Verdict::Pass,
            "maps do not count against RLIMIT_MEMLOCK on this kernel".to_owned(),
        ),
        (Some(Support::No), Ok(_)) => check(
            Verdict::Warn,
            format!("{limit}, and this kernel counts all maps of the user against it"),
        )
        .fixes(fixes),
        (Some(Support::No), Err(_)) => check(
            Verdict::Unknown,
            format!("{limit}, and this kernel counts all maps of the user against RLIMIT_MEMLOCK"),
        )
        .fixes(fixes),
        (Some(Support::Unknown(inconclusive)), _) => check(
            Verdict::Unknown,
            format!("{limit}; whether maps count against it could not be told: {inconclusive}"),
        )
        .waits_for(super::maps::refusal(machine, answers, &inconclusive)),
        (None, _) => {
            super::maps::not_asked(check(Verdict::Unknown, String::new()), machine, answers)
        }
    }
}

pub(super) fn lockdown(machine: &Machine) -> Check {
    let needed = "lockdown no stricter than `integrity`: that one forbids programs to write to user memory \
                  (bpf_probe_write_user), `confidentiality` also to read the kernel's (bpf_probe_read_kernel), \
                  with which most tracing programs do not load; maps are free of it";
    let check = |verdict, found| Check::new(id::LOCKDOWN, needed, verdict, found);
    let unread = match &machine.lockdown {
        Ok(levels) => {
            let active = levels.split_whitespace().find_map(|level| {
                level.strip_prefix('[').and_then(|level| level.strip_suffix(']'))
            });
            return match active {
                Some(level @ ("none" | "integrity")) => check(Verdict::Pass, level.to_owned()),
                Some("confidentiality") => check(
                    Verdict::Warn,
                    "confidentiality: programs may not read the kernel's memory".to_owned(),
                )
                .fixes([Fix::step(
                    "boot with `lockdown=integrity` on the kernel's command line instead of \
                     `lockdown=confidentiality`; a running kernel does not go back",
                )]),
                _ => check(
                    Verdict::Unknown,
                    format!("/sys/kernel/security/lockdown reads `{}`", levels.escape_debug()),
                ),
            };
        }
        Err(unread) => unread,
    };
    let securityfs = machine.has_mounted("securityfs", "/sys/kernel/security");
    let is_built = machine.config.is_set("SECURITY_LOCKDOWN_LSM");
    match (&unread.reason, is_built, securityfs) {
        // It is no security module there.
        (Reason::Missing, ..) if machine.config.is_set("LOCK_DOWN_KERNEL") == Some(true) => check(
            Verdict::Unknown,
            format!(
                "{unread}, and this kernel has the lockdown that distributions had before Linux 5.4 \
                 (CONFIG_LOCK_DOWN_KERNEL): Secure Boot may switch it on"
            ),
        )
        .fixes([Fix::command("dmesg | grep -i lockdown")]),
        (Reason::Missing, Some(false), _) => {
            check(Verdict::Pass, "none: the kernel was built without it".to_owned())
        }
        (Reason::Missing, _, Some(true)) => {
            check(Verdict::Pass, "none: it is not among the kernel's security modules".to_owned())
        }
        (Reason::Missing, ..) => {
            let why = if securityfs.is_some() { ": no securityfs is mounted there" } else { "" };
            check(Verdict::Unknown, format!("{unread}{why}"))
                .fixes([Fix::command("mount -t securityfs securityfs /sys/kernel/security")])
        }
        _ => check(Verdict::Unknown, unread.to_string()),
    }
}

pub(super) fn jit(machine: &Machine) -> Check {
    let needed = "net.core.bpf_jit_enable=1: programs are interpreted without it, several times slower, and \
                  some do not load; 2 writes each program to the kernel's log";
    let check = |verdict, found| Check::new("jit", needed, verdict, found);
    let enable = Fix::command("sysctl net.core.bpf_jit_enable=1");
    let always = match machine.config.is_set("BPF_JIT_ALWAYS_ON") {
        Some(true) => ", always (CONFIG_BPF_JIT_ALWAYS_ON)",
        _ => "",
    };
    let harden = match machine.jit_harden {
        Ok(0) => "",
        Ok(1) => ", hardened for programs of unprivileged users (net.core.bpf_jit_harden=1)",
        Ok(_) => {
            ", hardened for all programs, which costs them some speed (net.core.bpf_jit_harden=2)"
        }
        // It is hidden from who is not privileged, and changes no verdict.
        Err(_) => "",
    };
    match &machine.jit_enable {
        Ok(1) => check(Verdict::Pass, format!("on{always}{harden}")),
        Ok(0) => check(Verdict::Warn, "off (net.core.bpf_jit_enable is 0)".to_owned()).fixes([enable]),
        Ok(2) => check(
            Verdict::Warn,
            format!("on, and writes each program to the kernel's log (net.core.bpf_jit_enable is 2){harden}"),
        )
        .fixes([enable]),
        Ok(value) => check(Verdict::Unknown, format!("net.core.bpf_jit_enable is {value}")),
        Err(unread) => match (machine.config.is_set("BPF_JIT"), &unread.reason) {
            (Some(false), _) => {
                check(Verdict::Warn, "none: the kernel was built without CONFIG_BPF_JIT".to_owned())
                    .fixes([super::options::build("BPF_JIT")])
                    .waits_for(Some(id::CONFIG_JIT))
            }
            _ if !always.is_empty() => check(Verdict::Pass, format!("on{always}")),
            (_, Reason::Missing) if machine.mounts.is_ok() => check(
                Verdict::Unknown,
                format!("{unread}, as in a network namespace other than the initial one"),
            )
            .fixes([Fix::step(
                "look in that one, on the host: `sysctl net.core.bpf_jit_enable`, which is to be 1",
            )]),
            _ => check(Verdict::Unknown, unread.to_string()).fixes(machine.mount_proc()),
        },
    }
}
