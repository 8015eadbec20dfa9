//! `AssumeRole`: the trust policy decides, the session is limited by what the caller gives with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::sts::{AssumeRoleInput, AssumeRoleOutput, AssumedRoleUser};
use domain::iam::{Caller, Identity, Policy, PolicyKind, ResourcePolicyRule, SessionContext};
use wire::Timestamp;

use super::described;
use crate::iam::authorization::authorize;
use crate::iam::credentials::issue;
use crate::iam::record::RoleRecord;
use crate::iam::{malformed, now, policy_by_arn, role_by_arn, validation};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

const DEFAULT_SECONDS: i32 = 3600;
/// The longest session that a session may begin.
const CHAINED_SECONDS: i32 = 3600;
/// Characters of all session policies together.
const SESSION_POLICY_CHARACTERS: usize = 2048;
/// Managed session policies.
const SESSION_POLICY_ARNS: usize = 10;
/// Session tags.
const SESSION_TAGS: usize = 50;
/// Bytes of what a session carries in its token, of which PackedPolicySize tells the part in percent.
const PACKED_BYTES: usize = 12_288;

/// `AssumeRole`
pub(super) async fn run(app: Arc<App>, request: Request<AssumeRoleInput>) -> Result<AssumeRoleOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let role = role_by_arn(state, &input.role_arn).ok_or_else(|| not_authorized(caller, &input.role_arn))?;
        // Tags and a source identity are rights of their own, in the same trust policy.
        if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
            authorize(&app, state, caller, &access("sts:TagSession", input, role))?;
        }
        if input.source_identity.is_some() {
            authorize(&app, state, caller, &access("sts:SetSourceIdentity", input, role))?;
        }
        Ok(access("sts:AssumeRole", input, role))
    })?;
    let state = app.store.read();
    let role = role_by_arn(&state, &input.role_arn).ok_or_else(|| not_authorized(&caller, &input.role_arn))?;
    let seconds = duration(&input, &caller, role)?;
    let now = now(&app);
    let context = session_context(&input, &caller, &state, now)?;
    let packed = packed_percent(&context)?;
    let source_identity = context.source_identity.clone();
    let session = Caller {
        account: input.role_arn.split(':').nth(4).unwrap_or_default().to_owned(),
        region: caller.region,
        identity: Identity::Role {
            role_arn: input.role_arn,
            role_id: role.entity.id.clone(),
            session_name: input.role_session_name,
            context,
        },
        access_key_id: String::new(),
        source_ip: None,
        via_service: None,
    };
    let issued = issue(&app, &session, now.plus_seconds(i64::from(seconds)))?;
    Ok(AssumeRoleOutput {
        credentials: Some(described(issued)),
        assumed_role_user: Some(AssumedRoleUser { assumed_role_id: session.user_id(), arn: session.arn() }),
        packed_policy_size: packed,
        source_identity,
    })
}

/// AWS does not tell a role that is missing from one that does not trust.
fn not_authorized(caller: &Caller, role_arn: &str) -> ServiceError {
    let message =
        format!("User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}", caller.arn());
    ServiceError::new("AccessDeniedException", message)
}

fn access(action: &'static str, input: &AssumeRoleInput, role: &RoleRecord) -> Access {
    let mut access = Access::to(action, &role.entity.arn)
        .with_resource_policy(Some(role.trust.clone()))
        .with_context("sts:RoleSessionName", &input.role_session_name);
    access.resource_policy_rule = ResourcePolicyRule::MustAllow;
    for (key, value) in &role.entity.tags {
        access = access.with_context(format!("aws:ResourceTag/{key}"), value);
    }
    for tag in input.tags.iter().flatten() {
        access = access
            .with_context(format!("aws:RequestTag/{}", tag.key), &tag.value)
            .with_context("aws:TagKeys", &tag.key);
    }
    for key in input.transitive_tag_keys.iter().flatten() {
        access = access.with_context("sts:TransitiveTagKeys", key);
    }
    if let Some(external_id) = &input.external_id {
        access = access.with_context("sts:ExternalId", external_id);
    }
    if let Some(source_identity) = &input.source_identity {
        access = access.with_context("sts:SourceIdentity", source_identity);
    }
    access
}

