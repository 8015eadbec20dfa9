//! LabelParameterVersion, UnlabelParameterVersion. A label is on one version of a parameter at most.

use std::sync::Arc;

use api::ssm::{
    LabelParameterVersionInput, LabelParameterVersionOutput, UnlabelParameterVersionInput,
    UnlabelParameterVersionOutput,
};
use domain::ssm::is_valid_label;

use super::error;
use super::lookup::{Parameters, change};
use super::record::{ParameterRecord, VersionRecord};
use crate::limits::PARAMETER_LABELS;
use crate::{App, Authorized, Request, ServiceError};

/// LabelParameterVersion: attaches labels to a version (the newest, if none is said), taking them from others.
pub(super) async fn label(
    app: Arc<App>,
    request: Request<LabelParameterVersionInput>,
) -> Result<LabelParameterVersionOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Parameters::new(&app, state, caller).access("ssm:LabelParameterVersion", &input.name))
    })?;
    let (valid, invalid): (Vec<_>, Vec<_>) = input.labels.into_iter().partition(|label| is_valid_label(label));
    let number = change(&app, &caller, &input.name, |parameter| {
        let number = input.parameter_version.unwrap_or(parameter.latest.version);
        attach(parameter, &input.name, number, valid)?;
        Ok(number)
    })
    .await?;
    Ok(LabelParameterVersionOutput { invalid_labels: Some(invalid), parameter_version: Some(number) })
}

fn attach(parameter: &mut ParameterRecord, name: &str, number: i64, labels: Vec<String>) -> Result<(), ServiceError> {
    for version in parameter.versions_mut().filter(|version| version.version != number) {
        version.labels.retain(|label| !labels.contains(label));
    }
    let version = version_mut(parameter, name, number)?;
    for label in labels {
        if !version.labels.contains(&label) {
            version.labels.push(label);
        }
    }
    if version.labels.len() > PARAMETER_LABELS {
        let message = format!(
            "A parameter version can have maximum {PARAMETER_LABELS} labels. Move one or more labels to another version \
             and try again."
        );
        return Err(ServiceError::new("ParameterVersionLabelLimitExceeded", message));
    }
    Ok(())
}

/// UnlabelParameterVersion.
pub(super) async fn unlabel(
    app: Arc<App>,
    request: Request<UnlabelParameterVersionInput>,
) -> Result<UnlabelParameterVersionOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Parameters::new(&app, state, caller).access("ssm:UnlabelParameterVersion", &input.name))
    })?;
    let (removed, invalid) = change(&app, &caller, &input.name, |parameter| {
        let version = version_mut(parameter, &input.name, input.parameter_version)?;
        let (removed, invalid): (Vec<_>, Vec<_>) =
            input.labels.into_iter().partition(|label| version.labels.contains(label));
        version.labels.retain(|label| !removed.contains(label));
        Ok((removed, invalid))
    })
    .await?;
    Ok(UnlabelParameterVersionOutput { removed_labels: Some(removed), invalid_labels: Some(invalid) })
}

fn version_mut<'a>(
    parameter: &'a mut ParameterRecord,
    name: &str,
    number: i64,
) -> Result<&'a mut VersionRecord, ServiceError> {
    let found = parameter.versions_mut().find(|version| version.version == number);
    found.ok_or_else(|| error::version_not_found(name, &number.to_string()))
}
