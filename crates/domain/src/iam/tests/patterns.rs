//! Patterns against a matcher that tries everything.

use proptest::prelude::*;

use crate::iam::Context;
use crate::iam::pattern::{ArnPattern, Pattern, Variables, Wildcards};

fn everything_tried(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|skipped| everything_tried(rest, &text[skipped..])),
        Some(('?', rest)) => !text.is_empty() && everything_tried(rest, &text[1..]),
        Some((wanted, rest)) => text.first() == Some(wanted) && everything_tried(rest, &text[1..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn matches_what_trying_everything_matches(pattern in "[abé*?]{0,8}", text in "[abé]{0,10}") {
        let fast = Pattern::new(&pattern, Wildcards::Special, Variables::Literal).matches(&text, &Context::new());
        let slow =
            everything_tried(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>());
        prop_assert_eq!(fast, slow);
    }

    #[test]
    fn never_panics(pattern in "\\PC{0,40}", text in "\\PC{0,40}") {
        let context = Context::new();
        for variables in [Variables::Literal, Variables::Replaced] {
            Pattern::new(&pattern, Wildcards::Special, variables).matches(&text, &context);
            ArnPattern::new(&pattern, variables).matches(&text, &context);
        }
    }
}

#[test]
fn a_hostile_pattern_takes_no_time() {
    let pattern = Pattern::new(&"*a".repeat(1000), Wildcards::Special, Variables::Literal);
    assert!(!pattern.matches(&format!("{}b", "a".repeat(2000)), &Context::new()));
}

#[test]
fn variables() {
    let mut context = Context::new();
    context.set("aws:username", "alice");
    context.set("aws:PrincipalTag/team", "*");
    context.set_all("aws:TagKeys", vec!["a".into(), "b".into()]);
    let matches = |pattern: &str, text: &str| {
        Pattern::new(pattern, Wildcards::Special, Variables::Replaced).matches(text, &context)
    };
    assert!(matches("home/${aws:username}/*", "home/alice/x"));
    assert!(matches("home/${AWS:UserName}/*", "home/alice/x"));
    assert!(!matches("home/${aws:username}/*", "home/bob/x"));
    // What a value brings is never a wildcard.
    assert!(matches("x${aws:PrincipalTag/team}", "x*"));
    assert!(!matches("x${aws:PrincipalTag/team}", "xyz"));
    assert!(matches("x${aws:PrincipalTag/none, 'all'}", "xall"));
    assert!(!matches("x${aws:PrincipalTag/none}", "x"));
    assert!(!matches("*${aws:PrincipalTag/none}*", "x"));
    assert!(!matches("${aws:TagKeys}", "a"));
    assert!(matches("a${*}b${?}c${$}", "a*b?c$"));
    assert!(!matches("a${*}b", "axb"));
    assert!(matches("open ${aws:username", "open ${aws:username"));
    let literal = Pattern::new("${aws:username}", Wildcards::Special, Variables::Literal);
    assert!(literal.matches("${aws:username}", &context));
}

#[test]
fn arns_are_matched_part_by_part() {
    let context = Context::new();
    let matches = |pattern: &str, arn: &str| ArnPattern::new(pattern, Variables::Replaced).matches(arn, &context);
    let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db/main-AbCdEf";
    for (pattern, expected) in [
        ("*", true),
        ("arn:aws:secretsmanager:*:*:secret:db/*", true),
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:db/main-??????", true),
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:db/main-?????", false),
        ("arn:aws:secretsmanager", true),
        ("arn:aws:secretsmanager:*", true),
        ("arn:aws:ecs", false),
        // A wildcard of the region does not reach over the colon.
        ("arn:aws:secretsmanager:us*secret:db/*", false),
        ("arn:aws:secretsmanager:us-east-1:123456789012:SECRET:db/*", false),
        (secret, true),
    ] {
        assert_eq!(matches(pattern, secret), expected, "{pattern}");
    }
    assert!(!matches("arn:aws:ecs:*:*:*", "*"));
    assert!(matches("*", "*"));
}
