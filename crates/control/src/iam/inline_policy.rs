//! Inline policies of users, groups and roles.

use std::sync::Arc;

use api::iam::{
    DeleteGroupPolicyInput, DeleteGroupPolicyOutput, DeleteRolePolicyInput, DeleteRolePolicyOutput,
    DeleteUserPolicyInput, DeleteUserPolicyOutput, GetGroupPolicyInput, GetGroupPolicyOutput, GetRolePolicyInput,
    GetRolePolicyOutput, GetUserPolicyInput, GetUserPolicyOutput, ListGroupPoliciesInput, ListGroupPoliciesOutput,
    ListRolePoliciesInput, ListRolePoliciesOutput, ListUserPoliciesInput, ListUserPoliciesOutput, PutGroupPolicyInput,
    PutGroupPolicyOutput, PutRolePolicyInput, PutRolePolicyOutput, PutUserPolicyInput, PutUserPolicyOutput,
};
use domain::iam::{Policy, PolicyKind, counted_characters};

use super::boundary::with_current;
use super::error::{limit_exceeded, malformed, no_such_entity};
use super::limits::{GROUP_INLINE_CHARACTERS, ROLE_INLINE_CHARACTERS, USER_INLINE_CHARACTERS};
use super::name::encoded;
use super::owner::{Kind, Owner};
use super::page::{Page, page};
use crate::{App, Authorized, Request, ServiceError};

/// `PutRolePolicy`
pub(super) async fn put_role(
    app: Arc<App>,
    request: Request<PutRolePolicyInput>,
) -> Result<PutRolePolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(with_current(&Owner::role(caller, &input.role_name), "iam:PutRolePolicy", state))
    })?;
    put(&app, &Owner::role(&caller, &input.role_name), input.policy_name, input.policy_document).await?;
    Ok(PutRolePolicyOutput {})
}

/// `PutUserPolicy`
pub(super) async fn put_user(
    app: Arc<App>,
    request: Request<PutUserPolicyInput>,
) -> Result<PutUserPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(with_current(&Owner::user(caller, &input.user_name), "iam:PutUserPolicy", state))
    })?;
    put(&app, &Owner::user(&caller, &input.user_name), input.policy_name, input.policy_document).await?;
    Ok(PutUserPolicyOutput {})
}

/// `GetRolePolicy`
pub(super) async fn get_role(
    app: Arc<App>,
    request: Request<GetRolePolicyInput>,
) -> Result<GetRolePolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::role(caller, &input.role_name).access("iam:GetRolePolicy", state))
    })?;
    let (name, policy_document) = get(&app, &Owner::role(&caller, &input.role_name), &input.policy_name)?;
    Ok(GetRolePolicyOutput { role_name: name, policy_name: input.policy_name, policy_document })
}

/// `GetUserPolicy`
pub(super) async fn get_user(
    app: Arc<App>,
    request: Request<GetUserPolicyInput>,
) -> Result<GetUserPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::user(caller, &input.user_name).access("iam:GetUserPolicy", state))
    })?;
    let (name, policy_document) = get(&app, &Owner::user(&caller, &input.user_name), &input.policy_name)?;
    Ok(GetUserPolicyOutput { user_name: name, policy_name: input.policy_name, policy_document })
}

/// `ListRolePolicies`
pub(super) async fn list_role(
    app: Arc<App>,
    request: Request<ListRolePoliciesInput>,
) -> Result<ListRolePoliciesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::role(caller, &input.role_name).access("iam:ListRolePolicies", state))
    })?;
    let owner = Owner::role(&caller, &input.role_name);
    let page = list(&app, &owner, input.marker.as_deref(), input.max_items)?;
    Ok(ListRolePoliciesOutput { policy_names: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

/// `ListUserPolicies`
pub(super) async fn list_user(
    app: Arc<App>,
    request: Request<ListUserPoliciesInput>,
) -> Result<ListUserPoliciesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::user(caller, &input.user_name).access("iam:ListUserPolicies", state))
    })?;
    let owner = Owner::user(&caller, &input.user_name);
    let page = list(&app, &owner, input.marker.as_deref(), input.max_items)?;
    Ok(ListUserPoliciesOutput { policy_names: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

/// `DeleteRolePolicy`
pub(super) async fn delete_role(
    app: Arc<App>,
    request: Request<DeleteRolePolicyInput>,
) -> Result<DeleteRolePolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(with_current(&Owner::role(caller, &input.role_name), "iam:DeleteRolePolicy", state))
    })?;
    delete(&app, &Owner::role(&caller, &input.role_name), &input.policy_name).await?;
    Ok(DeleteRolePolicyOutput {})
}

