//! Simulations: what would be decided, by which statements, and which condition keys were missing. The same evaluation
//! as that of real calls; only where its policies and keys come from differs.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::iam::{
    ContextEntry, EvaluationResult, GetContextKeysForCustomPolicyInput, GetContextKeysForCustomPolicyOutput,
    GetContextKeysForPrincipalPolicyInput, PermissionsBoundaryDecisionDetail, Position, ResourceSpecificResult,
    SimulateCustomPolicyInput, SimulatePrincipalPolicyInput, SimulatePrincipalPolicyOutput, Statement,
};
use domain::iam::{
    Asked, Caller, Context, Identity, Layer, Matched, Policies, Policy, PolicyKind, SessionContext, Source, Verdict,
    evaluate, speaking_statements, statement_positions,
};

use super::authorization::{everything, inline_source, of_entity, of_user};
use super::error::{invalid_input, malformed, no_such_entity};
use super::name::{key, policy_by_arn, role_by_arn, user_by_arn};
use super::page::page;
use super::record::Entity;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// What is simulated, however it was asked for.
struct Simulation {
    caller: Caller,
    policies: Policies,
    texts: Texts,
    context: Context,
    actions: Vec<String>,
    /// `None` is every resource.
    resources: Option<Vec<String>>,
    /// The account of resources whose ARN names none.
    owner: Option<String>,
}

/// By the name of a policy's [`Source`]: the id that answers tell, and where its statements stand in its text.
type Texts = BTreeMap<String, (String, Vec<(domain::iam::Position, domain::iam::Position)>)>;

/// The parameters of EC2's launches; nothing of them is served, so the one that is named changes nothing.
const RESOURCE_HANDLING_OPTIONS: [&str; 8] = [
    "EC2-Classic-InstanceStore",
    "EC2-Classic-EBS",
    "EC2-VPC-InstanceStore",
    "EC2-VPC-InstanceStore-Subnet",
    "EC2-VPC-EBS",
    "EC2-VPC-EBS-Subnet",
    "EC2-VPC-EBS-Snapshot",
    "EC2-VPC-EBS-Snapshot-Subnet",
];

