//! RunTask: everything is checked, then one write makes the tasks and their network interfaces. What runs them is the
//! reconciler's business.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::ecs::{AwsVpcConfiguration, Failure, RunTaskInput, RunTaskOutput, Tag, TaskDefinition, TaskOverride};
use domain::ecs::{ContainerIds, MANAGED_TAG_CLUSTER, NewTask, Task, complete_role, merge_tags, new_task, tags_from};
use domain::iam::Caller;
use sha2::{Digest as _, Sha256};
use wire::Timestamp;

use super::error::{client, parameter};
use super::record::{ClientTokenRecord, ClusterRecord, TaskDefinitionRecord};
use super::show::show_with_tags;
use super::task_definition::{self, TASKS_PRINCIPAL};
use super::{account_setting, arn, cluster, cluster_capacity};
use crate::ec2::Owner;
use crate::ec2::interfaces::{self, AllocateInterface};
use crate::iam::authorization;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// The most tasks of one call.
const COUNT: i32 = 10;
/// The most subnets to choose from.
const SUBNETS: usize = 16;
/// The most security groups of a task.
const SECURITY_GROUPS: usize = 5;
/// The longest client token.
const CLIENT_TOKEN_LENGTH: usize = 64;
/// The longest `startedBy`.
const STARTED_BY_LENGTH: usize = 128;

/// RunTask.
pub(super) async fn run(app: Arc<App>, request: Request<RunTaskInput>) -> Result<RunTaskOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let named = arn::task_definition(caller, &input.task_definition);
        let definition = task_definition::find(state, &named);
        let known = definition.and_then(|record| record.definition.task_definition_arn.clone());
        let access = Access::to("ecs:RunTask", known.unwrap_or(named))
            .with_context("ecs:cluster", arn::cluster(caller, input.cluster.as_deref()));
        let access = match definition {
            Some(record) => arn::tagged(access, &record.tags),
            None => access,
        };
        Ok(arn::requesting_tags(access, input.tags.as_deref()))
    })?;
    let wanted = Wanted::new(&app, &caller, &input)?;
    app.store.write(|state| wanted.write(state)).await
}

/// What can be checked without looking at any record.
fn check_input(input: &RunTaskInput) -> Result<usize, ServiceError> {
    let count = input.count.unwrap_or(1);
    if !(1..=COUNT).contains(&count) {
        return Err(parameter(format!("count should be between 1 and {COUNT}.")));
    }
    if input.launch_type.is_some() && input.capacity_provider_strategy.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(parameter(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    let token_is_good = |token: &str| {
        !token.is_empty() && token.len() <= CLIENT_TOKEN_LENGTH && token.bytes().all(|byte| (33..=126).contains(&byte))
    };
    if input.client_token.as_deref().is_some_and(|token| !token_is_good(token)) {
        return Err(parameter(format!(
            "Client token must be 1 to {CLIENT_TOKEN_LENGTH} characters of the ASCII range 33 to 126."
        )));
    }
    let started_by_is_good = |text: &str| {
        text.len() <= STARTED_BY_LENGTH
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte))
    };
    if input.started_by.as_deref().is_some_and(|text| !started_by_is_good(text)) {
        return Err(parameter(format!(
            "startedBy must be at most {STARTED_BY_LENGTH} letters, numbers, hyphens, forward slashes and underscores."
        )));
    }
    if input.group.as_deref().is_some_and(|group| group.starts_with("service:")) {
        return Err(parameter("Invalid namespace for group."));
    }
    if input.propagate_tags.as_deref() == Some("SERVICE") {
        return Err(parameter("SERVICE is not a valid value for propagateTags when a task is run."));
    }
    if input.volume_configurations.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(ServiceError::new("UnsupportedFeatureException", "Tidegate does not run tasks with EBS volumes."));
    }
    usize::try_from(count).map_err(|_| parameter("count is invalid."))
}

/// What the same client token must come with again.
fn digest(input: &RunTaskInput) -> String {
    let text = serde_json::to_vec(input).unwrap_or_default();
    hex::encode(Sha256::digest(text))
}

/// One call, with what it is about.
struct Wanted<'a> {
    app: &'a App,
    caller: &'a Caller,
    input: &'a RunTaskInput,
    cluster_arn: String,
    count: usize,
    digest: String,
    now: Timestamp,
}

/// Where one task runs: its launch type, and the capacity provider if one was asked for.
struct Place {
    launch_type: &'static str,
    capacity_provider: Option<String>,
}

