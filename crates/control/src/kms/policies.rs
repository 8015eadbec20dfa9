//! GetKeyPolicy, PutKeyPolicy, ListKeyPolicies. A key has exactly one policy, named `default`.

use std::sync::Arc;

use api::kms::{
    GetKeyPolicyInput, GetKeyPolicyOutput, ListKeyPoliciesInput, ListKeyPoliciesOutput, PutKeyPolicyInput,
    PutKeyPolicyOutput,
};
use domain::iam::{Caller, Policy, PolicyKind, Principal};

use super::error;
use super::lookup::Keys;
use super::record::KeyRecord;
use super::replicas::put_with_replicas;
use crate::iam::authorization::authorize;
use crate::iam::{role_by_arn, user_by_arn};
use crate::limits::KEY_POLICY_BYTES;
use crate::request::ResourcePolicyRule;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

const NAME: &str = "default";

/// GetKeyPolicy.
pub(super) async fn get(
    app: Arc<App>,
    request: Request<GetKeyPolicyInput>,
) -> Result<GetKeyPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:GetKeyPolicy", &input.key_id))
    })?;
    check_name(input.policy_name.as_deref())?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_without_alias(&input.key_id)?;
    Ok(GetKeyPolicyOutput { policy: Some(key.policy.clone()), policy_name: Some(NAME.into()) })
}

/// PutKeyPolicy.
pub(super) async fn put(
    app: Arc<App>,
    request: Request<PutKeyPolicyInput>,
) -> Result<PutKeyPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:PutKeyPolicy", &input.key_id))
    })?;
    check_name(input.policy_name.as_deref())?;
    app.store
        .write(|state| {
            let mut key = KeyRecord::clone(&*Keys::new(&app, state, &caller).find_without_alias(&input.key_id)?);
            key.policy = input.policy;
            check(&app, state, &caller, &key, input.bypass_policy_lockout_safety_check)?;
            put_with_replicas(state, key);
            Ok::<_, ServiceError>(())
        })
        .await?;
    Ok(PutKeyPolicyOutput {})
}

/// ListKeyPolicies.
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListKeyPoliciesInput>,
) -> Result<ListKeyPoliciesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:ListKeyPolicies", &input.key_id))
    })?;
    Keys::new(&app, &app.store.read(), &caller).find_without_alias(&input.key_id)?;
    Ok(ListKeyPoliciesOutput { policy_names: Some(vec![NAME.into()]), truncated: Some(false), next_marker: None })
}

fn check_name(name: Option<&str>) -> Result<(), ServiceError> {
    match name {
        None | Some(NAME) => Ok(()),
        Some(_) => Err(ServiceError::new("NotFoundException", "No such policy exists")),
    }
}

/// Whether the policy of this key can be read, and leaves its author the right to change it again, unless they say
/// that they mean it.
pub(super) fn check(
    app: &App,
    state: &State,
    caller: &Caller,
    key: &KeyRecord,
    bypass_lockout_check: Option<bool>,
) -> Result<(), ServiceError> {
    if key.policy.len() > KEY_POLICY_BYTES {
        return Err(ServiceError::new("LimitExceededException", "The key policy is longer than 32768 bytes."));
    }
    let policy =
        Policy::parse(&key.policy, PolicyKind::Resource).map_err(|malformed| error::malformed_policy(&malformed))?;
    if !policy.principals().all(|principal| exists(app, state, principal)) {
        return Err(ServiceError::new(
            "MalformedPolicyDocumentException",
            "Policy contains a statement with one or more invalid principals.",
        ));
    }
    if bypass_lockout_check == Some(true) {
        return Ok(());
    }
    let mut access = Access::to("kms:PutKeyPolicy", &key.arn).with_resource_policy(Some(key.policy.clone()));
    access.resource_policy_rule = ResourcePolicyRule::MustAllow;
    authorize(app, state, caller, &access).map_err(|denied| ServiceError {
        chain: denied.chain,
        ..ServiceError::new(
            "MalformedPolicyDocumentException",
            "The new key policy will not allow you to update the key policy in the future.",
        )
    })
}

/// Whether there is such a principal. What other accounts have cannot be known here.
pub(super) fn exists(app: &App, state: &State, principal: &Principal) -> bool {
    match principal {
        Principal::Arn(arn) if arn.split(':').nth(4) == Some(app.settings.account.as_str()) => {
            let session = arn.split_once(":assumed-role/").and_then(|(_, session)| session.split('/').next());
            match session {
                Some(role) => state.iam_roles.values().any(|record| {
                    record.entity.arn.rsplit('/').next() == Some(role)
                        && record.entity.arn.split(':').nth(4) == arn.split(':').nth(4)
                }),
                None => {
                    arn.contains(":federated-user/")
                        || role_by_arn(state, arn).is_some()
                        || user_by_arn(state, arn).is_some()
                }
            }
        }
        // What a policy holds in place of a principal that was deleted; nobody can write it anew.
        Principal::Id(_) => false,
        _ => true,
    }
}
