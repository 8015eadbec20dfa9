//! Principals of policies on resources: kept as unique ids, shown as ARNs.
//!
//! As IAM does, so that a policy never trusts a new user or role that has only the name of one that was deleted: what it
//! trusted is gone, and shows as the id that is left of it.

use domain::iam::{MalformedPolicy, Policy, Principal, with_principals};

use super::name::{role_by_arn, user_by_arn};
use crate::store::State;

/// The document as it is kept: users and roles of this account by their ids.
///
/// # Errors
/// `Invalid principal in policy` for a user or role of this account that is not there.
pub(crate) fn kept(state: &State, document: &str, policy: &Policy, account: &str) -> Result<String, MalformedPolicy> {
    for principal in policy.principals() {
        let is_there = match principal {
            Principal::Arn(arn) if arn.split(':').nth(4) == Some(account) => {
                let is_entity = arn.contains(":user/") || arn.contains(":role/");
                !is_entity || id_of(state, arn).is_some()
            }
            _ => true,
        };
        if let (false, Principal::Arn(arn)) = (is_there, principal) {
            return Err(MalformedPolicy(format!("Invalid principal in policy: \"AWS\":\"{arn}\"")));
        }
    }
    Ok(with_principals(document, |written| id_of(state, written)))
}

/// The document as it is shown: ids of users and roles that are there by their ARNs.
pub(crate) fn shown(state: &State, document: &str) -> String {
    with_principals(document, |written| arn_of(state, written))
}

fn id_of(state: &State, arn: &str) -> Option<String> {
    let user = user_by_arn(state, arn).map(|user| &user.entity);
    let entity = user.or_else(|| role_by_arn(state, arn).map(|role| &role.entity));
    entity.map(|entity| entity.id.clone())
}

fn arn_of(state: &State, id: &str) -> Option<String> {
    let users = state.iam_users.values().map(|user| &user.entity);
    let roles = state.iam_roles.values().map(|role| &role.entity);
    let mut entities: Box<dyn Iterator<Item = _>> = match id.get(..4) {
        Some("AIDA") => Box::new(users),
        Some("AROA") => Box::new(roles),
        _ => return None,
    };
    entities.find(|entity| entity.id == id).map(|entity| entity.arn.clone())
}
