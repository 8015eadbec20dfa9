//! TagResource, UntagResource, ListResourceTags.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::kms::{
    ListResourceTagsInput, ListResourceTagsOutput, Tag, TagResourceInput, TagResourceOutput, UntagResourceInput,
    UntagResourceOutput,
};

use super::lookup::{Keys, change};
use super::page::page;
use crate::limits::RESOURCE_TAGS;
use crate::{Access, App, Authorized, Request, ServiceError};

/// TagResource.
pub(super) async fn tag(app: Arc<App>, request: Request<TagResourceInput>) -> Result<TagResourceOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Keys::new(&app, state, caller).access("kms:TagResource", &input.key_id);
        Ok(with_request_tags(access, input.tags.iter()))
    })?;
    change(&app, &caller, &input.key_id, |key| {
        key.state.changeable(&key.arn)?;
        key.tags = merged(&key.tags, input.tags)?;
        Ok(())
    })
    .await?;
    Ok(TagResourceOutput {})
}

/// UntagResource.
pub(super) async fn untag(
    app: Arc<App>,
    request: Request<UntagResourceInput>,
) -> Result<UntagResourceOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Keys::new(&app, state, caller).access("kms:UntagResource", &input.key_id);
        Ok(access.with_tag_keys(&input.tag_keys))
    })?;
    change(&app, &caller, &input.key_id, |key| {
        key.state.changeable(&key.arn)?;
        key.tags.retain(|name, _| !input.tag_keys.contains(name));
        Ok(())
    })
    .await?;
    Ok(UntagResourceOutput {})
}

/// ListResourceTags.
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListResourceTagsInput>,
) -> Result<ListResourceTagsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:ListResourceTags", &input.key_id))
    })?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_without_alias(&input.key_id)?;
    let tags = key.tags.iter().map(|(name, value)| (name.as_str(), (name, value)));
    let (tags, next_marker) = page(tags, input.marker.as_deref(), input.limit)?;
    let tags = tags.into_iter().map(|(name, value)| Tag { tag_key: name.clone(), tag_value: value.clone() });
    Ok(ListResourceTagsOutput { tags: Some(tags.collect()), truncated: Some(next_marker.is_some()), next_marker })
}

/// The condition keys that tags of a request supply.
pub(super) fn with_request_tags<'a>(access: Access, tags: impl Iterator<Item = &'a Tag>) -> Access {
    access.with_request_tags(tags.map(|tag| (&tag.tag_key, &tag.tag_value)))
}

/// The tags with more of them.
pub(super) fn merged(
    tags: &BTreeMap<String, String>,
    more: Vec<Tag>,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut merged = tags.clone();
    let mut seen = std::collections::BTreeSet::new();
    for tag in more {
        if !seen.insert(tag.tag_key.clone()) {
            return Err(ServiceError::new("TagException", "Duplicate tag keys"));
        }
        if tag.tag_key.to_ascii_lowercase().starts_with("aws:") {
            return Err(ServiceError::new("TagException", "Tags beginning with aws: are reserved"));
        }
        merged.insert(tag.tag_key, tag.tag_value);
    }
    if merged.len() > RESOURCE_TAGS {
        return Err(ServiceError::new("TagException", "Too many tags"));
    }
    Ok(merged)
}
