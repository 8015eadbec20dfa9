//! Lists of task definitions and of their families.

use std::sync::Arc;

use api::ecs::{
    ListTaskDefinitionFamiliesInput, ListTaskDefinitionFamiliesOutput, ListTaskDefinitionsInput,
    ListTaskDefinitionsOutput,
};

use super::arn;
use super::error::parameter;
use super::page::page_from;
use super::record::BY_FAMILY;
use crate::page::Order;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// The most items of one page.
const PAGE_ITEMS: usize = 100;

/// ListTaskDefinitions: by family, then by revision.
pub(super) async fn definitions(
    app: Arc<App>,
    request: Request<ListTaskDefinitionsInput>,
) -> Result<ListTaskDefinitionsOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("ecs:ListTaskDefinitions")))?;
    let status = input.status.as_deref().unwrap_or("ACTIVE");
    let state = app.store.read();
    let prefix = arn::ecs(&caller, "task-definition/".to_owned());
    // For definitions `familyPrefix` is the whole name of a family.
    let family = input.family_prefix.as_deref().filter(|family| !family.is_empty());
    let prefix = match family {
        Some(family) => format!("{status} {prefix}{family}:"),
        None => format!("{status} {prefix}"),
    };
    let order = match input.sort.as_deref() {
        None | Some("ASC") => Order::Rising,
        Some("DESC") => Order::Falling,
        Some(other) => return Err(parameter(format!("Invalid sort '{other}'."))),
    };
    let definitions = |after: Option<String>| {
        let records = state.task_definitions.sorted_behind(BY_FAMILY, &prefix, order, after.as_deref());
        records.map(|(key, record)| (key, record.definition.task_definition_arn.clone().unwrap_or_default()))
    };
    let (task_definition_arns, next_token) =
        page_from(definitions, input.next_token.as_deref(), input.max_results, PAGE_ITEMS)?;
    Ok(ListTaskDefinitionsOutput { task_definition_arns: Some(task_definition_arns), next_token })
}

/// ListTaskDefinitionFamilies.
pub(super) async fn families(
    app: Arc<App>,
    request: Request<ListTaskDefinitionFamiliesInput>,
) -> Result<ListTaskDefinitionFamiliesOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("ecs:ListTaskDefinitionFamilies")))?;
    let status = input.status.as_deref().unwrap_or("ACTIVE");
    let state = app.store.read();
    let base = arn::ecs(&caller, "task-definition/".to_owned());
    let prefix = format!("{base}{}", input.family_prefix.as_deref().unwrap_or_default());
    let families = |after: Option<String>| {
        let families = state.task_definition_families.behind(&prefix, Order::Rising, after.as_deref());
        let wanted = families.filter(|(family_arn, _)| match status {
            "ALL" => true,
            "INACTIVE" => !has_active(&state, family_arn),
            _ => has_active(&state, family_arn),
        });
        wanted.map(|(family_arn, _)| (family_arn, family_arn[base.len()..].to_owned()))
    };
    let (families, next_token) = page_from(families, input.next_token.as_deref(), input.max_results, PAGE_ITEMS)?;
    Ok(ListTaskDefinitionFamiliesOutput { families: Some(families), next_token })
}

fn has_active(state: &State, family_arn: &str) -> bool {
    let prefix = format!("ACTIVE {family_arn}:");
    state.task_definitions.sorted_behind(BY_FAMILY, &prefix, Order::Rising, None).next().is_some()
}
