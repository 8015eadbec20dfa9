//! The decision: all policies of a request in AWS's order.
//!
//! An explicit deny anywhere ends it. A resource policy may allow by itself (when it names the caller itself in its own
//! account), else identity policies, then the permissions boundary, then the session policies must each allow. Between
//! accounts both sides must allow. See the IAM User Guide, "Policy evaluation logic".

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::caller::{Caller, Identity};
use super::context::Context;
use super::policy::{Effect, Policy, Statement};
use super::principal::Closeness;

/// What is asked: one action on one resource.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// `ecs:RunTask`
    pub action: &'a str,
    /// An ARN, or `*` for an action that knows no resource.
    pub resource: &'a str,
    /// The condition keys of the request.
    pub context: &'a Context,
    /// Actions are compared ignoring case; lowered once, compared with every statement.
    pub(super) lower_case_action: String,
    /// The account of the resource where its ARN does not tell.
    owner: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// An action on a resource.
    pub fn new(action: &'a str, resource: &'a str, context: &'a Context) -> Self {
        Self { action, resource, context, lower_case_action: action.to_ascii_lowercase(), owner: None }
    }

    /// The same with the account that owns the resource, for an ARN that does not tell it.
    #[must_use]
    pub fn owned_by(mut self, account: Option<&'a str>) -> Self {
        self.owner = account;
        self
    }

    /// The account that owns the resource, when its ARN tells.
    fn resource_account(&self) -> Option<&str> {
        self.resource.split(':').nth(4).filter(|account| account.len() == 12).or(self.owner)
    }

    /// Whether the resource's policy is a role's trust policy.
    fn is_assume_role(&self) -> bool {
        self.action.starts_with("sts:")
    }
}

/// A policy and where it comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The ARN of a managed policy; for an inline policy its name with that of its owner.
    pub name: String,
    /// The document.
    pub policy: Arc<Policy>,
}

/// How a resource's own policy counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResourcePolicyRule {
    /// It can allow by itself (same account), or not.
    #[default]
    MayAllow,
    /// Nothing is allowed that it does not allow: role trust policies and KMS key policies. An allow for the account's
    /// root principal hands the decision on to the identity policies.
    MustAllow,
}

/// Every policy that counts for a request.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// Inline and attached policies of the user and its groups, or of the role.
    pub identity: Vec<Source>,
    /// The permissions boundary of the user or role.
    pub boundary: Option<Source>,
    /// The session policies; together they allow what any of them allows. Empty: the session is not limited.
    pub session: Vec<Source>,
    /// The policy on the resource.
    pub resource: Option<Source>,
    /// How that one counts.
    pub rule: ResourcePolicyRule,
}

/// How it was decided; written in IAM's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It may be done.
    Allowed,
    /// A statement denies it.
    #[serde(rename = "explicitDeny")]
    ExplicitlyDenied,
    /// No statement of the layer allows it.
    #[serde(rename = "implicitDeny")]
    NotAllowed,
}

/// The kinds of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Policies of the user, its groups, or the role.
    Identity,
    /// The resource's own policy.
    Resource,
    /// The role's trust policy.
    Trust,
    /// The permissions boundary.
    Boundary,
    /// The session policies.
    Session,
}

/// The statement that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The policy's name, as its [`Source`] says.
    pub policy: String,
    /// The statement's Sid, else `statement N`.
    pub statement: String,
    /// The statement's place, from 0.
    pub index: usize,
}

/// The answer, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be done.
    pub verdict: Verdict,
    /// The layer that decided.
    pub layer: Layer,
    /// The statement that decided; `None` when none allowed, and for the account's root user.
    pub by: Option<Matched>,
}

impl Decision {
    /// Whether it may be done.
    pub fn is_allowed(&self) -> bool {
        self.verdict == Verdict::Allowed
    }
}

/// Decides.
pub fn evaluate(caller: &Caller, asked: &Asked<'_>, policies: &Policies) -> Decision {
    if let Some(denied) = explicit_deny(caller, asked, policies) {
        return denied;
    }
    let resource_layer = if asked.is_assume_role() { Layer::Trust } else { Layer::Resource };
    let grant = resource_grant(caller, asked, policies);
    let same_account = asked.resource_account().is_none_or(|account| account == caller.account);
    let closeness = grant.as_ref().map(|(closeness, _)| *closeness);
    let by_resource = grant.map(|(_, matched)| matched);
    let allowed = |by| Decision { verdict: Verdict::Allowed, layer: resource_layer, by };
    let is_service = matches!(caller.identity, Identity::Service { .. });

    if same_account || is_service {
        match closeness {
            Some(Closeness::Itself) => return allowed(by_resource),
            Some(Closeness::Role) => {
                return limits(asked, policies).map_or_else(|| allowed(by_resource), not_allowed);
            }
            None if policies.rule == ResourcePolicyRule::MustAllow || is_service => return not_allowed(resource_layer),
            Some(Closeness::Account) | None => {}
        }
    } else if closeness.is_none() {
        return not_allowed(resource_layer);
    }
    let by = if caller.identity == Identity::Root {
        by_resource
    } else {
        match first(Effect::Allow, asked, &policies.identity) {
            Some(matched) => Some(matched),
            None => return not_allowed(Layer::Identity),
        }
    };
    limits(asked, policies).map_or(Decision { verdict: Verdict::Allowed, layer: Layer::Identity, by }, not_allowed)
}

