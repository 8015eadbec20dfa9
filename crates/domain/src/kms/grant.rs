//! Grants: permissions beside the key policy that can only allow.
//!
//! A grant that fits a call is evaluated as one more statement of the key policy that names the grantee: so an explicit
//! deny still wins, and the reason of a decision can name the grant.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wire::Timestamp;

use super::{EncryptionContext, KeySpec, KeyUsage};

/// What a grant can allow (`GrantOperation`).
pub const OPERATIONS: [&str; 17] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "Sign",
    "Verify",
    "GetPublicKey",
    "CreateGrant",
    "RetireGrant",
    "DescribeKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateMac",
    "VerifyMac",
    "DeriveSharedSecret",
];

/// Whether a key of this usage and spec has the operation, so that a grant can allow it.
pub fn has_operation(operation: &str, usage: KeyUsage, spec: KeySpec) -> bool {
    match operation {
        "Encrypt" | "Decrypt" | "ReEncryptFrom" | "ReEncryptTo" => usage == KeyUsage::EncryptDecrypt,
        "GenerateDataKey"
        | "GenerateDataKeyWithoutPlaintext"
        | "GenerateDataKeyPair"
        | "GenerateDataKeyPairWithoutPlaintext" => spec == KeySpec::SymmetricDefault,
        "Sign" | "Verify" => usage == KeyUsage::SignVerify,
        "GetPublicKey" => spec.is_asymmetric(),
        "GenerateMac" | "VerifyMac" => usage == KeyUsage::GenerateVerifyMac,
        "DeriveSharedSecret" => usage == KeyUsage::KeyAgreement,
        _ => OPERATIONS.contains(&operation),
    }
}

/// A grant on a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// 64 hexadecimal digits.
    pub id: String,
    /// The key.
    pub key_arn: String,
    /// Makes the grant known at once; ours always is, so it only names the grant to RetireGrant.
    pub token: String,
    /// The name it was given.
    #[serde(default)]
    pub name: Option<String>,
    /// Who may.
    pub grantee: String,
    /// Who may end it.
    #[serde(default)]
    pub retiring_principal: Option<String>,
    /// The account that made it.
    pub issuing_account: String,
    /// What the grantee may: names of [`OPERATIONS`].
    pub operations: Vec<String>,
    /// Under which encryption context.
    #[serde(default)]
    pub constraints: GrantConstraints,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What the encryption context of a call must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantConstraints {
    /// Must hold at least these pairs.
    #[serde(default)]
    pub subset: Option<EncryptionContext>,
    /// Must be exactly these pairs.
    #[serde(default)]
    pub equals: Option<EncryptionContext>,
}

impl Grant {
    /// Whether the grant is about this operation (`Decrypt`) under this context. The constraints count only for
    /// operations that have an encryption context.
    pub fn covers(&self, operation: &str, context: Option<&EncryptionContext>) -> bool {
        let fits = |context: &EncryptionContext| {
            self.constraints.subset.as_ref().is_none_or(|subset| context.contains(subset))
                && self.constraints.equals.as_ref().is_none_or(|equals| context == equals)
        };
        self.operations.iter().any(|name| name == operation) && context.is_none_or(fits)
    }

    /// Whether a grantee may pass on, by a grant of its own, these operations under these constraints: no more than it
    /// has itself.
    pub fn covers_child(&self, operations: &[String], constraints: &GrantConstraints) -> bool {
        let own = &self.constraints;
        let equals = own.equals.is_none() || own.equals == constraints.equals;
        let subset = own.subset.as_ref().is_none_or(|subset| {
            [&constraints.subset, &constraints.equals].into_iter().flatten().any(|child| child.contains(subset))
        });
        equals && subset && operations.iter().all(|operation| self.operations.contains(operation))
    }

    /// The statement that this grant is worth for one action.
    fn statement(&self, action: &str) -> Value {
        let kind = if self.grantee.starts_with("arn:") { "AWS" } else { "Service" };
        json!({
            "Sid": format!("grant {}", self.id),
            "Effect": "Allow",
            "Principal": {kind: self.grantee},
            "Action": action,
            "Resource": "*",
        })
    }
}

