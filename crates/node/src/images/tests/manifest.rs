//! Indexes, platforms, and documents that are not what they seem.

use domain::failure::Failure;
use proptest::prelude::*;
use serde_json::json;

use super::fixture::{Content, INDEX, MANIFEST, open_registry, room, tar_of};
use crate::images::PullProgress;
use crate::images::client::Document;
use crate::images::manifest::{Configuration, Manifest, choose};
use domain::image::reference::Digest;

async fn pull(content: Content, architecture: &str) -> Result<crate::images::Image, Failure> {
    let server = open_registry(content).await;
    let room = room();
    let reference = format!("{}/alice/space:v1", server.host);
    room.images.pull(&reference, None, architecture, std::sync::Arc::new(PullProgress::default())).await
}

fn entry(digest: &str, platform: &serde_json::Value) -> serde_json::Value {
    json!({"mediaType": MANIFEST, "digest": digest, "size": 7, "platform": platform})
}

fn add_index(content: &mut Content, tag: &str, entries: &[serde_json::Value]) -> String {
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string();
    content.add_manifest(tag, INDEX, index.as_bytes())
}

#[tokio::test]
async fn the_platform_is_chosen_and_attestations_are_passed_over() {
    let mut content = Content::default();
    let amd64 = content.add_image("a", &[tar_of(&[("amd64", b"")])]);
    let arm64 = content.add_image("b", &[tar_of(&[("arm64", b"")])]);
    let other = content.add_image("c", &[tar_of(&[("other", b"")])]);
    let mut attestation = entry(&other, &json!({"os": "unknown", "architecture": "unknown"}));
    attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let index = add_index(
        &mut content,
        "v1",
        &[
            attestation,
            entry(&other, &json!({"os": "windows", "architecture": "amd64"})),
            entry(&other, &json!({"os": "linux", "architecture": "amd64", "variant": "v3"})),
            entry(&other, &json!({"os": "linux", "architecture": "arm", "variant": "v7"})),
            entry(&amd64, &json!({"os": "linux", "architecture": "amd64"})),
            entry(&arm64, &json!({"os": "linux", "architecture": "arm64", "variant": "v8"})),
        ],
    );
    for (architecture, manifest) in [("amd64", &amd64), ("linux/arm64", &arm64)] {
        let image = pull(content.clone(), architecture).await.expect("it is there");
        assert_eq!((&image.manifest_digest, &image.digest), (manifest, &index));
    }
    let failure = pull(content, "riscv64").await.expect_err("it is not there");
    assert_eq!(
        failure.to_string(),
        "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor \
         matching platform 'linux/riscv64'"
    );
    assert!(
        failure.chain[2].detail.contains("windows/amd64, linux/amd64/v3, linux/arm/v7, linux/amd64, linux/arm64/v8")
    );
}

#[tokio::test]
async fn indexes_are_followed_to_a_depth() {
    for (depth, fine) in [(3, true), (6, false)] {
        let mut content = Content::default();
        let mut next = content.add_image("image", &[tar_of(&[("x", b"")])]);
        for level in 0..depth {
            let tag = if level + 1 == depth { String::from("v1") } else { format!("level{level}") };
            let mut nested = entry(&next, &json!({"os": "linux", "architecture": "amd64"}));
            nested["mediaType"] = json!(if level == 0 { MANIFEST } else { INDEX });
            next = add_index(&mut content, &tag, &[nested]);
        }
        let result = pull(content, "amd64").await;
        assert_eq!(result.is_ok(), fine, "{depth}");
        if let Err(failure) = result {
            assert!(failure.to_string().contains("nested more than"), "{failure}");
        }
    }
}

