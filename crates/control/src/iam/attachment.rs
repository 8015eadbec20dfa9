//! Managed policies attached to users, groups and roles.

use std::sync::Arc;

use api::iam::{
    AttachGroupPolicyInput, AttachGroupPolicyOutput, AttachRolePolicyInput, AttachRolePolicyOutput,
    AttachUserPolicyInput, AttachUserPolicyOutput, AttachedPolicy, DetachGroupPolicyInput, DetachGroupPolicyOutput,
    DetachRolePolicyInput, DetachRolePolicyOutput, DetachUserPolicyInput, DetachUserPolicyOutput,
    ListAttachedGroupPoliciesInput, ListAttachedGroupPoliciesOutput, ListAttachedRolePoliciesInput,
    ListAttachedRolePoliciesOutput, ListAttachedUserPoliciesInput, ListAttachedUserPoliciesOutput,
};
use domain::iam::ServiceLinkedRole;

use super::boundary::with_current;
use super::error::{limit_exceeded, no_such_entity};
use super::limits::ATTACHED_POLICIES;
use super::name::{check_arn, policy_by_arn};
use super::owner::{Kind, Owner};
use super::page::{Page, page};
use crate::{App, Authorized, Request, ServiceError};

/// `AttachRolePolicy`
pub(super) async fn attach_role(
    app: Arc<App>,
    request: Request<AttachRolePolicyInput>,
) -> Result<AttachRolePolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = with_current(&Owner::role(caller, &input.role_name), "iam:AttachRolePolicy", state);
        Ok(access.with_context("iam:PolicyARN", &input.policy_arn))
    })?;
    attach(&app, &Owner::role(&caller, &input.role_name), input.policy_arn).await?;
    Ok(AttachRolePolicyOutput {})
}

/// `AttachUserPolicy`
pub(super) async fn attach_user(
    app: Arc<App>,
    request: Request<AttachUserPolicyInput>,
) -> Result<AttachUserPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = with_current(&Owner::user(caller, &input.user_name), "iam:AttachUserPolicy", state);
        Ok(access.with_context("iam:PolicyARN", &input.policy_arn))
    })?;
    attach(&app, &Owner::user(&caller, &input.user_name), input.policy_arn).await?;
    Ok(AttachUserPolicyOutput {})
}

/// `DetachRolePolicy`
pub(super) async fn detach_role(
    app: Arc<App>,
    request: Request<DetachRolePolicyInput>,
) -> Result<DetachRolePolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = with_current(&Owner::role(caller, &input.role_name), "iam:DetachRolePolicy", state);
        Ok(access.with_context("iam:PolicyARN", &input.policy_arn))
    })?;
    detach(&app, &Owner::role(&caller, &input.role_name), &input.policy_arn).await?;
    Ok(DetachRolePolicyOutput {})
}

/// `DetachUserPolicy`
pub(super) async fn detach_user(
    app: Arc<App>,
    request: Request<DetachUserPolicyInput>,
) -> Result<DetachUserPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = with_current(&Owner::user(caller, &input.user_name), "iam:DetachUserPolicy", state);
        Ok(access.with_context("iam:PolicyARN", &input.policy_arn))
    })?;
    detach(&app, &Owner::user(&caller, &input.user_name), &input.policy_arn).await?;
    Ok(DetachUserPolicyOutput {})
}

/// `ListAttachedRolePolicies`
pub(super) async fn list_role(
    app: Arc<App>,
    request: Request<ListAttachedRolePoliciesInput>,
) -> Result<ListAttachedRolePoliciesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::role(caller, &input.role_name).access("iam:ListAttachedRolePolicies", state))
    })?;
    let owner = Owner::role(&caller, &input.role_name);
    let page = list(&app, &owner, input.path_prefix.as_deref(), input.marker.as_deref(), input.max_items)?;
    Ok(ListAttachedRolePoliciesOutput {
        attached_policies: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// `ListAttachedUserPolicies`
pub(super) async fn list_user(
    app: Arc<App>,
    request: Request<ListAttachedUserPoliciesInput>,
) -> Result<ListAttachedUserPoliciesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::user(caller, &input.user_name).access("iam:ListAttachedUserPolicies", state))
    })?;
    let owner = Owner::user(&caller, &input.user_name);
    let page = list(&app, &owner, input.path_prefix.as_deref(), input.marker.as_deref(), input.max_items)?;
    Ok(ListAttachedUserPoliciesOutput {
        attached_policies: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// `AttachGroupPolicy`
pub(super) async fn attach_group(
    app: Arc<App>,
    request: Request<AttachGroupPolicyInput>,
) -> Result<AttachGroupPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = with_current(&Owner::group(caller, &input.group_name), "iam:AttachGroupPolicy", state);
        Ok(access.with_context("iam:PolicyARN", &input.policy_arn))
    })?;
    attach(&app, &Owner::group(&caller, &input.group_name), input.policy_arn).await?;
    Ok(AttachGroupPolicyOutput {})
}

