//! How full maps are over time, and when that is too full.
//!
//! ```text
//!  Targets --samples--> how full each map is now --Watermark--> Event: above, below, gone
//!  (asks the kernel)                               (no I/O, and the caller's clock)
//! ```

mod draw;
mod sample;
mod targets;
mod watermark;

pub use sample::{Reading, Sample, WatchedMap};
pub use targets::Targets;
pub use watermark::{Change, Event, Watermark};
