#![no_main]
//! IAM policies: documents of every kind, and every decision that follows from them.
//!
//! The first line of the input is the resource that is asked for and the second one the value of the condition keys; the
//! rest is the document. Whatever it says, a deny of another policy stands, and a decision takes bounded time (libFuzzer's
//! `-timeout`).

use std::sync::{Arc, LazyLock};

use domain::iam::{
    Asked, Caller, Context, Identity, Policies, Policy, PolicyKind, ResourcePolicyRule, SessionContext, Source,
    Verdict, evaluate, explain, speaking_statements,
};
use libfuzzer_sys::fuzz_target;

const ACCOUNT: &str = "123456789012";
const KEYS: [&str; 6] =
    ["aws:username", "aws:CurrentTime", "aws:SourceIp", "aws:PrincipalArn", "aws:SecureTransport", "aws:TagKeys"];
static DENY: LazyLock<Source> = LazyLock::new(|| {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    source(Policy::parse(document, PolicyKind::Managed).expect("a policy"))
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut parts = text.splitn(3, '\n');
    let (resource, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let document = parts.next().unwrap_or_default();
    let mut context = Context::new();
    for key in KEYS {
        context.set_all(key, vec![value.to_owned()]);
    }
    for kind in [PolicyKind::Managed, PolicyKind::Inline, PolicyKind::Trust, PolicyKind::Resource] {
        let Ok(policy) = Policy::parse(document, kind) else { continue };
        policy.condition_keys();
        decide(&source(policy), kind, resource, &context);
    }
});

fn decide(source: &Source, kind: PolicyKind, resource: &str, context: &Context) {
    let mut policies = Policies::default();
    match kind {
        PolicyKind::Managed | PolicyKind::Inline => {
            policies.identity = vec![source.clone()];
            policies.boundary = Some(source.clone());
            policies.session = vec![source.clone()];
        }
        PolicyKind::Trust | PolicyKind::Resource => {
            policies.resource = Some(source.clone());
            policies.rule = ResourcePolicyRule::MustAllow;
        }
    }
    let action = if kind == PolicyKind::Trust { "sts:AssumeRole" } else { "ecs:RunTask" };
    let asked = Asked::new(action, resource, context);
    for caller in callers() {
        let decision = evaluate(&caller, &asked, &policies);
        speaking_statements(&caller, &asked, &policies, decision.verdict);
        explain::access_denied(&caller, &asked, &decision);
        explain::link(&caller, &asked, &policies, &decision);
        let mut denied = policies.clone();
        denied.identity.push(DENY.clone());
        assert_eq!(evaluate(&caller, &asked, &denied).verdict, Verdict::ExplicitlyDenied, "a deny was overruled");
    }
}

fn source(policy: Policy) -> Source {
    Source { name: String::from("fuzzed"), policy: Arc::new(policy) }
}

fn callers() -> [Caller; 4] {
    let arn = |name: &str| format!("arn:aws:iam::{ACCOUNT}:{name}");
    let role = Identity::Role {
        role_arn: arn("role/r"),
        role_id: String::from("AROAEXECEXECEXECEXEC1"),
        session_name: String::from("s"),
        context: SessionContext::default(),
    };
    let user = Identity::User { arn: arn("user/u"), id: String::from("AIDAALICEALICEALICE1") };
    let service = Identity::Service { name: String::from("ecs-tasks.amazonaws.com") };
    [Identity::Root, user, role, service].map(|identity| Caller {
        account: String::from(ACCOUNT),
        identity,
        access_key_id: String::new(),
        source_ip: None,
        via_service: None,
    })
}
