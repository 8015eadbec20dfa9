//! The decision by tables, and against a slow evaluation that was written independently of it.

mod decisions;
mod documents;
mod patterns;
mod random;
mod reference;

use std::sync::Arc;

use super::{Caller, Context, Identity, Policies, Policy, PolicyKind, SessionContext, Source};

pub(super) const ACCOUNT: &str = "123456789012";
pub(super) const OTHER_ACCOUNT: &str = "999999999999";

pub(super) fn caller(account: &str, identity: Identity) -> Caller {
    Caller {
        account: account.into(),
        region: "us-east-1".into(),
        identity,
        access_key_id: String::new(),
        source_ip: None,
        user_agent: None,
        referer: None,
        via_service: None,
    }
}

pub(super) fn root() -> Caller {
    caller(ACCOUNT, Identity::Root)
}

pub(super) fn alice() -> Caller {
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/alice");
    caller(ACCOUNT, Identity::User { arn, id: "AIDAALICEALICEALICE1".into(), context: SessionContext::default() })
}

pub(super) fn session() -> Caller {
    let role_arn = format!("arn:aws:iam::{ACCOUNT}:role/path/exec");
    caller(
        ACCOUNT,
        Identity::Role {
            role_arn,
            role_id: "AROAEXECEXECEXECEXEC1".into(),
            session_name: "task".into(),
            context: SessionContext::default(),
        },
    )
}

pub(super) fn service() -> Caller {
    caller(ACCOUNT, Identity::Service { name: "ecs-tasks.amazonaws.com".into() })
}

pub(super) fn source(name: &str, document: &str, kind: PolicyKind) -> Source {
    let policy = Policy::parse(document, kind).unwrap_or_else(|error| panic!("{error}: {document}"));
    Source { name: name.into(), policy: Arc::new(policy) }
}

/// An identity policy with one statement: `allow ACTION RESOURCE` or `deny ACTION RESOURCE`.
pub(super) fn identity(effect: &str, action: &str, resource: &str) -> Source {
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"}}]}}"#
    );
    source("identity", &document, PolicyKind::Inline)
}

/// A resource policy with one statement for a principal under `AWS`.
pub(super) fn resource(effect: &str, principal: &str, action: &str) -> Source {
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Principal":{{"AWS":"{principal}"}},"Action":"{action}","Resource":"*"}}]}}"#
    );
    source("resource", &document, PolicyKind::Resource)
}

pub(super) fn no_policies() -> Policies {
    Policies::default()
}

pub(super) fn no_context() -> Context {
    Context::new()
}
