//! DeleteSecret, RestoreSecret, and the end of the recovery window.

use std::sync::Arc;

use api::secretsmanager::{DeleteSecretInput, DeleteSecretOutput, RestoreSecretInput, RestoreSecretOutput};
use domain::deletion;
use domain::iam::Caller;
use domain::secrets::{secret_arn, suffix};
use wire::Timestamp;

use super::error;
use super::lookup::Secrets;
use super::record::SecretRecord;
use crate::store::State;
use crate::{App, Authorized, Request, ServiceError};

const DAY_SECONDS: i64 = 24 * 3600;

/// DeleteSecret: after a recovery window, or at once.
pub(crate) async fn delete(
    app: Arc<App>,
    request: Request<DeleteSecretInput>,
) -> Result<DeleteSecretOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let mut access = Secrets::new(&app, state, caller).access("secretsmanager:DeleteSecret", &input.secret_id);
        if let Some(days) = input.recovery_window_in_days {
            access = access.with_context("secretsmanager:RecoveryWindowInDays", days.to_string());
        }
        if let Some(force) = input.force_delete_without_recovery {
            access = access.with_context("secretsmanager:ForceDeleteWithoutRecovery", force.to_string());
        }
        Ok(access)
    })?;
    let days = deletion::window_days(input.recovery_window_in_days).ok_or_else(|| {
        error::invalid_parameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
    })?;
    let force = input.force_delete_without_recovery == Some(true);
    if force && input.recovery_window_in_days.is_some() {
        return Err(error::invalid_parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    if force {
        return delete_now(&app, &caller, &input.secret_id).await;
    }
    let deletion_at = app.now().plus_seconds(days * DAY_SECONDS);
    app.store
        .write(|state| {
            let secret = Secrets::new(&app, state, &caller).find(&input.secret_id)?;
            check_deletable(&secret)?;
            if secret.deletion_at.is_some() {
                return Err(error::invalid_request(
                    "You can't perform this operation on the secret because it was already scheduled for deletion.",
                ));
            }
            schedule(state, app.now(), &secret.arn, Some(deletion_at));
            Ok(DeleteSecretOutput {
                arn: Some(secret.arn.clone()),
                name: Some(secret.name.clone()),
                deletion_date: Some(deletion_at),
            })
        })
        .await
}

fn schedule(state: &mut State, now: Timestamp, arn: &str, deletion_at: Option<Timestamp>) {
    state.secrets.update(arn, |secret| {
        secret.deletion_at = deletion_at;
        secret.changed_at = now;
    });
}

/// A replica is removed where its primary is, and a primary only when it has no replica left.
fn check_deletable(secret: &SecretRecord) -> Result<(), ServiceError> {
    if secret.primary_arn.is_some() {
        return Err(error::is_replica());
    }
    if !secret.replicas.is_empty() {
        let regions: Vec<&str> = secret.replicas.keys().map(String::as_str).collect();
        return Err(error::invalid_parameter(format!(
            "You can't delete secret {} that still has replica regions [{}].",
            secret.arn,
            regions.join(", ")
        )));
    }
    Ok(())
}

/// Deletes a secret at once. An unknown one is no error: the caller wants it not to be there.
async fn delete_now(app: &App, caller: &Caller, secret_id: &str) -> Result<DeleteSecretOutput, ServiceError> {
    let deletion_date = Some(app.now());
    app.store
        .write(|state| {
            match Secrets::new(app, state, caller).find(secret_id) {
                Ok(secret) => {
                    check_deletable(&secret)?;
                    state.secrets.remove(&secret.arn);
                    let (arn, name) = (Some(secret.arn.clone()), Some(secret.name.clone()));
                    return Ok(DeleteSecretOutput { arn, name, deletion_date });
                }
                Err(error) if error.code == "ResourceNotFoundException" => {}
                Err(error) => return Err(error),
            }
            if secret_id.starts_with("arn:") {
                let name = secret_id.splitn(7, ':').last().map(str::to_owned);
                return Ok(DeleteSecretOutput { arn: Some(secret_id.to_owned()), name, deletion_date });
            }
            let suffix = suffix(app.random_bytes());
            let arn = secret_arn(&caller.region, &caller.account, secret_id, &suffix);
            Ok(DeleteSecretOutput { arn: Some(arn), name: Some(secret_id.to_owned()), deletion_date })
        })
        .await
}

/// RestoreSecret.
pub(super) async fn restore(
    app: Arc<App>,
    request: Request<RestoreSecretInput>,
) -> Result<RestoreSecretOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Secrets::new(&app, state, caller).access("secretsmanager:RestoreSecret", &input.secret_id))
    })?;
    app.store
        .write(|state| {
            let secret = Secrets::new(&app, state, &caller).find(&input.secret_id)?;
            if secret.primary_arn.is_some() {
                return Err(error::is_replica());
            }
            schedule(state, app.now(), &secret.arn, None);
            Ok(RestoreSecretOutput { arn: Some(secret.arn.clone()), name: Some(secret.name.clone()) })
        })
        .await
}

/// Deletes the secrets whose recovery window has ended. To be called now and then; a late call changes nothing that a
/// caller can see, because a secret is gone for them at its time.
pub async fn sweep(app: &App) -> Result<(), ServiceError> {
    let now = app.now();
    if !app.store.read().secrets.values().any(|secret| secret.is_gone(now)) {
        return Ok(());
    }
    app.store
        .write(|state| {
            let gone = state.secrets.values().filter(|secret| secret.is_gone(now));
            let gone: Vec<String> = gone.map(|secret| secret.arn.clone()).collect();
            for arn in gone {
                state.secrets.remove(&arn);
            }
            Ok(())
        })
        .await
}
