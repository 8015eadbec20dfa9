//! Lists of task definitions and of their families.

use std::sync::Arc;

use api::ecs::{
    ListTaskDefinitionFamiliesInput, ListTaskDefinitionFamiliesOutput, ListTaskDefinitionsInput,
    ListTaskDefinitionsOutput,
};

use super::error::parameter;
use super::page::page;
use super::record::TaskDefinitionRecord;
use super::task_definition::is_active;
use super::{arn, record::FamilyRecord};
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
    let mut items: Vec<(String, String)> = state
        .task_definitions
        .with_prefix(&prefix)
        .filter(|(_, record)| record.definition.status.as_deref() == Some(status))
        .filter(|(_, record)| family.is_none() || record.definition.family.as_deref() == family)
        .map(|(arn, record)| (sort_key(record), arn.to_owned()))
        .collect();
    items.sort_unstable();
    let order = match input.sort.as_deref() {
        None | Some("ASC") => Order::Rising,
        Some("DESC") => Order::Falling,
        Some(other) => return Err(parameter(format!("Invalid sort '{other}'."))),
    };
    if order == Order::Falling {
        items.reverse();
    }
    let (task_definition_arns, next_token) =
        page(items.into_iter(), order, input.next_token.as_deref(), input.max_results, PAGE_ITEMS)?;
    Ok(ListTaskDefinitionsOutput { task_definition_arns: Some(task_definition_arns), next_token })
}

/// Sorts as family and number.
fn sort_key(record: &TaskDefinitionRecord) -> String {
    let family = record.definition.family.as_deref().unwrap_or_default();
    format!("{family}:{:010}", record.definition.revision.unwrap_or_default())
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
    let items = state
        .task_definition_families
        .with_prefix(&prefix)
        .filter(|(family_arn, family)| match status {
            "ALL" => true,
            "INACTIVE" => !has_active(&state, family_arn, family),
            _ => has_active(&state, family_arn, family),
        })
        .map(|(family_arn, _)| (family_arn.to_owned(), family_arn[base.len()..].to_owned()));
    let (families, next_token) =
        page(items, Order::Rising, input.next_token.as_deref(), input.max_results, PAGE_ITEMS)?;
    Ok(ListTaskDefinitionFamiliesOutput { families: Some(families), next_token })
}

fn has_active(state: &State, family_arn: &str, family: &FamilyRecord) -> bool {
    (1..=family.latest_revision).rev().any(|revision| {
        let record = state.task_definitions.get(&format!("{family_arn}:{revision}"));
        record.is_some_and(|record| is_active(record))
    })
}
