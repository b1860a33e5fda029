//! What the preflight says of the machine that it runs on, and of threads that
//! lack something; and that its fixes help.

use std::process::Command;

use bpfmap::preflight::{Check, Fix, Job, Report, Verdict};
use bpfmap::{Feature, MapType, Support};
use caps::{CapSet, Capability};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use seccompiler::{SeccompAction, SeccompFilter};

use crate::privilege::with_only;
use crate::support::*;

trials! {
    [Need::Bpf] => [
        all_that_is_probed_is_reported,
        a_capability_that_is_made_effective_turns_the_checks,
        a_filter_is_told_from_a_missing_capability,
        probes_of_memory_say_what_the_kernel_does,
    ]
    [Need::Vmlinux] => [
        the_kernels_own_types_are_read,
    ]
    [Need::Bpffs] => [
        a_mounted_bpffs_turns_the_check,
        a_mounted_cgroup2_turns_the_check,
    ]
}

#[track_caller]
fn check<'a>(report: &'a Report, id: &str) -> &'a Check {
    report.check(id).unwrap_or_else(|| panic!("no check {id}"))
}

/// Runs `body` on a thread of its own.
fn apart(body: impl FnOnce() -> TestResult + Send) -> TestResult {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| body().map_err(|error| error.to_string()));
        thread.join().map_err(|_| "the thread panicked; its message is above")?.map_err(Into::into)
    })
}

/// Types the command that a check proposes.
fn follow(check: &Check) -> TestResult {
    let [Fix::Command(command), ..] = check.fixes.as_slice() else { panic!("{check:?}") };
    let status = Command::new("sh").args(["-c", command]).status()?;
    assert!(status.success(), "{command}");
    Ok(())
}

fn all_that_is_probed_is_reported() -> TestResult {
    let report = bpfmap::preflight();
    assert_eq!(check(&report, "bpf-syscall").verdict, Verdict::Pass);
    assert_eq!(check(&report, "cap-bpf").verdict, Verdict::Pass);
    let pairs = [
        ("ringbuf", Feature::MapType(MapType::RINGBUF)),
        ("map-btf", Feature::MapBtf),
        ("batch", Feature::LookupBatch(MapType::HASH)),
        ("lookup-and-delete", Feature::LookupAndDelete(MapType::HASH)),
        ("mapped-arrays", Feature::MappedArray),
    ];
    for (id, feature) in pairs {
        let verdict = check(&report, id).verdict;
        match feature.probe() {
            Support::Yes => assert_eq!(verdict, Verdict::Pass, "{id}"),
            Support::No => assert!(matches!(verdict, Verdict::Warn | Verdict::Fail), "{id}"),
            Support::Unknown(_) => assert_eq!(verdict, Verdict::Unknown, "{id}"),
        }
    }
    assert!(report.job(Job::LoadPrograms).is_fit());
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    assert!(check(&report, "kernel").found.contains(release.trim()));
    Ok(())
}

fn the_kernels_own_types_are_read() -> TestResult {
    assert_eq!(check(&bpfmap::preflight(), "kernel-btf").verdict, Verdict::Pass);
    Ok(())
}

fn a_capability_that_is_made_effective_turns_the_checks() -> TestResult {
    with_only(&[Capability::CAP_PERFMON], || {
        let report = bpfmap::preflight();
        let missing = check(&report, "cap-bpf");
        assert_eq!(missing.verdict, Verdict::Fail);
        assert!(format!("{:?}", missing.fixes).contains("make it effective"), "{missing:?}");
        assert_eq!(check(&report, "cap-perfmon").verdict, Verdict::Pass);
        assert_eq!(check(&report, "cap-sys-admin").verdict, Verdict::Warn);
        // That nothing can be made says nothing of what the kernel has.
        for id in ["map-types", "ringbuf", "map-btf", "batch"] {
            let check = check(&report, id);
            assert_eq!(check.verdict, Verdict::Unknown, "{id}");
            assert!(check.waits_for.is_some(), "{id}");
        }
        assert_eq!(report.job(Job::LoadPrograms).verdict, Verdict::Fail);

        caps::raise(None, CapSet::Effective, Capability::CAP_BPF)?;
        let report = bpfmap::preflight();
        for id in ["cap-bpf", "map-types", "map-btf"] {
            let check = check(&report, id);
            assert_ne!(check.verdict, Verdict::Unknown, "{}", check.found);
            assert_eq!(check.waits_for, None, "{id}");
        }
        assert_eq!(check(&report, "cap-bpf").verdict, Verdict::Pass);
        let fitness = report.job(Job::LoadNetworking);
        assert_eq!(fitness.because, ["cap-net-admin"]);
        assert!(report.job(Job::LoadPrograms).is_fit());
        Ok(())
    })
}

