//! CreateKey, DescribeKey, ListKeys, UpdateKeyDescription.

use std::sync::Arc;

use api::kms::{
    CreateKeyInput, CreateKeyOutput, DescribeKeyInput, DescribeKeyOutput, KeyListEntry, KeyMetadata, ListKeysInput,
    ListKeysOutput, UpdateKeyDescriptionInput, UpdateKeyDescriptionOutput,
};
use domain::iam::Caller;
use domain::kms::{KeySpec, KeyState, KeyUsage, default_key_policy, key_arn};

use super::lookup::{Keys, change};
use super::page::page_from;
use super::record::{KeyManager, KeyRecord, MaterialRecord, Origin};
use super::{error, managed, material, policies, replicas, tags};
use crate::page::Order;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// CreateKey.
pub async fn create(app: Arc<App>, request: Request<CreateKeyInput>) -> Result<CreateKeyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, _| {
        let tags = input.tags.iter().flatten();
        let access = Access::to_any("kms:CreateKey")
            .with_context("kms:KeySpec", spec_name(input).unwrap_or("SYMMETRIC_DEFAULT"))
            .with_context("kms:KeyUsage", input.key_usage.as_deref().unwrap_or("ENCRYPT_DECRYPT"))
            .with_context("kms:KeyOrigin", input.origin.as_deref().unwrap_or("AWS_KMS"))
            .with_context("kms:MultiRegion", input.multi_region.unwrap_or_default().to_string());
        Ok(tags::with_request_tags(access, tags))
    })?;
    let Asked { spec, usage, origin } = Asked::of(&input)?;
    let tags = tags::merged(&std::collections::BTreeMap::new(), input.tags.unwrap_or_default())?;
    let policy = input.policy.unwrap_or_else(|| default_key_policy(&caller.account));
    let multi_region = input.multi_region.unwrap_or_default();
    let id = if multi_region { format!("mrk-{}", hex::encode(app.random_bytes::<16>())) } else { app.uuid() };
    let mut key = KeyRecord {
        arn: key_arn(&caller.region, &caller.account, &id),
        id,
        account: caller.account.clone(),
        description: input.description.unwrap_or_default(),
        spec,
        usage,
        manager: KeyManager::Customer,
        origin,
        multi_region,
        primary_arn: None,
        state: KeyState::PendingImport,
        created_at: app.now(),
        deletion_at: None,
        deletion_window_days: None,
        policy,
        tags,
        rotation: None,
        materials: Vec::new(),
        next_material: None,
    };
    let bypass = input.bypass_policy_lockout_safety_check;
    // Before the material, which may take long to make; and once more where it counts.
    policies::check(&app, &app.store.read(), &caller, &key, bypass)?;
    if origin == Origin::AwsKms {
        key.materials.push(material::generate(&app, &key.arn, spec).await?);
        key.state = KeyState::Enabled;
    }
    let metadata = app
        .store
        .write(|state| {
            policies::check(&app, state, &caller, &key, bypass)?;
            state.kms_keys.put(&key.arn.clone(), key.clone());
            Ok::<_, ServiceError>(metadata(state, &key))
        })
        .await?;
    Ok(CreateKeyOutput { key_metadata: Some(metadata) })
}

fn spec_name(input: &CreateKeyInput) -> Option<&str> {
    input.key_spec.as_deref().or(input.customer_master_key_spec.as_deref())
}

/// The kind of key that is asked for.
struct Asked {
    spec: KeySpec,
    usage: KeyUsage,
    origin: Origin,
}

impl Asked {
    fn of(input: &CreateKeyInput) -> Result<Self, ServiceError> {
        if input.key_spec.is_some() && input.customer_master_key_spec.is_some() {
            return Err(error::validation(
                "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is \
                 deprecated.",
            ));
        }
        if input.custom_key_store_id.is_some() || input.xks_key_id.is_some() {
            return Err(error::unsupported("A custom key store"));
        }
        let origin = match input.origin.as_deref() {
            None | Some("AWS_KMS") => Origin::AwsKms,
            Some("EXTERNAL") => Origin::External,
            Some(origin) => return Err(error::unsupported(&format!("The key material origin {origin}"))),
        };
        let spec = spec_name(input).map_or(Ok(KeySpec::SymmetricDefault), KeySpec::parse)?;
        let usage = spec.usage(input.key_usage.as_deref().map(KeyUsage::parse).transpose()?)?;
        Ok(Self { spec, usage, origin })
    }
}

