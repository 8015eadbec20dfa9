//! OpenID Connect providers: issuers whose tokens AssumeRoleWithWebIdentity takes.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::iam::{
    AddClientIDToOpenIDConnectProviderInput, AddClientIDToOpenIDConnectProviderOutput,
    CreateOpenIDConnectProviderInput, CreateOpenIDConnectProviderOutput, DeleteOpenIDConnectProviderInput,
    DeleteOpenIDConnectProviderOutput, GetOpenIDConnectProviderInput, GetOpenIDConnectProviderOutput,
    ListOpenIDConnectProviderTagsInput, ListOpenIDConnectProviderTagsOutput, ListOpenIDConnectProvidersInput,
    ListOpenIDConnectProvidersOutput, OpenIDConnectProviderListEntry, RemoveClientIDFromOpenIDConnectProviderInput,
    RemoveClientIDFromOpenIDConnectProviderOutput, TagOpenIDConnectProviderInput, TagOpenIDConnectProviderOutput,
    UntagOpenIDConnectProviderInput, UntagOpenIDConnectProviderOutput, UpdateOpenIDConnectProviderThumbprintInput,
    UpdateOpenIDConnectProviderThumbprintOutput,
};

use super::error::{already_exists, invalid_input, limit_exceeded, no_such_entity, validation};
use super::limits::{OIDC_CLIENT_IDS, OIDC_PROVIDERS, OIDC_THUMBPRINTS};
use super::name::{arn, now};
use super::owner::{add_tags, requesting_tags, tag_list, tagged, tags};
use super::record::OidcProviderRecord;
use super::tag::{listed, remove_tags};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// `CreateOpenIDConnectProvider`
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateOpenIDConnectProviderInput>,
) -> Result<CreateOpenIDConnectProviderOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let access = Access::to("iam:CreateOpenIDConnectProvider", provider_arn(&caller.account, &input.url)?);
        Ok(requesting_tags(access, input.tags.as_deref()))
    })?;
    let arn = provider_arn(&caller.account, &input.url)?;
    let mut record = OidcProviderRecord {
        url: input.url,
        client_ids: Vec::new(),
        thumbprints: checked_thumbprints(input.thumbprint_list.unwrap_or_default())?,
        created: now(&app),
        tags: tags(input.tags.as_deref())?,
    };
    for client_id in input.client_id_list.unwrap_or_default() {
        add(&mut record, client_id)?;
    }
    app.store
        .write(|state| {
            if state.iam_oidc_providers.contains(&arn) {
                return Err(already_exists(format!("Provider with url {} already exists.", record.url)));
            }
            let own = arn_prefix(&caller.account);
            if state.iam_oidc_providers.with_prefix(&own).count() >= OIDC_PROVIDERS {
                return Err(limit_exceeded(format!(
                    "Cannot exceed quota for OpenIdConnectProvidersPerAccount: {OIDC_PROVIDERS}"
                )));
            }
            let tags = (!record.tags.is_empty()).then(|| tag_list(&record.tags));
            state.iam_oidc_providers.put(&arn, record);
            Ok(CreateOpenIDConnectProviderOutput { open_id_connect_provider_arn: Some(arn), tags })
        })
        .await
}

/// `GetOpenIDConnectProvider`
pub(super) async fn get(
    app: Arc<App>,
    request: Request<GetOpenIDConnectProviderInput>,
) -> Result<GetOpenIDConnectProviderOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, state, _| {
        Ok(access("iam:GetOpenIDConnectProvider", state, &input.open_id_connect_provider_arn))
    })?;
    let state = app.store.read();
    let provider = find(&state, &input.open_id_connect_provider_arn)?;
    Ok(GetOpenIDConnectProviderOutput {
        url: Some(without_scheme(&provider.url).to_owned()),
        client_id_list: Some(provider.client_ids.clone()),
        thumbprint_list: Some(provider.thumbprints.clone()),
        create_date: Some(provider.created),
        tags: (!provider.tags.is_empty()).then(|| tag_list(&provider.tags)),
    })
}

