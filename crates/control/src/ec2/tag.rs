//! Tags: given at creation, added and taken away later, listed.

use std::sync::Arc;

use api::ec2::{
    CreateTagsInput, CreateTagsOutput, DeleteTagsInput, DeleteTagsOutput, DescribeTagsInput, DescribeTagsOutput, Tag,
    TagDescription, TagSpecification,
};

use super::record::{
    InternetGatewayRecord, NetworkInterfaceRecord, RouteTableRecord, SecurityGroupRecord, SubnetRecord, Tags, VpcRecord,
};
use super::resource::{Owner, Resource, missing, stop_if_dry};
use super::{filter, page, rules};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

const TAGS_PER_RESOURCE: usize = 50;
const KEY_LENGTH: usize = 128;
const VALUE_LENGTH: usize = 256;

/// CreateTags
pub(super) async fn create(app: Arc<App>, request: Request<CreateTagsInput>) -> Result<CreateTagsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request
        .authorize(&app, |input, _, caller| Ok(access("ec2:CreateTags", Owner::of(caller), &input.resources)))?;
    stop_if_dry(input.dry_run)?;
    let added = from_list(&input.tags)?;
    app.store
        .write(|state| {
            for id in &input.resources {
                let change = |tags: &mut Tags| {
                    tags.extend(added.clone());
                    check_count(tags)
                };
                change_tags(state, Owner::of(&caller), id, change)??;
            }
            Ok(CreateTagsOutput {})
        })
        .await
}

/// DeleteTags
pub(super) async fn delete(app: Arc<App>, request: Request<DeleteTagsInput>) -> Result<DeleteTagsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request
        .authorize(&app, |input, _, caller| Ok(access("ec2:DeleteTags", Owner::of(caller), &input.resources)))?;
    stop_if_dry(input.dry_run)?;
    app.store
        .write(|state| {
            for id in &input.resources {
                change_tags(state, Owner::of(&caller), id, |tags| match &input.tags {
                    // A tag named without value goes whatever its value is.
                    Some(given) => tags.retain(|key, value| {
                        !given.iter().any(|tag| {
                            tag.key.as_deref() == Some(key) && tag.value.as_ref().is_none_or(|wanted| wanted == value)
                        })
                    }),
                    None => tags.clear(),
                })?;
            }
            Ok(DeleteTagsOutput {})
        })
        .await
}

/// DescribeTags
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeTagsInput>,
) -> Result<DescribeTagsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |_, _, _| Ok(Access::to_any("ec2:DescribeTags")))?;
    stop_if_dry(input.dry_run)?;
    let state = app.store.read();
    let owner = Owner::of(&caller);
    let mut found = Vec::new();
    list::<VpcRecord>(&state, owner, &mut found);
    list::<SubnetRecord>(&state, owner, &mut found);
    list::<InternetGatewayRecord>(&state, owner, &mut found);
    list::<RouteTableRecord>(&state, owner, &mut found);
    list::<SecurityGroupRecord>(&state, owner, &mut found);
    list::<NetworkInterfaceRecord>(&state, owner, &mut found);
    for group in state.security_groups.values().filter(|group| group.owner() == owner) {
        for rule in &group.rules {
            describe_one("security-group-rule", &rule.id, &rule.tags, &mut found);
        }
    }
    let mut selected = Vec::new();
    for (key, tag) in found {
        let value = |name: &str| {
            let field = match name {
                "key" => &tag.key,
                "value" => &tag.value,
                "resource-id" => &tag.resource_id,
                "resource-type" => &tag.resource_type,
                _ => return None,
            };
            Some(field.iter().cloned().collect())
        };
        if filter::passes(input.filters.as_deref(), &Tags::new(), value)? {
            selected.push((key, tag));
        }
    }
    selected.sort_by(|one, other| one.0.cmp(&other.0));
    let (shown, next_token) =
        page::page(selected, |(key, _)| key.as_str(), input.max_results, input.next_token.as_deref())?;
    Ok(DescribeTagsOutput { next_token, tags: Some(shown.into_iter().map(|(_, tag)| tag).collect()) })
}

/// The tags given for this kind of resource.
pub(super) fn given(specifications: Option<&[TagSpecification]>, kind: &str) -> Result<Tags, ServiceError> {
    let mut tags = Tags::new();
    for specification in specifications.unwrap_or_default() {
        let wanted = specification.resource_type.as_deref().unwrap_or_default();
        if wanted != kind {
            return Err(ServiceError::new(
                "InvalidParameterValue",
                format!("'{wanted}' is not a valid taggable resource type for this operation."),
            ));
        }
        tags.extend(from_list(specification.tags.as_deref().unwrap_or_default())?);
    }
    check_count(&tags)?;
    Ok(tags)
}