#[tokio::test]
async fn what_is_no_image_is_named() {
    let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": Digest::of(b"x").to_string(), "size": 1});
    let schema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    let layer = |kind: &str, urls: &[&str]| json!({"mediaType": kind, "digest": Digest::of(b"y").to_string(), "size": 1, "urls": urls});
    let image = |layers: serde_json::Value| json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
    let many: Vec<_> = (0..200).map(|_| layer(super::fixture::GZIP_LAYER, &[])).collect();
    let table = [
        (schema1, json!({"schemaVersion": 1}), "manifest schema 1"),
        (MANIFEST, json!({"schemaVersion": 3}), "schema version 3"),
        (MANIFEST, json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}), "but was sent as"),
        (
            MANIFEST,
            json!({"schemaVersion": 2, "manifests": [], "config": config, "layers": []}),
            "fields do not fit its type",
        ),
        (INDEX, json!({"schemaVersion": 2, "config": config, "layers": []}), "fields do not fit its type"),
        ("application/json", json!({"schemaVersion": 2}), "fields do not fit its type"),
        (MANIFEST, json!("a text"), "is no manifest"),
        (
            MANIFEST,
            image(json!([layer("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", &["https://x/y"])])),
            "not in the registry",
        ),
        (
            MANIFEST,
            image(json!([layer(super::fixture::GZIP_LAYER, &["http://169.254.169.254/"])])),
            "not in the registry",
        ),
        (MANIFEST, image(json!(many)), "200 layers"),
        (
            MANIFEST,
            json!({"schemaVersion": 2, "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": Digest::of(b"x").to_string(), "size": 1}, "layers": []}),
            "no container image",
        ),
        (
            MANIFEST,
            image(
                json!([{"mediaType": super::fixture::GZIP_LAYER, "digest": Digest::of(b"y").to_string(), "size": u64::MAX}]),
            ),
            "larger than",
        ),
        (MANIFEST, image(json!([{"mediaType": super::fixture::GZIP_LAYER, "digest": "md5:abc", "size": 1}])), "digest"),
    ];
    for (kind, document, words) in table {
        let mut content = Content::default();
        content.add_manifest("v1", kind, document.to_string().as_bytes());
        let failure = pull(content, "amd64").await.expect_err(words);
        assert!(failure.to_string().contains(words), "{words}: {failure}");
        assert!(
            failure.to_string().starts_with("CannotPullContainerError: pull image manifest has been retried"),
            "{failure}"
        );
    }
}

#[tokio::test]
async fn a_registry_without_head_or_digest_header_will_do() {
    let content = Content::image("v1", &[tar_of(&[("x", b"")])]);
    let server = super::server::Server::start(move |received| {
        if received.method == "HEAD" {
            return super::server::Reply::new(405);
        }
        let mut reply = content.answer(received);
        reply.headers.retain(|(name, _)| name != "docker-content-digest");
        reply
    })
    .await;
    room().pull(&format!("{}/alice/space:v1", server.host), None).await.expect("GET alone");
}

#[test]
fn a_configuration_must_fit_its_layers() {
    let read = |text: &str, layers| Configuration::read(text.as_bytes(), layers, "r.io");
    let diff_id = Digest::of(b"");
    let one = format!(r#"{{"os":"linux","architecture":"amd64","rootfs":{{"diff_ids":["{diff_id}"]}},"config":null}}"#);
    assert_eq!(read(&one, 1).expect("fits").diff_ids, [diff_id]);
    assert!(read(&one, 2).expect_err("two layers").to_string().contains("2 layers"));
    assert!(read("{}", 0).is_err());
    assert!(read(r#"{"os":"windows","rootfs":{"diff_ids":[]}}"#, 0).is_err());
}

proptest! {
    #[test]
    fn no_document_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in "[a-z/.+]{0,20}") {
        let document = Document { digest: Digest::of(&bytes), media_type: kind, bytes };
        let _ = Manifest::read(&document, "r.io");
        let _ = Configuration::read(&document.bytes, 1, "r.io");
    }

    #[test]
    fn nor_does_one_that_is_nearly_right(
        version in 0_u64..4,
        architecture in "(amd64|arm64|unknown)",
        variant in "(v1|v8|)",
        digest in "(sha256:[0-9a-f]{64}|sha512:00|)",
        size in prop_oneof![Just(json!(5)), Just(json!(-1)), Just(json!("x")), Just(json!(u64::MAX))],
    ) {
        let entry = json!({"mediaType": MANIFEST, "digest": digest, "size": size, "platform": {"os": "linux", "architecture": architecture, "variant": variant}});
        let bytes = json!({"schemaVersion": version, "manifests": [entry, entry]}).to_string().into_bytes();
        let document = Document { digest: Digest::of(&bytes), media_type: INDEX.to_owned(), bytes };
        if let Ok(Manifest::Index(entries)) = Manifest::read(&document, "r.io") {
            let _ = choose(&entries, "amd64");
        }
    }
}
