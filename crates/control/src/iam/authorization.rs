//! Gathers from the store what `domain::iam` needs to decide, and tells the decision in the service's words.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use domain::failure::Link;
use domain::iam::{
    Asked, Caller, Context, Decision, FederatedBy, Identity, Policies, Policy, PolicyKind, ResourcePolicyRule, Ruling,
    SessionContext, Source, evaluate, explain,
};

use wire::Timestamp;

use super::name::{policy_by_arn, role_by_arn, user_by_arn};
use super::record::{Entity, UserRecord};
use crate::audit;
use crate::request::Access;
use crate::store::State;
use crate::sts::authorization_message;
use crate::{App, ServiceError};

/// Decides whether the caller may do this on every one of the resources.
///
/// # Errors
/// `AccessDeniedException` with AWS's sentence and, for `explain`, the link that tells which statement decided. The front
/// door gives the code its name in the protocol.
pub fn authorize(app: &App, state: &State, caller: &Caller, access: &Access) -> Result<(), ServiceError> {
    if caller.identity == Identity::Root
        && access.resource_policy.is_none()
        && access.resource_policy_rule == ResourcePolicyRule::MayAllow
        && access.resources.iter().all(|resource| is_of_account(resource, &caller.account))
    {
        // Nothing can limit the account's root user on what is the account's own.
        for resource in &access.resources {
            audit::note(Ruling::of_root(access.action, resource));
        }
        return Ok(());
    }
    check_reach(caller, access.action)?;
    let policies = gather(app, state, caller, access)?;
    let mut context = context(app, state, caller, access);
    for resource in &access.resources {
        if let Some(account) = resource.split(':').nth(4).filter(|account| !account.is_empty()) {
            context.set("aws:ResourceAccount", account);
        }
        let asked = Asked::new(access.action, resource, &context);
        let decision = evaluate(caller, &asked, &policies);
        let ruling = Ruling::new(caller, &asked, &policies, &decision);
        audit::note(ruling.clone());
        if !decision.is_allowed() {
            let mut message = explain::access_denied(caller, &asked, &decision);
            if access.action.starts_with("ec2:") {
                let encoded = authorization_message::encoded(app, caller, &ruling, &context)?;
                message += ". Encoded authorization failure message: ";
                message += &encoded;
            }
            return Err(ServiceError::new("AccessDeniedException", message)
                .with_link(explain::link(caller, &asked, &policies, &decision)));
        }
    }
    Ok(())
}

/// The decision for the first of the resources, with the link that explains it, whether allowed or not.
///
/// # Errors
/// `InternalFailure` when a stored policy cannot be read.
pub fn decide(app: &App, state: &State, caller: &Caller, access: &Access) -> Result<(Decision, Link), ServiceError> {
    let policies = gather(app, state, caller, access)?;
    let context = context(app, state, caller, access);
    let resource = access.resources.first().map_or("*", String::as_str);
    let asked = Asked::new(access.action, resource, &context);
    let decision = evaluate(caller, &asked, &policies);
    let link = explain::link(caller, &asked, &policies, &decision);
    Ok((decision, link))
}

/// Decides whether the caller may hand a role to a service (`ecs-tasks.amazonaws.com`).
///
/// # Errors
/// As [`authorize`].
pub fn pass_role(app: &App, state: &State, caller: &Caller, role_arn: &str, service: &str) -> Result<(), ServiceError> {
    let mut access = Access::to("iam:PassRole", role_arn).with_context("iam:PassedToService", service);
    if let Some(role) = role_by_arn(state, role_arn) {
        access = super::owner::tagged(access, &role.entity.tags);
    }
    authorize(app, state, caller, &access)
}

fn is_of_account(resource: &str, account: &str) -> bool {
    resource.split(':').nth(4).is_none_or(|owner| owner.len() != 12 || owner == account)
}

/// The sessions that GetSessionToken and GetFederationToken begin do not reach everything, whatever policies say: IAM
/// only with a code of an MFA device, of STS only AssumeRole; a federated user's neither.
fn check_reach(caller: &Caller, action: &str) -> Result<(), ServiceError> {
    let reaches = match (&caller.identity, action.split(':').next()) {
        // A service that gets a role asks for this one; it is no call to IAM.
        _ if action == "iam:PassRole" => true,
        (Identity::FederatedUser { .. }, Some("iam" | "sts")) => false,
        (Identity::User { context, .. }, Some("iam")) if context.issued_at.is_some() => context.mfa_at.is_some(),
        (Identity::User { context, .. }, Some("sts")) if context.issued_at.is_some() => action == "sts:AssumeRole",
        _ => true,
    };
    if reaches {
        return Ok(());
    }
    let message = "The security token included in the request is invalid";
    Err(ServiceError::new("InvalidClientTokenId", message).with_status(403))
}

