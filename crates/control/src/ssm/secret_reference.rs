//! `/aws/reference/secretsmanager/<secret>`: GetParameter(s) gives a secret of Secrets Manager, read as the caller.

use std::sync::Arc;

use api::secretsmanager::{GetSecretValueInput, op};
use api::ssm::Parameter;
use domain::iam::Caller;

use super::envelope::{Decryption, PRINCIPAL};
use super::error;
use crate::secretsmanager::values;
use crate::{App, ServiceError, audit};

const VERSION_ID_LENGTHS: std::ops::RangeInclusive<usize> = 32..=64;

/// The secret as a parameter. `secret` is its name, with `:<version id>` or `:<staging label>` or without.
pub(super) async fn read(
    app: &Arc<App>,
    caller: &Caller,
    text: &str,
    secret: &str,
    decryption: Decryption,
) -> Result<Parameter, ServiceError> {
    if decryption == Decryption::NotWanted {
        let message = "WithDecryption flag must be True for retrieving a Secret Manager secret.";
        return Err(error::validation(message));
    }
    let (name, selector) = match secret.split_once(':') {
        Some((name, selector)) => (name, Some(selector.to_owned())),
        None => (secret, None),
    };
    let (version_id, version_stage) = match selector {
        Some(selector) if VERSION_ID_LENGTHS.contains(&selector.len()) => (Some(selector), None),
        selector => (None, selector),
    };
    let input = GetSecretValueInput { secret_id: name.to_owned(), version_id, version_stage };
    let caller = Caller { via_service: Some(format!("ssm.{}.amazonaws.com", caller.region)), ..caller.clone() };
    let request = (input, caller, app.uuid());
    let value = audit::call::<op::GetSecretValue, _, _>(app, PRINCIPAL, request, values::get).await;
    let value = value.map_err(|refused| match &*refused.code {
        "ResourceNotFoundException" => ServiceError {
            chain: refused.chain,
            ..ServiceError::new(
                "ParameterNotFound",
                format!(
                    "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {text} not found."
                ),
            )
        },
        _ => refused,
    })?;
    let source = serde_json::json!({
        "ARN": value.arn,
        "name": value.name,
        "versionId": value.version_id,
        "versionStages": value.version_stages,
        "createdDate": value.created_date,
    });
    let binary = "The secret's value is binary; Parameter Store gives text only.";
    Ok(Parameter {
        name: Some(text.to_owned()),
        r#type: Some("SecureString".into()),
        value: Some(value.secret_string.ok_or_else(|| error::validation(binary))?),
        version: Some(0),
        selector: None,
        source_result: Some(source.to_string()),
        last_modified_date: value.created_date,
        arn: value.arn,
        data_type: None,
    })
}