/// What RunTask would make of this input, left in `state`, which is for the caller to throw away. Whether the roles may be
/// handed over is not asked.
pub(super) fn rehearse(
    app: &App,
    caller: &Caller,
    input: &RunTaskInput,
    state: &mut State,
) -> Result<Vec<Result<Task, Failure>>, ServiceError> {
    let wanted = Wanted::new(app, caller, input)?;
    let cluster = cluster::find_active(state, &wanted.cluster_arn)?.clone();
    let (record, places) = wanted.definition_and_places(state, &cluster)?;
    wanted.make(state, &cluster, &record, places)
}

impl<'a> Wanted<'a> {
    fn new(app: &'a App, caller: &'a Caller, input: &'a RunTaskInput) -> Result<Self, ServiceError> {
        Ok(Self {
            app,
            count: check_input(input)?,
            cluster_arn: arn::cluster(caller, input.cluster.as_deref()),
            digest: digest(input),
            now: app.now(),
            caller,
            input,
        })
    }

    fn write(&self, state: &mut State) -> Result<RunTaskOutput, ServiceError> {
        let cluster = cluster::find_active(state, &self.cluster_arn)?.clone();
        if let Some(answer) = self.answered_before(state)? {
            return Ok(answer);
        }
        let (record, places) = self.definition_and_places(state, &cluster)?;
        self.check_roles(state, &record.definition)?;
        let answer = self.make(state, &cluster, &record, places)?;
        if let Some(token) = &self.input.client_token {
            let record = ClientTokenRecord {
                request_digest: self.digest.clone(),
                task_ids: answer
                    .iter()
                    .filter_map(|made| made.as_ref().ok().map(|task| task.id().to_owned()))
                    .collect(),
                created_at: self.now,
            };
            state.task_client_tokens.put(&self.token_key(token), record);
        }
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for made in answer {
            match made {
                Ok(task) => tasks.push(show_with_tags(&task)),
                Err(failure) => failures.push(failure),
            }
        }
        Ok(RunTaskOutput { tasks: Some(tasks), failures: Some(failures) })
    }

    fn definition_and_places(
        &self,
        state: &State,
        cluster: &ClusterRecord,
    ) -> Result<(TaskDefinitionRecord, Vec<Place>), ServiceError> {
        let named = arn::task_definition(self.caller, &self.input.task_definition);
        let record = task_definition::find(state, &named).ok_or_else(|| client("TaskDefinition not found."))?;
        if !task_definition::is_active(record) {
            return Err(parameter("TaskDefinition is inactive"));
        }
        let places = self.places(cluster)?;
        for place in &places {
            self.check_place(&record.definition, place)?;
        }
        Ok((record.clone(), places))
    }

    fn make(
        &self,
        state: &mut State,
        cluster: &ClusterRecord,
        record: &TaskDefinitionRecord,
        places: Vec<Place>,
    ) -> Result<Vec<Result<Task, Failure>>, ServiceError> {
        let network = self.network(&record.definition)?;
        self.check_network(state, network)?;
        let tags = self.tags(record, cluster)?;
        self.make_tasks(state, &record.definition, network, &tags, places)
    }

    fn token_key(&self, token: &str) -> String {
        format!("{} {token}", self.cluster_arn)
    }

    /// The tasks that the same client token made before.
    fn answered_before(&self, state: &State) -> Result<Option<RunTaskOutput>, ServiceError> {
        let Some(token) = &self.input.client_token else { return Ok(None) };
        let Some(known) = state.task_client_tokens.get(&self.token_key(token)) else { return Ok(None) };
        if known.request_digest != self.digest {
            return Err(ServiceError::new(
                "ConflictException",
                "The client token was already used in a request with different parameters.",
            ));
        }
        let tasks = known.task_ids.iter().filter_map(|id| state.tasks.get(id)).map(|task| show_with_tags(task));
        Ok(Some(RunTaskOutput { tasks: Some(tasks.collect()), failures: Some(Vec::new()) }))
    }

