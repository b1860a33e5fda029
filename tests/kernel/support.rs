//! What the kernel tests share.

use std::error::Error as StdError;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use aya::Ebpf;
use bpfmap::{
    Be16, Be32, BpfMapKey, BpfMapValue, Btf, Error, Feature, Mismatches, Object, OpenOptions, Pad,
    Support, TypedMap,
};
use libtest_mimic::{Completion, Failed, Trial};
use nix::mount::{MsFlags, mount, umount};
use nix::sched::{CloneFlags, unshare};

use crate::capabilities;
use crate::features::Brought;
use crate::leaks::Held;

pub static FLOWS: &[u8] = aya::include_bytes_aligned!("../../examples/bpf/flows.bpf.o");
pub static KINDS: &[u8] = aya::include_bytes_aligned!("../bpf/kinds.bpf.o");
/// An earlier build of `KINDS`, equal in all sizes and type ids.
pub static OLDER: &[u8] = aya::include_bytes_aligned!("../bpf/older.bpf.o");

#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct FlowKey {
    pub saddr: Be32,
    pub daddr: Be32,
    pub sport: Be16,
    pub dport: Be16,
    pub proto: u8,
    pub pad: Pad<3>,
}

#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct FlowStats {
    pub packets: u64,
    pub bytes: u64,
}

/// `FlowKey` with the ports swapped: of the same size.
#[derive(BpfMapKey, Clone, Copy, Debug)]
#[repr(C)]
pub struct SwappedKey {
    pub saddr: Be32,
    pub daddr: Be32,
    pub dport: Be16,
    pub sport: Be16,
    pub proto: u8,
    pub pad: Pad<3>,
}

/// `struct key` of `kinds.bpf.c`.
#[derive(BpfMapKey, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct Key {
    pub a: u32,
    pub b: u16,
    pub c: u16,
}

/// `struct value` of `kinds.bpf.c`.
#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Value {
    pub count: u64,
    pub first: u32,
    pub last: u32,
}

pub fn key(a: u32) -> Key {
    Key { a, b: 7, c: 9 }
}

pub fn value(count: u64) -> Value {
    Value { count, first: 1, last: 2 }
}

pub type TestResult<T = ()> = Result<T, Box<dyn StdError>>;

/// What a test cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Loading maps and programs.
    Bpf,
    /// Mounting a bpffs.
    Bpffs,
    /// Opening by id, as the kernel's BTF of a map is.
    Ids,
    /// The command `bpftool`.
    Bpftool,
    /// The commands `prometheus` and `promtool`.
    #[allow(dead_code, reason = "the tests of the command need them")]
    Prometheus,
    /// The kernel's own types.
    Vmlinux,
    /// Something that not every kernel has.
    Kernel(Brought),
}

/// Why a test is not run.
enum Lack {
    /// The machine has not got what is needed, which may be required of it.
    Machine(String),
    /// The kernel is too old.
    Kernel(String),
}

/// Why what is needed is not there; an error when it should be.
fn lacks(need: Need) -> Result<Option<Lack>, String> {
    static BPF: OnceLock<Option<String>> = OnceLock::new();
    static BPFFS: OnceLock<Option<String>> = OnceLock::new();
    static BPFTOOL: OnceLock<Option<String>> = OnceLock::new();
    static IDS: OnceLock<Option<String>> = OnceLock::new();
    static PROMETHEUS: OnceLock<Option<String>> = OnceLock::new();
    static VMLINUX: OnceLock<Option<String>> = OnceLock::new();
    let lacking = match need {
        Need::Bpf => BPF.get_or_init(|| {
            let error = Ebpf::load(FLOWS).err()?;
            Some(format!("BPF cannot be loaded: {}", causes(&error)))
        }),
        Need::Bpffs => BPFFS
            .get_or_init(|| Some(format!("a bpffs cannot be mounted: {}", Bpffs::mount().err()?))),
        Need::Ids => IDS.get_or_init(|| match Feature::Ids.probe() {
            Support::Yes => None,
            other => Some(format!("{}: {other}", Feature::Ids)),
        }),
        Need::Bpftool => BPFTOOL.get_or_init(|| {
            let error = Command::new("bpftool").arg("version").output().err()?;
            Some(format!("bpftool cannot be run: {error}"))
        }),
        Need::Prometheus => PROMETHEUS.get_or_init(|| {
            let run = |name| Command::new(name).arg("--version").output();
            let error = run("prometheus").and_then(|_| run("promtool")).err()?;
            Some(format!("prometheus cannot be run: {error}"))
        }),
        Need::Vmlinux => VMLINUX.get_or_init(|| Some(Btf::vmlinux().err()?.to_string())),
        Need::Kernel(brought) => return Ok(brought.lacking()?.map(Lack::Kernel)),
    };
    Ok(lacking.clone().map(Lack::Machine))
}

