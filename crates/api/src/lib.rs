//! The AWS shapes: plain serde structs and one marker type per operation, generated from `models/` by
//! `cargo xtask codegen`. Data only.
//!
//! These are shapes of the wire, not records: EC2's have one name in requests and another in answers, so what they
//! serialise to is not what they deserialise from.

mod operations;

pub mod cloudtrail;
pub mod ec2;
pub mod ecs;
pub mod iam;
pub mod kms;
pub mod logs;
pub mod secretsmanager;
pub mod ssm;
pub mod sts;
pub mod tidegate;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use operations::SERVICES;

/// What the model says of a whole service.
#[derive(Debug)]
pub struct Service {
    /// Its name here and in IAM actions: `ecs`.
    pub name: &'static str,
    /// The service of its requests' credential scope.
    pub signing_name: &'static str,
    /// How it speaks.
    pub protocol: wire::Protocol,
    /// What stands before the operation in `X-Amz-Target`; empty unless it speaks JSON.
    pub target_prefix: &'static str,
    /// `Version` of its requests: `2014-11-13`.
    pub version: &'static str,
    /// The namespace of its answers; empty when it speaks JSON.
    pub namespace: &'static str,
    /// The names of all its operations, served or not, in order.
    pub operations: &'static [&'static str],
    /// The HTTP status of its modelled errors, in the order of their codes.
    pub errors: &'static [(&'static str, u16)],
}

impl Service {
    /// Whether AWS has this operation, served here or not.
    pub fn has_operation(&self, name: &str) -> bool {
        self.operations.binary_search(&name).is_ok()
    }

    /// The HTTP status that the model gives an error code.
    pub fn status_of(&self, code: &str) -> Option<u16> {
        let found = self.errors.binary_search_by_key(&code, |(known, _)| known).ok()?;
        self.errors.get(found).map(|(_, status)| *status)
    }
}

/// One operation of a service; the type itself has no values.
pub trait Operation: 'static {
    /// The service it belongs to.
    const SERVICE: &'static Service;
    /// Its name: `RunTask`.
    const NAME: &'static str;
    /// Whether the model gives it an output; the services answer the others without any content.
    const HAS_OUTPUT: bool;
    /// What is asked.
    type Input: DeserializeOwned + Serialize + wire::Checked + Send + 'static;
    /// What is answered.
    type Output: Serialize + Send + 'static;
}
