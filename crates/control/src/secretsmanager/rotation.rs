//! RotateSecret, CancelRotateSecret, and what the rotation reconciler reads and writes.
//!
//! On AWS a Lambda function rotates. Here a command of the operator's does (`--rotation-command`): the handlers write down
//! that a rotation was begun, the reconciler runs the command once for each of the four steps, and the command does
//! through the API what the function would do. Without a command nothing can rotate, and RotateSecret says so.
//!
//! With `RotateImmediately` false the command is run for `testSecret` alone: AWSPENDING lies on a version without a value
//! meanwhile, as when a rotation was begun, and is taken away after it. A test that fails is told in the server's log and
//! changes nothing; one that runs yields to the next RotateSecret or CancelRotateSecret.

use std::sync::Arc;

use api::secretsmanager::{
    CancelRotateSecretInput, CancelRotateSecretOutput, RotateSecretInput, RotateSecretOutput, RotationRulesType,
};
use domain::secrets::{CURRENT, PENDING, Rotation, RotationRules};
use wire::Timestamp;

use super::error;
use super::lookup::{Secrets, change};
use super::record::{Purpose, RotationRecord, RotationUnderWay, SecretRecord};
use super::replication::{Copies, mirror};
use crate::commands::CommandError;
use crate::limits::{ROTATION_FAILURES, ROTATION_RETRY_SECONDS};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// RotateSecret.
pub(super) async fn rotate(
    app: Arc<App>,
    request: Request<RotateSecretInput>,
) -> Result<RotateSecretOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(with_keys(Secrets::new(&app, state, caller).access("secretsmanager:RotateSecret", &input.secret_id), input))
    })?;
    let token = input.client_request_token.clone();
    let token = token.ok_or_else(|| error::no_token("InvalidParameterException"))?;
    if input.external_secret_rotation_metadata.is_some() || input.external_secret_rotation_role_arn.is_some() {
        return Err(error::invalid_request(
            "Tidegate does not rotate managed external secrets: ExternalSecretRotationMetadata and \
             ExternalSecretRotationRoleArn are not served.",
        ));
    }
    change(&app, &caller, &input.secret_id, |secret| {
        let asked = asked(&input, secret.rotation.clone().unwrap_or_default())?;
        if app.settings.rotation.is_none() {
            return Err(nobody_rotates(asked.lambda_arn.as_deref()));
        }
        end_test(secret);
        let answer = RotateSecretOutput {
            arn: Some(secret.arn.clone()),
            name: Some(secret.name.clone()),
            version_id: Some(token.clone()),
        };
        let under_way = secret.rotation.as_ref().and_then(|rotation| rotation.under_way.as_ref());
        if under_way.is_some_and(|it| it.version_id == token) || secret.stages.version(CURRENT) == Some(token.as_str())
        {
            return Ok(answer);
        }
        if under_way.is_some() || pending(secret).is_some_and(|version_id| version_id != token) {
            return Err(error::invalid_request(
                "A previous rotation isn't complete. That rotation will be reattempted.",
            ));
        }
        let mut rotation = RotationRecord { enabled: true, ..asked };
        schedule(&mut rotation, app.now());
        secret.rotation = Some(rotation);
        let purpose = if input.rotate_immediately == Some(false) { Purpose::Test } else { Purpose::Rotate };
        begin(secret, token, app.now(), purpose);
        Ok(answer)
    })
    .await
}

/// The condition keys of a RotateSecret.
fn with_keys(mut access: Access, input: &RotateSecretInput) -> Access {
    if let Some(lambda_arn) = &input.rotation_lambda_arn {
        access = access.with_context("secretsmanager:RotationLambdaARN", lambda_arn);
    }
    if let Some(role_arn) = &input.external_secret_rotation_role_arn {
        access = access.with_context("secretsmanager:ExternalSecretRotationRoleArn", role_arn);
    }
    access
        .with_context("secretsmanager:ModifyRotationRules", input.rotation_rules.is_some().to_string())
        .with_context("secretsmanager:RotateImmediately", input.rotate_immediately.unwrap_or(true).to_string())
}

