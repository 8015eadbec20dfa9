//! Thousands of random requests under random policies: the fast evaluation and the reference must agree.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::reference::{Layers, Request, Who, condition_holds, may};
use super::*;
use crate::iam::condition::Condition;
use crate::iam::pattern::Variables;
use crate::iam::{Asked, ResourcePolicyRule, evaluate};

const ACTIONS: &[&str] = &["ecs:RunTask", "ecs:StopTask", "iam:PassRole", "kms:Decrypt"];
const ACTION_PATTERNS: &[&str] =
    &["*", "ecs:*", "ECS:run*", "ecs:?topTask", "kms:decrypt", "iam:Pass*", "*:*Task", "logs:*", "ecs:RunTask"];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:ecs:us-east-1:123456789012:task/web/1",
    "arn:aws:ecs:eu-west-1:123456789012:cluster/alice",
    "arn:aws:kms:us-east-1:999999999999:key/k",
    "arn:aws:iam::123456789012:role/path/exec",
];
const RESOURCE_PATTERNS: &[&str] = &[
    "*",
    "arn:aws:ecs:*:*:task/*",
    "arn:aws:ecs:us-*:123456789012:*",
    "arn:aws:ecs:*:*:cluster/${aws:username}",
    "arn:aws:ecs:*:*:cluster/${aws:PrincipalTag/team, 'alice'}",
    "arn:aws:kms:us-east-1:999999999999:key/?",
    "arn:aws:iam::*:role/*/exec",
    "arn:aws:kms",
    "arn:aws:ecs:us*task/web/1",
];
const KEYS: &[&str] =
    &["aws:username", "aws:PrincipalTag/team", "aws:TagKeys", "aws:SourceIp", "aws:CurrentTime", "kms:X"];
const VALUES: &[&str] = &[
    "alice",
    "Alice",
    "web*",
    "a*",
    "?lice",
    "${aws:username}",
    "${*}",
    "10.0.0.1",
    "10.0.0.0/8",
    "5",
    "5.0",
    "12",
    "2026-01-01T00:00:00Z",
    "1767225600",
    "true",
    "False",
    "YQ==",
    "arn:aws:iam::123456789012:role/path/exec",
    "arn:aws:iam::*:role/*",
];
const DATES: &[&str] = &["2026-01-01T00:00:00Z", "1767225600", "2030-06-01T00:00:00+02:00"];
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];
const PRINCIPALS: &[&str] = &[
    "*",
    "123456789012",
    "999999999999",
    "arn:aws:iam::123456789012:root",
    "arn:aws:iam::123456789012:user/alice",
    "arn:aws:iam::123456789012:role/path/exec",
    "arn:aws:sts::123456789012:assumed-role/exec/task",
    "arn:aws:iam::123456789012:user/bob",
];

fn one_or_many(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => select(values).prop_map(|value| json!(value)),
        1 => subsequence(values, 1..=3.min(values.len())).prop_map(|values| json!(values)),
    ]
}

fn condition() -> impl Strategy<Value = Value> {
    let operator = (select(OPERATORS), select(&["", "", "ForAllValues:", "ForAnyValue:"][..]), any::<bool>());
    (operator, select(KEYS), one_or_many(VALUES), one_or_many(DATES)).prop_map(
        |((operator, prefix, if_exists), key, values, dates)| {
            let suffix = if if_exists && operator != "Null" { "IfExists" } else { "" };
            // The reference knows Null without a set prefix only, as IAM's pages do.
            let prefix = if operator == "Null" { "" } else { prefix };
            let values = match operator {
                "Null" => json!(["true"]),
                date if date.starts_with("Date") => dates,
                _ => values,
            };
            json!({ format!("{prefix}{operator}{suffix}"): { key: values } })
        },
    )
}

fn statement(with_principal: bool) -> impl Strategy<Value = Value> {
    let effect = prop_oneof![4 => Just("Allow"), 1 => Just("Deny")];
    let negations = (prop::bool::weighted(0.15), prop::bool::weighted(0.15), prop::bool::weighted(0.15));
    let principal = prop_oneof![
        4 => one_or_many(PRINCIPALS).prop_map(|names| json!({ "AWS": names })),
        1 => Just(json!({ "Service": "ecs-tasks.amazonaws.com" })),
        1 => Just(json!("*")),
    ];
    let parts = (one_or_many(ACTION_PATTERNS), one_or_many(RESOURCE_PATTERNS), principal);
    (effect, negations, parts, prop::option::weighted(0.5, condition())).prop_map(
        move |(effect, (not_action, not_resource, not_principal), (actions, resources, principal), condition)| {
            let mut members = Map::new();
            members.insert("Effect".into(), json!(effect));
            members.insert(if not_action { "NotAction" } else { "Action" }.into(), actions);
            members.insert(if not_resource { "NotResource" } else { "Resource" }.into(), resources);
            if with_principal {
                members.insert(if not_principal { "NotPrincipal" } else { "Principal" }.into(), principal);
            }
            if let Some(condition) = condition {
                members.insert("Condition".into(), condition);
            }
            Value::Object(members)
        },
    )
}

fn document(with_principal: bool) -> impl Strategy<Value = Value> {
    prop::collection::vec(statement(with_principal), 1..=3)
        .prop_map(|statements| json!({ "Version": "2012-10-17", "Statement": statements }))
}

