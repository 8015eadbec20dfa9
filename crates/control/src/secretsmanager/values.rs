//! GetSecretValue, PutSecretValue.

use std::sync::Arc;

use api::secretsmanager::{GetSecretValueInput, GetSecretValueOutput, PutSecretValueInput, PutSecretValueOutput};
use domain::failure::Link;
use domain::iam::Caller;
use domain::secrets::CURRENT;

use super::envelope::{self, Value};
use super::lookup::{Secrets, change_with};
use super::record::{SecretRecord, VersionRecord};
use super::{error, replication, versions};
use crate::iam::authorization::decide;
use crate::prepared::{PREPARATIONS, Unmade, too_busy};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// GetSecretValue. Also what ECS calls with a task's execution role.
pub async fn get(app: Arc<App>, request: Request<GetSecretValueInput>) -> Result<GetSecretValueOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |input, state, caller| Ok(reading(&app, state, caller, input)))?;
    let secret = Secrets::new(&app, &app.store.read(), &caller).find_usable(&input.secret_id)?;
    envelope::check_account(&caller, &secret)?;
    let (version_id, version) = wanted(&secret, input.version_id.as_deref(), input.version_stage.as_deref())?;
    let value = envelope::open(&app, &caller, &secret, version_id, version).await?;
    app.last_accesses.note(&secret, version_id, app.now());
    let (secret_string, secret_binary) = value.into_parts();
    Ok(GetSecretValueOutput {
        arn: Some(secret.arn.clone()),
        name: Some(secret.name.clone()),
        version_id: Some(version_id.to_owned()),
        secret_binary,
        secret_string,
        version_stages: Some(secret.stages.of(version_id)),
        created_date: Some(version.created_at),
    })
}

/// The access that a reading needs.
fn reading(app: &App, state: &State, caller: &Caller, input: &GetSecretValueInput) -> Access {
    let access = Secrets::new(app, state, caller).access("secretsmanager:GetSecretValue", &input.secret_id);
    let access = match &input.version_id {
        Some(id) => access.with_context("secretsmanager:VersionId", id),
        None => access,
    };
    access.with_context("secretsmanager:VersionStage", input.version_stage.as_deref().unwrap_or(CURRENT))
}

/// A reading explained, without the value.
pub(crate) struct Reading {
    /// Which statement of which policy decides about it.
    pub(crate) policy: Link,
    /// The secret, if there is one.
    pub(crate) secret_arn: Option<String>,
    /// The key that seals the version that is asked for, if there is one.
    pub(crate) key_arn: Option<String>,
}

/// What a reading meets, for a cause chain.
pub(crate) fn explain_reading(
    app: &App,
    caller: &Caller,
    input: &GetSecretValueInput,
) -> Result<Reading, ServiceError> {
    let state = app.store.read();
    let (_, policy) = decide(app, &state, caller, &reading(app, &state, caller, input))?;
    let secret = Secrets::new(app, &state, caller).find(&input.secret_id).ok();
    let version = |secret: &SecretRecord| {
        let version = wanted(secret, input.version_id.as_deref(), input.version_stage.as_deref());
        version.ok().map(|(_, version)| version.key_arn.clone())
    };
    let key_arn = secret.as_deref().and_then(version);
    Ok(Reading { policy, secret_arn: secret.map(|secret| secret.arn.clone()), key_arn })
}

/// The version that is asked for: by id, by label, by both if they mean the same, else the current one.
fn wanted<'a>(
    secret: &'a SecretRecord,
    id: Option<&'a str>,
    stage: Option<&str>,
) -> Result<(&'a str, &'a VersionRecord), ServiceError> {
    let id = match (id, stage) {
        (Some(id), Some(stage)) if secret.versions.contains_key(id) && secret.stages.version(stage) != Some(id) => {
            return Err(error::invalid_request(
                "You provided a VersionStage that is not associated to the provided VersionId.",
            ));
        }
        (Some(id), _) => id,
        (None, stage) => {
            let stage = stage.unwrap_or(CURRENT);
            let at = secret.stages.version(stage);
            at.ok_or_else(|| error::version_not_found(&secret.arn, &format!("staging label: {stage}")))?
        }
    };
    let version = secret.versions.get(id);
    let version = version.ok_or_else(|| error::version_not_found(&secret.arn, &format!("VersionId: {id}")))?;
    Ok((id, version))
}