/// `DeleteUserPolicy`
pub(super) async fn delete_user(
    app: Arc<App>,
    request: Request<DeleteUserPolicyInput>,
) -> Result<DeleteUserPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(with_current(&Owner::user(caller, &input.user_name), "iam:DeleteUserPolicy", state))
    })?;
    delete(&app, &Owner::user(&caller, &input.user_name), &input.policy_name).await?;
    Ok(DeleteUserPolicyOutput {})
}

/// `PutGroupPolicy`
pub(super) async fn put_group(
    app: Arc<App>,
    request: Request<PutGroupPolicyInput>,
) -> Result<PutGroupPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(with_current(&Owner::group(caller, &input.group_name), "iam:PutGroupPolicy", state))
    })?;
    put(&app, &Owner::group(&caller, &input.group_name), input.policy_name, input.policy_document).await?;
    Ok(PutGroupPolicyOutput {})
}

/// `GetGroupPolicy`
pub(super) async fn get_group(
    app: Arc<App>,
    request: Request<GetGroupPolicyInput>,
) -> Result<GetGroupPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::group(caller, &input.group_name).access("iam:GetGroupPolicy", state))
    })?;
    let (name, policy_document) = get(&app, &Owner::group(&caller, &input.group_name), &input.policy_name)?;
    Ok(GetGroupPolicyOutput { group_name: name, policy_name: input.policy_name, policy_document })
}

/// `ListGroupPolicies`
pub(super) async fn list_group(
    app: Arc<App>,
    request: Request<ListGroupPoliciesInput>,
) -> Result<ListGroupPoliciesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::group(caller, &input.group_name).access("iam:ListGroupPolicies", state))
    })?;
    let owner = Owner::group(&caller, &input.group_name);
    let page = list(&app, &owner, input.marker.as_deref(), input.max_items)?;
    Ok(ListGroupPoliciesOutput { policy_names: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

/// `DeleteGroupPolicy`
pub(super) async fn delete_group(
    app: Arc<App>,
    request: Request<DeleteGroupPolicyInput>,
) -> Result<DeleteGroupPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(with_current(&Owner::group(caller, &input.group_name), "iam:DeleteGroupPolicy", state))
    })?;
    delete(&app, &Owner::group(&caller, &input.group_name), &input.policy_name).await?;
    Ok(DeleteGroupPolicyOutput {})
}

async fn put(app: &App, owner: &Owner, name: String, document: String) -> Result<(), ServiceError> {
    Policy::parse(&document, PolicyKind::Inline).map_err(|error| malformed(&error))?;
    let limit = match owner.kind {
        Kind::User => USER_INLINE_CHARACTERS,
        Kind::Group => GROUP_INLINE_CHARACTERS,
        Kind::Role => ROLE_INLINE_CHARACTERS,
    };
    app.store
        .write(|state| {
            owner.check_own(state)?;
            owner.change(state, |entity| {
                entity.inline.insert(name, document);
                let size: usize = entity.inline.values().map(|document| counted_characters(document)).sum();
                if size > limit {
                    return Err(limit_exceeded(format!(
                        "Maximum policy size of {limit} bytes exceeded for {} {}",
                        owner.kind.word(),
                        entity.name
                    )));
                }
                Ok(())
            })
        })
        .await
}

fn get(app: &App, owner: &Owner, policy: &str) -> Result<(String, String), ServiceError> {
    let state = app.store.read();
    let entity = owner.get(&state)?;
    let document = entity.inline.get(policy).ok_or_else(|| missing(owner, policy))?;
    Ok((entity.name.clone(), encoded(document)))
}

fn list(app: &App, owner: &Owner, marker: Option<&str>, max_items: Option<i32>) -> Result<Page<String>, ServiceError> {
    let state = app.store.read();
    let names = owner.get(&state)?.inline.keys().map(|name| (name.clone(), name.clone()));
    page(names, marker, max_items)
}

async fn delete(app: &App, owner: &Owner, policy: &str) -> Result<(), ServiceError> {
    app.store
        .write(|state| {
            owner.check_own(state)?;
            owner.change(state, |entity| entity.inline.remove(policy).map(|_| ()).ok_or_else(|| missing(owner, policy)))
        })
        .await
}

fn missing(owner: &Owner, policy: &str) -> ServiceError {
    no_such_entity(format!("The {} policy with name {policy} cannot be found.", owner.kind.word()))
}
