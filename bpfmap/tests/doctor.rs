//! `bpfmap doctor`, as it is typed.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const BPFMAP: &str = env!("CARGO_BIN_EXE_bpfmap");

type TestResult = Result<(), Box<dyn std::error::Error>>;

fn machine(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/machines").join(name)
}

/// What the command says of a machine.
fn doctor(name: &str, arguments: &[&str]) -> Output {
    let root = machine(name);
    let output =
        Command::new(BPFMAP).arg("doctor").arg("--root").arg(root).args(arguments).output();
    output.unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_exit_code_says_whether_something_fails() {
    // Nothing is probed there, and what is not known is no failure.
    assert_eq!(doctor("debian-12", &[]).status.code(), Some(0));
    assert_eq!(doctor("empty", &[]).status.code(), Some(0));
    assert_eq!(doctor("bare", &[]).status.code(), Some(1));
    assert_eq!(doctor("unprivileged", &["--json"]).status.code(), Some(1));

    let missing = doctor("no-such-machine", &[]);
    assert_eq!(missing.status.code(), Some(2));
    let said = String::from_utf8(missing.stderr).unwrap();
    assert!(said.starts_with("bpfmap: ") && said.contains("No such file"), "{said}");
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn the_exit_code_can_be_asked_of_a_job() {
    // It is not known whether bpf(2) is there.
    assert_eq!(doctor("debian-12", &["--for", "open-pins"]).status.code(), Some(1));
    assert_eq!(doctor("debian-12", &["--for", "no-job"]).status.code(), Some(2));
}

#[test]
fn json_is_one_line_with_all_checks() -> TestResult {
    let output = doctor("bare", &["--json"]);
    let text = stdout(&output);
    assert_eq!(text.lines().count(), 1);
    let report: serde_json::Value = serde_json::from_str(&text)?;
    assert_eq!(report["verdict"], "fail");
    assert!(report["checks"].as_array().ok_or("no checks")?.len() > 20);
    assert_eq!(report["jobs"].as_array().ok_or("no jobs")?.len(), 5);
    Ok(())
}

#[test]
fn colors_are_for_terminals() {
    let plain = stdout(&doctor("bare", &[]));
    assert!(!plain.contains('\u{1b}'));
    let colored = stdout(&doctor("bare", &["--color", "always"]));
    assert!(colored.contains("\u{1b}[1m\u{1b}[31mfail"), "{colored:?}");
    let verbose = stdout(&doctor("bare", &["--verbose"]));
    assert!(verbose.lines().count() > plain.lines().count());
}

/// A copy of the command that others may run, named as the fixes name it.
struct Copied(tempfile::TempDir);

impl Copied {
    fn new() -> std::io::Result<Self> {
        let directory = tempfile::tempdir()?;
        std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755))?;
        // Not by this process: what another test starts meanwhile would have the file open
        // for writing, and nobody could run it.
        let copied = Command::new("cp").arg(BPFMAP).arg(directory.path().join("program")).status();
        assert!(copied?.success());
        Ok(Self(directory))
    }

    /// Runs a command in its directory, with mounts of its own.
    fn sh(&self, script: &str) -> std::io::Result<Output> {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--propagation", "private", "sh", "-ec", script]);
        unshare.current_dir(self.0.path()).output()
    }
}

/// Nobody, who has no capability.
const AS_NOBODY: &str = "setpriv --reuid 65534 --regid 65534 --clear-groups";

fn check(report: &str, id: &str) -> serde_json::Value {
    let report: serde_json::Value =
        serde_json::from_str(report).unwrap_or_else(|error| panic!("{error}: {report}"));
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap().clone()
}

fn command(check: &serde_json::Value) -> &str {
    check["fixes"][0]["command"].as_str().unwrap_or_else(|| panic!("{check}"))
}

/// As root, and where the kernel gives capabilities to files.
fn is_root() -> bool {
    let uid = Command::new("id").arg("-u").output().unwrap();
    let is_root = stdout(&uid).trim() == "0";
    assert!(
        is_root || std::env::var_os("BPFMAP_REQUIRE_KERNEL").is_none(),
        "may not be left out here: it needs root"
    );
    is_root
}