/// Every policy that counts for this call.
fn gather(app: &App, state: &State, caller: &Caller, access: &Access) -> Result<Policies, ServiceError> {
    let mut policies = Policies { rule: access.resource_policy_rule, ..Policies::default() };
    match &caller.identity {
        Identity::User { arn, id, .. } => of_user_by_arn(app, state, (arn, id), &mut policies)?,
        Identity::FederatedUser { by, context, .. } => {
            match by {
                FederatedBy::Root => policies.identity.push(everything()),
                FederatedBy::User { arn, id } => of_user_by_arn(app, state, (arn, id), &mut policies)?,
            }
            of_session(app, state, context, &mut policies)?;
            if policies.session.is_empty() {
                // Without a session policy such a session has no rights of its own.
                let name = String::from("the session policy that was not given");
                policies.session.push(Source { name, policy: Arc::new(Policy::default()) });
            }
        }
        Identity::Role { role_arn, role_id, context, .. } => {
            if let Some(role) = role_by_arn(state, role_arn).filter(|role| role.entity.id == *role_id) {
                of_entity(app, state, &role.entity, &mut policies)?;
            }
            of_session(app, state, context, &mut policies)?;
        }
        Identity::Root | Identity::Service { .. } | Identity::WebIdentity { .. } | Identity::Anonymous => {}
    }
    if let Some(document) = &access.resource_policy {
        let (kind, name) = if access.action.starts_with("sts:") {
            (PolicyKind::Trust, "the trust policy")
        } else {
            (PolicyKind::Resource, "the policy")
        };
        let resource = access.resources.first().map_or("*", String::as_str);
        let name = format!("{name} of {resource}");
        let policy = parsed(app, document, kind, &name)?;
        policies.resource = Some(Source { name, policy });
    }
    Ok(policies)
}

fn of_user_by_arn(
    app: &App,
    state: &State,
    (arn, id): (&str, &str),
    policies: &mut Policies,
) -> Result<(), ServiceError> {
    match user_by_arn(state, arn).filter(|user| user.entity.id == id) {
        Some(user) => of_user(app, state, user, policies),
        None => Ok(()),
    }
}

/// What the root user may, where it is a federated user's session that asks.
pub(super) fn everything() -> Source {
    static EVERYTHING: LazyLock<Arc<Policy>> = LazyLock::new(|| {
        let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        Arc::new(Policy::parse(document, PolicyKind::Inline).unwrap_or_default())
    });
    Source { name: String::from("the root user's rights"), policy: Arc::clone(&EVERYTHING) }
}

pub(super) fn of_user(
    app: &App,
    state: &State,
    user: &UserRecord,
    policies: &mut Policies,
) -> Result<(), ServiceError> {
    of_entity(app, state, &user.entity, policies)?;
    for group in user.groups.iter().filter_map(|group| state.iam_groups.get(group)) {
        of_entity(app, state, &group.entity, policies)?;
    }
    Ok(())
}

pub(super) fn of_entity(
    app: &App,
    state: &State,
    entity: &Entity,
    policies: &mut Policies,
) -> Result<(), ServiceError> {
    for (name, document) in &entity.inline {
        let name = inline_source(name, &entity.arn);
        let policy = parsed(app, document, PolicyKind::Inline, &name)?;
        policies.identity.push(Source { name, policy });
    }
    for arn in &entity.attached {
        policies.identity.extend(managed(app, state, arn)?);
    }
    if let Some(arn) = &entity.boundary {
        // A boundary that is gone limits to nothing, it does not open everything.
        let nothing = || Source { name: arn.clone(), policy: Arc::new(Policy::default()) };
        policies.boundary = Some(managed(app, state, arn)?.unwrap_or_else(nothing));
    }
    Ok(())
}

/// How an inline policy is called where a decision names it.
pub(super) fn inline_source(policy: &str, owner_arn: &str) -> String {
    format!("inline policy {policy} of {owner_arn}")
}

fn of_session(app: &App, state: &State, context: &SessionContext, policies: &mut Policies) -> Result<(), ServiceError> {
    for document in &context.policies {
        let name = String::from("the session policy");
        let policy = parsed(app, document, PolicyKind::Inline, &name)?;
        policies.session.push(Source { name, policy });
    }
    for arn in &context.policy_arns {
        let nothing = || Source { name: arn.clone(), policy: Arc::new(Policy::default()) };
        policies.session.push(managed(app, state, arn)?.unwrap_or_else(nothing));
    }
    Ok(())
}

fn managed(app: &App, state: &State, arn: &str) -> Result<Option<Source>, ServiceError> {
    let Some(document) = policy_by_arn(state, arn).and_then(|policy| policy.document()) else {
        return Ok(None);
    };
    let policy = parsed(app, document, PolicyKind::Managed, arn)?;
    Ok(Some(Source { name: arn.to_owned(), policy }))
}

/// A document that was checked when it was stored. If it cannot be read nothing is decided: a deny may stand in it.
fn parsed(app: &App, document: &str, kind: PolicyKind, name: &str) -> Result<Arc<Policy>, ServiceError> {
    app.policies.policy(document, kind).map_err(|error| {
        tracing::error!(policy = name, %error, "a stored policy cannot be read");
        ServiceError::new("InternalFailure", format!("The stored policy {name} cannot be read: {error}"))
            .with_status(500)
    })
}

