//! Tags of log groups.

use std::sync::Arc;

use api::logs::{
    ListTagsForResourceInput, ListTagsForResourceOutput, TagResourceInput, TagResourceOutput, UntagResourceInput,
    UntagResourceOutput,
};

use super::record::own_group;
use crate::{Access, App, Authorized, Request, ServiceError};

const TAGS: usize = 50;

/// TagResource.
pub(super) async fn tag(app: Arc<App>, request: Request<TagResourceInput>) -> Result<TagResourceOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let mut access = Access::to("logs:TagResource", own_group(caller, &input.resource_arn)?);
        for (key, value) in &input.tags {
            access = access.with_context(format!("aws:RequestTag/{key}"), value).with_context("aws:TagKeys", key);
        }
        Ok(access)
    })?;
    let arn = own_group(&caller, &input.resource_arn)?.to_owned();
    app.store
        .write(|state| {
            let tagged = state.log_groups.update(&arn, |group| {
                group.tags.extend(input.tags);
                group.tags.len()
            });
            match tagged {
                None => Err(no_resource()),
                Some(count) if count > TAGS => {
                    let message = format!("A resource can have {TAGS} tags at most.");
                    Err(ServiceError::new("TooManyTagsException", message))
                }
                Some(_) => Ok(TagResourceOutput {}),
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
    app.store
        .write(|state| {
            let keeps = |key: &String| !input.tag_keys.contains(key);
            let untagged = state.log_groups.update(&arn, |group| group.tags.retain(|key, _| keeps(key)));
            untagged.map(|()| UntagResourceOutput {}).ok_or_else(no_resource)
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

fn no_resource() -> ServiceError {
    ServiceError::new("ResourceNotFoundException", "The specified resource does not exist.")
}
