//! A decision as it is kept: for the audit, for `tidegate explain`, and for the encoded messages of EC2.
//!
//! It stands by itself: the statement is kept as it was written then, because the policy may be another one tomorrow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::caller::{Caller, Identity};
use super::context::Context;
use super::evaluate::{Asked, Decision, Policies, Verdict};
use super::explain;
use super::policy::Statement;

/// The name of the layer that decides for an account's root user.
const ROOT_LAYER: &str = "account root user";

/// One decision about one action on one resource, with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ruling {
    /// `secretsmanager:GetSecretValue`
    pub action: String,
    /// The ARN it was asked of, or `*`.
    pub resource: String,
    /// How it was decided.
    pub verdict: Verdict,
    /// AWS's name of the kind of policy that decided.
    pub layer: String,
    /// The policy that decided: the ARN of a managed one, else its name with that of its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The statement's Sid, else `statement N`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// The statement's place in the policy, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// The statement as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// What the request had for the condition keys that counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<String, Vec<String>>,
    /// Of a refusal: why, with what came near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Of a refusal: what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// The service that asked for the caller, when the caller did not ask by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
}

impl Ruling {
    /// A decision that was made by policies.
    pub fn new(caller: &Caller, asked: &Asked<'_>, policies: &Policies, decision: &Decision) -> Self {
        let statement = decision.by.as_ref().and_then(|by| {
            let source = explain::sources(policies, decision.layer).iter().find(|source| source.name == by.policy)?;
            source.policy.statements.get(by.index)
        });
        let link = (!decision.is_allowed()).then(|| explain::link(caller, asked, policies, decision));
        let by_root = caller.identity == Identity::Root && decision.is_allowed() && decision.by.is_none();
        Self {
            action: asked.action.to_owned(),
            resource: asked.resource.to_owned(),
            verdict: decision.verdict,
            layer: if by_root { ROOT_LAYER } else { decision.layer.name() }.to_owned(),
            policy: decision.by.as_ref().map(|by| by.policy.clone()),
            statement: decision.by.as_ref().map(|by| by.statement.clone()),
            index: decision.by.as_ref().map(|by| by.index),
            document: statement.map(|statement| statement.written.to_string()),
            conditions: match statement {
                Some(statement) => conditions(statement, asked.context),
                None => near_conditions(asked, policies),
            },
            detail: link.as_ref().map(|link| link.detail.clone()),
            mend: link.map(|link| link.mend).filter(|mend| !mend.is_empty()),
            through: None,
        }
    }

    /// What the account's root user may do because nothing can limit it.
    pub fn of_root(action: &str, resource: &str) -> Self {
        Self {
            action: action.to_owned(),
            resource: resource.to_owned(),
            verdict: Verdict::Allowed,
            layer: ROOT_LAYER.to_owned(),
            policy: None,
            statement: None,
            index: None,
            document: None,
            conditions: BTreeMap::new(),
            detail: None,
            mend: None,
            through: None,
        }
    }

    /// `allowed`, `explicitDeny` or `implicitDeny`.
    pub fn verdict_name(&self) -> &'static str {
        match self.verdict {
            Verdict::Allowed => "allowed",
            Verdict::ExplicitlyDenied => "explicitDeny",
            Verdict::NotAllowed => "implicitDeny",
        }
    }

    /// Whether it may be done.
    pub fn is_allowed(&self) -> bool {
        self.verdict == Verdict::Allowed
    }
}

/// The values of the keys that a statement's conditions ask for.
fn conditions(statement: &Statement, context: &Context) -> BTreeMap<String, Vec<String>> {
    let keys = statement.conditions.iter();
    keys.filter_map(|one| Some((one.key.clone(), context.get(&one.lower_case_key)?.to_vec()))).collect()
}

/// The same of every statement that is about the action, when none decided.
fn near_conditions(asked: &Asked<'_>, policies: &Policies) -> BTreeMap<String, Vec<String>> {
    let sources = policies.identity.iter().chain(&policies.boundary).chain(&policies.session).chain(&policies.resource);
    let statements = sources.flat_map(|source| &source.policy.statements).filter(|one| one.covers_action(asked));
    statements.flat_map(|statement| conditions(statement, asked.context)).collect()
}

/// What `sts:DecodeAuthorizationMessage` tells of a refusal. Keys of conditions are in lower case: IAM compares them
/// ignoring case.
pub fn authorization_message(caller: &Caller, ruling: &Ruling, context: &Context) -> Value {
    let items = |values: &mut dyn Iterator<Item = Value>| json!({"items": values.collect::<Vec<_>>()});
    let conditions = &mut context.iter().map(|(key, values)| {
        let values = items(&mut values.iter().map(|value| json!({"value": value})));
        json!({"key": key, "values": values})
    });
    let principal = caller.arn();
    json!({
        "allowed": ruling.is_allowed(),
        "explicitDeny": ruling.verdict == Verdict::ExplicitlyDenied,
        "matchedStatements": items(&mut ruling.document.iter().map(|document| matched_statement(ruling, document))),
        "failures": items(&mut std::iter::empty()),
        "context": {
            "principal": {
                "id": caller.user_id(),
                "name": principal.rsplit('/').next().unwrap_or(&principal),
                "arn": principal,
            },
            "action": ruling.action,
            "resource": ruling.resource,
            "conditions": items(conditions),
        },
    })
}

fn matched_statement(ruling: &Ruling, document: &str) -> Value {
    let statement: Value = serde_json::from_str(document).unwrap_or_default();
    let listed = |names: [&str; 2]| {
        let written = names.iter().find_map(|name| statement.get(*name));
        let values = match written {
            Some(Value::Array(values)) => values.clone(),
            Some(Value::Object(kinds)) => kinds.values().cloned().collect(),
            Some(value) => vec![value.clone()],
            None => Vec::new(),
        };
        json!({"items": values.into_iter().map(|value| json!({"value": value})).collect::<Vec<_>>()})
    };
    let conditions = statement.get("Condition").and_then(Value::as_object).into_iter().flatten();
    let conditions = conditions.flat_map(|(_, keys)| keys.as_object().into_iter().flatten());
    let conditions = conditions.map(|(key, values)| {
        let values = values.as_array().cloned().unwrap_or_else(|| vec![values.clone()]);
        json!({"key": key, "values": {"items": values.iter().map(|value| json!({"value": value})).collect::<Vec<_>>()}})
    });
    json!({
        "statementId": statement.get("Sid").cloned().unwrap_or_else(|| Value::from("")),
        "effect": if ruling.is_allowed() { "ALLOW" } else { "DENY" },
        "principals": listed(["Principal", "NotPrincipal"]),
        "principalGroups": {"items": []},
        "actions": listed(["Action", "NotAction"]),
        "resources": listed(["Resource", "NotResource"]),
        "conditions": {"items": conditions.collect::<Vec<_>>()},
    })
}
