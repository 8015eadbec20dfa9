//! AWS's order and its subtleties.

use expect_test::expect;

use super::*;
use crate::iam::{Asked, Decision, Layer, ResourcePolicyRule, Verdict, evaluate, explain};
use crate::mend::Fault;

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf";
const FOREIGN: &str = "arn:aws:secretsmanager:us-east-1:999999999999:secret:db-AbCdEf";
const ACTION: &str = "secretsmanager:GetSecretValue";
const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/path/exec";
const SESSION_ARN: &str = "arn:aws:sts::123456789012:assumed-role/exec/task";
const ROOT_ARN: &str = "arn:aws:iam::123456789012:root";

fn decide(caller: &Caller, resource: &str, policies: &Policies) -> Decision {
    evaluate(caller, &Asked::new(ACTION, resource, &no_context()), policies)
}

fn outcome(caller: &Caller, resource: &str, policies: &Policies) -> (Verdict, Layer) {
    let decision = decide(caller, resource, policies);
    (decision.verdict, decision.layer)
}

const ALLOWED_BY_IDENTITY: (Verdict, Layer) = (Verdict::Allowed, Layer::Identity);
const ALLOWED_BY_RESOURCE: (Verdict, Layer) = (Verdict::Allowed, Layer::Resource);

#[test]
fn identity_policies_allow_or_not() {
    let mut policies = no_policies();
    assert_eq!(outcome(&alice(), SECRET, &policies), (Verdict::NotAllowed, Layer::Identity));
    policies.identity.push(identity("Allow", "secretsmanager:Get*", "*"));
    assert_eq!(outcome(&alice(), SECRET, &policies), ALLOWED_BY_IDENTITY);
    policies.identity.push(identity("Deny", "*", SECRET));
    assert_eq!(outcome(&alice(), SECRET, &policies), (Verdict::ExplicitlyDenied, Layer::Identity));
    assert_eq!(outcome(&root(), SECRET, &no_policies()), ALLOWED_BY_IDENTITY);
    assert_eq!(outcome(&service(), SECRET, &no_policies()), (Verdict::NotAllowed, Layer::Resource));
}

#[test]
fn a_boundary_and_a_session_policy_limit_identity_policies() {
    let mut policies = no_policies();
    policies.identity.push(identity("Allow", "*", "*"));
    policies.boundary = Some(identity("Allow", "ecs:*", "*"));
    assert_eq!(outcome(&session(), SECRET, &policies), (Verdict::NotAllowed, Layer::Boundary));
    policies.boundary = Some(identity("Allow", "*", "*"));
    policies.session.push(identity("Allow", "ecs:*", "*"));
    assert_eq!(outcome(&session(), SECRET, &policies), (Verdict::NotAllowed, Layer::Session));
    policies.session.push(identity("Allow", ACTION, "*"));
    assert_eq!(outcome(&session(), SECRET, &policies), ALLOWED_BY_IDENTITY);
    policies.session.push(identity("Deny", ACTION, "*"));
    assert_eq!(outcome(&session(), SECRET, &policies), (Verdict::ExplicitlyDenied, Layer::Session));
}

#[test]
fn a_resource_policy_that_names_the_session_is_not_limited_one_that_names_the_role_is() {
    let mut policies = no_policies();
    policies.boundary = Some(identity("Allow", "ecs:*", "*"));
    for (principal, expected) in [
        (SESSION_ARN, ALLOWED_BY_RESOURCE),
        ("*", ALLOWED_BY_RESOURCE),
        (ROLE_ARN, (Verdict::NotAllowed, Layer::Boundary)),
        ("AROAEXECEXECEXECEXEC1", (Verdict::NotAllowed, Layer::Boundary)),
        (ROOT_ARN, (Verdict::NotAllowed, Layer::Identity)),
        (OTHER_ACCOUNT, (Verdict::NotAllowed, Layer::Identity)),
    ] {
        policies.resource = Some(resource("Allow", principal, ACTION));
        assert_eq!(outcome(&session(), SECRET, &policies), expected, "{principal}");
    }
    policies.boundary = None;
    policies.resource = Some(resource("Allow", ROLE_ARN, ACTION));
    assert_eq!(outcome(&session(), SECRET, &policies), ALLOWED_BY_RESOURCE);
}