fn duration(input: &AssumeRoleInput, caller: &Caller, role: &RoleRecord) -> Result<i32, ServiceError> {
    let seconds = input.duration_seconds.unwrap_or(DEFAULT_SECONDS);
    if !(900..=43_200).contains(&seconds) {
        return Err(validation("DurationSeconds must be between 900 and 43200."));
    }
    if seconds > CHAINED_SECONDS && matches!(caller.identity, Identity::Role { .. }) {
        return Err(validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    if seconds > role.max_session_seconds {
        return Err(validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
    }
    Ok(seconds)
}

fn session_context(
    input: &AssumeRoleInput,
    caller: &Caller,
    state: &State,
    now: Timestamp,
) -> Result<SessionContext, ServiceError> {
    let (mut tags, mut transitive_tag_keys, mut source_identity) = inherited(caller);
    let given = input.tags.as_deref().unwrap_or_default();
    if given.len() > SESSION_TAGS {
        return Err(validation(format!("A session can have at most {SESSION_TAGS} tags.")));
    }
    for tag in given {
        if tags.contains_key(&tag.key) && transitive_tag_keys.contains(&tag.key) {
            return Err(ServiceError::new(
                "InvalidParameterValue",
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key \
                 from the calling session.",
            ));
        }
        tags.insert(tag.key.clone(), tag.value.clone());
    }
    for key in input.transitive_tag_keys.iter().flatten() {
        if !given.iter().any(|tag| tag.key == *key) {
            return Err(ServiceError::new(
                "InvalidParameterValue",
                "The specified transitive tag key must be included in the requested tags.",
            ));
        }
        transitive_tag_keys.push(key.clone());
    }
    match (&source_identity, &input.source_identity) {
        (Some(known), Some(given)) if known != given => {
            return Err(validation("The source identity of a chain of roles cannot be changed."));
        }
        (None, Some(given)) => source_identity = Some(given.clone()),
        _ => {}
    }
    let policies = session_policies(input)?;
    let policy_arns = session_policy_arns(input, state)?;
    Ok(SessionContext { policies, policy_arns, tags, transitive_tag_keys, source_identity, issued_at: Some(now) })
}

/// What goes on from the calling session: its transitive tags and its source identity.
fn inherited(caller: &Caller) -> (BTreeMap<String, String>, Vec<String>, Option<String>) {
    let Identity::Role { context, .. } = &caller.identity else { return Default::default() };
    let tags = context.tags.iter().filter(|(key, _)| context.transitive_tag_keys.contains(key));
    (
        tags.map(|(key, value)| (key.clone(), value.clone())).collect(),
        context.transitive_tag_keys.clone(),
        context.source_identity.clone(),
    )
}

fn session_policies(input: &AssumeRoleInput) -> Result<Vec<String>, ServiceError> {
    let Some(document) = &input.policy else { return Ok(Vec::new()) };
    Policy::parse(document, PolicyKind::Inline).map_err(|error| malformed(&error))?;
    if document.chars().count() > SESSION_POLICY_CHARACTERS {
        return Err(validation(format!("A session policy has at most {SESSION_POLICY_CHARACTERS} characters.")));
    }
    Ok(vec![document.clone()])
}

fn session_policy_arns(input: &AssumeRoleInput, state: &State) -> Result<Vec<String>, ServiceError> {
    let arns: Vec<String> = input.policy_arns.iter().flatten().filter_map(|policy| policy.arn.clone()).collect();
    if arns.len() > SESSION_POLICY_ARNS {
        return Err(validation(format!("A session can have at most {SESSION_POLICY_ARNS} managed policies.")));
    }
    match arns.iter().find(|arn| policy_by_arn(state, arn).is_none()) {
        Some(arn) => Err(ServiceError::new("MalformedPolicyDocument", format!("The policy {arn} does not exist."))),
        None => Ok(arns),
    }
}

/// How much of what a token may carry is used; nothing when the session was given nothing.
fn packed_percent(context: &SessionContext) -> Result<Option<i32>, ServiceError> {
    if context.policies.is_empty() && context.policy_arns.is_empty() && context.tags.is_empty() {
        return Ok(None);
    }
    let strings = context.policies.iter().chain(&context.policy_arns).chain(context.tags.keys());
    let bytes: usize = strings.chain(context.tags.values()).map(String::len).sum();
    let percent = i32::try_from((bytes * 100).div_ceil(PACKED_BYTES)).unwrap_or(i32::MAX);
    if percent > 100 {
        return Err(ServiceError::new(
            "PackedPolicyTooLarge",
            format!("Packed size of session tags and policies consumes {percent}% of allotted space."),
        ));
    }
    Ok(Some(percent))
}
