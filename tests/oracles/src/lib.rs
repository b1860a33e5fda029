//! What bpfmap reads against what tools print that have another reader of BTF.
//!
//! `bpftool` says by type id what is in BTF, `pahole` where the members of a
//! struct are and how long, `readelf` where the compiler put variables. What
//! they say is put together here without any part of bpfmap: only so can it
//! disagree.

mod bpftool;
mod differences;
mod embedded;
mod expected;
mod objects;
mod pahole;
mod places;
mod readelf;
mod structs;
mod tool;
mod variables;
mod written;

pub use differences::Differences;
pub use objects::{Objects, each_object, object_in, objects};
pub use structs::{Base, Structs, structs, structs_in};
pub use tool::version;
