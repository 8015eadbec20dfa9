//! Tags of clusters, task definitions and tasks.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::ecs::{
    ListTagsForResourceInput, ListTagsForResourceOutput, Tag, TagResourceInput, TagResourceOutput, UntagResourceInput,
    UntagResourceOutput,
};
use domain::ecs::{TaskStatus, merge_tags, tags_from};

use super::arn;
use super::error::parameter;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// TagResource.
pub(super) async fn add(app: Arc<App>, request: Request<TagResourceInput>) -> Result<TagResourceOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, state, _| {
        let access = access(state, "ecs:TagResource", &input.resource_arn);
        Ok(arn::requesting_tags(access, Some(&input.tags)))
    })?;
    let added = tags_from(Some(&input.tags))?;
    change(&app, &input.resource_arn, |tags| Ok(merge_tags(tags, added)?)).await?;
    Ok(TagResourceOutput {})
}

/// UntagResource.
pub(super) async fn remove(
    app: Arc<App>,
    request: Request<UntagResourceInput>,
) -> Result<UntagResourceOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, state, _| {
        let access = access(state, "ecs:UntagResource", &input.resource_arn);
        Ok(access.with_tag_keys(&input.tag_keys))
    })?;
    change(&app, &input.resource_arn, |tags| {
        tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(())
    })
    .await?;
    Ok(UntagResourceOutput {})
}

/// ListTagsForResource.
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListTagsForResourceInput>,
) -> Result<ListTagsForResourceOutput, ServiceError> {
    let Authorized { input, .. } =
        request.authorize(&app, |input, state, _| Ok(access(state, "ecs:ListTagsForResource", &input.resource_arn)))?;
    let state = app.store.read();
    let tags = of(&state, &input.resource_arn).ok_or_else(not_found)?;
    Ok(ListTagsForResourceOutput { tags: Some(show(tags)) })
}

/// Tags as ECS shows them.
pub(super) fn show(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

fn not_found() -> ServiceError {
    ServiceError::new("ResourceNotFoundException", "The specified resource wasn't found.")
}

fn access(state: &State, action: &'static str, resource_arn: &str) -> Access {
    let access = Access::to(action, resource_arn);
    match of(state, resource_arn) {
        Some(tags) => arn::tagged(access, tags),
        None => access,
    }
}

fn of<'a>(state: &'a State, resource_arn: &str) -> Option<&'a BTreeMap<String, String>> {
    if let Some(cluster) = state.clusters.get(resource_arn) {
        return Some(&cluster.tags);
    }
    if let Some(definition) = state.task_definitions.get(resource_arn) {
        return Some(&definition.tags);
    }
    let task = state.tasks.get(task_id(resource_arn)).filter(|task| task.spec.task_arn == resource_arn)?;
    Some(&task.tags)
}

fn task_id(resource_arn: &str) -> &str {
    resource_arn.rsplit('/').next().unwrap_or(resource_arn)
}

async fn change(
    app: &App,
    resource_arn: &str,
    change: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    app.store
        .write(|state| {
            of(state, resource_arn).ok_or_else(not_found)?;
            let changed = state.clusters.contains(resource_arn);
            if changed {
                return state
                    .clusters
                    .update(resource_arn, |cluster| change(&mut cluster.tags))
                    .ok_or_else(not_found)?;
            }
            if state.task_definitions.contains(resource_arn) {
                let updated = state.task_definitions.update(resource_arn, |definition| change(&mut definition.tags));
                return updated.ok_or_else(not_found)?;
            }
            let updated = state.tasks.update(task_id(resource_arn), |task| {
                if task.last_status == TaskStatus::Stopped {
                    return Err(parameter("The specified task is stopped. Specify an active task and try again."));
                }
                change(&mut task.tags)
            });
            updated.ok_or_else(not_found)?
        })
        .await
}
