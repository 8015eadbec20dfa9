//! Task definitions: each family's revisions rise for ever, whatever becomes of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::ecs::{
    DeleteTaskDefinitionsInput, DeleteTaskDefinitionsOutput, DeregisterTaskDefinitionInput,
    DeregisterTaskDefinitionOutput, DescribeTaskDefinitionInput, DescribeTaskDefinitionOutput, Failure,
    RegisterTaskDefinitionInput, RegisterTaskDefinitionOutput, TaskDefinition,
};
use domain::ecs::{Refusal, Registration, complete_role, tags_from};
use domain::iam::Caller;
use wire::arn::Arn;

use super::error::{client, parameter};
use super::record::{FamilyRecord, TaskDefinitionRecord};
use super::{arn, tag};
use crate::iam::authorization;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// The service that roles are handed to.
pub(super) const TASKS_PRINCIPAL: &str = "ecs-tasks.amazonaws.com";
/// The most definitions that one DeleteTaskDefinitions takes.
const DELETIONS: usize = 10;

/// RegisterTaskDefinition.
pub(super) async fn register(
    app: Arc<App>,
    request: Request<RegisterTaskDefinitionInput>,
) -> Result<RegisterTaskDefinitionOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let family = arn::task_definition(caller, &format!("{}:*", input.family));
        Ok(arn::requesting_tags(Access::to("ecs:RegisterTaskDefinition", family), input.tags.as_deref()))
    })?;
    let tags = tags_from(input.tags.as_deref())?;
    let definition = app
        .store
        .write(|state| {
            for role in [&input.execution_role_arn, &input.task_role_arn].into_iter().flatten() {
                let role = complete_role(role, &caller.account)?;
                authorization::pass_role(&app, state, &caller, &role, TASKS_PRINCIPAL)?;
            }
            add(&app, state, &caller, input, tags.clone())
        })
        .await?;
    Ok(RegisterTaskDefinitionOutput { task_definition: Some(definition), tags: Some(tag::show(&tags)) })
}

/// Adds the next revision of a family.
pub(super) fn add(
    app: &App,
    state: &mut State,
    caller: &Caller,
    input: RegisterTaskDefinitionInput,
    tags: BTreeMap<String, String>,
) -> Result<TaskDefinition, ServiceError> {
    let family_arn = arn::task_definition(caller, &input.family);
    let revision = state.task_definition_families.get(&family_arn).map_or(0, |family| family.latest_revision) + 1;
    let arn = format!("{family_arn}:{revision}");
    let registration = Registration {
        account: &caller.account,
        arn: &arn,
        revision,
        registered_by: &caller.arn(),
        registered_at: app.now(),
    };
    let definition = domain::ecs::register(input, registration)?;
    state.task_definition_families.put(&family_arn, FamilyRecord { latest_revision: revision });
    state.task_definitions.put(&arn, TaskDefinitionRecord { definition: definition.clone(), tags });
    Ok(definition)
}

/// All of ECS's rules that a definition breaks.
pub(super) fn broken_rules(app: &App, caller: &Caller, input: RegisterTaskDefinitionInput) -> Vec<Refusal> {
    let arn = arn::task_definition(caller, &input.family);
    let registration = Registration {
        account: &caller.account,
        arn: &arn,
        revision: 1,
        registered_by: &caller.arn(),
        registered_at: app.now(),
    };
    domain::ecs::examine(input, registration).err().unwrap_or_default()
}

/// DescribeTaskDefinition.
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeTaskDefinitionInput>,
) -> Result<DescribeTaskDefinitionOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("ecs:DescribeTaskDefinition")))?;
    let named = own(&caller, &input.task_definition)?;
    let state = app.store.read();
    let record = find(&state, &named).ok_or_else(|| client("Unable to describe task definition."))?;
    let with_tags = input.include.iter().flatten().any(|what| what == "TAGS");
    Ok(DescribeTaskDefinitionOutput {
        task_definition: Some(record.definition.clone()),
        tags: with_tags.then(|| tag::show(&record.tags)),
    })
}