/// `SimulatePrincipalPolicy`: with the policies of a user, group or role, and more.
pub(super) async fn of_principal(
    app: Arc<App>,
    request: Request<SimulatePrincipalPolicyInput>,
) -> Result<SimulatePrincipalPolicyOutput, ServiceError> {
    let Authorized { input, .. } = request
        .authorize(&app, |input, _, _| Ok(Access::to("iam:SimulatePrincipalPolicy", &input.policy_source_arn)))?;
    let state = app.store.read();
    check_handling(input.resource_handling_option.as_deref())?;
    let (caller, mut policies, mut texts) = principal(&app, &state, &input.policy_source_arn)?;
    policies.identity.extend(given(input.policy_input_list.as_deref(), "PolicyInputList", &mut texts)?);
    let list = "PermissionsBoundaryPolicyInputList";
    let boundaries = given(input.permissions_boundary_policy_input_list.as_deref(), list, &mut texts)?;
    policies.boundary = boundaries.into_iter().next().or(policies.boundary);
    policies.resource = resource_policy(input.resource_policy.as_deref(), &mut texts)?;
    let is_user = input.policy_source_arn.contains(":user/");
    let caller = match &input.caller_arn {
        Some(arn) => named_caller(&app, arn, &state)?,
        None if policies.resource.is_some() && !is_user => return Err(no_caller()),
        None => caller,
    };
    let simulation = Simulation {
        context: context(&app, &caller, input.context_entries.as_deref()),
        caller,
        policies,
        texts,
        actions: input.action_names,
        resources: named_resources(input.resource_arns),
        owner: account_of(input.resource_owner.as_deref()),
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
    check_handling(input.resource_handling_option.as_deref())?;
    let mut texts = Texts::new();
    let list = "PermissionsBoundaryPolicyInputList";
    let boundaries = given(input.permissions_boundary_policy_input_list.as_deref(), list, &mut texts)?;
    let policies = Policies {
        identity: given(Some(&input.policy_input_list), "PolicyInputList", &mut texts)?,
        boundary: boundaries.into_iter().next(),
        resource: resource_policy(input.resource_policy.as_deref(), &mut texts)?,
        ..Policies::default()
    };
    if policies.resource.is_some() && input.caller_arn.is_none() {
        return Err(no_caller());
    }
    let state = app.store.read();
    let caller = match &input.caller_arn {
        Some(arn) => named_caller(&app, arn, &state)?,
        None => caller_of(&app, &format!("arn:aws:iam::{}:user/simulated", caller.account), &state)?,
    };
    let simulation = Simulation {
        context: context(&app, &caller, input.context_entries.as_deref()),
        caller,
        policies,
        texts,
        actions: input.action_names,
        resources: named_resources(input.resource_arns),
        owner: account_of(input.resource_owner.as_deref()),
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
    let sources = given(Some(&input.policy_input_list), "PolicyInputList", &mut Texts::new())?;
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
    let (_, mut policies, mut texts) = principal(&app, &app.store.read(), &input.policy_source_arn)?;
    policies.identity.extend(given(input.policy_input_list.as_deref(), "PolicyInputList", &mut texts)?);
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
            for resource in self.resources.as_deref().unwrap_or(&["*".to_owned()]) {
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
        let account = resource.split(':').nth(4).filter(|account| account.len() == 12).or(self.owner.as_deref());
        let is_foreign = account.is_some_and(|account| account != self.caller.account);
        let mut context = self.context.clone();
        if let Some(account) = account.filter(|_| !context.has("aws:ResourceAccount")) {
            context.set("aws:ResourceAccount", account);
        }
        // Without a resource policy the identity's side alone is simulated, also for a resource of another account.
        let mut caller = self.caller.clone();
        if let (Some(account), None) = (account, &self.policies.resource) {
            account.clone_into(&mut caller.account);
        }
        let asked = Asked::new(action, resource, &context).owned_by(self.owner.as_deref());
        let decision = evaluate(&caller, &asked, &self.policies);
        let verdict_of = |policies: Policies| evaluate(&caller, &asked, &policies).verdict;
        let statements = speaking_statements(&caller, &asked, &self.policies, decision.verdict);
        let matched: Vec<Statement> =
            statements.into_iter().map(|(layer, one)| described(layer, &one, &self.texts)).collect();
        let boundary = self.policies.boundary.as_ref().map(|source| {
            let alone = Policies { identity: vec![source.clone()], ..Policies::default() };
            PermissionsBoundaryDecisionDetail {
                allowed_by_permissions_boundary: Some(verdict_of(alone) == Verdict::Allowed),
            }
        });
        let mut details = BTreeMap::new();
        if let (true, Some(source)) = (is_foreign, &self.policies.resource) {
            // By itself the identity's side knows nothing of the other account.
            let at_home = Caller { account: account.unwrap_or_default().to_owned(), ..caller.clone() };
            let identity = Policies { resource: None, ..self.policies.clone() };
            let verdict = evaluate(&at_home, &asked, &identity).verdict;
            details.insert("IAM Policy".to_owned(), word(verdict).to_owned());
            let resource =
                Policies { resource: Some(source.clone()), identity: vec![everything()], ..Policies::default() };
            details.insert("Resource Policy".to_owned(), word(verdict_of(resource)).to_owned());
        }
        let missing = self.missing_keys(&context);
        let of_resource = self.resources.is_some().then(|| ResourceSpecificResult {
            eval_resource_name: resource.to_owned(),
            eval_resource_decision: word(decision.verdict).into(),
            matched_statements: Some(matched.clone()),
            missing_context_values: Some(missing.clone()),
            eval_decision_details: is_foreign.then(|| details.clone()),
            permissions_boundary_decision_detail: boundary.clone(),
        });
        EvaluationResult {
            eval_action_name: action.to_owned(),
            eval_resource_name: Some(resource.to_owned()),
            eval_decision: word(decision.verdict).into(),
            matched_statements: Some(matched),
            missing_context_values: Some(missing),
            organizations_decision_detail: None,
            permissions_boundary_decision_detail: boundary,
            eval_decision_details: self.resources.is_some().then_some(details),
            resource_specific_results: of_resource.map(|one| vec![one]),
        }
    }

    fn missing_keys(&self, context: &Context) -> Vec<String> {
        let layers =
            [&self.policies.identity[..], self.policies.boundary.as_slice(), self.policies.resource.as_slice()];
        condition_keys(layers.into_iter().flatten()).into_iter().filter(|key| !context.has(key)).collect()
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allowed => "allowed",
        Verdict::ExplicitlyDenied => "explicitDeny",
        Verdict::NotAllowed => "implicitDeny",
    }
}

/// A statement by its policy and its place in the policy's text.
fn described(layer: Layer, matched: &Matched, texts: &Texts) -> Statement {
    let kind = match layer {
        Layer::Resource | Layer::Trust => "Resource Policy",
        _ => "IAM Policy",
    };
    let (id, places) = match texts.get(&matched.policy) {
        Some((id, places)) => (id.clone(), places.get(matched.index)),
        None => (matched.policy.clone(), None),
    };
    let position = |place: domain::iam::Position| Position {
        line: i32::try_from(place.line).ok(),
        column: i32::try_from(place.column).ok(),
    };
    Statement {
        source_policy_id: Some(id),
        source_policy_type: Some(kind.into()),
        start_position: places.map(|(start, _)| position(*start)),
        end_position: places.map(|(_, end)| position(*end)),
    }
}

fn condition_keys<'a>(sources: impl Iterator<Item = &'a Source>) -> Vec<String> {
    let mut keys: Vec<String> = sources.flat_map(|source| source.policy.condition_keys()).collect();
    keys.sort_by_key(|key| key.to_ascii_lowercase());
    keys.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
    keys
}

/// The user, group or role of an ARN as a caller, with all its policies and their texts.
fn principal(app: &App, state: &State, arn: &str) -> Result<(Caller, Policies, Texts), ServiceError> {
    let mut policies = Policies::default();
    let mut texts = Texts::new();
    let account = arn.split(':').nth(4).unwrap_or_default();
    let name = arn.rsplit('/').next().unwrap_or_default();
    if let Some(user) = user_by_arn(state, arn) {
        of_user(app, state, user, &mut policies)?;
        add_texts(state, "user", &user.entity, &mut texts);
        for group in user.groups.iter().filter_map(|group| state.iam_groups.get(group)) {
            add_texts(state, "group", &group.entity, &mut texts);
        }
    } else if let Some(role) = role_by_arn(state, arn) {
        of_entity(app, state, &role.entity, &mut policies)?;
        add_texts(state, "role", &role.entity, &mut texts);
    } else if let Some(group) = state.iam_groups.get(&key(account, name)).filter(|group| group.entity.arn == arn) {
        of_entity(app, state, &group.entity, &mut policies)?;
        add_texts(state, "group", &group.entity, &mut texts);
    } else {
        return Err(no_such_entity(format!("Entity {arn} was not found.")));
    }
    Ok((caller_of(app, arn, state)?, policies, texts))
}

/// The texts of an entity's policies: inline ones by kind, owner and name, managed ones by their name.
fn add_texts(state: &State, kind: &str, entity: &Entity, texts: &mut Texts) {
    for (name, document) in &entity.inline {
        let id = format!("{kind}_{}_{name}", entity.name);
        texts.insert(inline_source(name, &entity.arn), (id, statement_positions(document)));
    }
    for arn in entity.attached.iter().chain(&entity.boundary) {
        let policy = policy_by_arn(state, arn);
        if let Some((policy, document)) = policy.and_then(|policy| Some((policy, policy.document()?))) {
            texts.insert(arn.clone(), (policy.name.clone(), statement_positions(document)));
        }
    }
}

fn named_resources(given: Option<Vec<String>>) -> Option<Vec<String>> {
    given.filter(|arns| !arns.is_empty() && *arns != ["*"])
}

/// The account of an ARN like `arn:aws:iam::123456789012:root`.
fn account_of(owner: Option<&str>) -> Option<String> {
    owner?.split(':').nth(4).filter(|account| account.len() == 12).map(str::to_owned)
}

fn check_handling(option: Option<&str>) -> Result<(), ServiceError> {
    match option {
        Some(option) if !RESOURCE_HANDLING_OPTIONS.contains(&option) => {
            Err(invalid_input(format!("Invalid resource handling option: {option}")))
        }
        _ => Ok(()),
    }
}

fn no_caller() -> ServiceError {
    invalid_input("A caller ARN must be specified when a resource policy is.")
}

/// The caller that a request names: it must be a user.
fn named_caller(app: &App, arn: &str, state: &State) -> Result<Caller, ServiceError> {
    if arn.contains(":user/") {
        return caller_of(app, arn, state);
    }
    Err(invalid_input(format!("Invalid caller ARN: {arn}. It must be that of a user.")))
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
            context: SessionContext::default(),
        }
    } else {
        let id = user_by_arn(state, arn).map(|user| user.entity.id.clone()).unwrap_or_default();
        Identity::User { arn: arn.to_owned(), id, context: SessionContext::default() }
    };
    Ok(Caller {
        account: account.to_owned(),
        region: app.settings.region.clone(),
        identity,
        access_key_id: String::new(),
        source_ip: None,
        user_agent: None,
        referer: None,
        via_service: None,
    })
}

fn given(documents: Option<&[String]>, list: &str, texts: &mut Texts) -> Result<Vec<Source>, ServiceError> {
    let mut sources = Vec::new();
    for (index, document) in documents.unwrap_or_default().iter().enumerate() {
        let name = format!("{list}.{}", index + 1);
        let policy = Policy::parse(document, PolicyKind::Inline).map_err(|error| malformed(&error))?;
        texts.insert(name.clone(), (name.clone(), statement_positions(document)));
        sources.push(Source { name, policy: Arc::new(policy) });
    }
    Ok(sources)
}

fn resource_policy(document: Option<&str>, texts: &mut Texts) -> Result<Option<Source>, ServiceError> {
    let Some(document) = document else { return Ok(None) };
    let policy = Policy::parse(document, PolicyKind::Resource).map_err(|error| malformed(&error))?;
    let name = String::from("ResourcePolicy");
    texts.insert(name.clone(), (name.clone(), statement_positions(document)));
    Ok(Some(Source { name, policy: Arc::new(policy) }))
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
        _ => {}
    }
    for entry in entries.unwrap_or_default() {
        if let (Some(name), Some(values)) = (&entry.context_key_name, &entry.context_key_values) {
            context.set_all(name, values.clone());
        }
    }
    context
}
