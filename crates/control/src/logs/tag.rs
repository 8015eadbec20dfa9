//! Tags of log groups: by ARN, and by name with the operations that AWS had first.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::logs::{
    ListTagsForResourceInput, ListTagsForResourceOutput, ListTagsLogGroupInput, ListTagsLogGroupOutput,
    TagLogGroupInput, TagLogGroupOutput, TagResourceInput, TagResourceOutput, UntagLogGroupInput, UntagLogGroupOutput,
    UntagResourceInput, UntagResourceOutput,
};

use super::no_group;
use super::record::{group_arn, own_group, stream_arn};
use crate::{Access, App, Authorized, Request, ServiceError};

const TAGS: usize = 50;

/// TagResource.
pub(super) async fn tag(app: Arc<App>, request: Request<TagResourceInput>) -> Result<TagResourceOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let access = Access::to("logs:TagResource", own_group(caller, &input.resource_arn)?);
        Ok(access.with_request_tags(&input.tags))
    })?;
    let arn = own_group(&caller, &input.resource_arn)?.to_owned();
    add(&app, &arn, input.tags, no_resource).await?;
    Ok(TagResourceOutput {})
}

/// TagLogGroup.
pub(super) async fn tag_group(
    app: Arc<App>,
    request: Request<TagLogGroupInput>,
) -> Result<TagLogGroupOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = group_arn(caller, &input.log_group_name);
        Ok(Access::to("logs:TagLogGroup", stream_arn(&arn, "")).with_request_tags(&input.tags))
    })?;
    add(&app, &group_arn(&caller, &input.log_group_name), input.tags, no_group).await?;
    Ok(TagLogGroupOutput {})
}

async fn add(
    app: &App,
    arn: &str,
    tags: BTreeMap<String, String>,
    unknown: fn() -> ServiceError,
) -> Result<(), ServiceError> {
    app.store
        .write(|state| {
            let tagged = state.log_groups.update(arn, |group| {
                group.tags.extend(tags);
                group.tags.len()
            });
            match tagged {
                None => Err(unknown()),
                Some(count) if count > TAGS => {
                    let message = format!("A resource can have {TAGS} tags at most.");
                    Err(ServiceError::new("TooManyTagsException", message))
                }
                Some(_) => Ok(()),
            }
        })
        .await
}

/// UntagResource.
pub(super) async fn untag(
    app: Arc<App>,
    request: Request<UntagResourceInput>,
) -> Result<UntagResourceOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(Access::to("logs:UntagResource", own_group(caller, &input.resource_arn)?))
    })?;
    let arn = own_group(&caller, &input.resource_arn)?.to_owned();
    take_away(&app, &arn, &input.tag_keys, no_resource).await?;
    Ok(UntagResourceOutput {})
}

/// UntagLogGroup.
pub(super) async fn untag_group(
    app: Arc<App>,
    request: Request<UntagLogGroupInput>,
) -> Result<UntagLogGroupOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(Access::to("logs:UntagLogGroup", stream_arn(&group_arn(caller, &input.log_group_name), "")))
    })?;
    take_away(&app, &group_arn(&caller, &input.log_group_name), &input.tags, no_group).await?;
    Ok(UntagLogGroupOutput {})
}

async fn take_away(app: &App, arn: &str, keys: &[String], unknown: fn() -> ServiceError) -> Result<(), ServiceError> {
    app.store
        .write(|state| {
            let untagged = state.log_groups.update(arn, |group| group.tags.retain(|key, _| !keys.contains(key)));
            untagged.ok_or_else(unknown)
        })
        .await
}

/// ListTagsForResource.
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListTagsForResourceInput>,
) -> Result<ListTagsForResourceOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(Access::to("logs:ListTagsForResource", own_group(caller, &input.resource_arn)?))
    })?;
    let state = app.store.read();
    let group = state.log_groups.get(own_group(&caller, &input.resource_arn)?).ok_or_else(no_resource)?;
    Ok(ListTagsForResourceOutput { tags: Some(group.tags.clone()) })
}

/// ListTagsLogGroup.
pub(super) async fn list_of_group(
    app: Arc<App>,
    request: Request<ListTagsLogGroupInput>,
) -> Result<ListTagsLogGroupOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(Access::to("logs:ListTagsLogGroup", stream_arn(&group_arn(caller, &input.log_group_name), "")))
    })?;
    let state = app.store.read();
    let group = state.log_groups.get(&group_arn(&caller, &input.log_group_name)).ok_or_else(no_group)?;
    Ok(ListTagsLogGroupOutput { tags: Some(group.tags.clone()) })
}

fn no_resource() -> ServiceError {
    ServiceError::new("ResourceNotFoundException", "The specified resource does not exist.")
}
