//! The audit: every call becomes one event in CloudTrail's form, with our own record of what was decided and why.
//!
//! - `trail`: what is gathered while a call is handled, without any handler's help
//! - `recording`: the end of a call, which makes the event; and calls that a service makes for its caller
//! - `event`: the form of an event
//! - `identity`, `resources`: who asked, and what it was about
//! - `parameters`: what of a request and its answer may be written down
//! - `keeper`: where events go, and what becomes of those that cannot be written
//! - `files`: JSON lines on disk, and their retention
//! - `counting`: what is only counted, one event a minute for each source and kind
//! - `search`, `lines`: newest first, bounded
//! - `last_used`: when a key or a role was used last
//!
//! `domain::audit` decides which events are kept whole, in which budget, and which are only counted.
//!
//! An event is handed to the operating system before the call is answered, so that a crash of the server loses none.
//! It is not made durable for itself: a power cut may cost the last moments.

mod counting;
mod event;
mod files;
mod identity;
mod keeper;
pub mod last_used;
mod lines;
mod parameters;
mod recording;
mod resources;
pub(crate) mod search;
#[cfg(test)]
mod tests;
mod trail;

pub(crate) use event::Event;
pub use keeper::{AuditError, AuditFiles, Retention};
pub(crate) use keeper::{keep_counts, keep_retention};
pub(crate) use recording::{Origin, Recording, call};
pub(crate) use trail::{Trail, answered, asked, note, note_task};