/// `DetachGroupPolicy`
pub(super) async fn detach_group(
    app: Arc<App>,
    request: Request<DetachGroupPolicyInput>,
) -> Result<DetachGroupPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = with_current(&Owner::group(caller, &input.group_name), "iam:DetachGroupPolicy", state);
        Ok(access.with_context("iam:PolicyARN", &input.policy_arn))
    })?;
    detach(&app, &Owner::group(&caller, &input.group_name), &input.policy_arn).await?;
    Ok(DetachGroupPolicyOutput {})
}

/// `ListAttachedGroupPolicies`
pub(super) async fn list_group(
    app: Arc<App>,
    request: Request<ListAttachedGroupPoliciesInput>,
) -> Result<ListAttachedGroupPoliciesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::group(caller, &input.group_name).access("iam:ListAttachedGroupPolicies", state))
    })?;
    let owner = Owner::group(&caller, &input.group_name);
    let page = list(&app, &owner, input.path_prefix.as_deref(), input.marker.as_deref(), input.max_items)?;
    Ok(ListAttachedGroupPoliciesOutput {
        attached_policies: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// Attaches a policy; one that is attached already stays so.
async fn attach(app: &App, owner: &Owner, arn: String) -> Result<(), ServiceError> {
    app.store
        .write(|state| {
            owner.check_own(state)?;
            check_arn(&arn)?;
            if ServiceLinkedRole::has_policy(&arn) {
                return Err(ServiceError::new(
                    "PolicyNotAttachable",
                    "Cannot attach a Service Role Policy to a Customer Role.",
                ));
            }
            if policy_by_arn(state, &arn).is_none() {
                return Err(no_such_entity(format!("Policy {arn} does not exist or is not attachable.")));
            }
            owner.change(state, |entity| {
                if entity.attached.contains(&arn) {
                    return Ok(());
                }
                if entity.attached.len() >= ATTACHED_POLICIES {
                    let kind = match owner.kind {
                        Kind::User => "PoliciesPerUser",
                        Kind::Group => "PoliciesPerGroup",
                        Kind::Role => "PoliciesPerRole",
                    };
                    return Err(limit_exceeded(format!("Cannot exceed quota for {kind}: {ATTACHED_POLICIES}")));
                }
                entity.attached.push(arn);
                Ok(())
            })
        })
        .await
}

async fn detach(app: &App, owner: &Owner, arn: &str) -> Result<(), ServiceError> {
    app.store
        .write(|state| {
            owner.check_own(state)?;
            check_arn(arn)?;
            owner.change(state, |entity| {
                let before = entity.attached.len();
                entity.attached.retain(|attached| attached != arn);
                if entity.attached.len() == before {
                    return Err(no_such_entity(format!("Policy {arn} was not found.")));
                }
                Ok(())
            })
        })
        .await
}

fn list(
    app: &App,
    owner: &Owner,
    path_prefix: Option<&str>,
    marker: Option<&str>,
    max_items: Option<i32>,
) -> Result<Page<AttachedPolicy>, ServiceError> {
    let state = app.store.read();
    let prefix = path_prefix.unwrap_or("/");
    let mut attached: Vec<(String, AttachedPolicy)> = owner
        .get(&state)?
        .attached
        .iter()
        .filter_map(|arn| attached(arn))
        .filter(|(path, _)| path.starts_with(prefix))
        .map(|(_, attached)| (attached.policy_arn.clone().unwrap_or_default(), attached))
        .collect();
    attached.sort_by(|one, other| one.0.cmp(&other.0));
    page(attached.into_iter(), marker, max_items)
}

/// An attached policy with its path, both of which stand in its ARN: the policies of service-linked roles are known by
/// their ARNs only.
pub(super) fn attached(arn: &str) -> Option<(String, AttachedPolicy)> {
    let (path, name) = arn.split_once(":policy")?.1.rsplit_once('/')?;
    let attached = AttachedPolicy { policy_name: Some(name.to_owned()), policy_arn: Some(arn.to_owned()) };
    Some((format!("{path}/"), attached))
}
