//! Groups and who is in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::iam::{
    AddUserToGroupInput, AddUserToGroupOutput, CreateGroupInput, CreateGroupOutput, DeleteGroupInput,
    DeleteGroupOutput, GetGroupInput, GetGroupOutput, Group, ListGroupsForUserInput, ListGroupsForUserOutput,
    ListGroupsInput, ListGroupsOutput, RemoveUserFromGroupInput, RemoveUserFromGroupOutput, UpdateGroupInput,
    UpdateGroupOutput, User,
};

use super::error::{delete_conflict, limit_exceeded};
use super::limits::GROUPS_OF_USER;
use super::name::{arn, now, path, unique_id};
use super::owner::Owner;
use super::page::page;
use super::record::{Entity, GroupRecord};
use super::user;
use crate::{Access, App, Authorized, Request, ServiceError};

/// `CreateGroup`
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateGroupInput>,
) -> Result<CreateGroupOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = arn(&caller.account, "group", &path(input.path.as_deref())?, &input.group_name);
        Ok(Access::to("iam:CreateGroup", arn))
    })?;
    let path = path(input.path.as_deref())?;
    let entity = Entity {
        arn: arn(&caller.account, "group", &path, &input.group_name),
        id: unique_id(&app, "AGPA"),
        created: now(&app),
        tags: BTreeMap::new(),
        inline: BTreeMap::new(),
        attached: Vec::new(),
        boundary: None,
        name: input.group_name,
        path,
    };
    let owner = Owner::group(&caller, &entity.name);
    app.store
        .write(|state| {
            if owner.find(state).is_some() {
                return Err(owner.exists());
            }
            let group = described(&entity);
            state.iam_groups.put(&owner.key(), GroupRecord { entity });
            Ok(CreateGroupOutput { group })
        })
        .await
}

/// `GetGroup`, with who is in it.
pub(super) async fn get(app: Arc<App>, request: Request<GetGroupInput>) -> Result<GetGroupOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::group(caller, &input.group_name).access("iam:GetGroup", state))
    })?;
    let owner = Owner::group(&caller, &input.group_name);
    let state = app.store.read();
    let group = described(owner.get(&state)?);
    let prefix = format!("{}/", caller.account);
    let key = owner.key();
    let members =
        state.iam_users.with_prefix(&prefix).filter(|(_, user)| user.groups.contains(&key)).map(|(key, user)| {
            let member = User { tags: None, permissions_boundary: None, ..user::described(&user.entity) };
            (key.to_owned(), member)
        });
    let page = page(members, input.marker.as_deref(), input.max_items)?;
    Ok(GetGroupOutput { group, users: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

/// `ListGroups`
pub(super) async fn list(app: Arc<App>, request: Request<ListGroupsInput>) -> Result<ListGroupsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request
        .authorize(&app, |_, _, caller| Ok(Access::to("iam:ListGroups", arn(&caller.account, "group", "/", ""))))?;
    let state = app.store.read();
    let prefix = format!("{}/", caller.account);
    let wanted = input.path_prefix.as_deref().unwrap_or("/");
    let groups = state
        .iam_groups
        .with_prefix(&prefix)
        .filter(|(_, group)| group.entity.path.starts_with(wanted))
        .map(|(key, group)| (key.to_owned(), described(&group.entity)));
    let page = page(groups, input.marker.as_deref(), input.max_items)?;
    Ok(ListGroupsOutput { groups: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

/// `ListGroupsForUser`
pub(super) async fn list_of_user(
    app: Arc<App>,
    request: Request<ListGroupsForUserInput>,
) -> Result<ListGroupsForUserOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::user(caller, &input.user_name).access("iam:ListGroupsForUser", state))
    })?;
    let owner = Owner::user(&caller, &input.user_name);
    let state = app.store.read();
    let user = state.iam_users.get(&owner.key()).ok_or_else(|| owner.missing())?;
    let groups =
        user.groups.iter().filter_map(|key| Some((key.clone(), described(&state.iam_groups.get(key)?.entity))));
    let page = page(groups, input.marker.as_deref(), input.max_items)?;
    Ok(ListGroupsForUserOutput { groups: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

/// `AddUserToGroup`
pub(super) async fn add_user(
    app: Arc<App>,
    request: Request<AddUserToGroupInput>,
) -> Result<AddUserToGroupOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::group(caller, &input.group_name).access("iam:AddUserToGroup", state))
    })?;
    let (group, user) = (Owner::group(&caller, &input.group_name), Owner::user(&caller, &input.user_name));
    app.store
        .write(|state| {
            group.get(state)?;
            let added = state.iam_users.update(&user.key(), |record| {
                record.groups.insert(group.key());
                record.groups.len()
            });
            match added {
                None => Err(user.missing()),
                Some(count) if count > GROUPS_OF_USER => {
                    Err(limit_exceeded(format!("Cannot exceed quota for GroupsPerUser: {GROUPS_OF_USER}")))
                }
                Some(_) => Ok(AddUserToGroupOutput {}),
            }
        })
        .await
}

