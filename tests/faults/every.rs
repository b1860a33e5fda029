//! Runs an operation with every failure that there can be.

use std::cell::{Cell, RefCell};
use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use bpfmap::fault;

/// What an operation says, in words that can be compared.
pub type Answer = Result<String, bpfmap::Error>;

/// An operation, and what it is done to.
pub struct Scenario {
    pub name: &'static str,
    pub setting: Box<dyn FnOnce() -> Made + Send>,
}

pub type Made = Result<Box<dyn Setting>, Box<dyn StdError>>;

/// What an operation is done to.
pub trait Setting {
    /// Brings it back to how it was in the beginning.
    fn reset(&mut self);

    /// The operation.
    fn run(&mut self) -> Answer;

    /// What is there after it, beside what it says.
    fn state(&mut self) -> String;

    /// Whether this errno is an answer for that command, and no failure: a key that
    /// is not there.
    fn is_answer(&self, command: &str, errno: i32) -> bool {
        let _ = command;
        errno == libc::ENOENT
    }
}

/// Everything that `bpf(2)` can answer, interrupted and unheard-of ones too.
const ERRNOS: [i32; 25] = [
    libc::EPERM,
    libc::ENOENT,
    libc::ESRCH,
    libc::EINTR,
    libc::EIO,
    libc::E2BIG,
    libc::EBADF,
    libc::EAGAIN,
    libc::ENOMEM,
    libc::EACCES,
    libc::EFAULT,
    libc::EBUSY,
    libc::EEXIST,
    libc::ENODEV,
    libc::EINVAL,
    libc::EMFILE,
    libc::ENOSPC,
    libc::EDEADLK,
    libc::ENOSYS,
    libc::ENOTSOCK,
    libc::EOPNOTSUPP,
    libc::EOVERFLOW,
    libc::ETIMEDOUT,
    524,
    4095,
];

/// More calls than any operation here makes, were it to try each thing again.
const ENDLESS: usize = 20_000;

/// Kernels: the running one, and one from before there were batches, where the
/// same is done entry by entry.
const KERNELS: [(&str, Kernel); 2] = [
    ("this kernel", |_| None),
    ("a kernel without batches", |command| {
        let newer = command.ends_with("_BATCH");
        newer.then_some(libc::EINVAL)
    }),
];

/// What it answers to a command before it looks at anything else.
type Kernel = fn(&str) -> Option<i32>;

/// Which calls fail.
#[derive(Clone, Copy, Debug)]
enum When {
    Once(usize),
    From(usize),
}

struct Outcome {
    answer: Result<Answer, String>,
    commands: Vec<String>,
}

fn run(setting: &mut dyn Setting, kernel: Kernel, errno: i32, when: Option<When>) -> Outcome {
    let commands = Rc::new(RefCell::new(Vec::new()));
    let calls = Rc::new(Cell::new(0));
    let (seen, count) = (Rc::clone(&commands), Rc::clone(&calls));
    let rule = move |command: &str| {
        let call = count.get();
        count.set(call + 1);
        assert!(call < ENDLESS, "it goes on for ever, with {command}");
        seen.borrow_mut().push(command.to_owned());
        match when {
            Some(When::Once(at)) if at == call => Some(errno),
            Some(When::From(at)) if at <= call => Some(errno),
            _ => kernel(command),
        }
    };
    let answer = catch_unwind(AssertUnwindSafe(|| fault::with(rule, || setting.run())));
    let answer = answer.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
    });
    Outcome { answer, commands: commands.take() }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Runs it with every failure; an error says with which it went wrong.
pub fn failure(scenario: Scenario) -> Result<(), String> {
    let mut setting = (scenario.setting)().map_err(|error| error.to_string())?;
    for (name, kernel) in KERNELS {
        on_kernel(&mut *setting, kernel).map_err(|wrong| format!("on {name}, {wrong}"))?;
    }
    Ok(())
}

fn on_kernel(setting: &mut dyn Setting, kernel: Kernel) -> Result<(), String> {
    setting.reset();
    let Outcome { answer, commands } = run(setting, kernel, 0, None);
    let expected = answer?.map_err(|error| format!("it fails unprovoked: {error}"))?;
    let state = setting.state();
    if commands.is_empty() {
        return Err("it makes no call".into());
    }
    for (at, command) in commands.iter().enumerate() {
        for when in [When::Once(at), When::From(at)] {
            for errno in ERRNOS {
                setting.reset();
                let before = descriptors();
                let outcome = run(setting, kernel, errno, Some(when));
                let wrong = match outcome.answer {
                    Err(panic) => Some(format!("panicked: {panic}")),
                    Ok(Err(error)) => says_too_little(&error),
                    Ok(Ok(_)) if setting.is_answer(command, errno) => None,
                    Ok(Ok(answer)) if answer != expected => {
                        Some(format!("reported as done: {answer}"))
                    }
                    Ok(Ok(_)) => {
                        let now = setting.state();
                        (now != state).then(|| format!("reported as done, and left: {now}"))
                    }
                };
                let after = descriptors();
                let leak = || format!("{before} descriptors before, {after} after");
                if let Some(wrong) = wrong.or_else(|| (before != after).then(leak)) {
                    return Err(format!(
                        "{command} failing with errno {errno} ({when:?}): {wrong}"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// What is wrong with the text of an error: it must say of what it speaks, and
/// more than the number.
fn says_too_little(error: &bpfmap::Error) -> Option<String> {
    let text = error.to_string();
    let last = text.rsplit_once("(os error ").map_or("", |(_, last)| last);
    let is_bare = !text.contains("map") || last.ends_with(')') && !last.contains(' ');
    is_bare.then(|| format!("says too little: {text}"))
}
