//! ReplicateSecretToRegions, RemoveRegionsFromReplication, StopReplicationToReplica, and how replicas follow.
//!
//! A replica is a secret of its own under the same ARN in another region, its values sealed under a key of that region.
//! It follows its primary in the very write that changes the primary. A value is sealed for every region before that
//! write, as the caller, because only the caller may use the keys; where that fails the replica stands still, its status
//! says why, and ReplicateSecretToRegions tries it again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::secretsmanager::{
    RemoveRegionsFromReplicationInput, RemoveRegionsFromReplicationOutput, ReplicaRegionType,
    ReplicateSecretToRegionsInput, ReplicateSecretToRegionsOutput, ReplicationStatusType,
    StopReplicationToReplicaInput, StopReplicationToReplicaOutput,
};
use domain::iam::Caller;
use domain::regions;
use domain::secrets::{arn_in_region, region_of};

use super::envelope::{self, Value};
use super::error;
use super::lookup::Secrets;
use super::record::{ReplicaRecord, SecretRecord, VersionRecord};
use crate::prepared::{PREPARATIONS, Unmade, too_busy};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// Versions by id, sealed for a replica, or why that failed.
type Copied = Result<BTreeMap<String, VersionRecord>, ServiceError>;

/// Per region: what was sealed for the replica there.
pub(super) type Copies = BTreeMap<String, Copied>;

/// What to do with another secret that has the name in the region of a new replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// The replica fails.
    Keep,
    /// `ForceOverwriteReplicaSecret`.
    Overwrite,
}

impl Existing {
    pub(super) fn of(force: Option<bool>) -> Self {
        if force == Some(true) { Self::Overwrite } else { Self::Keep }
    }
}

/// ReplicateSecretToRegions.
pub(super) async fn replicate(
    app: Arc<App>,
    request: Request<ReplicateSecretToRegionsInput>,
) -> Result<ReplicateSecretToRegionsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let action = "secretsmanager:ReplicateSecretToRegions";
        let access = Secrets::new(&app, state, caller).access(action, &input.secret_id);
        Ok(with_regions(access, &input.add_replica_regions, input.force_overwrite_replica_secret))
    })?;
    let secret = Secrets::new(&app, &app.store.read(), &caller).find_primary(&input.secret_id)?;
    check_regions(&app, region_of(&secret.arn), &input.add_replica_regions)?;
    let existing = Existing::of(input.force_overwrite_replica_secret);
    add(&app, &caller, &secret.arn, input.add_replica_regions, existing).await?;
    let state = app.store.read();
    let secret = Secrets::new(&app, &state, &caller).find(&secret.arn)?;
    Ok(ReplicateSecretToRegionsOutput {
        replication_status: shown(&app, &state, &secret),
        arn: Some(secret.arn.clone()),
    })
}

/// The condition keys of a call that adds replicas.
pub(super) fn with_regions(mut access: Access, regions: &[ReplicaRegionType], force: Option<bool>) -> Access {
    for region in regions.iter().filter_map(|region| region.region.as_ref()) {
        access = access.with_context("secretsmanager:AddReplicaRegions", region);
    }
    access.with_context("secretsmanager:ForceOverwriteReplicaSecret", force.unwrap_or_default().to_string())
}

/// A replica is in another region that there is, once.
pub(super) fn check_regions(app: &App, home: &str, asked: &[ReplicaRegionType]) -> Result<(), ServiceError> {
    let mut seen = BTreeSet::from([home]);
    for region in asked {
        let region = region.region.as_deref().unwrap_or_default();
        if !regions::are_beside(home, region, &app.settings.region) || !seen.insert(region) {
            return Err(error::invalid_parameter("Invalid replica region."));
        }
    }
    Ok(())
}

/// Makes replicas in these regions, or tries again those that failed. What goes wrong in one is its status.
pub(super) async fn add(
    app: &Arc<App>,
    caller: &Caller,
    arn: &str,
    regions: Vec<ReplicaRegionType>,
    existing: Existing,
) -> Result<(), ServiceError> {
    let asked = regions.into_iter().map(|asked| (asked.region.unwrap_or_default(), asked.kms_key_id));
    let asked: BTreeMap<String, Option<String>> =
        asked.map(|(region, kms_key_id)| (region, envelope::customer_key(kms_key_id))).collect();
    for _ in 0..PREPARATIONS {
        let secret = Secrets::new(app, &app.store.read(), caller).find_primary(arn)?;
        let mut made = Copies::new();
        for (region, kms_key_id) in asked.iter().filter(|(region, _)| !is_in_sync(&secret, region)) {
            let copies = copies(app, caller, &secret, region, kms_key_id.as_deref()).await;
            made.insert(region.clone(), copies);
        }
        let added = app.store.write(|state| {
            let primary = Secrets::new(app, state, caller).find_primary(arn)?;
            let is_as_sealed = primary.stages == secret.stages
                && primary.versions.keys().eq(secret.versions.keys())
                && primary.replicas == secret.replicas;
            if !is_as_sealed {
                return Err(Unmade::Stale);
            }
            put_replicas(app, state, SecretRecord::clone(&primary), &asked, made, existing);
            Ok(())
        });
        match added.await {
            Err(Unmade::Stale) => {}
            Err(Unmade::Refused(error)) => return Err(error),
            Ok(()) => return Ok(()),
        }
    }
    Err(too_busy("InternalServiceError"))
}

