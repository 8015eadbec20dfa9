//! Simulations: what would be decided, by which statements, and which condition keys were missing. The same evaluation
//! as that of real calls; only where its policies and keys come from differs.

use std::sync::Arc;

use api::iam::{
    ContextEntry, EvaluationResult, GetContextKeysForCustomPolicyInput, GetContextKeysForCustomPolicyOutput,
    GetContextKeysForPrincipalPolicyInput, PermissionsBoundaryDecisionDetail, SimulateCustomPolicyInput,
    SimulatePrincipalPolicyInput, SimulatePrincipalPolicyOutput, Statement,
};
use domain::iam::{
    Asked, Caller, Context, Identity, Layer, MalformedPolicy, Policies, Policy, PolicyKind, Source, Verdict, evaluate,
    speaking_statements,
};

use super::authorization::{of_entity, of_user};
use super::error::{invalid_input, malformed, no_such_entity};
use super::name::{key, role_by_arn, user_by_arn};
use super::page::page;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// What is simulated, however it was asked for.
struct Simulation {
    caller: Caller,
    policies: Policies,
    context: Context,
    actions: Vec<String>,
    resources: Vec<String>,
}

/// `SimulatePrincipalPolicy`: with the policies of a user, group or role, and more.
pub(super) async fn of_principal(
    app: Arc<App>,
    request: Request<SimulatePrincipalPolicyInput>,
) -> Result<SimulatePrincipalPolicyOutput, ServiceError> {
    let Authorized { input, .. } = request
        .authorize(&app, |input, _, _| Ok(Access::to("iam:SimulatePrincipalPolicy", &input.policy_source_arn)))?;
    let state = app.store.read();
    let (caller, mut policies) = principal(&app, &state, &input.policy_source_arn)?;
    policies.identity.extend(given(input.policy_input_list.as_deref(), "PolicyInputList")?);
    let boundaries =
        given(input.permissions_boundary_policy_input_list.as_deref(), "PermissionsBoundaryPolicyInputList")?;
    policies.boundary = boundaries.into_iter().next().or(policies.boundary);
    policies.resource = resource_policy(input.resource_policy.as_deref())?;
    let caller = match &input.caller_arn {
        Some(arn) => caller_of(&app, arn, &state)?,
        None => caller,
    };
    let simulation = Simulation {
        context: context(&app, &caller, input.context_entries.as_deref()),
        caller,
        policies,
        actions: input.action_names,
        resources: input.resource_arns.unwrap_or_else(|| vec!["*".into()]),
    };
    simulation.answer(input.marker.as_deref(), input.max_items)
}

/// `SimulateCustomPolicy`: with the policies of the request only.
pub(super) async fn of_documents(
    app: Arc<App>,
    request: Request<SimulateCustomPolicyInput>,
) -> Result<SimulatePrincipalPolicyOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:SimulateCustomPolicy")))?;
    let boundaries =
        given(input.permissions_boundary_policy_input_list.as_deref(), "PermissionsBoundaryPolicyInputList")?;
    let policies = Policies {
        identity: given(Some(&input.policy_input_list), "PolicyInputList")?,
        boundary: boundaries.into_iter().next(),
        resource: resource_policy(input.resource_policy.as_deref())?,
        ..Policies::default()
    };
    let arn = format!("arn:aws:iam::{}:user/simulated", caller.account);
    let caller = caller_of(&app, input.caller_arn.as_deref().unwrap_or(&arn), &app.store.read())?;
    let simulation = Simulation {
        context: context(&app, &caller, input.context_entries.as_deref()),
        caller,
        policies,
        actions: input.action_names,
        resources: input.resource_arns.unwrap_or_else(|| vec!["*".into()]),
    };
    simulation.answer(input.marker.as_deref(), input.max_items)
}

