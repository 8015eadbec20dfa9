//! Who may pull, and where credentials go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use domain::failure::{Failure, LinkKind, Outcome};

use super::fixture::{
    Content, PASSWORD, USER, basic, basic_registry, changing_registry, credentials, demand_basic, is_written_anywhere,
    open_registry, room, room_with, tar_of,
};
use super::server::{Received, Reply, Server};
use crate::images::Registries;

fn image() -> Content {
    Content::image("v1", &[tar_of(&[("hello", b"world")])])
}

fn reason(failure: &Failure) -> String {
    failure.to_string()
}

/// A registry that wants a token, and its token server on the same port.
async fn token_registry(content: Content, token_server: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Server {
    Server::start_with(move |host| {
        let realm = format!("http://{host}/token");
        move |received| {
            if received.path.starts_with("/token") {
                return token_server(received);
            }
            if received.header("authorization") == Some("Bearer good-token") {
                return content.answer(received);
            }
            let error = received.header("authorization").map_or("", |_| ",error=\"insufficient_scope\"");
            Reply::new(401)
                .header("www-authenticate", "Negotiate")
                .header(
                    "www-authenticate",
                    format!("Basic realm=\"x\", Bearer realm=\"{realm}\",service=\"reg\",scope=\"repository:alice/space:pull,push registry:catalog:*\"{error}"),
                )
        }
    })
    .await
}

fn token_for_alice(received: &Received) -> Reply {
    if received.header("authorization") == Some(&basic(USER, PASSWORD)) {
        Reply::new(200).body(r#"{"token":"good-token","expires_in":60}"#)
    } else {
        Reply::new(401).body(r#"{"details":"incorrect username or password"}"#)
    }
}

#[tokio::test]
async fn basic_password_right_wrong_and_missing() {
    let (server, room) = (basic_registry(image()).await, room());
    let reference = format!("{}/alice/space:v1", server.host);

    let image = room.pull(&reference, credentials(PASSWORD)).await.expect("the password is right");
    assert_eq!(super::fixture::file_in(&image, 0, "hello"), b"world");
    assert_eq!(image.config.cmd().clone(), Some(vec![String::from("/start")]));

    // The cache is warm now, and must not help.
    let failure = room.pull(&reference, credentials("wr0ng-password")).await.expect_err("the password is wrong");
    assert_eq!(
        reason(&failure),
        format!(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {reference}: \
             pulling from host {} failed with status code [manifests v1]: 401 Unauthorized",
            server.host
        )
    );
    let link = &failure.chain[0];
    assert_eq!((link.kind, link.outcome), (LinkKind::Registry, Outcome::Broken));
    assert!(link.detail.contains("as alice") && link.mend.contains("put the right one into the secret"), "{link:?}");
    assert!(!serde_json::to_string(&failure).expect("json").contains("wr0ng"), "{failure:?}");

    let failure = room.pull(&reference, None).await.expect_err("there is no password");
    assert!(reason(&failure).ends_with("401 Unauthorized"), "{failure}");
    assert!(failure.chain[0].detail.contains("anonymously") && failure.chain[0].mend.contains("repositoryCredentials"));
    assert!(!is_written_anywhere(&room.content(), PASSWORD));
}

#[tokio::test]
async fn a_digest_needs_authorisation_too() {
    let content = image();
    let digest = content.manifests.keys().find(|key| key.starts_with("sha256:")).expect("by digest").clone();
    let (server, room) = (basic_registry(content).await, room());
    let reference = format!("{}/alice/space@{digest}", server.host);
    let image = room.pull(&reference, credentials(PASSWORD)).await.expect("the password is right");
    assert_eq!(image.digest, digest);
    assert!(room.pull(&reference, None).await.is_err());
    let asked = server.count("HEAD", "/v2/alice/space/manifests/");
    room.pull(&reference, credentials(PASSWORD)).await.expect("again");
    assert!(server.count("HEAD", "/v2/alice/space/manifests/") > asked, "the registry is asked although all is cached");
}

#[tokio::test]
async fn a_token_is_fetched_once_per_pull_and_only_for_pulling() {
    let (server, room) = (token_registry(image(), token_for_alice).await, room());
    let reference = format!("{}/alice/space:v1", server.host);
    room.pull(&reference, credentials(PASSWORD)).await.expect("the password is right");
    assert_eq!(server.count("GET", "/token"), 1);
    let request = server.received().into_iter().find(|received| received.path.starts_with("/token")).expect("asked");
    assert!(request.path.contains("service=reg") && request.path.contains("scope=repository%3Aalice%2Fspace%3Apull"));
    assert!(!request.path.contains("push") && !request.path.contains("catalog"), "{}", request.path);

    room.pull(&reference, credentials(PASSWORD)).await.expect("again");
    assert_eq!(server.count("GET", "/token"), 2, "no pull uses the token of another");
    assert!(!is_written_anywhere(&room.content(), "good-token"));
}

#[tokio::test]
async fn a_refused_token_has_awss_words() {
    let (server, room) = (token_registry(image(), token_for_alice).await, room());
    let reference = format!("{}/alice/space:v1", server.host);
    let failure = room.pull(&reference, credentials("wr0ng")).await.expect_err("the password is wrong");
    assert_eq!(
        reason(&failure),
        format!(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {reference}: pull access \
             denied, repository does not exist or may require authorization: server message: insufficient_scope: \
             authorization failed"
        )
    );
    assert!(failure.chain[0].detail.contains("incorrect username or password"), "{failure:?}");
    assert!(failure.chain[0].mend.contains("put the right one into the secret"));
}

#[tokio::test]
async fn a_token_without_the_right_is_told_apart_from_a_wrong_password() {
    let server = token_registry(image(), |_| Reply::new(200).body(r#"{"access_token":"useless"}"#)).await;
    let failure =
        room().pull(&format!("{}/alice/space:v1", server.host), credentials(PASSWORD)).await.expect_err("no right");
    assert!(reason(&failure).ends_with("server message: insufficient_scope: authorization failed"), "{failure}");
    assert!(failure.chain[0].mend.contains("may not pull alice/space"), "{failure:?}");
}

#[tokio::test]
async fn oauth2_servers_are_asked_by_post() {
    let (server, room) = (
        token_registry(image(), |received| match received.method.as_str() {
            "GET" => Reply::new(405),
            _ if received.body.contains("grant_type=password&username=alice&password=s3cret-of-alice") => {
                Reply::new(200).body(r#"{"access_token":"good-token"}"#)
            }
            _ if received.body.contains("grant_type=refresh_token&refresh_token=identity%2Btoken") => {
                Reply::new(200).body(r#"{"access_token":"good-token"}"#)
            }
            _ => Reply::new(401),
        })
        .await,
        room(),
    );
    let reference = format!("{}/alice/space:v1", server.host);
    room.pull(&reference, credentials(PASSWORD)).await.expect("by password");
    let identity = domain::compute::RegistryCredentials {
        username: String::from("<token>"),
        password: String::from("identity+token").into(),
    };
    room.pull(&reference, Some(identity)).await.expect("by identity token");
    let posts = server.received().into_iter().filter(|received| received.method == "POST");
    assert!(
        posts.clone().all(|post| post.body.contains("client_id=tidegate") && post.header("authorization").is_none())
    );
    assert_eq!(posts.count(), 2);
}

#[tokio::test]
async fn an_expired_token_is_renewed_once() {
    let uses = Arc::new(Mutex::new(0));
    let content = Content::image("v1", &[tar_of(&[("a", b"1")]), tar_of(&[("b", b"2")])]);
    let server = Server::start_with({
        let uses = uses.clone();
        move |host| {
            let realm = format!("http://{host}/token");
            move |received: &Received| {
                if received.path.starts_with("/token") {
                    *uses.lock().expect("no panic") = 2;
                    return Reply::new(200).body(r#"{"token":"t"}"#);
                }
                let mut uses = uses.lock().expect("no panic");
                if *uses == 0 || received.header("authorization").is_none() {
                    return Reply::new(401)
                        .header("www-authenticate", format!("Bearer realm=\"{realm}\",error=\"invalid_token\""));
                }
                *uses -= 1;
                content.answer(received)
            }
        }
    })
    .await;
    room().pull(&format!("{}/alice/space:v1", server.host), None).await.expect("renewed when needed");
    assert!(server.count("GET", "/token") >= 2);
}

#[tokio::test]
async fn credentials_never_follow_a_redirect_to_another_host() {
    let content = image();
    let blobs = open_registry(content.clone()).await;
    let elsewhere = blobs.host.clone();
    let server = Server::start(move |received| {
        if let Some(refusal) = demand_basic(received) {
            return refusal;
        }
        if received.path.contains("/blobs/") {
            return Reply::new(307)
                .header("location", format!("http://{elsewhere}{}?X-Signature=ticket", received.path));
        }
        content.answer(received)
    })
    .await;
    room()
        .pull(&format!("{}/alice/space:v1", server.host), credentials(PASSWORD))
        .await
        .expect("the blobs are elsewhere");
    let received = blobs.received();
    assert!(!received.is_empty());
    for received in received {
        assert_eq!(received.header("authorization"), None);
        assert!(!format!("{received:?}").contains(PASSWORD));
    }
}

#[tokio::test]
async fn a_challenge_of_another_host_is_not_answered() {
    let thief = Server::start(|_| Reply::new(401).header("www-authenticate", "Basic realm=\"give\"")).await;
    let content = image();
    let to = thief.host.clone();
    let server = Server::start(move |received| {
        demand_basic(received).unwrap_or_else(|| {
            if received.path.contains("/blobs/") {
                return Reply::new(302).header("location", format!("http://{to}/secret-ticket?ticket=secret-ticket"));
            }
            content.answer(received)
        })
    })
    .await;
    let failure = room()
        .pull(&format!("{}/alice/space:v1", server.host), credentials(PASSWORD))
        .await
        .expect_err("nobody gives the blob");
    assert!(thief.received().iter().all(|received| received.header("authorization").is_none()));
    assert!(!thief.received().is_empty());
    assert!(!format!("{failure:?}").contains("secret-ticket"), "{failure:?}");
    assert!(
        reason(&failure).contains(
            "ref pull has been retried 1 time(s): failed to copy: httpReaderSeeker: failed open: unexpected status code"
        ),
        "{failure}"
    );
}

#[tokio::test]
async fn a_token_servers_redirect_to_another_host_is_refused() {
    let thief = Server::start(|_| Reply::new(200).body(r#"{"token":"good-token"}"#)).await;
    let to = thief.host.clone();
    let server =
        token_registry(image(), move |_| Reply::new(307).header("location", format!("http://{to}/token"))).await;
    let failure =
        room().pull(&format!("{}/alice/space:v1", server.host), credentials(PASSWORD)).await.expect_err("refused");
    assert!(thief.received().is_empty());
    assert!(reason(&failure).contains("redirect"), "{failure}");
}

#[tokio::test]
async fn a_missing_token_server_is_not_a_missing_image() {
    let server = token_registry(image(), |_| Reply::new(404)).await;
    let failure = room().pull(&format!("{}/alice/space:v1", server.host), None).await.expect_err("no token");
    assert!(reason(&failure).contains("its token server answered 404 Not Found"), "{failure}");
    let server = token_registry(image(), |_| Reply::new(200).body("no json")).await;
    let failure = room().pull(&format!("{}/alice/space:v1", server.host), None).await.expect_err("no token");
    assert!(reason(&failure).contains("the token server's answer has no token"), "{failure}");
    let server = token_registry(image(), |_| Reply::new(200).body(r#"{"token":"a\nb"}"#)).await;
    let failure = room().pull(&format!("{}/alice/space:v1", server.host), None).await.expect_err("no header");
    assert!(reason(&failure).contains("a token that no header can carry"), "{failure}");
}

#[tokio::test]
async fn a_ticket_in_a_broken_redirect_is_not_shown() {
    let content = image();
    let server = Server::start(move |received| {
        if received.path.contains("/blobs/") {
            return Reply::new(302).header("location", "http://127.0.0.1:1/secret-ticket?X-Signature=secret-ticket");
        }
        content.answer(received)
    })
    .await;
    let failure = room().pull(&format!("{}/alice/space:v1", server.host), None).await.expect_err("nobody there");
    assert!(reason(&failure).contains("Get \"http://127.0.0.1:1/[redacted]\": dial tcp"), "{failure}");
    assert!(!format!("{failure:?}").contains("secret-ticket"), "{failure:?}");
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let server = Server::start(|received| Reply::new(302).header("location", received.path.clone())).await;
    let failure = room().pull(&format!("{}/alice/space:v1", server.host), None).await.expect_err("a circle");
    assert!(reason(&failure).contains("it did so more than 5 times"), "{failure}");
    assert_eq!(server.received().len(), 6);
}

#[tokio::test]
async fn a_redirect_to_the_metadata_service_is_refused() {
    let server =
        Server::start(|_| Reply::new(302).header("location", "http://169.254.169.254/latest/meta-data/")).await;
    let failure = room().pull(&format!("{}/alice/space:v1", server.host), None).await.expect_err("link-local");
    assert!(reason(&failure).contains("169.254.169.254 may not be reached this way"), "{failure}");
    let failure = room().pull("169.254.169.254/alice/space:v1", None).await.expect_err("link-local");
    assert!(reason(&failure).contains("may not be reached this way"), "{failure}");
}

#[tokio::test]
async fn what_a_server_echoes_is_not_shown() {
    let server = Server::start(|received| {
        let sent = received.header("authorization").unwrap_or_default();
        let words = format!("no {PASSWORD} and no {sent}\u{7}");
        let body = serde_json::json!({"errors": [{"code": "DENIED", "message": words}]}).to_string();
        match received.header("authorization") {
            None => Reply::new(401).header("www-authenticate", "Basic"),
            Some(_) => Reply::new(403).body(body),
        }
    })
    .await;
    let failure =
        room().pull(&format!("{}/alice/space:v1", server.host), credentials(PASSWORD)).await.expect_err("denied");
    let all = format!("{failure:?}");
    assert!(all.contains("denied: no *** and no Basic ***"), "{all}");
    assert!(!all.contains(PASSWORD) && !all.contains(&basic(USER, PASSWORD)));
}

#[tokio::test]
async fn content_of_one_registry_is_not_given_to_another_that_only_names_it() {
    let private = image();
    let owner = basic_registry(private.clone()).await;
    let room = room();
    room.pull(&format!("{}/alice/space:v1", owner.host), credentials(PASSWORD)).await.expect("the owner pulls");

    // It has the manifests, which are no secret, but none of the blobs.
    let thief = open_registry(Content { blobs: HashMap::new(), manifests: private.manifests.clone() }).await;
    let failure =
        room.pull(&format!("{}/mallory/space:v1", thief.host), None).await.expect_err("it has not the content");
    assert!(reason(&failure).contains("404 Not Found"), "{failure}");

    // One that says it has them when asked, but cannot show them.
    let thief = Server::start(move |received| {
        if received.method == "HEAD" && received.path.contains("/blobs/") {
            Reply::new(200)
        } else {
            Content { blobs: HashMap::new(), manifests: private.manifests.clone() }.answer(received)
        }
    })
    .await;
    room.pull(&format!("{}/mallory/space:v1", thief.host), None).await.expect_err("it has not the content");

    // One that names a digest in a header only.
    let digest = image().manifests.keys().find(|key| key.starts_with("sha256:")).expect("by digest").clone();
    let thief = Server::start(move |received| match received.method.as_str() {
        "HEAD" => Reply::new(200).header("docker-content-digest", digest.clone()),
        _ => Reply::new(404),
    })
    .await;
    room.pull(&format!("{}/mallory/space:v1", thief.host), None).await.expect_err("it has not even the manifest");
}

#[tokio::test]
async fn a_foreign_blob_with_a_stolen_diff_id_is_refused() {
    let secret = tar_of(&[("secret", b"of alice")]);
    let owner = open_registry(Content::image("v1", std::slice::from_ref(&secret))).await;
    let room = room();
    room.pull(&format!("{}/alice/space:v1", owner.host), None).await.expect("pulled");
    let mut content = Content::default();
    let own = tar_of(&[("own", b"of mallory")]);
    let stolen = domain::image::reference::Digest::of(&secret).to_string();
    content.add_compressed("v1", &[(super::fixture::GZIP_LAYER, super::fixture::gzip(&own), stolen)]);
    let thief = open_registry(content).await;
    let failure = room.pull(&format!("{}/mallory/space:v1", thief.host), None).await.expect_err("not its content");
    assert!(reason(&failure).contains("diff id"), "{failure}");
}

#[tokio::test]
async fn another_repository_of_the_registry_is_asked_again_but_not_downloaded_again() {
    let content = image();
    let server = open_registry(content).await;
    let room = room();
    room.pull(&format!("{}/alice/space:v1", server.host), None).await.expect("pulled");
    let downloads = server
        .received()
        .iter()
        .filter(|received| received.method == "GET" && received.path.contains("/blobs/"))
        .count();
    room.pull(&format!("{}/bob/space:v1", server.host), None).await.expect("pulled");
    assert_eq!(server.count("HEAD", "/v2/bob/space/blobs/"), 1, "may this repository's puller have the layer?");
    // Only the configuration came again.
    let again = server
        .received()
        .iter()
        .filter(|received| received.method == "GET" && received.path.contains("/blobs/"))
        .count();
    assert_eq!(again, downloads + 1);
}

#[tokio::test]
async fn a_moved_tag_is_seen_at_once() {
    let content = Arc::new(Mutex::new(image()));
    let server = changing_registry(content.clone()).await;
    let room = room();
    let reference = format!("{}/alice/space:v1", server.host);
    let before = room.pull(&reference, None).await.expect("pulled");
    content.lock().expect("no panic").add_image("v1", &[tar_of(&[("hello", b"moved")])]);
    let after = room.pull(&reference, None).await.expect("pulled");
    assert_ne!(before.digest, after.digest);
    assert_eq!(super::fixture::file_in(&after, 0, "hello"), b"moved");
}

#[tokio::test]
async fn mirrors_see_credentials_only_if_the_operator_says_so() {
    let content = image();
    let registry = basic_registry(content.clone()).await;
    let mirror = open_registry(content).await;
    let directory = tempfile::tempdir().expect("temporary");
    let file = directory.path().join("registries.toml");
    let write = |trusted: bool| {
        let text = format!(
            "[registry.\"example.test\"]\nrename = \"{}\"\n[[registry.\"example.test\".mirror]]\nhost = \"{}\"\ncredentials = {trusted}\n",
            registry.host, mirror.host
        );
        std::fs::write(&file, text).expect("written");
        Registries::load(&file).expect("valid")
    };
    let room_untrusted = room_with(write(false));
    room_untrusted.pull("example.test/alice/space:v1", credentials(PASSWORD)).await.expect("pulled");
    assert_eq!(mirror.count("HEAD", "/v2/alice/space/manifests/v1"), 0, "the registry itself authorises");
    assert!(registry.count("HEAD", "/v2/alice/space/manifests/v1") > 0);
    assert!(mirror.count("GET", "/v2/alice/space/blobs/") > 0, "the mirror serves content");
    let failure = room_untrusted
        .pull("example.test/alice/space:v1", credentials("wr0ng"))
        .await
        .expect_err("refused by the registry");
    assert!(reason(&failure).contains("401"), "{failure}");
    assert!(mirror.received().iter().all(|received| received.header("authorization").is_none()));

    let room_trusted = room_with(write(true));
    room_trusted.pull("example.test/alice/space:v1", credentials(PASSWORD)).await.expect("pulled");
    assert!(mirror.count("HEAD", "/v2/alice/space/manifests/v1") > 0);
}
