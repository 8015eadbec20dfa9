//! Bytes to values and back: Signature Version 4, the three AWS wire protocols, ARNs, identifiers and error documents.
//!
//! Nothing here waits, reads a file or asks the clock: time and randomness are arguments, so every function can be
//! tested with a table. What a value *means* is decided in `domain`.

pub mod arn;
pub mod constraint;
pub mod document;
pub mod form;
pub mod ids;
pub mod protocol;
pub mod query;
pub mod shown;
pub mod sigv4;
pub mod types;
pub mod xml;

pub use arn::Arn;
pub use constraint::{Check, Checked, Constraint, Pattern, Value};
pub use protocol::Protocol;
pub use shown::shown;
pub use types::{Blob, Sensitive, Timestamp};
