//! The definition itself: ECS's rules for it, and what RunTask looks at before it makes a task.
//!
//! ECS refuses a definition with the first rule that it breaks; here every rule is a link of its own, as far as one can be
//! told without another being mended first.

use api::ecs::{ContainerDefinition, RegisterTaskDefinitionInput, TaskDefinition};
use domain::ecs::{Task, unsupported};
use domain::failure::{Link, LinkKind};
use domain::iam::Caller;
use wire::document::input_from_json;

use super::Road;
use crate::ecs::rehearsal::{self, Run};
use crate::front::violations;
use crate::iam::authorization::authorize;
use crate::{Access, App, Rehearsal, ServiceError};

const UNSUPPORTED: &str = "UnsupportedFeatureException";
const NOT_REACHED: &str = "Not reached: the task definition is refused before.";

/// How the definition is given.
#[derive(Clone)]
pub(super) enum Written {
    /// A registered one: its ARN, `family:revision`, or the family.
    Registered(String),
    /// The JSON of RegisterTaskDefinition.
    Document(String),
}

impl Written {
    /// A registered definition, which is shown only to who may see it.
    pub(super) fn registered(app: &App, caller: &Caller, name: String) -> Result<Self, ServiceError> {
        authorize(app, &app.store.read(), caller, &Access::to_any("ecs:DescribeTaskDefinition"))?;
        Ok(Self::Registered(name))
    }
}

/// What is known of the definition in the end.
pub(super) struct Definition {
    /// The ARN it has, or would get.
    pub(super) arn: Option<String>,
    /// The links up to the making of a task.
    pub(super) links: Vec<Link>,
    /// What the definition is about, for the links that are not reached.
    pub(super) outline: Outline,
    /// The task that RunTask would make.
    pub(super) task: Option<Task>,
}

/// Checks the definition and tries to make a task of it.
pub(super) async fn look(rehearsal: &Rehearsal, caller: &Caller, written: &Written, run: &Run) -> Definition {
    let (outline, definition) = match written {
        Written::Registered(name) => registered(rehearsal, caller, name),
        Written::Document(document) => registering(rehearsal, caller, document).await,
    };
    let (link, definition) = match definition {
        Ok((link, definition)) => (link, definition),
        Err(mut links) => {
            links.push(launch_not_reached());
            return Definition { arn: None, links, outline, task: None };
        }
    };
    let arn = definition.task_definition_arn.clone();
    match rehearsal::run(rehearsal, caller, &definition, run).await {
        Ok(task) => Definition { arn, links: vec![link, launched(&task)], outline, task: Some(task) },
        Err(error) => {
            let more = unsupported(&definition)
                .into_iter()
                .filter(|also| is_unsupported(&error) && also.message != error.message);
            let links = [link, refused(&error, run)].into_iter();
            let links = links.chain(more.map(|also| refused(&also.into(), run))).collect();
            Definition { arn, links, outline, task: None }
        }
    }
}

type Known = (Outline, Result<(Link, TaskDefinition), Vec<Link>>);

fn registered(rehearsal: &Rehearsal, caller: &Caller, name: &str) -> Known {
    let Some(definition) = rehearsal::find(rehearsal.app(), caller, name) else {
        let detail = "There is no such task definition, or the family has no ACTIVE revision.";
        let mend = "aws ecs list-task-definitions shows what there is.";
        return (Outline::default(), Err(vec![Link::broken(LinkKind::Definition, name, detail, mend)]));
    };
    let arn = definition.task_definition_arn.clone().unwrap_or_default();
    let link = Link::good(LinkKind::Definition, arn, "It is registered.");
    (Outline::of_definition(&definition), Ok((link, definition)))
}