/// Tags as answers have them; nothing when there are none, as EC2 does.
pub(super) fn shown(tags: &Tags) -> Option<Vec<Tag>> {
    let list = || tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) });
    (!tags.is_empty()).then(|| list().collect())
}

fn from_list(list: &[Tag]) -> Result<Tags, ServiceError> {
    let invalid = |message: String| Err(ServiceError::new("InvalidParameterValue", message));
    let mut tags = Tags::new();
    for tag in list {
        let key = tag.key.clone().unwrap_or_default();
        let value = tag.value.clone().unwrap_or_default();
        if key.is_empty() || key.chars().count() > KEY_LENGTH {
            return invalid(format!("Tag keys have 1 to {KEY_LENGTH} characters."));
        }
        if value.chars().count() > VALUE_LENGTH {
            return invalid(format!("Tag value exceeds the maximum length of {VALUE_LENGTH} characters"));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return invalid("Tag keys starting with 'aws:' are reserved for internal use".into());
        }
        tags.insert(key, value);
    }
    Ok(tags)
}

fn check_count(tags: &Tags) -> Result<(), ServiceError> {
    if tags.len() > TAGS_PER_RESOURCE {
        return Err(ServiceError::new(
            "TagLimitExceeded",
            format!("The maximum number of tags for a resource is {TAGS_PER_RESOURCE}."),
        ));
    }
    Ok(())
}

fn access(action: &'static str, owner: Owner<'_>, ids: &[String]) -> Access {
    let resources = ids.iter().map(|id| owner.arn(kind_of(id), id)).collect();
    Access { resources, ..Access::to_any(action) }
}

/// The kind of resource that an id names.
fn kind_of(id: &str) -> &'static str {
    let kinds = [
        (VpcRecord::KIND.prefix, VpcRecord::KIND.name),
        (SubnetRecord::KIND.prefix, SubnetRecord::KIND.name),
        (InternetGatewayRecord::KIND.prefix, InternetGatewayRecord::KIND.name),
        (RouteTableRecord::KIND.prefix, RouteTableRecord::KIND.name),
        (SecurityGroupRecord::KIND.prefix, SecurityGroupRecord::KIND.name),
        (NetworkInterfaceRecord::KIND.prefix, NetworkInterfaceRecord::KIND.name),
        ("sgr", "security-group-rule"),
    ];
    let prefix = id.split('-').next().unwrap_or_default();
    kinds.iter().find(|(known, _)| *known == prefix).map_or("*", |(_, name)| name)
}

fn change_tags<T>(
    state: &mut State,
    owner: Owner<'_>,
    id: &str,
    change: impl FnOnce(&mut Tags) -> T,
) -> Result<T, ServiceError> {
    fn of<R: Resource, T>(
        state: &mut State,
        owner: Owner<'_>,
        id: &str,
        change: impl FnOnce(&mut Tags) -> T,
    ) -> Result<T, ServiceError> {
        if R::table(state).get(id).is_none_or(|record| record.owner() != owner) {
            return Err(missing(&R::KIND, id));
        }
        R::table_mut(state).update(id, |record| change(record.tags_mut())).ok_or_else(|| missing(&R::KIND, id))
    }
    match id.split('-').next().unwrap_or_default() {
        "vpc" => of::<VpcRecord, T>(state, owner, id, change),
        "subnet" => of::<SubnetRecord, T>(state, owner, id, change),
        "igw" => of::<InternetGatewayRecord, T>(state, owner, id, change),
        "rtb" => of::<RouteTableRecord, T>(state, owner, id, change),
        "sg" => of::<SecurityGroupRecord, T>(state, owner, id, change),
        "eni" => of::<NetworkInterfaceRecord, T>(state, owner, id, change),
        "sgr" => {
            let group_id = rules::group_of(state, owner, id)?;
            let changed = state.security_groups.update(&group_id, |group| {
                group.rules.iter_mut().find(|rule| rule.id == id).map(|rule| change(&mut rule.tags))
            });
            changed.flatten().ok_or_else(|| rules::no_such_rule(id))
        }
        _ => Err(ServiceError::new("InvalidID", format!("The ID '{id}' is not valid"))),
    }
}

fn list<R: Resource>(state: &State, owner: Owner<'_>, found: &mut Vec<(String, TagDescription)>) {
    for record in R::table(state).values().filter(|record| record.owner() == owner) {
        describe_one(R::KIND.name, record.id(), record.tags(), found);
    }
}

fn describe_one(kind: &str, id: &str, tags: &Tags, found: &mut Vec<(String, TagDescription)>) {
    for (key, value) in tags {
        let description = TagDescription {
            key: Some(key.clone()),
            resource_id: Some(id.to_owned()),
            resource_type: Some(kind.to_owned()),
            value: Some(value.clone()),
        };
        found.push((format!("{id}/{key}"), description));
    }
}
