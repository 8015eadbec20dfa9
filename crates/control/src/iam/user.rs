//! Users.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::iam::{
    CreateUserInput, CreateUserOutput, DeleteUserInput, DeleteUserOutput, GetUserInput, GetUserOutput, ListUsersInput,
    ListUsersOutput, UpdateUserInput, UpdateUserOutput, User,
};
use domain::iam::{Caller, Identity};

use super::error::{delete_conflict, validation};
use super::name::{arn, now, path, unique_id};
use super::owner::{Owner, requesting_tags, tag_list, tags};
use super::page::page;
use super::record::{Entity, UserRecord};
use super::{boundary, mfa};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// `CreateUser`
pub(super) async fn create(app: Arc<App>, request: Request<CreateUserInput>) -> Result<CreateUserOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = arn(&caller.account, "user", &path(input.path.as_deref())?, &input.user_name);
        let access = boundary::requested(Access::to("iam:CreateUser", arn), input.permissions_boundary.as_deref());
        Ok(requesting_tags(access, input.tags.as_deref()))
    })?;
    let path = path(input.path.as_deref())?;
    let entity = Entity {
        arn: arn(&caller.account, "user", &path, &input.user_name),
        id: unique_id(&app, "AIDA"),
        created: now(&app),
        tags: tags(input.tags.as_deref())?,
        inline: BTreeMap::new(),
        attached: Vec::new(),
        boundary: input.permissions_boundary,
        name: input.user_name,
        path,
    };
    let owner = Owner::user(&caller, &entity.name);
    app.store
        .write(|state| {
            if owner.find(state).is_some() {
                return Err(owner.exists());
            }
            boundary::check(state, entity.boundary.as_deref())?;
            let user = described(&entity);
            state.iam_users.put(
                &owner.key(),
                UserRecord { entity, groups: BTreeSet::new(), login: None, service_credentials: BTreeMap::new() },
            );
            Ok(CreateUserOutput { user: Some(user) })
        })
        .await
}

/// `GetUser`; without a name the calling user.
pub(super) async fn get(app: Arc<App>, request: Request<GetUserInput>) -> Result<GetUserOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        if input.user_name.is_none() && caller.identity == Identity::Root {
            return Ok(Access::to("iam:GetUser", caller.arn()));
        }
        let name = name_or_caller(input.user_name.as_deref(), caller)?;
        Ok(Owner::user(caller, &name).access("iam:GetUser", state))
    })?;
    if input.user_name.is_none() && caller.identity == Identity::Root {
        return Ok(GetUserOutput { user: root_user(&app, &caller) });
    }
    let name = name_or_caller(input.user_name.as_deref(), &caller)?;
    let state = app.store.read();
    Ok(GetUserOutput { user: described(Owner::user(&caller, &name).get(&state)?) })
}

/// `ListUsers`
pub(super) async fn list(app: Arc<App>, request: Request<ListUsersInput>) -> Result<ListUsersOutput, ServiceError> {
    let Authorized { input, caller, .. } = request
        .authorize(&app, |_, _, caller| Ok(Access::to("iam:ListUsers", arn(&caller.account, "user", "/", ""))))?;
    let state = app.store.read();
    let prefix = format!("{}/", caller.account);
    let wanted = input.path_prefix.as_deref().unwrap_or("/");
    let users = state.iam_users.with_prefix(&prefix).filter(|(_, user)| user.entity.path.starts_with(wanted)).map(
        |(key, user)| (key.to_owned(), User { tags: None, permissions_boundary: None, ..described(&user.entity) }),
    );
    let page = page(users, input.marker.as_deref(), input.max_items)?;
    Ok(ListUsersOutput { users: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

/// `DeleteUser`
pub(super) async fn delete(app: Arc<App>, request: Request<DeleteUserInput>) -> Result<DeleteUserOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::user(caller, &input.user_name).access("iam:DeleteUser", state))
    })?;
    let owner = Owner::user(&caller, &input.user_name);
    app.store
        .write(|state| {
            check_free(state, &owner)?;
            state.iam_users.remove(&owner.key());
            Ok(DeleteUserOutput {})
        })
        .await
}

