//! The seam for faults: lets a test choose what `bpf(2)` answers, where the
//! kernel cannot be made to.

use std::cell::{Cell, RefCell};
use std::io;

use aya_obj::generated::bpf_cmd;

type Rule = Box<dyn FnMut(&str) -> Option<i32>>;
type Rewrite = Box<dyn FnMut(&mut [u8])>;

thread_local! {
    static POSSIBLE_CPUS: Cell<Option<usize>> = const { Cell::new(None) };
    static LIST_OF_CPUS: Cell<Option<Result<&'static str, i32>>> = const { Cell::new(None) };
    static RULE: RefCell<Option<Rule>> = const { RefCell::new(None) };
    static REWRITE: RefCell<Option<Rewrite>> = const { RefCell::new(None) };
    static RULE_AFTER: RefCell<Option<Rule>> = const { RefCell::new(None) };
}

pub(super) fn answer(command: bpf_cmd) -> Option<i32> {
    RULE.with_borrow_mut(|rule| rule.as_mut().and_then(|rule| rule(&format!("{command:?}"))))
}

/// While `body` runs, each call for which `rule` has an errno fails with it, on
/// this thread. `rule` is given the name of the command, as in `<linux/bpf.h>`.
pub fn with<T>(rule: impl FnMut(&str) -> Option<i32> + 'static, body: impl FnOnce() -> T) -> T {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            RULE.set(None);
        }
    }
    let _reset = Reset;
    RULE.set(Some(Box::new(rule)));
    body()
}

pub(super) fn rewrite(info: &mut [u8]) {
    REWRITE.with_borrow_mut(|rewrite| {
        if let Some(rewrite) = rewrite {
            rewrite(info);
        }
    });
}

/// While `body` runs, `rewrite` changes what the kernel says of descriptors
/// (`BPF_OBJ_GET_INFO_BY_FD`), on this thread. It is given the kernel's
/// structure; its length tells which.
pub fn with_infos<T>(rewrite: impl FnMut(&mut [u8]) + 'static, body: impl FnOnce() -> T) -> T {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            REWRITE.set(None);
        }
    }
    let _reset = Reset;
    REWRITE.set(Some(Box::new(rewrite)));
    body()
}

pub(super) fn answer_after(command: bpf_cmd) -> Option<i32> {
    RULE_AFTER.with_borrow_mut(|rule| rule.as_mut().and_then(|rule| rule(&format!("{command:?}"))))
}

/// As [`with`], but the kernel does what it was asked for before the errno takes
/// the place of its answer, as of a batch that ended early.
pub fn with_after<T>(
    rule: impl FnMut(&str) -> Option<i32> + 'static,
    body: impl FnOnce() -> T,
) -> T {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            RULE_AFTER.set(None);
        }
    }
    let _reset = Reset;
    RULE_AFTER.set(Some(Box::new(rule)));
    body()
}

pub(super) fn possible_cpus() -> Option<usize> {
    POSSIBLE_CPUS.get()
}

/// While `body` runs, so many CPUs are possible on this thread.
pub fn with_possible_cpus<T>(cpus: usize, body: impl FnOnce() -> T) -> T {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            POSSIBLE_CPUS.set(None);
        }
    }
    let _reset = Reset;
    POSSIBLE_CPUS.set(Some(cpus));
    body()
}

pub(super) fn list_of_cpus() -> Option<io::Result<String>> {
    let list = LIST_OF_CPUS.get()?;
    Some(list.map(str::to_owned).map_err(io::Error::from_raw_os_error))
}

/// While `body` runs, the kernel's list of possible CPUs is this, or reading it
/// fails with this errno, on this thread.
pub fn with_list_of_cpus<T>(list: Result<&'static str, i32>, body: impl FnOnce() -> T) -> T {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            LIST_OF_CPUS.set(None);
        }
    }
    let _reset = Reset;
    LIST_OF_CPUS.set(Some(list));
    body()
}
