//! Every decision of Tidegate, as pure functions: who may do what, which input is valid, what happens next to a task,
//! which packets pass.
//!
//! Time, identifiers and randomness are arguments. Nothing here waits, reads a file or opens a socket; the traits of
//! [`compute`] are where `control` and `node`, which do, meet.

pub mod audit;
pub mod compute;
pub mod connections;
pub mod deletion;
pub mod ecs;
pub mod explain;
pub mod failure;
pub mod iam;
pub mod image;
pub mod kms;
pub mod logs;
pub mod mend;
pub mod network;
pub mod regions;
pub mod secrets;
pub mod ssm;
