//! TagResource, UntagResource.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::secretsmanager::{Tag, TagResourceInput, TagResourceOutput, UntagResourceInput, UntagResourceOutput};

use super::error;
use super::lookup::{Secrets, change};
use super::record::SecretRecord;
use crate::limits::RESOURCE_TAGS;
use crate::{Access, App, Authorized, Request, ServiceError};

/// TagResource.
pub(super) async fn tag(app: Arc<App>, request: Request<TagResourceInput>) -> Result<TagResourceOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Secrets::new(&app, state, caller).access("secretsmanager:TagResource", &input.secret_id);
        Ok(with_request_tags(access, input.tags.iter()))
    })?;
    change(&app, &caller, &input.secret_id, |secret| {
        secret.tags = merged(&secret.tags, input.tags)?;
        secret.was_tagged = true;
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
        let access = Secrets::new(&app, state, caller).access("secretsmanager:UntagResource", &input.secret_id);
        Ok(access.with_tag_keys(&input.tag_keys))
    })?;
    change(&app, &caller, &input.secret_id, |secret| {
        secret.was_tagged |= !secret.tags.is_empty();
        secret.tags.retain(|name, _| !input.tag_keys.contains(name));
        Ok(())
    })
    .await?;
    Ok(UntagResourceOutput {})
}

/// The tags as an answer has them: none if there never were any.
pub(super) fn shown(secret: &SecretRecord) -> Option<Vec<Tag>> {
    let tag = |(key, value): (&String, &String)| Tag { key: Some(key.clone()), value: Some(value.clone()) };
    (secret.was_tagged || !secret.tags.is_empty()).then(|| secret.tags.iter().map(tag).collect())
}

/// The condition keys that tags of a request supply.
pub(super) fn with_request_tags<'a>(access: Access, tags: impl Iterator<Item = &'a Tag>) -> Access {
    access.with_request_tags(
        tags.map(|tag| (tag.key.as_deref().unwrap_or_default(), tag.value.as_deref().unwrap_or_default())),
    )
}

/// The tags with more of them.
pub(super) fn merged(
    tags: &BTreeMap<String, String>,
    more: Vec<Tag>,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut merged = tags.clone();
    for tag in more {
        let key = tag.key.ok_or_else(|| error::invalid_parameter("A tag needs a key."))?;
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(error::invalid_parameter("Tag keys beginning with aws: are reserved for AWS."));
        }
        merged.insert(key, tag.value.unwrap_or_default());
    }
    if merged.len() > RESOURCE_TAGS {
        return Err(error::invalid_parameter(format!("A secret can have at most {RESOURCE_TAGS} tags.")));
    }
    Ok(merged)
}
