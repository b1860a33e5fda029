//! The kernel itself, and how it was built.

use super::id;
use crate::preflight::machine::{Machine, Reason};
use crate::preflight::report::{Check, Fix, Verdict};

/// The version only explains: distributions carry features to older kernels.
pub(super) fn version(machine: &Machine) -> Check {
    const NEEDED: &str = "CAP_BPF, which Linux has since 5.8: before it, whoever makes maps or loads \
                          programs must have CAP_SYS_ADMIN, that is, nearly everything";
    let release = match &machine.release {
        Ok(release) => format!("Linux {release}"),
        Err(unread) => format!("Linux of an unknown release ({unread})"),
    };
    let check =
        |verdict, what: &str| Check::new("kernel", NEEDED, verdict, format!("{release}, {what}"));
    match (machine.has_cap_bpf(), &machine.last_capability) {
        (Some(true), _) => check(Verdict::Pass, "which has CAP_BPF"),
        (Some(false), _) => check(Verdict::Warn, "which has no CAP_BPF")
            .fixes([Fix::step("boot Linux 5.8 or newer, or run what uses BPF with CAP_SYS_ADMIN")]),
        (None, Err(unread)) => check(
            Verdict::Unknown,
            &format!("and whether it has CAP_BPF is unknown too ({unread})"),
        )
        .fixes(machine.mount_proc()),
        (None, Ok(_)) => check(Verdict::Unknown, "and whether it has CAP_BPF is unknown"),
    }
}

pub(super) fn config(machine: &Machine) -> Check {
    let config = &machine.config;
    // That one is not there is nothing to speak of as long as another is.
    let listed = |all: bool| -> Vec<String> {
        let unread = config.passed_over.iter();
        let unread = unread.filter(|unread| all || unread.reason != Reason::Missing);
        unread.map(ToString::to_string).collect()
    };
    let needed = "the options that the kernel was built with, to explain what it lacks";
    let check = |verdict, found| Check::new(id::CONFIG, needed, verdict, found);
    match config.source() {
        Some(source) => {
            let before = listed(false);
            check(Verdict::Pass, match before.as_slice() {
                [] => format!("read from {source}"),
                before => format!("read from {source}; {}", before.join("; ")),
            })
        }
        None => check(Verdict::Unknown, listed(true).join("; ")).fixes(match &machine.release {
            Ok(release) => vec![
                Fix::command("modprobe configs"),
                Fix::step(format!(
                    "install the kernel's config as /boot/config-{release}, which distributions have in \
                     the package of the kernel; in a container, let it see the host's /boot"
                )),
            ],
            Err(_) => machine.mount_proc().into_iter().collect(),
        }),
    }
}

pub(super) fn btf(machine: &Machine) -> Check {
    const NEEDED: &str = "the kernel's own types (Linux 5.4 with CONFIG_DEBUG_INFO_BTF): Btf::vmlinux \
                          compares with them, and loaders relocate programs by them (CO-RE)";
    let check = |verdict, found| Check::new("kernel-btf", NEEDED, verdict, found);
    let unread = match &machine.btf {
        Ok(len) => {
            let kib = len.div_ceil(1024);
            return check(Verdict::Pass, format!("{kib} KiB in /sys/kernel/btf/vmlinux"));
        }
        Err(unread) => unread,
    };
    let is_set = machine.config.is_set("DEBUG_INFO_BTF");
    let (verdict, why, fix) = match (&unread.reason, machine.has_mounted("sysfs", "/sys")) {
        (Reason::Missing, Some(true)) => (
            Verdict::Fail,
            match is_set {
                Some(false) => ": the kernel was built without CONFIG_DEBUG_INFO_BTF",
                Some(true) => " although CONFIG_DEBUG_INFO_BTF is set",
                None => "",
            },
            match is_set {
                Some(true) => Fix::step(
                    "let this process see all of the host's /sys (in a container: \
                     `-v /sys/kernel/btf:/sys/kernel/btf:ro`)",
                ),
                _ => super::options::build("DEBUG_INFO_BTF"),
            },
        ),
        (Reason::Missing, Some(false)) => (
            Verdict::Fail,
            ": no sysfs is mounted at /sys",
            Fix::command("mount -t sysfs sysfs /sys"),
        ),
        (Reason::Missing, None) => (
            Verdict::Unknown,
            ", and whether a sysfs is mounted is unknown",
            Fix::command("mount -t sysfs sysfs /sys"),
        ),
        (Reason::Denied, _) => (
            Verdict::Fail,
            "",
            Fix::step("let this process read it; the kernel itself lets everybody (mode 0444)"),
        ),
        (Reason::Other(_), _) => (
            Verdict::Fail,
            "",
            Fix::step(
                "see `bpftool btf dump file /sys/kernel/btf/vmlinux`: when that can read it, it is newer \
                 than this version of bpfmap; when not, boot a kernel whose BTF is sound",
            ),
        ),
    };
    let is_built_without = unread.reason == Reason::Missing && is_set == Some(false);
    check(verdict, format!("{unread}{why}"))
        .fixes([fix])
        .waits_for(is_built_without.then_some(id::CONFIG_BTF))
}
