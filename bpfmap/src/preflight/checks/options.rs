//! The options of the kernel that BPF depends on.

use super::id;
use crate::preflight::machine::Machine;
use crate::preflight::report::{Check, Fix, Verdict};

/// An option, and what is lost without it.
struct Needed {
    id: &'static str,
    option: &'static str,
    why: &'static str,
    without: Verdict,
}

const OPTIONS: &[Needed] = &[
    Needed {
        id: "config-bpf-syscall",
        option: "BPF_SYSCALL",
        why: "CONFIG_BPF_SYSCALL, as there is no bpf(2) without it",
        without: Verdict::Fail,
    },
    Needed {
        id: id::CONFIG_BTF,
        option: "DEBUG_INFO_BTF",
        why: "CONFIG_DEBUG_INFO_BTF (since Linux 5.2), for the kernel's own types: Btf::vmlinux reads \
              them, and loaders relocate programs by them (CO-RE)",
        without: Verdict::Fail,
    },
    Needed {
        id: "config-btf-modules",
        option: "DEBUG_INFO_BTF_MODULES",
        why: "CONFIG_DEBUG_INFO_BTF_MODULES (since Linux 5.11), for the types of modules, which \
              Btf::module reads; those of the kernel itself are there without it",
        without: Verdict::Warn,
    },
    Needed {
        id: id::CONFIG_JIT,
        option: "BPF_JIT",
        why: "CONFIG_BPF_JIT, as programs are interpreted without it, several times slower, and some do \
              not load, such as those that call kernel functions",
        without: Verdict::Warn,
    },
    Needed {
        id: "config-cgroup-bpf",
        option: "CGROUP_BPF",
        why: "CONFIG_CGROUP_BPF, for programs that are attached to cgroups",
        without: Verdict::Warn,
    },
    Needed {
        id: id::EVENTS,
        option: "BPF_EVENTS",
        why: "CONFIG_BPF_EVENTS, for programs at kprobes, uprobes, tracepoints and perf events",
        without: Verdict::Warn,
    },
    Needed {
        id: "config-kprobe-events",
        option: "KPROBE_EVENTS",
        why: "CONFIG_KPROBE_EVENTS (with CONFIG_KPROBES), for programs at kprobes; those at tracepoints do \
              without",
        without: Verdict::Warn,
    },
    Needed {
        id: "config-bpf-lsm",
        option: "BPF_LSM",
        why: "CONFIG_BPF_LSM (since Linux 5.7), for LSM programs and for maps of type inode_storage",
        without: Verdict::Warn,
    },
];

pub(super) fn all(machine: &Machine) -> impl Iterator<Item = Check> {
    OPTIONS.iter().map(|needed| check(machine, needed))
}

fn check(machine: &Machine, needed: &Needed) -> Check {
    let option = needed.option;
    let check = |verdict, found| Check::new(needed.id, needed.why, verdict, found);
    let is_set = |option| machine.config.is_set(option);
    match is_set(option) {
        Some(true) => check(Verdict::Pass, format!("CONFIG_{option} is set")),
        // What there is none of has no types.
        Some(false) if option == "DEBUG_INFO_BTF_MODULES" && is_set("MODULES") == Some(false) => {
            check(
                Verdict::Pass,
                format!("CONFIG_{option} is not set, and the kernel has no modules"),
            )
        }
        Some(false) => {
            check(needed.without, format!("CONFIG_{option} is not set")).fixes([build(option)])
        }
        None => check(Verdict::Unknown, format!("CONFIG_{option}: no config could be read"))
            .waits_for(Some(id::CONFIG)),
    }
}

/// What sets an option.
pub(super) fn build(option: &str) -> Fix {
    let who_has_it = match option {
        "DEBUG_INFO_BTF" => {
            "; distributions do since Debian 11, Ubuntu 20.10, RHEL 8.2 and Fedora 31"
        }
        _ => "",
    };
    Fix::step(format!("boot a kernel that was built with CONFIG_{option}=y{who_has_it}"))
}
