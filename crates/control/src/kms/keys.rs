//! CreateKey, DescribeKey, ListKeys, UpdateKeyDescription.

use std::sync::Arc;

use api::kms::{
    CreateKeyInput, CreateKeyOutput, DescribeKeyInput, DescribeKeyOutput, KeyListEntry, KeyMetadata, ListKeysInput,
    ListKeysOutput, MultiRegionConfiguration, MultiRegionKey, UpdateKeyDescriptionInput, UpdateKeyDescriptionOutput,
};
use domain::iam::Caller;
use domain::kms::{KeyState, default_key_policy, key_arn};

use super::lookup::{Keys, change};
use super::record::{KeyManager, KeyRecord};
use super::{error, material, page, policies, tags};
use crate::limits::KMS_PAGE_ITEMS;
use crate::{Access, App, Authorized, Request, ServiceError};

const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";
const ENCRYPT_DECRYPT: &str = "ENCRYPT_DECRYPT";

/// CreateKey: a symmetric key.
pub async fn create(app: Arc<App>, request: Request<CreateKeyInput>) -> Result<CreateKeyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, _| {
        let tags = input.tags.iter().flatten();
        let access = Access::to_any("kms:CreateKey")
            .with_context("kms:KeySpec", input.key_spec.as_deref().unwrap_or(SYMMETRIC))
            .with_context("kms:KeyUsage", input.key_usage.as_deref().unwrap_or(ENCRYPT_DECRYPT))
            .with_context("kms:KeyOrigin", input.origin.as_deref().unwrap_or("AWS_KMS"))
            .with_context("kms:MultiRegion", input.multi_region.unwrap_or_default().to_string());
        Ok(tags::with_request_tags(access, tags))
    })?;
    refuse_what_is_not_served(&input)?;
    let tags = tags::merged(&std::collections::BTreeMap::new(), input.tags.unwrap_or_default())?;
    let policy = input.policy.unwrap_or_else(|| default_key_policy(&caller.account));
    let multi_region = input.multi_region.unwrap_or_default();
    let id = if multi_region { format!("mrk-{}", hex::encode(app.random_bytes::<16>())) } else { app.uuid() };
    let arn = key_arn(&caller.region, &caller.account, &id);
    let key = KeyRecord {
        materials: vec![material::generate(&app, &arn)?],
        arn,
        id,
        account: caller.account.clone(),
        description: input.description.unwrap_or_default(),
        spec: SYMMETRIC.into(),
        usage: ENCRYPT_DECRYPT.into(),
        manager: KeyManager::Customer,
        multi_region,
        state: KeyState::Enabled,
        created_at: app.now(),
        deletion_at: None,
        policy,
        tags,
        rotation: None,
    };
    policies::check(&app, &caller, &key, input.bypass_policy_lockout_safety_check)?;
    let key_metadata = metadata(&key);
    app.store
        .write(|state| {
            state.kms_keys.put(&key.arn.clone(), key);
            Ok::<_, ServiceError>(())
        })
        .await?;
    Ok(CreateKeyOutput { key_metadata: Some(key_metadata) })
}

fn refuse_what_is_not_served(input: &CreateKeyInput) -> Result<(), ServiceError> {
    let spec = input.key_spec.as_deref().or(input.customer_master_key_spec.as_deref()).unwrap_or(SYMMETRIC);
    if spec != SYMMETRIC {
        return Err(error::unsupported(&format!("The key spec {spec}")));
    }
    if input.key_usage.as_deref().is_some_and(|usage| usage != ENCRYPT_DECRYPT) {
        let usage = input.key_usage.as_deref().unwrap_or_default();
        return Err(error::validation(format!(
            "The operation failed because the KeyUsage value of the KMS key is {usage}. To perform this operation, the \
             KeyUsage value must be {ENCRYPT_DECRYPT} for the key spec {SYMMETRIC}."
        )));
    }
    match input.origin.as_deref() {
        None | Some("AWS_KMS") => Ok(()),
        Some(origin) => Err(error::unsupported(&format!("The key material origin {origin}"))),
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
    let key = Keys::new(&app, &app.store.read(), &caller).find(&input.key_id)?;
    Ok(DescribeKeyOutput { key_metadata: Some(metadata(&key)) })
}

/// ListKeys: the keys of the caller's account.
pub(super) async fn list(app: Arc<App>, request: Request<ListKeysInput>) -> Result<ListKeysOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |_, _, _| Ok(Access::to_any("kms:ListKeys")))?;
    let (state, now) = (app.store.read(), app.now());
    let keys = of_account(&caller);
    let keys = state.kms_keys.with_prefix(&keys).filter(|(_, key)| !key.is_gone(now));
    let (keys, next_marker) = page(keys, input.marker.as_deref(), page_size(input.limit))
        .ok_or_else(|| ServiceError::new("InvalidMarkerException", "Could not deserialize marker"))?;
    let keys =
        keys.into_iter().map(|key| KeyListEntry { key_id: Some(key.id.clone()), key_arn: Some(key.arn.clone()) });
    Ok(ListKeysOutput { keys: Some(keys.collect()), truncated: Some(next_marker.is_some()), next_marker })
}

fn of_account(caller: &Caller) -> String {
    key_arn(&caller.region, &caller.account, "")
}

/// How many items a page has.
pub(super) fn page_size(limit: Option<i32>) -> usize {
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(KMS_PAGE_ITEMS)
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
pub(super) fn metadata(key: &KeyRecord) -> KeyMetadata {
    KeyMetadata {
        aws_account_id: Some(key.account.clone()),
        key_id: key.id.clone(),
        arn: Some(key.arn.clone()),
        creation_date: Some(key.created_at),
        enabled: Some(key.state == KeyState::Enabled),
        description: Some(key.description.clone()),
        key_usage: Some(key.usage.clone()),
        key_state: Some(key.state.name().into()),
        deletion_date: key.deletion_at,
        origin: Some("AWS_KMS".into()),
        key_manager: Some(if key.manager == KeyManager::Aws { "AWS" } else { "CUSTOMER" }.into()),
        customer_master_key_spec: Some(key.spec.clone()),
        key_spec: Some(key.spec.clone()),
        encryption_algorithms: Some(vec![SYMMETRIC.into()]),
        multi_region: Some(key.multi_region),
        multi_region_configuration: key.multi_region.then(|| MultiRegionConfiguration {
            multi_region_key_type: Some("PRIMARY".into()),
            primary_key: Some(MultiRegionKey {
                arn: Some(key.arn.clone()),
                region: key.arn.split(':').nth(3).map(str::to_owned),
            }),
            replica_keys: Some(Vec::new()),
        }),
        current_key_material_id: key.materials.last().map(|material| material.id.clone()),
        ..KeyMetadata::default()
    }
}
