//! The road from a role to a secret.
