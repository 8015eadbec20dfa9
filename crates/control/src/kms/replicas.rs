//! ReplicateKey, UpdatePrimaryRegion: multi-Region keys. Every region has a record of its own; those of one key share
//! id, material and rotation, so what one region encrypts another one decrypts.

use std::sync::Arc;

use api::kms::{
    MultiRegionConfiguration, MultiRegionKey, ReplicateKeyInput, ReplicateKeyOutput, Tag, UpdatePrimaryRegionInput,
    UpdatePrimaryRegionOutput,
};
use domain::kms::{KeyState, default_key_policy, key_arn};

use super::keys::metadata;
use super::lookup::Keys;
use super::record::{KeyRecord, Origin};
use super::{error, policies, tags};
use crate::iam::authorization::authorize;
use crate::store::State;
use crate::{App, Authorized, Request, ServiceError};

/// ReplicateKey: the same key in another region.
pub(super) async fn replicate(
    app: Arc<App>,
    request: Request<ReplicateKeyInput>,
) -> Result<ReplicateKeyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Keys::new(&app, state, caller).access("kms:ReplicateKey", &input.key_id);
        let access = access.with_context("kms:ReplicaRegion", &input.replica_region);
        Ok(tags::with_request_tags(access, input.tags.iter().flatten()))
    })?;
    check_region(&app, &caller.region, &input.replica_region)?;
    let tags = tags::merged(&std::collections::BTreeMap::new(), input.tags.unwrap_or_default())?;
    let (replica, metadata) = app
        .store
        .write(|state| {
            let primary = Keys::new(&app, state, &caller).find_without_alias(&input.key_id)?;
            check_primary(&primary)?;
            primary.state.usable(&primary.arn)?;
            let mut replica = KeyRecord {
                arn: key_arn(&input.replica_region, &primary.account, &primary.id),
                description: input.description.unwrap_or_default(),
                created_at: app.now(),
                primary_arn: Some(primary.arn.clone()),
                policy: input.policy.unwrap_or_else(|| default_key_policy(&primary.account)),
                tags,
                ..KeyRecord::clone(&primary)
            };
            share_material(&primary, &mut replica);
            if primary.origin == Origin::External {
                replica.materials.clear();
                replica.next_material = None;
                replica.state = KeyState::PendingImport;
            }
            policies::check(&app, state, &caller, &replica, input.bypass_policy_lockout_safety_check)?;
            if state.kms_keys.contains(&replica.arn) {
                let message = format!("{} already exists", replica.arn);
                return Err(ServiceError::new("AlreadyExistsException", message));
            }
            state.kms_keys.put(&replica.arn.clone(), replica.clone());
            let metadata = metadata(state, &replica);
            Ok((replica, metadata))
        })
        .await?;
    let tag = |(name, value): (&String, &String)| Tag { tag_key: name.clone(), tag_value: value.clone() };
    Ok(ReplicateKeyOutput {
        replica_key_metadata: Some(metadata),
        replica_tags: (!replica.tags.is_empty()).then(|| replica.tags.iter().map(tag).collect()),
        replica_policy: Some(replica.policy),
    })
}

/// UpdatePrimaryRegion: one of the replicas becomes the primary key, which becomes a replica.
pub(super) async fn update_primary(
    app: Arc<App>,
    request: Request<UpdatePrimaryRegionInput>,
) -> Result<UpdatePrimaryRegionOutput, ServiceError> {
    const ACTION: &str = "kms:UpdatePrimaryRegion";
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Keys::new(&app, state, caller).access(ACTION, &input.key_id);
        Ok(access.with_context("kms:PrimaryRegion", &input.primary_region))
    })?;
    check_region(&app, &caller.region, &input.primary_region)?;
    app.store
        .write(|state| {
            let primary = Keys::new(&app, state, &caller).find_without_alias(&input.key_id)?;
            check_primary(&primary)?;
            let next = key_arn(&input.primary_region, &primary.account, &primary.id);
            let replica = state.kms_keys.get(&next).ok_or_else(|| error::key_not_found(&next))?;
            if replica.arn == primary.arn {
                return Err(error::validation("The primary key is in this region already."));
            }
            // The new primary's own policy must admit the call too.
            authorize(&app, state, &caller, &Keys::new(&app, state, &caller).access_to(replica, ACTION, None))?;
            primary.state.usable(&primary.arn)?;
            replica.state.usable(&replica.arn)?;
            for mut key in related(state, &primary) {
                key.primary_arn = (key.arn != next).then(|| next.clone());
                state.kms_keys.put(&key.arn.clone(), key);
            }
            Ok(())
        })
        .await?;
    Ok(UpdatePrimaryRegionOutput {})
}

/// Puts a key, and what replicas share of it into them.
pub(super) fn put_with_replicas(state: &mut State, key: KeyRecord) {
    if key.multi_region && key.primary_arn.is_none() {
        for mut replica in related(state, &key).into_iter().filter(|replica| replica.arn != key.arn) {
            share_material(&key, &mut replica);
            state.kms_keys.put(&replica.arn.clone(), replica);
        }
    }
    state.kms_keys.put(&key.arn.clone(), key);
}

/// Whether replicas of this key are left.
pub(super) fn has_replicas(state: &State, key: &KeyRecord) -> bool {
    key.multi_region && key.primary_arn.is_none() && related(state, key).len() > 1
}

/// What DescribeKey says of a multi-Region key.
pub(super) fn configuration(state: &State, key: &KeyRecord) -> Option<MultiRegionConfiguration> {
    let entry = |key: &KeyRecord| MultiRegionKey {
        arn: Some(key.arn.clone()),
        region: key.arn.split(':').nth(3).map(str::to_owned),
    };
    key.multi_region.then(|| {
        let all = related(state, key);
        // A key that is being made is not in the store yet.
        let primary = all.iter().find(|key| key.primary_arn.is_none()).unwrap_or(key);
        MultiRegionConfiguration {
            multi_region_key_type: Some(if key.primary_arn.is_none() { "PRIMARY" } else { "REPLICA" }.into()),
            primary_key: Some(entry(primary)),
            replica_keys: Some(all.iter().filter(|key| key.primary_arn.is_some()).map(entry).collect()),
        }
    })
}

/// All keys of one multi-Region key, itself too.
fn related(state: &State, key: &KeyRecord) -> Vec<KeyRecord> {
    let same = |other: &&Arc<KeyRecord>| other.id == key.id && other.account == key.account;
    state.kms_keys.values().filter(same).map(|key| KeyRecord::clone(key)).collect()
}

/// Imported material is imported into every region; what was made here is shared.
fn share_material(primary: &KeyRecord, replica: &mut KeyRecord) {
    if primary.origin == Origin::External {
        return;
    }
    replica.rotation = primary.rotation;
    replica.materials.clone_from(&primary.materials);
    for material in &mut replica.materials {
        material.sealed_for.get_or_insert_with(|| primary.arn.clone());
    }
}

fn check_primary(key: &KeyRecord) -> Result<(), ServiceError> {
    if key.multi_region && key.primary_arn.is_none() {
        return Ok(());
    }
    let message = format!("{} is not a multi-region primary key.", key.arn);
    Err(ServiceError::new("UnsupportedOperationException", message))
}

fn check_region(app: &App, home: &str, name: &str) -> Result<(), ServiceError> {
    if domain::regions::are_beside(home, name, &app.settings.region) {
        return Ok(());
    }
    Err(error::validation(format!("{name} is not the name of a region.")))
}