/// `ListOpenIDConnectProviders`
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListOpenIDConnectProvidersInput>,
) -> Result<ListOpenIDConnectProvidersOutput, ServiceError> {
    let Authorized { caller, .. } = request.authorize(&app, |_, _, caller| {
        Ok(Access::to("iam:ListOpenIDConnectProviders", format!("{}*", arn_prefix(&caller.account))))
    })?;
    let state = app.store.read();
    let prefix = arn_prefix(&caller.account);
    let providers = state.iam_oidc_providers.with_prefix(&prefix);
    let listed = providers.map(|(arn, _)| OpenIDConnectProviderListEntry { arn: Some(arn.to_owned()) }).collect();
    Ok(ListOpenIDConnectProvidersOutput { open_id_connect_provider_list: Some(listed) })
}

/// `UpdateOpenIDConnectProviderThumbprint`
pub(super) async fn update_thumbprints(
    app: Arc<App>,
    request: Request<UpdateOpenIDConnectProviderThumbprintInput>,
) -> Result<UpdateOpenIDConnectProviderThumbprintOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, state, _| {
        Ok(access("iam:UpdateOpenIDConnectProviderThumbprint", state, &input.open_id_connect_provider_arn))
    })?;
    let thumbprints = checked_thumbprints(input.thumbprint_list)?;
    change(&app, &input.open_id_connect_provider_arn, |provider| {
        provider.thumbprints = thumbprints;
        Ok(UpdateOpenIDConnectProviderThumbprintOutput {})
    })
    .await
}

/// `AddClientIDToOpenIDConnectProvider`; one that is there stays so.
pub(super) async fn add_client_id(
    app: Arc<App>,
    request: Request<AddClientIDToOpenIDConnectProviderInput>,
) -> Result<AddClientIDToOpenIDConnectProviderOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, state, _| {
        Ok(access("iam:AddClientIDToOpenIDConnectProvider", state, &input.open_id_connect_provider_arn))
    })?;
    change(&app, &input.open_id_connect_provider_arn, |provider| {
        add(provider, input.client_id)?;
        Ok(AddClientIDToOpenIDConnectProviderOutput {})
    })
    .await
}

/// `RemoveClientIDFromOpenIDConnectProvider`; one that is not there is gone already.
pub(super) async fn remove_client_id(
    app: Arc<App>,
    request: Request<RemoveClientIDFromOpenIDConnectProviderInput>,
) -> Result<RemoveClientIDFromOpenIDConnectProviderOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, state, _| {
        Ok(access("iam:RemoveClientIDFromOpenIDConnectProvider", state, &input.open_id_connect_provider_arn))
    })?;
    change(&app, &input.open_id_connect_provider_arn, |provider| {
        provider.client_ids.retain(|known| *known != input.client_id);
        Ok(RemoveClientIDFromOpenIDConnectProviderOutput {})
    })
    .await
}

/// `DeleteOpenIDConnectProvider`; one that is not there is gone already.
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteOpenIDConnectProviderInput>,
) -> Result<DeleteOpenIDConnectProviderOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, state, _| {
        Ok(access("iam:DeleteOpenIDConnectProvider", state, &input.open_id_connect_provider_arn))
    })?;
    app.store
        .write(|state| {
            state.iam_oidc_providers.remove(&input.open_id_connect_provider_arn);
            Ok(DeleteOpenIDConnectProviderOutput {})
        })
        .await
}

/// `TagOpenIDConnectProvider`
pub(super) async fn tag(
    app: Arc<App>,
    request: Request<TagOpenIDConnectProviderInput>,
) -> Result<TagOpenIDConnectProviderOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, state, _| {
        let access = access("iam:TagOpenIDConnectProvider", state, &input.open_id_connect_provider_arn);
        Ok(requesting_tags(access, Some(&input.tags)))
    })?;
    change(&app, &input.open_id_connect_provider_arn, |provider| {
        add_tags(&mut provider.tags, &input.tags)?;
        Ok(TagOpenIDConnectProviderOutput {})
    })
    .await
}

