//! DescribeSecret, ListSecrets: everything about a secret but its value.

use std::sync::Arc;

use api::secretsmanager::{
    DescribeSecretInput, DescribeSecretOutput, Filter, ListSecretsInput, ListSecretsOutput, SecretListEntry,
};
use domain::iam::Caller;
use domain::secrets::{self, Searchable, matches_all};

use super::lookup::Secrets;
use super::page::page_from;
use super::record::{Order, SecretRecord};
use super::{error, replication, rotation, tags};
use crate::limits::SECRET_PAGE_ITEMS;
use crate::page::Order as Direction;
use crate::{Access, App, Authorized, Request, ServiceError};

/// DescribeSecret.
pub(super) async fn run(
    app: Arc<App>,
    request: Request<DescribeSecretInput>,
) -> Result<DescribeSecretOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Secrets::new(&app, state, caller).access("secretsmanager:DescribeSecret", &input.secret_id))
    })?;
    let state = app.store.read();
    let secret = Secrets::new(&app, &state, &caller).find(&input.secret_id)?;
    let entry = entry(&app, &secret);
    Ok(DescribeSecretOutput {
        arn: entry.arn,
        name: entry.name,
        r#type: entry.r#type,
        description: entry.description,
        kms_key_id: entry.kms_key_id,
        rotation_enabled: entry.rotation_enabled,
        rotation_lambda_arn: entry.rotation_lambda_arn,
        rotation_rules: entry.rotation_rules,
        last_rotated_date: entry.last_rotated_date,
        next_rotation_date: entry.next_rotation_date,
        last_changed_date: entry.last_changed_date,
        last_accessed_date: entry.last_accessed_date,
        deleted_date: entry.deleted_date,
        tags: entry.tags,
        version_ids_to_stages: entry.secret_versions_to_stages,
        created_date: entry.created_date,
        primary_region: entry.primary_region,
        replication_status: replication::shown(&app, &state, &secret),
        ..DescribeSecretOutput::default()
    })
}

/// ListSecrets.
pub(super) async fn list(app: Arc<App>, request: Request<ListSecretsInput>) -> Result<ListSecretsOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("secretsmanager:ListSecrets")))?;
    let filters = filters(input.filters.unwrap_or_default())?;
    let state = app.store.read();
    let planned = input.include_planned_deletion == Some(true);
    let direction = if input.sort_order.as_deref() == Some("desc") { Direction::Falling } else { Direction::Rising };
    let place = place(&caller);
    let secrets = |after: Option<String>| {
        let order = order(input.sort_by.as_deref()) as usize;
        let secrets = state.secrets.sorted_behind(order, &place, direction, after.as_deref());
        let fits = fitting(&app, &filters);
        secrets.filter(move |(_, secret)| (planned || secret.deletion_at.is_none()) && fits(secret))
    };
    let token = input.next_token.as_deref();
    let (secrets, next_token) = page_from(secrets, token, input.max_results, SECRET_PAGE_ITEMS)?;
    Ok(ListSecretsOutput {
        secret_list: Some(secrets.into_iter().map(|secret| entry(&app, secret)).collect()),
        next_token,
    })
}

/// What the sort keys of the caller's secrets in this region begin with.
pub(super) fn place(caller: &Caller) -> String {
    format!("arn:aws:secretsmanager:{}:{} ", caller.region, caller.account)
}

/// Whether a secret fits all filters and is not gone.
pub(super) fn fitting<'a>(app: &App, filters: &'a [secrets::Filter]) -> impl Fn(&SecretRecord) -> bool + 'a {
    let now = app.now();
    move |secret| {
        let tags: Vec<(&str, &str)> = secret.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let searchable = Searchable {
            name: &secret.name,
            description: secret.description.as_deref().unwrap_or_default(),
            primary_region: secret.primary_region(),
            tags: &tags,
        };
        !secret.is_gone(now) && matches_all(filters, &searchable)
    }
}

/// The filters of a request.
pub(super) fn filters(filters: Vec<Filter>) -> Result<Vec<secrets::Filter>, ServiceError> {
    let read = |(at, filter): (usize, Filter)| {
        let key = filter.key.clone().unwrap_or_default();
        if !secrets::Filter::KEYS.contains(&key.as_str()) {
            return Err(invalid_filter_key(at, filter.key.as_deref()));
        }
        let values = filter.values.unwrap_or_default();
        if values.is_empty() {
            return Err(error::invalid_parameter(format!("Invalid filter values for key: {key}")));
        }
        Ok(secrets::Filter { key, values })
    };
    filters.into_iter().enumerate().map(read).collect()
}

fn invalid_filter_key(at: usize, key: Option<&str>) -> ServiceError {
    let Some(key) = key else { return error::invalid_parameter("Invalid filter key") };
    let message = format!(
        "1 validation error detected: Value '{key}' at 'filters.{}.member.key' failed to satisfy constraint: Member must \
         satisfy enum value set: [{}]",
        at + 1,
        secrets::Filter::KEYS.join(", ")
    );
    ServiceError::new("ValidationException", message)
}

fn order(sort_by: Option<&str>) -> Order {
    match sort_by {
        Some("last-accessed-date") => Order::Accessed,
        Some("last-changed-date") => Order::Changed,
        Some("name") => Order::Name,
        _ => Order::Created,
    }
}

/// What a list says of a secret. DescribeSecret says the same and more.
fn entry(app: &App, secret: &SecretRecord) -> SecretListEntry {
    let rotation = secret.rotation.as_ref();
    SecretListEntry {
        arn: Some(secret.arn.clone()),
        name: Some(secret.name.clone()),
        r#type: secret.kind.clone(),
        description: secret.description.clone().filter(|description| !description.is_empty()),
        kms_key_id: secret.kms_key_id.clone(),
        rotation_enabled: rotation.map(|rotation| rotation.enabled),
        rotation_lambda_arn: rotation.and_then(|rotation| rotation.lambda_arn.clone()),
        rotation_rules: rotation.and_then(rotation::rules),
        last_rotated_date: rotation.and_then(rotation::last_date),
        next_rotation_date: rotation.and_then(rotation::next_date),
        last_changed_date: Some(secret.changed_at),
        last_accessed_date: app.last_accesses.of_secret(secret),
        deleted_date: secret.deletion_at,
        tags: tags::shown(secret),
        secret_versions_to_stages: Some(secret.stages.by_version()).filter(|versions| !versions.is_empty()),
        created_date: Some(secret.created_at),
        primary_region: secret.primary_region().map(str::to_owned),
        ..SecretListEntry::default()
    }
}
