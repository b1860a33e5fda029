//! The preflight, on machines that are not here.
//!
//! Each directory of `machines/` has the lines that matter of the files of a
//! machine, below its `proc`, `sys`, `boot` and `lib/modules`, and in `answers` what
//! its kernel answers to probes. The kernel tests do the same on the machine itself.
//! `report.txt` is what is to be read of it; `UPDATE_EXPECT=1` writes it again.

use std::path::{Path, PathBuf};

use bpfmap::preflight::{Fix, Job, Preflight, Report, Verdict};
use bpfmap::{Feature, Inconclusive, MapType, Support};

fn machines() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("machines")
}

fn named_features() -> Vec<(String, Feature)> {
    let mut features = vec![
        ("bpf-syscall".to_owned(), Feature::Syscall),
        ("memlock".to_owned(), Feature::CgroupAccounting),
        ("map-btf".to_owned(), Feature::MapBtf),
        ("batch".to_owned(), Feature::LookupBatch(MapType::HASH)),
        ("lookup-and-delete".to_owned(), Feature::LookupAndDelete(MapType::HASH)),
        ("mapped-arrays".to_owned(), Feature::MappedArray),
    ];
    let types = (0..64).map(MapType::from_raw).filter_map(|ty| Some((ty.name()?.to_owned(), ty)));
    features.extend(types.map(|(name, ty)| (name, Feature::MapType(ty))));
    features
}

/// Lines of a name and an answer; later ones count.
fn answers(text: &str) -> Vec<(Feature, Support)> {
    let features = named_features();
    let mut answers = Vec::new();
    for line in text.lines() {
        let (name, answer) = line.split_once(' ').unwrap();
        let answer = match answer {
            "yes" => Support::Yes,
            "no" | "enosys" => Support::No,
            "eperm" => Support::Unknown(Inconclusive { call: "BPF_MAP_CREATE", errno: 1 }),
            other => panic!("{other}"),
        };
        let named = features.iter().filter(|(known, _)| known == name || name == "every");
        let before = answers.len();
        answers.extend(named.map(|(_, feature)| (*feature, answer.clone())));
        assert!(answers.len() > before, "{name}");
    }
    answers
}

fn report_on(root: &Path) -> Report {
    let preflight = Preflight::new().root(root);
    match std::fs::read_to_string(root.join("answers")) {
        Ok(text) => preflight.answers(answers(&text)),
        Err(_) => preflight,
    }
    .run()
}

fn report(machine: &str) -> Report {
    report_on(&machines().join(machine))
}

#[track_caller]
fn verdict(report: &Report, id: &str) -> Verdict {
    report.check(id).unwrap_or_else(|| panic!("no check {id}")).verdict
}

fn names() -> Vec<String> {
    let entries = std::fs::read_dir(machines()).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() > 10);
    names
}

#[test]
fn each_machine_is_reported_as_it_was_read_aloud() {
    for name in names() {
        let golden = machines().join(&name).join("report.txt");
        expect_test::expect_file![golden].assert_eq(&report(&name).to_string());
    }
}

#[test]
fn a_verbose_report_has_all_checks_with_their_reasons() {
    for name in names() {
        let report = report(&name);
        let text = format!("{report:#}");
        for check in &report.checks {
            let line =
                |line: &&str| line.contains(check.id) && line.contains(&check.verdict.to_string());
            assert!(text.lines().any(|of| line(&of)), "{name}: {}", check.id);
        }
        assert_eq!(text.matches("needed: ").count(), report.checks.len());
    }
}

/// What a person does who follows the report.
struct Followed {
    machine: &'static str,
    check: &'static str,
    before: Verdict,
    /// A part of the fix that the report gives.
    fix: &'static str,
    /// What that does to the machine's files: text that is replaced by other text;
    /// nothing by all of it.
    does: &'static [(&'static str, &'static str, &'static str)],
}

const SETCAP: &str = "proc/self/status";
const NO_CAPABILITY: &str = "CapEff:\t0000000000000000";

