//! Users, groups and roles as one: what may be done to the policies, boundary and tags of any is the same.

use std::collections::BTreeMap;

use domain::iam::Caller;

use super::error::{invalid_input, limit_exceeded, no_such_entity, validation};
use super::limits;
use super::name::{arn, key};
use super::record::{Entity, UserRecord};
use crate::store::State;
use crate::{Access, ServiceError};

/// What kind of thing has policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Group,
    Role,
}

impl Kind {
    /// `user`, `role`
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::Role => "Role",
        }
    }
}

/// A user, group or role of the caller's account, there or not.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) kind: Kind,
    pub(super) account: String,
    pub(super) name: String,
}

impl Owner {
    pub(super) fn user(caller: &Caller, name: &str) -> Self {
        Self { kind: Kind::User, account: caller.account.clone(), name: name.to_owned() }
    }

    pub(super) fn group(caller: &Caller, name: &str) -> Self {
        Self { kind: Kind::Group, account: caller.account.clone(), name: name.to_owned() }
    }

    pub(super) fn role(caller: &Caller, name: &str) -> Self {
        Self { kind: Kind::Role, account: caller.account.clone(), name: name.to_owned() }
    }

    pub(super) fn key(&self) -> String {
        key(&self.account, &self.name)
    }

    /// The error when it is not there.
    pub(super) fn missing(&self) -> ServiceError {
        no_such_entity(format!("The {} with name {} cannot be found.", self.kind.word(), self.name))
    }

    /// The error when it is there already.
    pub(super) fn exists(&self) -> ServiceError {
        super::error::already_exists(format!("{} with name {} already exists.", self.kind.title(), self.name))
    }

    pub(super) fn find<'a>(&self, state: &'a State) -> Option<&'a Entity> {
        match self.kind {
            Kind::User => state.iam_users.get(&self.key()).map(|user| &user.entity),
            Kind::Group => state.iam_groups.get(&self.key()).map(|group| &group.entity),
            Kind::Role => state.iam_roles.get(&self.key()).map(|role| &role.entity),
        }
    }

    pub(super) fn get<'a>(&self, state: &'a State) -> Result<&'a Entity, ServiceError> {
        self.find(state).ok_or_else(|| self.missing())
    }

    /// An error for a role that belongs to an AWS service.
    pub(super) fn check_own(&self, state: &State) -> Result<(), ServiceError> {
        let entity = self.get(state)?;
        if self.kind == Kind::Role && entity.path.starts_with(domain::iam::SERVICE_LINKED_PATH) {
            return Err(ServiceError::new(
                "UnmodifiableEntity",
                format!(
                    "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
                    entity.name
                ),
            ));
        }
        Ok(())
    }

    pub(super) fn change<T>(
        &self,
        state: &mut State,
        change: impl FnOnce(&mut Entity) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let key = self.key();
        match self.kind {
            Kind::User => state.iam_users.update(&key, |user| change(&mut user.entity)),
            Kind::Group => state.iam_groups.update(&key, |group| change(&mut group.entity)),
            Kind::Role => state.iam_roles.update(&key, |role| change(&mut role.entity)),
        }
        .unwrap_or_else(|| Err(self.missing()))
    }

    /// The same of a user, with what only users have.
    pub(super) fn change_user<T>(
        &self,
        state: &mut State,
        change: impl FnOnce(&mut UserRecord) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        state.iam_users.update(&self.key(), change).unwrap_or_else(|| Err(self.missing()))
    }

    /// The access an action on it needs; for one that is not there its ARN is guessed with the path `/`, as AWS does.
    pub(super) fn access(&self, action: &'static str, state: &State) -> Access {
        match self.find(state) {
            Some(entity) => tagged(Access::to(action, &entity.arn), &entity.tags),
            None => Access::to(action, arn(&self.account, self.kind.word(), "/", &self.name)),
        }
    }
}

/// The access with the tags of its resource.
pub(super) fn tagged(access: Access, tags: &BTreeMap<String, String>) -> Access {
    access.with_resource_tags("aws:ResourceTag", tags).with_resource_tags("iam:ResourceTag", tags)
}

/// The access with the tags that the request brings.
pub(super) fn requesting_tags(access: Access, tags: Option<&[api::iam::Tag]>) -> Access {
    access.with_request_tags(tags.unwrap_or_default().iter().map(|tag| (&tag.key, &tag.value)))
}

/// The tags of a request as the store keeps them.
pub(super) fn tags(given: Option<&[api::iam::Tag]>) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut tags = BTreeMap::new();
    add_tags(&mut tags, given.unwrap_or_default())?;
    Ok(tags)
}

/// Adds tags; a key replaces one that differs only in case.
pub(super) fn add_tags(tags: &mut BTreeMap<String, String>, given: &[api::iam::Tag]) -> Result<(), ServiceError> {
    for (index, tag) in given.iter().enumerate() {
        check_characters(&tag.key, index, "key", "+")?;
        check_characters(&tag.value, index, "value", "*")?;
        if given[..index].iter().any(|earlier| earlier.key.eq_ignore_ascii_case(&tag.key)) {
            return Err(invalid_input("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid_input("aws: prefixed tag key names are not allowed for external use."));
        }
        tags.retain(|known, _| !known.eq_ignore_ascii_case(&tag.key));
        tags.insert(tag.key.clone(), tag.value.clone());
    }
    if tags.len() > limits::TAGS {
        return Err(limit_exceeded("The number of tags has reached the maximum limit."));
    }
    Ok(())
}

/// Letters, digits and spaces of any language, and some signs: what the models' patterns ask of tags.
fn check_characters(text: &str, index: usize, member: &str, repetition: &str) -> Result<(), ServiceError> {
    let allowed = |character: char| character.is_alphanumeric() || character == ' ' || "_.:/=+-@".contains(character);
    if text.chars().all(allowed) {
        return Ok(());
    }
    Err(validation(format!(
        "1 validation error detected: Value at 'tags.{}.member.{member}' failed to satisfy constraint: Member must \
         satisfy regular expression pattern: [\\p{{L}}\\p{{Z}}\\p{{N}}_.:/=+\\-@]{repetition}",
        index + 1
    )))
}

/// Tags as answers carry them.
pub(super) fn tag_list(tags: &BTreeMap<String, String>) -> Vec<api::iam::Tag> {
    tags.iter().map(|(key, value)| api::iam::Tag { key: key.clone(), value: value.clone() }).collect()
}