fn is_in_sync(secret: &SecretRecord, region: &str) -> bool {
    secret.replicas.get(region).is_some_and(|replica| replica.failure.is_none())
}

fn put_replicas(
    app: &App,
    state: &mut State,
    mut primary: SecretRecord,
    asked: &BTreeMap<String, Option<String>>,
    made: Copies,
    existing: Existing,
) {
    for (region, copies) in made {
        let kms_key_id = asked.get(&region).cloned().flatten();
        let copies = copies.and_then(|copies| {
            make_room(state, &primary, &region, existing)?;
            Ok(copies)
        });
        let failure = match copies {
            Ok(versions) => {
                let empty = SecretRecord {
                    kms_key_id: kms_key_id.clone(),
                    created_at: app.now(),
                    accessed_on: None,
                    versions: BTreeMap::new(),
                    ..primary.clone()
                };
                put(state, &primary, &region, &empty, versions).err()
            }
            Err(error) => Some(format!("Replication failed: {}", error.message)),
        };
        primary.replicas.insert(region, ReplicaRecord { kms_key_id, failure });
    }
    primary.changed_at = app.now();
    state.secrets.put(&primary.arn.clone(), primary);
}

/// Every version with a label, sealed for a region as the caller.
async fn copies(
    app: &Arc<App>,
    caller: &Caller,
    secret: &SecretRecord,
    region: &str,
    kms_key_id: Option<&str>,
) -> Result<BTreeMap<String, VersionRecord>, ServiceError> {
    let mut copies = BTreeMap::new();
    for version_id in secret.stages.by_version().into_keys() {
        if let Some(version) = secret.versions.get(&version_id) {
            let value = envelope::open(app, caller, secret, &version_id, version).await?;
            let copy = copy(app, caller, secret, region, kms_key_id, &version_id, &value).await?;
            copies.insert(version_id, VersionRecord { created_at: version.created_at, ..copy });
        }
    }
    Ok(copies)
}

async fn copy(
    app: &Arc<App>,
    caller: &Caller,
    secret: &SecretRecord,
    region: &str,
    kms_key_id: Option<&str>,
    version_id: &str,
    value: &Value,
) -> Result<VersionRecord, ServiceError> {
    let there = Caller { region: region.to_owned(), ..caller.clone() };
    let key_id = envelope::key_of(app, &there, &secret.account, kms_key_id).await?;
    envelope::seal(app, &there, &arn_in_region(&secret.arn, region), version_id, &key_id, value).await
}

/// A new version, sealed for every replica that follows.
pub(super) async fn copies_of_new(
    app: &Arc<App>,
    caller: &Caller,
    secret: &SecretRecord,
    version_id: &str,
    value: &Value,
) -> Copies {
    let mut copies = Copies::new();
    for (region, replica) in secret.replicas.iter().filter(|(_, replica)| replica.failure.is_none()) {
        let copy = copy(app, caller, secret, region, replica.kms_key_id.as_deref(), version_id, value).await;
        copies.insert(region.clone(), copy.map(|copy| BTreeMap::from([(version_id.to_owned(), copy)])));
    }
    copies
}

/// Lets the replicas of a changed secret follow. A replica that lacks a value stands still from here on.
pub(super) fn mirror(state: &mut State, primary: &mut SecretRecord, mut copies: Copies) {
    let following: Vec<String> = primary
        .replicas
        .iter()
        .filter(|(_, replica)| replica.failure.is_none())
        .map(|(region, _)| region.clone())
        .collect();
    for region in following {
        let copies = copies.remove(&region).unwrap_or_else(|| Ok(BTreeMap::new()));
        let old = state.secrets.get(&arn_in_region(&primary.arn, &region)).cloned();
        let followed = match (copies, old) {
            (Ok(copies), Some(old)) => put(state, primary, &region, &old, copies),
            (Ok(_), None) => Err(String::from("Replication failed: the replica is gone.")),
            (Err(error), _) => Err(format!("Replication failed: {}", error.message)),
        };
        if let Some(replica) = primary.replicas.get_mut(&region) {
            replica.failure = followed.err();
        }
    }
}