#[rustfmt::skip]
const FOLLOWED: &[Followed] = &[
    Followed {
        machine: "bare", check: "bpffs", before: Verdict::Fail,
        fix: "mount -t bpf bpf /sys/fs/bpf",
        does: &[("proc/self/mountinfo", " - sysfs sysfs rw\n",
            " - sysfs sysfs rw\n99 23 0:99 / /sys/fs/bpf rw - bpf bpf rw\n")],
    },
    Followed {
        machine: "bare", check: "cgroup2", before: Verdict::Warn,
        fix: "mkdir -p /run/cgroup2 && mount -t cgroup2 cgroup2 /run/cgroup2",
        does: &[("proc/self/mountinfo", " - tmpfs tmpfs rw\n",
            " - tmpfs tmpfs rw\n99 91 0:99 / /run/cgroup2 rw - cgroup2 cgroup2 rw\n")],
    },
    Followed {
        machine: "bare", check: "lockdown", before: Verdict::Unknown,
        fix: "mount -t securityfs securityfs /sys/kernel/security",
        does: &[("sys/kernel/security/lockdown", "", "none [integrity] confidentiality\n")],
    },
    Followed {
        machine: "bare", check: "unprivileged-bpf", before: Verdict::Warn,
        fix: "sysctl kernel.unprivileged_bpf_disabled=2",
        does: &[("proc/sys/kernel/unprivileged_bpf_disabled", "0", "2")],
    },
    Followed {
        machine: "bare", check: "jit", before: Verdict::Warn,
        fix: "sysctl net.core.bpf_jit_enable=1",
        does: &[("proc/sys/net/core/bpf_jit_enable", "2", "1")],
    },
    Followed {
        machine: "debian-9", check: "jit", before: Verdict::Warn,
        fix: "sysctl net.core.bpf_jit_enable=1",
        does: &[("proc/sys/net/core/bpf_jit_enable", "0", "1")],
    },
    Followed {
        machine: "ubuntu-20.04", check: "memlock", before: Verdict::Warn,
        fix: "ulimit -l unlimited",
        does: &[("proc/self/limits", "65536                65536", "unlimited            unlimited")],
    },
    Followed {
        machine: "ubuntu-20.04", check: "config-debug-info-btf", before: Verdict::Fail,
        fix: "CONFIG_DEBUG_INFO_BTF=y",
        does: &[("boot/config-5.4.0-216-generic", "# CONFIG_DEBUG_INFO_BTF is not set", "CONFIG_DEBUG_INFO_BTF=y")],
    },
    Followed {
        machine: "unprivileged", check: "cap-bpf", before: Verdict::Fail,
        fix: "setcap cap_bpf,cap_perfmon,cap_net_admin+ep ./program",
        does: &[(SETCAP, NO_CAPABILITY, "CapEff:\t000000c000001000")],
    },
    Followed {
        machine: "unprivileged", check: "bpf-syscall", before: Verdict::Fail,
        fix: "setcap cap_bpf,cap_perfmon,cap_net_admin+ep ./program",
        does: &[(SETCAP, NO_CAPABILITY, "CapEff:\t000000c000001000"), ("answers", "", "every yes\n")],
    },
    Followed {
        machine: "unprivileged", check: "cap-perfmon", before: Verdict::Warn,
        fix: "setcap cap_bpf,cap_perfmon,cap_net_admin+ep ./program",
        does: &[(SETCAP, NO_CAPABILITY, "CapEff:\t000000c000001000")],
    },
    Followed {
        machine: "unprivileged", check: "cap-net-admin", before: Verdict::Warn,
        fix: "setcap cap_bpf,cap_perfmon,cap_net_admin+ep ./program",
        does: &[(SETCAP, NO_CAPABILITY, "CapEff:\t000000c000001000")],
    },
    Followed {
        machine: "unprivileged", check: "cap-sys-admin", before: Verdict::Warn,
        fix: "add cap_sys_admin to the list in the `setcap` line",
        does: &[(SETCAP, NO_CAPABILITY, "CapEff:\t000000c000201000")],
    },
    Followed {
        machine: "hardened", check: "cap-net-admin", before: Verdict::Warn,
        fix: "setcap cap_bpf,cap_perfmon,cap_net_admin+ep ./program",
        does: &[(SETCAP, "CapEff:\t000000c000000000", "CapEff:\t000000c000001000")],
    },
    Followed {
        machine: "docker", check: "cap-bpf", before: Verdict::Fail,
        fix: "--cap-add=BPF",
        does: &[(SETCAP, "00000000a80425fb", "00000080a80425fb")],
    },
    Followed {
        machine: "podman-rootless", check: "user-namespace", before: Verdict::Fail,
        fix: "--userns=host",
        does: &[("proc/self/uid_map", "", "0 0 4294967295\n")],
    },
    Followed {
        machine: "filtered", check: "bpf-syscall", before: Verdict::Fail,
        fix: "SystemCallFilter=bpf",
        does: &[("answers", "", "every yes\n")],
    },
    Followed {
        machine: "locked-down", check: "lockdown", before: Verdict::Warn,
        fix: "lockdown=integrity",
        does: &[("sys/kernel/security/lockdown", "none integrity [confidentiality]", "none [integrity] confidentiality")],
    },
    Followed {
        machine: "docker", check: "kernel-config", before: Verdict::Unknown,
        fix: "/boot/config-6.8.0-45-generic",
        does: &[("boot/config-6.8.0-45-generic", "", "CONFIG_BPF_SYSCALL=y\n")],
    },
];