/// `RemoveUserFromGroup`
pub(super) async fn remove_user(
    app: Arc<App>,
    request: Request<RemoveUserFromGroupInput>,
) -> Result<RemoveUserFromGroupOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::group(caller, &input.group_name).access("iam:RemoveUserFromGroup", state))
    })?;
    let (group, user) = (Owner::group(&caller, &input.group_name), Owner::user(&caller, &input.user_name));
    app.store
        .write(|state| {
            group.get(state)?;
            match state.iam_users.update(&user.key(), |record| record.groups.remove(&group.key())) {
                Some(true) => Ok(RemoveUserFromGroupOutput {}),
                Some(false) | None => Err(user.missing()),
            }
        })
        .await
}

/// `UpdateGroup`: another name or path. Its members stay.
pub(super) async fn update(
    app: Arc<App>,
    request: Request<UpdateGroupInput>,
) -> Result<UpdateGroupOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let owner = Owner::group(caller, &input.group_name);
        let mut access = owner.access("iam:UpdateGroup", state);
        // Both the old and the new name must be allowed.
        let old_path = owner.find(state).map(|entity| entity.path.as_str());
        let new_path = path(input.new_path.as_deref().or(old_path))?;
        let name = input.new_group_name.as_deref().unwrap_or(&input.group_name);
        access.resources.push(arn(&caller.account, "group", &new_path, name));
        Ok(access)
    })?;
    let owner = Owner::group(&caller, &input.group_name);
    app.store
        .write(|state| {
            let mut entity = owner.get(state)?.clone();
            state.iam_groups.remove(&owner.key());
            if let Some(name) = input.new_group_name {
                entity.name = name;
            }
            if input.new_path.is_some() {
                entity.path = path(input.new_path.as_deref())?;
            }
            entity.arn = arn(&owner.account, "group", &entity.path, &entity.name);
            let renamed = Owner::group(&caller, &entity.name);
            if renamed.find(state).is_some() {
                return Err(renamed.exists());
            }
            let members = state.iam_users.iter().filter(|(_, user)| user.groups.contains(&owner.key()));
            let members: Vec<String> = members.map(|(key, _)| key.to_owned()).collect();
            for member in members {
                state.iam_users.update(&member, |user| {
                    user.groups.remove(&owner.key());
                    user.groups.insert(renamed.key());
                });
            }
            state.iam_groups.put(&renamed.key(), GroupRecord { entity });
            Ok(UpdateGroupOutput {})
        })
        .await
}

/// `DeleteGroup`
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteGroupInput>,
) -> Result<DeleteGroupOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::group(caller, &input.group_name).access("iam:DeleteGroup", state))
    })?;
    let owner = Owner::group(&caller, &input.group_name);
    app.store
        .write(|state| {
            let group = owner.get(state)?;
            if state.iam_users.values().any(|user| user.groups.contains(&owner.key())) {
                return Err(delete_conflict("Cannot delete entity, must remove users from group first."));
            }
            if !group.attached.is_empty() {
                return Err(delete_conflict("Cannot delete entity, must detach all policies first."));
            }
            if !group.inline.is_empty() {
                return Err(delete_conflict("Cannot delete entity, must delete policies first."));
            }
            state.iam_groups.remove(&owner.key());
            Ok(DeleteGroupOutput {})
        })
        .await
}

fn described(group: &Entity) -> Group {
    Group {
        path: group.path.clone(),
        group_name: group.name.clone(),
        group_id: group.id.clone(),
        arn: group.arn.clone(),
        create_date: group.created,
    }
}
