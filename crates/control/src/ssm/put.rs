//! PutParameter: a new parameter, or a new version of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::ssm::{PutParameterInput, PutParameterOutput};
use domain::iam::Caller;
use domain::ssm::{Kind, check_data_type, check_new_name, check_value, parse_policies, tier};

use super::envelope::{self, DEFAULT_KEY};
use super::lookup::Parameters;
use super::record::{ParameterRecord, StoredValue, VersionRecord};
use super::{error, tags};
use crate::limits::PARAMETER_VERSIONS;
use crate::prepared::{PREPARATIONS, Unmade, too_busy};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// PutParameter.
pub(crate) async fn run(
    app: Arc<App>,
    request: Request<PutParameterInput>,
) -> Result<PutParameterOutput, ServiceError> {
    let Authorized { mut input, caller, .. } =
        request.authorize(&app, |input, state, caller| Ok(access(Parameters::new(&app, state, caller), input)))?;
    // As AWS does, spaces around a name are taken away.
    input.name = input.name.trim().to_owned();
    let arn = Parameters::new(&app, &app.store.read(), &caller).arn(&input.name);
    check_new_name(&input.name, &arn)?;
    if overwrites(&input) && input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        return Err(error::validation(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove \
             overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or \
             RemoveTagsFromResource.",
        ));
    }
    for _ in 0..PREPARATIONS {
        let present = Parameters::new(&app, &app.store.read(), &caller).at(&arn).cloned();
        let version = version(&app, &caller, &arn, &input, present.as_deref()).await?;
        let tier = version.tier.name().to_owned();
        let seen = present.map(|present| present.latest.version);
        match app.store.write(|state| store(&app, state, &caller, &arn, &input, version, seen)).await {
            Err(Unmade::Stale) => {}
            Err(Unmade::Refused(error)) => return Err(error),
            Ok(number) => return Ok(PutParameterOutput { version: Some(number), tier: Some(tier) }),
        }
    }
    Err(too_busy("TooManyUpdates"))
}

fn access(parameters: Parameters<'_>, input: &PutParameterInput) -> Access {
    let access = parameters
        .access("ssm:PutParameter", input.name.trim())
        .with_context("ssm:Overwrite", overwrites(input).to_string());
    let access = match &input.policies {
        Some(policies) => access.with_context("ssm:Policies", policies),
        None => access,
    };
    tags::with_request_tags(access, input.tags.iter().flatten())
}

fn overwrites(input: &PutParameterInput) -> bool {
    input.overwrite == Some(true)
}

fn already_exists() -> ServiceError {
    ServiceError::new(
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
    )
}

/// The version that is asked for, encrypted if need be. What is not said stays as it is in the present version.
async fn version(
    app: &Arc<App>,
    caller: &Caller,
    arn: &str,
    input: &PutParameterInput,
    present: Option<&ParameterRecord>,
) -> Result<VersionRecord, ServiceError> {
    let present = present.map(|present| &present.latest);
    if present.is_some() && !overwrites(input) {
        return Err(already_exists());
    }
    let kind = kind(input, present)?;
    let inherited = |of: fn(&VersionRecord) -> Option<String>| present.and_then(of);
    let data_type = input.data_type.clone().filter(|given| !given.is_empty());
    let data_type = data_type.or_else(|| inherited(|version| Some(version.data_type.clone())));
    let data_type = data_type.unwrap_or_else(|| "text".to_owned());
    check_data_type(&data_type, kind)?;
    let pattern = input.allowed_pattern.clone().or_else(|| inherited(|version| version.allowed_pattern.clone()));
    let allowed_pattern = pattern.filter(|pattern| !pattern.is_empty());
    if let Some(pattern) = &allowed_pattern {
        check_value(input.value.expose(), pattern)?;
    }
    let now = app.now();
    let policies = match &input.policies {
        Some(policies) => parse_policies(policies, now)?,
        None => present.map(|version| version.policies.clone()).unwrap_or_default(),
    };
    let present_tier = present.map(|version| version.tier);
    let tier = tier(input.tier.as_deref(), present_tier, input.value.expose(), policies.len())?;
    let (value, key_id) = match kind {
        Kind::SecureString => {
            let key_id = input.key_id.clone().or_else(|| inherited(|version| version.key_id.clone()));
            let key_id = key_id.unwrap_or_else(|| DEFAULT_KEY.to_owned());
            (envelope::seal(app, caller, arn, &key_id, tier, &input.value).await?, Some(key_id))
        }
        Kind::String | Kind::StringList => (StoredValue::Plain(input.value.clone()), None),
    };
    Ok(VersionRecord {
        version: 1,
        kind,
        value,
        key_id,
        description: input.description.clone().or_else(|| inherited(|version| version.description.clone())),
        allowed_pattern,
        tier,
        policies,
        data_type,
        modified_at: now,
        modified_by: caller.arn(),
        labels: Vec::new(),
    })
}

/// The kind that is asked for; with Overwrite it may be another one than before.
fn kind(input: &PutParameterInput, present: Option<&VersionRecord>) -> Result<Kind, ServiceError> {
    let asked = input.r#type.as_deref().and_then(Kind::of_name);
    let kind = asked.or_else(|| present.map(|present| present.kind));
    kind.ok_or_else(|| error::validation("A parameter type is required when you create a parameter."))
}

/// Puts the version, and answers its number, if the parameter has still the version that was `seen`: what was not said
/// was taken from that.
fn store(
    app: &App,
    state: &mut State,
    caller: &Caller,
    arn: &str,
    input: &PutParameterInput,
    mut version: VersionRecord,
    seen: Option<i64>,
) -> Result<i64, Unmade> {
    let present = Parameters::new(app, state, caller).at(arn).map(|present| ParameterRecord::clone(present));
    if present.as_ref().map(|present| present.latest.version) != seen {
        return Err(Unmade::Stale);
    }
    let parameter = match present {
        Some(mut parameter) => {
            version.version = parameter.latest.version + 1;
            let before = std::mem::replace(&mut parameter.latest, version);
            parameter.earlier.push(before);
            drop_oldest(&mut parameter)?;
            parameter
        }
        None => ParameterRecord {
            arn: arn.to_owned(),
            name: input.name.clone(),
            tags: tags::merged(&BTreeMap::new(), input.tags.clone().unwrap_or_default())?,
            latest: version,
            earlier: Vec::new(),
        },
    };
    let number = parameter.latest.version;
    state.parameters.put(arn, parameter);
    Ok(number)
}

/// Drops the oldest version if there are too many, but none that has a label.
fn drop_oldest(parameter: &mut ParameterRecord) -> Result<(), ServiceError> {
    if parameter.earlier.len() < PARAMETER_VERSIONS {
        return Ok(());
    }
    let oldest = parameter.earlier.remove(0);
    if oldest.labels.is_empty() {
        return Ok(());
    }
    let message = format!(
        "You attempted to create a new version of {} by calling the PutParameter API with the overwrite flag. Version {}, \
         the oldest version, can't be deleted because it has a label associated with it. Move the label to another \
         version of the parameter, and try again.",
        parameter.name, oldest.version
    );
    Err(ServiceError::new("ParameterMaxVersionLimitExceeded", message))
}
