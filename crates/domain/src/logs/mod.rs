//! What CloudWatch Logs decides: which events a filter pattern lets through, where a page begins and ends, which events
//! of a batch are taken.
//!
//! Nothing here knows where events are kept; `control::logs` reads and writes them.

pub mod batch;
mod json_pattern;
pub mod page;
mod pattern;

pub use page::{Direction, Page, Position};
pub use pattern::{Pattern, PatternError};
