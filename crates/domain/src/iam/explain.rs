//! A decision in words: AWS's access-denied sentence, and the link of a cause chain with what came near and the mend.

use std::fmt::Write as _;

use super::caller::{Caller, Identity};
use super::evaluate::{Asked, Decision, Layer, Policies, Source, Verdict};
use super::policy::{Effect, Statement};
use crate::failure::{Link, LinkKind, Outcome};
use crate::mend::{Fault, Wanted};

impl Layer {
    /// AWS's name of the kind of policy.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity-based policy",
            Self::Resource => "resource-based policy",
            Self::Trust => "role trust policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
        }
    }
}

/// AWS's sentence for a request that may not be done.
pub fn access_denied(caller: &Caller, asked: &Asked<'_>, decision: &Decision) -> String {
    let (user, action, resource) = (caller.arn(), asked.action, asked.resource);
    let layer = decision.layer.name();
    let reason = if decision.verdict == Verdict::ExplicitlyDenied {
        let article = if decision.layer == Layer::Identity { "an" } else { "a" };
        format!("with an explicit deny in {article} {layer}")
    } else {
        format!("because no {layer} allows the {action} action")
    };
    format!("User: {user} is not authorized to perform: {action} on resource: {resource} {reason}")
}

/// The decision as a link of a cause chain.
pub fn link(caller: &Caller, asked: &Asked<'_>, policies: &Policies, decision: &Decision) -> Link {
    let question = format!("{} asks for {} on {}", caller.arn(), asked.action, asked.resource);
    let subject = match &decision.by {
        Some(matched) => matched.policy.clone(),
        None => owner(caller, asked, policies, decision.layer),
    };
    let (outcome, detail, mend) = match (decision.verdict, &decision.by) {
        (Verdict::Allowed, Some(by)) => {
            (Outcome::Good, format!("{question}: allowed by {} of {}.", by.statement, by.policy), String::new())
        }
        (Verdict::Allowed, None) => (Outcome::Good, format!("{question}: the account's root user may."), String::new()),
        (Verdict::ExplicitlyDenied, Some(by)) => (
            Outcome::Broken,
            format!("{question}: denied by {} of {} ({}).", by.statement, by.policy, decision.layer.name()),
            format!("A deny wins over every allow: take {} out of {}, or narrow it.", by.statement, by.policy),
        ),
        _ => (
            Outcome::Broken,
            format!("{question}: {}", nothing_allows(asked, policies, decision.layer)),
            mend(caller, asked, policies, decision.layer),
        ),
    };
    let fault = fault(caller, asked, decision).filter(|_| outcome == Outcome::Broken).map(Box::new);
    Link { kind: LinkKind::Policy, subject, outcome, detail, mend, fault }
}

/// What a mend is made of. A deny, a boundary and a session's own policy are there on purpose: nothing is added to them.
fn fault(caller: &Caller, asked: &Asked<'_>, decision: &Decision) -> Option<Fault> {
    if decision.verdict != Verdict::NotAllowed {
        return None;
    }
    let principal = match &caller.identity {
        Identity::Role { role_arn, .. } => role_arn.clone(),
        Identity::User { arn, .. } => arn.clone(),
        Identity::Service { .. } if decision.layer == Layer::Trust => {
            return Some(Fault::NotTrusted { role: asked.resource.to_owned() });
        }
        _ => return None,
    };
    let wanted = Wanted { principal, action: asked.action.to_owned(), resource: asked.resource.to_owned() };
    match decision.layer {
        Layer::Identity => Some(Fault::NotAllowed(wanted)),
        Layer::Resource => Some(Fault::NotAllowedByResource(wanted)),
        Layer::Trust | Layer::Boundary | Layer::Session => None,
    }
}

