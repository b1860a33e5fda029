//! What the library allocates is counted: hostile input may not cost more than
//! a small multiple of its length, and a report of fixed size.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator, which AddressSanitizer replaces, does the
// work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.set(LIVE.get() + layout.size() as isize);
        PEAK.set(PEAK.get().max(LIVE.get()));
        // SAFETY: what the caller promises is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How many bytes may be held at a time.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// For each byte of the input.
    pub times: usize,
    /// In any case.
    pub plus: usize,
}

impl Bound {
    /// Runs `work` on an input of `len` bytes, and panics when it holds more.
    #[track_caller]
    pub fn check<T>(self, len: usize, work: impl FnOnce() -> T) -> T {
        let before = LIVE.get();
        PEAK.set(before);
        let result = work();
        let (peak, limit) = ((PEAK.get() - before) as usize, self.times * len + self.plus);
        assert!(
            peak <= limit,
            "{len} bytes of input take {peak} bytes of memory, more than {limit}"
        );
        result
    }
}

/// `Btf::parse`: four bytes for each type, which has at least twelve, in a
/// vector that is copied where it grows.
pub const PARSE: Bound = Bound { times: 1, plus: 1 << 10 };

/// A comparison and its report, or all of an object's.
///
/// What grows with the input are the places of a name in the string table, four
/// bytes for two of a name such as `t`, and the symbols of maps; either in a
/// vector that is copied where it grows. All else has a limit: 8192 members on
/// each level of a Rust struct, 256 differences and as many lines of the table,
/// 512 characters for each name in these, 4096 maps.
pub const CHECK: Bound = Bound { times: 8, plus: 8 << 20 };

/// The Rust types for an object, and what is found in it.
///
/// A member of 12 bytes may have a name of 512, which is in the names that are
/// taken, in an attribute, and in the text, there with each character escaped.
/// The numbers of findings, structs and members have limits.
pub const WRITE: Bound = Bound { times: 1024, plus: 16 << 20 };

/// How a type is read: a node for each type that it consists of, an entry for each
/// member, and a name for each place in the string table that one points to, of 512
/// bytes at most. Members of anonymous members are limited to 65536.
pub const VALUE: Bound = Bound { times: 64, plus: 16 << 20 };
