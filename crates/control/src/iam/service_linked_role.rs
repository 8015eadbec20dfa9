//! Service-linked roles: roles that belong to a service of AWS. Only that of ECS is served; nothing here assumes it, but
//! Terraform and `aws ecs create-cluster` scripts make it.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::iam::{
    CreateServiceLinkedRoleInput, CreateServiceLinkedRoleOutput, DeleteServiceLinkedRoleInput,
    DeleteServiceLinkedRoleOutput, GetServiceLinkedRoleDeletionStatusInput, GetServiceLinkedRoleDeletionStatusOutput,
};

use super::error::{invalid_input, no_such_entity};
use super::name::{arn, now, unique_id};
use super::owner::Owner;
use super::record::{Entity, RoleRecord};
use super::role;
use crate::{Access, App, Authorized, Request, ServiceError};

const ECS: &str = "ecs.amazonaws.com";
const ECS_ROLE: &str = "AWSServiceRoleForECS";
const ECS_PATH: &str = "/aws-service-role/ecs.amazonaws.com/";
const ECS_POLICY: &str = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy";
const ECS_DESCRIPTION: &str = "Role to enable Amazon ECS to manage your cluster.";
const ECS_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

/// `CreateServiceLinkedRole`
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateServiceLinkedRoleInput>,
) -> Result<CreateServiceLinkedRoleOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = arn(&caller.account, "role", ECS_PATH, ECS_ROLE);
        Ok(Access::to("iam:CreateServiceLinkedRole", arn).with_context("iam:AWSServiceName", &input.aws_service_name))
    })?;
    if input.aws_service_name != ECS {
        return Err(invalid_input(format!(
            "The service-linked role of {} is not served; only that of {ECS} is.",
            input.aws_service_name
        )));
    }
    if input.custom_suffix.is_some() {
        return Err(invalid_input(format!("Custom suffix is not allowed for {ECS}")));
    }
    let owner = Owner::role(&caller, ECS_ROLE);
    let entity = Entity {
        name: ECS_ROLE.into(),
        path: ECS_PATH.into(),
        id: unique_id(&app, "AROA"),
        arn: arn(&caller.account, "role", ECS_PATH, ECS_ROLE),
        created: now(&app),
        tags: BTreeMap::new(),
        inline: BTreeMap::new(),
        attached: vec![ECS_POLICY.into()],
        boundary: None,
    };
    let record = RoleRecord {
        entity,
        description: Some(input.description.unwrap_or_else(|| ECS_DESCRIPTION.into())),
        trust: ECS_TRUST.into(),
        max_session_seconds: 3600,
    };
    app.store
        .write(|state| {
            if owner.find(state).is_some() {
                return Err(invalid_input(format!(
                    "Service role name {ECS_ROLE} has been taken in this account, please try a different suffix."
                )));
            }
            let role = role::described(state, &record);
            state.iam_roles.put(&owner.key(), record);
            Ok(CreateServiceLinkedRoleOutput { role: Some(role) })
        })
        .await
}

/// `DeleteServiceLinkedRole`. Nothing uses the role, so it is gone at once; AWS takes its time.
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteServiceLinkedRoleInput>,
) -> Result<DeleteServiceLinkedRoleOutput, ServiceError> {
    let Authorized { input, caller, id } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::role(caller, &input.role_name).access("iam:DeleteServiceLinkedRole", state))
    })?;
    let owner = Owner::role(&caller, &input.role_name);
    app.store
        .write(|state| {
            let role = owner.get(state)?;
            if !role.path.starts_with("/aws-service-role/") {
                return Err(invalid_input(format!("The role {} is not a service-linked role.", role.name)));
            }
            let deletion_task_id = format!("task{}{}/{id}", role.path, role.name);
            state.iam_roles.remove(&owner.key());
            Ok(DeleteServiceLinkedRoleOutput { deletion_task_id })
        })
        .await
}

/// `GetServiceLinkedRoleDeletionStatus`
pub(super) async fn deletion_status(
    app: Arc<App>,
    request: Request<GetServiceLinkedRoleDeletionStatusInput>,
) -> Result<GetServiceLinkedRoleDeletionStatusOutput, ServiceError> {
    let Authorized { input, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:GetServiceLinkedRoleDeletionStatus")))?;
    if !input.deletion_task_id.starts_with(&format!("task{ECS_PATH}{ECS_ROLE}/")) {
        return Err(no_such_entity(format!("Deletion task {} cannot be found.", input.deletion_task_id)));
    }
    Ok(GetServiceLinkedRoleDeletionStatusOutput { status: "SUCCEEDED".into(), reason: None })
}