#[test]
fn a_fix_that_is_followed_turns_the_verdict() {
    for Followed { machine, check: id, before, fix, does } in FOLLOWED {
        let found = report(machine);
        let check = found.check(id).unwrap();
        assert_eq!(check.verdict, *before, "{machine}: {id}");
        let given = |given: &Fix| match given {
            Fix::Command(text) if text == fix => true,
            Fix::Command(_) => false,
            Fix::Step(text) => text.contains(fix),
        };
        assert!(check.fixes.iter().any(given), "{machine}: {id}: {:?}", check.fixes);

        let copy = tempfile::tempdir().unwrap();
        copy_files(&machines().join(machine), copy.path());
        for (file, old, new) in *does {
            let file = copy.path().join(file);
            let text = match old.is_empty() {
                true => (*new).to_owned(),
                false => {
                    let text = std::fs::read_to_string(&file).unwrap();
                    assert!(text.contains(old), "{machine}: {id}: {old}");
                    text.replace(old, new)
                }
            };
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let after = report_on(copy.path());
        let after = after.check(id).unwrap();
        assert_eq!(after.verdict, Verdict::Pass, "{machine}: {id}: {}", after.found);
        assert!(after.fixes.is_empty(), "{machine}: {id}");
    }
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_files(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// What is not a pass says what to do, or which check comes first; that one does.
#[test]
fn nobody_is_left_without_a_way_on() {
    for name in names() {
        let report = report(&name);
        for check in &report.checks {
            let at = format!("{name}: {}", check.id);
            match check.verdict {
                Verdict::Pass => assert!(check.fixes.is_empty(), "{at}"),
                Verdict::Warn | Verdict::Fail => assert!(!check.fixes.is_empty(), "{at}"),
                Verdict::Unknown => {}
            }
            assert!(!check.found.contains(char::is_control), "{at}");
            if let Some(other) = check.waits_for {
                let other = report.check(other).unwrap();
                assert_ne!(other.verdict, Verdict::Pass, "{at}");
                assert_eq!(other.waits_for, None, "{at}");
            }
        }
        let mut ids: Vec<_> = report.checks.iter().map(|check| check.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), report.checks.len());
    }
}

#[test]
fn what_is_not_known_is_neither_a_pass_nor_a_fail() {
    let report = report("empty");
    for check in &report.checks {
        assert_eq!(check.verdict, Verdict::Unknown, "{}: {}", check.id, check.found);
    }
    for fitness in report.jobs() {
        assert_eq!(fitness.verdict, Verdict::Unknown, "{}", fitness.job);
    }
}

#[test]
fn nothing_is_probed_for_another_machine() {
    let report = Preflight::new().root(machines().join("debian-12")).run();
    for id in ["bpf-syscall", "memlock", "map-types", "ringbuf", "map-btf", "batch"] {
        assert_eq!(verdict(&report, id), Verdict::Unknown, "{id}");
    }
    // Each root is one.
    for preflight in [
        Preflight::new().proc_root("/proc"),
        Preflight::new().sys_root("/sys"),
        Preflight::new().boot_root("/boot"),
        Preflight::new().modules_root("/lib/modules"),
    ] {
        assert_eq!(verdict(&preflight.run(), "bpf-syscall"), Verdict::Unknown);
    }
}

#[test]
fn the_first_config_that_can_be_read_is_the_one() {
    let report = report("locked-down");
    let found = &report.check("kernel-config").unwrap().found;
    assert!(found.starts_with("read from /lib/modules/6.6.30/build/.config; "), "{found}");
    for other in ["/proc/config.gz cannot be read: ", "/boot/config-6.6.30 cannot be read: "] {
        assert!(found.contains(other), "{found}");
    }

    // All three are sound, and differ.
    let copy = tempfile::tempdir().unwrap();
    copy_files(&machines().join("hardened"), copy.path());
    let other = "# CONFIG_BPF_SYSCALL is not set\nCONFIG_BPF_SYSCALL_NOT=y\nCONFIG_BPF_JIT=y\n";
    for file in ["boot/config-6.12.9", "lib/modules/6.12.9/build/.config"] {
        let file = copy.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, other).unwrap();
    }
    let source = || {
        let report = report_on(copy.path());
        let found = report.check("kernel-config").unwrap().found.clone();
        (found, verdict(&report, "config-bpf-syscall"))
    };
    assert_eq!(source(), ("read from /proc/config.gz".to_owned(), Verdict::Pass));
    std::fs::remove_file(copy.path().join("proc/config.gz")).unwrap();
    assert_eq!(source(), ("read from /boot/config-6.12.9".to_owned(), Verdict::Fail));
    std::fs::remove_file(copy.path().join("boot/config-6.12.9")).unwrap();
    let (found, _) = source();
    assert_eq!(found, "read from /lib/modules/6.12.9/build/.config");
}

/// The kernel tells the initial namespace by its number, whatever its ids are.
#[test]
fn the_namespace_itself_counts_before_the_map_of_ids() {
    let copy = tempfile::tempdir().unwrap();
    copy_files(&machines().join("debian-12"), copy.path());
    let namespaces = copy.path().join("proc/self/ns");
    std::fs::create_dir_all(&namespaces).unwrap();
    let judge = |number: u32| {
        let link = namespaces.join("user");
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(format!("user:[{number}]"), link).unwrap();
        let report = report_on(copy.path());
        (verdict(&report, "user-namespace"), verdict(&report, "cap-bpf"))
    };
    assert_eq!(judge(4026531837), (Verdict::Pass, Verdict::Pass));
    assert_eq!(judge(4026532187), (Verdict::Fail, Verdict::Fail));
    // A kernel without user namespaces has neither.
    std::fs::remove_file(namespaces.join("user")).unwrap();
    std::fs::remove_file(copy.path().join("proc/self/uid_map")).unwrap();
    assert_eq!(verdict(&report_on(copy.path()), "user-namespace"), Verdict::Pass);
}

/// What stands in the place of a file may be anything.
#[test]
fn what_cannot_be_read_says_nothing_of_the_namespace() {
    let copy = tempfile::tempdir().unwrap();
    copy_files(&machines().join("debian-12"), copy.path());
    std::fs::create_dir_all(copy.path().join("proc/self/ns")).unwrap();
    let map = copy.path().join("proc/self/uid_map");
    std::fs::remove_file(&map).unwrap();
    std::fs::create_dir(map).unwrap();
    assert_eq!(verdict(&report_on(copy.path()), "user-namespace"), Verdict::Unknown);
}

#[test]
fn a_pipe_is_not_waited_for() {
    let copy = tempfile::tempdir().unwrap();
    copy_files(&machines().join("debian-12"), copy.path());
    let file = copy.path().join("proc/sys/kernel/unprivileged_bpf_disabled");
    std::fs::remove_file(&file).unwrap();
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (done, wait) = std::sync::mpsc::channel();
    let root = copy.path().to_owned();
    std::thread::spawn(move || done.send(verdict(&report_on(&root), "unprivileged-bpf")));
    assert_eq!(wait.recv_timeout(std::time::Duration::from_secs(60)), Ok(Verdict::Unknown));
}

/// What is behind the end could say that an option is set.
#[test]
fn a_config_that_is_too_long_is_none() {
    let copy = tempfile::tempdir().unwrap();
    copy_files(&machines().join("debian-12"), copy.path());
    for name in ["proc/config.gz", "lib/modules"] {
        let _ = std::fs::remove_file(copy.path().join(name));
        let _ = std::fs::remove_dir_all(copy.path().join(name));
    }
    let release = std::fs::read_to_string(copy.path().join("proc/sys/kernel/osrelease")).unwrap();
    let file = copy.path().join(format!("boot/config-{}", release.trim()));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let line = "CONFIG_OTHER=y\n";
    let judge = |lines: usize| {
        std::fs::write(&file, line.repeat(lines) + "CONFIG_BPF_SYSCALL=y\n").unwrap();
        verdict(&report_on(copy.path()), "config-bpf-syscall")
    };
    assert_eq!(judge(1), Verdict::Pass);
    assert_eq!(judge((16 << 20) / line.len() + 1), Verdict::Unknown);
}

/// Files are looked for where these file systems are mounted mostly; that they are
/// elsewhere too says nothing of files that are not there.
#[test]
fn a_file_system_that_is_mounted_elsewhere_is_not_the_one() {
    let copy = tempfile::tempdir().unwrap();
    copy_files(&machines().join("debian-12"), copy.path());
    for file in ["sys/kernel/security/lockdown", "sys/kernel/btf/vmlinux"] {
        let _ = std::fs::remove_file(copy.path().join(file));
    }
    let judge = |security: &str, sys: &str| {
        let mounts = format!(
            "27 1 254:0 / / rw - ext4 /dev/vda rw\n30 27 0:22 / {sys} rw - sysfs sysfs rw\n\
             31 30 0:6 / {security} rw - securityfs securityfs rw\n"
        );
        std::fs::write(copy.path().join("proc/self/mountinfo"), mounts).unwrap();
        let report = report_on(copy.path());
        let found = report.check("kernel-btf").unwrap().found.clone();
        (verdict(&report, "lockdown"), found.ends_with(": no sysfs is mounted at /sys"))
    };
    assert_eq!(judge("/sys/kernel/security", "/sys"), (Verdict::Pass, false));
    assert_eq!(judge("/mnt/security", "/mnt/sys"), (Verdict::Unknown, true));
}

/// Debian 10 and Ubuntu 18.04 have it.
#[test]
fn the_lockdown_before_it_was_a_module_is_not_known() {
    let copy = tempfile::tempdir().unwrap();
    copy_files(&machines().join("debian-12"), copy.path());
    for name in ["proc/config.gz", "sys/kernel/security/lockdown"] {
        let _ = std::fs::remove_file(copy.path().join(name));
    }
    let release = std::fs::read_to_string(copy.path().join("proc/sys/kernel/osrelease")).unwrap();
    let file = copy.path().join(format!("boot/config-{}", release.trim()));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let judge = |config: &str| {
        std::fs::write(&file, config).unwrap();
        verdict(&report_on(copy.path()), "lockdown")
    };
    assert_eq!(judge("CONFIG_BPF=y\n"), Verdict::Pass);
    assert_eq!(judge("CONFIG_BPF=y\nCONFIG_LOCK_DOWN_KERNEL=y\n"), Verdict::Unknown);
}

/// Those of the thread count, where the kernel tells of it.
#[test]
fn the_threads_own_capabilities_come_first() {
    let copy = tempfile::tempdir().unwrap();
    copy_files(&machines().join("debian-12"), copy.path());
    let thread = copy.path().join("proc/thread-self");
    std::fs::create_dir_all(&thread).unwrap();
    std::fs::copy(machines().join("unprivileged/proc/self/status"), thread.join("status")).unwrap();
    assert_eq!(verdict(&report_on(copy.path()), "cap-bpf"), Verdict::Fail);
}

/// `setcap` replaces what a file had: one line undoes another, unless all are one.
#[test]
fn whichever_setcap_line_is_typed_last_nothing_is_lost() {
    let mut machines = 0;
    for name in names() {
        let report = report(&name);
        let fixes = report.checks.iter().flat_map(|check| &check.fixes);
        let lines = fixes.filter_map(|fix| match fix {
            Fix::Command(text) if text.starts_with("setcap ") => Some(text),
            _ => None,
        });
        let lines: std::collections::BTreeSet<_> = lines.collect();
        assert!(lines.len() <= 1, "{name}: {lines:?}");
        machines += lines.len();
    }
    assert!(machines > 1);
    // What is effective stays, and what is out of bounds would keep the program from
    // being run.
    let lines = |replace: &[(&str, &str)]| fixes_of("cap-bpf", replace);
    let none = "CapEff:\t0000000000000000";
    let admin = lines(&[(none, "CapEff:\t0000000000001000")]);
    assert!(admin.contains("setcap cap_bpf,cap_perfmon,cap_net_admin+ep"), "{admin}");
    let bounded = lines(&[("CapBnd:\t000001ffffffffff", "CapBnd:\t000001ffffffefff")]);
    assert!(bounded.contains("setcap cap_bpf,cap_perfmon+ep ./program"), "{bounded}");
    // Alone it has a line of its own.
    let alone = fixes_of("cap-sys-admin", &[(none, "CapEff:\t000000c000001000")]);
    let line = "setcap cap_bpf,cap_perfmon,cap_net_admin,cap_sys_admin+ep ./program";
    assert!(alone.contains(line), "{alone}");
}

/// What is to be done about a check of a machine without privilege that is a little
/// different.
fn fixes_of(check: &str, replace: &[(&str, &str)]) -> String {
    let copy = tempfile::tempdir().unwrap();
    copy_files(&machines().join("unprivileged"), copy.path());
    let file = copy.path().join("proc/self/status");
    let mut text = std::fs::read_to_string(&file).unwrap();
    for (old, new) in replace {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    std::fs::write(&file, text).unwrap();
    format!("{:?}", report_on(copy.path()).check(check).unwrap().fixes)
}

#[test]
fn the_ways_to_a_capability_are_told_apart() {
    let fixes = |replace: &[(&str, &str)]| fixes_of("cap-bpf", replace);
    assert!(fixes(&[]).contains("setcap cap_bpf,cap_perfmon,cap_net_admin+ep ./program"));
    let none = "0000000000000000";
    let permitted = fixes(&[(&format!("CapPrm:\t{none}"), "CapPrm:\t0000008000000000")]);
    assert!(permitted.contains("make it effective in the program"), "{permitted}");
    // A file would give it, and the kernel refuse to run that.
    let bounded = fixes(&[("CapBnd:\t000001ffffffffff", "CapBnd:\t00000000a80425fb")]);
    assert!(bounded.contains("--cap-add=BPF") && !bounded.contains("setcap"), "{bounded}");
    let fixed = fixes(&[("NoNewPrivs:\t0", "NoNewPrivs:\t1")]);
    assert!(fixed.contains("no_new_privs") && !fixed.contains("setcap"), "{fixed}");
}

#[test]
fn a_capability_that_stands_in_for_others_does_so_for_bpf_alone() {
    let copy = tempfile::tempdir().unwrap();
    copy_files(&machines().join("unprivileged"), copy.path());
    let file = copy.path().join("proc/self/status");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(NO_CAPABILITY, "CapEff:\t0000000000200000")).unwrap();
    let report = report_on(copy.path());
    assert_eq!(verdict(&report, "cap-bpf"), Verdict::Pass);
    assert_eq!(verdict(&report, "cap-perfmon"), Verdict::Pass);
    let network = report.check("cap-net-admin").unwrap();
    assert_eq!(network.verdict, Verdict::Warn);
    assert!(network.found.contains("not to attach them"), "{}", network.found);
}

/// Whoever mounts something names the place, and a terminal obeys what it is sent.
#[test]
fn no_file_speaks_to_the_terminal() {
    let copy = tempfile::tempdir().unwrap();
    copy_files(&machines().join("debian-12"), copy.path());
    let mounts = "23 1 0:22 / / rw - sysfs sysfs rw\n\
        24 23 0:23 / /\\033[31mred\\012line rw - bpf bpf rw\n";
    std::fs::write(copy.path().join("proc/self/mountinfo"), mounts).unwrap();
    let report = report_on(copy.path());
    let bpffs = report.check("bpffs").unwrap();
    assert_eq!(bpffs.found, "mounted at /\u{fffd}[31mred\u{fffd}line, and not at /sys/fs/bpf");
}

#[test]
fn jobs_name_what_stands_in_the_way() {
    let unfit = |machine: &str, job| {
        let fitness = report(machine).job(job);
        (fitness.verdict, fitness.because)
    };
    assert_eq!(unfit("debian-12", Job::LoadTracing), (Verdict::Pass, vec![]));
    assert_eq!(unfit("hardened", Job::OpenPins), (Verdict::Pass, vec![]));
    assert_eq!(unfit("hardened", Job::LoadTracing), (Verdict::Pass, vec![]));
    assert_eq!(unfit("hardened", Job::LoadNetworking), (Verdict::Fail, vec!["cap-net-admin"]));
    assert_eq!(unfit("hardened", Job::VerifyByKernel), (Verdict::Fail, vec!["cap-sys-admin"]));
    assert_eq!(unfit("locked-down", Job::LoadTracing), (Verdict::Fail, vec!["lockdown"]));
    // What is not known is no yes: there no securityfs is mounted.
    assert_eq!(unfit("bare", Job::LoadTracing), (Verdict::Unknown, vec!["lockdown"]));
    assert_eq!(unfit("bare", Job::OpenPins), (Verdict::Fail, vec!["bpffs"]));
    assert_eq!(unfit("filtered", Job::LoadPrograms), (Verdict::Fail, vec!["bpf-syscall"]));
    assert_eq!(
        unfit("podman-rootless", Job::LoadPrograms),
        (Verdict::Fail, vec!["bpf-syscall", "cap-bpf"])
    );
}

#[test]
fn a_report_is_data_too() {
    let report = serde_json::to_value(report("bare")).unwrap();
    assert_eq!(report["verdict"], "fail");
    let check = |id: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["id"] == id).unwrap().clone()
    };
    let bpffs = check("bpffs");
    assert_eq!(bpffs["verdict"], "fail");
    assert_eq!(bpffs["found"], "no bpffs is mounted");
    assert_eq!(bpffs["fixes"][0]["command"], "mount -t bpf bpf /sys/fs/bpf");
    assert_eq!(bpffs["waits_for"], serde_json::Value::Null);
    let jobs = &report["jobs"];
    assert_eq!(jobs[0]["job"], "open_pins");
    assert_eq!(jobs[0]["verdict"], "fail");
    assert_eq!(jobs[0]["because"], serde_json::json!(["bpffs"]));
}