/// The key policy with a statement for every grant that covers the action (`kms:Decrypt`).
pub fn policy_with_grants<'a>(
    policy: &str,
    grants: impl Iterator<Item = &'a Grant>,
    action: &str,
    context: Option<&EncryptionContext>,
) -> String {
    let operation = action.strip_prefix("kms:").unwrap_or(action);
    let statements: Vec<Value> =
        grants.filter(|grant| grant.covers(operation, context)).map(|grant| grant.statement(action)).collect();
    if statements.is_empty() {
        return policy.to_owned();
    }
    let Ok(mut document) = serde_json::from_str::<Value>(policy) else { return policy.to_owned() };
    match document.get_mut("Statement") {
        Some(Value::Array(list)) => list.extend(statements),
        Some(single) => {
            let mut list = vec![single.take()];
            list.extend(statements);
            *single = Value::Array(list);
        }
        None => return policy.to_owned(),
    }
    document.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(constraints: GrantConstraints) -> Grant {
        Grant {
            id: "1".into(),
            key_arn: "k".into(),
            token: "t".into(),
            name: None,
            grantee: "arn:aws:iam::1:role/r".into(),
            retiring_principal: None,
            issuing_account: "1".into(),
            operations: vec!["Decrypt".into()],
            constraints,
            created_at: Timestamp::default(),
        }
    }

    #[test]
    fn constraints_bind_the_context() {
        let context = |pairs: &[(&str, &str)]| -> EncryptionContext { pairs.iter().copied().collect() };
        let one = context(&[("a", "1")]);
        let two = context(&[("a", "1"), ("b", "2")]);
        let subset = grant(GrantConstraints { subset: Some(one.clone()), equals: None });
        let equals = grant(GrantConstraints { subset: None, equals: Some(one.clone()) });
        let free = grant(GrantConstraints::default());
        let none = context(&[]);
        let covers = |grant: &Grant| [&none, &one, &two].map(|context| grant.covers("Decrypt", Some(context)));
        assert_eq!(covers(&free), [true, true, true]);
        assert_eq!(covers(&subset), [false, true, true]);
        assert_eq!(covers(&equals), [false, true, false]);
        assert!(!free.covers("Encrypt", Some(&none)));
    }

    #[test]
    fn a_key_has_the_operations_of_its_usage() {
        let has = |operation: &str| {
            [
                has_operation(operation, KeyUsage::EncryptDecrypt, KeySpec::SymmetricDefault),
                has_operation(operation, KeyUsage::EncryptDecrypt, KeySpec::Rsa2048),
                has_operation(operation, KeyUsage::SignVerify, KeySpec::EccNistP256),
            ]
        };
        assert_eq!(has("Decrypt"), [true, true, false]);
        assert_eq!(has("GenerateDataKey"), [true, false, false]);
        assert_eq!(has("Sign"), [false, false, true]);
        assert_eq!(has("GetPublicKey"), [false, true, true]);
        assert_eq!(has("DescribeKey"), [true, true, true]);
        assert_eq!(has("Nothing"), [false, false, false]);
    }

    #[test]
    fn a_child_grant_allows_no_more_than_its_parent() {
        let one = EncryptionContext::from_iter([("a", "1")]);
        let two = EncryptionContext::from_iter([("a", "1"), ("b", "2")]);
        let decrypt = ["Decrypt".to_owned()];
        let parent = grant(GrantConstraints { subset: Some(one.clone()), equals: None });
        let child = |subset: Option<&EncryptionContext>, equals: Option<&EncryptionContext>| GrantConstraints {
            subset: subset.cloned(),
            equals: equals.cloned(),
        };
        assert!(parent.covers_child(&decrypt, &child(Some(&two), None)));
        assert!(parent.covers_child(&decrypt, &child(None, Some(&two))));
        assert!(!parent.covers_child(&decrypt, &child(None, None)));
        assert!(!parent.covers_child(&["Encrypt".to_owned()], &child(Some(&two), None)));
        let exact = grant(GrantConstraints { subset: None, equals: Some(one.clone()) });
        assert!(exact.covers_child(&decrypt, &child(None, Some(&one))));
        assert!(!exact.covers_child(&decrypt, &child(Some(&one), None)));
    }

    #[test]
    fn a_fitting_grant_is_one_more_statement() {
        let grants = [grant(GrantConstraints::default())];
        for policy in [r#"{"Statement":[{"Sid":"own"}]}"#, r#"{"Statement":{"Sid":"own"}}"#] {
            let document = policy_with_grants(policy, grants.iter(), "kms:Decrypt", None);
            let document: Value = serde_json::from_str(&document).expect("JSON");
            assert_eq!(document["Statement"][0]["Sid"], "own");
            assert_eq!(document["Statement"][1]["Action"], "kms:Decrypt");
            assert_eq!(document["Statement"][1]["Principal"]["AWS"], "arn:aws:iam::1:role/r");
            assert_eq!(policy_with_grants(policy, grants.iter(), "kms:Encrypt", None), policy);
        }
    }
}
