//! CreateSecret.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::secretsmanager::{CreateSecretInput, CreateSecretOutput};
use domain::iam::Caller;
use domain::secrets::{CURRENT, Stages, is_valid_name, secret_arn, suffix};

use super::envelope::{self, Value};
use super::lookup::Secrets;
use super::record::{SecretRecord, VersionRecord};
use super::{error, tags};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// CreateSecret.
pub(crate) async fn run(
    app: Arc<App>,
    request: Request<CreateSecretInput>,
) -> Result<CreateSecretOutput, ServiceError> {
    let suffix = suffix(app.random_bytes());
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = secret_arn(&caller.region, &caller.account, &input.name, &suffix);
        let mut access =
            Access::to("secretsmanager:CreateSecret", arn).with_context("secretsmanager:Name", &input.name);
        if let Some(description) = &input.description {
            access = access.with_context("secretsmanager:Description", description);
        }
        if let Some(key_id) = &input.kms_key_id {
            access = access.with_context("secretsmanager:KmsKeyId", key_id);
        }
        Ok(tags::with_request_tags(access, input.tags.iter().flatten()))
    })?;
    if !is_valid_name(&input.name) {
        return Err(error::invalid_parameter(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        ));
    }
    if input.add_replica_regions.is_some_and(|regions| !regions.is_empty()) {
        return Err(error::invalid_request("Replicas of secrets in other regions are not served by Tidegate."));
    }
    let value = Value::given(input.secret_string.as_ref(), input.secret_binary)?;
    let version_id = input.client_request_token.unwrap_or_else(|| app.uuid());
    if let Some(existing) = existing(&app, &caller, &input.name, &version_id, value.as_ref()).await? {
        return Ok(existing);
    }
    let arn = secret_arn(&caller.region, &caller.account, &input.name, &suffix);
    let kms_key_id = envelope::customer_key(input.kms_key_id);
    let key_id = envelope::key_of(&app, &caller, &caller.account, kms_key_id.as_deref()).await?;
    if kms_key_id.is_some() {
        envelope::validate_key_access(&app, &caller, &arn, &key_id).await?;
    }
    let now = app.now();
    let mut secret = SecretRecord {
        arn: arn.clone(),
        name: input.name,
        account: caller.account.clone(),
        description: input.description,
        kms_key_id,
        kind: input.r#type,
        created_at: now,
        changed_at: now,
        accessed_on: None,
        deletion_at: None,
        tags: tags::merged(&BTreeMap::new(), input.tags.unwrap_or_default())?,
        policy: None,
        versions: BTreeMap::new(),
        stages: Stages::default(),
    };
    let first_version = match &value {
        Some(value) => {
            let version = envelope::seal(&app, &caller, &arn, &version_id, &key_id, value).await?;
            add_first_version(&mut secret, &version_id, version);
            Some(version_id)
        }
        None => None,
    };
    let answer = answer(&secret, first_version);
    app.store.write(|state| put(&app, state, &caller, secret)).await?;
    Ok(answer)
}

fn add_first_version(secret: &mut SecretRecord, version_id: &str, version: VersionRecord) {
    secret.versions.insert(version_id.to_owned(), version);
    secret.stages.attach(CURRENT, version_id);
}

/// Puts the secret, if its name is still free.
fn put(app: &App, state: &mut State, caller: &Caller, secret: SecretRecord) -> Result<(), ServiceError> {
    if let Ok(existing) = Secrets::new(app, state, caller).find(&secret.name) {
        return Err(name_is_taken(&existing));
    }
    state.secrets.put(&secret.arn.clone(), secret);
    Ok(())
}

/// The answer that the same request got before; an error if the name is taken by another one.
async fn existing(
    app: &Arc<App>,
    caller: &Caller,
    name: &str,
    version_id: &str,
    value: Option<&Value>,
) -> Result<Option<CreateSecretOutput>, ServiceError> {
    let Ok(secret) = Secrets::new(app, &app.store.read(), caller).find(name) else { return Ok(None) };
    if secret.deletion_at.is_none()
        && let (Some(version), Some(value)) = (secret.versions.get(version_id), value)
        && envelope::open(app, caller, &secret, version_id, version).await?.is_same(value)
    {
        return Ok(Some(answer(&secret, Some(version_id.to_owned()))));
    }
    Err(name_is_taken(&secret))
}

fn name_is_taken(secret: &SecretRecord) -> ServiceError {
    if secret.deletion_at.is_some() {
        return error::invalid_request(
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        );
    }
    let message = format!("The operation failed because the secret {} already exists.", secret.name);
    ServiceError::new("ResourceExistsException", message)
}

fn answer(secret: &SecretRecord, version_id: Option<String>) -> CreateSecretOutput {
    CreateSecretOutput {
        arn: Some(secret.arn.clone()),
        name: Some(secret.name.clone()),
        version_id,
        replication_status: None,
    }
}
