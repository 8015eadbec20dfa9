//! Versions of managed policies.

use std::sync::Arc;

use api::iam::{
    CreatePolicyVersionInput, CreatePolicyVersionOutput, DeletePolicyVersionInput, DeletePolicyVersionOutput,
    GetPolicyVersionInput, GetPolicyVersionOutput, ListPolicyVersionsInput, ListPolicyVersionsOutput, PolicyVersion,
    SetDefaultPolicyVersionInput, SetDefaultPolicyVersionOutput,
};

use super::error::{delete_conflict, limit_exceeded, no_such_entity};
use super::limits::POLICY_VERSIONS;
use super::name::{encoded, now};
use super::page::page;
use super::policy::{access, change, check_document, find};
use super::record::{PolicyRecord, PolicyVersionRecord};
use crate::{App, Authorized, Request, ServiceError};

/// `CreatePolicyVersion`
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreatePolicyVersionInput>,
) -> Result<CreatePolicyVersionOutput, ServiceError> {
    let Authorized { input, .. } =
        request.authorize(&app, |input, state, _| Ok(access("iam:CreatePolicyVersion", state, &input.policy_arn)))?;
    check_document(&input.policy_document)?;
    let created = now(&app);
    app.store
        .write(|state| {
            change(state, &input.policy_arn, |policy| {
                if policy.versions.len() >= POLICY_VERSIONS {
                    return Err(limit_exceeded(format!(
                        "A managed policy can have up to {POLICY_VERSIONS} versions. Before you create a new version, \
                         you must delete an existing version."
                    )));
                }
                policy.last_version += 1;
                let number = policy.last_version;
                if input.set_as_default == Some(true) {
                    policy.default_version = number;
                    policy.updated = created;
                }
                let version = PolicyVersionRecord { number, document: input.policy_document, created };
                let described = PolicyVersion { document: None, ..described(policy, &version) };
                policy.versions.push(version);
                Ok(CreatePolicyVersionOutput { policy_version: Some(described) })
            })
        })
        .await
}

/// `GetPolicyVersion`
pub(super) async fn get(
    app: Arc<App>,
    request: Request<GetPolicyVersionInput>,
) -> Result<GetPolicyVersionOutput, ServiceError> {
    let Authorized { input, .. } =
        request.authorize(&app, |input, state, _| Ok(access("iam:GetPolicyVersion", state, &input.policy_arn)))?;
    let state = app.store.read();
    let policy = find(&state, &input.policy_arn)?;
    let version = number(&input.version_id)
        .and_then(|number| policy.version(number))
        .ok_or_else(|| no_version(&input.policy_arn, &input.version_id))?;
    Ok(GetPolicyVersionOutput { policy_version: Some(described(policy, version)) })
}

/// `ListPolicyVersions`, newest first.
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListPolicyVersionsInput>,
) -> Result<ListPolicyVersionsOutput, ServiceError> {
    let Authorized { input, .. } =
        request.authorize(&app, |input, state, _| Ok(access("iam:ListPolicyVersions", state, &input.policy_arn)))?;
    let state = app.store.read();
    let policy = find(&state, &input.policy_arn)?;
    let versions = policy.versions.iter().rev().map(|version| {
        let key = format!("{:010}", u32::MAX - version.number);
        (key, PolicyVersion { document: None, ..described(policy, version) })
    });
    let page = page(versions, input.marker.as_deref(), input.max_items)?;
    Ok(ListPolicyVersionsOutput { versions: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
}

/// `DeletePolicyVersion`
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeletePolicyVersionInput>,
) -> Result<DeletePolicyVersionOutput, ServiceError> {
    let Authorized { input, .. } =
        request.authorize(&app, |input, state, _| Ok(access("iam:DeletePolicyVersion", state, &input.policy_arn)))?;
    app.store
        .write(|state| {
            change(state, &input.policy_arn, |policy| {
                let number = existing(policy, &input.version_id)?;
                if number == policy.default_version {
                    return Err(delete_conflict("Cannot delete the default version of a policy."));
                }
                policy.versions.retain(|version| version.number != number);
                Ok(DeletePolicyVersionOutput {})
            })
        })
        .await
}

/// `SetDefaultPolicyVersion`
pub(super) async fn set_default(
    app: Arc<App>,
    request: Request<SetDefaultPolicyVersionInput>,
) -> Result<SetDefaultPolicyVersionOutput, ServiceError> {
    let Authorized { input, .. } = request
        .authorize(&app, |input, state, _| Ok(access("iam:SetDefaultPolicyVersion", state, &input.policy_arn)))?;
    let updated = now(&app);
    app.store
        .write(|state| {
            change(state, &input.policy_arn, |policy| {
                policy.default_version = existing(policy, &input.version_id)?;
                policy.updated = updated;
                Ok(SetDefaultPolicyVersionOutput {})
            })
        })
        .await
}

/// The 3 of `v3`.
fn number(id: &str) -> Option<u32> {
    id.strip_prefix(['v', 'V'])?.parse().ok()
}

fn existing(policy: &PolicyRecord, id: &str) -> Result<u32, ServiceError> {
    number(id).filter(|number| policy.version(*number).is_some()).ok_or_else(|| no_version(&policy.arn, id))
}

fn no_version(arn: &str, id: &str) -> ServiceError {
    no_such_entity(format!("Policy {arn} version {id} does not exist or is not attachable."))
}

pub(super) fn described(policy: &PolicyRecord, version: &PolicyVersionRecord) -> PolicyVersion {
    PolicyVersion {
        document: Some(encoded(&version.document)),
        version_id: Some(format!("v{}", version.number)),
        is_default_version: Some(version.number == policy.default_version),
        create_date: Some(version.created),
    }
}
