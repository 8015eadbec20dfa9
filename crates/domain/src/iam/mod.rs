//! IAM: policies, principals, and the evaluation that decides every request.

mod caller;

pub use caller::{Caller, Identity, SessionContext};
