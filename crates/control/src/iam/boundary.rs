//! Permissions boundaries.

use std::sync::Arc;

use api::iam::{
    AttachedPermissionsBoundary, DeleteRolePermissionsBoundaryInput, DeleteRolePermissionsBoundaryOutput,
    DeleteUserPermissionsBoundaryInput, DeleteUserPermissionsBoundaryOutput, PutRolePermissionsBoundaryInput,
    PutRolePermissionsBoundaryOutput, PutUserPermissionsBoundaryInput, PutUserPermissionsBoundaryOutput,
};

use super::error::no_such_entity;
use super::name::policy_by_arn;
use super::owner::Owner;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// `PutRolePermissionsBoundary`
pub(super) async fn put_role(
    app: Arc<App>,
    request: Request<PutRolePermissionsBoundaryInput>,
) -> Result<PutRolePermissionsBoundaryOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Owner::role(caller, &input.role_name).access("iam:PutRolePermissionsBoundary", state);
        Ok(requested(access, Some(&input.permissions_boundary)))
    })?;
    put(&app, &Owner::role(&caller, &input.role_name), input.permissions_boundary).await?;
    Ok(PutRolePermissionsBoundaryOutput {})
}

/// `PutUserPermissionsBoundary`
pub(super) async fn put_user(
    app: Arc<App>,
    request: Request<PutUserPermissionsBoundaryInput>,
) -> Result<PutUserPermissionsBoundaryOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Owner::user(caller, &input.user_name).access("iam:PutUserPermissionsBoundary", state);
        Ok(requested(access, Some(&input.permissions_boundary)))
    })?;
    put(&app, &Owner::user(&caller, &input.user_name), input.permissions_boundary).await?;
    Ok(PutUserPermissionsBoundaryOutput {})
}

/// `DeleteRolePermissionsBoundary`
pub(super) async fn delete_role(
    app: Arc<App>,
    request: Request<DeleteRolePermissionsBoundaryInput>,
) -> Result<DeleteRolePermissionsBoundaryOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(with_current(&Owner::role(caller, &input.role_name), "iam:DeleteRolePermissionsBoundary", state))
    })?;
    delete(&app, &Owner::role(&caller, &input.role_name)).await?;
    Ok(DeleteRolePermissionsBoundaryOutput {})
}

/// `DeleteUserPermissionsBoundary`
pub(super) async fn delete_user(
    app: Arc<App>,
    request: Request<DeleteUserPermissionsBoundaryInput>,
) -> Result<DeleteUserPermissionsBoundaryOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(with_current(&Owner::user(caller, &input.user_name), "iam:DeleteUserPermissionsBoundary", state))
    })?;
    delete(&app, &Owner::user(&caller, &input.user_name)).await?;
    Ok(DeleteUserPermissionsBoundaryOutput {})
}

async fn put(app: &App, owner: &Owner, arn: String) -> Result<(), ServiceError> {
    app.store
        .write(|state| {
            owner.check_own(state)?;
            check(state, Some(&arn))?;
            owner.change(state, |entity| {
                entity.boundary = Some(arn);
                Ok(())
            })
        })
        .await
}

async fn delete(app: &App, owner: &Owner) -> Result<(), ServiceError> {
    app.store
        .write(|state| {
            owner.change(state, |entity| match entity.boundary.take() {
                Some(_) => Ok(()),
                None => Err(no_such_entity(format!(
                    "The {} with name {} does not have a permissions boundary.",
                    owner.kind.word(),
                    entity.name
                ))),
            })
        })
        .await
}

/// The access with the boundary that the request brings.
pub(super) fn requested(access: Access, boundary: Option<&str>) -> Access {
    match boundary {
        Some(arn) => access.with_context("iam:PermissionsBoundary", arn),
        None => access,
    }
}

/// The access with the boundary that the entity has.
pub(super) fn with_current(owner: &Owner, action: &'static str, state: &State) -> Access {
    let boundary = owner.find(state).and_then(|entity| entity.boundary.as_deref());
    requested(owner.access(action, state), boundary)
}

/// A boundary must be a policy that exists.
pub(super) fn check(state: &State, arn: Option<&str>) -> Result<(), ServiceError> {
    match arn {
        Some(arn) if policy_by_arn(state, arn).is_none() => {
            Err(no_such_entity(format!("Scope ARN: {arn} does not exist or is not attachable.")))
        }
        _ => Ok(()),
    }
}

/// A boundary as answers carry it.
pub(super) fn described(arn: Option<&str>) -> Option<AttachedPermissionsBoundary> {
    arn.map(|arn| AttachedPermissionsBoundary {
        permissions_boundary_type: Some("Policy".into()),
        permissions_boundary_arn: Some(arn.to_owned()),
    })
}
