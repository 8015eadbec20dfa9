//! Which key a `KeyId` names, and the access a call on it needs.

use std::sync::Arc;

use domain::iam::Caller;
use domain::kms::{EncryptionContext, KeyReference, KeyReferenceError, policy_with_grants};

use super::error;
use super::record::{GrantRecord, KeyRecord};
use crate::request::ResourcePolicyRule;
use crate::store::State;
use crate::{Access, App, ServiceError};

/// The keys as one caller sees them: names without an ARN are of the caller's account and this region.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a> {
    app: &'a App,
    state: &'a State,
    caller: &'a Caller,
}

impl<'a> Keys<'a> {
    pub(crate) fn new(app: &'a App, state: &'a State, caller: &'a Caller) -> Self {
        Self { app, state, caller }
    }

    /// The key that an id, ARN, alias or alias ARN names.
    pub(crate) fn find(&self, key_id: &str) -> Result<Arc<KeyRecord>, ServiceError> {
        let arn = match KeyReference::parse(key_id, &self.caller.region, &self.caller.account)? {
            KeyReference::Key(arn) => arn,
            KeyReference::Alias(arn) => {
                self.state.kms_aliases.get(&arn).ok_or_else(|| error::alias_not_found(&arn))?.target_arn.clone()
            }
        };
        self.at(&arn).ok_or_else(|| error::key_not_found(&arn))
    }

    /// The key that an id or ARN names. Operations that change a key or show its settings take no alias, as on AWS.
    pub(crate) fn find_without_alias(&self, key_id: &str) -> Result<Arc<KeyRecord>, ServiceError> {
        match KeyReference::parse(key_id, &self.caller.region, &self.caller.account)? {
            KeyReference::Key(_) => self.find(key_id),
            KeyReference::Alias(_) if key_id.starts_with("arn:") => {
                Err(KeyReferenceError::Arn(key_id.to_owned()).into())
            }
            KeyReference::Alias(_) => Err(KeyReferenceError::KeyId(key_id.to_owned()).into()),
        }
    }

    /// The key of this ARN, unless its time is over or the call is made in another region.
    pub(crate) fn at(&self, arn: &str) -> Option<Arc<KeyRecord>> {
        let is_here = arn.split(':').nth(3) == Some(self.caller.region.as_str());
        self.state.kms_keys.get(arn).filter(|key| is_here && !key.is_gone(self.app.now())).cloned()
    }

    /// The access to a key for an action without an encryption context.
    pub(crate) fn access(&self, action: &'static str, key_id: &str) -> Access {
        self.access_with(action, key_id, None)
    }

    /// The access to a key for a cryptographic action.
    pub(crate) fn access_in(&self, action: &'static str, key_id: &str, context: &EncryptionContext) -> Access {
        let mut access = self.access_with(action, key_id, Some(context));
        for (name, value) in context.iter() {
            access = access
                .with_context(format!("kms:EncryptionContext:{name}"), value)
                .with_context("kms:EncryptionContextKeys", name);
        }
        access
    }

    /// An unknown key has no policy; who may not even ask for it is told so, everyone else is told that it is unknown.
    fn access_with(&self, action: &'static str, key_id: &str, context: Option<&EncryptionContext>) -> Access {
        let access = match self.find(key_id) {
            Ok(key) => self.access_to(&key, action, context),
            Err(_) => match KeyReference::parse(key_id, &self.caller.region, &self.caller.account) {
                Ok(KeyReference::Key(arn) | KeyReference::Alias(arn)) => Access::to(action, arn),
                Err(_) => Access::to(action, key_id),
            },
        };
        if key_id.contains("alias/") { access.with_context("kms:RequestAlias", alias_name(key_id)) } else { access }
    }

    fn access_to(&self, key: &KeyRecord, action: &'static str, context: Option<&EncryptionContext>) -> Access {
        let grants = self.grants(&key.arn);
        let policy = policy_with_grants(&key.policy, grants.iter().map(|grant| &**grant), action, context);
        let mut access = Access::to(action, &key.arn)
            .with_resource_policy(Some(policy))
            .with_context("kms:KeySpec", &key.spec)
            .with_context("kms:KeyUsage", &key.usage)
            .with_context("kms:KeyOrigin", "AWS_KMS")
            .with_context("kms:MultiRegion", key.multi_region.to_string());
        access.resource_policy_rule = ResourcePolicyRule::MustAllow;
        for alias in self.state.kms_aliases.values().filter(|alias| alias.target_arn == key.arn) {
            access = access.with_context("kms:ResourceAliases", &alias.name);
        }
        for (name, value) in &key.tags {
            access = access.with_context(format!("aws:ResourceTag/{name}"), value);
        }
        access
    }

    /// The grants on a key.
    fn grants(&self, key_arn: &str) -> Vec<Arc<GrantRecord>> {
        let first = format!("{key_arn}/grant/");
        self.state.kms_grants.with_prefix(&first).map(|(_, grant)| Arc::clone(grant)).collect()
    }
}

fn alias_name(key_id: &str) -> &str {
    key_id.find("alias/").map_or(key_id, |at| &key_id[at..])
}

/// Changes one key.
pub(super) async fn change<T>(
    app: &App,
    caller: &Caller,
    key_id: &str,
    change: impl FnOnce(&mut KeyRecord) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    app.store
        .write(|state| {
            let mut key = KeyRecord::clone(&*Keys::new(app, state, caller).find_without_alias(key_id)?);
            let value = change(&mut key)?;
            let arn = key.arn.clone();
            state.kms_keys.put(&arn, key);
            Ok(value)
        })
        .await
}