/// An error while a user has what must go first, in the order in which AWS looks.
fn check_free(state: &State, owner: &Owner) -> Result<(), ServiceError> {
    let entity = owner.get(state)?;
    let user = state.iam_users.get(&owner.key()).ok_or_else(|| owner.missing())?;
    let key = owner.key();
    let has_keys = state.iam_access_keys.values().any(|one| one.user.as_deref() == Some(&key));
    let blocked = [
        (!entity.attached.is_empty(), "Cannot delete entity, must detach all policies first."),
        (!entity.inline.is_empty(), "Cannot delete entity, must delete policies first."),
        (has_keys, "Cannot delete entity, must delete access keys first."),
        (user.login.is_some(), "Cannot delete entity, must delete login profile first."),
        (mfa::of_user(state, &key).next().is_some(), "Cannot delete entity, must delete MFA device first."),
        (!user.groups.is_empty(), "Cannot delete entity, must remove users from group first."),
        (!user.service_credentials.is_empty(), "Cannot delete entity, must remove referenced objects first."),
    ];
    match blocked.into_iter().find(|(is_blocked, _)| *is_blocked) {
        Some((_, message)) => Err(delete_conflict(message)),
        None => Ok(()),
    }
}

/// `UpdateUser`: another name or path. Its keys and groups go with it; policies that name the old ARN do not.
pub(super) async fn update(app: Arc<App>, request: Request<UpdateUserInput>) -> Result<UpdateUserOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let owner = Owner::user(caller, &input.user_name);
        let mut access = owner.access("iam:UpdateUser", state);
        // Both the old and the new name must be allowed.
        let old_path = owner.find(state).map(|entity| entity.path.as_str());
        let new_path = path(input.new_path.as_deref().or(old_path))?;
        let name = input.new_user_name.as_deref().unwrap_or(&input.user_name);
        access.resources.push(arn(&caller.account, "user", &new_path, name));
        Ok(access)
    })?;
    let owner = Owner::user(&caller, &input.user_name);
    app.store
        .write(|state| {
            owner.get(state)?;
            let mut user = state
                .iam_users
                .remove(&owner.key())
                .map(|user| UserRecord::clone(&user))
                .ok_or_else(|| owner.missing())?;
            let entity = &mut user.entity;
            if let Some(name) = input.new_user_name {
                entity.name = name;
            }
            if input.new_path.is_some() {
                entity.path = path(input.new_path.as_deref())?;
            }
            entity.arn = arn(&owner.account, "user", &entity.path, &entity.name);
            let renamed = Owner::user(&caller, &entity.name);
            if renamed.find(state).is_some() {
                return Err(renamed.exists());
            }
            let keys = state.iam_access_keys.iter().filter(|(_, key)| key.user.as_deref() == Some(&owner.key()));
            let keys: Vec<String> = keys.map(|(id, _)| id.to_owned()).collect();
            for id in keys {
                state.iam_access_keys.update(&id, |key| key.user = Some(renamed.key()));
            }
            mfa::rename_user(state, &owner.key(), &renamed.key());
            state.iam_users.put(&renamed.key(), user);
            Ok(UpdateUserOutput {})
        })
        .await
}

/// The name that was given, else that of the calling user.
pub(super) fn name_or_caller(given: Option<&str>, caller: &Caller) -> Result<String, ServiceError> {
    match (given, &caller.identity) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, Identity::User { arn, .. }) => Ok(arn.rsplit('/').next().unwrap_or_default().to_owned()),
        (None, _) => Err(validation("Must specify userName when calling with non-User credentials")),
    }
}

pub(super) fn described(user: &Entity) -> User {
    User {
        path: user.path.clone(),
        user_name: user.name.clone(),
        user_id: user.id.clone(),
        arn: user.arn.clone(),
        create_date: user.created,
        password_last_used: None,
        permissions_boundary: boundary::described(user.boundary.as_deref()),
        tags: (!user.tags.is_empty()).then(|| tag_list(&user.tags)),
    }
}

/// The account's root user as GetUser tells it; it is as old as its oldest key.
fn root_user(app: &App, caller: &Caller) -> User {
    let state = app.store.read();
    let own = state.iam_access_keys.values().filter(|key| key.user.is_none() && key.account == caller.account);
    User {
        path: "/".into(),
        user_name: "root".into(),
        user_id: caller.account.clone(),
        arn: caller.arn(),
        create_date: own.map(|key| key.created).min().unwrap_or_default(),
        password_last_used: None,
        permissions_boundary: None,
        tags: None,
    }
}
