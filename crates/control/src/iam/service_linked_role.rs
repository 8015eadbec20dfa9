//! Service-linked roles: roles that belong to a service of AWS. None of these services runs here and nothing assumes
//! the roles, but Terraform and the CLI make them before they make anything else. `domain::iam::ServiceLinkedRole` knows
//! the services; any other is refused by name.
//!
//! A role carries the ARN of the policy that AWS attaches to it, and ListAttachedRolePolicies tells it. The documents of
//! these policies are not part of Tidegate (ECS's is): GetPolicy says so, and to the evaluation such a policy allows
//! nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::iam::{
    CreateServiceLinkedRoleInput, CreateServiceLinkedRoleOutput, DeleteServiceLinkedRoleInput,
    DeleteServiceLinkedRoleOutput, GetServiceLinkedRoleDeletionStatusInput, GetServiceLinkedRoleDeletionStatusOutput,
};
use domain::iam::{SERVICE_LINKED_PATH, ServiceLinkedRole};

use super::error::{invalid_input, no_such_entity};
use super::limits::ROLE_NAME_CHARACTERS;
use super::name::{arn, now, unique_id};
use super::owner::Owner;
use super::record::{Entity, RoleRecord};
use super::role;
use crate::{Access, App, Authorized, Request, ServiceError};

/// `CreateServiceLinkedRole`. As on AWS a role has no description unless one is given.
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateServiceLinkedRoleInput>,
) -> Result<CreateServiceLinkedRoleOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let service = &input.aws_service_name;
        let (path, name) = match ServiceLinkedRole::of(service) {
            Some(role) => (role.path(), role.name(input.custom_suffix.as_deref())),
            None => (format!("{SERVICE_LINKED_PATH}{service}/"), String::from("AWSServiceRoleFor")),
        };
        let access = Access::to("iam:CreateServiceLinkedRole", arn(&caller.account, "role", &path, &name));
        Ok(access.with_context("iam:AWSServiceName", service))
    })?;
    let service = &input.aws_service_name;
    let role = ServiceLinkedRole::of(service).ok_or_else(|| {
        invalid_input(format!("Tidegate does not know a service-linked role of {service}; no role was made."))
    })?;
    if input.custom_suffix.is_some() && !role.allows_suffix() {
        return Err(invalid_input(format!("Custom suffix is not allowed for {service}")));
    }
    let (name, path) = (role.name(input.custom_suffix.as_deref()), role.path());
    if name.len() > ROLE_NAME_CHARACTERS {
        return Err(invalid_input(format!("The role name {name} is longer than {ROLE_NAME_CHARACTERS} characters.")));
    }
    let owner = Owner::role(&caller, &name);
    let entity = Entity {
        id: unique_id(&app, "AROA"),
        arn: arn(&caller.account, "role", &path, &name),
        name,
        path,
        created: now(&app),
        tags: BTreeMap::new(),
        inline: BTreeMap::new(),
        attached: vec![role.policy_arn()],
        boundary: None,
    };
    let record = RoleRecord { entity, description: input.description, trust: role.trust(), max_session_seconds: 3600 };
    app.store
        .write(|state| {
            if owner.find(state).is_some() {
                return Err(invalid_input(format!(
                    "Service role name {} has been taken in this account, please try a different suffix.",
                    record.entity.name
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
            if !role.path.starts_with(SERVICE_LINKED_PATH) {
                return Err(invalid_input(format!("The role {} is not a service-linked role.", role.name)));
            }
            let deletion_task_id = format!("task{}{}/{id}", role.path, role.name);
            state.iam_roles.remove(&owner.key());
            Ok(DeleteServiceLinkedRoleOutput { deletion_task_id })
        })
        .await
}

/// `GetServiceLinkedRoleDeletionStatus`. A deletion is done when its task is given, so every task has succeeded.
pub(super) async fn deletion_status(
    app: Arc<App>,
    request: Request<GetServiceLinkedRoleDeletionStatusInput>,
) -> Result<GetServiceLinkedRoleDeletionStatusOutput, ServiceError> {
    let Authorized { input, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:GetServiceLinkedRoleDeletionStatus")))?;
    if !ServiceLinkedRole::has_deletion_task(&input.deletion_task_id) {
        return Err(no_such_entity(format!("Deletion task {} cannot be found.", input.deletion_task_id)));
    }
    Ok(GetServiceLinkedRoleDeletionStatusOutput { status: "SUCCEEDED".into(), reason: None })
}