#[test]
fn a_key_policy_must_allow_and_may_hand_on_to_the_account() {
    let key_policy = |principal: &str| Policies {
        rule: ResourcePolicyRule::MustAllow,
        resource: Some(resource("Allow", principal, "*")),
        identity: vec![identity("Allow", "*", "*")],
        ..no_policies()
    };
    assert_eq!(outcome(&alice(), SECRET, &key_policy(ROOT_ARN)), ALLOWED_BY_IDENTITY);
    assert_eq!(outcome(&alice(), SECRET, &key_policy(ROLE_ARN)), (Verdict::NotAllowed, Layer::Resource));
    assert_eq!(outcome(&root(), SECRET, &key_policy(ROLE_ARN)), (Verdict::NotAllowed, Layer::Resource));
    assert_eq!(outcome(&root(), SECRET, &key_policy(ROOT_ARN)), ALLOWED_BY_RESOURCE);
    let mut without_identity = key_policy(ROOT_ARN);
    without_identity.identity.clear();
    assert_eq!(outcome(&session(), SECRET, &without_identity), (Verdict::NotAllowed, Layer::Identity));
    without_identity.resource = Some(resource("Allow", ROLE_ARN, "*"));
    assert_eq!(outcome(&session(), SECRET, &without_identity), ALLOWED_BY_RESOURCE);
    let none = Policies { rule: ResourcePolicyRule::MustAllow, ..no_policies() };
    assert_eq!(outcome(&root(), SECRET, &none), (Verdict::NotAllowed, Layer::Resource));
}

#[test]
fn between_accounts_both_sides_must_allow() {
    let mut policies = no_policies();
    policies.identity.push(identity("Allow", "*", "*"));
    assert_eq!(outcome(&alice(), FOREIGN, &policies), (Verdict::NotAllowed, Layer::Resource));
    assert_eq!(outcome(&root(), FOREIGN, &policies), (Verdict::NotAllowed, Layer::Resource));
    policies.resource = Some(resource("Allow", "arn:aws:iam::123456789012:user/alice", ACTION));
    assert_eq!(outcome(&alice(), FOREIGN, &policies), ALLOWED_BY_IDENTITY);
    policies.identity.clear();
    assert_eq!(outcome(&alice(), FOREIGN, &policies), (Verdict::NotAllowed, Layer::Identity));
}

#[test]
fn a_trust_policy_for_a_service() {
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},
        "Action":"sts:AssumeRole","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:ecs:us-east-1:123456789012:*"},
        "StringEquals":{"aws:SourceAccount":"123456789012"}}}]}"#;
    let policies = Policies {
        rule: ResourcePolicyRule::MustAllow,
        resource: Some(source("trust", trust, PolicyKind::Trust)),
        ..no_policies()
    };
    let mut context = no_context();
    let outcome = |caller: &Caller, context: &Context| {
        let decision = evaluate(caller, &Asked::new("sts:AssumeRole", ROLE_ARN, context), &policies);
        (decision.verdict, decision.layer)
    };
    assert_eq!(outcome(&service(), &context), (Verdict::NotAllowed, Layer::Trust));
    context.set("aws:SourceAccount", ACCOUNT);
    context.set("aws:SourceArn", "arn:aws:ecs:us-east-1:123456789012:*");
    assert_eq!(outcome(&service(), &context), (Verdict::Allowed, Layer::Trust));
    assert_eq!(outcome(&alice(), &context), (Verdict::NotAllowed, Layer::Trust));
}

