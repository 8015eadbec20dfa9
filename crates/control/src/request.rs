//! A decoded request whose input nobody can read before it is authorised.

use std::collections::BTreeMap;

use domain::iam::Caller;
pub use domain::iam::ResourcePolicyRule;
use wire::arn::Arn;

use crate::store::State;
use crate::{App, ServiceError, iam};

/// A call with a known caller, not yet authorised. The only way to its input is [`Request::authorize`].
pub struct Request<I> {
    input: I,
    caller: Caller,
    id: String,
}

/// A call that may be done.
pub struct Authorized<I> {
    /// What is asked.
    pub input: I,
    /// Who asks.
    pub caller: Caller,
    /// The request id (a UUID).
    pub id: String,
}

/// The access a call asks for: one action on some resources.
#[derive(Clone, Debug)]
pub struct Access {
    /// The IAM action, `ecs:RunTask`.
    pub action: &'static str,
    /// The ARNs it is about; `*` where the action knows no resource.
    pub resources: Vec<String>,
    /// The policy on the resource itself (a JSON document), where it has one.
    pub resource_policy: Option<String>,
    /// A key policy or a role's trust policy must itself allow; others only may.
    pub resource_policy_rule: ResourcePolicyRule,
    /// Condition keys that this call supplies, beside the global ones.
    pub context: BTreeMap<String, Vec<String>>,
}

impl Access {
    /// Access to one resource that has no policy of its own.
    pub fn to(action: &'static str, resource: impl Into<String>) -> Self {
        Self {
            action,
            resources: vec![resource.into()],
            resource_policy: None,
            resource_policy_rule: ResourcePolicyRule::MayAllow,
            context: BTreeMap::new(),
        }
    }

    /// Access for an action that knows no resource (`*`).
    pub fn to_any(action: &'static str) -> Self {
        Self::to(action, "*")
    }

    /// The same with the policy on the resource.
    #[must_use]
    pub fn with_resource_policy(mut self, document: Option<String>) -> Self {
        self.resource_policy = document;
        self
    }

    /// The same with one more condition key.
    #[must_use]
    pub fn with_context(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.entry(key.into()).or_default().push(value.into());
        self
    }

    /// The same with the tags that the resource has, each as this condition key: `aws:ResourceTag`, or the service's own.
    #[must_use]
    pub fn with_resource_tags(self, key: &str, tags: &BTreeMap<String, String>) -> Self {
        tags.iter().fold(self, |access, (name, value)| access.with_context(format!("{key}/{name}"), value))
    }

    /// The same with the tags that the request brings.
    #[must_use]
    pub fn with_request_tags<T: AsRef<str>>(self, tags: impl IntoIterator<Item = (T, T)>) -> Self {
        tags.into_iter().fold(self, |access, (name, value)| {
            let (name, value) = (name.as_ref(), value.as_ref());
            access.with_context(format!("aws:RequestTag/{name}"), value).with_context("aws:TagKeys", name)
        })
    }

    /// The same with the keys of the tags that the request names.
    #[must_use]
    pub fn with_tag_keys(self, keys: &[String]) -> Self {
        keys.iter().fold(self, |access, key| access.with_context("aws:TagKeys", key))
    }
}

/// ECS in one region knows nothing of another one's resources, and says so of every ARN; nor can tasks be run in somebody
/// else's cluster, whatever policies say. The other services look names up in the caller's region, or answer for ARNs of
/// every region as AWS's own do.
fn check_place(caller: &Caller, access: &Access) -> Result<(), ServiceError> {
    if !access.action.starts_with("ecs:") {
        return Ok(());
    }
    let arns = |texts: &[String]| texts.iter().filter_map(|text| text.parse::<Arn>().ok()).collect::<Vec<_>>();
    let clusters = arns(access.context.get("ecs:cluster").map_or(&[], Vec::as_slice));
    let is_elsewhere = |arn: &Arn| arn.service == "ecs" && arn.region != caller.region;
    if arns(&access.resources).iter().chain(&clusters).any(is_elsewhere) {
        return Err(ServiceError::new("InvalidParameterException", "Invalid Region in ARN"));
    }
    if clusters.iter().any(|cluster| cluster.account != caller.account) {
        return Err(ServiceError::new("ClusterNotFoundException", "Cluster not found."));
    }
    Ok(())
}

impl<I> Request<I> {
    /// A request of this caller. The front door makes them; so does a service that calls another one for its caller.
    pub fn new(input: I, caller: Caller, id: impl Into<String>) -> Self {
        Self { input, caller, id: id.into() }
    }

    /// Who asks. What it asks stays closed.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Gives the input away if the caller has the access that `access` says it needs. `access` sees the input and the
    /// records, because a resource's ARN and policy are often known only there; it may refuse by itself.
    pub fn authorize(
        self,
        app: &App,
        access: impl FnOnce(&I, &State, &Caller) -> Result<Access, ServiceError>,
    ) -> Result<Authorized<I>, ServiceError> {
        let state = app.store.read();
        let access = access(&self.input, &state, &self.caller)?;
        check_place(&self.caller, &access)?;
        iam::authorization::authorize(app, &state, &self.caller, &access)?;
        Ok(Authorized { input: self.input, caller: self.caller, id: self.id })
    }

    /// For the few operations that need no permission (GetCallerIdentity).
    pub fn without_permission(self) -> Authorized<I> {
        Authorized { input: self.input, caller: self.caller, id: self.id }
    }
}
