//! Documents that are refused, in IAM's words.

use proptest::prelude::*;

use crate::iam::PolicyKind::{Inline, Managed, Resource, Trust};
use crate::iam::{Policy, PolicyKind, counted_characters};

fn refusal(kind: PolicyKind, document: &str) -> String {
    match Policy::parse(document, kind) {
        Ok(_) => String::from("accepted"),
        Err(error) => error.to_string(),
    }
}

/// A document with this inside its only statement.
fn with(members: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{{{members}}}}}"#)
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn identity_policies() {
    let good = r#""Effect":"Allow","Action":"ecs:*","Resource":"*""#;
    for (document, expected) in [
        (with(good), "accepted"),
        (format!(r#"{{"Version":"2013-10-17","Statement":{{{good}}}}}"#), "Syntax errors in policy."),
        (format!(r#"{{"Statement":{{{good}}}}}"#), "Policy document must be version 2012-10-17 or greater."),
        (format!(r#"{{"Version":"2012-10-17","Other":1,"Statement":{{{good}}}}}"#), "Syntax errors in policy."),
        (with(r#""Effect":"Allow","Effect":"Deny","Action":"ecs:*","Resource":"*""#), "Syntax errors in policy."),
        (with(r#""Effect":"Maybe","Action":"ecs:*","Resource":"*""#), "Syntax errors in policy."),
        (with(r#""Effect":"allow","Action":"ecs:*","Resource":"*""#), "The policy failed legacy parsing"),
        (with(r#""Action":"ecs:*","Resource":"*""#), "Syntax errors in policy."),
        (with(r#""Effect":"Allow","Resource":"*""#), "Policy statement must contain actions."),
        (with(r#""Effect":"Allow","Action":[],"Resource":"*""#), "Policy statement must contain actions."),
        (with(r#""Effect":"Allow","Action":"ecs:*""#), "Policy statement must contain resources."),
        (with(r#""Effect":"Allow","Action":"ecs:*","Resource":[]"#), "Policy statement must contain resources."),
        (with(r#""Effect":"Allow","Action":"a:b","NotAction":"a:c","Resource":"*""#), "Syntax errors in policy."),
        (
            with(r#""Effect":"Allow","Action":"RunTask","Resource":"*""#),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            with(r#""Effect":"Allow","Action":"ecs:Run:Task","Resource":"*""#),
            "Actions/Condition can contain only one colon.",
        ),
        (with(r#""Effect":"Allow","Action":"e_s:RunTask","Resource":"*""#), "Vendor e_s is not valid"),
        (
            with(r#""Effect":"Allow","Action":"ecs:*","Resource":"cluster""#),
            "Resource cluster must be in ARN format or \"*\".",
        ),
        (
            with(r#""Effect":"Allow","Action":"ecs:*","Resource":"arn:error:s3:::b""#),
            "Partition \"error\" is not valid for resource \"arn:error:s3:::b\".",
        ),
        (
            with(r#""Effect":"Allow","Action":"ecs:*","Resource":"arn:aws""#),
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (
            with(r#""Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam:us-east-1:123456789012:role/x""#),
            "IAM resource arn:aws:iam:us-east-1:123456789012:role/x cannot contain region information.",
        ),
        (
            with(r#""Effect":"Allow","Action":"ecs:*","Resource":"*","Principal":"*""#),
            "Policy document should not specify a principal.",
        ),
        (
            with(r#""Sid":"a-b","Effect":"Allow","Action":"ecs:*","Resource":"*""#),
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [A-Za-z0-9]*",
        ),
        (
            with(r#""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"Like":{"a:b":"c"}}"#),
            "Syntax errors in policy.",
        ),
        (
            with(r#""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"DateEquals":{"a:b":"c"}}"#),
            "The policy failed legacy parsing",
        ),
        (
            with(
                r#""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"Bool":{"a:b":true},"NumericEquals":{"a:c":[1,"2"]}}"#,
            ),
            "accepted",
        ),
    ] {
        assert_eq!(refusal(Managed, &document), expected, "{document}");
    }
    for document in
        [r#"{"Statement":["#, "[]", "", r#"{"Version":"2012-10-17"}"#, r#"{"Version":"2012-10-17","Statement":[]}"#]
    {
        assert_eq!(refusal(Managed, document), "Syntax errors in policy.", "{document}");
    }
    assert_eq!(refusal(Inline, &format!(r#"{{"Statement":{{{good}}}}}"#)), "accepted");
    let twice = format!(r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"A",{good}}},{{"Sid":"A",{good}}}]}}"#);
    assert_eq!(refusal(Managed, &twice), "Statement IDs (SID) in a single policy must be unique.");
}

#[test]
fn trust_policies() {
    let service = r#""Principal":{"Service":"ecs-tasks.amazonaws.com"}"#;
    for (members, expected) in [
        (format!(r#""Effect":"Allow",{service},"Action":"sts:AssumeRole""#), "accepted"),
        (format!(r#""Effect":"Allow",{service},"Action":["sts:AssumeRole","sts:TagSession"]"#), "accepted"),
        (r#""Effect":"Allow","Action":"sts:AssumeRole""#.into(), "Missing required field Principal"),
        (
            format!(r#""Effect":"Allow",{service},"Action":"sts:AssumeRole","Resource":"*""#),
            "Has prohibited field Resource",
        ),
        (
            format!(r#""Effect":"Allow",{service},"Action":"ecs:RunTask""#),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (format!(r#""Effect":"Allow",{service}"#), "Missing required field Action"),
        (
            r#""Effect":"Allow","Principal":{"AWS":"nobody"},"Action":"sts:AssumeRole""#.into(),
            "Invalid principal in policy: \"AWS\":\"nobody\"",
        ),
        (
            r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/*"},"Action":"sts:AssumeRole""#
                .into(),
            "Invalid principal in policy: \"AWS\":\"arn:aws:iam::123456789012:role/*\"",
        ),
        (
            r#""Effect":"Allow","Principal":{"Service":"nobody"},"Action":"sts:AssumeRole""#.into(),
            "Invalid principal in policy: \"SERVICE\":\"nobody\"",
        ),
        (format!(r#""Effect":"Allow",{service},"Action":"sts:AssumeRole","Other":1"#), "Unknown field Other"),
        (
            format!(r#""Effect":"Allow",{service},"Action":"sts:AssumeRole","Action":"sts:TagSession""#),
            "Statement/policy already has instance of Action",
        ),
    ] {
        assert_eq!(refusal(Trust, &with(&members)), expected, "{members}");
    }
    assert_eq!(refusal(Trust, "{"), "This policy contains invalid Json");
    assert_eq!(
        refusal(Resource, &with(r#""Effect":"Deny","NotPrincipal":{"AWS":"123456789012"},"Action":"*""#)),
        "accepted"
    );
}

#[test]
fn white_space_does_not_count() {
    assert_eq!(counted_characters("{ \"a\":\n\t1 }"), 7);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        for kind in [Managed, Inline, Trust, Resource] {
            let _ = Policy::parse(&text, kind);
        }
    }

    #[test]
    fn nor_does_any_json(members in "[\\[\\]{}:,\"a-zA-Z0-9*?$ ]{0,120}") {
        for kind in [Managed, Trust] {
            let _ = Policy::parse(&with(&members), kind);
        }
    }
}