    /// The place of each task: the launch type, the strategy, the cluster's strategy, or EC2.
    fn places(&self, cluster: &ClusterRecord) -> Result<Vec<Place>, ServiceError> {
        let given = self.input.capacity_provider_strategy.as_deref().unwrap_or_default();
        let strategy = match (self.input.launch_type.as_deref(), given) {
            (Some(_), _) => &[][..],
            (None, []) => &cluster.default_strategy[..],
            (None, given) => given,
        };
        if !strategy.is_empty() {
            let providers = cluster_capacity::spread(cluster, strategy, self.count)?;
            let place = |provider| Place { launch_type: "FARGATE", capacity_provider: Some(provider) };
            return Ok(providers.into_iter().map(place).collect());
        }
        let launch_type = match self.input.launch_type.as_deref() {
            None | Some("EC2") => "EC2",
            Some("FARGATE") => "FARGATE",
            Some(other) => {
                return Err(ServiceError::new(
                    "UnsupportedFeatureException",
                    format!("Tidegate does not run tasks of the launch type {other}."),
                ));
            }
        };
        Ok((0..self.count).map(|_| Place { launch_type, capacity_provider: None }).collect())
    }

    fn check_place(&self, definition: &TaskDefinition, place: &Place) -> Result<(), ServiceError> {
        let fargate = place.launch_type == "FARGATE";
        if fargate && !definition.compatibilities.iter().flatten().any(|kind| kind == "FARGATE") {
            return Err(parameter("Task definition does not support launch_type FARGATE."));
        }
        match (fargate, self.input.platform_version.as_deref()) {
            (_, None) | (true, Some("LATEST" | "1.4.0")) => Ok(()),
            (true, Some(_)) => {
                Err(ServiceError::new("PlatformUnknownException", "The specified platform version doesn't exist."))
            }
            (false, Some(_)) => Err(parameter("The platform version must be null when specifying an EC2 launch type.")),
        }
    }

    /// The caller must be allowed to hand over the roles the task will have. Whether they exist and trust ECS shows
    /// when the task starts.
    fn check_roles(&self, state: &State, definition: &TaskDefinition) -> Result<(), ServiceError> {
        let none = TaskOverride::default();
        let overrides = self.input.overrides.as_ref().unwrap_or(&none);
        let roles = [
            overrides.execution_role_arn.as_ref().or(definition.execution_role_arn.as_ref()),
            overrides.task_role_arn.as_ref().or(definition.task_role_arn.as_ref()),
        ];
        for role in roles.into_iter().flatten() {
            let role = complete_role(role, &self.caller.account)?;
            authorization::pass_role(self.app, state, self.caller, &role, TASKS_PRINCIPAL)?;
        }
        Ok(())
    }

    fn network(&self, definition: &TaskDefinition) -> Result<&AwsVpcConfiguration, ServiceError> {
        let given = self.input.network_configuration.as_ref().and_then(|network| network.awsvpc_configuration.as_ref());
        let awsvpc = definition.network_mode.as_deref() == Some("awsvpc");
        match given {
            Some(_) if !awsvpc => {
                Err(parameter("Network Configuration is not valid for the given networkMode of this task definition."))
            }
            Some(network) => Ok(network),
            None if awsvpc => {
                Err(parameter("Network Configuration must be provided when networkMode 'awsvpc' is specified."))
            }
            None => Err(ServiceError::new(
                "UnsupportedFeatureException",
                format!(
                    "Tidegate does not run tasks of network mode '{}'; use 'awsvpc'.",
                    definition.network_mode.as_deref().unwrap_or("bridge")
                ),
            )),
        }
    }

    fn check_network(&self, state: &State, network: &AwsVpcConfiguration) -> Result<(), ServiceError> {
        if network.subnets.is_empty() {
            return Err(parameter("subnets can not be empty."));
        }
        if network.subnets.len() > SUBNETS {
            return Err(parameter(format!("subnets can have at most {SUBNETS} items.")));
        }
        if network.security_groups.as_ref().is_some_and(|groups| groups.len() > SECURITY_GROUPS) {
            return Err(parameter(format!("securityGroups can have at most {SECURITY_GROUPS} items.")));
        }
        let mut vpc: Option<&str> = None;
        for id in &network.subnets {
            let subnet = state.subnets.get(id).filter(|subnet| subnet.owner() == Owner::of(self.caller));
            let subnet = subnet.ok_or_else(|| {
                parameter(format!(
                    "Error retrieving subnet information for [{id}]: The subnet ID '{id}' does not exist (ErrorCode: \
                     InvalidSubnetID.NotFound)"
                ))
            })?;
            if *vpc.get_or_insert(&subnet.vpc_id) != subnet.vpc_id {
                return Err(parameter("The subnets of a network configuration must be in the same VPC."));
            }
        }
        Ok(())
    }