/// Lets a filter answer each `bpf(2)` of this thread.
fn filter(errno: i32) -> TestResult {
    let rules = [(libc::SYS_bpf, vec![])].into_iter().collect();
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno.cast_unsigned()),
        std::env::consts::ARCH.try_into()?,
    )?;
    let program: seccompiler::BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)?;
    Ok(())
}

fn a_filter_is_told_from_a_missing_capability() -> TestResult {
    for errno in [libc::EPERM, libc::ENOSYS] {
        apart(|| {
            filter(errno)?;
            let report = bpfmap::preflight();
            let syscall = check(&report, "bpf-syscall");
            assert_eq!(syscall.verdict, Verdict::Fail);
            assert!(syscall.found.contains("seccomp filter"), "{}", syscall.found);
            assert!(format!("{:?}", syscall.fixes).contains("SystemCallFilter=bpf"));
            assert_eq!(check(&report, "cap-bpf").verdict, Verdict::Pass);
            for id in ["memlock", "map-types", "ringbuf", "map-btf", "batch", "mapped-arrays"] {
                let check = check(&report, id);
                let unlimited = id == "memlock" && check.verdict == Verdict::Pass;
                assert!(unlimited || check.verdict == Verdict::Unknown, "{id}");
                assert!(unlimited || check.waits_for == Some("bpf-syscall"), "{id}");
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The version only explains, and here it does.
fn probes_of_memory_say_what_the_kernel_does() -> TestResult {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        panic!("{release}")
    };
    match Feature::CgroupAccounting.probe() {
        Support::Yes => assert!((major, minor) >= (5, 11), "{release}"),
        Support::No => assert!((major, minor) < (5, 11), "{release}"),
        // No limit to exceed.
        Support::Unknown(inconclusive) => assert_eq!(inconclusive.call, "getrlimit"),
    }
    Ok(())
}

/// Runs `body` on a thread with mounts of its own, of which none is of that type.
fn without(filesystem: &str, body: impl FnOnce() -> TestResult + Send) -> TestResult {
    apart(|| {
        unshare(CloneFlags::CLONE_NEWNS)?;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
        let mounts = std::fs::read_to_string("/proc/thread-self/mountinfo")?;
        let kind = format!(" - {filesystem} ");
        for line in mounts.lines().rev().filter(|line| line.contains(&kind)) {
            let place = line.split(' ').nth(4).ok_or("no place")?;
            umount2(place, MntFlags::MNT_DETACH)?;
        }
        body()
    })
}

fn a_mounted_bpffs_turns_the_check() -> TestResult {
    without("bpf", || {
        let before = bpfmap::preflight();
        assert_eq!(check(&before, "bpffs").verdict, Verdict::Fail);
        assert_eq!(before.job(Job::OpenPins).because, ["bpffs"]);
        follow(check(&before, "bpffs"))?;
        let after = bpfmap::preflight();
        let bpffs = check(&after, "bpffs");
        assert_eq!(bpffs.verdict, Verdict::Pass, "{}", bpffs.found);
        assert_eq!(bpffs.found, "mounted at /sys/fs/bpf");

        // Something over it, and it is out of reach again.
        mount(Some("none"), "/sys/fs", Some("tmpfs"), MsFlags::empty(), None::<&str>)?;
        assert_eq!(check(&bpfmap::preflight(), "bpffs").verdict, Verdict::Fail);
        Ok(())
    })
}

fn a_mounted_cgroup2_turns_the_check() -> TestResult {
    without("cgroup2", || {
        // What the command makes a directory in is the test's own.
        std::fs::create_dir_all("/run")?;
        mount(Some("none"), "/run", Some("tmpfs"), MsFlags::empty(), None::<&str>)?;
        let before = bpfmap::preflight();
        assert_eq!(check(&before, "cgroup2").verdict, Verdict::Warn);
        follow(check(&before, "cgroup2"))?;
        assert_eq!(check(&bpfmap::preflight(), "cgroup2").verdict, Verdict::Pass);
        Ok(())
    })
}