/// The ARN of a definition of the caller's own account and region. The operations that ask this know no resource in IAM.
fn own(caller: &Caller, named: &str) -> Result<String, ServiceError> {
    let text = arn::task_definition(caller, named);
    let parsed = text.parse::<Arn>().map_err(|_| client("Unable to describe task definition."))?;
    if parsed.region != caller.region {
        return Err(parameter("Invalid Region in ARN"));
    }
    if parsed.account != caller.account {
        return Err(client("Unable to describe task definition."));
    }
    Ok(text)
}

/// DeregisterTaskDefinition.
pub(super) async fn deregister(
    app: Arc<App>,
    request: Request<DeregisterTaskDefinitionInput>,
) -> Result<DeregisterTaskDefinitionOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("ecs:DeregisterTaskDefinition")))?;
    let named = own(&caller, &input.task_definition)?;
    if arn::family_and_revision(&named).1.is_none() {
        return Err(client("Task definition must include the revision number."));
    }
    let now = app.now();
    let definition = app
        .store
        .write(|state| {
            let changed = state.task_definitions.update(&named, |record| {
                if is_active(record) {
                    record.definition.status = Some("INACTIVE".to_owned());
                    record.definition.deregistered_at = Some(now);
                }
                record.definition.clone()
            });
            changed.ok_or_else(|| client("Unable to describe task definition."))
        })
        .await?;
    Ok(DeregisterTaskDefinitionOutput { task_definition: Some(definition) })
}

/// DeleteTaskDefinitions. The records go when no task needs them any more.
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteTaskDefinitionsInput>,
) -> Result<DeleteTaskDefinitionsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arns = input.task_definitions.iter().map(|named| arn::task_definition(caller, named));
        Ok(Access { resources: arns.collect(), ..Access::to_any("ecs:DeleteTaskDefinitions") })
    })?;
    if input.task_definitions.len() > DELETIONS {
        return Err(parameter(format!("Task definitions cannot have more than {DELETIONS} elements.")));
    }
    let now = app.now();
    app.store
        .write(|state| {
            let mut deleted = Vec::new();
            let mut failures = Vec::new();
            for named in &input.task_definitions {
                let arn = arn::task_definition(&caller, named);
                let reason = match state.task_definitions.get(&arn) {
                    _ if arn::family_and_revision(&arn).1.is_none() => {
                        "Task definition must include the revision number."
                    }
                    None => "The specified task definition does not exist.",
                    Some(record) if is_active(record) => {
                        "The specified task definition is still in ACTIVE status. Please deregister the target and try \
                         again."
                    }
                    Some(_) => {
                        let definition = state.task_definitions.update(&arn, |record| {
                            record.definition.status = Some("DELETE_IN_PROGRESS".to_owned());
                            record.definition.delete_requested_at.get_or_insert(now);
                            record.definition.clone()
                        });
                        deleted.extend(definition);
                        continue;
                    }
                };
                failures.push(Failure { arn: Some(arn), reason: Some(reason.to_owned()), detail: None });
            }
            Ok(DeleteTaskDefinitionsOutput { task_definitions: Some(deleted), failures: Some(failures) })
        })
        .await
}

/// The definition that an ARN means: this revision, or the family's newest ACTIVE one.
pub(super) fn find<'a>(state: &'a State, arn: &str) -> Option<&'a TaskDefinitionRecord> {
    let (family_arn, revision) = arn::family_and_revision(arn);
    if revision.is_some() {
        return state.task_definitions.get(arn).map(|record| &**record);
    }
    let latest = state.task_definition_families.get(family_arn)?.latest_revision;
    (1..=latest).rev().find_map(|revision| {
        let record = state.task_definitions.get(&format!("{family_arn}:{revision}"))?;
        is_active(record).then_some(&**record)
    })
}

/// Whether tasks can be run from it.
pub(super) fn is_active(record: &TaskDefinitionRecord) -> bool {
    record.definition.status.as_deref() == Some("ACTIVE")
}
