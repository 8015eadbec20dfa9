//! Whether a resource policy lets everyone in.

use crate::iam::{Effect, Policy, Statement};

/// Condition keys that tie a request to somebody in particular.
const TYING_KEYS: [&str; 12] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "kms:calleraccount",
    "kms:viaservice",
];

/// Whether a statement allows something to everyone, tied by no condition.
pub fn is_public(policy: &Policy) -> bool {
    let allows_everyone = |statement: &&Statement| statement.effect == Effect::Allow && statement.is_about_everyone();
    policy.statements.iter().filter(allows_everyone).any(|statement| !is_tied(statement))
}

fn is_tied(statement: &Statement) -> bool {
    let alone = Policy { statements: vec![statement.clone()] };
    alone.condition_keys().iter().any(|key| TYING_KEYS.iter().any(|tying| key.eq_ignore_ascii_case(tying)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::PolicyKind;

    #[test]
    fn everyone_without_a_tie_is_public() {
        let document = |principal: &str, effect: &str, condition: &str| {
            format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Principal":{principal},"Action":"*",
                    "Resource":"*"{condition}}}]}}"#
            )
        };
        let account = r#","Condition":{"StringEquals":{"aws:PrincipalAccount":"123456789012"}}"#;
        let secure = r#","Condition":{"Bool":{"aws:SecureTransport":"true"}}"#;
        let cases = [
            (document(r#""*""#, "Allow", ""), true),
            (document(r#"{"AWS":"*"}"#, "Allow", ""), true),
            (document(r#"{"AWS":"*"}"#, "Allow", secure), true),
            (document(r#"{"AWS":"*"}"#, "Allow", account), false),
            (document(r#"{"AWS":["123456789012","*"]}"#, "Allow", ""), true),
            (document(r#"{"AWS":"*"}"#, "Deny", ""), false),
            (document(r#"{"AWS":"123456789012"}"#, "Allow", ""), false),
        ];
        for (document, expected) in cases {
            let policy = Policy::parse(&document, PolicyKind::Resource).expect("a policy");
            assert_eq!(is_public(&policy), expected, "{document}");
        }
    }
}