/// The rotation with what the request changes of it.
fn asked(input: &RotateSecretInput, before: RotationRecord) -> Result<RotationRecord, ServiceError> {
    let mut rotation = before;
    if let Some(lambda_arn) = input.rotation_lambda_arn.as_ref().filter(|arn| !arn.is_empty()) {
        rotation.lambda_arn = Some(lambda_arn.clone());
    }
    if let Some(rules) = &input.rotation_rules {
        rotation.automatically_after_days = rules.automatically_after_days;
        rotation.duration.clone_from(&rules.duration);
        rotation.schedule_expression.clone_from(&rules.schedule_expression);
        Rotation::parse(rules_of(&rotation)).map_err(|error| error::invalid_parameter(error.to_string()))?;
    }
    Ok(rotation)
}

fn nobody_rotates(lambda_arn: Option<&str>) -> ServiceError {
    match lambda_arn {
        None => error::invalid_request("No Lambda rotation function ARN is associated with this secret."),
        Some(arn) => error::invalid_request(format!(
            "Tidegate does not run Lambda functions, so {arn} cannot rotate this secret; nothing was changed. Start the \
             server with --rotation-command to let a command of yours stand for the function, or rotate by hand with \
             PutSecretValue."
        )),
    }
}

/// CancelRotateSecret. As on AWS the label of a version that was begun stays.
pub(super) async fn cancel(
    app: Arc<App>,
    request: Request<CancelRotateSecretInput>,
) -> Result<CancelRotateSecretOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Secrets::new(&app, state, caller).access("secretsmanager:CancelRotateSecret", &input.secret_id))
    })?;
    change(&app, &caller, &input.secret_id, |secret| {
        end_test(secret);
        let Some(rotation) = &mut secret.rotation else { return Err(nobody_rotates(None)) };
        rotation.enabled = false;
        Ok(CancelRotateSecretOutput {
            version_id: rotation.under_way.take().map(|it| it.version_id),
            arn: Some(secret.arn.clone()),
            name: Some(secret.name.clone()),
        })
    })
    .await
}

/// The rules as answers have them.
pub(super) fn rules(rotation: &RotationRecord) -> Option<RotationRulesType> {
    let rules = RotationRulesType {
        automatically_after_days: rotation.automatically_after_days,
        duration: rotation.duration.clone(),
        schedule_expression: rotation.schedule_expression.clone(),
    };
    (rules != RotationRulesType::default()).then_some(rules)
}

/// `NextRotationDate`.
pub(super) fn next_date(rotation: &RotationRecord) -> Option<Timestamp> {
    rotation.next_closes_at.filter(|_| rotation.enabled)
}

/// `LastRotatedDate`.
pub(super) fn last_date(rotation: &RotationRecord) -> Option<Timestamp> {
    rotation.rotated_at.filter(|_| rotation.enabled)
}

fn rules_of(rotation: &RotationRecord) -> RotationRules<'_> {
    RotationRules {
        automatically_after_days: rotation.automatically_after_days,
        duration: rotation.duration.as_deref(),
        schedule_expression: rotation.schedule_expression.as_deref(),
    }
}

/// Sets the next window after `from`.
fn schedule(rotation: &mut RotationRecord, from: Timestamp) {
    let window = Rotation::parse(rules_of(rotation)).ok().and_then(|schedule| schedule.next_window(from));
    rotation.next_opens_at = window.map(|window| window.opens);
    rotation.next_closes_at = window.map(|window| window.closes);
}

/// The version that a rotation began and did not finish.
fn pending(secret: &SecretRecord) -> Option<&str> {
    let pending = secret.stages.version(PENDING);
    pending.filter(|version_id| secret.stages.version(CURRENT) != Some(*version_id))
}

fn begin(secret: &mut SecretRecord, version_id: String, now: Timestamp, purpose: Purpose) {
    secret.stages.attach(PENDING, &version_id);
    if let Some(rotation) = &mut secret.rotation {
        rotation.under_way = Some(RotationUnderWay { version_id, failures: 0, retry_at: now, purpose });
    }
}

/// Ends a test that is under way, with its version.
fn end_test(secret: &mut SecretRecord) {
    let under_way = secret.rotation.as_mut().map(|rotation| &mut rotation.under_way);
    let test = under_way.and_then(|under_way| under_way.take_if(|it| it.purpose == Purpose::Test));
    if let Some(RotationUnderWay { version_id, .. }) = test {
        // Whoever put AWSPENDING elsewhere meanwhile wants it there.
        let _ = secret.stages.move_by_hand(PENDING, Some(&version_id), None);
        if secret.stages.of(&version_id).is_empty() {
            secret.versions.remove(&version_id);
        }
    }
}

