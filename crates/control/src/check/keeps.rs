//! Whether a mend only added: everything that was there before is there after it, as it was.
//!
//! What a mend may change on purpose is a state that it takes back (a deletion, a disabled key), which is no content.
//! The cost grows with what the mend changed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::iam::record::Entity;
use crate::store::State;

/// Whether `after` still has what `before` had.
pub(super) fn keeps(before: &State, after: &State) -> bool {
    let roles = after.iam_roles.changed_since(&before.iam_roles).all(|key| {
        let Some(old) = before.iam_roles.get(key) else { return true };
        let Some(new) = after.iam_roles.get(key) else { return false };
        keeps_entity(&old.entity, &new.entity) && keeps_statements(&old.trust, &new.trust)
    });
    let users = after.iam_users.changed_since(&before.iam_users).all(|key| {
        let Some(old) = before.iam_users.get(key) else { return true };
        after.iam_users.get(key).is_some_and(|new| keeps_entity(&old.entity, &new.entity))
    });
    let keys = after.kms_keys.changed_since(&before.kms_keys).all(|key| {
        let Some(old) = before.kms_keys.get(key) else { return true };
        after.kms_keys.get(key).is_some_and(|new| keeps_statements(&old.policy, &new.policy))
    });
    let secrets = after.secrets.changed_since(&before.secrets).all(|key| {
        let Some(old) = before.secrets.get(key) else { return true };
        let kept = |new: &BTreeMap<String, _>| old.versions.keys().all(|id| new.contains_key(id));
        after.secrets.get(key).is_some_and(|new| kept(&new.versions) && new.policy == old.policy)
    });
    let groups = after.security_groups.changed_since(&before.security_groups).all(|key| {
        let Some(old) = before.security_groups.get(key) else { return true };
        after.security_groups.get(key).is_some_and(|new| old.rules.iter().all(|rule| new.rules.contains(rule)))
    });
    let mut definitions = after.task_definitions.changed_since(&before.task_definitions);
    roles && users && keys && secrets && groups && definitions.all(|key| !before.task_definitions.contains(key))
}

fn keeps_entity(old: &Entity, new: &Entity) -> bool {
    let inline = old.inline.iter().all(|(name, document)| new.inline.get(name) == Some(document));
    inline && old.attached.iter().all(|arn| new.attached.contains(arn)) && old.boundary == new.boundary
}

/// Whether a policy has every statement that it had.
fn keeps_statements(old: &str, new: &str) -> bool {
    let [old, new] = [old, new].map(statements);
    old.iter().all(|statement| new.contains(statement))
}

fn statements(document: &str) -> Vec<Value> {
    let mut document: Value = serde_json::from_str(document).unwrap_or_default();
    match document.get_mut("Statement").map(Value::take) {
        Some(Value::Array(statements)) => statements,
        Some(statement) => vec![statement],
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestApp, allow};

    #[tokio::test]
    async fn a_policy_over_another_one_is_no_addition() {
        let test = TestApp::new();
        test.put_role("exec", &[("read", allow("secretsmanager:GetSecretValue", "a"))]).await;
        let before = test.app.store.read();
        let key = before.iam_roles.iter().next().map(|(key, _)| key.to_owned()).expect("a role");
        let with = |name: &str, document: &str| {
            let mut after = State::clone(&before);
            after.iam_roles.update(&key, |role| role.entity.inline.insert(name.to_owned(), document.to_owned()));
            after
        };
        assert!(keeps(&before, &with("more", "{}")));
        assert!(!keeps(&before, &with("read", "{}")));
        let mut trusting = State::clone(&before);
        trusting.iam_roles.update(&key, |role| role.trust = r#"{"Statement":[]}"#.to_owned());
        assert!(!keeps(&before, &trusting));
        assert!(keeps(&before, &before));
    }
}
