//! Sessions of the console and their ends.

use std::net::{IpAddr, Ipv4Addr};

use domain::iam::{Caller, Identity};

use super::{LINK_SECONDS, SignedIn, link, sign_in, sign_in_by_link, sign_out};
use crate::iam::credentials::{CredentialError, resolve};
use crate::testing::TestApp;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn root(test: &TestApp) -> Caller {
    let app = &test.app;
    let key = app.store.write(|state| crate::iam::root_access_key(app, state, None)).await.expect("a root key");
    resolve(app, &app.store.read(), &key.access_key_id, None, app.now()).expect("known").0
}

fn caller_of(test: &TestApp, session: &SignedIn) -> Result<Caller, CredentialError> {
    let credentials = &session.credentials;
    let token = Some(credentials.session_token.expose());
    let app = &test.app;
    resolve(app, &app.store.read(), &credentials.access_key_id, token, app.now()).map(|(caller, _)| caller)
}

#[tokio::test]
async fn a_session_is_its_owner_until_it_is_signed_out() {
    let test = TestApp::new();
    let session = sign_in(&test.app, &root(&test).await).await.expect("a session");
    let caller = caller_of(&test, &session).expect("good");
    assert_eq!(caller.identity, Identity::Root);
    assert_eq!(sign_in(&test.app, &caller).await.expect_err("a session of a session").code, "AccessDenied");
    sign_out(&test.app, &caller).await.expect("ended");
    assert_eq!(caller_of(&test, &session), Err(CredentialError::InvalidToken));
}

#[tokio::test]
async fn a_session_ends_with_its_access_key_and_after_twelve_hours() {
    let test = TestApp::new();
    let root = root(&test).await;
    let session = sign_in(&test.app, &root).await.expect("a session");
    test.pass_seconds(12 * 3600 - 1);
    caller_of(&test, &session).expect("still good");
    let activate = async |active| {
        let changed = test.app.store.write(|state| {
            state.iam_access_keys.update(&root.access_key_id, |key| key.active = active);
            Ok::<_, crate::ServiceError>(())
        });
        changed.await.expect("written");
    };
    activate(false).await;
    assert_eq!(caller_of(&test, &session), Err(CredentialError::InvalidToken));
    activate(true).await;
    caller_of(&test, &session).expect("good again");
    test.pass_seconds(1);
    assert_eq!(caller_of(&test, &session), Err(CredentialError::Expired));
}

#[tokio::test]
async fn a_link_is_good_once_and_for_five_minutes() {
    let test = TestApp::new();
    let root = root(&test).await;
    let token = link(&test.app, &root).await.expect("a link");
    let session = sign_in_by_link(&test.app, token.expose(), PEER).await.expect("a session");
    assert_eq!(caller_of(&test, &session).expect("good").identity, Identity::Root);
    assert_eq!(sign_in_by_link(&test.app, token.expose(), PEER).await.expect_err("used").code, "InvalidToken");
    let late = link(&test.app, &root).await.expect("a link");
    test.pass_seconds(LINK_SECONDS);
    assert_eq!(sign_in_by_link(&test.app, late.expose(), PEER).await.expect_err("late").code, "InvalidToken");
    let caller = caller_of(&test, &session).expect("good");
    assert_eq!(link(&test.app, &caller).await.expect_err("a link of a session").code, "AccessDenied");
}