/// A machine that is a little different from one of `machines/`: files with other
/// text, or none, and answers that are others.
fn altered(
    machine: &str,
    files: &[(&str, Option<&str>)],
    answers_too: &[(Feature, Support)],
) -> Report {
    let copy = tempfile::tempdir().unwrap();
    copy_files(&machines().join(machine), copy.path());
    for (file, text) in files {
        let file = copy.path().join(file);
        match text {
            Some(text) => {
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, text).unwrap();
            }
            None => std::fs::remove_file(file).unwrap(),
        }
    }
    let text = std::fs::read_to_string(copy.path().join("answers")).unwrap();
    let answers = answers(&text).into_iter().chain(answers_too.iter().cloned());
    Preflight::new().root(copy.path()).answers(answers).run()
}

#[track_caller]
fn judged(report: &Report, id: &str, expected: Verdict, found: &str) {
    let check = report.check(id).unwrap_or_else(|| panic!("no check {id}"));
    assert_eq!(check.verdict, expected, "{id}: {}", check.found);
    assert!(check.found.contains(found), "{id}: {}", check.found);
}

const STATUS: &str = "proc/self/status";
const MOUNTS: &str = "proc/self/mountinfo";
const CONFIG: &str = "boot/config-5.15.0-1-amd64";

fn unknown(errno: i32) -> Support {
    Support::Unknown(Inconclusive { call: "BPF_MAP_CREATE", errno })
}

