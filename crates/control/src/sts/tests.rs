//! STS through its handlers.

use std::sync::Arc;

use api::sts::{AssumeRoleInput, GetAccessKeyInfoInput, GetCallerIdentityInput, GetSessionTokenInput, Tag};
use domain::iam::{Caller, Identity};

use super::{assume_role, caller_identity, session_token};
use crate::iam::authorization::authorize;
use crate::iam::credentials::resolve;
use crate::testing::{ACCOUNT, TestApp, allow, root};
use crate::{Access, App, Request, ServiceError};

async fn role_that_trusts(test: &TestApp, statement: &str) -> String {
    let arn = test.put_role("r", &[("p", allow("ecs:*", "*"))]).await;
    let trust = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
    let key = format!("{ACCOUNT}/r");
    let put = test.app.store.write(|state| {
        state.iam_roles.update(&key, |role| role.trust = trust);
        Ok::<_, ServiceError>(())
    });
    put.await.expect("durable");
    arn
}

fn root_may(more: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:root"}},"Action":["sts:AssumeRole","sts:TagSession"]{more}}}"#
    )
}

fn input(role_arn: &str) -> AssumeRoleInput {
    AssumeRoleInput { role_arn: role_arn.into(), role_session_name: "me".into(), ..Default::default() }
}

async fn assume(app: &Arc<App>, caller: &Caller, input: AssumeRoleInput) -> Result<Caller, ServiceError> {
    let output = assume_role::run(Arc::clone(app), Request::new(input, caller.clone(), "request")).await?;
    let issued = output.credentials.expect("credentials");
    let token = Some(issued.session_token.as_str());
    let (caller, _) = resolve(app, &app.store.read(), &issued.access_key_id, token, app.now()).expect("known");
    assert_eq!(output.assumed_role_user.expect("a user").arn, caller.arn());
    Ok(caller)
}

fn refused<T>(result: Result<T, ServiceError>) -> String {
    result.map_or_else(|error| error.to_string(), |_| String::from("done"))
}

#[tokio::test]
async fn a_trusted_caller_becomes_a_session() {
    let test = TestApp::new();
    let arn = role_that_trusts(&test, &root_may("")).await;
    let session = assume(&test.app, &root(), input(&arn)).await.expect("a session");
    assert_eq!(session.arn(), format!("arn:aws:sts::{ACCOUNT}:assumed-role/r/me"));
    let asked = authorize(&test.app, &test.app.store.read(), &session, &Access::to_any("ecs:ListClusters"));
    assert_eq!(refused(asked), "done");
    let identity =
        caller_identity::run(Arc::clone(&test.app), Request::new(GetCallerIdentityInput {}, session, "request")).await;
    assert_eq!(identity.expect("known").user_id.as_deref(), Some("AROAr:me"));
}

#[tokio::test]
async fn a_role_that_does_not_trust_is_like_one_that_is_not_there() {
    let test = TestApp::new();
    let arn = role_that_trusts(
        &test,
        r#"{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}"#,
    )
    .await;
    let start = format!(
        "AccessDeniedException: User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: sts:AssumeRole on resource: {arn}"
    );
    assert!(refused(assume(&test.app, &root(), input(&arn)).await).starts_with(&start));
    let missing = format!("{arn}-none");
    let denied = refused(assume(&test.app, &root(), input(&missing)).await);
    assert!(denied.ends_with(&format!("sts:AssumeRole on resource: {missing}")), "{denied}");
}

#[tokio::test]
async fn an_external_id_must_match() {
    let test = TestApp::new();
    let condition = r#","Condition":{"StringEquals":{"sts:ExternalId":"secret"}}"#;
    let arn = role_that_trusts(&test, &root_may(condition)).await;
    let with =
        |external_id: Option<&str>| AssumeRoleInput { external_id: external_id.map(str::to_owned), ..input(&arn) };
    assert!(refused(assume(&test.app, &root(), with(None)).await).starts_with("AccessDenied"));
    assert!(refused(assume(&test.app, &root(), with(Some("other"))).await).starts_with("AccessDenied"));
    assert_eq!(refused(assume(&test.app, &root(), with(Some("secret"))).await), "done");
}

