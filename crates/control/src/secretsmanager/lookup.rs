//! Which secret a `SecretId` names, and the access a call on it needs.

use std::sync::Arc;

use domain::iam::Caller;
use domain::secrets::{is_valid_name, region_of, secret_arn};

use super::error;
use super::record::SecretRecord;
use super::replication::{Copies, mirror};
use crate::store::{State, StoreError};
use crate::{Access, App, ServiceError};

/// The secrets as one caller sees them: names are of the caller's account and this region.
#[derive(Clone, Copy)]
pub(super) struct Secrets<'a> {
    app: &'a App,
    state: &'a State,
    caller: &'a Caller,
}

impl<'a> Secrets<'a> {
    pub(super) fn new(app: &'a App, state: &'a State, caller: &'a Caller) -> Self {
        Self { app, state, caller }
    }

    /// The secret of a name, an ARN, or an ARN without the six characters at its end.
    pub(super) fn find(&self, secret_id: &str) -> Result<Arc<SecretRecord>, ServiceError> {
        let found = if secret_id.starts_with("arn:") {
            let here = Some(secret_id).filter(|arn| region_of(arn) == self.caller.region);
            here.and_then(|arn| self.state.secrets.get(arn).or_else(|| self.by_partial_arn(arn)))
        } else if !is_valid_name(secret_id) {
            return Err(error::invalid_name());
        } else {
            let partial = secret_arn(&self.caller.region, &self.caller.account, secret_id, "");
            self.by_partial_arn(partial.strip_suffix('-').unwrap_or(&partial)).filter(|secret| secret.name == secret_id)
        };
        let now = self.app.now();
        found.filter(|secret| !secret.is_gone(now)).cloned().ok_or_else(|| error::not_found(secret_id))
    }

    /// The same, unless the secret is scheduled for deletion.
    pub(super) fn find_usable(&self, secret_id: &str) -> Result<Arc<SecretRecord>, ServiceError> {
        let secret = self.find(secret_id)?;
        if secret.deletion_at.is_some() { Err(error::marked_for_deletion(&secret.arn)) } else { Ok(secret) }
    }

    /// The same, unless it is a replica: those are changed where their primary is.
    pub(super) fn find_primary(&self, secret_id: &str) -> Result<Arc<SecretRecord>, ServiceError> {
        let secret = self.find(secret_id)?;
        if secret.primary_arn.is_some() { Err(error::is_replica()) } else { self.find_usable(secret_id) }
    }

    /// The secret whose ARN is this with a hyphen and six characters more.
    fn by_partial_arn(&self, partial: &str) -> Option<&'a Arc<SecretRecord>> {
        let first = format!("{partial}-");
        let now = self.app.now();
        let state = self.state;
        let arn = state
            .secrets
            .with_prefix(&first)
            .filter(|(_, secret)| !secret.is_gone(now))
            .find(|(arn, _)| arn.len() == first.len() + 6)
            .map(|(arn, _)| arn.to_owned())?;
        state.secrets.get(&arn)
    }

    /// The access to a secret. Who may not even ask for an unknown one is told so, everyone else that it is unknown.
    pub(super) fn access(&self, action: &'static str, secret_id: &str) -> Access {
        let Ok(secret) = self.find(secret_id) else { return Access::to(action, secret_id) };
        let mut access = Access::to(action, &secret.arn)
            .with_resource_policy(secret.policy.clone())
            .with_context("secretsmanager:SecretId", &secret.arn)
            .with_context(
                "secretsmanager:SecretPrimaryRegion",
                secret.primary_region().unwrap_or(region_of(&secret.arn)),
            );
        if let Some(lambda_arn) = secret.rotation.as_ref().and_then(|rotation| rotation.lambda_arn.as_ref()) {
            access = access.with_context("secretsmanager:resource/AllowRotationLambdaArn", lambda_arn);
        }
        if let Some(kind) = &secret.kind {
            access = access.with_context("secretsmanager:resource/Type", kind);
        }
        access
            .with_resource_tags("aws:ResourceTag", &secret.tags)
            .with_resource_tags("secretsmanager:ResourceTag", &secret.tags)
    }
}

/// Changes one secret that is not scheduled for deletion and is no replica; its replicas change with it.
pub(super) async fn change<T>(
    app: &App,
    caller: &Caller,
    secret_id: &str,
    change: impl FnOnce(&mut SecretRecord) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    change_with(app, caller, secret_id, Copies::new(), |_, secret| change(secret)).await
}

/// The same with versions that are new, sealed for the replicas; `change` sees the state it decides on.
pub(super) async fn change_with<T, E: From<ServiceError> + From<StoreError>>(
    app: &App,
    caller: &Caller,
    secret_id: &str,
    copies: Copies,
    change: impl FnOnce(&State, &mut SecretRecord) -> Result<T, E>,
) -> Result<T, E> {
    app.store
        .write(|state| {
            let mut secret = SecretRecord::clone(&*Secrets::new(app, state, caller).find_primary(secret_id)?);
            let value = change(state, &mut secret)?;
            secret.changed_at = app.now();
            mirror(state, &mut secret, copies);
            let arn = secret.arn.clone();
            state.secrets.put(&arn, secret);
            Ok(value)
        })
        .await
}