#[test]
fn not_principal_denies_all_but_those_named_in_full() {
    let deny = |principals: &str| {
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","NotPrincipal":{{"AWS":{principals}}},"Action":"*","Resource":"*"}}]}}"#
        );
        let resource = Some(source("resource", &document, PolicyKind::Resource));
        Policies { identity: vec![identity("Allow", "*", "*")], resource, ..no_policies() }
    };
    let all = format!(r#"["{SESSION_ARN}","{ROLE_ARN}","{ROOT_ARN}"]"#);
    assert!(decide(&session(), SECRET, &deny(&all)).is_allowed());
    assert!(!decide(&session(), SECRET, &deny(&format!(r#"["{ROLE_ARN}"]"#))).is_allowed());
    assert!(!decide(&alice(), SECRET, &deny(&all)).is_allowed());
}

#[test]
fn set_operators_and_missing_keys() {
    let holds = |condition: &str, values: Option<&[&str]>| {
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}]}}"#
        );
        let policies = Policies { identity: vec![source("p", &document, PolicyKind::Inline)], ..no_policies() };
        let mut context = no_context();
        if let Some(values) = values {
            context.set_all("aws:TagKeys", values.iter().map(|value| (*value).to_owned()).collect());
        }
        evaluate(&alice(), &Asked::new(ACTION, SECRET, &context), &policies).is_allowed()
    };
    let all = r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}"#;
    let any = r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}}"#;
    let any_not = r#"{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["a"]}}"#;
    let if_exists = r#"{"StringEqualsIfExists":{"aws:TagKeys":"a"}}"#;
    let not_equal = r#"{"StringNotEquals":{"aws:TagKeys":"a"}}"#;
    for (condition, values, expected) in [
        (all, Some(&["a", "b"][..]), true),
        (all, Some(&["a", "c"]), false),
        (all, None, true),
        (all, Some(&[]), true),
        (any, Some(&["c", "a"]), true),
        (any, Some(&["c"]), false),
        (any, None, false),
        (any_not, Some(&["a", "c"]), true),
        (any_not, Some(&["a"]), false),
        (any_not, None, false),
        (if_exists, None, true),
        (if_exists, Some(&["b"]), false),
        (not_equal, None, true),
        (not_equal, Some(&["a"]), false),
        (r#"{"Null":{"aws:TagKeys":"true"}}"#, None, true),
        (r#"{"Null":{"aws:TagKeys":true}}"#, Some(&["a"]), false),
        (r#"{"Null":{"aws:TagKeys":"false"}}"#, Some(&["a"]), true),
        (r#"{"StringEqualsIgnoreCase":{"AWS:TAGKEYS":"A"}}"#, Some(&["a"]), true),
        (r#"{"IpAddress":{"aws:TagKeys":"10.0.0.0/8"}}"#, Some(&["10.1.2.3"]), true),
        (r#"{"IpAddress":{"aws:TagKeys":"10.0.0.0/8"}}"#, Some(&["::ffff:10.1.2.3"]), true),
        (r#"{"NotIpAddress":{"aws:TagKeys":["10.0.0.0/8","2001:db8::/32"]}}"#, Some(&["2001:db8::1"]), false),
        (r#"{"NumericLessThanEquals":{"aws:TagKeys":10}}"#, Some(&["10.0"]), true),
        (r#"{"DateGreaterThan":{"aws:TagKeys":"2026-01-01T00:00:00Z"}}"#, Some(&["1790000000"]), true),
        (r#"{"Bool":{"aws:TagKeys":"false"}}"#, Some(&["False"]), true),
        (r#"{"BinaryEquals":{"aws:TagKeys":"QmluYXJ5"}}"#, Some(&["QmluYXJ5"]), true),
        (r#"{"ArnLike":{"aws:TagKeys":"arn:aws:iam::*:role/*"}}"#, Some(&["arn:aws:iam::1:role/a/b"]), true),
    ] {
        assert_eq!(holds(condition, values), expected, "{condition} {values:?}");
    }
}

#[test]
fn the_denial_is_told_in_aws_words() {
    let context = no_context();
    let asked = Asked::new(ACTION, SECRET, &context);
    let mut policies = no_policies();
    let told =
        |policies: &Policies| explain::access_denied(&session(), &asked, &evaluate(&session(), &asked, policies));
    expect![[r"User: arn:aws:sts::123456789012:assumed-role/exec/task is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf because no identity-based policy allows the secretsmanager:GetSecretValue action"]]
        .assert_eq(&told(&policies));
    policies.identity.push(identity("Allow", "*", "*"));
    policies.boundary = Some(identity("Allow", "ecs:*", "*"));
    assert!(
        told(&policies).ends_with("because no permissions boundary allows the secretsmanager:GetSecretValue action")
    );
    policies.resource = Some(resource("Deny", "*", "*"));
    assert!(told(&policies).ends_with("with an explicit deny in a resource-based policy"));
    policies.resource = None;
    policies.identity.push(identity("Deny", "*", "*"));
    assert!(told(&policies).ends_with("with an explicit deny in an identity-based policy"));
}

#[test]
fn the_link_tells_what_came_near_and_the_mend() {
    let context = no_context();
    let asked = Asked::new(ACTION, SECRET, &context);
    let near = r#"{"Version":"2012-10-17","Statement":[
        {"Sid":"Old","Effect":"Allow","Action":"secretsmanager:*","Resource":"arn:aws:secretsmanager:*:*:secret:old-*"},
        {"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"web"}}}]}"#;
    let policies = Policies { identity: vec![source("inline policy s", near, PolicyKind::Inline)], ..no_policies() };
    let link = explain::link(&session(), &asked, &policies, &evaluate(&session(), &asked, &policies));
    expect![[r"arn:aws:sts::123456789012:assumed-role/exec/task asks for secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf: no statement of inline policy s (identity-based policy) allows it. Old of inline policy s comes near, but it is about arn:aws:secretsmanager:*:*:secret:old-*. statement 2 of inline policy s comes near, but its condition StringEquals aws:PrincipalTag/team 'web' is not met: the request does not have that key."]]
        .assert_eq(&link.detail.replace('"', "'"));
    expect![[r#"Allow secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf to arn:aws:iam::123456789012:role/path/exec: add a policy with the statement {"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"}."#]]
        .assert_eq(&link.mend);
    assert!(matches!(link.fault.as_deref(), Some(Fault::NotAllowed(wanted)) if wanted.principal == ROLE_ARN));
    assert_eq!(link.subject, ROLE_ARN);
    let deny = r#"{"Version":"2012-10-17","Statement":{"Sid":"No","Effect":"Deny","Action":"*","Resource":"*"}}"#;
    let denied = Policies { identity: vec![source("inline policy d", deny, PolicyKind::Inline)], ..no_policies() };
    let link = explain::link(&session(), &asked, &denied, &evaluate(&session(), &asked, &denied));
    assert!(link.fault.is_none() && link.mend.contains("take No out of inline policy d"), "{link:?}");
    assert_eq!(link.subject, "inline policy d");
}