/// `GetContextKeysForCustomPolicy`
pub(super) async fn keys_of_documents(
    app: Arc<App>,
    request: Request<GetContextKeysForCustomPolicyInput>,
) -> Result<GetContextKeysForCustomPolicyOutput, ServiceError> {
    let Authorized { input, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("iam:GetContextKeysForCustomPolicy")))?;
    let sources = given(Some(&input.policy_input_list), "PolicyInputList")?;
    Ok(GetContextKeysForCustomPolicyOutput { context_key_names: Some(condition_keys(sources.iter())) })
}

/// `GetContextKeysForPrincipalPolicy`
pub(super) async fn keys_of_principal(
    app: Arc<App>,
    request: Request<GetContextKeysForPrincipalPolicyInput>,
) -> Result<GetContextKeysForCustomPolicyOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |input, _, _| {
        Ok(Access::to("iam:GetContextKeysForPrincipalPolicy", &input.policy_source_arn))
    })?;
    let (_, mut policies) = principal(&app, &app.store.read(), &input.policy_source_arn)?;
    policies.identity.extend(given(input.policy_input_list.as_deref(), "PolicyInputList")?);
    Ok(GetContextKeysForCustomPolicyOutput { context_key_names: Some(condition_keys(policies.identity.iter())) })
}