/// CAP_BPF, which Linux 5.8 brought, is number 39.
#[test]
fn the_last_capability_tells_whether_there_is_cap_bpf() {
    let kernel =
        |last: Option<&str>| altered("debian-12", &[("proc/sys/kernel/cap_last_cap", last)], &[]);
    judged(&kernel(Some("39\n")), "kernel", Verdict::Pass, "which has CAP_BPF");
    judged(&kernel(Some("38\n")), "kernel", Verdict::Warn, "which has no CAP_BPF");
    judged(&kernel(None), "kernel", Verdict::Unknown, "whether it has CAP_BPF is unknown");
}

#[test]
fn types_of_the_kernel_that_are_out_of_reach_are_no_pass() {
    let vmlinux = "sys/kernel/btf/vmlinux";
    let no_sysfs = "22 1 0:21 / /proc rw - proc proc rw\n";
    let report = altered("debian-12", &[(vmlinux, None), (MOUNTS, Some(no_sysfs))], &[]);
    judged(&report, "kernel-btf", Verdict::Fail, "no sysfs is mounted");
    let report = altered("debian-12", &[(vmlinux, None), (MOUNTS, None)], &[]);
    judged(&report, "kernel-btf", Verdict::Unknown, "whether a sysfs is mounted is unknown");
}

