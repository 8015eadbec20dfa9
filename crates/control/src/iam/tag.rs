//! Tags of users, roles and managed policies.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::iam::{
    ListPolicyTagsInput, ListPolicyTagsOutput, ListRoleTagsInput, ListRoleTagsOutput, ListUserTagsInput,
    ListUserTagsOutput, Tag, TagPolicyInput, TagPolicyOutput, TagRoleInput, TagRoleOutput, TagUserInput, TagUserOutput,
    UntagPolicyInput, UntagPolicyOutput, UntagRoleInput, UntagRoleOutput, UntagUserInput, UntagUserOutput,
};

use super::owner::{Owner, add_tags, requesting_tags};
use super::page::{Page, page};
use super::policy;
use crate::{App, Authorized, Request, ServiceError};

/// `TagRole`
pub(super) async fn tag_role(app: Arc<App>, request: Request<TagRoleInput>) -> Result<TagRoleOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Owner::role(caller, &input.role_name).access("iam:TagRole", state);
        Ok(requesting_tags(access, Some(&input.tags)))
    })?;
    tag(&app, &Owner::role(&caller, &input.role_name), &input.tags).await?;
    Ok(TagRoleOutput {})
}

/// `TagUser`
pub(super) async fn tag_user(app: Arc<App>, request: Request<TagUserInput>) -> Result<TagUserOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Owner::user(caller, &input.user_name).access("iam:TagUser", state);
        Ok(requesting_tags(access, Some(&input.tags)))
    })?;
    tag(&app, &Owner::user(&caller, &input.user_name), &input.tags).await?;
    Ok(TagUserOutput {})
}

/// `UntagRole`
pub(super) async fn untag_role(
    app: Arc<App>,
    request: Request<UntagRoleInput>,
) -> Result<UntagRoleOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Owner::role(caller, &input.role_name).access("iam:UntagRole", state);
        Ok(access.with_tag_keys(&input.tag_keys))
    })?;
    untag(&app, &Owner::role(&caller, &input.role_name), &input.tag_keys).await?;
    Ok(UntagRoleOutput {})
}

/// `UntagUser`
pub(super) async fn untag_user(
    app: Arc<App>,
    request: Request<UntagUserInput>,
) -> Result<UntagUserOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Owner::user(caller, &input.user_name).access("iam:UntagUser", state);
        Ok(access.with_tag_keys(&input.tag_keys))
    })?;
    untag(&app, &Owner::user(&caller, &input.user_name), &input.tag_keys).await?;
    Ok(UntagUserOutput {})
}

/// `ListRoleTags`
pub(super) async fn list_role(
    app: Arc<App>,
    request: Request<ListRoleTagsInput>,
) -> Result<ListRoleTagsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::role(caller, &input.role_name).access("iam:ListRoleTags", state))
    })?;
    let state = app.store.read();
    let tags = &Owner::role(&caller, &input.role_name).get(&state)?.tags;
    let page = listed(tags, input.marker.as_deref(), input.max_items)?;
    Ok(ListRoleTagsOutput { tags: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

/// `ListUserTags`
pub(super) async fn list_user(
    app: Arc<App>,
    request: Request<ListUserTagsInput>,
) -> Result<ListUserTagsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Owner::user(caller, &input.user_name).access("iam:ListUserTags", state))
    })?;
    let state = app.store.read();
    let tags = &Owner::user(&caller, &input.user_name).get(&state)?.tags;
    let page = listed(tags, input.marker.as_deref(), input.max_items)?;
    Ok(ListUserTagsOutput { tags: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

/// `TagPolicy`
pub(super) async fn tag_policy(
    app: Arc<App>,
    request: Request<TagPolicyInput>,
) -> Result<TagPolicyOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, state, _| {
        Ok(requesting_tags(policy::access("iam:TagPolicy", state, &input.policy_arn), Some(&input.tags)))
    })?;
    app.store
        .write(|state| policy::change(state, &input.policy_arn, |policy| add_tags(&mut policy.tags, &input.tags)))
        .await?;
    Ok(TagPolicyOutput {})
}

/// `UntagPolicy`
pub(super) async fn untag_policy(
    app: Arc<App>,
    request: Request<UntagPolicyInput>,
) -> Result<UntagPolicyOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, state, _| {
        Ok(policy::access("iam:UntagPolicy", state, &input.policy_arn).with_tag_keys(&input.tag_keys))
    })?;
    app.store
        .write(|state| {
            policy::change(state, &input.policy_arn, |policy| {
                remove_tags(&mut policy.tags, &input.tag_keys);
                Ok(())
            })
        })
        .await?;
    Ok(UntagPolicyOutput {})
}

/// `ListPolicyTags`
pub(super) async fn list_policy(
    app: Arc<App>,
    request: Request<ListPolicyTagsInput>,
) -> Result<ListPolicyTagsOutput, ServiceError> {
    let Authorized { input, .. } = request
        .authorize(&app, |input, state, _| Ok(policy::access("iam:ListPolicyTags", state, &input.policy_arn)))?;
    let state = app.store.read();
    let page = listed(&policy::find(&state, &input.policy_arn)?.tags, input.marker.as_deref(), input.max_items)?;
    Ok(ListPolicyTagsOutput { tags: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

async fn tag(app: &App, owner: &Owner, tags: &[Tag]) -> Result<(), ServiceError> {
    app.store.write(|state| owner.change(state, |entity| add_tags(&mut entity.tags, tags))).await
}

async fn untag(app: &App, owner: &Owner, keys: &[String]) -> Result<(), ServiceError> {
    app.store
        .write(|state| {
            owner.change(state, |entity| {
                remove_tags(&mut entity.tags, keys);
                Ok(())
            })
        })
        .await
}

pub(super) fn remove_tags(tags: &mut BTreeMap<String, String>, keys: &[String]) {
    tags.retain(|known, _| !keys.iter().any(|key| key.eq_ignore_ascii_case(known)));
}

pub(super) fn listed(
    tags: &BTreeMap<String, String>,
    marker: Option<&str>,
    max_items: Option<i32>,
) -> Result<Page<Tag>, ServiceError> {
    let tags = tags.iter().map(|(key, value)| (key.clone(), Tag { key: key.clone(), value: value.clone() }));
    page(tags, marker, max_items)
}
