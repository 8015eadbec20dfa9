//! Managed policies.

use std::sync::Arc;

use api::iam::{
    CreatePolicyInput, CreatePolicyOutput, DeletePolicyInput, DeletePolicyOutput, GetPolicyInput, GetPolicyOutput,
    ListPoliciesInput, ListPoliciesOutput, Policy,
};
use domain::iam::{PolicyKind, ServiceLinkedRole, counted_characters};

use super::error::{already_exists, delete_conflict, limit_exceeded, malformed, no_such_entity};
use super::limits::MANAGED_POLICY_CHARACTERS;
use super::managed;
use super::name::{arn, key, now, path, policy_by_arn, unique_id};
use super::owner::{requesting_tags, tag_list, tagged, tags};
use super::page::page;
use super::policy_use::Uses;
use super::record::{PolicyRecord, PolicyVersionRecord};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// `CreatePolicy`
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreatePolicyInput>,
) -> Result<CreatePolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = arn(&caller.account, "policy", &path(input.path.as_deref())?, &input.policy_name);
        Ok(requesting_tags(Access::to("iam:CreatePolicy", arn), input.tags.as_deref()))
    })?;
    check_document(&input.policy_document)?;
    let path = path(input.path.as_deref())?;
    let created = now(&app);
    let record = PolicyRecord {
        arn: arn(&caller.account, "policy", &path, &input.policy_name),
        id: unique_id(&app, "ANPA"),
        description: input.description,
        created,
        updated: created,
        tags: tags(input.tags.as_deref())?,
        versions: vec![PolicyVersionRecord { number: 1, document: input.policy_document, created }],
        default_version: 1,
        last_version: 1,
        name: input.policy_name,
        path,
    };
    let key = key(&caller.account, &record.name);
    app.store
        .write(|state| {
            if state.iam_policies.contains(&key) {
                return Err(already_exists(format!(
                    "A policy called {} already exists. Duplicate names are not allowed.",
                    record.name
                )));
            }
            let policy = described(&record, Uses::default());
            state.iam_policies.put(&key, record);
            Ok(CreatePolicyOutput { policy: Some(policy) })
        })
        .await
}

/// `GetPolicy`
pub(super) async fn get(app: Arc<App>, request: Request<GetPolicyInput>) -> Result<GetPolicyOutput, ServiceError> {
    let Authorized { input, .. } =
        request.authorize(&app, |input, state, _| Ok(access("iam:GetPolicy", state, &input.policy_arn)))?;
    let state = app.store.read();
    let record = find(&state, &input.policy_arn)?;
    Ok(GetPolicyOutput { policy: Some(described(record, Uses::of(&state, &record.arn))) })
}

/// `ListPolicies`
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListPoliciesInput>,
) -> Result<ListPoliciesOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:ListPolicies")))?;
    let state = app.store.read();
    let prefix = format!("{}/", caller.account);
    let scope = input.scope.as_deref().unwrap_or("All");
    let of_aws = managed::all().filter(|_| scope != "Local");
    let own = state.iam_policies.with_prefix(&prefix).map(|(_, policy)| &**policy).filter(|_| scope != "AWS");
    let mut records: Vec<&PolicyRecord> = own.collect();
    records.extend(of_aws);
    records.sort_by(|one, other| one.arn.cmp(&other.arn));
    let wanted = input.path_prefix.as_deref().unwrap_or("/");
    let only_attached = input.only_attached.unwrap_or(false);
    let policies = records
        .into_iter()
        .filter(|record| record.path.starts_with(wanted))
        .map(|record| (record, Uses::of(&state, &record.arn)))
        .filter(|(_, uses)| match input.policy_usage_filter.as_deref() {
            Some("PermissionsBoundary") => uses.boundaries > 0 || !only_attached,
            _ => uses.attachments > 0 || !only_attached,
        })
        .map(|(record, uses)| {
            let policy = Policy { description: None, tags: None, ..described(record, uses) };
            (record.arn.clone(), policy)
        });
    let page = page(policies, input.marker.as_deref(), input.max_items)?;
    Ok(ListPoliciesOutput { policies: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
}

/// `DeletePolicy`
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeletePolicyInput>,
) -> Result<DeletePolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |input, state, _| Ok(access("iam:DeletePolicy", state, &input.policy_arn)))?;
    app.store
        .write(|state| {
            let record = find_own(state, &input.policy_arn)?;
            let uses = Uses::of(state, &record.arn);
            if uses.attachments > 0 || uses.boundaries > 0 {
                return Err(delete_conflict("Cannot delete a policy attached to entities."));
            }
            if record.versions.len() > 1 {
                return Err(delete_conflict(
                    "This policy has more than one version. Before you delete a policy, you must delete the policy's \
                     versions. The default version is deleted with the policy.",
                ));
            }
            let key = key(&caller.account, &record.name);
            state.iam_policies.remove(&key);
            Ok(DeletePolicyOutput {})
        })
        .await
}

