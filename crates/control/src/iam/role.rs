//! Roles and their trust policies.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::iam::{
    CreateRoleInput, CreateRoleOutput, DeleteRoleInput, DeleteRoleOutput, GetRoleInput, GetRoleOutput, ListRolesInput,
    ListRolesOutput, Role, RoleLastUsed, UpdateAssumeRolePolicyInput, UpdateAssumeRolePolicyOutput,
    UpdateRoleDescriptionInput, UpdateRoleDescriptionOutput, UpdateRoleInput, UpdateRoleOutput,
};
use domain::iam::{Policy, PolicyKind, counted_characters};

use super::error::{delete_conflict, limit_exceeded, malformed};
use super::limits::TRUST_POLICY_CHARACTERS;
use super::name::{arn, encoded, now, path, unique_id};
use super::owner::{Owner, requesting_tags, tag_list, tags};
use super::page::page;
use super::record::{Entity, RoleRecord};
use super::{boundary, principals};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// The longest session of a role that says nothing, in seconds.
const DEFAULT_SESSION_SECONDS: i32 = 3600;

/// `CreateRole`
pub(super) async fn create(app: Arc<App>, request: Request<CreateRoleInput>) -> Result<CreateRoleOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = arn(&caller.account, "role", &path(input.path.as_deref())?, &input.role_name);
        let access = boundary::requested(Access::to("iam:CreateRole", arn), input.permissions_boundary.as_deref());
        Ok(requesting_tags(access, input.tags.as_deref()))
    })?;
    let path = path(input.path.as_deref())?;
    let trust = input.assume_role_policy_document;
    let policy = read_trust(&trust)?;
    let entity = Entity {
        arn: arn(&caller.account, "role", &path, &input.role_name),
        id: unique_id(&app, "AROA"),
        created: now(&app),
        tags: tags(input.tags.as_deref())?,
        inline: BTreeMap::new(),
        attached: Vec::new(),
        boundary: input.permissions_boundary,
        name: input.role_name,
        path,
    };
    let owner = Owner::role(&caller, &entity.name);
    let mut record = RoleRecord {
        entity,
        description: input.description,
        trust,
        max_session_seconds: input.max_session_duration.unwrap_or(DEFAULT_SESSION_SECONDS),
    };
    app.store
        .write(|state| {
            if owner.find(state).is_some() {
                return Err(owner.exists());
            }
            record.trust =
                principals::kept(state, &record.trust, &policy, &caller.account).map_err(|error| malformed(&error))?;
            boundary::check(state, record.entity.boundary.as_deref())?;
            let role = Role { max_session_duration: input.max_session_duration, ..described(state, &record) };
            state.iam_roles.put(&owner.key(), record);
            Ok(CreateRoleOutput { role })
        })
        .await
}

/// `GetRole`
pub(super) async fn get(app: Arc<App>, request: Request<GetRoleInput>) -> Result<GetRoleOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::role(caller, &input.role_name).access("iam:GetRole", state))
    })?;
    let owner = Owner::role(&caller, &input.role_name);
    let state = app.store.read();
    let role = state.iam_roles.get(&owner.key()).ok_or_else(|| owner.missing())?;
    let last_use = app.last_uses.of(&state, &role.entity.id);
    let last_used = RoleLastUsed {
        last_used_date: last_use.as_ref().map(|used| used.at),
        region: last_use.map(|used| used.region),
    };
    Ok(GetRoleOutput { role: Role { role_last_used: Some(last_used), ..described(&state, role) } })
}

