//! Who uses a managed policy.

use std::sync::Arc;

use api::iam::{ListEntitiesForPolicyInput, ListEntitiesForPolicyOutput, PolicyGroup, PolicyRole, PolicyUser};

use super::page::page;
use super::policy;
use super::record::Entity;
use crate::store::State;
use crate::{App, Authorized, Request, ServiceError};

/// How often a policy is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// As an attached policy.
    pub(super) attachments: i32,
    /// As a permissions boundary.
    pub(super) boundaries: i32,
}

impl Uses {
    /// Counts the uses of one policy.
    pub(super) fn of(state: &State, arn: &str) -> Self {
        entities(state).fold(Self::default(), |uses, entity| Self {
            attachments: uses.attachments + i32::from(entity.attached.iter().any(|attached| attached == arn)),
            boundaries: uses.boundaries + i32::from(entity.boundary.as_deref() == Some(arn)),
        })
    }
}

fn entities(state: &State) -> impl Iterator<Item = &Entity> {
    let users = state.iam_users.values().map(|user| &user.entity);
    let groups = state.iam_groups.values().map(|group| &group.entity);
    users.chain(groups).chain(state.iam_roles.values().map(|role| &role.entity))
}

/// A user, group or role that uses the policy.
enum UsedBy {
    User(PolicyUser),
    Group(PolicyGroup),
    Role(PolicyRole),
}

/// `ListEntitiesForPolicy`
pub(super) async fn list_entities(
    app: Arc<App>,
    request: Request<ListEntitiesForPolicyInput>,
) -> Result<ListEntitiesForPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request
        .authorize(&app, |input, state, _| Ok(policy::access("iam:ListEntitiesForPolicy", state, &input.policy_arn)))?;
    let state = app.store.read();
    let arn = policy::find(&state, &input.policy_arn)?.arn.as_str();
    let wanted = input.path_prefix.as_deref().unwrap_or("/");
    let is_user_of = |entity: &Entity| {
        entity.path.starts_with(wanted)
            && match input.policy_usage_filter.as_deref() {
                Some("PermissionsBoundary") => entity.boundary.as_deref() == Some(arn),
                Some(_) => entity.attached.iter().any(|attached| attached == arn),
                None => entity.boundary.as_deref() == Some(arn) || entity.attached.iter().any(|one| one == arn),
            }
    };
    let kind = input.entity_filter.as_deref();
    let is_wanted = |name: &str| kind.is_none_or(|kind| kind == name);
    let prefix = format!("{}/", caller.account);
    let users =
        state.iam_users.with_prefix(&prefix).filter(|(_, user)| is_wanted("User") && is_user_of(&user.entity)).map(
            |(key, user)| {
                let entity = &user.entity;
                let user = PolicyUser { user_name: Some(entity.name.clone()), user_id: Some(entity.id.clone()) };
                (format!("user/{key}"), UsedBy::User(user))
            },
        );
    let roles =
        state.iam_roles.with_prefix(&prefix).filter(|(_, role)| is_wanted("Role") && is_user_of(&role.entity)).map(
            |(key, role)| {
                let entity = &role.entity;
                let role = PolicyRole { role_name: Some(entity.name.clone()), role_id: Some(entity.id.clone()) };
                (format!("role/{key}"), UsedBy::Role(role))
            },
        );
    let groups = state.iam_groups.with_prefix(&prefix);
    let groups = groups.filter(|(_, group)| is_wanted("Group") && is_user_of(&group.entity)).map(|(key, group)| {
        let entity = &group.entity;
        let group = PolicyGroup { group_name: Some(entity.name.clone()), group_id: Some(entity.id.clone()) };
        (format!("group/{key}"), UsedBy::Group(group))
    });
    let page = page(groups.chain(roles).chain(users), input.marker.as_deref(), input.max_items)?;
    let mut output = ListEntitiesForPolicyOutput {
        policy_groups: Some(Vec::new()),
        policy_users: Some(Vec::new()),
        policy_roles: Some(Vec::new()),
        is_truncated: page.is_truncated,
        marker: page.marker,
    };
    for item in page.items {
        match item {
            UsedBy::User(user) => output.policy_users.get_or_insert_default().push(user),
            UsedBy::Group(group) => output.policy_groups.get_or_insert_default().push(group),
            UsedBy::Role(role) => output.policy_roles.get_or_insert_default().push(role),
        }
    }
    Ok(output)
}
