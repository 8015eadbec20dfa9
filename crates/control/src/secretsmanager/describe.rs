//! DescribeSecret, ListSecrets: everything about a secret but its value.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use api::secretsmanager::{
    DescribeSecretInput, DescribeSecretOutput, Filter, ListSecretsInput, ListSecretsOutput, SecretListEntry,
};
use domain::iam::Caller;
use domain::secrets::{self, Searchable, matches_all};

use super::error;
use super::lookup::Secrets;
use super::record::SecretRecord;
use super::tags;
use super::versions::{invalid_token, page_size};
use crate::kms::page_in;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// DescribeSecret.
pub(super) async fn run(
    app: Arc<App>,
    request: Request<DescribeSecretInput>,
) -> Result<DescribeSecretOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Secrets::new(&app, state, caller).access("secretsmanager:DescribeSecret", &input.secret_id))
    })?;
    let secret = Secrets::new(&app, &app.store.read(), &caller).find(&input.secret_id)?;
    Ok(DescribeSecretOutput {
        arn: Some(secret.arn.clone()),
        name: Some(secret.name.clone()),
        r#type: secret.kind.clone(),
        description: secret.description.clone(),
        kms_key_id: secret.kms_key_id.clone(),
        last_changed_date: Some(secret.changed_at),
        last_accessed_date: secret.accessed_on,
        deleted_date: secret.deletion_at,
        tags: Some(tags::list(&secret.tags)),
        version_ids_to_stages: Some(labels(&secret)),
        created_date: Some(secret.created_at),
        ..DescribeSecretOutput::default()
    })
}

/// The labels of every version that has any.
fn labels(secret: &SecretRecord) -> BTreeMap<String, Vec<String>> {
    let of = |id: &String| (id.clone(), secret.stages.of(id));
    secret.versions.keys().map(of).filter(|(_, stages)| !stages.is_empty()).collect()
}

/// ListSecrets.
pub(super) async fn list(app: Arc<App>, request: Request<ListSecretsInput>) -> Result<ListSecretsOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("secretsmanager:ListSecrets")))?;
    let filters = filters(input.filters.unwrap_or_default())?;
    let state = app.store.read();
    let planned = input.include_planned_deletion == Some(true);
    let found = matching(&app, &state, &caller, &filters).filter(|secret| planned || secret.deletion_at.is_none());
    let order = Order::of(input.sort_by.as_deref());
    let mut keyed: Vec<(String, &Arc<SecretRecord>)> = found.map(|secret| (order.key(secret), secret)).collect();
    keyed.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let direction = if input.sort_order.as_deref() == Some("asc") { Ordering::Greater } else { Ordering::Less };
    if direction == Ordering::Less {
        keyed.reverse();
    }
    let keyed = keyed.iter().map(|(key, secret)| (key.as_str(), *secret));
    let (secrets, next_token) = page_in(direction, keyed, input.next_token.as_deref(), page_size(input.max_results))
        .ok_or_else(invalid_token)?;
    Ok(ListSecretsOutput { secret_list: Some(secrets.into_iter().map(|secret| entry(secret)).collect()), next_token })
}

/// The caller's secrets that fit all filters and are not gone.
pub(super) fn matching<'a>(
    app: &'a App,
    state: &'a State,
    caller: &Caller,
    filters: &'a [secrets::Filter],
) -> impl Iterator<Item = &'a Arc<SecretRecord>> {
    let first = format!("arn:aws:secretsmanager:{}:{}:secret:", caller.region, caller.account);
    let now = app.now();
    let fits = move |secret: &SecretRecord| {
        let tags: Vec<(&str, &str)> = secret.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let searchable = Searchable {
            name: &secret.name,
            description: secret.description.as_deref().unwrap_or_default(),
            region: &caller.region,
            tags: &tags,
        };
        !secret.is_gone(now) && matches_all(filters, &searchable)
    };
    state.secrets.values().filter(move |secret| secret.arn.starts_with(&first) && fits(secret))
}

/// The filters of a request.
pub(super) fn filters(filters: Vec<Filter>) -> Result<Vec<secrets::Filter>, ServiceError> {
    let read = |filter: Filter| {
        let key = filter.key.unwrap_or_default();
        if !secrets::Filter::KEYS.contains(&key.as_str()) {
            return Err(error::invalid_parameter("Invalid filter key"));
        }
        let values = filter.values.unwrap_or_default();
        if values.is_empty() {
            return Err(error::invalid_parameter(format!("Invalid filter values for key: {key}")));
        }
        Ok(secrets::Filter { key, values })
    };
    filters.into_iter().map(read).collect()
}

/// What ListSecrets sorts by.
#[derive(Clone, Copy)]
enum Order {
    Created,
    Accessed,
    Changed,
    Name,
}

impl Order {
    fn of(sort_by: Option<&str>) -> Self {
        match sort_by {
            Some("last-accessed-date") => Self::Accessed,
            Some("last-changed-date") => Self::Changed,
            Some("name") => Self::Name,
            _ => Self::Created,
        }
    }

    /// A text that sorts as it should, and that no two secrets share.
    fn key(self, secret: &SecretRecord) -> String {
        let time = match self {
            Self::Name => return format!("{} {}", secret.name, secret.arn),
            Self::Created => Some(secret.created_at),
            Self::Accessed => secret.accessed_on,
            Self::Changed => Some(secret.changed_at),
        };
        format!("{:020} {}", time.unwrap_or_default().milliseconds(), secret.arn)
    }
}

fn entry(secret: &SecretRecord) -> SecretListEntry {
    SecretListEntry {
        arn: Some(secret.arn.clone()),
        name: Some(secret.name.clone()),
        r#type: secret.kind.clone(),
        description: secret.description.clone(),
        kms_key_id: secret.kms_key_id.clone(),
        last_changed_date: Some(secret.changed_at),
        last_accessed_date: secret.accessed_on,
        deleted_date: secret.deletion_at,
        tags: Some(tags::list(&secret.tags)),
        secret_versions_to_stages: Some(labels(secret)),
        created_date: Some(secret.created_at),
        ..SecretListEntry::default()
    }
}