pub(super) fn sources(policies: &Policies, layer: Layer) -> &[Source] {
    match layer {
        Layer::Identity => &policies.identity,
        Layer::Resource | Layer::Trust => policies.resource.as_slice(),
        Layer::Boundary => policies.boundary.as_slice(),
        Layer::Session => &policies.session,
    }
}

/// Whose policies of this layer they are.
fn owner(caller: &Caller, asked: &Asked<'_>, policies: &Policies, layer: Layer) -> String {
    match (layer, &caller.identity) {
        (Layer::Resource | Layer::Trust, _) => asked.resource.to_owned(),
        (Layer::Boundary, _) => policies.boundary.as_ref().map(|source| source.name.clone()).unwrap_or_default(),
        (Layer::Identity, Identity::Role { role_arn, .. }) => role_arn.clone(),
        _ => caller.arn(),
    }
}

fn nothing_allows(asked: &Asked<'_>, policies: &Policies, layer: Layer) -> String {
    let sources = sources(policies, layer);
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let mut text = match names.as_slice() {
        [] => format!("there is no {}.", layer.name()),
        [name] => format!("no statement of {name} ({}) allows it.", layer.name()),
        names => format!("no statement of these policies allows it: {}.", names.join(", ")),
    };
    for source in sources {
        for statement in source.policy.statements.iter().filter(|one| one.effect == Effect::Allow) {
            if let Some(reason) = near_miss(statement, asked, layer) {
                let _ = write!(text, " {} of {} comes near, but {reason}.", statement.name(), source.name);
            }
        }
    }
    text
}

/// Why a statement that allows the action does not allow this request.
fn near_miss(statement: &Statement, asked: &Asked<'_>, layer: Layer) -> Option<String> {
    if !statement.covers_action(asked) {
        return None;
    }
    if !statement.covers_resource(asked) {
        return Some(format!("it is about {}", statement.written_resources.join(", ")));
    }
    if let Some(condition) = statement.conditions.iter().find(|condition| !condition.holds(asked.context)) {
        let wanted = condition.written.join("\", \"");
        let key = condition.key.to_ascii_lowercase();
        let found = match asked.context.get(&key) {
            Some(values) => format!("the request has \"{}\"", values.join("\", \"")),
            None => "the request does not have that key".to_owned(),
        };
        return Some(format!(
            "its condition {} {} \"{wanted}\" is not met: {found}",
            condition.operator, condition.key
        ));
    }
    matches!(layer, Layer::Resource | Layer::Trust).then(|| "it names other principals".to_owned())
}

fn mend(caller: &Caller, asked: &Asked<'_>, policies: &Policies, layer: Layer) -> String {
    let (action, resource) = (asked.action, asked.resource);
    let statement = format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}"#);
    match layer {
        Layer::Identity => {
            let whose = owner(caller, asked, policies, layer);
            format!("Allow {action} on {resource} to {whose}: add a policy with the statement {statement}.")
        }
        Layer::Boundary => {
            let boundary = owner(caller, asked, policies, layer);
            format!("The permissions boundary {boundary} limits what may be allowed: add {statement} to it.")
        }
        Layer::Session => {
            format!("The session was begun with a policy that limits it: begin it with one that has {statement}.")
        }
        Layer::Resource | Layer::Trust => {
            let principal = match &caller.identity {
                Identity::Service { name } => format!(r#""Service":"{name}""#),
                Identity::WebIdentity { provider, .. } => format!(r#""Federated":"{provider}""#),
                Identity::Role { role_arn, .. } => format!(r#""AWS":"{role_arn}""#),
                _ => format!(r#""AWS":"{}""#, caller.arn()),
            };
            let of_what = if layer == Layer::Trust { "" } else { r#","Resource":"*""# };
            let statement = format!(r#"{{"Effect":"Allow","Principal":{{{principal}}},"Action":"{action}"{of_what}}}"#);
            let whose = if layer == Layer::Trust { "trust policy" } else { "policy" };
            format!("Add {statement} to the {whose} of {resource}.")
        }
    }
}
