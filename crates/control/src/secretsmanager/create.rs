//! CreateSecret.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::secretsmanager::{CreateSecretInput, CreateSecretOutput, ReplicaRegionType};
use domain::iam::Caller;
use domain::secrets::{CURRENT, Stages, is_valid_name, secret_arn, suffix};
use wire::Timestamp;

use super::envelope::{self, Value};
use super::lookup::Secrets;
use super::record::{SecretRecord, VersionRecord};
use super::replication::{self, Existing};
use super::values::version_is_taken;
use super::{error, tags};
use crate::iam::authorization::authorize;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// CreateSecret.
pub(crate) async fn run(
    app: Arc<App>,
    request: Request<CreateSecretInput>,
) -> Result<CreateSecretOutput, ServiceError> {
    let suffix = suffix(app.random_bytes());
    let Authorized { mut input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let arn = secret_arn(&caller.region, &caller.account, &input.name, &suffix);
        let mut access =
            Access::to("secretsmanager:CreateSecret", arn).with_context("secretsmanager:Name", &input.name);
        if let Some(description) = &input.description {
            access = access.with_context("secretsmanager:Description", description);
        }
        if let Some(key_id) = &input.kms_key_id {
            access = envelope::with_key(&app, state, caller, access, key_id);
        }
        if let Some(kind) = &input.r#type {
            access = access.with_context("secretsmanager:Type", kind);
        }
        access = replication::with_regions(access, asked_regions(input), input.force_overwrite_replica_secret);
        Ok(tags::with_request_tags(access, input.tags.iter().flatten()))
    })?;
    authorize_extras(&app, &caller, &input, &suffix)?;
    let version_id = input.client_request_token.take().ok_or_else(|| error::no_token("InvalidRequestException"))?;
    if !is_valid_name(&input.name) {
        return Err(error::invalid_name());
    }
    let regions = input.add_replica_regions.take().unwrap_or_default();
    replication::check_regions(&app, &caller.region, &regions)?;
    let value = Value::given(input.secret_string.as_ref(), input.secret_binary.take())?;
    if let Some(existing) = existing(&app, &caller, &input.name, &version_id, value.as_ref()).await? {
        return with_replicas(&app, &caller, existing, regions, input.force_overwrite_replica_secret).await;
    }
    let arn = secret_arn(&caller.region, &caller.account, &input.name, &suffix);
    let kms_key_id = envelope::customer_key(input.kms_key_id.take());
    let key_id = envelope::key_of(&app, &caller, &caller.account, kms_key_id.as_deref()).await?;
    if kms_key_id.is_some() {
        envelope::validate_key_access(&app, &caller, &arn, &key_id).await?;
    }
    let mut secret = new_record(&caller, arn.clone(), app.now(), kms_key_id, &input)?;
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
    with_replicas(&app, &caller, answer, regions, input.force_overwrite_replica_secret).await
}

/// Makes the replicas of a secret that is there; those that are there already stay.
async fn with_replicas(
    app: &Arc<App>,
    caller: &Caller,
    mut answer: CreateSecretOutput,
    regions: Vec<ReplicaRegionType>,
    force: Option<bool>,
) -> Result<CreateSecretOutput, ServiceError> {
    if let Some(arn) = answer.arn.as_deref().filter(|_| !regions.is_empty()) {
        replication::add(app, caller, arn, regions, Existing::of(force)).await?;
        let state = app.store.read();
        let secret = Secrets::new(app, &state, caller).find_primary(arn)?;
        answer.replication_status = replication::shown(app, &state, &secret);
    }
    Ok(answer)
}

/// A secret without a value.
fn new_record(
    caller: &Caller,
    arn: String,
    now: Timestamp,
    kms_key_id: Option<String>,
    input: &CreateSecretInput,
) -> Result<SecretRecord, ServiceError> {
    Ok(SecretRecord {
        arn,
        name: input.name.clone(),
        account: caller.account.clone(),
        description: input.description.clone(),
        kms_key_id,
        kind: input.r#type.clone(),
        created_at: now,
        changed_at: now,
        accessed_on: None,
        deletion_at: None,
        was_tagged: input.tags.is_some(),
        tags: tags::merged(&BTreeMap::new(), input.tags.clone().unwrap_or_default())?,
        policy: None,
        versions: BTreeMap::new(),
        stages: Stages::default(),
        rotation: None,
        replicas: BTreeMap::new(),
        primary_arn: None,
    })
}

fn asked_regions(input: &CreateSecretInput) -> &[ReplicaRegionType] {
    input.add_replica_regions.as_deref().unwrap_or_default()
}

/// Tags and replicas need rights of their own.
fn authorize_extras(app: &App, caller: &Caller, input: &CreateSecretInput, suffix: &str) -> Result<(), ServiceError> {
    let arn = secret_arn(&caller.region, &caller.account, &input.name, suffix);
    let state = app.store.read();
    if let Some(tags) = input.tags.as_deref().filter(|tags| !tags.is_empty()) {
        let access = Access::to("secretsmanager:TagResource", &arn);
        authorize(app, &state, caller, &tags::with_request_tags(access, tags.iter()))?;
    }
    if !asked_regions(input).is_empty() {
        let access = Access::to("secretsmanager:ReplicateSecretToRegions", &arn);
        let force = input.force_overwrite_replica_secret;
        authorize(app, &state, caller, &replication::with_regions(access, asked_regions(input), force))?;
    }
    Ok(())
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
    {
        let same = envelope::open(app, caller, &secret, version_id, version).await?.is_same(value);
        let answer = answer(&secret, Some(version_id.to_owned()));
        return if same { Ok(Some(answer)) } else { Err(version_is_taken(&secret.arn, version_id)) };
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