/// `UntagOpenIDConnectProvider`
pub(super) async fn untag(
    app: Arc<App>,
    request: Request<UntagOpenIDConnectProviderInput>,
) -> Result<UntagOpenIDConnectProviderOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, state, _| {
        let access = access("iam:UntagOpenIDConnectProvider", state, &input.open_id_connect_provider_arn);
        Ok(access.with_tag_keys(&input.tag_keys))
    })?;
    change(&app, &input.open_id_connect_provider_arn, |provider| {
        remove_tags(&mut provider.tags, &input.tag_keys);
        Ok(UntagOpenIDConnectProviderOutput {})
    })
    .await
}

/// `ListOpenIDConnectProviderTags`
pub(super) async fn list_tags(
    app: Arc<App>,
    request: Request<ListOpenIDConnectProviderTagsInput>,
) -> Result<ListOpenIDConnectProviderTagsOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, state, _| {
        Ok(access("iam:ListOpenIDConnectProviderTags", state, &input.open_id_connect_provider_arn))
    })?;
    let state = app.store.read();
    let tags: &BTreeMap<String, String> = &find(&state, &input.open_id_connect_provider_arn)?.tags;
    let page = listed(tags, input.marker.as_deref(), input.max_items)?;
    Ok(ListOpenIDConnectProviderTagsOutput { tags: page.items, is_truncated: page.is_truncated, marker: page.marker })
}

fn access(action: &'static str, state: &State, arn: &str) -> Access {
    let access = Access::to(action, arn);
    match state.iam_oidc_providers.get(arn) {
        Some(provider) => tagged(access, &provider.tags),
        None => access,
    }
}

fn find<'a>(state: &'a State, arn: &str) -> Result<&'a OidcProviderRecord, ServiceError> {
    state.iam_oidc_providers.get(arn).map(|provider| &**provider).ok_or_else(|| missing(arn))
}

fn missing(arn: &str) -> ServiceError {
    no_such_entity(format!("OpenIDConnect Provider not found for arn {arn}"))
}

async fn change<T: Send>(
    app: &App,
    arn: &str,
    change: impl FnOnce(&mut OidcProviderRecord) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    app.store.write(|state| state.iam_oidc_providers.update(arn, change).unwrap_or_else(|| Err(missing(arn)))).await
}

fn add(provider: &mut OidcProviderRecord, client_id: String) -> Result<(), ServiceError> {
    if provider.client_ids.contains(&client_id) {
        return Ok(());
    }
    if provider.client_ids.len() >= OIDC_CLIENT_IDS {
        return Err(limit_exceeded(format!(
            "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {OIDC_CLIENT_IDS}"
        )));
    }
    provider.client_ids.push(client_id);
    Ok(())
}

fn checked_thumbprints(given: Vec<String>) -> Result<Vec<String>, ServiceError> {
    if given.len() > OIDC_THUMBPRINTS {
        return Err(invalid_input(format!("Thumbprint list must contain fewer than {OIDC_THUMBPRINTS} entries.")));
    }
    if given.iter().any(|one| !one.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(invalid_input("A thumbprint must be 40 hexadecimal digits."));
    }
    Ok(given.into_iter().map(|one| one.to_ascii_lowercase()).collect())
}

/// An issuer without its scheme, as ARNs and condition keys name it.
pub(crate) fn without_scheme(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}

/// The ARN of the provider of an issuer.
pub(crate) fn provider_arn(account: &str, url: &str) -> Result<String, ServiceError> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let place = rest.map(|rest| rest.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/'));
    match place {
        Some(place) if !place.is_empty() && !place.starts_with('/') => Ok(arn(account, "oidc-provider", "/", place)),
        _ => Err(validation("Invalid Open ID Connect Provider URL")),
    }
}

fn arn_prefix(account: &str) -> String {
    arn(account, "oidc-provider", "/", "")
}