    fn tags(
        &self,
        definition: &TaskDefinitionRecord,
        cluster: &ClusterRecord,
    ) -> Result<BTreeMap<String, String>, ServiceError> {
        let mut tags = BTreeMap::new();
        if self.input.propagate_tags.as_deref() == Some("TASK_DEFINITION") {
            tags.clone_from(&definition.tags);
        }
        let given: Option<&[Tag]> = self.input.tags.as_deref();
        merge_tags(&mut tags, tags_from(given)?)?;
        if self.input.enable_ecs_managed_tags == Some(true) {
            tags.insert(MANAGED_TAG_CLUSTER.to_owned(), cluster.name.clone());
        }
        Ok(tags)
    }

    /// Makes one task after another; what there is no address for is a failure of that task alone.
    fn make_tasks(
        &self,
        state: &mut State,
        definition: &TaskDefinition,
        network: &AwsVpcConfiguration,
        tags: &BTreeMap<String, String>,
        places: Vec<Place>,
    ) -> Result<Vec<Result<Task, Failure>>, ServiceError> {
        let first = usize::from(u16::from_be_bytes(self.app.random_bytes()));
        let mut made = Vec::with_capacity(places.len());
        for (index, place) in places.into_iter().enumerate() {
            let subnet_id = &network.subnets[(first + index) % network.subnets.len()];
            match self.make_task(state, definition, network, subnet_id, tags.clone(), place) {
                Ok(task) => made.push(Ok(task)),
                Err(error) if error.code.starts_with("Insufficient") => made.push(Err(Failure {
                    arn: Some(self.cluster_arn.clone()),
                    reason: Some("RESOURCE:ENI".to_owned()),
                    detail: Some(error.message),
                })),
                Err(error) => return Err(error),
            }
        }
        Ok(made)
    }

    fn make_task(
        &self,
        state: &mut State,
        definition: &TaskDefinition,
        network: &AwsVpcConfiguration,
        subnet_id: &str,
        tags: BTreeMap<String, String>,
        place: Place,
    ) -> Result<Task, ServiceError> {
        let assign_public_ip = network.assign_public_ip.as_deref() == Some("ENABLED");
        if assign_public_ip && place.launch_type != "FARGATE" {
            return Err(parameter("Assign public IP is not supported for this launch type."));
        }
        let task_id = hex::encode(self.app.random_bytes::<16>());
        let wanted = AllocateInterface {
            owner: Owner::of(self.caller),
            subnet_id,
            security_groups: network.security_groups.as_deref().unwrap_or_default(),
            assign_public_ip,
            task_id: &task_id,
            attachment_id: &self.app.uuid(),
        };
        let interface = interfaces::allocate(self.app, state, &wanted).map_err(network_error)?;
        let containers = definition.container_definitions.as_ref().map_or(0, Vec::len);
        let container_ids = (0..containers).map(|_| self.container_ids()).collect();
        let new = NewTask {
            account: &self.caller.account,
            region: &self.caller.region,
            cluster_arn: &self.cluster_arn,
            task_id: &task_id,
            launch_type: place.launch_type,
            capacity_provider: place.capacity_provider,
            availability_zone: state.subnets.get(subnet_id).map(|it| it.availability_zone.clone()).unwrap_or_default(),
            interface,
            container_ids,
            group: self.input.group.clone(),
            started_by: self.input.started_by.clone(),
            subnets: network.subnets.clone(),
            enable_execute_command: self.input.enable_execute_command == Some(true),
            default_log_mode: account_setting::default_log_mode(state, self.caller),
            tags,
            created_at: self.now,
        };
        let task = new_task(definition, self.input.overrides.clone().unwrap_or_default(), new)?;
        state.tasks.put(&task_id, task.clone());
        Ok(task)
    }

    fn container_ids(&self) -> ContainerIds {
        let number = u64::from_be_bytes(self.app.random_bytes()) % 10_000_000_000;
        ContainerIds { id: self.app.uuid(), number: format!("{number:010}") }
    }
}

/// EC2's refusal of an interface, as ECS tells it.
fn network_error(error: ServiceError) -> ServiceError {
    if error.code.starts_with("Insufficient") {
        return error;
    }
    if error.code != "InvalidGroup.NotFound" {
        return parameter(error.message);
    }
    let id = error.message.split('\'').nth(1).unwrap_or_default().to_owned();
    parameter(format!(
        "Error retrieving security group information for [{id}]: {} (ErrorCode: {})",
        error.message, error.code
    ))
}
