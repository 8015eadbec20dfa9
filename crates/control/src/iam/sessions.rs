//! Sessions that ECS begins by itself: the execution role and the task role of a task.
//!
//! The role's trust policy is really evaluated, for the principal and with the keys that ECS brings.

use std::sync::Arc;

use api::sts::{AssumeRoleInput, AssumeRoleOutput, AssumedRoleUser, op};
use domain::compute::RoleCredentials;
use domain::failure::{Failure, FailureName, Link, LinkKind};
use domain::iam::{Caller, Identity, ResourcePolicyRule, SessionContext};
use domain::mend::Fault;
use wire::arn::Arn;

use super::authorization::decide;
use super::credentials;
use super::name::role_by_arn;
use super::record::RoleRecord;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError, audit, sts};

/// The service that assumes the roles of tasks.
pub const TASK_SERVICE: &str = "ecs-tasks.amazonaws.com";
/// How long a task role's credentials are good, in seconds; the endpoint in the task asks again before.
pub const TASK_ROLE_SECONDS: i64 = 6 * 3600;

/// What is wanted of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// To act as it here.
    Session,
    /// Keys with which others can sign.
    Credentials,
}

/// The session of a role for a task in its region: the caller as which its secrets are read and its logs are written. Nobody records
/// it: see [`assume_for_task`].
///
/// # Errors
/// A failure in ECS's words when the role does not exist or its trust policy does not let ECS assume it; its chain tells
/// which.
pub fn for_task(app: &App, state: &State, role_arn: &str, task_id: &str, region: &str) -> Result<Caller, Failure> {
    let role = role_by_arn(state, role_arn).ok_or_else(|| cannot_assume(role_arn, no_role(role_arn)))?;
    match decide(app, state, &service(role_arn, region), &access(role, task_id, region)) {
        Ok((decision, _)) if decision.is_allowed() => Ok(session(app, role, task_id, region)),
        Ok((_, link)) => Err(cannot_assume(role_arn, link)),
        Err(error) => Err(cannot_assume(role_arn, undecided(role_arn, error))),
    }
}

/// The same as a call of ECS's to `sts:AssumeRole`, with its event; with keys for the endpoint inside the task if they
/// are wanted.
///
/// # Errors
/// As [`for_task`].
pub async fn assume_for_task(
    app: &Arc<App>,
    role_arn: &str,
    task_arn: &str,
    wanted: Wanted,
) -> Result<(Caller, Option<RoleCredentials>), Failure> {
    let task_id = task_arn.rsplit('/').next().unwrap_or(task_arn);
    let region = task_arn.split(':').nth(3).unwrap_or_default();
    let input = AssumeRoleInput {
        role_arn: role_arn.to_owned(),
        role_session_name: task_id.to_owned(),
        ..AssumeRoleInput::default()
    };
    let request = (input, service(role_arn, region), app.uuid());
    let answer = audit::call::<op::AssumeRole, _, _>(app, TASK_SERVICE, request, |app, request| async move {
        audit::note_task(task_arn);
        assume(&app, request, wanted)
    });
    let output = answer.await.map_err(|mut error| {
        let link = if error.chain.is_empty() { undecided(role_arn, error) } else { error.chain.swap_remove(0) };
        cannot_assume(role_arn, link)
    })?;
    let state = app.store.read();
    let role = role_by_arn(&state, role_arn).ok_or_else(|| cannot_assume(role_arn, no_role(role_arn)))?;
    let credentials = output.credentials.map(|issued| RoleCredentials {
        role_arn: role_arn.to_owned(),
        access_key_id: issued.access_key_id,
        secret_access_key: issued.secret_access_key,
        session_token: issued.session_token.into(),
        expiration: issued.expiration,
    });
    Ok((session(app, role, task_id, region), credentials))
}

fn assume(app: &App, request: Request<AssumeRoleInput>, wanted: Wanted) -> Result<AssumeRoleOutput, ServiceError> {
    let denied = |arn: &str| {
        let message = format!("User: {TASK_SERVICE} is not authorized to perform: sts:AssumeRole on resource: {arn}");
        ServiceError::new("AccessDenied", message).with_link(no_role(arn))
    };
    let Authorized { input, caller, .. } = request.authorize(app, |input, state, caller| {
        let role = role_by_arn(state, &input.role_arn).ok_or_else(|| denied(&input.role_arn))?;
        Ok(access(role, &input.role_session_name, &caller.region))
    })?;
    let state = app.store.read();
    let role = role_by_arn(&state, &input.role_arn).ok_or_else(|| denied(&input.role_arn))?;
    let session = session(app, role, &input.role_session_name, &caller.region);
    let credentials = match wanted {
        Wanted::Session => None,
        Wanted::Credentials => {
            Some(sts::described(credentials::issue(app, &session, app.now().plus_seconds(TASK_ROLE_SECONDS))?))
        }
    };
    let assumed_role_user = AssumedRoleUser { assumed_role_id: session.user_id(), arn: session.arn() };
    Ok(AssumeRoleOutput { credentials, assumed_role_user: Some(assumed_role_user), ..AssumeRoleOutput::default() })
}

/// ECS in a region, in the account of a role.
fn service(role_arn: &str, region: &str) -> Caller {
    Caller {
        account: role_arn.split(':').nth(4).unwrap_or_default().to_owned(),
        region: region.to_owned(),
        identity: Identity::Service { name: TASK_SERVICE.to_owned() },
        access_key_id: String::new(),
        source_ip: None,
        user_agent: None,
        referer: None,
        via_service: None,
    }
}

fn session(app: &App, role: &RoleRecord, task_id: &str, region: &str) -> Caller {
    let identity = Identity::Role {
        role_arn: role.entity.arn.clone(),
        role_id: role.entity.id.clone(),
        session_name: task_id.to_owned(),
        context: SessionContext { issued_at: Some(app.now()), ..SessionContext::default() },
    };
    Caller { identity, ..service(&role.entity.arn, region) }
}

fn access(role: &RoleRecord, task_id: &str, region: &str) -> Access {
    let role_arn = &role.entity.arn;
    let account = role_arn.split(':').nth(4).unwrap_or_default();
    let mut access = Access::to("sts:AssumeRole", role_arn)
        .with_resource_policy(Some(role.trust.clone()))
        .with_context("sts:RoleSessionName", task_id)
        .with_context("aws:SourceAccount", account)
        .with_context("aws:SourceArn", Arn::new("ecs", region, account, "*").to_string());
    access.resource_policy_rule = ResourcePolicyRule::MustAllow;
    access
}

/// ECS's sentence for a role that it cannot assume.
pub fn cannot_assume_text(role_arn: &str) -> String {
    format!(
        "ECS was unable to assume the role '{role_arn}' that was provided for this task. Please verify that the role \
         being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass \
         this role."
    )
}

fn cannot_assume(role_arn: &str, link: Link) -> Failure {
    let link = Link { kind: LinkKind::Role, subject: role_arn.to_owned(), ..link };
    Failure::new(FailureName::ResourceInitializationError, cannot_assume_text(role_arn)).with_link(link)
}

/// Nothing could be decided about the role.
fn undecided(role_arn: &str, error: ServiceError) -> Link {
    Link::broken(LinkKind::Role, role_arn, error.message, "")
}

fn no_role(role_arn: &str) -> Link {
    Link::broken(
        LinkKind::Role,
        role_arn,
        format!("There is no role {role_arn}."),
        "Create the role, with a trust policy for ecs-tasks.amazonaws.com, or name a role that exists in the task definition.",
    )
    .with_fault(Fault::NoRole { role: role_arn.to_owned() })
}
