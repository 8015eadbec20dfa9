//! IAM's operations through their handlers, and what they make of the decisions on other calls.

mod credentials;
mod decisions;
mod entities;
mod groups;
mod policies;

use std::sync::Arc;

use api::iam as shapes;
use domain::iam::Caller;

use crate::testing::{TestApp, root};
use crate::{App, Request, ServiceError};

pub(super) const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
    "Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

pub(super) fn by_root<I>(input: I) -> Request<I> {
    Request::new(input, root(), "request")
}

pub(super) fn by<I>(caller: &Caller, input: I) -> Request<I> {
    Request::new(input, caller.clone(), "request")
}

/// `Code: message` of what was refused.
pub(super) fn refused<T>(result: Result<T, ServiceError>) -> String {
    match result {
        Ok(_) => String::from("done"),
        Err(error) => error.to_string(),
    }
}

pub(super) fn document(action: &str, resource: &str) -> String {
    crate::testing::allow(action, resource).to_string()
}

pub(super) async fn make_role(app: &Arc<App>, name: &str) -> shapes::Role {
    let input = shapes::CreateRoleInput {
        role_name: name.into(),
        assume_role_policy_document: TRUST.into(),
        ..Default::default()
    };
    super::role::create(Arc::clone(app), by_root(input)).await.expect("a role").role
}

pub(super) async fn make_user(app: &Arc<App>, name: &str) -> shapes::User {
    let input = shapes::CreateUserInput { user_name: name.into(), ..Default::default() };
    super::user::create(Arc::clone(app), by_root(input)).await.expect("a user").user.expect("described")
}

pub(super) async fn make_policy(app: &Arc<App>, name: &str, document: &str) -> String {
    let input =
        shapes::CreatePolicyInput { policy_name: name.into(), policy_document: document.into(), ..Default::default() };
    let output = super::policy::create(Arc::clone(app), by_root(input)).await.expect("a policy");
    output.policy.and_then(|policy| policy.arn).expect("an ARN")
}

pub(super) async fn put_user_policy(app: &Arc<App>, user: &str, document: &str) {
    let input = shapes::PutUserPolicyInput {
        user_name: user.into(),
        policy_name: "p".into(),
        policy_document: document.into(),
    };
    super::inline_policy::put_user(Arc::clone(app), by_root(input)).await.expect("put");
}

/// A user as a caller.
pub(super) fn caller_of(user: &shapes::User) -> Caller {
    let identity = domain::iam::Identity::User {
        arn: user.arn.clone(),
        id: user.user_id.clone(),
        context: domain::iam::SessionContext::default(),
    };
    Caller { identity, ..root() }
}

pub(super) fn fresh() -> (TestApp, Arc<App>) {
    let test = TestApp::new();
    let app = Arc::clone(&test.app);
    (test, app)
}
