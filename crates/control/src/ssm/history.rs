//! GetParameterHistory: every version that is kept.

use std::sync::Arc;

use api::ssm::{GetParameterHistoryInput, GetParameterHistoryOutput, ParameterHistory};

use super::describe;
use super::envelope::{self, Decryption};
use super::lookup::Parameters;
use super::page::page;
use crate::limits::PARAMETER_HISTORY_ITEMS;
use crate::{App, Authorized, Request, ServiceError};

/// GetParameterHistory, oldest first.
pub(super) async fn run(
    app: Arc<App>,
    request: Request<GetParameterHistoryInput>,
) -> Result<GetParameterHistoryOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Parameters::new(&app, state, caller).access("ssm:GetParameterHistory", &input.name))
    })?;
    let parameter = Arc::clone(Parameters::new(&app, &app.store.read(), &caller).find(&input.name)?);
    let keyed: Vec<_> = parameter.versions().map(|version| (format!("{:020}", version.version), version)).collect();
    let versions = keyed.iter().map(|(key, version)| (key.as_str(), *version));
    let token = input.next_token.as_deref();
    let (versions, next_token) = page(versions, token, input.max_results, PARAMETER_HISTORY_ITEMS)?;
    let decryption = Decryption::of(input.with_decryption);
    let mut views = Vec::new();
    for version in versions {
        views.push(ParameterHistory {
            name: Some(parameter.name.clone()),
            r#type: Some(version.kind.name().to_owned()),
            key_id: version.key_id.clone(),
            last_modified_date: Some(version.modified_at),
            last_modified_user: Some(version.modified_by.clone()),
            description: version.description.clone(),
            value: Some(envelope::value(&app, &caller, &parameter, version, decryption).await?),
            allowed_pattern: version.allowed_pattern.clone(),
            version: Some(version.version),
            labels: Some(version.labels.clone()),
            tier: Some(version.tier.name().to_owned()),
            policies: Some(describe::policies(&version.policies)),
            data_type: Some(version.data_type.clone()),
        });
    }
    Ok(GetParameterHistoryOutput { parameters: Some(views), next_token })
}