impl Simulation {
    fn answer(
        mut self,
        marker: Option<&str>,
        max_items: Option<i32>,
    ) -> Result<SimulatePrincipalPolicyOutput, ServiceError> {
        let mut results = Vec::new();
        for action in std::mem::take(&mut self.actions) {
            if !action.contains(':') || action.contains('*') {
                return Err(invalid_input(format!("Invalid Action name: {action}")));
            }
            for resource in &self.resources {
                results.push((format!("{:08}", results.len()), self.result(&action, resource)));
            }
        }
        let page = page(results.into_iter(), marker, max_items)?;
        Ok(SimulatePrincipalPolicyOutput {
            evaluation_results: Some(page.items),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }

    fn result(&self, action: &str, resource: &str) -> EvaluationResult {
        // Without a resource policy the identity's side alone is simulated, also for a resource of another account.
        let mut caller = self.caller.clone();
        let owner = resource.split(':').nth(4).filter(|owner| owner.len() == 12);
        if let (Some(owner), None) = (owner, &self.policies.resource) {
            owner.clone_into(&mut caller.account);
        }
        let asked = Asked::new(action, resource, &self.context);
        let decision = evaluate(&caller, &asked, &self.policies);
        let statements = speaking_statements(&caller, &asked, &self.policies, decision.verdict);
        let boundary = self.policies.boundary.is_some().then(|| PermissionsBoundaryDecisionDetail {
            allowed_by_permissions_boundary: Some(decision.layer != Layer::Boundary),
        });
        let layers =
            [&self.policies.identity[..], self.policies.boundary.as_slice(), self.policies.resource.as_slice()];
        let missing = condition_keys(layers.into_iter().flatten());
        EvaluationResult {
            eval_action_name: action.to_owned(),
            eval_resource_name: Some(resource.to_owned()),
            eval_decision: word(decision.verdict).into(),
            matched_statements: Some(statements.into_iter().map(|(layer, one)| described(layer, one.policy)).collect()),
            missing_context_values: Some(missing.into_iter().filter(|key| !self.context.has(key)).collect()),
            organizations_decision_detail: None,
            permissions_boundary_decision_detail: boundary,
            eval_decision_details: None,
            resource_specific_results: None,
        }
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allowed => "allowed",
        Verdict::ExplicitlyDenied => "explicitDeny",
        Verdict::NotAllowed => "implicitDeny",
    }
}

/// A statement by its policy. Its place in the text is left out.
fn described(layer: Layer, policy: String) -> Statement {
    let kind = match layer {
        Layer::Resource | Layer::Trust => "Resource Policy",
        _ => "IAM Policy",
    };
    Statement {
        source_policy_id: Some(policy),
        source_policy_type: Some(kind.into()),
        start_position: None,
        end_position: None,
    }
}

fn condition_keys<'a>(sources: impl Iterator<Item = &'a Source>) -> Vec<String> {
    let mut keys: Vec<String> = sources.flat_map(|source| source.policy.condition_keys()).collect();
    keys.sort_by_key(|key| key.to_ascii_lowercase());
    keys.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
    keys
}

/// The user, group or role of an ARN as a caller, with all its policies.
fn principal(app: &App, state: &State, arn: &str) -> Result<(Caller, Policies), ServiceError> {
    let mut policies = Policies::default();
    let account = arn.split(':').nth(4).unwrap_or_default();
    let name = arn.rsplit('/').next().unwrap_or_default();
    if let Some(user) = user_by_arn(state, arn) {
        of_user(app, state, user, &mut policies)?;
    } else if let Some(role) = role_by_arn(state, arn) {
        of_entity(app, state, &role.entity, &mut policies)?;
    } else if let Some(group) = state.iam_groups.get(&key(account, name)).filter(|group| group.entity.arn == arn) {
        of_entity(app, state, &group.entity, &mut policies)?;
    } else {
        return Err(no_such_entity(format!("Entity {arn} was not found.")));
    }
    Ok((caller_of(app, arn, state)?, policies))
}

/// A caller of this ARN, whether it exists or not.
fn caller_of(app: &App, arn: &str, state: &State) -> Result<Caller, ServiceError> {
    let account = arn.split(':').nth(4).filter(|account| account.len() == 12);
    let account = account.ok_or_else(|| invalid_input(format!("Invalid principal ARN: {arn}")))?;
    let identity = if let Some(role) = role_by_arn(state, arn) {
        Identity::Role {
            role_arn: arn.to_owned(),
            role_id: role.entity.id.clone(),
            session_name: "simulation".into(),
            context: domain::iam::SessionContext::default(),
        }
    } else {
        let id = user_by_arn(state, arn).map(|user| user.entity.id.clone()).unwrap_or_default();
        Identity::User { arn: arn.to_owned(), id }
    };
    Ok(Caller {
        account: account.to_owned(),
        region: app.settings.region.clone(),
        identity,
        access_key_id: String::new(),
        source_ip: None,
        via_service: None,
    })
}

fn given(documents: Option<&[String]>, list: &str) -> Result<Vec<Source>, ServiceError> {
    let read = |(index, document): (usize, &String)| -> Result<Source, MalformedPolicy> {
        let policy = Arc::new(Policy::parse(document, PolicyKind::Inline)?);
        Ok(Source { name: format!("{list}.{}", index + 1), policy })
    };
    let sources: Result<Vec<Source>, MalformedPolicy> =
        documents.unwrap_or_default().iter().enumerate().map(read).collect();
    sources.map_err(|error| malformed(&error))
}

fn resource_policy(document: Option<&str>) -> Result<Option<Source>, ServiceError> {
    let Some(document) = document else { return Ok(None) };
    let policy = Policy::parse(document, PolicyKind::Resource).map_err(|error| malformed(&error))?;
    Ok(Some(Source { name: "ResourcePolicy".into(), policy: Arc::new(policy) }))
}

/// The keys that are always there, and over them those of the request.
fn context(app: &App, caller: &Caller, entries: Option<&[ContextEntry]>) -> Context {
    let mut context = Context::new();
    let now = app.now();
    context.set("aws:CurrentTime", now.to_rfc3339());
    context.set("aws:EpochTime", now.seconds().to_string());
    context.set("aws:PrincipalAccount", caller.account.as_str());
    context.set("aws:userid", caller.user_id());
    match &caller.identity {
        Identity::User { arn, .. } => {
            context.set("aws:PrincipalArn", arn.as_str());
            context.set("aws:PrincipalType", "User");
            context.set("aws:username", arn.rsplit('/').next().unwrap_or_default());
        }
        Identity::Role { role_arn, .. } => {
            context.set("aws:PrincipalArn", role_arn.as_str());
            context.set("aws:PrincipalType", "AssumedRole");
        }
        Identity::Root | Identity::Service { .. } => {}
    }
    for entry in entries.unwrap_or_default() {
        if let (Some(name), Some(values)) = (&entry.context_key_name, &entry.context_key_values) {
            context.set_all(name, values.clone());
        }
    }
    context
}
