//! RegisterTaskDefinition and RunTask on a copy of the records, for CheckTaskDefinition.
//!
//! The same functions as the real calls, but for the rights of the caller: those are the check's own business. What was not
//! said of the place (cluster, subnets) is chosen here, so that a definition can be checked by itself.

use std::sync::Arc;

use api::ecs::{
    AwsVpcConfiguration, CreateClusterInput, NetworkConfiguration, RegisterTaskDefinitionInput, RunTaskInput,
    TaskDefinition, op,
};
use domain::ecs::{Refusal, Task, complete_role, tags_from};
use domain::iam::{Caller, Identity};
use domain::mend::definition_input;
use serde_json::Value;

use super::task_definition::{self, TASKS_PRINCIPAL};
use super::{arn, cluster, error, run_task};
use crate::audit::{self, Trail};
use crate::ec2::{self, Owner};
use crate::iam::authorization;
use crate::store::State;
use crate::{App, Rehearsal, ServiceError};

/// Who makes what is missing.
const SERVICE: &str = "ecs.amazonaws.com";

/// How a task is to be run.
#[derive(Clone, Debug)]
pub(crate) enum Run {
    /// As far as it was said, and anyhow else.
    At(Place),
    /// As a task was, but for its definition.
    Again(Box<RunTaskInput>),
}

/// Where a task is to run, as far as it was said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) cluster: Option<String>,
    pub(crate) launch_type: Option<String>,
    pub(crate) subnets: Option<Vec<String>>,
}

/// Registers a definition.
pub(crate) async fn register(
    rehearsal: &Rehearsal,
    caller: &Caller,
    input: RegisterTaskDefinitionInput,
) -> Result<TaskDefinition, ServiceError> {
    let app = rehearsal.app();
    let tags = tags_from(input.tags.as_deref())?;
    app.store.write(|state| task_definition::add(app, state, caller, input, tags)).await
}

/// What a definition does wrong, all of it, in ECS's words.
pub(crate) fn broken_rules(rehearsal: &Rehearsal, caller: &Caller, input: RegisterTaskDefinitionInput) -> Vec<Refusal> {
    task_definition::broken_rules(rehearsal.app(), caller, input)
}

/// The definition that an ARN, `family:revision` or a family means.
pub(crate) fn find(app: &App, caller: &Caller, named: &str) -> Option<TaskDefinition> {
    let named = arn::task_definition(caller, named);
    task_definition::find(&app.store.read(), &named).map(|record| record.definition.clone())
}

/// The input that registers a definition again, given its ARN.
pub(crate) fn registration(app: &App, arn: &str) -> Option<Value> {
    let state = app.store.read();
    let record = state.task_definitions.get(arn)?;
    definition_input(&record.definition, &record.tags)
}

/// How many logins of a registry are told.
const LOGINS: usize = 2;

/// The secrets that definitions of the account name for images of a registry, each once.
pub(crate) fn logins(state: &State, account: &str, of_registry: impl Fn(&str) -> bool) -> Vec<String> {
    let own = |arn: &str| arn.split(':').nth(4) == Some(account);
    let definitions = state.task_definitions.iter().rev().filter(|(arn, _)| own(arn));
    let containers = definitions.flat_map(|(_, record)| record.definition.container_definitions.iter().flatten());
    let mut known: Vec<String> = Vec::new();
    for container in containers.filter(|one| one.image.as_deref().is_some_and(&of_registry)) {
        let secret = container.repository_credentials.as_ref().map(|one| &one.credentials_parameter);
        known.extend(secret.filter(|secret| !known.contains(secret)).cloned());
        if known.len() == LOGINS {
            break;
        }
    }
    known
}

/// Runs a task of a definition, as far as RunTask goes.
pub(crate) async fn run(
    rehearsal: &Rehearsal,
    caller: &Caller,
    definition: &TaskDefinition,
    run: &Run,
) -> Result<Task, ServiceError> {
    let app = rehearsal.app();
    let task_definition = definition.task_definition_arn.clone().unwrap_or_default();
    let input = match run {
        Run::At(place) => RunTaskInput { task_definition, ..placed(app, caller, definition, place).await? },
        Run::Again(input) => RunTaskInput { task_definition, ..RunTaskInput::clone(input) },
    };
    let made = app.store.write(|state| run_task::rehearse(app, caller, &input, state)).await?;
    match made.into_iter().next() {
        Some(Ok(task)) => Ok(task),
        Some(Err(failure)) => Err(ServiceError::new("InvalidParameterException", failure.detail.unwrap_or_default())),
        None => Err(ServiceError::new("InternalFailure", "No task was made.").with_status(500)),
    }
}

async fn placed(
    app: &Arc<App>,
    caller: &Caller,
    definition: &TaskDefinition,
    place: &Place,
) -> Result<RunTaskInput, ServiceError> {
    if place.cluster.is_none() {
        let root = Caller { identity: Identity::Root, ..caller.clone() };
        let request = (CreateClusterInput::default(), root, app.uuid());
        let created = audit::call::<op::CreateCluster, _, _>(app, SERVICE, request, cluster::create);
        // Nobody asked for this cluster: it is no decision about the check.
        Trail::default().follow(created).await?;
    }
    ec2::ensure_default_network(app, Owner::of(caller)).await?;
    Ok(RunTaskInput {
        cluster: place.cluster.clone(),
        launch_type: Some(place.launch_type.clone().unwrap_or_else(|| launch_type(definition).to_owned())),
        network_configuration: network(&app.store.read(), caller, definition, place)?,
        ..RunTaskInput::default()
    })
}

/// Whether the caller may hand a role to tasks, and the role's full ARN.
pub(crate) fn pass_role(app: &App, caller: &Caller, role: &str) -> Result<String, ServiceError> {
    let arn = complete_role(role, &caller.account)?;
    authorization::pass_role(app, &app.store.read(), caller, &arn, TASKS_PRINCIPAL)?;
    Ok(arn)
}

/// What is meant when no launch type is said: Fargate, where it can be.
fn launch_type(definition: &TaskDefinition) -> &'static str {
    let fargate = definition.compatibilities.iter().flatten().any(|kind| kind == "FARGATE");
    if fargate { "FARGATE" } else { "EC2" }
}

fn network(
    state: &State,
    caller: &Caller,
    definition: &TaskDefinition,
    place: &Place,
) -> Result<Option<NetworkConfiguration>, ServiceError> {
    let subnets = match &place.subnets {
        Some(subnets) => subnets.clone(),
        None if definition.network_mode.as_deref() != Some("awsvpc") => return Ok(None),
        None => vec![any_subnet(state, caller)?],
    };
    let configuration = AwsVpcConfiguration { subnets, ..AwsVpcConfiguration::default() };
    Ok(Some(NetworkConfiguration { awsvpc_configuration: Some(configuration) }))
}

/// A subnet of the account; one of the default network, if there is one.
fn any_subnet(state: &State, caller: &Caller) -> Result<String, ServiceError> {
    let own = || state.subnets.values().filter(|subnet| subnet.owner() == Owner::of(caller));
    let chosen = own().find(|subnet| subnet.default_for_zone).or_else(|| own().next());
    chosen
        .map(|subnet| subnet.id.clone())
        .ok_or_else(|| error::parameter("There is no subnet that a task could be in."))
}
