//! Whether somebody wants the command to end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

static CAME: AtomicBool = AtomicBool::new(false);
static WAITING: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());

/// From now on SIGINT, SIGTERM and SIGHUP end the command between two lines of
/// its output, and not within one. Until then they end it at once, wherever it waits:
/// for the commands that look whether one came.
pub(crate) fn watch() {
    // Without a handler they end it at once, which is no worse than not to start.
    let _ = ctrlc::set_handler(|| {
        let (lock, waiting) = &WAITING;
        let _guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        CAME.store(true, Ordering::Relaxed);
        waiting.notify_all();
    });
}

/// Whether one of them came.
pub(crate) fn came() -> bool {
    CAME.load(Ordering::Relaxed)
}

/// Waits for one of them, and no longer than that; whether it came.
pub(crate) fn wait(timeout: Duration) -> bool {
    let (lock, waiting) = &WAITING;
    let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
    drop(waiting.wait_timeout_while(guard, timeout, |()| !came()));
    came()
}