/// `ListRoles`
pub(super) async fn list(app: Arc<App>, request: Request<ListRolesInput>) -> Result<ListRolesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request
        .authorize(&app, |_, _, caller| Ok(Access::to("iam:ListRoles", arn(&caller.account, "role", "/", ""))))?;
    let state = app.store.read();
    let prefix = format!("{}/", caller.account);
    let wanted = input.path_prefix.as_deref().unwrap_or("/");
    let roles = state.iam_roles.with_prefix(&prefix).filter(|(_, role)| role.entity.path.starts_with(wanted)).map(
        |(key, role)| (key.to_owned(), Role { tags: None, permissions_boundary: None, ..described(&state, role) }),
    );
    let page = page(roles, input.marker.as_deref(), input.max_items)?;
    Ok(ListRolesOutput { roles: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

/// `DeleteRole`
pub(super) async fn delete(app: Arc<App>, request: Request<DeleteRoleInput>) -> Result<DeleteRoleOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::role(caller, &input.role_name).access("iam:DeleteRole", state))
    })?;
    let owner = Owner::role(&caller, &input.role_name);
    app.store
        .write(|state| {
            owner.check_own(state)?;
            if state.iam_instance_profiles.values().any(|profile| profile.role.as_deref() == Some(&owner.key())) {
                return Err(delete_conflict("Cannot delete entity, must remove roles from instance profile first."));
            }
            let role = owner.get(state)?;
            if !role.attached.is_empty() {
                return Err(delete_conflict("Cannot delete entity, must detach all policies first."));
            }
            if !role.inline.is_empty() {
                return Err(delete_conflict("Cannot delete entity, must delete policies first."));
            }
            state.iam_roles.remove(&owner.key());
            Ok(DeleteRoleOutput {})
        })
        .await
}

/// `UpdateRole`
pub(super) async fn update(app: Arc<App>, request: Request<UpdateRoleInput>) -> Result<UpdateRoleOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::role(caller, &input.role_name).access("iam:UpdateRole", state))
    })?;
    change(&app, &Owner::role(&caller, &input.role_name), |role| {
        role.description = input.description.or(role.description.take());
        role.max_session_seconds = input.max_session_duration.unwrap_or(role.max_session_seconds);
    })
    .await?;
    Ok(UpdateRoleOutput {})
}

/// `UpdateRoleDescription`
pub(super) async fn update_description(
    app: Arc<App>,
    request: Request<UpdateRoleDescriptionInput>,
) -> Result<UpdateRoleDescriptionOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::role(caller, &input.role_name).access("iam:UpdateRoleDescription", state))
    })?;
    let description = input.description;
    let owner = Owner::role(&caller, &input.role_name);
    change(&app, &owner, |role| role.description = Some(description)).await?;
    let state = app.store.read();
    let role = state.iam_roles.get(&owner.key()).map(|role| described(&state, role));
    Ok(UpdateRoleDescriptionOutput { role })
}

/// `UpdateAssumeRolePolicy`
pub(super) async fn update_trust(
    app: Arc<App>,
    request: Request<UpdateAssumeRolePolicyInput>,
) -> Result<UpdateAssumeRolePolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::role(caller, &input.role_name).access("iam:UpdateAssumeRolePolicy", state))
    })?;
    let owner = Owner::role(&caller, &input.role_name);
    let policy = read_trust(&input.policy_document)?;
    app.store
        .write(|state| {
            owner.check_own(state)?;
            let trust = principals::kept(state, &input.policy_document, &policy, &caller.account)
                .map_err(|error| malformed(&error))?;
            state.iam_roles.update(&owner.key(), |role| role.trust = trust);
            Ok(UpdateAssumeRolePolicyOutput {})
        })
        .await
}

async fn change<T>(app: &App, owner: &Owner, change: impl FnOnce(&mut RoleRecord) -> T) -> Result<T, ServiceError> {
    app.store.write(|state| state.iam_roles.update(&owner.key(), change).ok_or_else(|| owner.missing())).await
}

fn read_trust(document: &str) -> Result<Policy, ServiceError> {
    let policy = Policy::parse(document, PolicyKind::Trust).map_err(|error| malformed(&error))?;
    if counted_characters(document) > TRUST_POLICY_CHARACTERS {
        return Err(limit_exceeded(format!("Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY_CHARACTERS}")));
    }
    Ok(policy)
}

pub(super) fn described(state: &State, role: &RoleRecord) -> Role {
    let entity = &role.entity;
    Role {
        path: entity.path.clone(),
        role_name: entity.name.clone(),
        role_id: entity.id.clone(),
        arn: entity.arn.clone(),
        create_date: entity.created,
        assume_role_policy_document: Some(encoded(&principals::shown(state, &role.trust))),
        description: role.description.clone(),
        max_session_duration: Some(role.max_session_seconds),
        permissions_boundary: boundary::described(entity.boundary.as_deref()),
        tags: (!entity.tags.is_empty()).then(|| tag_list(&entity.tags)),
        role_last_used: None,
    }
}
