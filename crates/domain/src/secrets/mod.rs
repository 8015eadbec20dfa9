//! Secrets Manager's decisions, and what an ECS agent makes of a secret's value.
//!
//! Not here: where secrets are kept and how they are sealed (`control::secretsmanager`).

mod filter;
mod go_json;
mod name;
mod password;
mod public;
mod registry_auth;
mod rotation;
mod stages;
mod value_from;

pub use filter::{Filter, Searchable, matches_all};
pub use go_json::GoJsonError;
pub use name::{SUFFIX_CHARACTERS, arn_in_region, is_valid_name, region_of, secret_arn, suffix};
pub use password::{CharacterType, PasswordError, PasswordRules, random_password};
pub use public::is_public;
pub use registry_auth::{RegistryAuthError, registry_credentials};
pub use rotation::{Rotation, RotationError, RotationRules, Window};
pub use stages::{CURRENT, PENDING, PREVIOUS, StageError, Stages};
pub use value_from::{JsonKeyError, SecretReference, ValueFrom, ValueFromError, json_value};
