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
    let refused = look(&server.host, "v1", credentials("wr0ng-password"), "amd64").await.expect_err("a wrong password");
    assert_eq!((refused.chain[0].kind, refused.chain[0].outcome), (LinkKind::Registry, Outcome::Broken));
    assert!(!format!("{refused:?}").contains("wr0ng"));
}

#[tokio::test]
async fn the_platform_must_fit() {
    let mut content = image();
    let manifest = content.manifests["v1"].1.len();
    let digest = super::super::reference::Digest::of(&content.manifests["v1"].1);
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
