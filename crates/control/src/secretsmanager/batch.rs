//! BatchGetSecretValue: several secrets in one call; each is authorised for itself, and fails for itself.

use std::sync::Arc;

use api::secretsmanager::{
    APIErrorType, BatchGetSecretValueInput, BatchGetSecretValueOutput, GetSecretValueInput, SecretValueEntry, op,
};
use domain::iam::Caller;

use super::envelope::PRINCIPAL;
use super::page::page_from;
use super::record::Order;
use super::{describe, error, values};
use crate::iam::authorization::authorize;
use crate::limits::BATCH_SECRETS;
use crate::page::Order as Direction;
use crate::{Access, App, Authorized, Request, ServiceError, audit};

/// BatchGetSecretValue.
pub(super) async fn run(
    app: Arc<App>,
    request: Request<BatchGetSecretValueInput>,
) -> Result<BatchGetSecretValueOutput, ServiceError> {
    let Authorized { input, caller, id } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("secretsmanager:BatchGetSecretValue")))?;
    let (secret_ids, next_token) = wanted(&app, &caller, input)?;
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for secret_id in secret_ids {
        let input = GetSecretValueInput { secret_id: secret_id.clone(), ..GetSecretValueInput::default() };
        let request = (input, caller.clone(), id.clone());
        match audit::call::<op::GetSecretValue, _, _>(&app, PRINCIPAL, request, values::get).await {
            Ok(value) => values.push(SecretValueEntry {
                arn: value.arn,
                name: value.name,
                version_id: value.version_id,
                secret_binary: value.secret_binary,
                secret_string: value.secret_string,
                version_stages: value.version_stages,
                created_date: value.created_date,
            }),
            Err(refused) => errors.push(APIErrorType {
                secret_id: Some(secret_id),
                error_code: Some(refused.code.into_owned()),
                message: Some(refused.message),
            }),
        }
    }
    Ok(BatchGetSecretValueOutput { secret_values: Some(values), next_token, errors: Some(errors) })
}

/// The secrets that are named, or a page of those that fit the filters.
fn wanted(
    app: &App,
    caller: &Caller,
    input: BatchGetSecretValueInput,
) -> Result<(Vec<String>, Option<String>), ServiceError> {
    if input.max_results.is_some() && input.filters.is_none() {
        return Err(error::invalid_parameter(
            "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.",
        ));
    }
    match (input.secret_id_list, input.filters) {
        (Some(list), None) if list.len() <= BATCH_SECRETS => Ok((list, None)),
        (Some(_), None) => {
            Err(error::invalid_parameter(format!("SecretIdList can have at most {BATCH_SECRETS} secrets.")))
        }
        (None, Some(filters)) => {
            let state = app.store.read();
            authorize(app, &state, caller, &Access::to_any("secretsmanager:ListSecrets"))?;
            let filters = describe::filters(filters)?;
            let (place, created) = (describe::place(caller), Order::Created as usize);
            let secrets = |after: Option<String>| {
                let secrets = state.secrets.sorted_behind(created, &place, Direction::Rising, after.as_deref());
                let fits = describe::fitting(app, &filters);
                let secrets = secrets.filter(move |(_, secret)| secret.deletion_at.is_none() && fits(secret));
                secrets.map(|(key, secret)| (key, secret.arn.clone()))
            };
            page_from(secrets, input.next_token.as_deref(), input.max_results, BATCH_SECRETS)
        }
        _ => Err(error::invalid_parameter("Either 'SecretIdList' or 'Filters' must be provided, but not both.")),
    }
}
