//! Random C structs against the Rust layouts that fit them, and against those
//! that do not.
//!
//! A compiler lays the structs out and writes BTF. What fits is made from the
//! structs as they were generated, and from the numbers that the compiler put
//! into constants; nothing of it comes from the BTF, which only bpfmap reads.
//! Each layout must be accepted, and after each single edit refused, with the
//! path of the field that was edited.

mod c;
mod compile;
mod edits;
mod fit;
mod generate;
mod run;
mod rust;
mod table;

pub use compile::version;
pub use run::{Figures, WithObject, each_object, run};
