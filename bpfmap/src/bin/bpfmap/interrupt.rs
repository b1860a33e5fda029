//! Whether somebody wants the command to end.

use std::sync::atomic::{AtomicBool, Ordering};

static CAME: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT, SIGTERM and SIGHUP end the command between two lines of
/// its output, and not within one.
pub(crate) fn watch() {
    // Without a handler they end it at once, which is no worse than not to start.
    let _ = ctrlc::set_handler(|| CAME.store(true, Ordering::Relaxed));
}

/// Whether one of them came.
pub(crate) fn came() -> bool {
    CAME.load(Ordering::Relaxed)
}
