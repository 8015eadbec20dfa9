//! KMS's decisions: which key an argument names, what a key is made of and for, what it may do in its state, what a ciphertext is bound to, which
//! grant admits whom, when material is rotated.
//!
//! Not here: the cryptography itself and the keys' material (`control::kms`), and the evaluation of key policies
//! ([`crate::iam`]).

mod ciphertext;
mod context;
mod grant;
mod policy;
mod reference;
mod rotation;
mod spec;
mod state;

pub use ciphertext::{CiphertextHeader, MATERIAL_ID_BYTES};
pub use context::EncryptionContext;
pub use grant::{Grant, GrantConstraints, OPERATIONS, has_operation, policy_with_grants};
pub use policy::{default_key_policy, managed_key_policy};
pub use reference::{KeyReference, KeyReferenceError, key_arn};
pub use rotation::Rotation;
pub use spec::{KeySpec, KeyUsage, UnknownSpec, UsageError};
pub use state::{KeyState, StateError};
