//! Why a lookup finds nothing.
//!
//! ```text
//!  a map, a key and what is known --request--> locate -> layout -> key --chain--> Diagnosis
//!                                                          |         |
//!                                                         leaf ---> near, prefix (no I/O)
//! ```

mod chain;
mod copies;
mod diagnosis;
mod draw;
mod key;
mod layout;
mod leaf;
mod locate;
mod methods;
mod near;
mod object;
mod prefix;
mod request;
mod text;

pub use diagnosis::{Answer, Break, Diagnosis, Holder, Link, Question, SecondCopy};
pub use leaf::{FieldKind, KeyField, UnionArm};
pub use near::{KeyDifference, NearKey, Nearness};
pub use object::LayoutDifference;
pub use request::{MapRef, Why};
