//! What bpfmap writes for an object must compile, without a warning, and pass
//! the gate against the same object, untouched.
//!
//! A package is made with a module for each object, the text as it was written,
//! and a `main` that runs the gate for each map and each type.

mod package;
mod run;
mod source;

pub use package::Package;
pub use run::{Wanted, run};
pub use source::Figures;
