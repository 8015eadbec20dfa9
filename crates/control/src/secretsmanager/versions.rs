//! UpdateSecretVersionStage, ListSecretVersionIds, and how many versions and labels there may be.

use std::sync::Arc;

use api::secretsmanager::{
    ListSecretVersionIdsInput, ListSecretVersionIdsOutput, SecretVersionsListEntry, UpdateSecretVersionStageInput,
    UpdateSecretVersionStageOutput,
};
use domain::secrets::StageError;
use wire::Timestamp;

use super::error;
use super::lookup::{Secrets, change};
use super::page::page;
use super::record::SecretRecord;
use crate::limits::{DEPRECATED_VERSION_SECONDS, SECRET_PAGE_ITEMS, SECRET_VERSIONS, VERSION_STAGES};
use crate::{App, Authorized, Request, ServiceError};

/// UpdateSecretVersionStage: moves a label by hand.
pub(super) async fn update_stage(
    app: Arc<App>,
    request: Request<UpdateSecretVersionStageInput>,
) -> Result<UpdateSecretVersionStageOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access =
            Secrets::new(&app, state, caller).access("secretsmanager:UpdateSecretVersionStage", &input.secret_id);
        Ok(access.with_context("secretsmanager:VersionStage", &input.version_stage))
    })?;
    let (arn, name) = change(&app, &caller, &input.secret_id, |secret| {
        let (from, to) = (input.remove_from_version_id.as_deref(), input.move_to_version_id.as_deref());
        // A version that a rotation only announced has a label, which can be taken from it, but no value.
        let announced = |id: &&str| !secret.stages.of(id).is_empty();
        let unknown = |id: &&str| !secret.versions.contains_key(*id);
        if let Some(id) = to.filter(unknown).or(from.filter(|id| unknown(id) && !announced(id))) {
            return Err(error::version_not_found(&secret.arn, &format!("VersionId: {id}")));
        }
        secret.stages.move_by_hand(&input.version_stage, from, to)?;
        if let Some(to) = to {
            check_labels(secret, to)?;
        }
        Ok((secret.arn.clone(), secret.name.clone()))
    })
    .await?;
    Ok(UpdateSecretVersionStageOutput { arn: Some(arn), name: Some(name) })
}

impl From<StageError> for ServiceError {
    fn from(error: StageError) -> Self {
        error::invalid_parameter(error.to_string())
    }
}

/// ListSecretVersionIds.
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListSecretVersionIdsInput>,
) -> Result<ListSecretVersionIdsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Secrets::new(&app, state, caller).access("secretsmanager:ListSecretVersionIds", &input.secret_id))
    })?;
    let secret = Secrets::new(&app, &app.store.read(), &caller).find(&input.secret_id)?;
    let entries = secret.versions.iter().filter_map(|(id, version)| {
        let stages = secret.stages.of(id);
        let shown = !stages.is_empty() || input.include_deprecated == Some(true);
        let entry = SecretVersionsListEntry {
            version_id: Some(id.clone()),
            version_stages: (!stages.is_empty()).then_some(stages),
            last_accessed_date: app.last_accesses.of_version(&secret, id),
            created_date: Some(version.created_at),
            kms_key_ids: Some(vec![secret.kms_key_id.clone().unwrap_or_else(|| "DefaultEncryptionKey".into())]),
        };
        shown.then_some((id.as_str(), entry))
    });
    let token = input.next_token.as_deref();
    let (versions, next_token) = page(entries, token, input.max_results, SECRET_PAGE_ITEMS)?;
    Ok(ListSecretVersionIdsOutput {
        versions: Some(versions),
        next_token,
        arn: Some(secret.arn.clone()),
        name: Some(secret.name.clone()),
    })
}

/// A version may not have too many labels.
pub(super) fn check_labels(secret: &SecretRecord, version_id: &str) -> Result<(), ServiceError> {
    if secret.stages.of(version_id).len() > VERSION_STAGES {
        let message = format!("A secret version can have at most {VERSION_STAGES} staging labels.");
        return Err(ServiceError::new("LimitExceededException", message));
    }
    Ok(())
}

/// Drops the oldest versions without a label when there are too many, but none of the last day.
pub(super) fn drop_deprecated(secret: &mut SecretRecord, now: Timestamp) {
    let mut deprecated: Vec<(Timestamp, String)> = secret
        .versions
        .iter()
        .filter(|(id, version)| {
            secret.stages.of(id).is_empty() && version.created_at.plus_seconds(DEPRECATED_VERSION_SECONDS) < now
        })
        .map(|(id, version)| (version.created_at, id.clone()))
        .collect();
    deprecated.sort_unstable();
    let surplus = secret.versions.len().saturating_sub(SECRET_VERSIONS);
    for (_, id) in deprecated.into_iter().take(surplus) {
        secret.versions.remove(&id);
    }
}
