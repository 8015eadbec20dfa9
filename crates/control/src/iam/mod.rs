//! IAM: users, roles, policies, and the authorisation of every request.

pub mod authorization;