/// A document that may become a version of a managed policy.
pub(super) fn check_document(document: &str) -> Result<(), ServiceError> {
    domain::iam::Policy::parse(document, PolicyKind::Managed).map_err(|error| malformed(&error))?;
    if counted_characters(document) > MANAGED_POLICY_CHARACTERS {
        return Err(limit_exceeded(format!("Cannot exceed quota for PolicySize: {MANAGED_POLICY_CHARACTERS}")));
    }
    Ok(())
}

/// The access an action on a policy needs.
pub(super) fn access(action: &'static str, state: &State, arn: &str) -> Access {
    let access = Access::to(action, arn);
    match policy_by_arn(state, arn) {
        Some(policy) => tagged(access, &policy.tags),
        None => access,
    }
}

/// The policy of this ARN, or IAM's error.
pub(super) fn find<'a>(state: &'a State, arn: &str) -> Result<&'a PolicyRecord, ServiceError> {
    policy_by_arn(state, arn).ok_or_else(|| {
        no_such_entity(if ServiceLinkedRole::has_policy(arn) {
            format!(
                "Policy {arn} is one that AWS attaches to a service-linked role; Tidegate does not have its document."
            )
        } else {
            format!("Policy {arn} was not found.")
        })
    })
}

/// The same for a change, which AWS's own policies do not allow.
pub(super) fn find_own<'a>(state: &'a State, arn: &str) -> Result<&'a PolicyRecord, ServiceError> {
    if arn.starts_with("arn:aws:iam::aws:") {
        return Err(
            ServiceError::new("AccessDenied", format!("Cannot change the AWS managed policy {arn}.")).with_status(403)
        );
    }
    find(state, arn)
}

/// Changes the account's policy of this ARN.
pub(super) fn change<T>(
    state: &mut State,
    arn: &str,
    change: impl FnOnce(&mut PolicyRecord) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    let record = find_own(state, arn)?;
    let account = arn.split(':').nth(4).unwrap_or_default();
    let key = key(account, &record.name);
    state
        .iam_policies
        .update(&key, change)
        .unwrap_or_else(|| Err(no_such_entity(format!("Policy {arn} was not found."))))
}

fn described(record: &PolicyRecord, uses: Uses) -> Policy {
    Policy {
        policy_name: Some(record.name.clone()),
        policy_id: Some(record.id.clone()),
        arn: Some(record.arn.clone()),
        path: Some(record.path.clone()),
        default_version_id: Some(format!("v{}", record.default_version)),
        attachment_count: Some(uses.attachments),
        permissions_boundary_usage_count: Some(uses.boundaries),
        is_attachable: Some(true),
        description: record.description.clone(),
        create_date: Some(record.created),
        update_date: Some(record.updated),
        tags: (!record.tags.is_empty()).then(|| tag_list(&record.tags)),
    }
}
