//! Instance profiles: the boxes in which EC2 instances get a role. Nothing here runs instances; Terraform and the
//! console of ECS's EC2 launch type keep them.

use std::sync::Arc;

use api::iam::{
    AddRoleToInstanceProfileInput, AddRoleToInstanceProfileOutput, CreateInstanceProfileInput,
    CreateInstanceProfileOutput, DeleteInstanceProfileInput, DeleteInstanceProfileOutput, GetInstanceProfileInput,
    GetInstanceProfileOutput, InstanceProfile, ListInstanceProfileTagsInput, ListInstanceProfileTagsOutput,
    ListInstanceProfilesForRoleInput, ListInstanceProfilesForRoleOutput, ListInstanceProfilesInput,
    ListInstanceProfilesOutput, RemoveRoleFromInstanceProfileInput, RemoveRoleFromInstanceProfileOutput, Role,
    TagInstanceProfileInput, TagInstanceProfileOutput, UntagInstanceProfileInput, UntagInstanceProfileOutput,
};
use domain::iam::Caller;

use super::authorization::pass_role;
use super::error::{already_exists, delete_conflict, limit_exceeded, no_such_entity};
use super::name::{arn, key, now, path, unique_id};
use super::owner::{Owner, add_tags, requesting_tags, tag_list, tagged, tags};
use super::page::page;
use super::record::InstanceProfileRecord;
use super::{role, tag};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// `CreateInstanceProfile`
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateInstanceProfileInput>,
) -> Result<CreateInstanceProfileOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let path = path(input.path.as_deref())?;
        let arn = arn(&caller.account, "instance-profile", &path, &input.instance_profile_name);
        Ok(requesting_tags(Access::to("iam:CreateInstanceProfile", arn), input.tags.as_deref()))
    })?;
    let path = path(input.path.as_deref())?;
    let record = InstanceProfileRecord {
        arn: arn(&caller.account, "instance-profile", &path, &input.instance_profile_name),
        id: unique_id(&app, "AIPA"),
        created: now(&app),
        tags: tags(input.tags.as_deref())?,
        role: None,
        name: input.instance_profile_name,
        path,
    };
    let key = key(&caller.account, &record.name);
    app.store
        .write(|state| {
            if state.iam_instance_profiles.contains(&key) {
                return Err(already_exists(format!("Instance Profile {} already exists.", record.name)));
            }
            let instance_profile = described(state, &record);
            state.iam_instance_profiles.put(&key, record);
            Ok(CreateInstanceProfileOutput { instance_profile })
        })
        .await
}

/// `GetInstanceProfile`
pub(super) async fn get(
    app: Arc<App>,
    request: Request<GetInstanceProfileInput>,
) -> Result<GetInstanceProfileOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(access("iam:GetInstanceProfile", state, caller, &input.instance_profile_name))
    })?;
    let state = app.store.read();
    let record = find(&state, &caller, &input.instance_profile_name)?;
    Ok(GetInstanceProfileOutput { instance_profile: described(&state, record) })
}

/// `ListInstanceProfiles`
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListInstanceProfilesInput>,
) -> Result<ListInstanceProfilesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |_, _, caller| {
        Ok(Access::to("iam:ListInstanceProfiles", arn(&caller.account, "instance-profile", "/", "")))
    })?;
    let state = app.store.read();
    let prefix = format!("{}/", caller.account);
    let wanted = input.path_prefix.as_deref().unwrap_or("/");
    let profiles = state
        .iam_instance_profiles
        .with_prefix(&prefix)
        .filter(|(_, profile)| profile.path.starts_with(wanted))
        .map(|(key, profile)| (key.to_owned(), InstanceProfile { tags: None, ..described(&state, profile) }));
    let page = page(profiles, input.marker.as_deref(), input.max_items)?;
    Ok(ListInstanceProfilesOutput {
        instance_profiles: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// `ListInstanceProfilesForRole`
pub(super) async fn list_of_role(
    app: Arc<App>,
    request: Request<ListInstanceProfilesForRoleInput>,
) -> Result<ListInstanceProfilesForRoleOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::role(caller, &input.role_name).access("iam:ListInstanceProfilesForRole", state))
    })?;
    let owner = Owner::role(&caller, &input.role_name);
    let state = app.store.read();
    owner.get(&state)?;
    let prefix = format!("{}/", caller.account);
    let profiles = state
        .iam_instance_profiles
        .with_prefix(&prefix)
        .filter(|(_, profile)| profile.role.as_deref() == Some(&owner.key()))
        .map(|(key, profile)| (key.to_owned(), described(&state, profile)));
    let page = page(profiles, input.marker.as_deref(), input.max_items)?;
    Ok(ListInstanceProfilesForRoleOutput {
        instance_profiles: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// `DeleteInstanceProfile`
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteInstanceProfileInput>,
) -> Result<DeleteInstanceProfileOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(access("iam:DeleteInstanceProfile", state, caller, &input.instance_profile_name))
    })?;
    app.store
        .write(|state| {
            if find(state, &caller, &input.instance_profile_name)?.role.is_some() {
                return Err(delete_conflict("Cannot delete entity, must remove roles from instance profile first."));
            }
            state.iam_instance_profiles.remove(&key(&caller.account, &input.instance_profile_name));
            Ok(DeleteInstanceProfileOutput {})
        })
        .await
}