/// Every statement that speaks for the verdict, of all layers, for simulations: the denies of an explicit deny, the
/// allows of an allow, none when nothing allowed.
pub fn speaking_statements(
    caller: &Caller,
    asked: &Asked<'_>,
    policies: &Policies,
    verdict: Verdict,
) -> Vec<(Layer, Matched)> {
    let effect = match verdict {
        Verdict::Allowed => Effect::Allow,
        Verdict::ExplicitlyDenied => Effect::Deny,
        Verdict::NotAllowed => return Vec::new(),
    };
    let layers = [
        (Layer::Identity, &policies.identity[..]),
        (Layer::Boundary, policies.boundary.as_slice()),
        (Layer::Session, &policies.session),
        (Layer::Resource, policies.resource.as_slice()),
    ];
    let mut speaking = Vec::new();
    for (layer, sources) in layers {
        for source in sources {
            let statements = source.policy.statements.iter().filter(|one| one.effect == effect && one.applies(asked));
            let about = statements.filter(|one| layer != Layer::Resource || one.names(caller).is_some());
            speaking.extend(about.map(|one| (layer, matched(source, one))));
        }
    }
    speaking
}

fn not_allowed(layer: Layer) -> Decision {
    Decision { verdict: Verdict::NotAllowed, layer, by: None }
}

fn explicit_deny(caller: &Caller, asked: &Asked<'_>, policies: &Policies) -> Option<Decision> {
    let denied = |layer, by| Decision { verdict: Verdict::ExplicitlyDenied, layer, by: Some(by) };
    if let Some(source) = &policies.resource
        && let Some(statement) = source.policy.statements.iter().find(|statement| {
            statement.effect == Effect::Deny && statement.names(caller).is_some() && statement.applies(asked)
        })
    {
        let layer = if asked.is_assume_role() { Layer::Trust } else { Layer::Resource };
        return Some(denied(layer, matched(source, statement)));
    }
    let boundary = policies.boundary.as_slice();
    [(Layer::Identity, &policies.identity[..]), (Layer::Boundary, boundary), (Layer::Session, &policies.session)]
        .into_iter()
        .find_map(|(layer, sources)| first(Effect::Deny, asked, sources).map(|by| denied(layer, by)))
}

/// The closest allow of the resource's policy for this caller.
fn resource_grant(caller: &Caller, asked: &Asked<'_>, policies: &Policies) -> Option<(Closeness, Matched)> {
    let source = policies.resource.as_ref()?;
    source
        .policy
        .statements
        .iter()
        .filter(|statement| statement.effect == Effect::Allow)
        .filter_map(|statement| Some((statement.names(caller)?, statement)))
        .filter(|(_, statement)| statement.applies(asked))
        .max_by_key(|(closeness, statement)| (*closeness, std::cmp::Reverse(statement.index)))
        .map(|(closeness, statement)| (closeness, matched(source, statement)))
}

/// The limiting layer that does not allow, if there is one.
fn limits(asked: &Asked<'_>, policies: &Policies) -> Option<Layer> {
    if policies.boundary.is_some() && first(Effect::Allow, asked, policies.boundary.as_slice()).is_none() {
        return Some(Layer::Boundary);
    }
    if !policies.session.is_empty() && first(Effect::Allow, asked, &policies.session).is_none() {
        return Some(Layer::Session);
    }
    None
}

/// The first statement of this effect that applies.
fn first(effect: Effect, asked: &Asked<'_>, sources: &[Source]) -> Option<Matched> {
    sources.iter().find_map(|source| {
        let statement = source.policy.statements.iter().find(|one| one.effect == effect && one.applies(asked))?;
        Some(matched(source, statement))
    })
}

fn matched(source: &Source, statement: &Statement) -> Matched {
    Matched { policy: source.name.clone(), statement: statement.name(), index: statement.index }
}
