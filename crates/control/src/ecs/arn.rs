//! ARNs of ECS and the access that is asked for them.

use std::collections::BTreeMap;

use domain::iam::Caller;
use wire::arn::Arn;

use crate::Access;

/// The cluster that is meant when none is named.
pub(super) const DEFAULT_CLUSTER: &str = "default";

/// The ARN of a cluster that is named by name, by ARN, or not at all.
pub(super) fn cluster(caller: &Caller, named: Option<&str>) -> String {
    let name = named.filter(|name| !name.is_empty()).unwrap_or(DEFAULT_CLUSTER);
    if name.starts_with("arn:") { name.to_owned() } else { ecs(caller, format!("cluster/{name}")) }
}

/// The ARN of a task in a cluster.
pub(super) fn task(cluster_arn: &str, task_id: &str) -> String {
    cluster_arn.replacen(":cluster/", ":task/", 1) + "/" + task_id
}

/// The ARN of a family or of one of its revisions (`web`, `web:3`), which may be given as such.
pub(super) fn task_definition(caller: &Caller, named: &str) -> String {
    if named.starts_with("arn:") { named.to_owned() } else { ecs(caller, format!("task-definition/{named}")) }
}

/// The family's ARN and the revision of a task definition's ARN, with or without a revision.
pub(super) fn family_and_revision(definition_arn: &str) -> (&str, Option<&str>) {
    match definition_arn.rsplit_once(':') {
        Some((family, revision)) if family.contains(":task-definition/") => (family, Some(revision)),
        _ => (definition_arn, None),
    }
}

/// What every ARN of ECS in this account and region begins with.
pub(super) fn ecs(caller: &Caller, resource: String) -> String {
    Arn::new("ecs", &caller.region, &caller.account, resource).to_string()
}

/// The access with the tags that the resource has.
pub(super) fn tagged(access: Access, tags: &BTreeMap<String, String>) -> Access {
    access.with_resource_tags("aws:ResourceTag", tags).with_resource_tags("ecs:ResourceTag", tags)
}

/// The access with the tags that the request brings.
pub(super) fn requesting_tags(access: Access, tags: Option<&[api::ecs::Tag]>) -> Access {
    let tags = tags.unwrap_or_default().iter();
    access.with_request_tags(
        tags.map(|tag| (tag.key.as_deref().unwrap_or_default(), tag.value.as_deref().unwrap_or_default())),
    )
}