#[test]
fn what_it_says_to_type_gives_a_program_its_capability() -> TestResult {
    if !is_root() {
        return Ok(());
    }
    let copied = Copied::new()?;
    let doctor = format!("{AS_NOBODY} ./program doctor --json");
    let report = || -> Result<String, Box<dyn std::error::Error>> {
        Ok(stdout(&copied.sh(&format!("{doctor} || true"))?))
    };
    for id in ["cap-bpf", "cap-perfmon", "cap-net-admin", "cap-sys-admin"] {
        let before = check(&report()?, id);
        let expected = match id {
            "cap-bpf" => "fail",
            "cap-sys-admin" => "warn",
            // The line for the first one is for these, too.
            _ => "pass",
        };
        assert_eq!(before["verdict"], expected, "{before}");
        if expected != "pass" {
            let typed = copied.sh(command(&before))?;
            assert!(typed.status.success(), "{}", String::from_utf8_lossy(&typed.stderr));
        }
        let after = check(&report()?, id);
        assert_eq!(after["verdict"], "pass", "{after}");
        // One fix does not undo another.
        assert_eq!(check(&report()?, "cap-bpf")["verdict"], "pass");
    }
    // With it, the kernel can be asked.
    assert_ne!(check(&report()?, "map-types")["verdict"], "unknown");
    Ok(())
}

#[test]
fn what_it_says_to_type_mounts_what_is_missing() -> TestResult {
    if !is_root() {
        return Ok(());
    }
    let copied = Copied::new()?;
    let bare = "umount -a -t bpf,securityfs || true; mount -t tmpfs none /sys/fs/bpf || true; ";
    let doctor = "./program doctor --json || true";
    for id in ["bpffs", "lockdown"] {
        let before = check(&stdout(&copied.sh(&format!("{bare}{doctor}"))?), id);
        let typed = command(&before);
        assert_ne!(before["verdict"], "pass", "{before}");
        let after = check(&stdout(&copied.sh(&format!("{bare}{typed}; {doctor}"))?), id);
        assert_ne!(after["verdict"], before["verdict"], "{after}");
        if id == "bpffs" {
            assert_eq!(after["verdict"], "pass", "{after}");
        }
    }
    Ok(())
}

#[test]
fn what_it_says_to_type_opens_a_bpffs_to_others() -> TestResult {
    if !is_root() {
        return Ok(());
    }
    let copied = Copied::new()?;
    let closed = "umount -a -t bpf || true; mount -t bpf -o mode=700 bpf /sys/fs/bpf; ";
    let doctor = format!("{AS_NOBODY} ./program doctor --json || true");
    let before = check(&stdout(&copied.sh(&format!("{closed}{doctor}"))?), "bpffs");
    assert_eq!(before["verdict"], "fail", "{before}");
    let typed = command(&before);
    let after = check(&stdout(&copied.sh(&format!("{closed}{typed}; {doctor}"))?), "bpffs");
    assert_eq!(after["verdict"], "pass", "{after}");
    Ok(())
}

#[test]
fn capabilities_in_a_user_namespace_do_not_count() -> TestResult {
    if !is_root() {
        return Ok(());
    }
    let copied = Copied::new()?;
    let output = copied.sh("unshare --user --map-root-user ./program doctor --json || true")?;
    let report = stdout(&output);
    if report.is_empty() {
        // The machine lets nobody make one.
        assert!(std::env::var_os("BPFMAP_REQUIRE_KERNEL").is_none());
        return Ok(());
    }
    assert_eq!(check(&report, "user-namespace")["verdict"], "fail");
    assert_eq!(check(&report, "cap-bpf")["verdict"], "fail");
    let outside = stdout(&copied.sh("./program doctor --json || true")?);
    assert_eq!(check(&outside, "user-namespace")["verdict"], "pass");
    Ok(())
}