#[test]
fn capabilities_of_an_unknown_user_namespace_are_no_pass() {
    let report = altered("debian-12", &[("proc/self/uid_map", None)], &[]);
    judged(&report, "user-namespace", Verdict::Unknown, "can be read");
    for id in ["cap-bpf", "cap-perfmon", "cap-net-admin", "cap-sys-admin"] {
        judged(&report, id, Verdict::Unknown, "in a user namespace that is not known");
    }
    assert_eq!(report.job(Job::LoadPrograms).verdict, Verdict::Unknown);
}

/// An answer that tells nothing is neither a yes nor a no, and only a refusal waits
/// for a right.
#[test]
fn probes_that_could_not_tell_are_no_pass() {
    let report = |feature, errno| altered("debian-12", &[], &[(feature, unknown(errno))]);
    let batch = report(Feature::LookupBatch(MapType::HASH), 12);
    judged(&batch, "batch", Verdict::Unknown, "BPF_MAP_CREATE");
    assert_eq!(batch.check("batch").unwrap().waits_for, None);
    let types = report(Feature::MapType(MapType::QUEUE), 12);
    judged(&types, "map-types", Verdict::Unknown, "queue: ");
    assert_eq!(types.check("map-types").unwrap().waits_for, None);
    // Whatever else the process lacks.
    let others = [
        (Feature::Syscall, Support::Yes),
        (Feature::LookupBatch(MapType::HASH), unknown(12)),
        (Feature::MapBtf, unknown(1)),
    ];
    let lacking = altered("unprivileged", &[], &others);
    assert_eq!(lacking.check("batch").unwrap().waits_for, None);
    assert_eq!(lacking.check("map-btf").unwrap().waits_for, Some("cap-bpf"));
    let call = report(Feature::Syscall, 5);
    judged(&call, "bpf-syscall", Verdict::Unknown, "it could not be told");
    let missing = altered("debian-12", &[], &[(Feature::MapBtf, Support::No)]);
    judged(&missing, "map-btf", Verdict::Fail, "the kernel lacks BTF for maps");
}

