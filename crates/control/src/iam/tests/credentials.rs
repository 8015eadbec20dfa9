//! Access keys and session tokens.

use domain::iam::{Identity, SessionContext};

use super::*;
use crate::iam::credentials::{CredentialError, issue, resolve};
use crate::iam::sessions::{Wanted, assume_for_task};
use crate::iam::{RootAccessKey, access_key, account_of_access_key, role, root_access_key};

#[tokio::test]
async fn the_root_key_is_made_once_or_given() {
    let (_test, app) = fresh();
    let start = |given| app.store.write(|state| root_access_key(&app, state, given));
    let made = start(None).await.expect("a key");
    assert_eq!(account_of_access_key(&made.access_key_id).as_deref(), Some("123456789012"));
    let again = start(None).await.expect("a key");
    assert_eq!(again.access_key_id, made.access_key_id);
    assert_eq!(again.secret_access_key, made.secret_access_key);
    let given = RootAccessKey { access_key_id: "test".into(), secret_access_key: "test".into() };
    start(Some(given)).await.expect("a key");
    let (caller, secret) = resolve(&app, &app.store.read(), "test", None, app.now()).expect("known");
    assert_eq!((caller.identity, secret.expose()), (Identity::Root, "test"));
}

#[tokio::test]
async fn an_access_key_leads_to_its_user_while_it_is_active() {
    let (_test, app) = fresh();
    make_user(&app, "alice").await;
    let input = shapes::CreateAccessKeyInput { user_name: Some("alice".into()) };
    let key = access_key::create(Arc::clone(&app), by_root(input)).await.expect("a key").access_key;
    let resolve = || resolve(&app, &app.store.read(), &key.access_key_id, None, app.now());
    let (caller, secret) = resolve().expect("known");
    assert_eq!(caller.arn(), "arn:aws:iam::123456789012:user/alice");
    assert_eq!(secret, key.secret_access_key);
    let records = serde_json::to_string(&**app.store.read().iam_access_keys.get(&key.access_key_id).expect("stored"));
    assert!(!records.expect("json").contains(secret.expose()));
    let update = |status: &str| {
        let input = shapes::UpdateAccessKeyInput {
            user_name: Some("alice".into()),
            access_key_id: key.access_key_id.clone(),
            status: status.into(),
        };
        access_key::update(Arc::clone(&app), by_root(input))
    };
    update("Inactive").await.expect("updated");
    assert_eq!(resolve().expect_err("inactive"), CredentialError::Unknown);
    update("Active").await.expect("updated");
    assert!(resolve().is_ok());
}

#[tokio::test]
async fn a_session_ends_and_ends_with_its_role() {
    let (test, app) = fresh();
    let made = make_role(&app, "exec").await;
    let caller = Caller {
        identity: Identity::Role {
            role_arn: made.arn.clone(),
            role_id: made.role_id.clone(),
            session_name: "s".into(),
            context: SessionContext::default(),
        },
        ..root()
    };
    let issued = issue(&app, &caller, app.now().plus_seconds(900)).expect("issued");
    let resolve = |id: &str, token: &str| resolve(&app, &app.store.read(), id, Some(token), app.now());
    let (id, token) = (issued.access_key_id.as_str(), issued.session_token.expose());
    assert!(id.starts_with("ASIA"));
    let (known, secret) = resolve(id, token).expect("known");
    assert_eq!((known.identity, secret), (caller.identity.clone(), issued.secret_access_key.clone()));
    assert_eq!(resolve("ASIAAAAAAAAAAAAAAAAA", token).expect_err("another key"), CredentialError::InvalidToken);
    let mut changed = token.to_owned();
    changed.replace_range(40..41, if &token[40..41] == "A" { "B" } else { "A" });
    assert_eq!(resolve(id, &changed).expect_err("changed"), CredentialError::InvalidToken);
    assert_eq!(resolve(id, "?").expect_err("nothing"), CredentialError::InvalidToken);
    test.pass_seconds(901);
    assert_eq!(resolve(id, token).expect_err("over"), CredentialError::Expired);
    let issued = issue(&app, &caller, app.now().plus_seconds(900)).expect("issued");
    let delete = shapes::DeleteRoleInput { role_name: "exec".into() };
    role::delete(Arc::clone(&app), by_root(delete)).await.expect("deleted");
    make_role(&app, "exec").await;
    let (id, token) = (issued.access_key_id.as_str(), issued.session_token.expose());
    assert_eq!(resolve(id, token).expect_err("another role"), CredentialError::InvalidToken);
}

#[tokio::test]
async fn a_task_gets_credentials_of_its_role() {
    let (_test, app) = fresh();
    let made = make_role(&app, "task").await;
    let task = "arn:aws:ecs:us-east-1:123456789012:task/demo/abc";
    let (_, issued) = assume_for_task(&app, &made.arn, task, Wanted::Credentials).await.expect("assumed");
    let issued = issued.expect("issued");
    assert_eq!(issued.role_arn, made.arn);
    let token = Some(issued.session_token.expose());
    let (caller, _) = resolve(&app, &app.store.read(), &issued.access_key_id, token, app.now()).expect("known");
    assert_eq!(caller.arn(), "arn:aws:sts::123456789012:assumed-role/task/abc");
}
