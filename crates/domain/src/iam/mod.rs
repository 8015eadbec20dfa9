//! IAM: policies, principals, and the evaluation that decides every request.
//!
//! A document is read once into a [`Policy`]; [`evaluate`] puts the policies of every layer in AWS's order and answers
//! with a [`Decision`] that knows which statement of which policy decided. [`explain`] turns a decision into the link of
//! a cause chain, with the mend. Nothing here knows where policies are kept.

mod caller;
mod condition;
mod context;
mod evaluate;
pub mod explain;
mod json;
mod parse;
mod password;
mod pattern;
mod place;
mod policy;
mod principal;
mod ruling;
mod service_linked;
#[cfg(test)]
mod tests;
mod web_token;

pub use caller::{Caller, FederatedBy, Identity, SessionContext};
pub use context::Context;
pub use evaluate::{
    Asked, Decision, Layer, Matched, Policies, ResourcePolicyRule, Source, Verdict, evaluate, speaking_statements,
};
pub use parse::{MalformedPolicy, PolicyKind, counted_characters};
pub use password::{Kinds, PasswordRules};
pub use place::{Position, statement_positions, with_principals};
pub use policy::{Effect, Policy, Statement};
pub use principal::{Closeness, Principal};
pub use ruling::{Ruling, authorization_message};
pub use service_linked::{SERVICE_LINKED_PATH, ServiceLinkedRole};
pub use web_token::{WebToken, WebTokenError};