/// PutSecretValue: a new version.
pub(super) async fn put(
    app: Arc<App>,
    request: Request<PutSecretValueInput>,
) -> Result<PutSecretValueOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Secrets::new(&app, state, caller).access("secretsmanager:PutSecretValue", &input.secret_id))
    })?;
    let version_id = input.client_request_token.ok_or_else(|| error::no_token("InvalidRequestException"))?;
    let value = Value::given(input.secret_string.as_ref(), input.secret_binary)?;
    let value = value.ok_or_else(|| error::invalid_request("You must provide either SecretString or SecretBinary."))?;
    let stages = input.version_stages.unwrap_or_else(|| vec![CURRENT.to_owned()]);
    let secret = add_version(&app, &caller, &input.secret_id, &version_id, &value, &stages).await?;
    Ok(PutSecretValueOutput {
        version_stages: Some(in_order(secret.stages.of(&version_id), &stages)),
        arn: Some(secret.arn),
        name: Some(secret.name),
        version_id: Some(version_id),
    })
}

/// The labels of a version, those that were asked for first and as they were.
fn in_order(mut labels: Vec<String>, asked: &[String]) -> Vec<String> {
    labels.sort_by_key(|label| asked.iter().position(|asked| asked == label).unwrap_or(usize::MAX));
    labels
}

/// Adds a version with labels, or finds that the same one is already there.
pub(super) async fn add_version(
    app: &Arc<App>,
    caller: &Caller,
    secret_id: &str,
    version_id: &str,
    value: &Value,
    stages: &[String],
) -> Result<SecretRecord, ServiceError> {
    for _ in 0..PREPARATIONS {
        let secret = Secrets::new(app, &app.store.read(), caller).find_primary(secret_id)?;
        envelope::check_account(caller, &secret)?;
        if let Some(version) = secret.versions.get(version_id) {
            let same = envelope::open(app, caller, &secret, version_id, version).await?.is_same(value);
            return if same {
                Ok(SecretRecord::clone(&secret))
            } else {
                Err(version_is_taken(&secret.arn, version_id))
            };
        }
        let key_id = envelope::key_of(app, caller, &secret.account, secret.kms_key_id.as_deref()).await?;
        let version = envelope::seal(app, caller, &secret.arn, version_id, &key_id, value).await?;
        let copies = replication::copies_of_new(app, caller, &secret, version_id, value).await;
        let added = change_with(app, caller, &secret.arn, copies, |_, now| {
            let is_as_sealed = now.kms_key_id == secret.kms_key_id && now.replicas == secret.replicas;
            if !is_as_sealed || now.versions.contains_key(version_id) {
                return Err(Unmade::Stale);
            }
            attach(app, now, version_id, version, stages)?;
            Ok(now.clone())
        });
        match added.await {
            Err(Unmade::Stale) => {}
            Err(Unmade::Refused(error)) => return Err(error),
            Ok(secret) => return Ok(secret),
        }
    }
    Err(too_busy("InternalServiceError"))
}

fn attach(
    app: &App,
    secret: &mut SecretRecord,
    version_id: &str,
    version: VersionRecord,
    stages: &[String],
) -> Result<(), ServiceError> {
    // The first version is the current one, whatever else it is.
    if secret.versions.is_empty() {
        secret.stages.attach(CURRENT, version_id);
    }
    secret.versions.insert(version_id.to_owned(), version);
    for stage in stages {
        secret.stages.attach(stage, version_id);
    }
    versions::check_labels(secret, version_id)?;
    versions::drop_deprecated(secret, app.now());
    Ok(())
}

/// A version with this id and another value is there.
pub(super) fn version_is_taken(arn: &str, version_id: &str) -> ServiceError {
    let message = format!(
        "You can't use ClientRequestToken {version_id} because that value is already in use for a version of secret {arn}."
    );
    ServiceError::new("ResourceExistsException", message)
}
