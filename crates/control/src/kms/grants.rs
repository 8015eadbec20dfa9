//! CreateGrant, ListGrants, ListRetirableGrants, RevokeGrant, RetireGrant.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::kms::{
    CreateGrantInput, CreateGrantOutput, GrantListEntry, ListGrantsInput, ListGrantsOutput, ListRetirableGrantsInput,
    RetireGrantInput, RetireGrantOutput, RevokeGrantInput, RevokeGrantOutput,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::iam::{Caller, Policy, PolicyKind};
use domain::kms::{EncryptionContext, Grant, GrantConstraints, KeySpec, has_operation, key_arn};

use super::encryption::context;
use super::lookup::Keys;
use super::page::page_from;
use super::record::KeyRecord;
use super::{error, policies};
use crate::limits::GRANTS_OF_KEY;
use crate::page::Order;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// CreateGrant. The same grant with the same name is made once.
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateGrantInput>,
) -> Result<CreateGrantOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let constraints = constraints(input.constraints.as_ref());
        let mut access = Keys::new(&app, state, caller)
            // Who has the right from a grant may give away no more than that grant.
            .access_by_grants("kms:CreateGrant", &input.key_id, |own| own.covers_child(&input.operations, &constraints))
            .with_context("kms:GranteePrincipal", &input.grantee_principal)
            // A service that makes a grant for its caller makes it for the resource that the caller gave it.
            .with_context("kms:GrantIsForAWSResource", caller.via_service.is_some().to_string());
        if let Some(retiring) = &input.retiring_principal {
            access = access.with_context("kms:RetiringPrincipal", retiring);
        }
        Ok(input.operations.iter().fold(access, |access, name| access.with_context("kms:GrantOperations", name)))
    })?;
    check_tokens(&app, input.grant_tokens.as_deref())?;
    let (grant_id, grant_token) = app
        .store
        .write(|state| {
            for principal in [Some(&input.grantee_principal), input.retiring_principal.as_ref()].into_iter().flatten() {
                check_principal(&app, state, principal)?;
            }
            let key = Keys::new(&app, state, &caller).find_without_alias(&input.key_id)?;
            key.state.usable(&key.arn)?;
            check_operations(&key, &input)?;
            error::dry_run(input.dry_run)?;
            put(state, grant(&app, &key, input, caller.account))
        })
        .await?;
    Ok(CreateGrantOutput { grant_token: Some(grant_token), grant_id: Some(grant_id) })
}

/// The grant that is asked for.
fn grant(app: &App, key: &KeyRecord, input: CreateGrantInput, issuing_account: String) -> Grant {
    let id = hex::encode(app.random_bytes::<32>());
    Grant {
        token: URL_SAFE_NO_PAD.encode(record_key(&key.arn, &id)),
        id,
        key_arn: key.arn.clone(),
        name: input.name,
        constraints: constraints(input.constraints.as_ref()),
        grantee: input.grantee_principal,
        retiring_principal: input.retiring_principal,
        issuing_account,
        operations: input.operations,
        created_at: app.now(),
    }
}

fn constraints(asked: Option<&api::kms::GrantConstraints>) -> GrantConstraints {
    let of = |pairs: Option<&BTreeMap<String, String>>| pairs.map(|pairs| context(Some(pairs)));
    GrantConstraints {
        subset: asked.and_then(|asked| of(asked.encryption_context_subset.as_ref())),
        equals: asked.and_then(|asked| of(asked.encryption_context_equals.as_ref())),
    }
}

/// A grant is about what its key can do.
fn check_operations(key: &KeyRecord, input: &CreateGrantInput) -> Result<(), ServiceError> {
    if let Some(operation) = input.operations.iter().find(|name| !has_operation(name, key.usage, key.spec)) {
        return Err(error::validation(format!(
            "Operation {operation} is not supported by the key spec {} with the key usage {}.",
            key.spec.name(),
            key.usage.name()
        )));
    }
    if input.constraints.is_some() && key.spec != KeySpec::SymmetricDefault {
        return Err(error::validation(
            "Encryption context constraints are only supported for symmetric encryption keys.",
        ));
    }
    Ok(())
}