#[test]
fn a_memlock_limit_counts_where_the_kernel_counts_it() {
    let memlock = |limits: Option<&str>, answer| {
        let limits = &[("proc/self/limits", limits)];
        altered("debian-12", limits, &[(Feature::CgroupAccounting, answer)])
    };
    let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                  Max locked memory         8388608              8388608              bytes     \n";
    let report = memlock(Some(limits), Support::Yes);
    judged(&report, "memlock", Verdict::Pass, "do not count");
    let report = memlock(Some(limits), Support::No);
    judged(&report, "memlock", Verdict::Warn, "RLIMIT_MEMLOCK is 8192 KiB");
    let report = memlock(Some(limits), unknown(12));
    judged(&report, "memlock", Verdict::Unknown, "could not be told");
    let report = memlock(None, Support::No);
    judged(&report, "memlock", Verdict::Unknown, "counts all maps of the user");
}

#[test]
fn settings_that_are_not_known_are_no_pass() {
    let setting = |name: &str, text| altered("unprivileged", &[(name, text)], &[]);
    let disabled = "proc/sys/kernel/unprivileged_bpf_disabled";
    judged(&setting(disabled, Some("3\n")), "unprivileged-bpf", Verdict::Unknown, "is 3");
    let jit = "proc/sys/net/core/bpf_jit_enable";
    judged(&setting(jit, Some("7\n")), "jit", Verdict::Unknown, "is 7");
    // Hidden, and yet the config tells.
    judged(&setting(jit, None), "jit", Verdict::Pass, "CONFIG_BPF_JIT_ALWAYS_ON");
    let none = [(jit, None), (CONFIG, Some("CONFIG_BPF_SYSCALL=y\n"))];
    let report = altered("unprivileged", &none, &[]);
    judged(&report, "jit", Verdict::Warn, "built without CONFIG_BPF_JIT");
}

