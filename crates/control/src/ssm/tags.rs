//! AddTagsToResource, RemoveTagsFromResource, ListTagsForResource: of parameters; SSM's other resources are not here.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::ssm::{
    AddTagsToResourceInput, AddTagsToResourceOutput, ListTagsForResourceInput, ListTagsForResourceOutput,
    RemoveTagsFromResourceInput, RemoveTagsFromResourceOutput, Tag,
};

use super::error;
use super::lookup::{Parameters, change};
use crate::limits::RESOURCE_TAGS;
use crate::{Access, App, Authorized, Request, ServiceError};

/// AddTagsToResource.
pub(super) async fn add(
    app: Arc<App>,
    request: Request<AddTagsToResourceInput>,
) -> Result<AddTagsToResourceOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Parameters::new(&app, state, caller).access("ssm:AddTagsToResource", &input.resource_id);
        Ok(with_request_tags(access, input.tags.iter()))
    })?;
    check_resource_type(&input.resource_type)?;
    let changed = change(&app, &caller, &input.resource_id, |parameter| {
        parameter.tags = merged(&parameter.tags, input.tags)?;
        Ok(())
    });
    changed.await.map_err(unknown_resource)?;
    Ok(AddTagsToResourceOutput {})
}

/// RemoveTagsFromResource.
pub(super) async fn remove(
    app: Arc<App>,
    request: Request<RemoveTagsFromResourceInput>,
) -> Result<RemoveTagsFromResourceOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Parameters::new(&app, state, caller).access("ssm:RemoveTagsFromResource", &input.resource_id);
        Ok(access.with_tag_keys(&input.tag_keys))
    })?;
    check_resource_type(&input.resource_type)?;
    let changed = change(&app, &caller, &input.resource_id, |parameter| {
        parameter.tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(())
    });
    changed.await.map_err(unknown_resource)?;
    Ok(RemoveTagsFromResourceOutput {})
}

/// ListTagsForResource.
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListTagsForResourceInput>,
) -> Result<ListTagsForResourceOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Parameters::new(&app, state, caller).access("ssm:ListTagsForResource", &input.resource_id))
    })?;
    check_resource_type(&input.resource_type)?;
    let state = app.store.read();
    let parameter = Parameters::new(&app, &state, &caller).find(&input.resource_id).map_err(unknown_resource)?;
    let tags = parameter.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect();
    Ok(ListTagsForResourceOutput { tag_list: Some(tags) })
}

fn check_resource_type(resource_type: &str) -> Result<(), ServiceError> {
    if resource_type == "Parameter" {
        return Ok(());
    }
    let message = format!("The resource type isn't valid. Tidegate has parameters, but no {resource_type} of SSM.");
    Err(ServiceError::new("InvalidResourceType", message))
}

/// Of tags, SSM tells any unknown name as an unknown resource.
fn unknown_resource(error: ServiceError) -> ServiceError {
    match &*error.code {
        "ParameterNotFound" | "ValidationException" if error.message.starts_with("Parameter ") => ServiceError {
            chain: error.chain,
            ..ServiceError::new(
                "InvalidResourceId",
                "The resource ID isn't valid. Verify that you entered the correct ID and try again.",
            )
        },
        _ => error,
    }
}

/// The condition keys that tags of a request supply.
pub(super) fn with_request_tags<'a>(access: Access, tags: impl Iterator<Item = &'a Tag>) -> Access {
    access.with_request_tags(tags.map(|tag| (&tag.key, &tag.value)))
}

/// The tags with more of them.
pub(super) fn merged(
    tags: &BTreeMap<String, String>,
    more: Vec<Tag>,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut merged = tags.clone();
    for tag in more {
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return Err(error::validation("Tag keys beginning with aws: are reserved for AWS."));
        }
        merged.insert(tag.key, tag.value);
    }
    if merged.len() > RESOURCE_TAGS {
        let message = format!("Number of tags exceeds the limit of {RESOURCE_TAGS}.");
        return Err(ServiceError::new("TooManyTagsError", message));
    }
    Ok(merged)
}