/// Puts the grant, or finds the one that is the same but for its id; answers id and token.
fn put(state: &mut State, grant: Grant) -> Result<(String, String), ServiceError> {
    let first = record_key(&grant.key_arn, "");
    if grant.name.is_some() {
        let same = state.kms_grants.with_prefix(&first).map(|(_, other)| other).find(|other| {
            let copy = Grant {
                id: other.id.clone(),
                token: other.token.clone(),
                created_at: other.created_at,
                ..grant.clone()
            };
            copy == ***other
        });
        if let Some(same) = same {
            return Ok((same.id.clone(), same.token.clone()));
        }
    }
    if state.kms_grants.with_prefix(&first).count() >= GRANTS_OF_KEY {
        return Err(ServiceError::new("LimitExceededException", "Too many grants on this key."));
    }
    let names = (grant.id.clone(), grant.token.clone());
    state.kms_grants.put(&record_key(&grant.key_arn, &grant.id), grant);
    Ok(names)
}

/// ListGrants.
pub(super) async fn list(app: Arc<App>, request: Request<ListGrantsInput>) -> Result<ListGrantsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:ListGrants", &input.key_id))
    })?;
    let state = app.store.read();
    let key = Keys::new(&app, &state, &caller).find_without_alias(&input.key_id)?;
    let wanted = |grant: &Grant| {
        input.grant_id.as_ref().is_none_or(|id| *id == grant.id)
            && input.grantee_principal.as_ref().is_none_or(|principal| *principal == grant.grantee)
    };
    let first = record_key(&key.arn, "");
    listed(&state, &first, wanted, input.marker.as_deref(), input.limit)
}

/// ListRetirableGrants: the grants of the account's keys in this region that a principal may retire.
pub(super) async fn list_retirable(
    app: Arc<App>,
    request: Request<ListRetirableGrantsInput>,
) -> Result<ListGrantsOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("kms:ListRetirableGrants")))?;
    let state = app.store.read();
    let first = key_arn(&caller.region, &caller.account, "");
    let wanted = |grant: &Grant| grant.retiring_principal.as_ref() == Some(&input.retiring_principal);
    listed(&state, &first, wanted, input.marker.as_deref(), input.limit)
}

/// The page of those whose record's key begins with `first`.
fn listed(
    state: &State,
    first: &str,
    wanted: impl Fn(&Grant) -> bool,
    marker: Option<&str>,
    limit: Option<i32>,
) -> Result<ListGrantsOutput, ServiceError> {
    let grants = |after: Option<String>| {
        state.kms_grants.behind(first, Order::Rising, after.as_deref()).filter(|(_, grant)| wanted(grant))
    };
    let (grants, next_marker) = page_from(grants, marker, limit)?;
    Ok(ListGrantsOutput {
        grants: Some(grants.into_iter().map(|grant| entry(grant)).collect()),
        truncated: Some(next_marker.is_some()),
        next_marker,
    })
}

fn entry(grant: &Grant) -> GrantListEntry {
    let constraints = &grant.constraints;
    let bound = constraints.subset.is_some() || constraints.equals.is_some();
    GrantListEntry {
        key_id: Some(grant.key_arn.clone()),
        grant_id: Some(grant.id.clone()),
        name: grant.name.clone(),
        creation_date: Some(grant.created_at),
        grantee_principal: Some(grant.grantee.clone()),
        retiring_principal: grant.retiring_principal.clone(),
        issuing_account: Some(format!("arn:aws:iam::{}:root", grant.issuing_account)),
        operations: Some(grant.operations.clone()),
        constraints: bound.then(|| api::kms::GrantConstraints {
            encryption_context_subset: constraints.subset.clone().map(EncryptionContext::into_map),
            encryption_context_equals: constraints.equals.clone().map(EncryptionContext::into_map),
        }),
    }
}