async fn registering(rehearsal: &Rehearsal, caller: &Caller, document: &str) -> Known {
    let broken = |subject: &str, detail: String| {
        Link::broken(LinkKind::Definition, subject, detail, "Correct this in the task definition.")
    };
    let input: RegisterTaskDefinitionInput = match input_from_json(document.as_bytes()) {
        Ok(input) => input,
        Err(error) => return (Outline::default(), Err(vec![broken("the task definition", error.to_string())])),
    };
    let (outline, family) = (Outline::of_input(&input), input.family.clone());
    let violations = wire::Check::violations_of(&input);
    if !violations.is_empty() {
        let error = violations::error(&api::ecs::SERVICE, &violations);
        return (outline, Err(vec![broken(&family, error.message)]));
    }
    let rules = rehearsal::broken_rules(rehearsal, caller, input.clone());
    if !rules.is_empty() {
        return (outline, Err(rules.into_iter().map(|rule| broken(&family, rule.message)).collect()));
    }
    let definition = match rehearsal::register(rehearsal, caller, input).await {
        Ok(definition) => definition,
        Err(error) => return (outline, Err(vec![broken(&family, error.message)])),
    };
    let subject = format!("{family}:{}", definition.revision.unwrap_or_default());
    let link = Link::good(LinkKind::Definition, subject, "RegisterTaskDefinition would take it, under this name.");
    (outline, Ok((link, definition)))
}

fn launched(task: &Task) -> Link {
    let shown = |value: &Option<String>| value.clone().unwrap_or_default();
    let detail = format!(
        "RunTask would take it: {} CPU units, {} MiB, linux/{}, in {}.",
        shown(&task.cpu),
        shown(&task.memory),
        task.spec.architecture,
        task.spec.interface.subnet_id
    );
    Link::good(LinkKind::Launch, &task.spec.launch_type, detail)
}

fn is_unsupported(error: &ServiceError) -> bool {
    error.code == UNSUPPORTED
}

fn refused(error: &ServiceError, run: &Run) -> Link {
    let mend = match &*error.code {
        "ClusterNotFoundException" => "Make the cluster (aws ecs create-cluster), or name another one with cluster.",
        UNSUPPORTED => "Take this out of the task definition; SPECIFICATION.md lists what is not run.",
        _ if error.message.contains("ubnet") => "Name a subnet that exists: aws ec2 describe-subnets.",
        _ if error.message.contains("launch_type") => {
            "Give the task definition what FARGATE needs (networkMode awsvpc, cpu, memory); with requiresCompatibilities \
             [\"FARGATE\"] it is told what is missing."
        }
        _ => "Correct this in the task definition, or in what was said of cluster, launch type and subnets.",
    };
    let launch_type = match run {
        Run::At(place) => place.launch_type.as_deref(),
        Run::Again(input) => input.launch_type.as_deref(),
    };
    let subject = launch_type.unwrap_or("RunTask");
    Link::broken(LinkKind::Launch, subject, format!("RunTask would refuse it: {error}"), mend)
}

fn launch_not_reached() -> Link {
    Link::not_reached(LinkKind::Launch, "RunTask", NOT_REACHED)
}

/// What a definition is about.
#[derive(Default)]
pub(super) struct Outline {
    roles: Vec<String>,
    containers: Vec<ContainerDefinition>,
}

impl Outline {
    fn of_input(input: &RegisterTaskDefinitionInput) -> Self {
        let roles = [&input.execution_role_arn, &input.task_role_arn].into_iter().flatten().cloned();
        Self { roles: roles.collect(), containers: input.container_definitions.clone() }
    }

    fn of_definition(definition: &TaskDefinition) -> Self {
        let roles = [&definition.execution_role_arn, &definition.task_role_arn].into_iter().flatten().cloned();
        Self { roles: roles.collect(), containers: definition.container_definitions.clone().unwrap_or_default() }
    }

    /// The roles, not reached.
    pub(super) fn roles(&self) -> Vec<Link> {
        self.roles.iter().map(|role| Link::not_reached(LinkKind::Role, role, NOT_REACHED)).collect()
    }

    /// The containers, not reached.
    pub(super) fn containers(&self) -> Vec<Road> {
        self.containers.iter().map(unreached).collect()
    }
}

fn unreached(container: &ContainerDefinition) -> Road {
    let link = |kind, subject: &str| Link::not_reached(kind, subject, NOT_REACHED);
    let mut links = Vec::new();
    let credentials = container.repository_credentials.as_ref();
    links.extend(credentials.map(|credentials| link(LinkKind::Secret, &credentials.credentials_parameter)));
    links.extend(container.image.as_ref().map(|image| link(LinkKind::Image, image)));
    links.extend(container.secrets.iter().flatten().map(|secret| link(LinkKind::Secret, &secret.value_from)));
    Road::new(container.name.clone(), links)
}