#[tokio::test]
async fn a_session_policy_limits_the_session() {
    let test = TestApp::new();
    let arn = role_that_trusts(&test, &root_may("")).await;
    let limited = AssumeRoleInput { policy: Some(allow("ecs:List*", "*").to_string()), ..input(&arn) };
    let session = assume(&test.app, &root(), limited).await.expect("a session");
    let ask = |action| refused(authorize(&test.app, &test.app.store.read(), &session, &Access::to_any(action)));
    assert_eq!(ask("ecs:ListClusters"), "done");
    assert!(ask("ecs:RunTask").ends_with("because no session policy allows the ecs:RunTask action"));
    let malformed = AssumeRoleInput { policy: Some("{".into()), ..input(&arn) };
    assert_eq!(
        refused(assume(&test.app, &root(), malformed).await),
        "MalformedPolicyDocument: Syntax errors in policy."
    );
}

#[tokio::test]
async fn durations_have_their_limits() {
    let test = TestApp::new();
    let trust = r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}"#;
    let arn = role_that_trusts(&test, trust).await;
    let lasting = |seconds| AssumeRoleInput { duration_seconds: Some(seconds), ..input(&arn) };
    assert_eq!(
        refused(assume(&test.app, &root(), lasting(3601)).await),
        "ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    );
    let session = assume(&test.app, &root(), lasting(900)).await.expect("a session");
    assert!(refused(assume(&test.app, &session, lasting(3601)).await).contains("role chaining"));
    assert_eq!(refused(assume(&test.app, &session, lasting(3600)).await), "done");
}

#[tokio::test]
async fn tags_need_their_own_right_and_transitive_ones_go_on() {
    let test = TestApp::new();
    let trust = r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}"#;
    let arn = role_that_trusts(&test, trust).await;
    let tag = |key: &str| Tag { key: key.into(), value: "v".into() };
    let tagged = || AssumeRoleInput {
        tags: Some(vec![tag("stays"), tag("goes")]),
        transitive_tag_keys: Some(vec!["goes".into()]),
        ..input(&arn)
    };
    assert!(refused(assume(&test.app, &root(), tagged()).await).contains("sts:TagSession"));
    let trust = r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["sts:AssumeRole","sts:TagSession"]}"#;
    let arn = role_that_trusts(&test, trust).await;
    let first = assume(&test.app, &root(), tagged()).await.expect("a session");
    let second = assume(&test.app, &first, input(&arn)).await.expect("a session");
    let Identity::Role { context, .. } = second.identity else { panic!("a role's session") };
    assert_eq!(context.tags.into_keys().collect::<Vec<_>>(), ["goes"]);
}

#[tokio::test]
async fn a_session_token_is_the_users_own_right() {
    let test = TestApp::new();
    let get = |caller: &Caller| {
        session_token::run(
            Arc::clone(&test.app),
            Request::new(GetSessionTokenInput::default(), caller.clone(), "request"),
        )
    };
    let issued = get(&root()).await.expect("issued").credentials.expect("credentials");
    assert_eq!(issued.expiration.seconds() - test.app.now().seconds(), 3600);
    let token = Some(issued.session_token.as_str());
    let (caller, _) =
        resolve(&test.app, &test.app.store.read(), &issued.access_key_id, token, test.app.now()).expect("known");
    assert_eq!(caller.identity, Identity::Root);
    assert_eq!(refused(get(&caller).await), "AccessDenied: Cannot call GetSessionToken with session credentials");
    let input = GetAccessKeyInfoInput { access_key_id: issued.access_key_id };
    let of_key = caller_identity::of_access_key(Arc::clone(&test.app), Request::new(input, root(), "request")).await;
    assert_eq!(of_key.expect("known").account.as_deref(), Some(ACCOUNT));
}