/// The innermost cause says why, the outer ones only where.
pub fn causes(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

pub fn trial(name: &str, needs: &'static [Need], body: fn() -> TestResult) -> Trial {
    Trial::ignorable_test(name, move || {
        let required = std::env::var_os("BPFMAP_REQUIRE_KERNEL");
        let but_capabilities = required.as_ref().is_some_and(|but| but == "but-capabilities");
        for need in needs {
            match lacks(*need)? {
                Some(Lack::Machine(reason)) if but_capabilities => {
                    return capabilities::ignored(*need, &reason, body);
                }
                Some(Lack::Machine(reason)) if required.is_some() => {
                    return Err(Failed::from(format!("may not be ignored here: {reason}")));
                }
                Some(Lack::Machine(reason) | Lack::Kernel(reason)) => {
                    return Ok(Completion::ignored_with(reason));
                }
                None => {}
            }
        }
        let before = Held::now();
        body().map_err(|error| Failed::from(error.to_string()))?;
        let left = before.and_then(|before| Some(Held::now()?.since(&before)));
        match left.unwrap_or_default().as_slice() {
            [] => Ok(Completion::Completed),
            left => Err(Failed::from(format!("it leaves behind:\n    {}", left.join("\n    ")))),
        }
    })
}

/// Names a list of test functions after themselves.
macro_rules! trials {
    ($($needs:expr => [$($test:ident),* $(,)?])*) => {
        pub fn tests() -> Vec<libtest_mimic::Trial> {
            let module = module_path!().rsplit("::").next().unwrap_or_default();
            vec![$($($crate::support::trial(
                &format!("{module}::{}", stringify!($test)), &$needs, $test,
            ),)*)*]
        }
    };
}
pub(crate) use trials;

/// Gives this process mounts of its own, where it may.
pub fn enter_private_mounts() {
    let private = || {
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
    };
    // Without the right to do so there is no right to mount a bpffs either, and
    // the tests that need one say so.
    let _ = private();
}

/// A bpffs of the test's own.
pub struct Bpffs(tempfile::TempDir);

impl Bpffs {
    pub fn mount() -> std::io::Result<Self> {
        // libbpf replaces the dots in a path that it pins to.
        let directory = tempfile::Builder::new().prefix("bpfmap-").tempdir()?;
        mount(Some("bpf"), directory.path(), Some("bpf"), MsFlags::empty(), None::<&str>)?;
        Ok(Self(directory))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Bpffs {
    fn drop(&mut self) {
        let _ = umount(self.0.path());
    }
}

/// Runs a command of `bpftool`; no word of it may hold a blank.
pub fn bpftool(command: &str) -> TestResult {
    let output = Command::new("bpftool").args(command.split(' ')).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("bpftool {command}: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// Opens a map of a program that was loaded from `object`, which is the way where
/// the kernel's BTF may not be read; where it may, that comes first.
pub fn with_object<M: TypedMap>(object: &[u8], ebpf: &Ebpf, name: &str) -> Result<M, Error> {
    let object = Object::parse(object).expect("it is loaded");
    OpenOptions::new().object(&object).open(ebpf, name)
}

/// The refusal of a map for its fields.
#[track_caller]
pub fn mismatches<T>(answer: Result<T, Error>) -> Box<Mismatches> {
    match answer {
        Err(Error::Mismatch(mismatches)) => mismatches,
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("accepted"),
    }
}

/// The paths of the fields that differ.
#[track_caller]
pub fn differing<T>(answer: Result<T, Error>) -> Vec<String> {
    mismatches(answer).iter().map(|(role, mismatch)| format!("{role}.{}", mismatch.path)).collect()
}

pub fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}