/// RevokeGrant: the key's owner ends a grant.
pub(super) async fn revoke(
    app: Arc<App>,
    request: Request<RevokeGrantInput>,
) -> Result<RevokeGrantOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:RevokeGrant", &input.key_id))
    })?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_without_alias(&input.key_id)?;
    error::dry_run(input.dry_run)?;
    remove(&app, &record_key(&key.arn, &input.grant_id)).await?;
    Ok(RevokeGrantOutput {})
}

/// RetireGrant: the retiring principal, or a grantee that was given RetireGrant, ends a grant; others need the
/// permission on the key.
pub(super) async fn retire(
    app: Arc<App>,
    request: Request<RetireGrantInput>,
) -> Result<RetireGrantOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let grant = named(&app, state, caller, input).and_then(|key| state.kms_grants.get(&key).cloned());
        let Some(grant) = grant else {
            return Ok(Access::to("kms:RetireGrant", input.key_id.as_deref().unwrap_or("*")));
        };
        let mut access = Keys::new(&app, state, caller).access("kms:RetireGrant", &grant.key_arn);
        // The retiring principal may, as if a grant on the same key said so.
        let own = grant.retiring_principal.clone().map(|grantee| Grant {
            grantee,
            operations: vec!["RetireGrant".into()],
            constraints: GrantConstraints::default(),
            ..Grant::clone(&grant)
        });
        access.resource_policy = access
            .resource_policy
            .map(|policy| domain::kms::policy_with_grants(&policy, own.iter(), "kms:RetireGrant", None));
        Ok(access)
    })?;
    let key = named(&app, &app.store.read(), &caller, &input);
    let key = key.ok_or_else(|| error::validation("Give either a grant token, or a key ARN and a grant id."))?;
    error::dry_run(input.dry_run)?;
    remove(&app, &key).await?;
    Ok(RetireGrantOutput {})
}

/// The record that a request to retire names: by token, or by key and id.
fn named(app: &App, state: &State, caller: &Caller, input: &RetireGrantInput) -> Option<String> {
    match (&input.grant_token, &input.key_id, &input.grant_id) {
        (Some(token), _, _) => token_key(token),
        (None, Some(key_id), Some(id)) => {
            let key = Keys::new(app, state, caller).find(key_id).ok()?;
            Some(record_key(&key.arn, id))
        }
        _ => None,
    }
}

async fn remove(app: &App, key: &str) -> Result<(), ServiceError> {
    let id = key.rsplit('/').next().unwrap_or(key);
    let missing = || ServiceError::new("NotFoundException", format!("Grant ID {id} not found"));
    app.store.write(|state| state.kms_grants.remove(key).map(drop).ok_or_else(missing)).await
}

/// The key of a grant's record.
fn record_key(key_arn: &str, id: &str) -> String {
    format!("{key_arn}/grant/{id}")
}

fn token_key(token: &str) -> Option<String> {
    URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

/// Grants are known at once here, so a token changes nothing; but one that was never given is an error.
pub(super) fn check_tokens(app: &App, tokens: Option<&[String]>) -> Result<(), ServiceError> {
    let state = app.store.read();
    let known = |token: &String| token_key(token).is_some_and(|key| state.kms_grants.contains(&key));
    if tokens.into_iter().flatten().all(known) {
        return Ok(());
    }
    Err(ServiceError::new("InvalidGrantTokenException", "The grant token is not valid."))
}

/// A grant is for a user, a role, a session, an account or a service that exists.
fn check_principal(app: &App, state: &State, text: &str) -> Result<(), ServiceError> {
    let kind = if text.starts_with("arn:") { "AWS" } else { "Service" };
    let document = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {kind: text}, "Action": "kms:Decrypt", "Resource": "*"},
    });
    let policy = Policy::parse(&document.to_string(), PolicyKind::Resource);
    if policy.is_ok_and(|policy| policy.principals().all(|principal| policies::exists(app, state, principal))) {
        return Ok(());
    }
    Err(ServiceError::new("InvalidArnException", format!("ARN does not refer to a valid principal: {text}")))
}
