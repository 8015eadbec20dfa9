//! A look at an image asks what a pull asks, once, and leaves layers alone.

use domain::compute::{ImageFacts, ImageInspection as _, RegistryCredentials};
use domain::failure::{Failure, LinkKind, Outcome};

use super::fixture::{Content, INDEX, PASSWORD, basic_registry, credentials, noise, open_registry, tar_of};
use super::server::{Reply, Server};
use crate::images::{Inspector, Registries};

async fn look(
    host: &str,
    tag: &str,
    credentials: Option<RegistryCredentials>,
    architecture: &str,
) -> Result<ImageFacts, Failure> {
    Inspector::new(Registries::default()).inspect(&format!("{host}/alice/space:{tag}"), credentials, architecture).await
}

fn image() -> Content {
    Content::image("v1", &[tar_of(&[("hello", b"world")]), tar_of(&[("noise", &noise(4096, 7))])])
}

#[tokio::test]
async fn facts_come_from_manifest_and_configuration() {
    let server = basic_registry(image()).await;
    let facts = look(&server.host, "v1", credentials(PASSWORD), "amd64").await.expect("it is there");
    assert_eq!((facts.layers, facts.platform.as_str(), facts.user.as_deref()), (2, "linux/amd64", Some("alice")));
    assert!(facts.size_bytes > 4096, "{facts:?}");
    assert!(facts.digest.starts_with("sha256:"));
    assert_eq!(server.count("GET", "/v2/alice/space/blobs/"), 1, "the configuration, and no layer");
    assert_eq!((facts.layers_seen, server.count("HEAD", "/v2/alice/space/blobs/")), (2, 2));
    let refused = look(&server.host, "v1", credentials("wr0ng-password"), "amd64").await.expect_err("a wrong password");
    assert_eq!((refused.chain[0].kind, refused.chain[0].outcome), (LinkKind::Registry, Outcome::Broken));
    assert!(!format!("{refused:?}").contains("wr0ng"));
}

#[tokio::test]
async fn the_platform_must_fit() {
    let mut content = image();
    let manifest = content.manifests["v1"].1.len();
    let digest = domain::image::reference::Digest::of(&content.manifests["v1"].1);
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json",
        "digest":"{digest}","size":{manifest},"platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#
    );
    content.add_manifest("index", INDEX, index.as_bytes());
    let server = open_registry(content).await;
    for tag in ["index", "v1"] {
        let failure = look(&server.host, tag, None, "arm64").await.expect_err("it is for another processor");
        let broken: Vec<_> = failure.chain.iter().filter(|link| link.outcome == Outcome::Broken).collect();
        assert_eq!(broken.len(), 1, "{failure:?}");
        assert_eq!((broken[0].kind, broken[0].subject.as_str()), (LinkKind::Platform, "linux/arm64"));
        assert!(broken[0].detail.contains("linux/amd64"), "{failure:?}");
        look(&server.host, tag, None, "amd64").await.expect("it fits");
    }
}

#[tokio::test]
async fn a_registry_in_trouble_is_asked_once() {
    let server = Server::start(|_| Reply::new(503)).await;
    let failure = look(&server.host, "v1", None, "amd64").await.expect_err("it is in trouble");
    assert_eq!(failure.chain[0].outcome, Outcome::Broken);
    assert!(server.received().len() <= 2, "{:?}", server.received().len());
}

#[tokio::test]
async fn what_the_manifest_names_must_be_there() {
    let whole = image();
    for digest in whole.blobs.keys() {
        let mut content = whole.clone();
        content.blobs.remove(digest);
        let server = basic_registry(content).await;
        let failure = look(&server.host, "v1", credentials(PASSWORD), "amd64").await.expect_err("a part is missing");
        let broken: Vec<_> = failure.chain.iter().filter(|link| link.outcome == Outcome::Broken).collect();
        assert_eq!((broken.len(), broken[0].kind), (1, LinkKind::Image), "{failure:?}");
        assert!(broken[0].detail.contains(digest.as_str()), "{failure:?}");
        assert!(broken[0].mend.contains("push the image again"), "{failure:?}");
    }
}

#[tokio::test]
async fn a_registry_without_head_is_believed() {
    let content = image();
    let server = Server::start(
        move |received| {
            if received.method == "HEAD" { Reply::new(405) } else { content.answer(received) }
        },
    );
    let facts = look(&server.await.host, "v1", None, "amd64").await.expect("it is there");
    assert_eq!((facts.layers, facts.layers_seen), (2, 0));
}

#[tokio::test]
async fn many_layers_are_asked_for_a_few_at_a_time() {
    let layers: Vec<_> = (0..40).map(|number| tar_of(&[("number", &[number])])).collect();
    let server = open_registry(Content::image("v1", &layers)).await;
    let facts = look(&server.host, "v1", None, "amd64").await.expect("it is there");
    assert_eq!((facts.layers, facts.layers_seen), (40, 40));
    assert_eq!(server.count("HEAD", "/v2/alice/space/blobs/"), 40);
}
