//! Which key a `KeyId` names, and the access a call on it needs.

use std::sync::Arc;

use domain::iam::Caller;
use domain::kms::{
    EncryptionContext, KeyReference, KeyReferenceError, KeySpec, KeyUsage, has_operation, key_arn, policy_with_grants,
};

use super::record::{GrantRecord, KeyRecord};
use super::{error, replicas};
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

    /// The key of this ARN as it is now, unless its time is over or the call is made in another region.
    pub(crate) fn at(&self, arn: &str) -> Option<Arc<KeyRecord>> {
        let now = self.app.now();
        let is_here = arn.split(':').nth(3) == Some(self.caller.region.as_str());
        let key = self.state.kms_keys.get(arn).filter(|key| is_here && !key.is_gone(now))?;
        if !key.has_expired_material(now) {
            return Some(Arc::clone(key));
        }
        let mut key = KeyRecord::clone(key);
        key.expire_material(now);
        Some(Arc::new(key))
    }

    /// The key for a cryptographic operation (`Sign`): usable, and of the usage that the operation needs.
    pub(crate) fn find_for(&self, operation: &str, key_id: &str) -> Result<Arc<KeyRecord>, ServiceError> {
        let key = self.find(key_id)?;
        check_usable(&key, operation)?;
        Ok(key)
    }

    /// The ARN under which this region has the key that made a ciphertext: its own, or that of the multi-Region key of
    /// which it is one.
    pub(crate) fn local(&self, arn: &str) -> String {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        match parts[..] {
            [_, _, _, _, account, resource] if resource.starts_with("key/mrk-") => {
                key_arn(&self.caller.region, account, resource.trim_start_matches("key/"))
            }
            _ => arn.to_owned(),
        }
    }

    /// The access to a key for an action without an encryption context.
    pub(crate) fn access(&self, action: &'static str, key_id: &str) -> Access {
        self.access_with(action, key_id, None)
    }

    /// The access to a key, with those grants that say enough.
    pub(crate) fn access_by_grants(
        &self,
        action: &'static str,
        key_id: &str,
        enough: impl Fn(&GrantRecord) -> bool,
    ) -> Access {
        let mut access = self.access(action, key_id);
        if let Ok(key) = self.find(key_id) {
            let grants = self.grants(&key.arn);
            let grants = grants.iter().map(|grant| &**grant).filter(|grant| enough(grant));
            access.resource_policy = Some(policy_with_grants(&key.policy, grants, action, None));
        }
        access
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

    pub(super) fn access_to(
        &self,
        key: &KeyRecord,
        action: &'static str,
        context: Option<&EncryptionContext>,
    ) -> Access {
        let grants = self.grants(&key.arn);
        let policy = policy_with_grants(&key.policy, grants.iter().map(|grant| &**grant), action, context);
        let mut access = Access::to(action, &key.arn)
            .with_resource_policy(Some(policy))
            .with_context("kms:KeySpec", key.spec.name())
            .with_context("kms:KeyUsage", key.usage.name())
            .with_context("kms:KeyOrigin", key.origin.name())
            .with_context("kms:MultiRegion", key.multi_region.to_string())
            .with_resource_tags("aws:ResourceTag", &key.tags);
        access.resource_policy_rule = ResourcePolicyRule::MustAllow;
        for alias in self.state.kms_aliases.values().filter(|alias| alias.target_arn == key.arn) {
            access = access.with_context("kms:ResourceAliases", &alias.name);
        }
        access
    }

    /// The grants on a key.
    fn grants(&self, key_arn: &str) -> Vec<Arc<GrantRecord>> {
        let first = format!("{key_arn}/grant/");
        self.state.kms_grants.with_prefix(&first).map(|(_, grant)| Arc::clone(grant)).collect()
    }
}

/// Whether the key may be used for a cryptographic operation.
///
/// # Errors
/// The key's state, or `InvalidKeyUsageException`.
pub(super) fn check_usable(key: &KeyRecord, operation: &str) -> Result<(), ServiceError> {
    key.state.usable(&key.arn)?;
    let has = match operation {
        // A data key is refused to an RSA key by its algorithm.
        name if name.starts_with("GenerateDataKey") => key.usage == KeyUsage::EncryptDecrypt,
        name => has_operation(name, key.usage, key.spec),
    };
    if has {
        return Ok(());
    }
    let usage = key.usage.name();
    let message = format!("{} key usage is {usage} which is not valid for {operation}.", key.arn);
    Err(ServiceError::new("InvalidKeyUsageException", message))
}

/// Whether the key works with the algorithm.
///
/// # Errors
/// `InvalidKeyUsageException`.
pub(super) fn check_algorithm(key: &KeyRecord, algorithm: &str) -> Result<(), ServiceError> {
    if key.spec.algorithms(key.usage).contains(&algorithm) {
        return Ok(());
    }
    Err(incompatible(algorithm, key.spec))
}

/// The algorithm is for keys of another spec.
pub(super) fn incompatible(algorithm: &str, spec: KeySpec) -> ServiceError {
    let message = format!("Algorithm {algorithm} is incompatible with key spec {}.", spec.name());
    ServiceError::new("InvalidKeyUsageException", message)
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
            replicas::put_with_replicas(state, key);
            Ok(value)
        })
        .await
}
