//! A container's `secrets` that come from SSM: read with GetParameters, in batches, as the execution role.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::ssm::{GetParametersInput, Parameter, op};
use domain::failure::{Link, LinkKind, Outcome};
use domain::iam::Caller;
use wire::{Arn, Sensitive};

use super::road::{self, Road, Thing};
use super::secret_environment::Refused;
use crate::iam::sessions::TASK_SERVICE;
use crate::limits::PARAMETER_BATCH;
use crate::ssm::reading;
use crate::{App, audit};

/// The errors that the model gives GetParameters.
const MODELLED: &[&str] = &["InvalidKeyId", "InternalServerError"];

/// The values by what was asked for: a name or an ARN.
pub(super) type Values = BTreeMap<String, Sensitive>;

/// Reads parameters, each once. An ARN is asked for in its own region, a name in the task's.
pub(super) async fn read(app: &Arc<App>, caller: &Caller, names: &[&str]) -> Result<Values, Refused> {
    let mut by_region: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for name in names {
        let region = name.parse::<Arn>().map_or_else(|_| caller.region.clone(), |arn| arn.region);
        by_region.entry(region).or_default().insert(name);
    }
    let mut values = Values::new();
    for (region, names) in by_region {
        let caller = Caller { region, ..caller.clone() };
        let names: Vec<&str> = names.into_iter().collect();
        for batch in names.chunks(PARAMETER_BATCH) {
            values.extend(read_batch(app, &caller, batch).await?);
        }
    }
    Ok(values)
}

async fn read_batch(app: &Arc<App>, caller: &Caller, names: &[&str]) -> Result<Values, Refused> {
    let input = GetParametersInput {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        with_decryption: Some(true),
    };
    let request_id = app.uuid();
    let request = (input, caller.clone(), request_id.clone());
    let answer = audit::call::<op::GetParameters, _, _>(app, TASK_SERVICE, request, reading::get_many).await;
    let answer = answer.map_err(|error| {
        let text = road::sdk_text("SSM: GetParameters", |code| MODELLED.contains(&code), &error, &request_id);
        let name = culprit(app, caller, names, &error.chain);
        Refused { text: ssm(&text), chain: road_of(app, caller, name).broken_by(error.chain) }
    })?;
    let invalid = answer.invalid_parameters.unwrap_or_default();
    if let Some(first) = invalid.first() {
        let chain = road_of(app, caller, first).broken_by(vec![unknown(first)]);
        return Err(Refused { text: ssm(&format!("invalid parameters: {}", invalid.join(","))), chain });
    }
    Ok(by_asked(names, answer.parameters.unwrap_or_default()))
}

/// What was asked for is answered in the order of asking, when nothing is missing.
fn by_asked(names: &[&str], parameters: Vec<Parameter>) -> Values {
    let values = parameters.into_iter().map(|parameter| parameter.value.unwrap_or_else(|| "".into()));
    names.iter().map(|name| (*name).to_owned()).zip(values).collect()
}

/// The one of the names at which the call failed: the first that may not be read, or the one with the key that refused.
fn culprit<'a>(app: &App, caller: &Caller, names: &[&'a str], links: &[Link]) -> &'a str {
    let key = links.iter().find(|link| link.kind == LinkKind::Key).map(|link| link.subject.as_str());
    let failed = names.iter().find(|name| {
        reading::explain_reading(app, caller, name).is_ok_and(|reading| match key {
            Some(key) => reading.key_arn.as_deref() == Some(key),
            None => reading.policy.outcome == Outcome::Broken,
        })
    });
    failed.or(names.first()).copied().unwrap_or_default()
}

fn road_of<'a>(app: &'a App, caller: &'a Caller, name: &'a str) -> Road<'a> {
    Road { app, caller, thing: Thing::Parameter(name) }
}

fn ssm(text: &str) -> String {
    format!("unable to retrieve secrets from ssm: service call has been retried 1 time(s): {text}")
}

fn unknown(name: &str) -> Link {
    Link::broken(
        LinkKind::Secret,
        name,
        "There is no parameter of this name or ARN (or no such version or label of it) in this account and region.",
        "Correct valueFrom (compare it with: aws ssm describe-parameters), or make the parameter (aws ssm put-parameter).",
    )
}
