//! Sessions that ECS begins by itself: the execution role and the task role of a task.
//!
//! The role's trust policy is really evaluated, for the principal and with the keys that ECS brings.

use domain::compute::RoleCredentials;
use domain::failure::{Failure, FailureName, Link, LinkKind};
use domain::iam::{Caller, Identity, ResourcePolicyRule, SessionContext};
use domain::mend::Fault;
use wire::arn::Arn;

use super::authorization::decide;
use super::credentials;
use super::name::role_by_arn;
use crate::store::State;
use crate::{Access, App};

/// The service that assumes the roles of tasks.
pub const TASK_SERVICE: &str = "ecs-tasks.amazonaws.com";
/// How long a task role's credentials are good, in seconds; the endpoint in the task asks again before.
pub const TASK_ROLE_SECONDS: i64 = 6 * 3600;

/// The session of a role for a task in its region: the caller as which its secrets are read and its logs are written.
///
/// # Errors
/// A failure in ECS's words when the role does not exist or its trust policy does not let ECS assume it; its chain tells
/// which.
pub fn for_task(app: &App, state: &State, role_arn: &str, task_id: &str, region: &str) -> Result<Caller, Failure> {
    let Some(role) = role_by_arn(state, role_arn) else {
        return Err(cannot_assume(role_arn, no_role(role_arn)));
    };
    let account = role_arn.split(':').nth(4).unwrap_or_default().to_owned();
    let service = Caller {
        account: account.clone(),
        region: region.to_owned(),
        identity: Identity::Service { name: TASK_SERVICE.to_owned() },
        access_key_id: String::new(),
        source_ip: None,
        user_agent: None,
        referer: None,
        via_service: None,
    };
    let mut access = Access::to("sts:AssumeRole", role_arn)
        .with_resource_policy(Some(role.trust.clone()))
        .with_context("sts:RoleSessionName", task_id)
        .with_context("aws:SourceAccount", &account)
        .with_context("aws:SourceArn", Arn::new("ecs", region, &account, "*").to_string());
    access.resource_policy_rule = ResourcePolicyRule::MustAllow;
    match decide(app, state, &service, &access) {
        Ok((decision, _)) if decision.is_allowed() => {}
        Ok((_, link)) => return Err(cannot_assume(role_arn, link)),
        Err(error) => {
            let detail = error.message;
            let link = Link::broken(LinkKind::Role, role_arn, detail, "");
            return Err(cannot_assume(role_arn, link));
        }
    }
    let identity = Identity::Role {
        role_arn: role_arn.to_owned(),
        role_id: role.entity.id.clone(),
        session_name: task_id.to_owned(),
        context: SessionContext { issued_at: Some(app.now()), ..SessionContext::default() },
    };
    Ok(Caller { identity, ..service })
}

/// Credentials of the task role, for the endpoint inside the task.
///
/// # Errors
/// As [`for_task`].
pub fn task_role_credentials(
    app: &App,
    state: &State,
    role_arn: &str,
    task_id: &str,
    region: &str,
) -> Result<RoleCredentials, Failure> {
    let caller = for_task(app, state, role_arn, task_id, region)?;
    let issued = credentials::issue(app, &caller, app.now().plus_seconds(TASK_ROLE_SECONDS))
        .map_err(|error| Failure::new(FailureName::ResourceInitializationError, error.message))?;
    Ok(RoleCredentials {
        role_arn: role_arn.to_owned(),
        access_key_id: issued.access_key_id,
        secret_access_key: issued.secret_access_key,
        session_token: issued.session_token,
        expiration: issued.expiration,
    })
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

fn no_role(role_arn: &str) -> Link {
    Link::broken(
        LinkKind::Role,
        role_arn,
        format!("There is no role {role_arn}."),
        "Create the role, with a trust policy for ecs-tasks.amazonaws.com, or name a role that exists in the task definition.",
    )
    .with_fault(Fault::NoRole { role: role_arn.to_owned() })
}
