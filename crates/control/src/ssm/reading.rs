//! GetParameter, GetParameters, GetParametersByPath.

use std::sync::Arc;

use api::ssm::{
    GetParameterInput, GetParameterOutput, GetParametersByPathInput, GetParametersByPathOutput, GetParametersInput,
    GetParametersOutput, Parameter,
};
use domain::failure::Link;
use domain::iam::Caller;
use domain::ssm::{Depth, Listing, SECRET_PREFIX, check_name_read, check_path, path_matches};

use super::envelope::{self, Decryption};
use super::lookup::Parameters;
use super::page::page;
use super::record::{ParameterRecord, VersionRecord};
use super::{describe, error, secret_reference};
use crate::iam::authorization::{authorize, decide};
use crate::limits::PARAMETER_PAGE_ITEMS;
use crate::{App, Authorized, Request, ServiceError};

const GET_MANY: &str = "ssm:GetParameters";

/// GetParameter.
pub(super) async fn get(
    app: Arc<App>,
    request: Request<GetParameterInput>,
) -> Result<GetParameterOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Parameters::new(&app, state, caller).access("ssm:GetParameter", &input.name))
    })?;
    let decryption = Decryption::of(input.with_decryption);
    Ok(GetParameterOutput { parameter: Some(read(&app, &caller, &input.name, decryption).await?) })
}

/// GetParameters. Also what ECS calls with a task's execution role.
pub async fn get_many(
    app: Arc<App>,
    request: Request<GetParametersInput>,
) -> Result<GetParametersOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let parameters = Parameters::new(&app, state, caller);
        // The first stands for the call; each of the others is authorised below, with its own tags.
        Ok(parameters.access(GET_MANY, input.names.first().map_or("", String::as_str)))
    })?;
    {
        let state = app.store.read();
        for name in input.names.iter().skip(1) {
            authorize(&app, &state, &caller, &Parameters::new(&app, &state, &caller).access(GET_MANY, name))?;
        }
    }
    let decryption = Decryption::of(input.with_decryption);
    let (mut found, mut invalid, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    for name in input.names {
        if seen.contains(&name) {
            continue;
        }
        match read(&app, &caller, &name, decryption).await {
            Ok(parameter) => found.push(parameter),
            Err(refused) if is_missing(&refused) => invalid.push(name.clone()),
            Err(refused) => return Err(refused),
        }
        seen.push(name);
    }
    Ok(GetParametersOutput { parameters: Some(found), invalid_parameters: Some(invalid) })
}

fn is_missing(refused: &ServiceError) -> bool {
    matches!(&*refused.code, "ParameterNotFound" | "ParameterVersionNotFound")
}

async fn read(app: &Arc<App>, caller: &Caller, text: &str, decryption: Decryption) -> Result<Parameter, ServiceError> {
    if let Some(secret) = text.strip_prefix(SECRET_PREFIX) {
        return secret_reference::read(app, caller, text, secret, decryption).await;
    }
    let state = app.store.read();
    let parameters = Parameters::new(app, &state, caller);
    let asked = parameters.asked(text).ok_or_else(|| error::not_found(text))?;
    if !asked.is_by_arn() {
        check_name_read(asked.name)?;
    }
    let parameter = parameters.at(&asked.arn).ok_or_else(|| error::not_found(text))?;
    let missing = || error::version_not_found(&parameter.name, asked.selector.unwrap_or_default());
    let version = parameter.version(asked.selector).ok_or_else(missing)?;
    let mut answer = view(app, caller, parameter, version, decryption).await?;
    answer.selector = asked.selector.map(|selector| format!(":{selector}"));
    if !asked.is_by_arn() {
        answer.name = Some(asked.name.to_owned());
    }
    Ok(answer)
}

async fn view(
    app: &Arc<App>,
    caller: &Caller,
    parameter: &ParameterRecord,
    version: &VersionRecord,
    decryption: Decryption,
) -> Result<Parameter, ServiceError> {
    Ok(Parameter {
        name: Some(parameter.name.clone()),
        r#type: Some(version.kind.name().to_owned()),
        value: Some(envelope::value(app, caller, parameter, version, decryption).await?),
        version: Some(version.version),
        selector: None,
        source_result: None,
        last_modified_date: Some(version.modified_at),
        arn: Some(parameter.arn.clone()),
        data_type: Some(version.data_type.clone()),
    })
}

/// GetParametersByPath. Who may read a path may read all that lies under it.
pub(super) async fn by_path(
    app: Arc<App>,
    request: Request<GetParametersByPathInput>,
) -> Result<GetParametersByPathOutput, ServiceError> {
    let recursive = |input: &GetParametersByPathInput| input.recursive == Some(true);
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Parameters::new(&app, state, caller).access("ssm:GetParametersByPath", &input.path);
        Ok(access.with_context("ssm:Recursive", recursive(input).to_string()))
    })?;
    check_path(&input.path)?;
    let depth = if recursive(&input) { Depth::Any } else { Depth::One };
    let filters = describe::filters(Listing::ByPath, input.parameter_filters.unwrap_or_default())?;
    let state = app.store.read();
    let parameters = Parameters::new(&app, &state, &caller);
    let prefix = parameters.arn("");
    let found = parameters.all(&prefix).filter_map(|(arn, parameter)| {
        let version = describe::matching_version(parameter, &filters)?;
        path_matches(&parameter.name, &input.path, depth).then_some((arn, (parameter, version)))
    });
    let (found, next_token) = page(found, input.next_token.as_deref(), input.max_results, PARAMETER_PAGE_ITEMS)?;
    let mut views = Vec::new();
    for (parameter, version) in found {
        views.push(view(&app, &caller, parameter, version, Decryption::of(input.with_decryption)).await?);
    }
    Ok(GetParametersByPathOutput { parameters: Some(views), next_token })
}

/// A reading explained, without the value.
pub(crate) struct Reading {
    /// Which statement of which policy decides about it.
    pub(crate) policy: Link,
    /// The parameter's ARN, whether it is there or not.
    pub(crate) arn: String,
    /// The key that opens the version that is asked for, if it is there and encrypted.
    pub(crate) key_arn: Option<String>,
}

/// What a reading by ECS meets, for a cause chain.
pub(crate) fn explain_reading(app: &App, caller: &Caller, name: &str) -> Result<Reading, ServiceError> {
    let state = app.store.read();
    let parameters = Parameters::new(app, &state, caller);
    let access = parameters.access(GET_MANY, name);
    let (_, policy) = decide(app, &state, caller, &access)?;
    let asked = parameters.asked(name);
    let parameter = asked.as_ref().and_then(|asked| parameters.at(&asked.arn));
    let version = parameter.and_then(|parameter| parameter.version(asked.as_ref().and_then(|asked| asked.selector)));
    Ok(Reading {
        policy,
        arn: access.resources.into_iter().next().unwrap_or_default(),
        key_arn: version.and_then(|version| version.value.key_arn()).map(str::to_owned),
    })
}