/// Puts a replica: everything of the primary but what belongs to its region, which is kept from `old`.
fn put(
    state: &mut State,
    primary: &SecretRecord,
    region: &str,
    old: &SecretRecord,
    copies: BTreeMap<String, VersionRecord>,
) -> Result<(), String> {
    let mut versions = old.versions.clone();
    versions.extend(copies);
    versions.retain(|id, _| primary.versions.contains_key(id));
    let labelled = primary.stages.by_version().into_keys();
    if labelled.filter(|id| primary.versions.contains_key(id)).any(|id| !versions.contains_key(&id)) {
        return Err(String::from("Replication failed: a version is missing; replicate to this region again."));
    }
    let arn = arn_in_region(&primary.arn, region);
    let replica = SecretRecord {
        arn: arn.clone(),
        kms_key_id: old.kms_key_id.clone(),
        created_at: old.created_at,
        accessed_on: old.accessed_on,
        versions,
        replicas: BTreeMap::new(),
        primary_arn: Some(primary.arn.clone()),
        ..primary.clone()
    };
    state.secrets.put(&arn, replica);
    Ok(())
}

/// The name must be free in the region, but for the replica itself.
fn make_room(state: &mut State, primary: &SecretRecord, region: &str, existing: Existing) -> Result<(), ServiceError> {
    let SecretRecord { account, name, .. } = primary;
    let first = format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}-");
    let of_name = state.secrets.with_prefix(&first).map(|(_, secret)| secret);
    let others: Vec<Arc<SecretRecord>> = of_name
        .filter(|secret| secret.name == *name && secret.primary_arn.as_deref() != Some(&primary.arn))
        .cloned()
        .collect();
    for other in others {
        if existing == Existing::Keep || !other.replicas.is_empty() || other.primary_arn.is_some() {
            let message = format!("Secret name {name} already exists in region {region}.");
            return Err(ServiceError::new("ResourceExistsException", message));
        }
        state.secrets.remove(&other.arn);
    }
    Ok(())
}

/// The status of all replicas, as answers have it.
pub(super) fn shown(app: &App, state: &State, secret: &SecretRecord) -> Option<Vec<ReplicationStatusType>> {
    let status = |(region, replica): (&String, &ReplicaRecord)| {
        let record = state.secrets.get(&arn_in_region(&secret.arn, region));
        let ours = record.filter(|record| record.primary_arn.as_deref() == Some(&secret.arn));
        let (status, message) = match &replica.failure {
            Some(failure) => ("Failed", failure.as_str()),
            None => ("InSync", "Replication succeeded"),
        };
        ReplicationStatusType {
            region: Some(region.clone()),
            kms_key_id: Some(replica.kms_key_id.clone().unwrap_or_else(|| "alias/aws/secretsmanager".into())),
            status: Some(status.into()),
            status_message: Some(message.into()),
            last_accessed_date: ours.and_then(|record| app.last_accesses.of_secret(record)),
        }
    };
    (!secret.replicas.is_empty()).then(|| secret.replicas.iter().map(status).collect())
}

/// RemoveRegionsFromReplication: deletes replicas. A region without one is no error.
pub(super) async fn remove(
    app: Arc<App>,
    request: Request<RemoveRegionsFromReplicationInput>,
) -> Result<RemoveRegionsFromReplicationOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Secrets::new(&app, state, caller).access("secretsmanager:RemoveRegionsFromReplication", &input.secret_id))
    })?;
    app.store
        .write(|state| {
            let mut secret = SecretRecord::clone(&*Secrets::new(&app, state, &caller).find_primary(&input.secret_id)?);
            for region in &input.remove_replica_regions {
                let replica = arn_in_region(&secret.arn, region);
                let is_ours =
                    state.secrets.get(&replica).is_some_and(|it| it.primary_arn.as_ref() == Some(&secret.arn));
                if secret.replicas.remove(region).is_some() && is_ours {
                    state.secrets.remove(&replica);
                }
            }
            secret.changed_at = app.now();
            let (arn, left) = (secret.arn.clone(), shown(&app, state, &secret));
            state.secrets.put(&arn, secret);
            Ok(RemoveRegionsFromReplicationOutput {
                replication_status: Some(left.unwrap_or_default()),
                arn: Some(arn),
            })
        })
        .await
}

/// StopReplicationToReplica: the replica becomes a secret of its own.
pub(super) async fn stop(
    app: Arc<App>,
    request: Request<StopReplicationToReplicaInput>,
) -> Result<StopReplicationToReplicaOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Secrets::new(&app, state, caller).access("secretsmanager:StopReplicationToReplica", &input.secret_id))
    })?;
    app.store
        .write(|state| {
            let replica = Secrets::new(&app, state, &caller).find_usable(&input.secret_id)?;
            let Some(primary_arn) = &replica.primary_arn else {
                return Err(error::invalid_parameter(
                    "The secret is not a replica. Call StopReplicationToReplica in the region of the replica.",
                ));
            };
            state.secrets.update(primary_arn, |primary| primary.replicas.remove(region_of(&replica.arn)));
            state.secrets.update(&replica.arn, |secret| {
                secret.primary_arn = None;
                if let Some(rotation) = &mut secret.rotation {
                    // That is the primary's.
                    rotation.under_way = None;
                }
                secret.changed_at = app.now();
            });
            Ok(StopReplicationToReplicaOutput { arn: Some(replica.arn.clone()) })
        })
        .await
}
