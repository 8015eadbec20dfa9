//! CreateAlias, UpdateAlias, DeleteAlias, ListAliases.
//!
//! A call needs the permission on the alias and on the keys it is moved between.

use std::sync::Arc;

use api::kms::{
    AliasListEntry, CreateAliasInput, CreateAliasOutput, DeleteAliasInput, DeleteAliasOutput, ListAliasesInput,
    ListAliasesOutput, UpdateAliasInput, UpdateAliasOutput,
};
use domain::iam::Caller;

use super::error;
use super::lookup::Keys;
use super::page::page_from;
use super::record::{AliasRecord, KeyRecord};
use crate::iam::authorization::authorize;
use crate::page::Order;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// CreateAlias.
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateAliasInput>,
) -> Result<CreateAliasOutput, ServiceError> {
    let Authorized { input, caller, .. } = request
        .authorize(&app, |input, _, caller| Ok(Access::to("kms:CreateAlias", alias_arn(caller, &input.alias_name))))?;
    check_name(&input.alias_name)?;
    let (now, arn) = (app.now(), alias_arn(&caller, &input.alias_name));
    app.store
        .write(|state| {
            let target = target(&app, state, &caller, "kms:CreateAlias", &input.target_key_id)?;
            if state.kms_aliases.contains(&arn) {
                let message = format!("An alias with the name {arn} already exists");
                return Err(ServiceError::new("AlreadyExistsException", message));
            }
            let alias = AliasRecord {
                arn: arn.clone(),
                name: input.alias_name,
                target_arn: target.arn.clone(),
                created_at: now,
                updated_at: now,
            };
            state.kms_aliases.put(&arn, alias);
            Ok(())
        })
        .await?;
    Ok(CreateAliasOutput {})
}

/// UpdateAlias: the alias stands for another key.
pub(super) async fn update(
    app: Arc<App>,
    request: Request<UpdateAliasInput>,
) -> Result<UpdateAliasOutput, ServiceError> {
    let Authorized { input, caller, .. } = request
        .authorize(&app, |input, _, caller| Ok(Access::to("kms:UpdateAlias", alias_arn(caller, &input.alias_name))))?;
    check_name(&input.alias_name)?;
    let arn = alias_arn(&caller, &input.alias_name);
    let now = app.now();
    app.store
        .write(|state| {
            authorize_on_target(&app, state, &caller, "kms:UpdateAlias", &arn)?;
            let target = target(&app, state, &caller, "kms:UpdateAlias", &input.target_key_id)?;
            let updated = state.kms_aliases.update(&arn, |alias| {
                alias.target_arn.clone_from(&target.arn);
                alias.updated_at = now;
            });
            updated.ok_or_else(|| error::alias_not_found(&arn))
        })
        .await?;
    Ok(UpdateAliasOutput {})
}

/// DeleteAlias: its key stays.
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteAliasInput>,
) -> Result<DeleteAliasOutput, ServiceError> {
    let Authorized { input, caller, .. } = request
        .authorize(&app, |input, _, caller| Ok(Access::to("kms:DeleteAlias", alias_arn(caller, &input.alias_name))))?;
    check_name(&input.alias_name)?;
    let arn = alias_arn(&caller, &input.alias_name);
    app.store
        .write(|state| {
            authorize_on_target(&app, state, &caller, "kms:DeleteAlias", &arn)?;
            state.kms_aliases.remove(&arn).map(drop).ok_or_else(|| error::alias_not_found(&arn))
        })
        .await?;
    Ok(DeleteAliasOutput {})
}

/// ListAliases: of the account, or of one key.
pub(super) async fn list(app: Arc<App>, request: Request<ListAliasesInput>) -> Result<ListAliasesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |_, _, _| Ok(Access::to_any("kms:ListAliases")))?;
    let state = app.store.read();
    let target = match &input.key_id {
        Some(key_id) => Some(Keys::new(&app, &state, &caller).find(key_id)?),
        None => None,
    };
    let first = alias_arn(&caller, "alias/");
    let aliases = |after: Option<String>| {
        let aliases = state.kms_aliases.behind(&first, Order::Rising, after.as_deref());
        aliases.filter(|(_, alias)| target.as_ref().is_none_or(|key| key.arn == alias.target_arn))
    };
    let (aliases, next_marker) = page_from(aliases, input.marker.as_deref(), input.limit)?;
    let entry = |alias: &AliasRecord| AliasListEntry {
        alias_name: Some(alias.name.clone()),
        alias_arn: Some(alias.arn.clone()),
        target_key_id: alias.target_arn.rsplit('/').next().map(str::to_owned),
        creation_date: Some(alias.created_at),
        last_updated_date: Some(alias.updated_at),
    };
    Ok(ListAliasesOutput {
        aliases: Some(aliases.into_iter().map(|alias| entry(alias)).collect()),
        truncated: Some(next_marker.is_some()),
        next_marker,
    })
}

fn alias_arn(caller: &Caller, name: &str) -> String {
    format!("arn:aws:kms:{}:{}:{name}", caller.region, caller.account)
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    let Some(rest) = name.strip_prefix("alias/").filter(|rest| !rest.is_empty()) else {
        return Err(error::validation(
            "Alias must start with the prefix \"alias/\". Please see \
             https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        ));
    };
    if rest.starts_with("aws/") {
        return Err(ServiceError::new("NotAuthorizedException", ""));
    }
    if rest.contains(':') {
        let message = format!("{name} contains invalid characters for an alias");
        return Err(ServiceError::new("InvalidAliasNameException", message));
    }
    Ok(())
}

/// The new target, if the caller may do this with it.
fn target(
    app: &App,
    state: &State,
    caller: &Caller,
    action: &'static str,
    key_id: &str,
) -> Result<Arc<KeyRecord>, ServiceError> {
    if key_id.contains("alias/") {
        return Err(error::validation("Aliases must refer to keys. Not aliases"));
    }
    let keys = Keys::new(app, state, caller);
    authorize(app, state, caller, &keys.access(action, key_id))?;
    let key = keys.find(key_id)?;
    key.state.changeable(&key.arn)?;
    Ok(key)
}

/// The key that the alias stands for now must admit the call too.
fn authorize_on_target(
    app: &App,
    state: &State,
    caller: &Caller,
    action: &'static str,
    arn: &str,
) -> Result<(), ServiceError> {
    let alias = state.kms_aliases.get(arn).ok_or_else(|| error::alias_not_found(arn))?;
    authorize(app, state, caller, &Keys::new(app, state, caller).access(action, &alias.target_arn))
}
