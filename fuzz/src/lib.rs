//! What the targets share: random types, random tables, and what has to hold of
//! every answer.

// The tests' own builder, so that a crash is soon a test.
#[path = "../../tests/builder.rs"]
#[allow(missing_docs, clippy::new_without_default, reason = "it is that of the tests")]
pub mod builder;
pub mod known;
pub mod memory;
pub mod shapes;
pub mod tables;
pub mod verdict;
pub mod wild;