fn context() -> impl Strategy<Value = HashMap<String, Vec<String>>> {
    let values = prop::collection::vec(select(VALUES).prop_map(str::to_owned), 0..=2);
    let mixed = prop::collection::hash_map(select(KEYS).prop_map(str::to_owned), values, 0..=4);
    (mixed, any::<bool>()).prop_map(|(mut keys, known)| {
        if known {
            keys.insert("aws:username".into(), vec!["alice".into()]);
        }
        keys
    })
}

fn read(document: &Value, kind: PolicyKind) -> Source {
    source("policy", &document.to_string(), kind)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    #[test]
    fn both_evaluations_agree(
        who in 0_usize..4,
        action in select(ACTIONS),
        resource in select(RESOURCES),
        keys in context(),
        identity in prop::collection::vec(document(false), 0..=2),
        boundary in prop::option::weighted(0.3, document(false)),
        of_session in prop::collection::vec(document(false), 0..=1),
        of_resource in prop::option::weighted(0.6, document(true)),
        must_allow in prop::bool::weighted(0.3),
    ) {
        let caller = [root(), alice(), session(), service()][who].clone();
        let own = caller.arn();
        let reference = may(
            &Who {
                account: ACCOUNT,
                own: &own,
                role: (who == 2).then_some("arn:aws:iam::123456789012:role/path/exec"),
                service: (who == 3).then_some("ecs-tasks.amazonaws.com"),
            },
            &Request { action, resource, keys: &keys },
            &Layers {
                // Only users and roles have these.
                identity: if who == 1 || who == 2 { &identity } else { &[] },
                boundary: boundary.as_ref().filter(|_| who == 1 || who == 2),
                session: if who == 2 { &of_session } else { &[] },
                resource: of_resource.as_ref(),
                must_allow,
            },
        );
        let has_policies = who == 1 || who == 2;
        let policies = Policies {
            identity: identity.iter().filter(|_| has_policies).map(|one| read(one, PolicyKind::Inline)).collect(),
            boundary: boundary.as_ref().filter(|_| has_policies).map(|one| read(one, PolicyKind::Managed)),
            session: of_session.iter().filter(|_| who == 2).map(|one| read(one, PolicyKind::Inline)).collect(),
            resource: of_resource.as_ref().map(|one| read(one, PolicyKind::Resource)),
            rule: if must_allow { ResourcePolicyRule::MustAllow } else { ResourcePolicyRule::MayAllow },
        };
        let mut context = no_context();
        for (key, values) in &keys {
            context.set_all(key, values.clone());
        }
        let asked = Asked::new(action, resource, &context);
        let decision = evaluate(&caller, &asked, &policies);
        prop_assert_eq!(decision.is_allowed(), reference, "{:?}", decision);
        // Whatever was decided can be told.
        let link = crate::iam::explain::link(&caller, &asked, &policies, &decision);
        prop_assert!(!link.detail.is_empty());
    }
}

/// Values that an operator can tell apart, so that random ones often meet.
fn pool(operator: &str) -> &'static [&'static str] {
    match operator {
        numeric if numeric.starts_with("Numeric") => &["1", "1.0", "2", "-3", "x"],
        date if date.starts_with("Date") => DATES,
        "Bool" | "Null" => &["true", "false"],
        "BinaryEquals" => &["YQ==", "Yg==", "YWI="],
        "IpAddress" | "NotIpAddress" => &["10.0.0.1", "10.0.0.0/8", "10.9.0.1", "192.0.2.1", "192.0.2.0/31"],
        arn if arn.starts_with("Arn") => &[
            "arn:aws:iam::1:role/a",
            "arn:aws:iam::2:role/b",
            "arn:aws:iam::*:role/*",
            "arn:aws:iam::1:role/${aws:username}",
            "*",
        ],
        _ => &["a", "A", "b", "a*", "?", "*", "${aws:username}", "${aws:none, 'b'}"],
    }
}

fn quantified() -> impl Strategy<Value = (String, Vec<&'static str>, Vec<&'static str>)> {
    let name = (select(OPERATORS), select(&["", "ForAllValues:", "ForAnyValue:"][..]), prop::bool::weighted(0.2));
    name.prop_flat_map(|(operator, prefix, if_exists)| {
        let (prefix, suffix) = match operator {
            "Null" => ("", ""),
            _ if if_exists => (prefix, "IfExists"),
            _ => (prefix, ""),
        };
        let values = prop::collection::vec(select(pool(operator)), 1..=3);
        let found = prop::collection::vec(select(pool(operator)), 0..=3);
        (Just(format!("{prefix}{operator}{suffix}")), values, found)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn both_evaluations_agree_on_every_condition((operator, wanted, found) in quantified()) {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<String>>();
        let keys = HashMap::from([
            ("kms:X".to_owned(), owned(&found)),
            ("aws:username".to_owned(), vec!["a".to_owned()]),
        ]);
        let mut context = no_context();
        for (key, values) in &keys {
            context.set_all(key, values.clone());
        }
        let condition = Condition::new(&operator, "kms:x", owned(&wanted), Variables::Replaced).expect("a condition");
        let found = Some(&keys["kms:X"]).filter(|values| !values.is_empty());
        let slow = condition_holds(&operator, &owned(&wanted), found, &keys);
        prop_assert_eq!(condition.holds(&context), slow);
    }
}