#[test]
fn an_option_is_set_when_it_is_built_in_or_a_module() {
    for (line, expected) in [
        ("CONFIG_BPF_LSM=y", Verdict::Pass),
        ("CONFIG_BPF_LSM=m", Verdict::Pass),
        ("CONFIG_BPF_LSM=n", Verdict::Warn),
        ("CONFIG_BPF_LSM=\"\"", Verdict::Warn),
        ("CONFIG_BPF_LSM_MORE=y", Verdict::Warn),
        ("# CONFIG_BPF_LSM is not set", Verdict::Warn),
    ] {
        let config = format!("CONFIG_BPF_SYSCALL=y\n{line}\n");
        let report = altered("unprivileged", &[(CONFIG, Some(&config))], &[]);
        judged(&report, "config-bpf-lsm", expected, "CONFIG_BPF_LSM is");
    }
}

/// What refuses a process that has the capability is its filter, or else a security
/// module.
#[test]
fn who_refuses_bpf_is_told_apart() {
    let text = std::fs::read_to_string(machines().join("unprivileged").join(STATUS)).unwrap();
    let all = text.replace(NO_CAPABILITY, "CapEff:\t000001ffffffffff");
    let filtered = all.replace("Seccomp:\t0", "Seccomp:\t2");
    let found = |status: &str| altered("unprivileged", &[(STATUS, Some(status))], &[]);
    judged(&found(&filtered), "bpf-syscall", Verdict::Fail, "its seccomp filter answers it");
    judged(&found(&all), "bpf-syscall", Verdict::Fail, "another security module");
    let either = text.replace("Seccomp:\t0", "Seccomp:\t2");
    judged(&found(&either), "bpf-syscall", Verdict::Fail, "either may be the reason");
    let nobody = found(&text);
    judged(&nobody, "bpf-syscall", Verdict::Fail, "a process without CAP_BPF");
}

/// A kernel that lacks a type is fit for a job that does without it, and a bpffs at
/// another place is one.
#[test]
fn what_works_is_enough_for_a_job_that_only_wants_that() {
    let mounts = "23 1 0:22 / /sys rw - sysfs sysfs rw\n24 23 0:23 / /run/bpf rw - bpf bpf rw\n";
    let report = altered("debian-12", &[(MOUNTS, Some(mounts))], &[]);
    judged(&report, "bpffs", Verdict::Warn, "and not at /sys/fs/bpf");
    assert_eq!(report.job(Job::OpenPins).verdict, Verdict::Pass);
}
