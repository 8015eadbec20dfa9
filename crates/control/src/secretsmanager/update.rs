//! UpdateSecret: description, kind, key, value.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::secretsmanager::{UpdateSecretInput, UpdateSecretOutput};
use domain::iam::Caller;
use domain::secrets::{CURRENT, region_of};

use super::envelope::{self, Value};
use super::lookup::{Secrets, change};
use super::record::{SecretRecord, VersionRecord};
use super::{error, values};
use crate::prepared::{PREPARATIONS, Unmade, too_busy};
use crate::store::State;
use crate::{App, Authorized, Request, ServiceError};

/// UpdateSecret.
pub(super) async fn run(
    app: Arc<App>,
    request: Request<UpdateSecretInput>,
) -> Result<UpdateSecretOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let mut access = Secrets::new(&app, state, caller).access("secretsmanager:UpdateSecret", &input.secret_id);
        if let Some(description) = &input.description {
            access = access.with_context("secretsmanager:Description", description);
        }
        if let Some(key_id) = &input.kms_key_id {
            access = envelope::with_key(&app, state, caller, access, key_id);
        }
        if let Some(kind) = &input.r#type {
            access = access.with_context("secretsmanager:Type", kind);
        }
        Ok(access)
    })?;
    let value = Value::given(input.secret_string.as_ref(), input.secret_binary)?;
    let version_id = match (&value, input.client_request_token) {
        (Some(_), None) => return Err(error::no_token("InvalidRequestException")),
        (_, token) => token.unwrap_or_default(),
    };
    let secret = Secrets::new(&app, &app.store.read(), &caller).find_usable(&input.secret_id)?;
    if secret.primary_arn.is_some() && (value.is_some() || input.description.is_some() || input.r#type.is_some()) {
        return Err(error::is_replica());
    }
    if let Some(key_id) = input.kms_key_id {
        change_key(&app, &caller, &secret.arn, envelope::customer_key(Some(key_id))).await?;
    }
    if input.description.is_some() || input.r#type.is_some() {
        change(&app, &caller, &secret.arn, |secret| {
            secret.description = input.description.or(secret.description.take());
            secret.kind = input.r#type.or(secret.kind.take());
            Ok(())
        })
        .await?;
    }
    let version_id = match &value {
        Some(value) => {
            let stages = [CURRENT.to_owned()];
            values::add_version(&app, &caller, &secret.arn, &version_id, value, &stages).await?;
            Some(version_id)
        }
        None => None,
    };
    Ok(UpdateSecretOutput { arn: Some(secret.arn.clone()), name: Some(secret.name.clone()), version_id })
}

/// Another key from now on: every version that has a label is sealed again under it.
async fn change_key(
    app: &Arc<App>,
    caller: &Caller,
    arn: &str,
    kms_key_id: Option<String>,
) -> Result<(), ServiceError> {
    for _ in 0..PREPARATIONS {
        let secret = Secrets::new(app, &app.store.read(), caller).find_usable(arn)?;
        if kms_key_id == secret.kms_key_id {
            return Ok(());
        }
        let key_id = envelope::key_of(app, caller, &secret.account, kms_key_id.as_deref()).await?;
        envelope::validate_key_access(app, caller, arn, &key_id).await?;
        let mut sealed_again: BTreeMap<String, VersionRecord> = BTreeMap::new();
        for (version_id, version) in secret.versions.iter().filter(|(id, _)| !secret.stages.of(id).is_empty()) {
            let value = envelope::open(app, caller, &secret, version_id, version).await?;
            let again = envelope::seal(app, caller, arn, version_id, &key_id, &value).await?;
            let again = VersionRecord { created_at: version.created_at, accessed_on: version.accessed_on, ..again };
            sealed_again.insert(version_id.clone(), again);
        }
        let changed = app.store.write(|state| {
            let now = Secrets::new(app, state, caller).find_usable(arn)?;
            let labelled = now.stages.by_version().into_keys().filter(|id| now.versions.contains_key(id));
            if now.kms_key_id != secret.kms_key_id || !labelled.eq(sealed_again.keys().cloned()) {
                return Err(Unmade::Stale);
            }
            put_key(app, state, &now, kms_key_id.clone(), sealed_again);
            Ok(())
        });
        match changed.await {
            Err(Unmade::Stale) => {}
            Err(Unmade::Refused(error)) => return Err(error),
            Ok(()) => return Ok(()),
        }
    }
    Err(too_busy("InternalServiceError"))
}

fn put_key(
    app: &App,
    state: &mut State,
    secret: &SecretRecord,
    kms_key_id: Option<String>,
    sealed_again: BTreeMap<String, VersionRecord>,
) {
    // The key is the one thing of a replica that is changed by itself; its primary knows of it.
    let region = region_of(&secret.arn);
    if let Some(primary) = &secret.primary_arn {
        state.secrets.update(primary, |primary| {
            if let Some(replica) = primary.replicas.get_mut(region) {
                replica.kms_key_id.clone_from(&kms_key_id);
            }
        });
    }
    state.secrets.update(&secret.arn, |secret| {
        secret.kms_key_id = kms_key_id;
        secret.changed_at = app.now();
        // A version's value never changes, so what was sealed again is still what it is.
        secret.versions.extend(sealed_again);
    });
}