/// A rotation to be done now.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The secret.
    pub(crate) arn: String,
    /// Its account.
    pub(crate) account: String,
    /// The version to be made: `ClientRequestToken`.
    pub(crate) version_id: String,
    /// The function for which the command stands.
    pub(crate) lambda_arn: Option<String>,
    /// What is to be done.
    pub(crate) purpose: Purpose,
}

/// Begins the rotations whose window is open, and answers every one that is to be done now.
pub(crate) async fn due(app: &App) -> Result<Vec<Job>, ServiceError> {
    let now = app.now();
    let opens = |secret: &SecretRecord| {
        let rotation = secret.rotation.as_ref().filter(|rotation| rotation.enabled && rotation.under_way.is_none());
        rotation.and_then(|rotation| rotation.next_opens_at).is_some_and(|at| at <= now)
    };
    let state = app.store.read();
    let opening: Vec<String> =
        rotating(&state).filter(|secret| opens(secret)).map(|secret| secret.arn.clone()).collect();
    for arn in opening {
        change_by_itself(app, &arn, |secret| {
            if opens(secret) {
                let version_id = pending(secret).map_or_else(|| app.uuid(), str::to_owned);
                begin(secret, version_id, now, Purpose::Rotate);
            }
        })
        .await?;
    }
    let state = app.store.read();
    let job = |secret: &Arc<SecretRecord>| {
        let rotation = secret.rotation.as_ref()?;
        let under_way = rotation.under_way.as_ref().filter(|it| it.retry_at <= now)?;
        Some(Job {
            arn: secret.arn.clone(),
            account: secret.account.clone(),
            version_id: under_way.version_id.clone(),
            lambda_arn: rotation.lambda_arn.clone(),
            purpose: under_way.purpose,
        })
    };
    Ok(rotating(&state).filter_map(job).collect())
}

/// The secrets that may rotate.
fn rotating(state: &State) -> impl Iterator<Item = &Arc<SecretRecord>> {
    state.secrets.values().filter(|secret| secret.primary_arn.is_none() && secret.deletion_at.is_none())
}

/// Why a rotation failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// There are no credentials for the command.
    #[error("the command cannot be given credentials")]
    Credentials(#[source] ServiceError),
    /// The command failed at this step.
    #[error("{step} failed")]
    Step {
        /// As AWS names it.
        step: &'static str,
        /// How.
        source: CommandError,
    },
    /// It says that all is done, and it is not.
    #[error("the command ended well, but did not make the new version current")]
    NotCurrent,
}

/// Writes down how a rotation ended. One that failed is tried again, each time later, until it failed too often; the next
/// window begins it anew.
pub(crate) async fn ended(app: &App, job: &Job, outcome: Result<(), Failure>) -> Result<(), ServiceError> {
    let now = app.now();
    change_by_itself(app, &job.arn, |secret| {
        let is_current = secret.stages.version(CURRENT) == Some(job.version_id.as_str());
        let Some(rotation) = &mut secret.rotation else { return };
        let Some(under_way) = rotation.under_way.as_mut().filter(|it| it.version_id == job.version_id) else { return };
        if under_way.purpose == Purpose::Test {
            if let Err(failure) = outcome {
                let failure = &failure as &dyn std::error::Error;
                tracing::warn!(secret = job.arn, failure, "the test of a rotation failed; the secret is as it was");
            }
            return end_test(secret);
        }
        let failure = match outcome {
            Ok(()) if is_current => None,
            Ok(()) => Some(Failure::NotCurrent),
            Err(failure) => Some(failure),
        };
        let Some(failure) = failure else {
            rotation.under_way = None;
            rotation.rotated_at = Some(now);
            schedule(rotation, now);
            return;
        };
        under_way.failures += 1;
        under_way.retry_at = now.plus_seconds(ROTATION_RETRY_SECONDS << under_way.failures);
        let failure = &failure as &dyn std::error::Error;
        tracing::warn!(secret = job.arn, failures = under_way.failures, failure, "a secret could not be rotated");
        if under_way.failures >= ROTATION_FAILURES {
            rotation.under_way = None;
            schedule(rotation, now);
        }
    })
    .await
}

async fn change_by_itself(app: &App, arn: &str, change: impl FnOnce(&mut SecretRecord)) -> Result<(), ServiceError> {
    app.store
        .write(|state| {
            if let Some(secret) = state.secrets.get(arn) {
                let mut secret = SecretRecord::clone(secret);
                change(&mut secret);
                mirror(state, &mut secret, Copies::new());
                state.secrets.put(arn, secret);
            }
            Ok(())
        })
        .await
}