/// The request context: the global keys, and over them what the call supplies.
fn context(app: &App, state: &State, caller: &Caller, access: &Access) -> Context {
    let mut context = Context::new();
    let now = app.now();
    context.set("aws:CurrentTime", now.to_rfc3339());
    context.set("aws:EpochTime", now.seconds().to_string());
    let is_global = access.action.starts_with("iam:");
    context.set("aws:RequestedRegion", if is_global { "us-east-1" } else { caller.region.as_str() });
    // What comes over the loopback interface, or from inside, never crosses a network in the clear.
    let is_private = caller.source_ip.is_none_or(|address| address.to_canonical().is_loopback());
    context.set("aws:SecureTransport", is_private.to_string());
    if let Some(address) = caller.source_ip {
        context.set("aws:SourceIp", address.to_canonical().to_string());
    }
    for (key, header) in [("aws:UserAgent", &caller.user_agent), ("aws:Referer", &caller.referer)] {
        if let Some(header) = header {
            context.set(key, header.as_str());
        }
    }
    principal_keys(state, caller, now, &mut context);
    via_keys(caller, access, &mut context);
    let mut supplied: BTreeMap<&str, &Vec<String>> = BTreeMap::new();
    supplied.extend(access.context.iter().map(|(key, values)| (key.as_str(), values)));
    for (key, values) in supplied {
        context.set_all(key, values.clone());
    }
    context
}

fn principal_keys(state: &State, caller: &Caller, now: Timestamp, context: &mut Context) {
    context.set("aws:userid", caller.user_id());
    context.set("aws:PrincipalIsAWSService", "false");
    match &caller.identity {
        Identity::Root => {
            context.set("aws:PrincipalType", "Account");
            context.set("aws:PrincipalArn", caller.arn());
            context.set("aws:PrincipalAccount", caller.account.as_str());
        }
        Identity::User { arn, .. } => {
            context.set("aws:PrincipalType", "User");
            context.set("aws:PrincipalArn", arn.as_str());
            context.set("aws:PrincipalAccount", caller.account.as_str());
            context.set("aws:username", arn.rsplit('/').next().unwrap_or_default());
            for (key, value) in user_by_arn(state, arn).iter().flat_map(|user| &user.entity.tags) {
                context.set(&format!("aws:PrincipalTag/{key}"), value.as_str());
            }
        }
        Identity::Role { role_arn, .. } => {
            context.set("aws:PrincipalType", "AssumedRole");
            context.set("aws:PrincipalArn", role_arn.as_str());
            context.set("aws:PrincipalAccount", caller.account.as_str());
            for (key, value) in role_by_arn(state, role_arn).into_iter().flat_map(|role| &role.entity.tags) {
                context.set(&format!("aws:PrincipalTag/{key}"), value.as_str());
            }
        }
        Identity::FederatedUser { .. } => {
            context.set("aws:PrincipalType", "FederatedUser");
            context.set("aws:PrincipalArn", caller.arn());
            context.set("aws:PrincipalAccount", caller.account.as_str());
        }
        Identity::WebIdentity { .. } | Identity::Anonymous => context.set("aws:PrincipalType", "Anonymous"),
        Identity::Service { name } => {
            context.set("aws:PrincipalIsAWSService", "true");
            context.set("aws:PrincipalServiceName", name.as_str());
        }
    }
    if let Some(session) = caller.session() {
        session_keys(session, now, context);
    }
}

/// What a session brings. Access keys of their own bring nothing of this, not even "no MFA".
fn session_keys(session: &SessionContext, now: Timestamp, context: &mut Context) {
    // A session tag takes the place of the role's tag of the same key.
    for (key, value) in &session.tags {
        context.set(&format!("aws:PrincipalTag/{key}"), value.as_str());
    }
    if let Some(source_identity) = &session.source_identity {
        context.set("aws:SourceIdentity", source_identity.as_str());
    }
    if let Some(issued_at) = session.issued_at {
        context.set("aws:TokenIssueTime", issued_at.to_rfc3339());
    }
    if let Some(provider) = &session.federated_provider {
        context.set("aws:FederatedProvider", provider.as_str());
    }
    context.set("aws:MultiFactorAuthPresent", session.mfa_at.is_some().to_string());
    if let Some(mfa_at) = session.mfa_at {
        context.set("aws:MultiFactorAuthAge", (now.seconds() - mfa_at.seconds()).to_string());
    }
}

fn via_keys(caller: &Caller, access: &Access, context: &mut Context) {
    context.set("aws:ViaAWSService", caller.via_service.is_some().to_string());
    if let Some(service) = &caller.via_service {
        context.set("kms:ViaService", service.as_str());
        let name = service.split('.').next().unwrap_or(service);
        let principal = format!("{name}.amazonaws.com");
        context.set("aws:CalledViaFirst", principal.as_str());
        context.set("aws:CalledViaLast", principal.as_str());
        context.set_all("aws:CalledVia", vec![principal]);
    }
    if access.action.starts_with("kms:") {
        context.set("kms:CallerAccount", caller.account.as_str());
    }
}