/// `AddRoleToInstanceProfile`; the caller must be allowed to pass the role to EC2.
pub(super) async fn add_role(
    app: Arc<App>,
    request: Request<AddRoleToInstanceProfileInput>,
) -> Result<AddRoleToInstanceProfileOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        if let Some(role) = Owner::role(caller, &input.role_name).find(state) {
            pass_role(&app, state, caller, &role.arn, "ec2.amazonaws.com")?;
        }
        Ok(access("iam:AddRoleToInstanceProfile", state, caller, &input.instance_profile_name))
    })?;
    let owner = Owner::role(&caller, &input.role_name);
    app.store
        .write(|state| {
            owner.check_own(state)?;
            change(state, &caller, &input.instance_profile_name, |profile| {
                if profile.role.is_some() {
                    return Err(limit_exceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"));
                }
                profile.role = Some(owner.key());
                Ok(AddRoleToInstanceProfileOutput {})
            })
        })
        .await
}

/// `RemoveRoleFromInstanceProfile`
pub(super) async fn remove_role(
    app: Arc<App>,
    request: Request<RemoveRoleFromInstanceProfileInput>,
) -> Result<RemoveRoleFromInstanceProfileOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(access("iam:RemoveRoleFromInstanceProfile", state, caller, &input.instance_profile_name))
    })?;
    let owner = Owner::role(&caller, &input.role_name);
    app.store
        .write(|state| {
            change(state, &caller, &input.instance_profile_name, |profile| {
                if profile.role.as_deref() != Some(&owner.key()) {
                    return Err(owner.missing());
                }
                profile.role = None;
                Ok(RemoveRoleFromInstanceProfileOutput {})
            })
        })
        .await
}

/// `TagInstanceProfile`
pub(super) async fn tag(
    app: Arc<App>,
    request: Request<TagInstanceProfileInput>,
) -> Result<TagInstanceProfileOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = access("iam:TagInstanceProfile", state, caller, &input.instance_profile_name);
        Ok(requesting_tags(access, Some(&input.tags)))
    })?;
    app.store
        .write(|state| {
            change(state, &caller, &input.instance_profile_name, |profile| add_tags(&mut profile.tags, &input.tags))
        })
        .await?;
    Ok(TagInstanceProfileOutput {})
}

/// `UntagInstanceProfile`
pub(super) async fn untag(
    app: Arc<App>,
    request: Request<UntagInstanceProfileInput>,
) -> Result<UntagInstanceProfileOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = access("iam:UntagInstanceProfile", state, caller, &input.instance_profile_name);
        Ok(access.with_tag_keys(&input.tag_keys))
    })?;
    app.store
        .write(|state| {
            change(state, &caller, &input.instance_profile_name, |profile| {
                tag::remove_tags(&mut profile.tags, &input.tag_keys);
                Ok(UntagInstanceProfileOutput {})
            })
        })
        .await
}

/// `ListInstanceProfileTags`
pub(super) async fn list_tags(
    app: Arc<App>,
    request: Request<ListInstanceProfileTagsInput>,
) -> Result<ListInstanceProfileTagsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(access("iam:ListInstanceProfileTags", state, caller, &input.instance_profile_name))
    })?;
    let state = app.store.read();
    let tags = &find(&state, &caller, &input.instance_profile_name)?.tags;
    let page = tag::listed(tags, input.marker.as_deref(), input.max_items)?;
    Ok(ListInstanceProfileTagsOutput { tags: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

fn access(action: &'static str, state: &State, caller: &Caller, name: &str) -> Access {
    match state.iam_instance_profiles.get(&key(&caller.account, name)) {
        Some(profile) => tagged(Access::to(action, &profile.arn), &profile.tags),
        None => Access::to(action, arn(&caller.account, "instance-profile", "/", name)),
    }
}

fn missing(name: &str) -> ServiceError {
    no_such_entity(format!("Instance Profile {name} cannot be found."))
}

fn find<'a>(state: &'a State, caller: &Caller, name: &str) -> Result<&'a InstanceProfileRecord, ServiceError> {
    let found = state.iam_instance_profiles.get(&key(&caller.account, name));
    found.map(|profile| &**profile).ok_or_else(|| missing(name))
}

fn change<T>(
    state: &mut State,
    caller: &Caller,
    name: &str,
    change: impl FnOnce(&mut InstanceProfileRecord) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    state.iam_instance_profiles.update(&key(&caller.account, name), change).unwrap_or_else(|| Err(missing(name)))
}

/// An instance profile with its role.
pub(super) fn described(state: &State, profile: &InstanceProfileRecord) -> InstanceProfile {
    let role = profile.role.as_ref().and_then(|role| state.iam_roles.get(role));
    let described = |role| Role { tags: None, permissions_boundary: None, ..role::described(state, role) };
    InstanceProfile {
        path: profile.path.clone(),
        instance_profile_name: profile.name.clone(),
        instance_profile_id: profile.id.clone(),
        arn: profile.arn.clone(),
        create_date: profile.created,
        roles: role.into_iter().map(|role| described(role)).collect(),
        tags: (!profile.tags.is_empty()).then(|| tag_list(&profile.tags)),
    }
}
