//! The control plane: the front door, the store, one folder per AWS service, and the reconcilers.
//!
//! It knows no kernel: what runs tasks is behind [`domain::compute::Compute`], and only the reconcilers hold one. An
//! [`App`], which handlers get, has none, so a handler can write intentions and nothing else.

pub mod app;
pub mod ec2;
pub mod ecs;
pub mod error;
pub mod explain;
pub mod front;
pub mod iam;
pub mod kms;
pub mod limits;
pub mod logs;
pub mod request;
pub mod seal;
pub mod store;
pub mod sts;
#[cfg(test)]
pub(crate) mod testing;

pub use app::{App, Settings};
pub use error::ServiceError;
pub use request::{Access, Authorized, Request};
