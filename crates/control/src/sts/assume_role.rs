//! `AssumeRole`: the trust policy decides, the session is limited by what the caller gives with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::sts::{AssumeRoleInput, AssumeRoleOutput, AssumedRoleUser};
use domain::iam::{Caller, Identity, ResourcePolicyRule, SessionContext};
use wire::Timestamp;

use super::session_token::prove_if_given;
use super::{described, session};
use crate::iam::authorization::authorize;
use crate::iam::credentials::issue;
use crate::iam::record::RoleRecord;
use crate::iam::{now, role_by_arn, step_of_code, validation};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

const DEFAULT_SECONDS: i32 = 3600;
/// The longest session that a session may begin.
const CHAINED_SECONDS: i32 = 3600;
/// `AssumeRole`
pub(super) async fn run(app: Arc<App>, request: Request<AssumeRoleInput>) -> Result<AssumeRoleOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        check_arn(&input.role_arn)?;
        let role = role_by_arn(state, &input.role_arn).ok_or_else(|| not_authorized(caller, &input.role_arn))?;
        // Tags and a source identity are rights of their own, in the same trust policy.
        let has_mfa = match (&input.serial_number, &input.token_code) {
            (Some(serial), Some(code)) => step_of_code(&app, state, caller, serial, code).map(|_| true)?,
            _ => false,
        };
        let access = |action| {
            let access = access(action, input, role);
            if has_mfa { with_mfa(access) } else { access }
        };
        if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
            authorize(&app, state, caller, &access("sts:TagSession"))?;
        }
        if input.source_identity.is_some() {
            authorize(&app, state, caller, &access("sts:SetSourceIdentity"))?;
        }
        Ok(access("sts:AssumeRole"))
    })?;
    prove_if_given(&app, &caller, input.serial_number.as_deref(), input.token_code.as_deref()).await?;
    let state = app.store.read();
    let role = role_by_arn(&state, &input.role_arn).ok_or_else(|| not_authorized(&caller, &input.role_arn))?;
    let seconds = duration(&input, &caller, role)?;
    let now = now(&app);
    let context = session_context(&input, &caller, &state, now)?;
    let packed = session::packed_percent_if_any(&context)?;
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
        user_agent: None,
        referer: None,
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

/// The access with the keys of a code of an MFA device that comes with the call.
fn with_mfa(access: Access) -> Access {
    access.with_context("aws:MultiFactorAuthPresent", "true").with_context("aws:MultiFactorAuthAge", "0")
}

/// An ARN that is none is refused before anything is looked up.
pub(super) fn check_arn(arn: &str) -> Result<(), ServiceError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let valid = match parts[..] {
        ["arn", partition, service, _, _, resource] => {
            !partition.is_empty() && !service.is_empty() && !resource.is_empty()
        }
        _ => false,
    };
    if valid { Ok(()) } else { Err(validation(format!("{arn} is invalid"))) }
}

fn access(action: &'static str, input: &AssumeRoleInput, role: &RoleRecord) -> Access {
    let mut access = Access::to(action, &role.entity.arn)
        .with_resource_policy(Some(role.trust.clone()))
        .with_context("sts:RoleSessionName", &input.role_session_name)
        .with_resource_tags("aws:ResourceTag", &role.entity.tags);
    access.resource_policy_rule = ResourcePolicyRule::MustAllow;
    access = session::requesting(access, input.tags.as_deref());
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
    let is_chained = matches!(caller.identity, Identity::Role { .. });
    if is_chained && input.duration_seconds.is_some_and(|seconds| seconds > CHAINED_SECONDS) {
        return Err(validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    check_duration(input.duration_seconds, role)
}

/// How long a session of a role lasts, in seconds.
pub(super) fn check_duration(asked: Option<i32>, role: &RoleRecord) -> Result<i32, ServiceError> {
    let seconds = asked.unwrap_or(DEFAULT_SECONDS);
    if !(900..=43_200).contains(&seconds) {
        return Err(validation("DurationSeconds must be between 900 and 43200."));
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
    let is_transitive = |key: &str| transitive_tag_keys.iter().any(|known| known.eq_ignore_ascii_case(key));
    if given.iter().any(|tag| is_transitive(&tag.key)) {
        return Err(ServiceError::new(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from \
             the calling session.",
        ));
    }
    session::add_tags(&mut tags, given)?;
    for key in input.transitive_tag_keys.iter().flatten() {
        let Some(tag) = given.iter().find(|tag| tag.key.eq_ignore_ascii_case(key)) else {
            return Err(ServiceError::new(
                "InvalidParameterValue",
                "The specified transitive tag key must be included in the requested tags.",
            ));
        };
        transitive_tag_keys.push(tag.key.clone());
    }
    match (&source_identity, &input.source_identity) {
        (Some(known), Some(given)) if known != given => {
            return Err(validation("The source identity of a chain of roles cannot be changed."));
        }
        (None, Some(given)) => source_identity = Some(given.clone()),
        _ => {}
    }
    let (policies, policy_arns) = session::policies(input.policy.as_ref(), input.policy_arns.as_deref(), state)?;
    Ok(SessionContext {
        policies,
        policy_arns,
        tags,
        transitive_tag_keys,
        source_identity,
        issued_at: Some(now),
        mfa_at: input.token_code.is_some().then_some(now),
        federated_provider: None,
    })
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