/// DescribeKey.
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeKeyInput>,
) -> Result<DescribeKeyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:DescribeKey", &input.key_id))
    })?;
    if let Some(service) = managed::service_of_alias(&input.key_id) {
        // Who asks for a key of AWS's gets it, also when nobody has needed it yet.
        app.store.write(|state| managed::ensure(&app, state, service, &caller.region, &caller.account)).await?;
    }
    let state = app.store.read();
    let key = Keys::new(&app, &state, &caller).find(&input.key_id)?;
    Ok(DescribeKeyOutput { key_metadata: Some(metadata(&state, &key)) })
}

/// ListKeys: the keys of the caller's account.
pub(super) async fn list(app: Arc<App>, request: Request<ListKeysInput>) -> Result<ListKeysOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |_, _, _| Ok(Access::to_any("kms:ListKeys")))?;
    let (state, now) = (app.store.read(), app.now());
    let first = of_account(&caller);
    let keys = |after: Option<String>| {
        let keys = state.kms_keys.behind(&first, Order::Rising, after.as_deref());
        keys.filter(|(_, key)| !key.is_gone(now))
    };
    let (keys, next_marker) = page_from(keys, input.marker.as_deref(), input.limit)?;
    let keys =
        keys.into_iter().map(|key| KeyListEntry { key_id: Some(key.id.clone()), key_arn: Some(key.arn.clone()) });
    Ok(ListKeysOutput { keys: Some(keys.collect()), truncated: Some(next_marker.is_some()), next_marker })
}

fn of_account(caller: &Caller) -> String {
    key_arn(&caller.region, &caller.account, "")
}

/// UpdateKeyDescription.
pub(super) async fn update_description(
    app: Arc<App>,
    request: Request<UpdateKeyDescriptionInput>,
) -> Result<UpdateKeyDescriptionOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:UpdateKeyDescription", &input.key_id))
    })?;
    change(&app, &caller, &input.key_id, |key| {
        key.state.changeable(&key.arn)?;
        key.description = input.description;
        Ok(())
    })
    .await?;
    Ok(UpdateKeyDescriptionOutput {})
}

/// What DescribeKey shows of a key.
pub(super) fn metadata(state: &State, key: &KeyRecord) -> KeyMetadata {
    let algorithms = |usage: KeyUsage| {
        (key.usage == usage).then(|| key.spec.algorithms(usage).iter().copied().map(str::to_owned).collect())
    };
    let imported = key.current().filter(|_| key.origin == Origin::External);
    KeyMetadata {
        aws_account_id: Some(key.account.clone()),
        key_id: key.id.clone(),
        arn: Some(key.arn.clone()),
        creation_date: Some(key.created_at),
        enabled: Some(key.state == KeyState::Enabled),
        description: Some(key.description.clone()),
        key_usage: Some(key.usage.name().into()),
        key_state: Some(key.state.name().into()),
        deletion_date: key.deletion_at,
        pending_deletion_window_in_days: key.deletion_window_days.and_then(|days| i32::try_from(days).ok()),
        origin: Some(key.origin.name().into()),
        valid_to: imported.and_then(|material| material.valid_to),
        expiration_model: imported.map(|material| expiration_model(material).into()),
        key_manager: Some(if key.manager == KeyManager::Aws { "AWS" } else { "CUSTOMER" }.into()),
        customer_master_key_spec: Some(key.spec.name().into()),
        key_spec: Some(key.spec.name().into()),
        encryption_algorithms: algorithms(KeyUsage::EncryptDecrypt),
        signing_algorithms: algorithms(KeyUsage::SignVerify),
        mac_algorithms: algorithms(KeyUsage::GenerateVerifyMac),
        key_agreement_algorithms: algorithms(KeyUsage::KeyAgreement),
        multi_region: Some(key.multi_region),
        multi_region_configuration: replicas::configuration(state, key),
        current_key_material_id: key.current_material_id(),
        ..KeyMetadata::default()
    }
}

/// Whether imported material expires (`ExpirationModel`).
pub(super) fn expiration_model(material: &MaterialRecord) -> &'static str {
    if material.valid_to.is_some() { "KEY_MATERIAL_EXPIRES" } else { "KEY_MATERIAL_DOES_NOT_EXPIRE" }
}
