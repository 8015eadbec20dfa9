//! Who asked, as CloudTrail's `userIdentity` tells it, and for which task.

use domain::iam::{Caller, FederatedBy, Identity, SessionContext};
use serde_json::{Map, Value, json};

use crate::store::State;

/// The `userIdentity` of a caller.
pub(super) fn of_caller(caller: &Caller, invoked_by: Option<&str>) -> Value {
    let mut identity = match &caller.identity {
        Identity::Root => json!({"type": "Root"}),
        Identity::User { arn, context, .. } => {
            let mut user = json!({"type": "IAMUser", "userName": last_part(arn)});
            if context.issued_at.is_some() {
                user["sessionContext"] = session(context);
            }
            user
        }
        Identity::FederatedUser { by, context, .. } => {
            let mut session = session(context);
            session["sessionIssuer"] = match by {
                FederatedBy::Root => json!({"type": "Root", "accountId": caller.account}),
                FederatedBy::User { arn, id } => issuer("IAMUser", arn, id),
            };
            json!({"type": "FederatedUser", "sessionContext": session})
        }
        Identity::Role { role_arn, role_id, context, .. } => {
            let mut session = session(context);
            session["sessionIssuer"] = issuer("Role", role_arn, role_id);
            json!({"type": "AssumedRole", "sessionContext": session})
        }
        Identity::WebIdentity { provider, subject } => {
            let principal = format!("{provider}:{subject}");
            return json!({"type": "WebIdentityUser", "principalId": principal, "userName": subject,
                "identityProvider": provider});
        }
        Identity::Anonymous => {
            return json!({"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"});
        }
        Identity::Service { name } => return json!({"type": "AWSService", "invokedBy": name}),
    };
    identity["principalId"] = caller.user_id().into();
    identity["arn"] = caller.arn().into();
    identity["accountId"] = caller.account.as_str().into();
    if !caller.access_key_id.is_empty() {
        identity["accessKeyId"] = caller.access_key_id.as_str().into();
    }
    if let Some(service) = invoked_by {
        identity["invokedBy"] = service.into();
    }
    identity
}

/// The `sessionContext` of a session; its issuer is added.
fn session(context: &SessionContext) -> Value {
    let mut session = json!({"attributes": {"mfaAuthenticated": context.mfa_at.is_some().to_string()}});
    if let Some(issued_at) = context.issued_at {
        session["attributes"]["creationDate"] = issued_at.to_rfc3339().into();
    }
    if let Some(source_identity) = &context.source_identity {
        session["sourceIdentity"] = source_identity.as_str().into();
    }
    session
}

fn issuer(kind: &str, arn: &str, id: &str) -> Value {
    let account = arn.split(':').nth(4);
    json!({"type": kind, "principalId": id, "arn": arn, "accountId": account, "userName": last_part(arn)})
}

/// The `userIdentity` of a request that is nobody's: the key it says it was signed with.
pub(super) fn of_nobody(access_key_id: Option<&str>, account: &str) -> Value {
    let mut identity = Map::new();
    identity.insert("type".into(), "Unknown".into());
    identity.insert("accountId".into(), account.into());
    if let Some(key) = access_key_id {
        identity.insert("accessKeyId".into(), key.into());
    }
    Value::Object(identity)
}

/// The name by which `LookupEvents` finds a caller: of a user its name, of a role's session that of the session.
pub(super) fn user_name(identity: &Value) -> Option<&str> {
    match identity["type"].as_str()? {
        "Root" => Some("root"),
        "IAMUser" | "WebIdentityUser" => identity["userName"].as_str(),
        "AssumedRole" | "FederatedUser" => identity["arn"].as_str().map(last_part),
        _ => identity["invokedBy"].as_str(),
    }
}

/// The task of which this is a session: its session is named like it, and the role is one of its two.
pub(super) fn task_of(state: &State, caller: &Caller) -> Option<String> {
    let Identity::Role { role_arn, session_name, .. } = &caller.identity else { return None };
    let task = state.tasks.get(session_name)?;
    let roles = [&task.spec.execution_role_arn, &task.spec.task_role_arn];
    roles.into_iter().flatten().any(|arn| arn == role_arn).then(|| task.spec.task_arn.clone())
}

fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
